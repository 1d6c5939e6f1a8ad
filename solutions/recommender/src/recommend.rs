//! From a taste to items: the vector, the search, what is left out, the order, and the reasons.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bootcamp_core::{Error, Fields, Filter, Hit, Id, MAX_K, Output, PageRequest, Query, Result, SearchRequest, Vector};
use bootcamp_kit::{Context, SearchQuery, combine, stored_vector};
use serde_json::{Value, json};

use crate::collections::FACTORS;
use crate::model::fold::{Folded, Known};
use crate::ranking::{Candidate, Taste, order};
use crate::serving::{Model, Serving};
use crate::truth::catalogue::{by_id, name_of, title_of};
use crate::truth::events::{Rated, history, item_id};
use crate::wish::Wish;

/// Candidates for each item of a list that is not ordered by score alone.
const POOL: usize = 10;
/// Candidates of such a list at least.
const MIN_POOL: usize = 100;
/// Hits beyond those asked for: of items that were removed since the training.
const SPARE: usize = 16;
/// Items that are looked at for the popular ones.
const LOOKED_AT: usize = 10_000;
/// Reasons that are given.
pub const REASONS: usize = 3;

/// What was found for a taste.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// With the fields of the catalogue.
    pub hits: Vec<Hit>,
    /// Of each hit why it is there, if that was asked for.
    pub reasons: Vec<Vec<Reason>>,
    pub notes: Vec<String>,
}

/// An item of the user's that speaks for another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// As its tables call it.
    pub item: String,
    pub title: String,
    /// What it adds to the score.
    pub adds: f32,
}

impl Reason {
    pub fn json(&self) -> Value {
        json!({"item": self.item, "title": self.title, "adds": self.adds})
    }
}

/// A taste as a vector.
struct Vectored {
    vector: Vec<f32>,
    /// The parts that it is made of, and the items that they are of; only where the vector was folded in.
    folded: Option<(Arc<Folded>, Vec<String>)>,
    /// What the user has rated.
    seen: Vec<Id>,
}

/// Searches for what fits a taste.
///
/// # Errors
/// `NotFound` for a user without ratings and before the first training; `InvalidInput` for a filter; those of the store.
pub async fn recommend(context: &Context, serving: &Serving, query: &SearchQuery, wish: &Wish) -> Result<Found> {
    let model = serving.model(context).await?;
    let explains = query.options.is_on("explain");
    let Vectored { vector, folded, seen } = vectored(context, &model, wish, explains).await?;
    let mut out: HashSet<Id> = wish.likes.iter().chain(&wish.dislikes).map(|named| named.id.clone()).collect();
    if !query.options.is_on("seen") {
        out.extend(seen);
    }
    let taste = Taste {
        diversity: query.options.number("diversity").unwrap_or_default() as f32,
        novelty: query.options.number("novelty").unwrap_or_default() as f32,
    };
    let needs_vectors = explains || !taste.is_plain();
    let pool = if taste.is_plain() { query.k + SPARE } else { (query.k * POOL).max(MIN_POOL) };
    let mut hits = nearest(&model.items, query, vector, pool, &out, needs_vectors).await?;
    if !taste.is_plain() {
        hits = ordered(hits, query.k + SPARE, taste);
    }
    let mut found = shown(context, hits, query.k).await?;
    if let Some((folded, names)) = folded.filter(|_| explains) {
        found.reasons = reasons(context, &found.hits, &folded, &names).await?;
    }
    found.hits.iter_mut().for_each(|hit| hit.vectors.clear());
    Ok(found)
}

/// Items that are like others.
///
/// # Errors
/// As [`recommend`].
pub async fn similar(context: &Context, serving: &Serving, query: &SearchQuery, wish: &Wish) -> Result<Found> {
    if let Some(user) = &wish.user {
        return Err(Error::invalid(format!("'{user}' is a user, and items are similar to items"))
            .with_hint("use --mode recommend for a user"));
    }
    let model = serving.model(context).await?;
    let (mut positive, mut negative) = (Vec::new(), Vec::new());
    for (list, vectors) in [(&wish.likes, &mut positive), (&wish.dislikes, &mut negative)] {
        for named in list {
            let vector = stored_vector(&model.alike, &named.id).await.map_err(|error| {
                error.context(title_of(&named.fields)).with_hint("it came after the training: train again")
            })?;
            vectors.push(vector);
        }
    }
    let vector = combine(model.alike.metric, positive, negative);
    let out = wish.likes.iter().chain(&wish.dislikes).map(|named| named.id.clone()).collect();
    let hits = nearest(&model.alike, query, vector, query.k + SPARE, &out, false).await?;
    shown(context, hits, query.k).await
}

