//! PDF: glyphs with their places on a page become words, lines and paragraphs.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use encoding_rs::{UTF_8, UTF_16BE};
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, RenderContent, SoftMask, interpret_page,
};

use super::{About, Block};

/// Pages that are read at once: they share what is known of fonts.
const PAGES: usize = 32;
/// Bytes of a page's text; what is beyond is not what people read.
const MAX_PAGE: usize = 4 << 20;
/// Drawing operations of a page. Forms that draw forms can ask for any number of them in a few kilobytes.
const MAX_OPERATIONS: u64 = 1_000_000;
/// What text strings have from 0x80 on where Latin-1 has control characters.
const PDF_DOC: [char; 31] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ',
    'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž',
];
/// The units of a glyph's outline in its font's size.
const UNITS: f64 = 1000.0;

/// The pages of a document.
pub(super) struct Pages<W> {
    pdf: Pdf,
    warn: W,
    /// The next page, from 0.
    next: usize,
    ready: VecDeque<Block>,
}

impl<W: Fn(String)> Pages<W> {
    /// # Errors
    /// `InvalidInput` for a file that is damaged or locked by a password.
    pub(super) fn new(bytes: Arc<[u8]>, warn: W) -> Result<Self> {
        // Decoders of what strangers send are not trusted to return.
        let loaded = catch_unwind(|| Pdf::new(Arc::new(bytes))).unwrap_or(Err(LoadPdfError::Invalid));
        let pdf = loaded.map_err(|error| match error {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
                Error::invalid("the PDF is locked: a password is needed").with_hint("save it without one")
            }
            LoadPdfError::Decryption(_) => {
                Error::invalid("the PDF is encrypted in an unknown way").with_hint("save it without encryption")
            }
            LoadPdfError::Invalid => {
                Error::invalid("the PDF is damaged or truncated").with_hint("fetch or copy it again")
            }
        })?;
        let title = pdf.metadata().title.as_deref().map(text_string);
        let ready = VecDeque::from([Block::About(About { title, ..About::default() })]);
        Ok(Self { pdf, warn, next: 0, ready })
    }

    fn read(&mut self) {
        let pages = self.pdf.pages();
        let end = (self.next + PAGES).min(pages.len());
        let cache = InterpreterCache::new();
        let settings = InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
        for at in self.next..end {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let Some(page) = pages.get(at) else { continue };
            let read = catch_unwind(AssertUnwindSafe(|| {
                let (area, mut words) = (Rect::new(0.0, 0.0, 1.0, 1.0), Words::default());
                let mut context = Context::new(Affine::IDENTITY, area, &cache, self.pdf.xref(), settings.clone());
                interpret_page(page, &mut context, &mut words);
                words
            }));
            let words = match read {
                Ok(words) => words,
                Err(reason) => {
                    let reason = if reason.is::<TooMuch>() { "draws too much" } else { "cannot be read" };
                    (self.warn)(format!("page {number} {reason} and was left out"));
                    continue;
                }
            };
            if words.unknown > 0 {
                let (count, text) = (words.unknown, "characters whose meaning the file does not tell were left out");
                (self.warn)(format!("page {number}: {count} {text}"));
            }
            if words.bytes >= MAX_PAGE {
                (self.warn)(format!("page {number}: what is beyond {MAX_PAGE} bytes of text was left out"));
            }
            self.ready.push_back(Block::Page(number));
            self.ready.extend(words.paragraphs().map(Block::Text));
        }
        self.next = end;
    }
}

impl<W: Fn(String)> Iterator for Pages<W> {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            if self.next >= self.pdf.pages().len() {
                return None;
            }
            self.read();
        }
        self.ready.pop_front().map(Ok)
    }
}

/// The words of a page, in the order in which they are drawn.
#[derive(Debug, Default)]
struct Words {
    /// Lines, and whether a paragraph begins with each.
    lines: Vec<(bool, String)>,
    /// Bytes of text.
    bytes: usize,
    /// Where the last glyph ended, on which baseline, and its size.
    last: Option<(Point, f64)>,
    /// Glyphs without a character.
    unknown: usize,
    operations: u64,
}

