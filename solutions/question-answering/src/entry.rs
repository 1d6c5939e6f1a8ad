//! What can be found: a question with its answer, or a passage of a document.

use bootcamp_core::{Error, MAX_JSON, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The largest question or answer in bytes: what a field of Milvus holds.
pub const MAX_TEXT: usize = 60_000;

/// The longest title or heading in characters.
pub const MAX_TITLE: usize = 300;

/// A question with its answer, or a passage of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// `None` for a passage.
    pub question: Option<String>,
    /// The answer, or the passage itself. At most [`MAX_TEXT`] bytes.
    pub answer: String,
    /// The title of the document, at most [`MAX_TITLE`] characters.
    pub title: Option<String>,
    /// The headings above a passage, from the outermost to the nearest.
    pub headings: Vec<String>,
    /// The page of a passage, from 1, where the document has pages.
    pub page: Option<u32>,
    /// Categories that the source names.
    pub tags: Vec<String>,
    /// An ISO 639-1 code, where the source names the language.
    pub language: Option<String>,
    /// Other columns of a table.
    pub extra: Map<String, Value>,
}

impl Entry {
    /// Whether a store takes it.
    ///
    /// # Errors
    /// `InvalidInput` that says what is missing or too large: there it would end the import.
    pub fn check(&self) -> Result<()> {
        let question = self.question.as_deref().map(|question| ("question", question));
        for (what, text) in question.into_iter().chain([("answer", self.answer.as_str())]) {
            if text.is_empty() {
                return Err(Error::invalid(format!("the {what} is empty")));
            }
            if text.len() > MAX_TEXT {
                return Err(Error::invalid(format!("the {what} is {} bytes; the limit is {MAX_TEXT}", text.len()))
                    .with_hint("import a long text as a document: it is cut into passages"));
            }
        }
        // An answer may be a smile; but nothing is found by one.
        let (what, sought) = self.question.as_deref().map_or(("text", self.answer.as_str()), |text| ("question", text));
        if !has_words(sought) {
            return Err(Error::invalid(format!("the {what} has no letter or digit")));
        }
        let lists = [("tags", json_len(&self.tags)), ("headings", json_len(&self.headings))];
        for (what, len) in lists.into_iter().chain([("other columns", json_len(&self.extra))]) {
            if len > MAX_JSON {
                return Err(Error::invalid(format!("its {what} are larger than {MAX_JSON} bytes")));
            }
        }
        Ok(())
    }
}

/// Whether there is anything in a text that can be searched for.
pub(crate) fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// A text as it is kept: `\n` ends its lines, other control characters are blanks, and no blank lines are around it.
/// What its first line is indented by stays: lists and listings mean something by it.
pub(crate) fn tidy(text: &str) -> String {
    let kept = |c: char| match c {
        '\r' => '\n',
        '\t' | '\n' => c,
        c if c.is_control() => ' ',
        c => c,
    };
    let text: String = text.replace("\r\n", "\n").chars().map(kept).collect();
    let first = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    let line = text[..first].rfind('\n').map_or(0, |end| end + 1);
    text[line..].trim_end().to_owned()
}

/// A title or a heading on one line; what is longer than [`MAX_TITLE`] is cut off.
pub(crate) fn title(text: &str) -> Option<String> {
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    let title: String = line.chars().take(MAX_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

fn json_len(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |json| json.len())
}
