//! Puts passages together: short paragraphs are joined and long ones cut between sentences, but no passage goes across a
//! heading or a page.

use std::collections::VecDeque;
use std::ops::Range;

use bootcamp_core::Result;
use text_splitter::{Characters, TextSplitter};

use super::{About, Block, Blocks, Format};
use crate::entry::{Entry, MAX_TEXT, MAX_TITLE, has_words, tidy, title};

/// Bytes that are cut at once, as a multiple of a passage's characters: two passages of any script.
const WINDOW: usize = 8;

/// What belongs to the word before it.
const MARKS: [char; 8] = ['.', ',', '!', '?', ';', ':', ')', '…'];
/// The most tags of a document: within [`bootcamp_core::MAX_JSON`], however long they are.
const MAX_TAGS: usize = 50;

/// The passages of a document.
pub(super) struct Passages<W> {
    /// `None` after the last.
    blocks: Option<Blocks>,
    format: Format,
    warn: W,
    splitter: TextSplitter<Characters>,
    /// The most characters of a passage.
    size: usize,
    about: About,
    headings: Vec<(u8, String)>,
    page: Option<u32>,
    /// What the next passage has so far, its characters, and what stands between it and what is added.
    pending: String,
    pending_chars: usize,
    gap: &'static str,
    ready: VecDeque<Result<Entry>>,
    /// Whether there was a passage.
    is_found: bool,
    /// Passages that nothing could be found by.
    wordless: u64,
}

impl<W: Fn(String)> Passages<W> {
    pub(super) fn new(blocks: Blocks, size: usize, format: Format, warn: W) -> Self {
        Self {
            blocks: Some(blocks),
            format,
            warn,
            splitter: TextSplitter::new(size),
            size,
            about: About::default(),
            headings: Vec::new(),
            page: None,
            pending: String::new(),
            pending_chars: 0,
            gap: "",
            ready: VecDeque::new(),
            is_found: false,
            wordless: 0,
        }
    }

    fn add(&mut self, block: Block) {
        match block {
            Block::About(about) => self.about(about),
            Block::Heading(level, text) => self.heading(level, &text),
            Block::Page(page) => {
                self.flush();
                self.page = Some(page);
            }
            Block::Text(text) => self.text(&text, true),
            Block::Whole(text) => {
                if self.format != Format::Markdown {
                    // A table right below a line would be part of it. Markdown says itself what it wants.
                    self.gap = "\n\n";
                }
                self.text(&text, false);
            }
        }
    }

    fn about(&mut self, about: About) {
        self.about.title = about.title.as_deref().and_then(title).or_else(|| self.about.title.take());
        self.about.tags.extend(about.tags);
        if self.about.tags.len() > MAX_TAGS {
            self.about.tags.truncate(MAX_TAGS);
            (self.warn)(format!("of its tags, only the first {MAX_TAGS} are kept"));
        }
        self.about.language = about.language.or_else(|| self.about.language.take());
    }

    fn heading(&mut self, level: u8, text: &str) {
        let Some(heading) = title(text) else { return };
        if heading.chars().count() >= MAX_TITLE {
            // A paragraph that only looks like a heading: all of it counts.
            return self.text(text, true);
        }
        self.flush();
        self.headings.retain(|(above, _)| *above < level);
        self.headings.push((level, heading));
    }

    fn text(&mut self, text: &str, may_be_cut: bool) {
        let gap = if text.ends_with('\n') && !text.trim_end_matches([' ', '\t', '\r']).ends_with("\n\n") {
            "\n"
        } else {
            "\n\n"
        };
        let body = tidy(text);
        if body.is_empty() {
            self.gap = if text.is_empty() { self.gap } else { "\n\n" };
            return;
        }
        let chars = body.chars().count();
        if chars <= self.size {
            self.join(&body, chars, gap);
        } else if may_be_cut || body.len() > MAX_TEXT {
            self.cut(&body, gap);
        } else {
            self.flush();
            self.emit(body);
        }
    }

    fn join(&mut self, body: &str, chars: usize, gap: &'static str) {
        if self.pending_chars + self.gap.len() + chars > self.size {
            self.flush();
        }
        if !self.pending.is_empty() {
            self.pending.push_str(self.gap);
            self.pending_chars += self.gap.len();
        }
        self.pending.push_str(body);
        self.pending_chars += chars;
        self.gap = gap;
    }