/// The vector of a taste. A user that training knew has one; everybody else is folded in from their ratings.
async fn vectored(context: &Context, model: &Model, wish: &Wish, explains: bool) -> Result<Vectored> {
    let rated = match &wish.user {
        Some(user) => history(context, user, model.info.duplicates).await?,
        None => Vec::new(),
    };
    let seen = rated.iter().map(|rated| item_id(&rated.item)).collect();
    if let (Some(user), true, false) = (&wish.user, wish.likes.is_empty() && wish.dislikes.is_empty(), explains) {
        let vector = model.user(user).await?.ok_or_else(|| Model::no_user(user))?;
        return Ok(Vectored { vector, folded: None, seen });
    }
    if let (Some(user), true) = (&wish.user, rated.is_empty()) {
        return Err(Model::no_user(user));
    }
    let (known, names) = taste(model, wish, &rated).await?;
    let folded = Arc::new(model.fold(&known)?);
    Ok(Vectored { vector: folded.vector.clone(), folded: Some((folded, names)), seen })
}

/// What is known of a taste: the user's ratings, and the items of the query, which weigh as much as the best rating.
async fn taste(model: &Model, wish: &Wish, rated: &[Rated]) -> Result<(Vec<Known>, Vec<String>)> {
    let named: HashSet<&str> = wish.likes.iter().chain(&wish.dislikes).map(|named| named.name()).collect();
    let rest: Vec<Rated> = rated.iter().filter(|rated| !named.contains(&*rated.item)).cloned().collect();
    let (mut known, mut names) = model.known(&rest).await?;
    let weight = model.info.liking.weight(model.info.liking.largest);
    for (list, is_liked) in [(&wish.likes, true), (&wish.dislikes, false)] {
        let ids: Vec<Id> = list.iter().map(|named| named.id.clone()).collect();
        for (named, item) in list.iter().zip(model.items(&ids).await?) {
            let item = item.ok_or_else(|| {
                Error::new(bootcamp_core::ErrorKind::NotFound, format!("the model does not know '{}'", named.name()))
                    .with_hint("it came after the training: train again")
            })?;
            known.push(model.known_item(&item, weight, is_liked));
            names.push(named.name().to_owned());
        }
    }
    Ok((known, names))
}

/// The nearest items of a model, without those that are out.
async fn nearest(
    at: &Context,
    query: &SearchQuery,
    vector: Vec<f32>,
    k: usize,
    out: &HashSet<Id>,
    with_vectors: bool,
) -> Result<Vec<Hit>> {
    let mut filter = query.filter.as_deref().map(Filter::parse).transpose()?;
    let mut wanted = k + out.len();
    // So many cannot be asked for and left out afterwards.
    if wanted > MAX_K {
        let others = !Filter::is_in("id", out);
        filter = Some(match filter {
            Some(filter) => filter.and(others),
            None => others,
        });
        wanted = k;
    }
    let output = if with_vectors { Output::only(["ratings", FACTORS]) } else { Output::only(["ratings"]) };
    let request = SearchRequest {
        filter,
        params: query.params,
        output,
        ..SearchRequest::new(&at.field, Query::from(vector), wanted.min(MAX_K))
    };
    let mut hits = at.store.search(&at.collection, &request).await?.into_iter().next().unwrap_or_default();
    let near_enough = |score: f32| query.min_score.is_none_or(|least| score >= least);
    hits.retain(|hit| !out.contains(&hit.id) && near_enough(hit.score));
    hits.truncate(k);
    Ok(hits)
}

/// Orders hits by what else a list shall be.
fn ordered(hits: Vec<Hit>, k: usize, taste: Taste) -> Vec<Hit> {
    let candidate = |hit: &Hit| Candidate {
        score: hit.score,
        vector: vector(hit).to_vec(),
        ratings: hit.fields.get("ratings").and_then(Value::as_i64).unwrap_or_default(),
    };
    let candidates: Vec<Candidate> = hits.iter().map(candidate).collect();
    let mut hits: Vec<Option<Hit>> = hits.into_iter().map(Some).collect();
    order(&candidates, k, taste).into_iter().filter_map(|at| hits[at].take()).collect()
}

fn vector(hit: &Hit) -> &[f32] {
    match hit.vectors.get(FACTORS) {
        Some(Vector::F32(vector)) => vector,
        _ => &[],
    }
}

