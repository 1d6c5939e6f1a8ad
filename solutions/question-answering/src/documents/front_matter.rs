//! What stands above a Markdown document in YAML, between lines of three hyphens.

use serde_json::{Map, Value};

use super::About;
use crate::entry::title;
use crate::language;

/// Bytes of the longest that is read.
const MAX_BYTES: usize = 64 << 10;

/// The front matter at the beginning of a text: its YAML, and where the text goes on. `None` if there is none.
pub(super) fn find(text: &str) -> Option<(&str, usize)> {
    let mut lines = text.get(..text.floor_char_boundary(MAX_BYTES))?.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    let mut at = first.len();
    for line in lines {
        let end = at + line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return Some((&text[first.len()..at], end));
        }
        at = end;
    }
    None
}

/// What it says of the document, and how many other things it says. `None` if it is no YAML.
pub(super) fn read(yaml: &str) -> Option<(About, usize)> {
    if yaml.trim().is_empty() {
        return Some((About::default(), 0));
    }
    let mut fields: Map<String, Value> = serde_saphyr::from_str(yaml).ok()?;
    let about = About {
        title: fields.get("title").and_then(text).as_deref().and_then(title),
        tags: ["tags", "categories"].iter().filter_map(|name| fields.get(*name)).flat_map(tags).collect(),
        language: ["language", "lang"]
            .iter()
            .find_map(|name| language::code(fields.get(*name)?.as_str()?))
            .map(str::to_owned),
    };
    fields.retain(|name, _| !matches!(name.as_str(), "title" | "tags" | "categories" | "language" | "lang"));
    Some((about, fields.len()))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn tags(value: &Value) -> Vec<String> {
    match value {
        Value::Array(tags) => tags.iter().filter_map(|tag| title(&text(tag)?)).collect(),
        other => text(other).iter().flat_map(|tags| tags.split(',').filter_map(title)).collect(),
    }
}
