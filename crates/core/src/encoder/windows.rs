//! Long texts in parts: a model takes some hundred tokens, and what comes after them would not be found.

use std::ops::Range;

use tokenizers::Encoding;

use super::cutter::{Cutter, Tokens, check};
use crate::{Error, Result};

/// A part of a text: its place in bytes, and its tokens.
pub type Window = (Range<usize>, Tokens);

impl Cutter {
    /// As [`TextEncoder::windows`](super::TextEncoder::windows) says.
    pub(super) fn windows(&self, prefix: &str, text: &str, overlap: usize) -> Result<Vec<Window>> {
        check("text", text)?;
        let taken = self.special(false) + if prefix.is_empty() { 0 } else { self.encode(prefix)?.len() };
        let room = self.max_tokens().saturating_sub(taken);
        if room == 0 || overlap > room / 2 {
            let message = format!("windows of {room} tokens cannot overlap by {overlap}");
            return Err(Error::invalid(message).with_hint(format!("choose an overlap of up to {}", room / 2)));
        }
        let encoding = self.encode_with_places(text)?;
        if encoding.len() <= room + taken {
            let whole = self.cut(prefix, text)?;
            if !whole.truncated() {
                return Ok(vec![(0..text.len(), whole)]);
            }
        }
        let places = Places::new(text, &encoding);
        let mut windows: Vec<Window> = Vec::new();
        let (mut start, mut reached) = (0, 0);
        while start < places.count() {
            let (end, window) = self.window(prefix, text, &places, start..reached, room)?;
            // What is left may be white space only, or nothing that was not in the previous window.
            let last = windows.last().map_or(0, |(last, _)| last.end);
            windows.extend(window.filter(|(range, _)| range.end > last));
            if end == places.count() {
                break;
            }
            start = if overlap == 0 { end } else { places.near(end.saturating_sub(overlap), start, room / 8).min(end) };
            reached = end;
        }
        Ok(windows)
    }

    /// The window that begins at the token `from.start` and ends after the token `from.end`, which the previous one
    /// reached: where it ends in tokens, its place and its own tokens, or `None` if it is white space. A part of a text
    /// may have more tokens than it has within the whole; then the window ends earlier.
    fn window(
        &self,
        prefix: &str,
        text: &str,
        places: &Places,
        from: Range<usize>,
        room: usize,
    ) -> Result<(usize, Option<Window>)> {
        let mut wanted = from.start + room;
        loop {
            let lowest = from.start.max(from.end);
            let end = places.near(wanted, lowest, room / 4);
            let range = trimmed(text, places.byte(from.start)..places.byte(end));
            if range.is_empty() {
                return Ok((end, None));
            }
            let encoding = self.encode(&format!("{prefix}{}", &text[range.clone()]))?;
            let excess = (encoding.len() + self.special(false)).saturating_sub(self.max_tokens());
            wanted = end.saturating_sub(excess);
            if excess == 0 || places.near(wanted, lowest, room / 4) >= end {
                return Ok((end, Some((range, self.fitted(encoding)?))));
            }
        }
    }
}

/// Where a text may be divided.
struct Places {
    /// By token: where it begins, and whether the text may be divided there. The text's end is last.
    starts: Vec<(usize, Division)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Division {
    /// The token shares a character with one before it.
    No,
    Token,
    Word,
}

impl Places {
    fn new(text: &str, encoding: &Encoding) -> Self {
        let mut starts = Vec::with_capacity(encoding.len() + 1);
        let (mut reached, mut last_word) = (0, None);
        for ((start, end), word) in encoding.get_offsets().iter().zip(encoding.get_word_ids()) {
            let is_apart = *start >= reached && text.is_char_boundary(*start);
            let division = match (is_apart, *word != last_word) {
                (false, _) => Division::No,
                (true, false) => Division::Token,
                (true, true) => Division::Word,
            };
            starts.push((*start, division));
            (reached, last_word) = (reached.max(*end), *word);
        }
        // Whatever comes before the first token belongs to it.
        if let Some(first) = starts.first_mut() {
            *first = (0, Division::Word);
        }
        starts.push((text.len(), Division::Word));
        Self { starts }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn byte(&self, token: usize) -> usize {
        self.starts.get(token).or(self.starts.last()).map_or(0, |(byte, _)| *byte)
    }

    /// A token after `lowest` where the text may be divided: the last up to `wanted` that begins a word, if it is one of the
    /// `reach` before that; else the last one that may; else the first after it.
    fn near(&self, wanted: usize, lowest: usize, reach: usize) -> usize {
        let wanted = wanted.min(self.count());
        let last = |from: usize, is: &dyn Fn(Division) -> bool| {
            (from..=wanted).rev().find(|at| self.starts.get(*at).is_some_and(|(_, division)| is(*division)))
        };
        last(wanted.saturating_sub(reach).max(lowest + 1), &|division| division == Division::Word)
            .or_else(|| last(lowest + 1, &|division| division != Division::No))
            .or_else(|| (wanted.max(lowest) + 1..self.count()).find(|at| self.starts[*at].1 != Division::No))
            .unwrap_or(self.count())
    }
}

/// A part of a text without white space at its ends.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return range.start..range.start };
    let start = range.start + (part.len() - part.trim_start().len());
    start..(range.start + part.trim_end().len()).max(start)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use tokenizers::Tokenizer;
    use tokenizers::models::bpe::BPE;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::super::pieces;
    use super::*;

