//! Text: paragraphs between blank lines, and headings that are underlined, as reStructuredText has them.

use std::collections::VecDeque;

use bootcamp_core::Result;

use super::Block;
use crate::encoding::Decoder;
use crate::entry::MAX_TITLE;

/// Bytes of a paragraph or of a line that are kept at once.
const MAX_KEPT: usize = 64 << 10;
/// What headings are underlined with.
const UNDERLINES: &[u8] = b"=-~^\"#*+";

/// The blocks of a text.
pub(super) struct Plain {
    text: Decoder,
    /// What was read, taken up to `at`.
    buffer: String,
    at: usize,
    ended: bool,
    paragraph: String,
    /// Lines of the paragraph so far.
    lines: usize,
    /// Underlines in the order in which they were met: the first is that of the highest level.
    underlines: Vec<(u8, bool)>,
    ready: VecDeque<Block>,
}

impl Plain {
    pub(super) fn new(text: Decoder) -> Self {
        Self {
            text,
            buffer: String::new(),
            at: 0,
            ended: false,
            paragraph: String::new(),
            lines: 0,
            underlines: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The end of the next line, or of as much of it as is kept. `None` at the end of the text.
    fn line(&mut self) -> Result<Option<usize>> {
        let mut seen = self.at;
        loop {
            if let Some(end) = self.buffer[seen..].find('\n') {
                return Ok(Some(seen + end + 1));
            }
            let rest = &self.buffer[self.at..];
            if rest.len() >= MAX_KEPT {
                let blank = rest.rfind([' ', '\t']).map(|blank| blank + 1);
                return Ok(Some(self.at + blank.unwrap_or(rest.len())));
            }
            if self.ended {
                return Ok((!rest.is_empty()).then_some(self.buffer.len()));
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            seen = self.buffer.len();
            self.ended = !self.text.more(&mut self.buffer)?;
        }
    }

    fn add(&mut self, end: usize) {
        let line = &self.buffer[self.at..end];
        self.at = end;
        if line.trim().is_empty() {
            return self.flush("\n\n");
        }
        if let Some(underline) = underline(line)
            && let Some((title, is_above)) = heading(&self.paragraph, self.lines, line)
        {
            let style = (underline, is_above);
            let level = self.underlines.iter().position(|known| *known == style).unwrap_or_else(|| {
                self.underlines.push(style);
                self.underlines.len() - 1
            });
            let level = u8::try_from(level + 1).unwrap_or(u8::MAX);
            self.ready.push_back(Block::Heading(level, title));
            self.paragraph.clear();
            self.lines = 0;
            return;
        }
        self.paragraph.push_str(line);
        self.lines += 1;
        if self.paragraph.len() >= MAX_KEPT {
            self.flush("");
        }
    }

    fn flush(&mut self, gap: &str) {
        self.lines = 0;
        if !self.paragraph.is_empty() {
            self.paragraph.push_str(gap);
            self.ready.push_back(Block::Text(std::mem::take(&mut self.paragraph)));
        }
    }
}

impl Iterator for Plain {
    type Item = Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(block) = self.ready.pop_front() {
                return Some(Ok(block));
            }
            match self.line() {
                Ok(Some(end)) => self.add(end),
                Ok(None) if self.paragraph.is_empty() => return None,
                Ok(None) => self.flush("\n\n"),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What a line is made of, if it can underline a heading.
fn underline(line: &str) -> Option<u8> {
    let line = line.trim_end().as_bytes();
    let first = *line.first()?;
    (line.len() >= 3 && UNDERLINES.contains(&first) && line.iter().all(|byte| *byte == first)).then_some(first)
}

/// The heading that is all of the paragraph above a line that is at least as long; and whether it has a line above, too.
fn heading(paragraph: &str, lines: usize, line: &str) -> Option<(String, bool)> {
    if lines == 0 || lines > 2 || paragraph.len() > 4 * MAX_TITLE {
        return None;
    }
    let (above, title) = match lines {
        1 => (None, paragraph),
        _ => paragraph.split_once('\n').map(|(above, title)| (Some(above), title))?,
    };
    let is_framed = above.is_some_and(|above| above.trim_end() == line.trim_end());
    let chars = title.trim_end().chars().count();
    let fits = chars <= line.trim_end().len() && chars < MAX_TITLE && underline(title).is_none();
    (fits && (above.is_none() || is_framed)).then(|| (title.trim().to_owned(), is_framed))
}
