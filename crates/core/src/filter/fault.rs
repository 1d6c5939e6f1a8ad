//! What is wrong with a filter and where, drawn with a caret under the place, because a filter is typed by people.

use unicode_width::UnicodeWidthStr;
use winnow::error::ParserError;
use winnow::stream::{Location, Stream};

use super::ast::At;
use crate::Error;

/// Widest piece of a line that is shown, in columns on each side of the caret.
const SHOWN: usize = 50;

/// A complaint about a place in a filter's text.
#[derive(Debug)]
pub(super) struct Fault {
    at: At,
    message: String,
    hint: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self::at(At(Some(at)), message)
    }

    pub(super) fn at(at: At, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts a likelier hint before the one there is.
    pub(super) fn also(self, first: impl Into<String>) -> Self {
        let first = first.into();
        let hint = self.hint.as_ref().map_or_else(|| first.clone(), |hint| format!("{first}; {hint}"));
        self.hint(hint)
    }

    /// Keeps an error's message and hint and adds the place.
    pub(super) fn from_error(at: At, error: &Error) -> Self {
        Self { at, message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }

    /// The error a caller sees. `text` is the filter's.
    pub(super) fn into_error(self, text: &str) -> Error {
        let shown = self.at.0.map(|at| format!("\n{}", draw(text, at))).unwrap_or_default();
        let error = Error::invalid(format!("filter: {}{shown}", self.message));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl<I: Stream + Location> ParserError<I> for Fault {
    type Inner = Self;

    fn from_input(input: &I) -> Self {
        Self::new(input.current_token_start(), "unexpected character")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// The line that byte `at` is in, indented, and a caret under it. Long lines are cut around the place.
fn draw(text: &str, at: usize) -> String {
    let at = text.floor_char_boundary(at.min(text.len()));
    let (before, after) = text.split_at(at);
    let before = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let after = after.split(['\n', '\r']).next().unwrap_or_default();
    let cut_before: String = match before.char_indices().rev().nth(SHOWN) {
        Some((start, _)) => format!("…{}", &before[start..]),
        None => before.to_owned(),
    };
    let cut_after: String = match after.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &after[..end]),
        None => after.to_owned(),
    };
    format!("  {cut_before}{cut_after}\n  {}^", under(&cut_before))
}

/// Blanks as wide as the text is on a terminal: a tab stays a tab, a wide character takes two columns.
fn under(text: &str) -> String {
    let mut blanks = String::new();
    for piece in text.split_inclusive('\t') {
        let (words, tab) = piece.strip_suffix('\t').map_or((piece, ""), |words| (words, "\t"));
        blanks.push_str(&" ".repeat(words.width()));
        blanks.push_str(tab);
    }
    blanks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(draw("a = 1", 2), "  a = 1\n    ^");
        assert_eq!(draw("a ==", 4), "  a ==\n      ^");
        assert_eq!(draw("\ta = 1", 3), "  \ta = 1\n  \t  ^");
        assert_eq!(draw("s == \"日本\" x", 14), "  s == \"日本\" x\n              ^");
        assert_eq!(draw("s == \"né\" x", 11), "  s == \"né\" x\n            ^");
        assert_eq!(draw("a == 1\nand b = 2", 13), "  and b = 2\n        ^");
        assert_eq!(draw("", 0), "  \n  ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}!{}", "x".repeat(500), "y".repeat(500));
        let shown = draw(&text, 500);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0].chars().position(|c| c == '!'), lines[1].chars().position(|c| c == '^'));
        assert!(lines[0].chars().count() < 110, "{shown}");
    }
}
