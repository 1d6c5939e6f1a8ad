//! Turns entries into records. A model reads some two hundred words, so an entry has several parts, each with a vector of
//! its own: the question, and as many windows of the answer or passage as it takes. A search ranks entries by their best
//! part.

use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::encoder::{Role, TextEncoder, Tokens};
use bootcamp_core::{Fields, MAX_STRING, Result, ScalarField, ScalarKind, Vector};
use bootcamp_kit::hex;
use bootcamp_kit::ingest::{Item, Items, Pipeline};
use bootcamp_kit::source::Source;
use serde_json::{Value, json};

use crate::detect::detect;
use crate::discover::{self, Reading};
use crate::entry::Entry;

/// Which entry a record is a part of: the same text has the same, wherever it comes from.
pub const ENTRY: &str = "entry";
/// Numbers an entry's parts from 0.
pub const PART: &str = "part";
/// Words for full-text search: all of an entry in its first part, nothing in the others, so that each entry counts once.
pub const WORDS: &str = "_words";
/// Hex digits of [`ENTRY`].
const ENTRY_LENGTH: usize = 20;
/// Tokens by which the windows of a long text overlap, so that no sentence is torn in both.
const OVERLAP: usize = 32;

/// Bytes of a question, or of headings, that stand before each window: half of it.
const LEAD: usize = 400;

/// The fields of a part, except for its vector.
pub fn fields(full_text: bool) -> Vec<ScalarField> {
    let words = ScalarField::string(WORDS);
    vec![
        ScalarField::new(ENTRY, ScalarKind::String { max_len: ENTRY_LENGTH }),
        ScalarField::int(PART),
        ScalarField::string("question").nullable(),
        ScalarField::string("answer").not_filterable(),
        ScalarField::string("title").nullable(),
        ScalarField::string("headings").nullable(),
        ScalarField::int("page").nullable(),
        ScalarField::string("language").nullable(),
        ScalarField::json("tags").nullable(),
        // What else a table said: extra["author"] == "Ada".
        ScalarField::json("extra").nullable(),
        // The part's bytes of the answer; both are 0 where the part is the question.
        ScalarField::int("from").not_filterable(),
        ScalarField::int("to").not_filterable(),
        if full_text { words.full_text() } else { words },
    ]
}

/// Entries through a text model.
#[derive(Debug)]
pub struct Entries {
    pub encoder: TextEncoder,
    pub reading: Reading,
    pub max_bytes: u64,
}

#[async_trait]
impl Pipeline for Entries {
    type Input = Tokens;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Tokens>> {
        let entries = discover::entries(source, &self.reading, self.max_bytes)?;
        Ok(Box::new(entries.flat_map(move |entry| match entry.and_then(|entry| self.parts(entry)) {
            Ok(parts) => parts.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })))
    }

    async fn encode(&self, inputs: Vec<Tokens>) -> Result<Vec<Vector>> {
        Ok(self.encoder.embed(inputs).await?.into_iter().map(Vector::F32).collect())
    }
}

impl Entries {
    fn parts(&self, entry: Entry) -> Result<Vec<Item<Tokens>>> {
        let headings = entry.headings.join(" > ");
        let about = [entry.title.as_deref().unwrap_or_default(), &headings];
        let about = about.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        let question = entry.question.as_deref().unwrap_or_default();
        let mut inputs = Vec::new();
        if !question.is_empty() {
            inputs.push((0..0, self.encoder.prepare_as(Role::Passage, question)?));
        }
        // An answer that begins with its question is more like other ways of asking it, and a passage without its heading
        // may not say what it is about. A long one leaves room.
        let lead = if question.is_empty() { about.as_str() } else { question };
        inputs.extend(self.encoder.windows(&lead[..lead.floor_char_boundary(LEAD)], &entry.answer, OVERLAP)?);
        let shared = Arc::new(shared(&entry));
        let words = [about.as_str(), question, &entry.answer].join("\n");
        // Both at their longest do not fit into one field: the end of the answer is then found by its embedding alone.
        let words = words[..words.floor_char_boundary(MAX_STRING)].trim();
        let parts = inputs.into_iter().enumerate().map(|(part, (range, input))| {
            let mut fields = Fields::clone(&shared);
            fields.insert(PART.to_owned(), part.into());
            fields.insert("from".to_owned(), range.start.into());
            fields.insert("to".to_owned(), range.end.into());
            fields.insert(WORDS.to_owned(), if part == 0 { words.into() } else { "".into() });
            Item { fields, thumbnail: None, span: None, input }
        });
        Ok(parts.collect())
    }
}

/// What all parts of an entry have in common.
fn shared(entry: &Entry) -> Fields {
    let mut fields = Fields::new();
    let mut text = |name: &str, value: Option<String>| {
        fields.extend(value.map(|value| (name.to_owned(), Value::String(value))));
    };
    let whole = [entry.question.as_deref().unwrap_or_default(), &entry.answer].join("\n");
    text(ENTRY, Some(key(entry)));
    text("question", entry.question.clone());
    text("answer", Some(entry.answer.clone()));
    text("title", entry.title.clone());
    text("headings", Some(entry.headings.join(" > ")).filter(|headings| !headings.is_empty()));
    text("language", entry.language.clone().or_else(|| detect(&whole).map(str::to_owned)));
    fields.extend(entry.page.map(|page| ("page".to_owned(), page.into())));
    if !entry.tags.is_empty() {
        fields.insert("tags".to_owned(), json!(entry.tags));
    }
    if !entry.extra.is_empty() {
        fields.insert("extra".to_owned(), Value::Object(entry.extra.clone()));
    }
    fields
}

/// The key of an entry: a hash of its words, whatever their case and the space between them.
fn key(entry: &Entry) -> String {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let text = [plain(entry.question.as_deref().unwrap_or_default()), plain(&entry.answer)].join("\0");
    hex(text.as_bytes())[..ENTRY_LENGTH].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_the_same_entry() {
        let entry = |question: Option<&str>, answer: &str| Entry {
            question: question.map(str::to_owned),
            answer: answer.to_owned(),
            ..Entry::default()
        };
        let one = key(&entry(Some("Why?"), "Because  it\nis."));
        assert_eq!(one, key(&entry(Some(" why?"), "because it is.")));
        assert_ne!(one, key(&entry(Some("Why?"), "Because it is not.")), "another answer");
        assert_ne!(one, key(&entry(None, "why? because it is.")), "a passage");
        assert_eq!(one.len(), ENTRY_LENGTH);
    }
}