    /// A token for each byte: no word ends at a token's end alone, and many tokens begin within a character.
    fn of_bytes(max_tokens: usize) -> Cutter {
        let mut letters: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        letters.sort_unstable();
        let vocabulary: Vec<(String, u32)> = letters.into_iter().map(String::from).zip(0..).collect();
        let model = BPE::builder().vocab_and_merges::<[_; 256]>(vocabulary.try_into().unwrap(), Vec::new());
        let mut tokenizer = Tokenizer::new(model.build().unwrap());
        tokenizer.with_pre_tokenizer(Some(ByteLevel::default().add_prefix_space(false)));
        Cutter::new(tokenizer, max_tokens)
    }

    /// Words as pieces, as E5's tokenizer has them.
    fn of_pieces(max_tokens: usize) -> Cutter {
        let words = ["▁", "▁the", "▁of", "▁word", "s", "e", "a", "▁a", "ß", "東", "京", "東京", ".", "passage", ":"];
        Cutter::new(pieces::tests::tokenizer(&words), max_tokens)
    }

    fn windows(cutter: &Cutter, text: &str, overlap: usize) -> Vec<Window> {
        cutter.windows("passage: ", text, overlap).unwrap()
    }

    #[test]
    fn a_text_that_fits_is_one_window() {
        let cutter = of_pieces(40);
        let text = " the words ";
        assert_eq!(windows(&cutter, text, 5), [(0..text.len(), cutter.cut("passage: ", text).unwrap())]);
    }

    #[test]
    fn windows_begin_and_end_at_words_and_overlap() {
        let cutter = of_pieces(20);
        let text = "the words of a word. ".repeat(30);
        let found = windows(&cutter, &text, 4);
        assert!(found.len() > 10);
        for (range, tokens) in &found {
            assert!(tokens.len() <= 20 && tokens.len() > 12 || range.end == text.trim_end().len());
            assert!(text[..range.start].is_empty() || text[..range.start].ends_with(' '), "{range:?}");
            assert!(text[range.end..].is_empty() || text[range.end..].starts_with(' '), "{range:?}");
            assert_eq!(tokens, &cutter.cut("passage: ", &text[range.clone()]).unwrap());
        }
        for pair in found.windows(2) {
            let shared = cutter.encode(&text[pair[1].0.start..pair[0].0.end]).unwrap().len();
            assert!((4..=6).contains(&shared), "{shared}");
        }
    }

    #[test]
    fn overlaps_that_leave_too_little_are_refused() {
        let cutter = of_pieces(20);
        let error = cutter.windows("", "short", 10).unwrap_err();
        assert_eq!(error.to_string(), "windows of 18 tokens cannot overlap by 10");
        assert_eq!(error.hint(), Some("choose an overlap of up to 9"));
        assert_eq!(cutter.windows("", "  ", 1).unwrap_err().to_string(), "the text is empty");
    }

    /// Ten times the text takes ten times the time; the rest is for machines that are busy.
    #[test]
    fn the_time_grows_as_the_text_does() {
        let cutter = of_pieces(100);
        let seconds = |repeats: usize| {
            let text = "the words of a word. 東京ß ".repeat(repeats);
            let quickest = (0..3).map(|_| {
                let begun = Instant::now();
                windows(&cutter, &text, 20);
                begun.elapsed()
            });
            quickest.min().unwrap()
        };
        let (short, long) = (seconds(200), seconds(2000));
        assert!(long < short * 40 + Duration::from_millis(20), "{short:?} {long:?}");
    }

    fn check_windows(cutter: &Cutter, text: &str, overlap: usize) {
        let found = cutter.windows("", text, overlap).unwrap();
        let mut reached = 0;
        let mut last_start = None;
        for (range, tokens) in &found {
            assert!(last_start.is_none_or(|last| range.start > last) && range.end > reached, "{range:?} of {text:?}");
            assert!(text[reached.min(range.start)..range.start].trim().is_empty(), "{reached} {range:?} of {text:?}");
            assert!(!tokens.truncated() && tokens.len() <= cutter.max_tokens(), "{range:?} of {text:?}");
            (reached, last_start) = (range.end, Some(range.start));
        }
        assert!(text[reached..].trim().is_empty(), "{reached} of {text:?}");
    }

    proptest! {
        // Each makes its tokenizers anew.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn windows_cover_the_text_in_order(
            text in "(the|of|word|s|e|ß|東|京|🦀|[ \n\t]{1,3}|\\.|\u{301}|\u{200b}|ﬃ|.){1,120}",
            max in 16_usize..40,
            overlap in 0_usize..6,
        ) {
            prop_assume!(!text.trim().is_empty());
            check_windows(&of_pieces(max), &text, overlap);
            check_windows(&of_bytes(max), &text, overlap);
        }
    }
}
