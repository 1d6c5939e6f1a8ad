//! What sources call languages becomes one code for each, so that a filter by language finds all of a language.

/// ISO 639-1: codes and English names, and at the end what else some are called.
#[rustfmt::skip]
const LANGUAGES: &[(&str, &str)] = &[
    ("aa", "afar"), ("ab", "abkhazian"), ("ae", "avestan"), ("af", "afrikaans"), ("ak", "akan"), ("am", "amharic"),
    ("an", "aragonese"), ("ar", "arabic"), ("as", "assamese"), ("av", "avaric"), ("ay", "aymara"),
    ("az", "azerbaijani"), ("ba", "bashkir"), ("be", "belarusian"), ("bg", "bulgarian"), ("bi", "bislama"),
    ("bm", "bambara"), ("bn", "bengali"), ("bo", "tibetan"), ("br", "breton"), ("bs", "bosnian"), ("ca", "catalan"),
    ("ce", "chechen"), ("ch", "chamorro"), ("co", "corsican"), ("cr", "cree"), ("cs", "czech"),
    ("cu", "church slavic"), ("cv", "chuvash"), ("cy", "welsh"), ("da", "danish"), ("de", "german"), ("dv", "divehi"),
    ("dz", "dzongkha"), ("ee", "ewe"), ("el", "greek"), ("en", "english"), ("eo", "esperanto"), ("es", "spanish"),
    ("et", "estonian"), ("eu", "basque"), ("fa", "persian"), ("ff", "fulah"), ("fi", "finnish"), ("fj", "fijian"),
    ("fo", "faroese"), ("fr", "french"), ("fy", "western frisian"), ("ga", "irish"), ("gd", "gaelic"),
    ("gl", "galician"), ("gn", "guarani"), ("gu", "gujarati"), ("gv", "manx"), ("ha", "hausa"), ("he", "hebrew"),
    ("hi", "hindi"), ("ho", "hiri motu"), ("hr", "croatian"), ("ht", "haitian"), ("hu", "hungarian"),
    ("hy", "armenian"), ("hz", "herero"), ("ia", "interlingua"), ("id", "indonesian"), ("ie", "interlingue"),
    ("ig", "igbo"), ("ii", "sichuan yi"), ("ik", "inupiaq"), ("io", "ido"), ("is", "icelandic"), ("it", "italian"),
    ("iu", "inuktitut"), ("ja", "japanese"), ("jv", "javanese"), ("ka", "georgian"), ("kg", "kongo"),
    ("ki", "kikuyu"), ("kj", "kuanyama"), ("kk", "kazakh"), ("kl", "kalaallisut"), ("km", "khmer"), ("kn", "kannada"),
    ("ko", "korean"), ("kr", "kanuri"), ("ks", "kashmiri"), ("ku", "kurdish"), ("kv", "komi"), ("kw", "cornish"),
    ("ky", "kyrgyz"), ("la", "latin"), ("lb", "luxembourgish"), ("lg", "ganda"), ("li", "limburgish"),
    ("ln", "lingala"), ("lo", "lao"), ("lt", "lithuanian"), ("lu", "luba-katanga"), ("lv", "latvian"),
    ("mg", "malagasy"), ("mh", "marshallese"), ("mi", "maori"), ("mk", "macedonian"), ("ml", "malayalam"),
    ("mn", "mongolian"), ("mr", "marathi"), ("ms", "malay"), ("mt", "maltese"), ("my", "burmese"), ("na", "nauru"),
    ("nb", "norwegian bokmål"), ("nd", "north ndebele"), ("ne", "nepali"), ("ng", "ndonga"), ("nl", "dutch"),
    ("nn", "norwegian nynorsk"), ("no", "norwegian"), ("nr", "south ndebele"), ("nv", "navajo"), ("ny", "chichewa"),
    ("oc", "occitan"), ("oj", "ojibwa"), ("om", "oromo"), ("or", "oriya"), ("os", "ossetian"), ("pa", "punjabi"),
    ("pi", "pali"), ("pl", "polish"), ("ps", "pashto"), ("pt", "portuguese"), ("qu", "quechua"), ("rm", "romansh"),
    ("rn", "rundi"), ("ro", "romanian"), ("ru", "russian"), ("rw", "kinyarwanda"), ("sa", "sanskrit"),
    ("sc", "sardinian"), ("sd", "sindhi"), ("se", "northern sami"), ("sg", "sango"), ("si", "sinhala"),
    ("sk", "slovak"), ("sl", "slovenian"), ("sm", "samoan"), ("sn", "shona"), ("so", "somali"), ("sq", "albanian"),
    ("sr", "serbian"), ("ss", "swati"), ("st", "southern sotho"), ("su", "sundanese"), ("sv", "swedish"),
    ("sw", "swahili"), ("ta", "tamil"), ("te", "telugu"), ("tg", "tajik"), ("th", "thai"), ("ti", "tigrinya"),
    ("tk", "turkmen"), ("tl", "tagalog"), ("tn", "tswana"), ("to", "tonga"), ("tr", "turkish"), ("ts", "tsonga"),
    ("tt", "tatar"), ("tw", "twi"), ("ty", "tahitian"), ("ug", "uighur"), ("uk", "ukrainian"), ("ur", "urdu"),
    ("uz", "uzbek"), ("ve", "venda"), ("vi", "vietnamese"), ("vo", "volapük"), ("wa", "walloon"), ("wo", "wolof"),
    ("xh", "xhosa"), ("yi", "yiddish"), ("yo", "yoruba"), ("za", "zhuang"), ("zh", "chinese"), ("zu", "zulu"),
    ("zh", "traditionalchinese"), ("zh", "simplifiedchinese"), ("zh", "mandarin"), ("or", "odia"), ("fa", "farsi"),
    ("es", "castilian"),
];

/// The code of a language that is called by its code, with a region or not, or by its English name: `en`, `pt_BR`,
/// `German`. `None` for what has no code in ISO 639-1.
pub(crate) fn code(language: &str) -> Option<&'static str> {
    let language = language.trim().to_lowercase();
    let of = |name: &str| LANGUAGES.iter().find(|(code, known)| *code == name || *known == name).map(|(code, _)| *code);
    of(&language).or_else(|| of(language.split(['-', '_']).next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_one_code() {
        for (language, expected) in
            [("en", "en"), ("German", "de"), ("pt_BR", "pt"), (" ZH-Hant-TW", "zh"), ("traditionalchinese", "zh")]
        {
            assert_eq!(code(language), Some(expected), "{language}");
        }
        for unknown in ["", "hinglish", "data", "x-klingon", "eng"] {
            assert_eq!(code(unknown), None, "{unknown}");
        }
    }
}
