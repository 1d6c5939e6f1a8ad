//! HTML: what a reader sees, without scripts, styles and navigation. Tokens are read without a tree of elements, so that
//! neither unclosed tags nor any depth of them costs more than their length.

use std::collections::VecDeque;

use bootcamp_core::{Error, Result};
use encoding_rs::Encoding;
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{IoReader, StartTag, Token, Tokenizer};

use super::rows::Rows;
use super::{About, Block};
use crate::encoding::Decoder;
use crate::language;

/// Elements that are passed over with all that is in them.
const SKIPPED: &[&[u8]] = &[
    b"script",
    b"style",
    b"nav",
    b"noscript",
    b"template",
    b"svg",
    b"math",
    b"iframe",
    b"object",
    b"canvas",
    b"select",
];
/// Elements that stand on lines of their own.
const BLOCKS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"caption",
    b"center",
    b"dd",
    b"details",
    b"dialog",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"head",
    b"header",
    b"hr",
    b"html",
    b"legend",
    b"main",
    b"menu",
    b"ol",
    b"option",
    b"p",
    b"section",
    b"summary",
    b"ul",
];

/// The blocks of a text in HTML.
pub(super) struct Html<W> {
    tokens: Tokenizer<IoReader<Decoder>, DefaultEmitter>,
    warn: W,
    page: Page,
    ended: bool,
}

/// What is open at a place in the text.
#[derive(Default)]
struct Page {
    /// The element that is passed over, and how many of its name are open.
    skipped: Option<(Vec<u8>, usize)>,
    /// What `text` is.
    part: Part,
    text: String,
    /// Whether a blank belongs between the text and what follows.
    has_blank: bool,
    /// `<pre>` elements that are open.
    pre: usize,
    /// The innermost table.
    table: Option<Rows>,
    ready: VecDeque<Block>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Paragraph,
    Item,
    Title,
    Heading(u8),
    /// Of the innermost table.
    Cell,
}

/// The encoding that a text in HTML declares in its first bytes.
pub(super) fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = head.to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")?;
    let label = head[at + 8..].trim_ascii_start();
    let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
    let end = label.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-_:.".contains(byte)));
    Encoding::for_label(&label[..end.unwrap_or(label.len())])
}

impl<W: Fn(String)> Html<W> {
    pub(super) fn new(text: Decoder, warn: W) -> Self {
        let mut emitter = DefaultEmitter::default();
        // What stands in scripts and styles is no HTML.
        emitter.naively_switch_states(true);
        let tokens = Tokenizer::new_with_emitter(IoReader::new(text), emitter);
        Self { tokens, warn, page: Page::default(), ended: false }
    }
}

impl<W: Fn(String)> Iterator for Html<W> {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = self.page.ready.pop_front() {
                return Some(Ok(block));
            }
            if self.ended {
                return None;
            }
            match self.tokens.next() {
                Some(Ok(token)) => self.page.token(token),
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(Error::invalid(error.to_string())));
                }
                None => {
                    self.ended = true;
                    if let Some((name, _)) = self.page.skipped.take() {
                        let name = String::from_utf8_lossy(&name).into_owned();
                        (self.warn)(format!("what follows a <{name}> that is never closed was left out"));
                    }
                    self.page.end();
                }
            }
        }
    }
}

