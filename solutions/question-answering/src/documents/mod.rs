//! Documents become passages: readers of each format tell headings, paragraphs and tables, and one place puts passages
//! together of them.

mod docx;
mod front_matter;
mod html;
mod markdown;
mod passages;
mod pdf;
mod plain;
mod rows;

use std::sync::Arc;

use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;
use encoding_rs::Encoding;

use crate::encoding::Encoded;
use crate::entry::Entry;
use crate::reading::{PASSAGE_RANGE, Reading};
use passages::Passages;

/// A good limit for the size of files that are read as a whole: HTML, PDF and DOCX.
pub const MAX_BYTES: u64 = 64 << 20;

/// What documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Markdown,
    Html,
    /// Text, with underlined headings; reStructuredText is read so, too.
    Plain,
    Pdf,
    Docx,
}

/// What readers of documents tell, in the document's order.
#[derive(Clone, Debug, PartialEq)]
enum Block {
    /// What the document says of itself, before its first passage.
    About(About),
    /// A heading and its level, from 1.
    Heading(u8, String),
    /// A page begins, from 1.
    Page(u32),
    /// A paragraph. The line breaks at its end, one or more, stand between it and the next.
    Text(String),
    /// A table or a listing, which is not cut if it can be helped.
    Whole(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
struct About {
    title: Option<String>,
    tags: Vec<String>,
    language: Option<String>,
}

type Blocks = Box<dyn Iterator<Item = Result<Block>> + Send>;

impl Format {
    /// By the extension of a file's name.
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "txt" | "rst" => Some(Self::Plain),
            "pdf" => Some(Self::Pdf),
            "docx" => Some(Self::Docx),
            _ => None,
        }
    }

    /// Why a document of this format may have no text.
    fn without_text(self) -> Error {
        match self {
            Self::Pdf => Error::invalid("the document has no text (scanned pictures?)")
                .with_hint("recognise its text first, with ocrmypdf for example"),
            _ => Error::invalid("the document has no text"),
        }
    }
}

/// The passages of a document in their order. None goes across a heading, and none has more than
/// `reading.passage_chars` characters but for a table or a listing. Text and Markdown are read as they are needed; of
/// the other formats, `max_bytes` at most, also of what is unpacked. An error among the passages is their end.
///
/// # Errors
/// `InvalidInput` for a document that is too large, damaged or locked by a password; those of the file system.
pub fn passages(
    name: &str,
    content: &Content,
    format: Format,
    reading: &Reading,
    max_bytes: u64,
) -> Result<Box<dyn Iterator<Item = Result<Entry>> + Send>> {
    let text = |content: &Content, declared: fn(&[u8]) -> Option<&'static Encoding>| {
        let text = Encoded::of(content, reading.encoding.as_deref(), declared)?;
        if let Some(note) = &text.note {
            reading.notes.warn(format!("{name}: {note}"));
        }
        text.open()
    };
    let (notes, owned) = (reading.notes.clone(), name.to_owned());
    let warn = move |what: String| notes.warn(format!("{owned}: {what}"));
    let blocks: Blocks = match format {
        Format::Markdown => Box::new(markdown::Markdown::new(text(content, |_| None)?, warn.clone())),
        Format::Plain => Box::new(plain::Plain::new(text(content, |_| None)?)),
        Format::Html => {
            let bytes = Content::Bytes(whole(content, max_bytes)?);
            Box::new(html::Html::new(text(&bytes, html::declared)?, warn.clone()))
        }
        Format::Pdf => Box::new(pdf::Pages::new(whole(content, max_bytes)?, warn.clone())?),
        Format::Docx => Box::new(docx::Docx::new(whole(content, max_bytes)?, max_bytes)?),
    };
    let size = reading.passage_chars.clamp(1, *PASSAGE_RANGE.end());
    Ok(Box::new(Passages::new(blocks, size, format, warn)))
}

/// All of a file.
fn whole(content: &Content, max_bytes: u64) -> Result<Arc<[u8]>> {
    let bytes = content.read(max_bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::invalid(format!("the file is {} bytes; the limit is {max_bytes}", bytes.len())));
    }
    Ok(bytes)
}
