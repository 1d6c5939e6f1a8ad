//! How sources are read, by the options of an import.

use bootcamp_kit::Options;
use bootcamp_kit::source::Notes;

/// Characters of a passage, if nothing else is said: a few paragraphs, which most models read whole.
pub const PASSAGE_CHARS: usize = 1000;
/// What `passage-chars` may be. With the most, passages are within [`crate::entry::MAX_TEXT`] in any script.
pub const PASSAGE_RANGE: std::ops::RangeInclusive<usize> = 100..=15_000;

/// How files are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The column with questions; found by its name, if left out.
    pub question: Option<String>,
    /// The column with answers or passages; found by its name, if left out.
    pub answer: Option<String>,
    /// The most characters of a passage. A table or a listing that is longer stays whole.
    pub passage_chars: usize,
    /// A name of the encoding that texts are in, as on the web: `shift_jis`. Found by what is in them, if left out.
    pub encoding: Option<String>,
    /// Only the names count, not what is in them.
    pub names_only: bool,
    pub notes: Notes,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            question: None,
            answer: None,
            passage_chars: PASSAGE_CHARS,
            encoding: None,
            names_only: false,
            notes: Notes::default(),
        }
    }
}

impl Reading {
    /// The program's import options: `question-column`, `answer-column`, `passage-chars` and `encoding`.
    pub fn of(options: &Options) -> Self {
        let text = |name| options.get(name).map(str::to_owned);
        let chars = options.get("passage-chars").and_then(|chars| chars.parse().ok()).unwrap_or(PASSAGE_CHARS);
        Self {
            question: text("question-column"),
            answer: text("answer-column"),
            passage_chars: chars.clamp(*PASSAGE_RANGE.start(), *PASSAGE_RANGE.end()),
            encoding: text("encoding"),
            ..Self::default()
        }
    }
}