/// What ends a page with more operations than [`MAX_OPERATIONS`].
struct TooMuch;

impl Words {
    /// Counts an operation. A device cannot end a page but by unwinding.
    fn count(&mut self) {
        self.operations += 1;
        if self.operations > MAX_OPERATIONS {
            resume_unwind(Box::new(TooMuch));
        }
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, place: Affine) {
        let advance = match glyph {
            Glyph::Outline(glyph) => glyph.advance_width(),
            Glyph::Type3(glyph) => glyph.advance_width(),
        };
        let start = place * Point::ORIGIN;
        let end = place * Point::new(f64::from(advance.unwrap_or(0.0)), 0.0);
        let size = (place * Point::new(0.0, UNITS)).distance(start);
        if ![start.x, start.y, end.x, end.y, size].iter().all(|number| number.is_finite()) {
            return;
        }
        let Some(text) = glyph.as_unicode() else {
            self.unknown += 1;
            return;
        };
        let mut letter = [0; 4];
        let text: &str = match &text {
            BfString::Char(c) => c.encode_utf8(&mut letter),
            BfString::String(text) => text,
        };
        if self.bytes < MAX_PAGE {
            self.bytes += text.len();
            self.place(text, start, size);
            self.last = Some((end, size));
        }
    }

    /// Where a text goes on: in the word, in another one, on the next line or in the next paragraph.
    fn place(&mut self, text: &str, start: Point, size: f64) {
        let Some((last, last_size)) = self.last else {
            return self.lines.push((true, text.to_owned()));
        };
        let em = size.max(last_size);
        let (right, down) = (start.x - last.x, last.y - start.y);
        if down.abs() > em * 0.5 || right < -em * 2.0 {
            // Columns and headings are apart from what was before, and lines of a paragraph are near.
            let is_apart = down > em * 1.8 || down < -em * 0.5 || (size - last_size).abs() > em * 0.15;
            return self.lines.push((is_apart, text.to_owned()));
        }
        if let Some((_, line)) = self.lines.last_mut() {
            if right > em * 0.15 && !line.ends_with(' ') && !text.starts_with(' ') {
                line.push(' ');
            }
            line.push_str(text);
        }
    }

    fn paragraphs(self) -> impl Iterator<Item = String> {
        let mut paragraphs: Vec<String> = Vec::new();
        for (is_first, line) in self.lines {
            let line = line.trim();
            match paragraphs.last_mut() {
                Some(paragraph) if !is_first => append(paragraph, line),
                _ => paragraphs.push(line.to_owned()),
            }
        }
        paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).map(|paragraph| paragraph + "\n\n")
    }
}

/// A line goes on with the next; a word that was divided is whole again.
fn append(paragraph: &mut String, line: &str) {
    let is_lower = |c: Option<char>| c.is_some_and(char::is_lowercase);
    if paragraph.ends_with('\u{ad}') {
        paragraph.pop();
    } else if let Some(start) = paragraph.strip_suffix(['-', '\u{2010}'])
        && is_lower(start.chars().next_back())
        && is_lower(line.chars().next())
    {
        paragraph.truncate(start.len());
    } else {
        paragraph.push(' ');
    }
    paragraph.push_str(line);
}

/// A text string of a PDF: UTF-16 or UTF-8 with a mark, else nearly Latin-1.
fn text_string(bytes: &[u8]) -> String {
    if bytes.starts_with(&[0xfe, 0xff]) {
        return UTF_16BE.decode(bytes).0.into_owned();
    }
    match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(bytes) => UTF_8.decode(bytes).0.into_owned(),
        None => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

fn pdf_doc(byte: u8) -> char {
    match byte {
        0x80..=0x9e => PDF_DOC[usize::from(byte - 0x80)],
        0xa0 => '€',
        _ => char::from(byte),
    }
}

impl<'a> Device<'a> for Words {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.count();
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.count();
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.count();
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.count();
            self.glyph(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.count();
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
