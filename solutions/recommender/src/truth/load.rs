//! Reads the truth as a whole, to train or to measure.

use std::collections::{BTreeMap, HashMap, HashSet};

use bootcamp_core::{ErrorKind, Fields, Output, PageRequest, Result, scan};
use bootcamp_kit::{Context, Watch};
use futures::TryStreamExt;
use serde_json::Value;

use super::catalogue::name_of;
use super::events::{taken, unpack};
use crate::collections;
use crate::model::fit::stopped;
use crate::ratings::{Duplicates, Gathering, NO_TIME, Ratings};

/// Records read together.
const PAGE: usize = 1000;

/// All that there is.
#[derive(Debug)]
pub struct Truth {
    pub ratings: Ratings,
    /// Every item of the catalogue with its facts, by name.
    pub items: BTreeMap<String, Fields>,
    /// Facts of users, by name.
    pub people: HashMap<String, Value>,
    /// Ratings of items that are not in the catalogue any more: somebody removed them.
    pub left_out: u64,
}

/// Reads all ratings, items and people.
///
/// # Errors
/// `NotFound` before the first import; those of the store.
pub async fn load(context: &Context, duplicates: Duplicates, watch: &Watch) -> Result<Truth> {
    watch.say("reading ratings");
    let items = catalogue(context).await?;
    let people = people(context).await?;
    let (ratings, left_out) = ratings(context, &items, duplicates, watch).await?;
    Ok(Truth { ratings, items, people, left_out })
}

async fn catalogue(context: &Context) -> Result<BTreeMap<String, Fields>> {
    context.existing().await?;
    let output = Output::only(["item", "title", "year", "genres", "facts"]);
    let request = PageRequest { limit: PAGE, output, ..PageRequest::default() };
    let mut records = scan(&*context.store, &context.collection, request);
    let mut items = BTreeMap::new();
    while let Some(record) = records.try_next().await? {
        items.insert(name_of(&record.fields).to_owned(), record.fields);
    }
    Ok(items)
}

async fn people(context: &Context) -> Result<HashMap<String, Value>> {
    let at = collections::people(context);
    let request = PageRequest { limit: PAGE, output: Output::only(["user", "facts"]), ..PageRequest::default() };
    let mut records = scan(&*at.store, &at.collection, request);
    let mut people = HashMap::new();
    loop {
        match records.try_next().await {
            Ok(Some(mut record)) => {
                let user = record.fields.get("user").and_then(Value::as_str).unwrap_or_default().to_owned();
                people.insert(user, record.fields.remove("facts").unwrap_or_default());
            }
            Ok(None) => return Ok(people),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(people),
            Err(error) => return Err(error),
        }
    }
}

async fn ratings(
    context: &Context,
    items: &BTreeMap<String, Fields>,
    duplicates: Duplicates,
    watch: &Watch,
) -> Result<(Ratings, u64)> {
    let at = collections::ratings(context);
    let known: HashSet<&str> = items.keys().map(String::as_str).collect();
    let mut gathering = Gathering::new(duplicates);
    let (mut left_out, mut read) = (0, 0_u64);
    let mut batches = at.store.batches(&at.collection, None, Output::only(["user", "events", "imported_at"]));
    loop {
        let records = match batches.try_next().await {
            Ok(Some(records)) => records,
            Ok(None) => break,
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        if watch.is_cancelled() {
            return Err(stopped());
        }
        for record in records {
            let user = record.fields.get("user").and_then(Value::as_str).unwrap_or_default();
            let taken = taken(&record.fields);
            for event in unpack(&record.fields)? {
                if known.contains(event.item.as_str()) {
                    gathering.add(user, &event.item, event.value, event.time.unwrap_or(NO_TIME), taken);
                } else {
                    left_out += 1;
                }
                read += 1;
            }
        }
        watch.say(format!("reading ratings, {read} so far"));
    }
    Ok((gathering.finish(), left_out))
}
