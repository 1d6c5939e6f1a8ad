//! Whatever a document has, its passages have, once and in order.

use proptest::prelude::*;
use question_answering::entry::MAX_TEXT;

use crate::{passages, reading};

/// Characters of the longest word, with what stands around it.
const LONGEST: usize = 410;

/// Words of several scripts, none of which is markup.
fn words(most: usize) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-z]{1,9}[.,!?]?",
        1 => "[äöüßéñ]{2,6}",
        1 => "[あ-んア-ン一-龥]{3,20}",
        1 => "[a-z]{200,400}",
    ];
    prop::collection::vec(word, 1..most).prop_map(|words| words.join(" "))
}

#[derive(Clone, Debug)]
enum Part {
    Heading(usize, String),
    Paragraph(Vec<String>),
    Items(Vec<String>),
    Quote(String),
    Code(Vec<String>),
    Table(Vec<(String, String)>),
    Blank,
}

fn part() -> impl Strategy<Value = Part> {
    let lines = || prop::collection::vec(words(12), 1..5);
    prop_oneof![
        2 => (1usize..7, "[a-z]{1,9}( [äöü]{1,9}){0,3}").prop_map(|(level, text)| Part::Heading(level, text)),
        4 => prop::collection::vec(words(60), 1..4).prop_map(Part::Paragraph),
        1 => lines().prop_map(Part::Items),
        1 => words(40).prop_map(Part::Quote),
        1 => lines().prop_map(Part::Code),
        1 => prop::collection::vec((words(4), words(4)), 1..8).prop_map(Part::Table),
        1 => Just(Part::Blank),
    ]
}

impl Part {
    fn markdown(&self) -> String {
        match self {
            Self::Heading(level, text) => format!("{} {text}\n\n", "#".repeat(*level)),
            Self::Paragraph(lines) => lines.join("\n") + "\n\n",
            Self::Items(items) => items.iter().map(|item| format!("- {item}\n")).collect::<String>() + "\n",
            Self::Quote(text) => format!("> {text}\n\n"),
            Self::Code(lines) => format!("```\n{}\n```\n\n", lines.join("\n\n")),
            Self::Table(rows) => {
                let rows = rows.iter().map(|(a, b)| format!("| {a} | {b} |\n"));
                format!("| x | y |\n| --- | --- |\n{}\n", rows.collect::<String>())
            }
            Self::Blank => "\n \n\n".to_owned(),
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self, Self::Code(_) | Self::Table(_))
    }
}

/// What must be in the passages. Where words are longer than a passage, a comma may stand alone, and is left out.
fn visible(text: &str, size: usize) -> String {
    let counts = |c: &char| if size > LONGEST { !c.is_whitespace() } else { c.is_alphanumeric() };
    text.chars().filter(counts).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn markdown_is_all_in_its_passages(parts in prop::collection::vec(part(), 0..25), size in 100usize..1500) {
        let text: String = parts.iter().map(Part::markdown).collect();
        let kept = parts.iter().filter(|part| !matches!(part, Part::Heading(..)));
        let expected = visible(&kept.map(Part::markdown).collect::<String>(), size);
        let (found, _) = passages("a.md", text.as_str(), &reading(size));
        prop_assert_eq!(visible(&found.iter().map(|entry| entry.answer.as_str()).collect::<String>(), size), expected);
        for entry in &found {
            let may_be_longer = parts.iter().any(|part| part.is_whole() && part.markdown().trim_end() == entry.answer);
            prop_assert!(entry.answer.chars().count() <= size || may_be_longer, "{}", entry.answer);
            prop_assert!(entry.answer.len() <= MAX_TEXT);
        }
        let headings: Vec<&str> = parts.iter().filter_map(|part| match part {
            Part::Heading(_, text) => Some(text.as_str()),
            _ => None,
        }).collect();
        prop_assert!(found.iter().flat_map(|entry| &entry.headings).all(|heading| headings.contains(&heading.as_str())));
    }

    #[test]
    fn text_is_all_in_its_passages(paragraphs in prop::collection::vec(words(80), 0..10), size in 100usize..1500) {
        let text = paragraphs.join("\n\n");
        let (found, _) = passages("a.txt", text.as_str(), &reading(size));
        prop_assert_eq!(visible(&found.iter().map(|entry| entry.answer.as_str()).collect::<String>(), size), visible(&text, size));
        prop_assert!(found.iter().all(|entry| entry.answer.chars().count() <= size));
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), marks in "[-#*>`|=~ \n\r\ta1<&;/\"']{0,300}", size in 100usize..300) {
        for name in ["a.md", "a.txt", "a.rst", "a.html"] {
            for text in [&text, &marks] {
                for entry in passages(name, text.as_str(), &reading(size)).0 {
                    prop_assert!(entry.answer.len() <= MAX_TEXT);
                }
            }
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for name in ["a.md", "a.txt", "a.html", "a.pdf", "a.docx"] {
            let _ = passages(name, bytes.as_slice(), &reading(100));
        }
    }
}
