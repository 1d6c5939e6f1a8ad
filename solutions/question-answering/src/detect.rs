//! Which language a text is in.

use whatlang::Lang;

/// Shorter texts are guesses.
const LEAST_CHARS: usize = 20;
/// How sure it has to be. whatlang's own bar, 0.9, leaves out most questions, which are a line long.
const LEAST_CONFIDENCE: f64 = 0.3;

/// The language of a text as an ISO 639-1 code (639-3 for one that has none), where it is clear.
pub fn detect(text: &str) -> Option<&'static str> {
    if text.chars().count() < LEAST_CHARS {
        return None;
    }
    // The beginning is enough, and a passage may be long.
    let end = text.char_indices().nth(1000).map_or(text.len(), |(at, _)| at);
    let info = whatlang::detect(&text[..end]).filter(|info| info.confidence() >= LEAST_CONFIDENCE)?;
    Some(code(info.lang()))
}

/// ISO 639-1 codes of the languages that are detected.
fn code(language: Lang) -> &'static str {
    match language {
        Lang::Afr => "af",
        Lang::Aka => "ak",
        Lang::Amh => "am",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jav => "jv",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kat => "ka",
        Lang::Khm => "km",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Mkd => "mk",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "nb",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Sna => "sn",
        Lang::Spa => "es",
        Lang::Srp => "sr",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tuk => "tk",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Yid => "yi",
        Lang::Zul => "zu",
        other => other.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_languages_have_codes_and_short_texts_none() {
        let of = |text| detect(text);
        assert_eq!(of("How do I install a package on Debian without a network?"), Some("en"));
        assert_eq!(of("Wie kann ich unter Debian ein Paket ohne Netzwerk installieren?"), Some("de"));
        assert_eq!(of("Как установить пакет в Debian без подключения к сети?"), Some("ru"));
        assert_eq!(of("如何在没有网络的情况下在 Debian 上安装软件包呢？请告诉我该怎么做。"), Some("zh"));
        assert_eq!(of("Hello"), None);
        assert_eq!(of("?!... 123 456 789 000 111"), None);
    }
}
