//! Patterns of `like`: `%` is any text, `_` any one character, a backslash takes the meaning from what follows it.

use std::fmt::{self, Write};

/// A pattern, cut up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    /// `_`
    One,
    /// `%`
    Any,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' if pieces.last() == Some(&Piece::Any) => {}
                '%' => pieces.push(Piece::Any),
                '_' => pieces.push(Piece::One),
                '\\' => pieces.push(Piece::Char(chars.next().unwrap_or('\\'))),
                c => pieces.push(Piece::Char(c)),
            }
        }
        Self { pieces }
    }

    /// The one text it matches, when there is only one.
    pub(super) fn exact(&self) -> Option<String> {
        plain(&self.pieces)
    }

    /// The text before a `%` at the end, when that is its only wildcard.
    pub(super) fn prefix(&self) -> Option<String> {
        let (Piece::Any, start) = self.pieces.split_last()? else { return None };
        plain(start)
    }

    /// Whether the pattern needs escapes to be written.
    #[cfg(any(feature = "milvus", test))]
    pub(super) fn has_escapes(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Char('%' | '_' | '\\')))
    }

    /// Whether it matches the whole of a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        // Greedy with one way back: a later `%` never needs what an earlier one would try again.
        let (mut rest, mut at) = (text, 0);
        let mut back: Option<(&str, usize)> = None;
        loop {
            let fits = match (self.pieces.get(at), rest.chars().next()) {
                (Some(Piece::Any), _) => {
                    back = Some((rest, at + 1));
                    at += 1;
                    continue;
                }
                (Some(Piece::One), Some(c)) => Some(c),
                (Some(Piece::Char(wanted)), Some(c)) => Some(c).filter(|c| c == wanted),
                (None, None) => return true,
                _ => None,
            };
            if let Some(c) = fits {
                rest = &rest[c.len_utf8()..];
                at += 1;
                continue;
            }
            let Some((from, after)) = back else { return false };
            let Some(c) = from.chars().next() else { return false };
            rest = &from[c.len_utf8()..];
            at = after;
            back = Some((rest, after));
        }
    }
}

/// The pattern in normal spelling.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Char(c @ ('%' | '_' | '\\')) => write!(f, "\\{c}"),
            Piece::Char(c) => f.write_char(*c),
            Piece::One => f.write_char('_'),
            Piece::Any => f.write_char('%'),
        })
    }
}

fn plain(pieces: &[Piece]) -> Option<String> {
    pieces.iter().map(|piece| if let Piece::Char(c) = piece { Some(*c) } else { None }).collect()
}

/// The first string, in byte order, after all that start with `prefix`; none for a prefix that nothing follows.
pub(super) fn after(prefix: &str) -> Option<String> {
    let (start, last) = prefix.char_indices().rev().find(|(_, c)| *c != char::MAX)?;
    let next = (u32::from(last) + 1..).find_map(char::from_u32)?;
    Some(format!("{}{next}", &prefix[..start]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_sql_does() {
        let yes = [
            ("abc", "abc"),
            ("a%", "a"),
            ("a%", "abc"),
            ("%c", "abc"),
            ("%b%", "abc"),
            ("a_c", "a日c"),
            ("%", ""),
            ("%%", "x"),
            (r"50\%", "50%"),
            (r"a\_c", "a_c"),
            (r"a\\c", r"a\c"),
            ("a\\", "a\\"),
            ("%a%a%", "banana"),
            ("%ab", "aab"),
            ("a%b%c", "axxbyyc"),
            ("_%_", "ab"),
            ("a%c", "a\nc"),
            ("a_c", "a\nc"),
        ];
        for (pattern, text) in yes {
            assert!(Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
        let no = [
            ("abc", "ABC"),
            ("a%", "ba"),
            ("", "x"),
            ("_", ""),
            ("_", "ab"),
            (r"50\%", "50x"),
            (r"a\_c", "abc"),
            ("%ab", "aba"),
            ("_%_", "a"),
            ("abc", "abcd"),
            ("abcd", "abc"),
        ];
        for (pattern, text) in no {
            assert!(!Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn simple_patterns_are_seen() {
        assert_eq!(Pattern::new(r"a\%b").exact().as_deref(), Some("a%b"));
        assert_eq!(Pattern::new("ab%%").prefix().as_deref(), Some("ab"));
        assert_eq!(Pattern::new("%").prefix().as_deref(), Some(""));
        assert_eq!(Pattern::new("a_%").prefix(), None);
        assert_eq!(Pattern::new("").exact().as_deref(), Some(""));
        assert_eq!(Pattern::new("").prefix(), None);
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(after(""), None);
        assert_eq!(after("\u{10ffff}"), None);
    }
}
