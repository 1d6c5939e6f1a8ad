//! Shows a position in text that a person typed: the line, and a caret under the position.

use unicode_width::UnicodeWidthStr;

/// Widest piece of a line that is shown, in letters on each side of the caret.
const SHOWN: usize = 50;

/// The line that byte `at` is in, indented, and a caret under it. Long lines are cut around the place. What a terminal
/// would obey is blanked.
pub(crate) fn draw(text: &str, at: usize) -> String {
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
    let (before, after) = (visible(&cut_before), visible(&cut_after));
    format!("  {before}{after}\n  {}^", under(&before))
}

fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
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
        assert_eq!(draw("C\u{1b}[1mC", 5), "  C [1mC\n       ^");
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