/// Hits with the fields of the catalogue. An item that was removed from it is no hit any more.
async fn shown(context: &Context, hits: Vec<Hit>, k: usize) -> Result<Found> {
    let ids: Vec<Id> = hits.iter().map(|hit| hit.id.clone()).collect();
    let mut fields = by_id(context, &ids).await?;
    let mut found = Found::default();
    for hit in hits {
        let Some(known) = fields.remove(&hit.id) else { continue };
        if found.hits.len() == k {
            break;
        }
        let mut all: Fields = known;
        all.extend(hit.fields.get("ratings").map(|ratings| ("ratings".to_owned(), ratings.clone())));
        found.hits.push(Hit { fields: all, ..hit });
    }
    Ok(found)
}

/// Of each hit the items that add the most to its score.
async fn reasons(context: &Context, hits: &[Hit], folded: &Folded, names: &[String]) -> Result<Vec<Vec<Reason>>> {
    let mut all: Vec<Vec<(usize, f32)>> = Vec::with_capacity(hits.len());
    for hit in hits {
        let mut parts: Vec<(usize, f32)> = folded.contributions(vector(hit)).into_iter().enumerate().collect();
        parts.retain(|(_, adds)| *adds > 0.0);
        parts.sort_by(|(i, a), (j, b)| b.total_cmp(a).then(i.cmp(j)));
        parts.truncate(REASONS);
        all.push(parts);
    }
    let used: HashSet<usize> = all.iter().flatten().map(|(at, _)| *at).collect();
    let ids: Vec<Id> = used.iter().map(|at| item_id(&names[*at])).collect();
    let titles: HashMap<String, String> = by_id(context, &ids)
        .await?
        .into_values()
        .map(|fields| (name_of(&fields).to_owned(), title_of(&fields).to_owned()))
        .collect();
    let reason = |(at, adds): (usize, f32)| {
        let item = names[at].clone();
        Reason { title: titles.get(&item).cloned().unwrap_or_else(|| item.clone()), item, adds }
    };
    Ok(all.into_iter().map(|parts| parts.into_iter().map(reason).collect()).collect())
}

/// The items that most people have rated, of the first [`LOOKED_AT`] by their ids, which are hashes: a fair sample of a
/// large catalogue.
///
/// # Errors
/// Those of the store.
pub async fn popular(context: &Context, serving: &Serving, k: usize) -> Result<Vec<(Id, Fields)>> {
    let model = serving.model(context).await?;
    let request = PageRequest { limit: LOOKED_AT, output: Output::only(["ratings"]), ..PageRequest::default() };
    let page = model.items.store.page(&model.items.collection, &request).await?;
    let ratings = |fields: &Fields| fields.get("ratings").and_then(Value::as_i64).unwrap_or_default();
    let mut found: Vec<(i64, Id)> =
        page.records.into_iter().filter_map(|record| Some((-ratings(&record.fields), record.id?))).collect();
    found.sort_unstable();
    found.truncate(k);
    let ids: Vec<Id> = found.into_iter().map(|(_, id)| id).collect();
    let mut fields = by_id(context, &ids).await?;
    Ok(ids.into_iter().filter_map(|id| fields.remove(&id).map(|fields| (id, fields))).collect())
}

/// All of a user's items with what each adds to the score of one item, the most first; and that score.
///
/// # Errors
/// `NotFound` for a user without ratings, or an item that the model does not have.
pub async fn explain(
    context: &Context,
    serving: &Serving,
    user: &str,
    item: &crate::wish::Named,
) -> Result<(f32, Vec<Reason>)> {
    let model = serving.model(context).await?;
    let rated = history(context, user, model.info.duplicates).await?;
    if rated.is_empty() {
        return Err(Model::no_user(user));
    }
    let (known, names) = model.known(&rated).await?;
    let folded = model.fold(&known)?;
    let target = model.items(std::slice::from_ref(&item.id)).await?.pop().flatten().ok_or_else(|| {
        Error::new(bootcamp_core::ErrorKind::NotFound, format!("the model does not know '{}'", item.name()))
            .with_hint("it came after the training: train again")
    })?;
    let score = folded.vector.iter().zip(&target.vector).map(|(x, y)| x * y).sum();
    let ids: Vec<Id> = names.iter().map(|name| item_id(name)).collect();
    let fields = by_id(context, &ids).await?;
    let titles = ids.iter().zip(&names).map(|(id, name)| fields.get(id).map_or(name.as_str(), title_of).to_owned());
    let contributions = folded.contributions(&target.vector);
    let mut reasons: Vec<Reason> = names
        .iter()
        .zip(titles)
        .zip(contributions)
        .map(|((item, title), adds)| Reason { item: item.clone(), title, adds })
        .collect();
    reasons.sort_by(|a, b| b.adds.total_cmp(&a.adds).then_with(|| a.item.cmp(&b.item)));
    Ok((score, reasons))
}
