//! What can be found: a question with its answer, or a passage of a document.

use serde_json::{Map, Value};

/// The largest question or answer in bytes: what a field of Milvus holds.
pub const MAX_TEXT: usize = 60_000;

/// A question with its answer, or a passage of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// `None` for a passage.
    pub question: Option<String>,
    /// The answer, or the passage itself. At most [`MAX_TEXT`] bytes.
    pub answer: String,
    /// The title of the document.
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
