//! Questions with their answers, or passages, one a row of a table or a pair of a conversation: each with its line, so
//! that an invalid one costs no other.

mod columns;
mod conversations;
mod tables;

use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;

use crate::entry::Entry;
use crate::reading::Reading;

/// Entries as they are read: the line in the file that each begins in, from 1, and the entry or why it is none.
pub type Pairs = Box<dyn Iterator<Item = (u64, Result<Entry>)> + Send>;

/// What has pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Tsv,
    JsonLines,
    /// Conversations as in ChatterBot's corpus, in YAML.
    Conversations,
}

impl Format {
    /// By the extension of a file's name; tables may be packed: `a.csv.gz`.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = name.strip_suffix(".gz");
        let extension = plain.unwrap_or(&name).rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "yml" | "yaml" if plain.is_none() => Some(Self::Conversations),
            _ => None,
        }
    }
}

/// The pairs of a file; `None` for YAML that has no conversations. Tables are read line by line (twice, unless only
/// names count: a column has one type), YAML as a whole, up to `max_bytes`.
///
/// # Errors
/// `InvalidInput` for a table without a column that is needed (which it names), YAML that is none, an unknown encoding;
/// those of the file system.
pub fn read(name: &str, content: &Content, format: Format, reading: &Reading, max_bytes: u64) -> Result<Option<Pairs>> {
    match format {
        Format::Conversations => conversations::read(name, content, reading, max_bytes),
        _ => tables::read(name, content, format, reading).map(Some),
    }
}

/// An entry that a store takes, or why it does not.
fn checked(entry: Entry) -> Result<Entry> {
    entry.check().map(|()| entry)
}

/// There is no such column.
fn no_column(what: &str, names: &[&str], hint: &str) -> Error {
    Error::invalid(format!("there is no {what}; the columns are: {}", names.join(", "))).with_hint(hint)
}
