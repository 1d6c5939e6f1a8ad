//! What is wrong with a SMILES and where, drawn with a caret under the place, because people type them.

use bootcamp_core::Error;
use unicode_width::UnicodeWidthStr;

/// Widest piece of the text that is shown, in letters on each side of the caret.
const SHOWN: usize = 40;

/// A complaint about a place in a text.
#[derive(Debug)]
pub(crate) struct Fault {
    /// A byte of the text.
    at: Option<usize>,
    message: String,
    hint: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(at: impl Into<Option<usize>>, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The error a caller sees; `what` the text is, such as "SMILES".
    pub(crate) fn into_error(self, what: &str, text: &str) -> Error {
        let drawn = self.at.map(|at| format!("\n{}", draw(text, at))).unwrap_or_default();
        let error = Error::invalid(format!("{what}: {}{drawn}", self.message));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// The text, indented, and a caret under byte `at`. A long text is cut around the place.
fn draw(text: &str, at: usize) -> String {
    let (before, after) = text.split_at(text.floor_char_boundary(at.min(text.len())));
    let before = match before.char_indices().rev().nth(SHOWN) {
        Some((start, _)) => format!("…{}", &before[start..]),
        None => before.to_owned(),
    };
    let after = match after.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &after[..end]),
        None => after.to_owned(),
    };
    // A text of one line: what breaks it would move the caret away.
    let line: String = format!("{before}{after}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("  {line}\n  {}^", " ".repeat(before.width()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(draw("C(C", 1), "  C(C\n   ^");
        assert_eq!(draw("", 0), "  \n  ^");
        assert_eq!(draw("日C", 3), "  日C\n    ^");
        let long = draw(&format!("{}!{}", "C".repeat(500), "C".repeat(500)), 500);
        let lines: Vec<_> = long.lines().collect();
        assert_eq!(lines[0].chars().position(|c| c == '!'), lines[1].chars().position(|c| c == '^'));
    }
}
