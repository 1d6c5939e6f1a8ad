//! Ratings that are given live: kept at once, and the users folded in again, without a training.

use std::collections::{BTreeMap, BTreeSet};

use bootcamp_core::{Error, ErrorKind, Record, Result};
use bootcamp_kit::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::serving::{Model, Serving};
use crate::tables::{MAX_NAME, finite, milliseconds};
use crate::truth::catalogue;
use crate::truth::events::{Event, history, item_id, live};
use crate::{collections, moment, publishing};

/// The most events of one request.
pub const MAX_EVENTS: usize = 1000;

/// A rating or an event.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    #[schema(example = "42", max_length = 1024)]
    pub user: String,
    #[schema(example = "50", max_length = 1024)]
    pub item: String,
    /// A rating, or how often or how long. 1 if it is left out.
    #[schema(example = 5)]
    pub value: Option<f64>,
    /// Seconds or milliseconds since 1970, or a date. Now, if it is left out.
    #[schema(value_type = Option<Object>)]
    pub time: Option<serde_json::Value>,
    /// What makes it different from others of the same user and item. One with the same id, or without any, replaces the
    /// one before, so that a request can be repeated.
    pub id: Option<String>,
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Taken {
    /// Events that were kept.
    pub kept: usize,
    /// Users whose recommendations have changed at once. None before the first training.
    pub folded: usize,
    /// Items that were not known before, and are recommended after the next training.
    pub new_items: usize,
}

/// An event that was looked at.
struct Checked {
    user: String,
    event: Event,
    key: String,
}

impl Given {
    fn check(self, at: usize, now: i64) -> Result<Checked> {
        let here = |error: Error| error.context(format_args!("event {}", at + 1));
        let name = |text: &str, what: &str| match text.trim() {
            "" => Err(here(Error::invalid(format!("it has no {what}")))),
            text if text.len() > MAX_NAME => {
                Err(here(Error::invalid(format!("the name of its {what} is longer than {MAX_NAME} bytes"))))
            }
            text => Ok(text.to_owned()),
        };
        let value = self.value.unwrap_or(1.0);
        let value = finite(Some(value as f32))
            .ok_or_else(|| here(Error::invalid(format!("its value {value} is not a finite number"))))?;
        let time = match &self.time {
            None => now,
            Some(serde_json::Value::String(text)) => milliseconds(text).map_err(here)?,
            Some(other) => milliseconds(&other.to_string()).map_err(here)?,
        };
        let (user, item) = (name(&self.user, "user")?, name(&self.item, "item")?);
        let key = self.id.unwrap_or_default();
        if key.len() > MAX_NAME {
            return Err(here(Error::invalid(format!("its id is longer than {MAX_NAME} bytes"))));
        }
        Ok(Checked { user, event: Event { item, value, time: Some(time) }, key })
    }
}

/// Keeps events and folds their users in. When it returns, they are as durable as everything in the store.
///
/// # Errors
/// `InvalidInput`, which names the event, before anything is kept; those of the store.
pub async fn take(context: &Context, serving: &Serving, given: Vec<Given>) -> Result<Taken> {
    if given.is_empty() || given.len() > MAX_EVENTS {
        return Err(Error::invalid(format!("there are {} events, expected 1 to {MAX_EVENTS}", given.len())));
    }
    let now = moment::now();
    let checked = given.into_iter().enumerate().map(|(at, given)| given.check(at, now));
    let checked: Vec<Checked> = checked.collect::<Result<_>>()?;
    let items: BTreeSet<String> = checked.iter().map(|checked| checked.event.item.clone()).collect();
    let new_items = catalogue::add_missing(context, &items, now).await?;
    let at = collections::ratings(context);
    at.ensure(&collections::ratings_spec(&at)).await?;
    // Of one user, item and key the last counts; a call takes each id once.
    let records: BTreeMap<String, Record> = checked
        .iter()
        .map(|Checked { user, event, key }| live(user, event, key, now))
        .map(|record| (record.id.as_ref().map(ToString::to_string).unwrap_or_default(), record))
        .collect();
    let records: Vec<Record> = records.into_values().collect();
    at.store.upsert(&at.collection, &records).await?;
    let users: BTreeSet<String> = checked.into_iter().map(|checked| checked.user).collect();
    let folded = fold(context, serving, &users).await?;
    Ok(Taken { kept: records.len(), folded, new_items })
}

/// Computes the vectors of users again from all that they have rated. Says how many.
async fn fold(context: &Context, serving: &Serving, users: &BTreeSet<String>) -> Result<usize> {
    let model = match serving.model(context).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        other => other?,
    };
    let mut records = Vec::with_capacity(users.len());
    for user in users {
        records.push(folded(context, &model, user).await?);
    }
    model.users.store.upsert(&model.users.collection, &records).await?;
    Ok(records.len())
}

async fn folded(context: &Context, model: &Model, user: &str) -> Result<Record> {
    let rated = history(context, user, model.info.duplicates).await?;
    let (known, _) = model.known(&rated).await?;
    let vector = model.fold(&known)?.vector;
    let people = collections::people(context);
    let ids = [item_id(user)];
    let facts = match people.store.get(&people.collection, &ids, &bootcamp_core::Output::only(["facts"])).await {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        other => other?.into_iter().next().and_then(|mut record| record.fields.remove("facts")),
    };
    Ok(publishing::user(user, vector, rated.len() as i64, facts.unwrap_or_else(|| json!({}))))
}