impl Page {
    fn token(&mut self, token: Token) {
        match token {
            Token::StartTag(tag) => self.start(&tag),
            Token::EndTag(tag) => self.close(&tag.name),
            Token::String(text) if self.skipped.is_none() => self.write(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name: &[u8] = &tag.name;
        if let Some((skipped, depth)) = &mut self.skipped {
            *depth += usize::from(skipped == name);
            return;
        }
        // As on the web, a slash closes only what is no HTML.
        let is_closed = tag.self_closing && matches!(name, b"svg" | b"math");
        match name {
            name if SKIPPED.contains(&name) && !is_closed => self.skipped = Some((name.to_vec(), 1)),
            b"html" => self.language(tag),
            b"title" => self.begin(Part::Title),
            [b'h', level @ b'1'..=b'6'] => {
                self.lay_out();
                self.begin(Part::Heading(level - b'0'));
            }
            b"br" if self.pre > 0 => self.text.push('\n'),
            b"br" => {
                self.text.push_str(if self.is_in_line() { " " } else { "\n" });
                self.has_blank = false;
            }
            b"pre" => {
                self.lay_out();
                self.begin(Part::Paragraph);
                self.pre += 1;
            }
            b"li" if !self.is_in_line() => {
                self.begin(Part::Item);
                self.text.push_str("- ");
            }
            b"table" => {
                // One within another: that one only lays out the page.
                self.lay_out();
                self.begin(Part::Paragraph);
                self.table = Some(Rows::default());
            }
            b"tr" => {
                self.begin(Part::Paragraph);
                self.table.iter_mut().for_each(Rows::row);
            }
            b"td" | b"th" => self.begin(if self.table.is_some() { Part::Cell } else { Part::Paragraph }),
            name if BLOCKS.contains(&name) || name == b"li" => self.separate(),
            _ => {}
        }
    }

    fn language(&mut self, tag: &StartTag<()>) {
        let lang = tag.attributes.get(&b"lang"[..]).map(|lang| String::from_utf8_lossy(lang).into_owned());
        let language = lang.and_then(|lang| language::code(&lang)).map(str::to_owned);
        self.ready.push_back(Block::About(About { language, ..About::default() }));
    }

    fn close(&mut self, name: &[u8]) {
        if let Some((skipped, depth)) = &mut self.skipped {
            *depth -= usize::from(skipped == name);
            if *depth == 0 {
                self.skipped = None;
            }
            return;
        }
        match name {
            b"title" | b"tr" | b"td" | b"th" | [b'h', b'1'..=b'6'] => self.begin(Part::Paragraph),
            b"li" if !self.is_in_line() => self.begin(Part::Paragraph),
            b"pre" => {
                self.flush(true);
                self.pre = self.pre.saturating_sub(1);
            }
            b"table" => {
                self.begin(Part::Paragraph);
                match self.table.take() {
                    Some(rows) if rows.is_layout() => self.paragraphs(rows),
                    Some(rows) => self.ready.push_back(Block::Whole(rows.markdown())),
                    None => {}
                }
            }
            name if BLOCKS.contains(&name) => self.separate(),
            _ => {}
        }
    }

    /// Paragraphs within a cell or a heading are lines of it.
    fn separate(&mut self) {
        if self.is_in_line() {
            self.has_blank = true;
        } else if self.pre == 0 && !(self.part == Part::Item && self.text == "- ") {
            self.begin(Part::Paragraph);
        }
    }

    fn is_in_line(&self) -> bool {
        matches!(self.part, Part::Heading(_) | Part::Title | Part::Cell)
    }

    fn begin(&mut self, part: Part) {
        self.flush(false);
        self.part = part;
    }

    fn write(&mut self, text: &str) {
        if self.pre > 0 {
            self.text.push_str(text);
            return;
        }
        self.has_blank |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            let is_fresh = self.text.is_empty() || self.text.ends_with(['\n', ' ']);
            if self.has_blank && !is_fresh {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.has_blank = true;
        }
        self.has_blank &= text.ends_with(char::is_whitespace) || text.is_empty();
    }

    /// Ends what `text` is; a listing, too, at its end.
    fn flush(&mut self, is_listing: bool) {
        let text = std::mem::take(&mut self.text);
        self.has_blank = false;
        if self.part == Part::Cell {
            return self.table.iter_mut().for_each(|rows| rows.cell(&text));
        }
        if text.trim().is_empty() || (self.part == Part::Item && text == "- ") {
            return;
        }
        self.ready.push_back(match self.part {
            Part::Title => Block::About(About { title: Some(text), ..About::default() }),
            Part::Heading(level) => Block::Heading(level, text),
            _ if is_listing || self.pre > 0 => Block::Whole(text + "\n\n"),
            Part::Item => Block::Text(text + "\n"),
            _ => Block::Text(text + "\n\n"),
        });
    }

    /// A table that was open only lays out the page.
    fn lay_out(&mut self) {
        self.begin(Part::Paragraph);
        if let Some(rows) = self.table.take() {
            self.paragraphs(rows);
        }
    }

    fn paragraphs(&mut self, rows: Rows) {
        self.ready.extend(rows.paragraphs().map(Block::Text));
    }

    fn end(&mut self) {
        self.lay_out();
        self.pre = 0;
    }
}