    /// The end of what is cut may be joined with what follows.
    fn cut(&mut self, body: &str, gap: &'static str) {
        self.flush();
        let mut rest = body;
        while !rest.is_empty() {
            // The splitter looks at all it is given for each passage: a few at a time cost least.
            let end = window(rest, WINDOW * self.size);
            let mut parts = self.parts(&rest[..end]);
            // The last may go on beyond the window.
            let last = parts.pop();
            for part in parts {
                self.emit(rest[part].trim_end().to_owned());
            }
            rest = match last {
                Some(part) if end < rest.len() && part.start > 0 => &rest[part.start..],
                Some(part) => {
                    let part = rest[part].trim_end();
                    self.join(part, part.chars().count(), gap);
                    &rest[end..]
                }
                None => &rest[end..],
            };
        }
    }

    /// Where a text is cut. A full stop that did not fit with its sentence takes the last word along.
    fn parts(&self, text: &str) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for (start, chunk) in self.splitter.chunk_indices(text) {
            let mut part = start..start + chunk.len();
            if let Some(before) = parts.last_mut()
                && (!has_words(chunk) || (start == before.end && chunk.starts_with(MARKS)))
                && let Some(word) = last_word(&text[before.clone()])
                && text[before.start + word..part.end].chars().count() <= self.size
            {
                part.start = before.start + word;
                before.end = part.start;
            }
            parts.push(part);
        }
        if let [first, second, ..] = parts.as_slice()
            && !has_words(&text[first.clone()])
        {
            // What stands before a word that is longer than a passage goes with its beginning.
            let (start, end) = (first.start, second.end);
            let room = text[start..end].char_indices().nth(self.size);
            let end = room.map_or(end, |(at, _)| start + at);
            let after = self.parts(&text[end..]).into_iter().map(|part| part.start + end..part.end + end);
            return std::iter::once(start..end).chain(after).collect();
        }
        parts
    }

    /// Ends the passage.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.pending);
        self.pending_chars = 0;
        if !text.is_empty() {
            self.emit(text);
        }
    }

    fn emit(&mut self, answer: String) {
        if !has_words(&answer) {
            self.wordless += 1;
            return;
        }
        self.is_found = true;
        self.ready.push_back(Ok(Entry {
            answer,
            title: self.about.title.clone(),
            headings: self.headings.iter().map(|(_, heading)| heading.clone()).collect(),
            page: self.page,
            tags: self.about.tags.clone(),
            language: self.about.language.clone(),
            ..Entry::default()
        }));
    }

    fn end(&mut self) {
        self.flush();
        if self.wordless > 0 {
            (self.warn)(format!("{} of its passages have no letter or digit and were left out", self.wordless));
        }
        if !self.is_found {
            self.ready.push_back(Err(self.format.without_text()));
        }
    }
}

impl<W: Fn(String)> Iterator for Passages<W> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(entry);
            }
            match self.blocks.as_mut()?.next() {
                Some(Ok(block)) => self.add(block),
                Some(Err(error)) => {
                    self.blocks = None;
                    self.flush();
                    self.ready.push_back(Err(error));
                }
                None => {
                    self.blocks = None;
                    self.end();
                }
            }
            if self.blocks.is_none() {
                return self.ready.pop_front();
            }
        }
    }
}

/// How much of a text the splitter looks at: whole lines or words, if possible.
fn window(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let end = text.floor_char_boundary(most);
    let half = text.floor_char_boundary(end / 2);
    let after = |c: char| text[half..end].rfind(c).map(|at| half + at + 1);
    after('\n').or_else(|| after(' ')).unwrap_or(end)
}

/// Where the last word of a text begins, if there is another before it; of a single word, its last letter.
fn last_word(text: &str) -> Option<usize> {
    let letter = text.rfind(char::is_alphanumeric)?;
    let word = text[..letter].rfind(char::is_whitespace).map(|blank| text.ceil_char_boundary(blank + 1));
    [word, Some(letter)].into_iter().flatten().find(|at| has_words(&text[..*at]))
}
