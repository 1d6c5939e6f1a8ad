//! Ratings as they are stored: a bundle holds those of one user from one file, or a single one that was given live. What
//! was given is kept as it was; several ratings of one item come to one only when they are read.

use bootcamp_core::{Error, ErrorKind, Fields, Filter, Id, Output, PageRequest, Record, Result, scan};
use bootcamp_kit::ingest::source_id;
use bootcamp_kit::{Context, SOURCE};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::collections;
use crate::ratings::{Duplicates, NO_TIME};

/// Bytes of a bundle's events; a user with more has several bundles. Half of what a field can hold.
pub const MAX_BUNDLE: usize = 32 << 10;
/// Bundles read together.
const PAGE: usize = 256;

/// One rating of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub item: String,
    pub value: f32,
    /// Milliseconds since 1970.
    pub time: Option<i64>,
}

impl Event {
    fn json(&self) -> Value {
        // As short as it can be: 3, not 3.0.
        let value = if self.value.fract() == 0.0 && self.value.abs() < 1e9 {
            json!(self.value as i64)
        } else {
            json!(self.value)
        };
        json!([self.item, value, self.time])
    }

    /// Bytes that it takes in a bundle, about.
    pub fn size(&self) -> usize {
        // Letters beyond ASCII may be escaped on the way.
        6 * self.item.len() + 40
    }
}

/// Events as one field.
pub fn pack(events: &[Event]) -> Value {
    events.iter().map(Event::json).collect()
}

/// The events of a bundle.
///
/// # Errors
/// `Corrupt` when it is none.
pub fn unpack(fields: &Fields) -> Result<Vec<Event>> {
    let damaged =
        || Error::new(ErrorKind::Corrupt, "a bundle of ratings is damaged").with_hint("import its file again");
    let event = |value: &Value| {
        let [item, value, time] = value.as_array()?.as_slice() else { return None };
        Some(Event { item: item.as_str()?.to_owned(), value: value.as_f64()? as f32, time: time.as_i64() })
    };
    let list = fields.get("events").and_then(Value::as_array).ok_or_else(damaged)?;
    list.iter().map(|value| event(value).ok_or_else(damaged)).collect()
}

/// A bundle of a single event that was given live. One of the same user, item and `key` replaces it: so a request can be
/// repeated, and without a key a user's newest opinion of an item counts.
pub fn live(user: &str, event: &Event, key: &str, now: i64) -> Record {
    let id = source_id(&format!("live\0{user}\0{}\0{key}", event.item));
    let source = id.to_string();
    Record::new(id)
        .vector(collections::UNUSED, collections::unused())
        .field("user", user)
        .field("events", pack(std::slice::from_ref(event)))
        .field("path", "live")
        .field(SOURCE, source)
        .field("imported_at", now)
        .field("version", "")
        .field("parts", 1)
}

/// What a user thinks of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Rated {
    pub item: String,
    pub value: f32,
    /// Milliseconds since 1970.
    pub time: Option<i64>,
}

/// All that a user has rated, one rating an item, the latest first.
///
/// # Errors
/// Those of the store.
pub async fn history(context: &Context, user: &str, duplicates: Duplicates) -> Result<Vec<Rated>> {
    let at = collections::ratings(context);
    let request = PageRequest {
        filter: Some(Filter::eq("user", user)),
        limit: PAGE,
        output: Output::only(["events", "imported_at"]),
        ..PageRequest::default()
    };
    let found: Result<Vec<Record>> = scan(&*at.store, &at.collection, request).try_collect().await;
    let records = match found {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut all: Vec<(Event, i64)> = Vec::new();
    for record in records {
        let taken = taken(&record.fields);
        all.extend(unpack(&record.fields)?.into_iter().map(|event| (event, taken)));
    }
    all.sort_by(|(a, at), (b, then)| {
        (&a.item, a.time.unwrap_or(NO_TIME), at).cmp(&(&b.item, b.time.unwrap_or(NO_TIME), then))
    });
    let mut rated: Vec<Rated> = Vec::with_capacity(all.len());
    for (Event { item, value, time }, _) in all {
        match rated.last_mut().filter(|last| last.item == item) {
            Some(last) => (last.value, last.time) = (duplicates.merge(last.value, value), time),
            None => rated.push(Rated { item, value, time }),
        }
    }
    rated.sort_by_key(|rated| std::cmp::Reverse(rated.time));
    Ok(rated)
}

/// When a bundle was taken in, in milliseconds since 1970.
pub fn taken(fields: &Fields) -> i64 {
    fields.get("imported_at").and_then(Value::as_i64).unwrap_or_default()
}

/// The ids of items by their names, in the catalogue and in every model.
pub fn item_id(item: &str) -> Id {
    source_id(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_as_they_went_in() {
        let event = |item: &str, value, time| Event { item: item.to_owned(), value, time };
        let events =
            [event("50", 5.0, Some(881_250_949_000)), event("ü \"x\"\n", -0.25, None), event("z", 1e20, Some(-1))];
        let fields = Fields::from_iter([("events".to_owned(), pack(&events))]);
        assert_eq!(unpack(&fields).unwrap(), events);
        assert_eq!(fields["events"][0].to_string(), "[\"50\",5,881250949000]");
        assert!(events.iter().all(|event| event.json().to_string().len() <= event.size()));
        assert_eq!(unpack(&Fields::new()).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn live_events_replace_each_other_by_their_key() {
        let event = Event { item: "50".to_owned(), value: 5.0, time: None };
        let id = |user: &str, key: &str| live(user, &event, key, 0).id;
        assert_eq!(id("a", ""), id("a", ""));
        assert_ne!(id("a", ""), id("a", "7"));
        assert_ne!(id("a", ""), id("b", ""));
    }
}
