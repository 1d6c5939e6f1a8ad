//! Checks the citations of an answer while it arrives: `[2]` has to name one of the passages that the answer was written
//! from.

/// Digits of a citation; longer numbers are none.
const DIGITS: usize = 4;

/// Checks text in pieces. A bracket that may become a citation is held back until it is known whether it does.
#[derive(Debug)]
pub struct Citations {
    passages: usize,
    held: String,
    cited: Vec<usize>,
    unknown: Vec<usize>,
}

impl Citations {
    pub fn new(passages: usize) -> Self {
        Self { passages, held: String::new(), cited: Vec::new(), unknown: Vec::new() }
    }

    /// The next piece of text, without the citations that name no passage.
    pub fn check(&mut self, piece: &str) -> String {
        let mut text = String::new();
        for c in piece.chars() {
            match (self.held.is_empty(), c) {
                (_, '[') => {
                    text.push_str(&std::mem::replace(&mut self.held, "[".to_owned()));
                }
                (true, c) => text.push(c),
                (false, ']') => self.close(&mut text),
                (false, c) if is_list(c) && self.held.len() < 64 => self.held.push(c),
                (false, c) => {
                    text.push_str(&std::mem::take(&mut self.held));
                    text.push(c);
                }
            }
        }
        text
    }

    /// What was held back at the end.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The passages that were cited, and the numbers that name none; each once, in order.
    pub fn into_numbers(self) -> (Vec<usize>, Vec<usize>) {
        (self.cited, self.unknown)
    }

    /// Ends a bracket: `[2]`, or `[1, 3]`.
    fn close(&mut self, text: &mut String) {
        let held = std::mem::take(&mut self.held);
        let numbers: Vec<&str> = held[1..].split(',').map(str::trim).collect();
        let is_citation = numbers
            .iter()
            .all(|number| (1..=DIGITS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_citation {
            text.push_str(&held);
            text.push(']');
            return;
        }
        for number in numbers.into_iter().filter_map(|number| number.parse::<usize>().ok()) {
            let is_known = (1..=self.passages).contains(&number);
            let list = if is_known { &mut self.cited } else { &mut self.unknown };
            if !list.contains(&number) {
                list.push(number);
            }
            if is_known {
                text.push_str(&format!("[{number}]"));
            }
        }
    }
}

fn is_list(c: char) -> bool {
    c.is_ascii_digit() || c == ',' || c == ' '
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(passages: usize, pieces: &[&str]) -> (String, Vec<usize>, Vec<usize>) {
        let mut citations = Citations::new(passages);
        let mut text: String = pieces.iter().map(|piece| citations.check(piece)).collect();
        text += &citations.finish();
        let (cited, unknown) = citations.into_numbers();
        (text, cited, unknown)
    }

    #[test]
    fn citations_of_no_passage_are_left_out_and_told() {
        assert_eq!(
            all(3, &["It is so [2]. And so [7], as [1,", " 3] say."]),
            ("It is so [2]. And so , as [1][3] say.".to_owned(), vec![2, 1, 3], vec![7])
        );
        assert_eq!(all(3, &["a[0]b[", "99999]c"]), ("ab[99999]c".to_owned(), vec![], vec![0]));
        assert_eq!(all(1, &["x[i] = [1", "", "] [", "unclosed"]), ("x[i] = [1] [unclosed".to_owned(), vec![1], vec![]));
        assert_eq!(all(1, &["[[1]]", "[1"]), ("[[1]][1".to_owned(), vec![1], vec![]));
    }

    proptest! {
        /// However the text is cut into pieces.
        #[test]
        fn pieces_make_no_difference(text in "[\\[\\]0-9, ab]{0,40}", at in 0usize..41) {
            let at = at.min(text.len());
            prop_assert_eq!(all(3, &[&text]), all(3, &[&text[..at], &text[at..]]));
        }

        /// Text without brackets comes through as it is.
        #[test]
        fn other_text_stays(text in "[^\\[]{0,60}") {
            prop_assert_eq!(all(3, &[&text]).0, text);
        }
    }
}
