//! The catalogue: items by their names, ids and titles.

use std::collections::{BTreeSet, HashMap};

use bootcamp_core::{Error, ErrorKind, Fields, Filter, Id, Output, PageRequest, Record, Result};
use bootcamp_kit::{Context, SOURCE};
use serde_json::{Value, json};

use super::events::item_id;
use crate::collections;
use crate::model::features;

/// Ids looked up together.
const PAGE: usize = 1000;
/// Titles that are looked at for a search by words.
const LOOKED_AT: usize = 500;

/// The fields of an item of the catalogue that a table may have said something of.
pub fn complete(item: &str, mut known: Fields) -> Fields {
    let title = known.get("title").and_then(Value::as_str).unwrap_or(item);
    let title = head(title, collections::MAX_TITLE).to_owned();
    let words = head(&title.to_lowercase(), collections::MAX_TITLE).to_owned();
    known.insert("item".to_owned(), item.into());
    known.insert("title".to_owned(), title.into());
    known.insert("_words".to_owned(), words.into());
    known.entry("genres").or_insert_with(|| json!([]));
    known.entry("facts").or_insert_with(|| json!({}));
    known
}

/// What is learned from: the facts without names and numbers of the program's own.
pub fn learned(fields: &Fields) -> Vec<f32> {
    let wanted = |name: &&str| ["title", "year", "genres", "facts"].contains(name);
    let facts: Fields = fields
        .iter()
        .filter(|(name, _)| wanted(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    features::vector(&facts)
}

/// Adds items of which nothing is known but their names, so that they can be found and recommended. Says how many.
///
/// # Errors
/// Those of the store.
pub async fn add_missing(context: &Context, items: &BTreeSet<String>, now: i64) -> Result<usize> {
    context.ensure(&collections::catalogue(context)).await?;
    let items: Vec<&String> = items.iter().collect();
    let mut added = 0;
    for page in items.chunks(PAGE) {
        let ids: Vec<Id> = page.iter().map(|item| item_id(item)).collect();
        let known = context.store.get(&context.collection, &ids, &Output::ids()).await?;
        let known: BTreeSet<&Id> = known.iter().filter_map(|record| record.id.as_ref()).collect();
        let missing = page.iter().zip(&ids).filter(|(_, id)| !known.contains(id));
        let records: Vec<Record> = missing.map(|(item, id)| record(context, item, id, now)).collect();
        if !records.is_empty() {
            context.store.upsert(&context.collection, &records).await?;
        }
        added += records.len();
    }
    Ok(added)
}

fn record(context: &Context, item: &str, id: &Id, now: i64) -> Record {
    let fields = complete(item, Fields::new());
    let mut record = Record::new(id.clone()).vector(&context.field, learned(&fields));
    record.fields = fields;
    record
        .field("path", item)
        .field(SOURCE, id.to_string())
        .field("imported_at", now)
        .field("version", "")
        .field("parts", 1)
}

/// Items with all their fields, by their ids.
///
/// # Errors
/// Those of the store.
pub async fn by_id(context: &Context, ids: &[Id]) -> Result<HashMap<Id, Fields>> {
    let output = context.output(&collections::catalogue(context));
    let mut found = HashMap::with_capacity(ids.len());
    for page in ids.chunks(PAGE) {
        let records = context.or_missing(context.store.get(&context.collection, page, &output).await).await?;
        found.extend(records.into_iter().filter_map(|record| Some((record.id?, record.fields))));
    }
    Ok(found)
}

/// Items whose titles contain these words, the likeliest first: those that begin with them, then by length.
///
/// # Errors
/// Those of the store.
pub async fn by_words(context: &Context, words: &str, k: usize) -> Result<Vec<(Id, Fields)>> {
    let wanted = words.trim().to_lowercase();
    let mut filter = None;
    if !wanted.is_empty() {
        filter = Some(Filter::parse(&format!("_words like {}", pattern(&wanted)))?);
    }
    let output = context.output(&collections::catalogue(context));
    let request = PageRequest { filter, limit: LOOKED_AT, output, ..PageRequest::default() };
    let page = context.or_missing(context.store.page(&context.collection, &request).await).await?;
    let mut found: Vec<(Id, Fields)> =
        page.records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
    let rank = |fields: &Fields| {
        let title = title_of(fields).to_lowercase();
        (title != wanted, title.find(&wanted).unwrap_or(usize::MAX), title.len(), title)
    };
    found.sort_by_cached_key(|(_, fields)| rank(fields));
    found.truncate(k);
    Ok(found)
}

/// A pattern that holds for texts with these words in them.
fn pattern(words: &str) -> String {
    let mut text = String::from("%");
    for letter in words.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('%');
    Value::from(text).to_string()
}

/// An item that a person names: by its own name, by its id, or by its title.
///
/// # Errors
/// `NotFound` when there is none, with others that are called nearly so.
pub async fn find(context: &Context, text: &str) -> Result<(Id, Fields)> {
    let candidates = [item_id(text), Id::from(text)];
    let known = by_id(context, &candidates).await?;
    if let Some(found) = candidates.into_iter().find_map(|id| known.get(&id).map(|fields| (id, fields.clone()))) {
        return Ok(found);
    }
    let mut alike = by_words(context, text, 6).await?;
    let missing = || Error::new(ErrorKind::NotFound, format!("there is no item '{text}'"));
    if alike.is_empty() {
        return Err(missing().with_hint("give an item's id or a part of its title"));
    }
    let is_title = |(_, fields): &(Id, Fields)| title_of(fields).to_lowercase() == text.trim().to_lowercase();
    if alike.len() == 1 || is_title(&alike[0]) {
        return Ok(alike.swap_remove(0));
    }
    let names: Vec<String> = alike.iter().take(5).map(|(_, fields)| shown(fields)).collect();
    let error = Error::invalid(format!("several items are called '{text}'"));
    Err(error.with_hint(format!("give the whole title, or an id, of {}", names.join("; "))))
}

/// `Toy Story (item 1)`.
fn shown(fields: &Fields) -> String {
    format!("{} (item {})", title_of(fields), name_of(fields))
}

/// The title of an item.
pub fn title_of(fields: &Fields) -> &str {
    fields.get("title").and_then(Value::as_str).unwrap_or_default()
}

/// The name of an item, as its tables call it.
pub fn name_of(fields: &Fields) -> &str {
    fields.get("item").and_then(Value::as_str).unwrap_or_default()
}

/// The beginning of a text, in whole letters.
fn head(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_facts_is_called_by_its_name() {
        let fields = complete("Ü 7", Fields::new());
        assert_eq!((title_of(&fields), name_of(&fields), &fields["_words"]), ("Ü 7", "Ü 7", &json!("ü 7")));
        let fields = complete("1", Fields::from_iter([("title".to_owned(), "ß".repeat(3000).into())]));
        assert_eq!(title_of(&fields).len(), collections::MAX_TITLE);
    }

    #[test]
    fn words_of_people_are_no_pattern() {
        assert_eq!(pattern("50% \"a\"_\\"), r#""%50\\% \"a\"\\_\\\\%""#);
    }
}
