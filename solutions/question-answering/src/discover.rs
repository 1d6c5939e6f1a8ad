//! Finds what to import. A row of a table or a pair of a conversation is its own source, named by the file and its line,
//! so that an invalid one costs no other and an unchanged one is not embedded again; a document is one source, of which
//! come many passages.

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::hex;
use bootcamp_kit::source::{Content, Origin, Places, Skip, Source, Sources, Wanted, files};

use crate::documents;
use crate::entry::Entry;
use crate::pairs::{self, Pairs};
use crate::reading::PASSAGE_CHARS;
pub use crate::reading::Reading;

/// Extensions of what is taken from folders and archives.
const EXTENSIONS: &[&str] = &[
    "csv", "tsv", "jsonl", "ndjson", "gz", "yml", "yaml", "md", "markdown", "html", "htm", "txt", "rst", "pdf", "docx",
];

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pairs(pairs::Format),
    Document(documents::Format),
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let document = || documents::Format::of(name).map(Self::Document);
        pairs::Format::of(name).map(Self::Pairs).or_else(document)
    }
}

/// Every pair and every document in these places.
///
/// # Errors
/// `NotFound` for a place that is not there.
pub fn discover(places: &Places) -> Result<Sources> {
    let reading =
        Reading { names_only: places.names_only, notes: places.notes.clone(), ..Reading::of(&places.options) };
    let max_bytes = places.max_bytes.min(documents::MAX_BYTES);
    // Pairs are named by their lines, so that names alone need the content, too.
    let places = Places { names_only: false, ..places.clone() };
    Ok(within(files(&places, &Wanted::called(EXTENSIONS))?, reading, max_bytes))
}

/// The pairs and documents of those sources that are files; uploads come here, too.
pub fn sources(sources: Sources, reading: Reading) -> Sources {
    within(sources, reading, documents::MAX_BYTES)
}

/// `max_bytes`: of the largest file that is read as a whole.
fn within(sources: Sources, reading: Reading, max_bytes: u64) -> Sources {
    Box::new(sources.flat_map(move |source| match source {
        Ok(source) if !is_pair(&source) => in_file(source, &reading, max_bytes),
        other => one(other),
    }))
}

fn one(found: Result<Source, Skip>) -> Sources {
    Box::new(std::iter::once(found))
}

/// Whether it is a pair already: such a source has its bytes, and its name ends in its line.
fn is_pair(source: &Source) -> bool {
    let file = source.name.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit());
    let is_named_so = file.len() < source.name.len() && source.name[file.len()..].starts_with(':');
    is_named_so && matches!(source.content, Content::Bytes(_)) && matches!(Kind::of(file), Some(Kind::Pairs(_)))
}

/// Whether it was met in a folder, an archive or by a pattern rather than named itself.
fn is_met(source: &Source) -> bool {
    !source.origin.place.is_empty() && *source.origin.place != source.name
}

fn in_file(file: Source, reading: &Reading, max_bytes: u64) -> Sources {
    let format = match Kind::of(&file.name) {
        Some(Kind::Document(_)) => return one(Ok(document(file, reading))),
        Some(Kind::Pairs(format)) => format,
        None => return other(&file, reading),
    };
    match pairs::read(&file.name, &file.content, format, reading, max_bytes) {
        Ok(Some(pairs)) => {
            let mut pairs = pairs.peekable();
            if pairs.peek().is_none() {
                // As if writing it had failed: what it had is not gone.
                reading.notes.empty(&file.name);
            }
            let Source { name, fields, origin, .. } = file;
            in_pairs(name, Box::new(pairs), fields, origin)
        }
        Ok(None) => other(&file, reading),
        Err(error) => one(Err(Skip::new(file.name, &error))),
    }
}

/// How a document is read changes its passages, so it is part of the version.
fn document(file: Source, reading: &Reading) -> Source {
    let encoding = reading.encoding.as_deref().unwrap_or_default();
    let manner = format!("-{}{encoding}", reading.passage_chars);
    if reading.passage_chars == PASSAGE_CHARS && encoding.is_empty() || file.version.ends_with(&manner) {
        return file;
    }
    Source { version: file.version + &manner, ..file }
}

/// A file that has no questions, answers or passages: passed over, unless somebody named it.
fn other(file: &Source, reading: &Reading) -> Sources {
    if is_met(file) {
        reading.notes.pass_over_file(&file.name);
        return Box::new(std::iter::empty());
    }
    one(Err(Skip::new(&*file.name, &unreadable(&file.name))))
}

fn unreadable(name: &str) -> Error {
    if let Some(Kind::Pairs(_)) = Kind::of(name) {
        return Error::invalid("there are no 'conversations' in it")
            .with_hint("YAML is read as in ChatterBot's corpus; save other pairs as CSV or JSON lines");
    }
    Error::invalid("it is neither a table nor a document")
        .with_hint("use CSV, TSV or JSON lines (.gz, too), YAML, Markdown, HTML, text, PDF or DOCX, with its extension")
}

fn in_pairs(file: String, pairs: Pairs, fields: Fields, origin: Origin) -> Sources {
    let mut last = (0, 0);
    Box::new(pairs.map(move |(line, entry)| {
        // Conversations in brackets have several pairs in a line.
        last = if last.0 == line { (line, last.1 + 1) } else { (line, 1) };
        let name = if last.1 == 1 { format!("{file}:{line}") } else { format!("{file}:{line}:{}", last.1) };
        let source = entry.and_then(|entry| source(&name, &entry, &fields));
        let source = source.map(|source| Source { origin: origin.clone(), ..source });
        source.map_err(|error| Skip::new(name, &error))
    }))
}

fn source(name: &str, entry: &Entry, fields: &Fields) -> Result<Source> {
    let json = serde_json::to_vec(entry).map_err(|error| Error::invalid(format!("it cannot be kept: {error}")))?;
    let version = hex(&json)[..16].to_owned();
    Ok(Source { fields: fields.clone(), ..Source::new(name, Content::Bytes(json.into()), version) })
}

/// What is in a source that [`discover`] or [`sources`] gave: one pair, or the passages of a document in their order. An
/// error among them is their end. Text and Markdown are read as they are needed; of what has to be read as a whole,
/// `max_bytes` at most ([`documents::MAX_BYTES`] is a good limit), also of what is unpacked.
///
/// # Errors
/// `InvalidInput` for a file that is too large, damaged, of another kind, or locked by a password; those of the file
/// system.
pub fn entries(
    source: &Source,
    reading: &Reading,
    max_bytes: u64,
) -> Result<Box<dyn Iterator<Item = Result<Entry>> + Send>> {
    if is_pair(source) {
        let bytes = source.read(u64::MAX)?;
        let entry = serde_json::from_slice(&bytes);
        let entry = entry.map_err(|error| Error::invalid(format!("it is no pair: {error}")))?;
        return Ok(Box::new(std::iter::once(Ok(entry))));
    }
    match Kind::of(&source.name) {
        Some(Kind::Document(format)) => documents::passages(&source.name, &source.content, format, reading, max_bytes),
        _ => Err(unreadable(&source.name)),
    }
}
