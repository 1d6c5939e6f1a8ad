//! DOCX: paragraphs, headings by their styles, and tables. Text boxes are read where they are anchored; headers, footers,
//! notes and what was deleted are not.

use std::collections::{HashMap, VecDeque};
use std::io::{Cursor, Read};
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::rows::Rows;
use super::{About, Block};

type Archive = ZipArchive<Cursor<Arc<[u8]>>>;
type Xml = Reader<Cursor<Vec<u8>>>;

/// How the first bytes are of a file in Microsoft's older format, in which locked documents are wrapped, too.
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// The blocks of a document.
pub(super) struct Docx {
    /// `None` at the end.
    xml: Option<Xml>,
    buffer: Vec<u8>,
    /// The level of headings, by their styles' ids; 0 for the title.
    styles: HashMap<String, u8>,
    paragraph: Paragraph,
    /// The innermost table.
    table: Option<Rows>,
    cell: String,
    /// Elements that are open of those that are passed over.
    skipped: usize,
    /// Whether the text of a run is being read.
    is_text: bool,
    /// Elements that are open.
    depth: usize,
    ready: VecDeque<Block>,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    is_item: bool,
}

impl Docx {
    /// Reads at most `max_bytes` of each part of the document, unpacked.
    ///
    /// # Errors
    /// `InvalidInput` for a file that is damaged, locked by a password, or too large.
    pub(super) fn new(bytes: Arc<[u8]>, max_bytes: u64) -> Result<Self> {
        if bytes.starts_with(COMPOUND_FILE) {
            return Err(Error::invalid("it is locked by a password, or a document of Word before 2007")
                .with_hint("save it as DOCX without a password"));
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
        let document = part(&mut archive, "word/document.xml", max_bytes)?
            .ok_or_else(|| Error::invalid("it is no document of Word: word/document.xml is missing"))?;
        let styles = part(&mut archive, "word/styles.xml", max_bytes)?.map(styles).transpose()?.unwrap_or_default();
        let core = part(&mut archive, "docProps/core.xml", max_bytes)?;
        let title = core.map(title).transpose()?.flatten();
        Ok(Self {
            xml: Some(Reader::from_reader(Cursor::new(document))),
            buffer: Vec::new(),
            styles,
            paragraph: Paragraph::default(),
            table: None,
            cell: String::new(),
            skipped: 0,
            is_text: false,
            depth: 0,
            ready: VecDeque::from([Block::About(About { title, ..About::default() })]),
        })
    }

    /// Reads on; false at the end.
    fn read(&mut self) -> Result<bool> {
        let Some(mut xml) = self.xml.take() else { return Ok(false) };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let goes_on = match xml.read_event_into(&mut buffer).map_err(|error| damaged(&error))? {
            Event::Eof if self.depth > 0 => return Err(damaged(&"its text breaks off")),
            Event::Eof => false,
            Event::Start(tag) => {
                self.depth += 1;
                self.start(&tag);
                true
            }
            Event::Empty(tag) => {
                self.start(&tag);
                self.end(tag.local_name().as_ref());
                true
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.end(tag.local_name().as_ref());
                true
            }
            event => {
                if self.is_text && self.skipped == 0 {
                    push_text(&mut self.paragraph.text, &event);
                }
                true
            }
        };
        self.buffer = buffer;
        self.xml = goes_on.then_some(xml);
        Ok(goes_on)
    }

    fn start(&mut self, tag: &BytesStart<'_>) {
        let name = tag.local_name();
        let name = name.as_ref();
        if self.skipped > 0 || matches!(name, "Fallback" | "del" | "moveFrom") {
            self.skipped += 1;
            return;
        }
        match name {
            "p" => self.end_paragraph(),
            "pStyle" => {
                let level = value(tag, "val").and_then(|style| self.styles.get(&style).copied());
                self.paragraph.level = level.or(self.paragraph.level);
            }
            "outlineLvl" => self.paragraph.level = outline(tag).or(self.paragraph.level),
            "numPr" => self.paragraph.is_item = true,
            "t" => self.is_text = true,
            "tab" => self.paragraph.text.push('\t'),
            "br" | "cr" => self.paragraph.text.push('\n'),
            "noBreakHyphen" => self.paragraph.text.push('-'),
            "tbl" => {
                self.lay_out();
                self.table = Some(Rows::default());
            }
            "tr" => self.table.iter_mut().for_each(Rows::row),
            "tc" => self.cell.clear(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        match name {
            "p" => self.end_paragraph(),
            // Tabs are also where paragraphs say how far apart they are.
            "pPr" => self.paragraph.text.clear(),
            "t" => self.is_text = false,
            "tc" => {
                let cell = std::mem::take(&mut self.cell);
                self.table.iter_mut().for_each(|rows| rows.cell(&cell));
            }
            "tbl" => match self.table.take() {
                Some(rows) if rows.is_layout() => self.ready.extend(rows.paragraphs().map(Block::Text)),
                Some(rows) => self.ready.push_back(Block::Whole(rows.markdown())),
                None => {}
            },
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let Paragraph { text, level, is_item } = std::mem::take(&mut self.paragraph);
        if text.trim().is_empty() {
            return;
        }
        if self.table.is_some() {
            self.cell.push_str(&text);
            self.cell.push('\n');
            return;
        }
        self.ready.push_back(match level {
            Some(0) => Block::About(About { title: Some(text), ..About::default() }),
            Some(level) => Block::Heading(level, text),
            None if is_item => Block::Text(format!("- {text}\n")),
            None => Block::Text(text + "\n\n"),
        });
    }

    /// A table within another: that one only lays out the page.
    fn lay_out(&mut self) {
        self.end_paragraph();
        if let Some(mut rows) = self.table.take() {
            rows.cell(&std::mem::take(&mut self.cell));
            self.ready.extend(rows.paragraphs().map(Block::Text));
        }
    }
}

impl Iterator for Docx {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(Ok(block));
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A part of the document, unpacked; `None` if it has none of this name.
fn part(archive: &mut Archive, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
    if archive.index_for_name(name).is_none() {
        return Ok(None);
    }
    let member = archive.by_name(name).map_err(|error| damaged(&error))?;
    let mut xml = Vec::new();
    member.take(max_bytes.saturating_add(1)).read_to_end(&mut xml).map_err(|error| damaged(&error))?;
    if xml.len() as u64 > max_bytes {
        return Err(Error::invalid(format!("{name} is more than {max_bytes} bytes when it is unpacked")));
    }
    Ok(Some(xml))
}

fn damaged(error: &impl std::fmt::Display) -> Error {
    Error::invalid(format!("the DOCX is damaged or truncated: {error}")).with_hint("fetch or copy it again")
}

/// The levels of headings' styles, by their ids. Names are in English in whatever language the ids are.
fn styles(xml: Vec<u8>) -> Result<HashMap<String, u8>> {
    let mut styles = HashMap::new();
    let mut style = None;
    each(xml, |tag, _| {
        match tag.local_name().as_ref() {
            "style" => style = value(tag, "styleId"),
            "name" => {
                let name = value(tag, "val").unwrap_or_default().to_lowercase();
                let level = if name == "title" { Some(0) } else { name.strip_prefix("heading ").and_then(level) };
                if let (Some(style), Some(level)) = (&style, level) {
                    styles.insert(style.clone(), level);
                }
            }
            "outlineLvl" => {
                if let (Some(style), Some(level)) = (&style, outline(tag)) {
                    styles.entry(style.clone()).or_insert(level);
                }
            }
            _ => {}
        };
    })?;
    Ok(styles)
}

/// The title that a document's properties have.
fn title(xml: Vec<u8>) -> Result<Option<String>> {
    let mut title = String::new();
    each(xml, |tag, text| {
        if tag.local_name().as_ref() == "title" {
            title.push_str(text);
        }
    })?;
    Ok((!title.trim().is_empty()).then_some(title))
}

/// Calls back with each element as it begins, without a text, and with each text in an element that has only texts.
fn each(xml: Vec<u8>, mut call: impl FnMut(&BytesStart<'static>, &str)) -> Result<()> {
    let mut xml = Reader::from_reader(Cursor::new(xml));
    let (mut buffer, mut open) = (Vec::new(), None);
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(|error| damaged(&error))? {
            Event::Eof => return Ok(()),
            Event::Start(tag) => {
                let tag = tag.into_owned();
                call(&tag, "");
                open = Some(tag);
            }
            Event::Empty(tag) => call(&tag.into_owned(), ""),
            Event::End(_) => open = None,
            event => {
                let mut text = String::new();
                push_text(&mut text, &event);
                if let Some(tag) = &open {
                    call(tag, &text);
                }
            }
        }
    }
}

fn push_text(text: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(part) => text.push_str(&part.xml10_content()),
        Event::CData(part) => text.push_str(&part.xml10_content()),
        Event::GeneralRef(name) => match &**name {
            "amp" => text.push('&'),
            "lt" => text.push('<'),
            "gt" => text.push('>'),
            "quot" => text.push('"'),
            "apos" => text.push('\''),
            _ => text.extend(name.resolve_char_ref().ok().flatten()),
        },
        _ => {}
    }
}

fn value(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.attributes().with_checks(false).flatten().find(|found| found.key.local_name().as_ref() == name);
    attribute.map(|found| found.value.into_owned())
}

/// The level of a heading in an outline, where 9 is the text.
fn outline(tag: &BytesStart<'_>) -> Option<u8> {
    let level: u8 = value(tag, "val")?.parse().ok()?;
    (level < 9).then_some(level + 1)
}

fn level(number: &str) -> Option<u8> {
    number.trim().parse().ok().filter(|level| (1..=9).contains(level))
}
