//! Markdown, as CommonMark with tables: a window of the text at a time, so that a book takes no more memory than a page.

use std::collections::VecDeque;
use std::ops::Range;

use bootcamp_core::Result;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{About, Block, front_matter};
use crate::encoding::Decoder;

/// Bytes that are read at once.
const WINDOW: usize = 256 << 10;
/// Bytes of a paragraph, a table or a listing that are waited for. What is longer is cut.
const MAX_WINDOW: usize = 4 << 20;

/// The blocks of a text in Markdown.
pub(super) struct Markdown<W> {
    text: Decoder,
    warn: W,
    buffer: String,
    /// How much of the text is read before the next blocks are.
    window: usize,
    ended: bool,
    has_begun: bool,
    ready: VecDeque<Block>,
}

impl<W: Fn(String)> Markdown<W> {
    pub(super) fn new(text: Decoder, warn: W) -> Self {
        let (buffer, ready) = (String::new(), VecDeque::new());
        Self { text, warn, buffer, window: WINDOW, ended: false, has_begun: false, ready }
    }

    fn fill(&mut self) -> Result<()> {
        while !self.ended && self.buffer.len() < self.window {
            self.ended = !self.text.more(&mut self.buffer)?;
        }
        Ok(())
    }

    fn front_matter(&mut self) {
        let Some((yaml, end)) = front_matter::find(&self.buffer) else { return };
        let (about, others) = front_matter::read(yaml).unwrap_or_else(|| {
            (self.warn)("the lines between '---' at its beginning are no YAML and were left out".to_owned());
            (About::default(), 0)
        });
        if others > 0 {
            (self.warn)(format!("of its front matter, {others} other than title, tags and language were left out"));
        }
        self.buffer.drain(..end);
        self.ready.push_back(Block::About(about));
    }

    /// Takes the blocks that are known to end within the window: all but the last.
    fn take(&mut self) {
        let Pieces { pieces, last } = Pieces::of(&self.buffer);
        let is_too_long = last == 0 && self.buffer.len() >= MAX_WINDOW;
        let end = if self.ended || is_too_long { self.buffer.len() } else { last };
        if end == 0 {
            self.window = self.buffer.len() * 2;
            return;
        }
        self.window = WINDOW;
        for piece in pieces.into_iter().filter(|piece| piece.range.start < end) {
            self.ready.push_back(match piece.kind {
                Kind::Heading(level, text) => Block::Heading(level, text),
                Kind::Text => Block::Text(self.buffer[piece.range].to_owned()),
                Kind::Whole => Block::Whole(self.buffer[piece.range].to_owned()),
            });
        }
        self.buffer.drain(..end);
    }
}

impl<W: Fn(String)> Iterator for Markdown<W> {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(Ok(block));
            }
            if self.ended && self.buffer.is_empty() {
                return None;
            }
            if let Err(error) = self.fill() {
                self.ended = true;
                self.buffer.clear();
                return Some(Err(error));
            }
            if self.has_begun {
                self.take();
            } else {
                self.has_begun = true;
                self.front_matter();
            }
        }
    }
}

struct Piece {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Heading(u8, String),
    Text,
    Whole,
}

/// A text cut at its headings, paragraphs, items of lists, tables and listings. All of it is in one of the pieces.
struct Pieces {
    pieces: Vec<Piece>,
    /// Where the last begins of those that can stand alone.
    last: usize,
}

impl Pieces {
    fn of(text: &str) -> Self {
        let mut pieces = Self { pieces: vec![Piece { range: 0..0, kind: Kind::Text }], last: 0 };
        let mut walk = Walk { depth: 0, whole: None, heading: None };
        let mut events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
        for (event, range) in events.by_ref() {
            walk.event(event, range, text, &mut pieces);
        }
        pieces.close(text.len());
        pieces
    }

    fn close(&mut self, at: usize) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.range.end = at;
        }
    }

    /// A piece begins; the one before it ends.
    fn begin(&mut self, at: usize, kind: Kind) {
        // Blocks begin where those before them end, or later.
        let at = self.pieces.last().map_or(at, |before| before.range.start.max(at));
        self.close(at);
        self.pieces.push(Piece { range: at..at, kind });
    }
}

/// Where in a text the parser is.
struct Walk {
    /// Elements around.
    depth: usize,
    /// The depth of a table or a listing that is open: it is not looked into.
    whole: Option<usize>,
    heading: Option<(u8, String)>,
}

impl Walk {
    fn event(&mut self, event: Event<'_>, range: Range<usize>, text: &str, pieces: &mut Pieces) {
        match event {
            Event::Start(tag) => {
                self.start(&tag, line_start(text, range.start), pieces);
                self.depth += 1;
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.end(tag, range.end, pieces);
            }
            Event::Rule if self.depth == 0 => {
                pieces.last = line_start(text, range.start);
                pieces.begin(pieces.last, Kind::Text);
            }
            Event::Text(part) | Event::Code(part) | Event::InlineHtml(part) => {
                if let Some((_, heading)) = &mut self.heading {
                    heading.push_str(&part);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, heading)) = &mut self.heading {
                    heading.push(' ');
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, at: usize, pieces: &mut Pieces) {
        if self.whole.is_some() {
            return;
        }
        let stands_alone = self.depth == 0 || (self.depth == 1 && matches!(tag, Tag::Item));
        if stands_alone {
            pieces.last = at;
        }
        match tag {
            Tag::Heading { level, .. } if self.depth == 0 => {
                self.heading = Some((level_of(*level), String::new()));
                pieces.begin(at, Kind::Text);
            }
            Tag::Table(_) | Tag::CodeBlock(_) => {
                self.whole = Some(self.depth);
                pieces.begin(at, Kind::Whole);
            }
            Tag::Item => pieces.begin(at, Kind::Text),
            _ if stands_alone => pieces.begin(at, Kind::Text),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, at: usize, pieces: &mut Pieces) {
        if self.whole == Some(self.depth) {
            self.whole = None;
            pieces.begin(at, Kind::Text);
        }
        if matches!(tag, TagEnd::Heading(_)) && self.depth == 0 {
            if let (Some((level, heading)), Some(piece)) = (self.heading.take(), pieces.pieces.last_mut()) {
                piece.kind = Kind::Heading(level, heading);
            }
            pieces.begin(at, Kind::Text);
        }
    }
}

/// With the blanks before it, if there is nothing else on the line: those of an indented listing belong to it.
fn line_start(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    if text[line..at].bytes().all(|byte| matches!(byte, b' ' | b'\t')) { line } else { at }
}

fn level_of(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
