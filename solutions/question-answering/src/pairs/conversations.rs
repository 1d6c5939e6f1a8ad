//! Conversations as ChatterBot's corpus has them: in each, a statement is answered by the next one, so that three
//! statements are two pairs, as ChatterBot learns them.

use std::fmt;
use std::path::Path;

use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{Pairs, checked};
use crate::encoding::Encoded;
use crate::entry::{Entry, tidy, title};
use crate::language;
use crate::reading::Reading;

/// Nodes of YAML that are read: far more than a file of the corpus has.
const MAX_NODES: usize = 10_000_000;

/// What is read of a file.
#[derive(serde::Deserialize)]
struct Corpus {
    #[serde(default)]
    categories: Node,
    conversations: Node,
}

/// A piece of YAML.
#[derive(Default)]
enum Node {
    Text(String),
    List(Vec<Spanned<Node>>),
    #[default]
    Other,
}

/// The pairs of a file in YAML; `None` when it is about something else.
pub(super) fn read(name: &str, content: &Content, reading: &Reading, max_bytes: u64) -> Result<Option<Pairs>> {
    let bytes = content.read(max_bytes)?;
    let text = Encoded::of(&Content::Bytes(bytes), reading.encoding.as_deref(), |_| None)?;
    let mut yaml = String::new();
    let mut decoder = text.open()?;
    while decoder.more(&mut yaml)? {}
    if !yaml.contains("conversations") {
        return Ok(None);
    }
    if let Some(note) = &text.note {
        reading.notes.warn(format!("{name}: {note}"));
    }
    let corpus = parse(&yaml)?;
    let Node::List(conversations) = corpus.conversations else {
        return Err(Error::invalid("'conversations' is no list").with_hint("write one as '- - question', '  - answer'"));
    };
    let about = Entry { tags: tags(corpus.categories), language: language_of(name), ..Entry::default() };
    Ok(Some(Box::new(conversations.into_iter().flat_map(move |conversation| pairs(&conversation, &about)))))
}

fn parse(yaml: &str) -> Result<Corpus> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 2 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_total_scalar_bytes: usize::MAX,
        },
        // Answers such as "No" and "007" are texts.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let line = error.location().map(|location| format!("line {}: ", location.line())).unwrap_or_default();
        let error = error.without_snippet().to_string();
        let reason = error.lines().next().unwrap_or_default();
        Error::invalid(format!("it is no YAML of conversations: {line}{reason}"))
    })
}

fn tags(categories: Node) -> Vec<String> {
    match categories {
        Node::Text(tag) => title(&tag).into_iter().collect(),
        Node::List(tags) => tags.into_iter().flat_map(|tag| self::tags(tag.value)).collect(),
        Node::Other => Vec::new(),
    }
}

/// The corpus has a folder for each language: `english/ai.yml`.
fn language_of(name: &str) -> Option<String> {
    let folder = Path::new(name).parent()?.file_name()?.to_str()?;
    language::code(folder).map(str::to_owned)
}

fn pairs(conversation: &Spanned<Node>, about: &Entry) -> Vec<(u64, Result<Entry>)> {
    let Node::List(statements) = &conversation.value else {
        let line = conversation.referenced.line();
        let error = Error::invalid("the conversation is no list of a question and its answers");
        return vec![(line, Err(error.with_hint("begin it with '- -'")))];
    };
    if let [alone] = statements.as_slice() {
        return vec![(alone.referenced.line(), Err(Error::invalid("the conversation has no answer")))];
    }
    let pair = |statements: &[Spanned<Node>]| {
        let [question, answer] = statements else { return None };
        let entry = text(question, "question").and_then(|question| {
            checked(Entry { question: Some(question), answer: text(answer, "answer")?, ..about.clone() })
        });
        Some((question.referenced.line(), entry))
    };
    statements.windows(2).filter_map(pair).collect()
}

fn text(statement: &Spanned<Node>, what: &str) -> Result<String> {
    match &statement.value {
        Node::Text(text) => Ok(tidy(text).trim().to_owned()),
        _ => Err(Error::invalid(format!("the {what} in line {} is no text", statement.referenced.line()))
            .with_hint("put it in quotes if it has a colon")),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Text(truth.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Text(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }
}
