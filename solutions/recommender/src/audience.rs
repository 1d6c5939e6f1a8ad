//! Who would want an item: its vector among those of users.

use bootcamp_core::{Error, ErrorKind, Filter, Hit, Output, Query, Result, SearchRequest};
use bootcamp_kit::Context;
use futures::TryStreamExt;

use crate::collections;
use crate::serving::Serving;
use crate::truth::events::unpack;
use crate::wish::Named;

/// Users that have rated the item already are asked for beside the others, up to so many.
const SPARE: usize = 2000;

/// The users who would want an item the most, with fields `user`, `ratings` and `facts`. Those who have rated it are left
/// out, unless `seen`.
///
/// # Errors
/// `NotFound` before the first training, and for an item that came after it; `InvalidInput` for a filter.
pub async fn audience(
    context: &Context,
    serving: &Serving,
    item: &Named,
    k: usize,
    filter: Option<&str>,
    seen: bool,
) -> Result<Vec<Hit>> {
    let model = serving.model(context).await?;
    let found = model.items(std::slice::from_ref(&item.id)).await?.pop().flatten().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the model does not know '{}'", item.name()))
            .with_hint("it came after the training: train again")
    })?;
    let spare = if seen { 0 } else { usize::try_from(found.ratings).unwrap_or(0).min(SPARE) };
    let request = SearchRequest {
        filter: filter.map(Filter::parse).transpose()?,
        output: Output::only(["user", "ratings", "facts"]),
        ..SearchRequest::new(&model.users.field, Query::from(found.vector), k + spare)
    };
    let hits =
        model.users.store.search(&model.users.collection, &request).await?.into_iter().next().unwrap_or_default();
    if seen {
        return Ok(hits);
    }
    let mut kept = Vec::with_capacity(k);
    // Page by page: mostly the first users have not seen it.
    for page in hits.chunks(k.max(50)) {
        let users: Vec<&str> = page.iter().filter_map(user).collect();
        let known = who_rated(context, &users, item.name()).await?;
        kept.extend(page.iter().filter(|hit| user(hit).is_some_and(|user| !known.contains(&user.to_owned()))).cloned());
        if kept.len() >= k {
            break;
        }
    }
    kept.truncate(k);
    Ok(kept)
}

fn user(hit: &Hit) -> Option<&str> {
    hit.fields.get("user").and_then(serde_json::Value::as_str)
}

/// Which of these users have rated an item.
async fn who_rated(context: &Context, users: &[&str], item: &str) -> Result<Vec<String>> {
    let at = collections::ratings(context);
    let filter = Filter::is_in("user", users.iter().copied());
    let output = Output::only(["user", "events"]);
    let mut batches = at.store.batches(&at.collection, Some(filter), output);
    let mut found = Vec::new();
    loop {
        let records = match batches.try_next().await {
            Ok(Some(records)) => records,
            Ok(None) => return Ok(found),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        for record in records {
            if unpack(&record.fields)?.iter().any(|event| event.item == item) {
                found.extend(record.fields.get("user").and_then(serde_json::Value::as_str).map(str::to_owned));
            }
        }
    }
}
