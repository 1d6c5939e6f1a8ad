//! Finds what sounds similar: each window of a query is searched for by its embedding, all in one call, and what they find
//! becomes one list of sounds.

use std::collections::{BTreeSet, HashMap};

use bootcamp_core::{Fields, Filter, Hit, Id, Output, Query, Result, SearchRequest, Vector};
use bootcamp_kit::{Context, MAX_K, SOURCE, SPAN, SearchQuery};
use serde_json::json;

use crate::fields::{number, text};
use crate::query::Sought;
use crate::ranking::{Combine, Found, Ranked, rank};

/// Sounds that each of several windows contributes, for each that is wanted; all are then scored for all windows.
const CANDIDATES: usize = 3;
/// At least so many.
const LEAST_CANDIDATES: usize = 30;
/// Moments of a sound that each window looks at, at least: an alignment may not be of the best ones.
const MOMENTS: usize = 3;
/// How far moments may be from where they would be aligned, in seconds: windows of a query and stored ones begin up to half
/// a step from each other.
pub const TOLERANCE: f64 = 0.75;

/// Hits and their details: the moments of the best sounds, sound by sound.
///
/// # Errors
/// `InvalidInput` for the filter; those of the store.
pub async fn search(
    context: &Context,
    query: &SearchQuery,
    sought: Sought,
    combine: Combine,
    output: &Output,
) -> Result<(Vec<Hit>, Vec<Fields>)> {
    let Sought { vectors, windows, own, .. } = sought;
    let moments = query.per_source.unwrap_or(MOMENTS);
    let filter = filter(query, &own)?;
    let is_one = vectors.len() == 1;
    let k = if is_one { query.k } else { (query.k * CANDIDATES).clamp(LEAST_CANDIDATES, MAX_K) };
    let mut found =
        ask(context, query, &vectors, k, moments.max(if is_one { 1 } else { MOMENTS }), filter.clone()).await?;
    let sources: BTreeSet<String> = found.iter().map(|one| one.source.clone()).collect();
    let examples = windows.last().map_or(0, |window| window.example + 1);
    if !is_one && !sources.is_empty() && (combine != Combine::Best || examples > 1) {
        // A window has not seen every candidate of the others.
        let among = Filter::is_in(SOURCE, sources.iter().cloned());
        let filter = Some(filter.map_or(among.clone(), |filter| filter.and(among)));
        found = ask(context, query, &vectors, sources.len(), moments.max(MOMENTS), filter).await?;
    }
    let mut ranked = rank(found, &windows, combine, TOLERANCE);
    ranked.truncate(query.k);
    let larger = context.metric.larger_is_nearer();
    let score = |nearness: f32| if larger { nearness } else { -nearness };
    let near_enough =
        |score: f32| query.min_score.is_none_or(|worst| context.metric.nearest_first(score, worst).is_le());
    for one in &mut ranked {
        one.moments.truncate(moments);
        one.moments.retain(|moment| near_enough(score(moment.nearness)));
    }
    let mut fields = fields_of(context, &ranked, output).await?;
    let (mut hits, mut details) = (Vec::new(), Vec::new());
    for Ranked { nearness, moments, .. } in ranked {
        for moment in moments {
            // What somebody has removed in the meantime is left out.
            let Some(fields) = fields.remove(&moment.item) else { continue };
            hits.push(Hit { id: moment.item, score: score(moment.nearness), vectors: Default::default(), fields });
            if is_one {
                continue;
            }
            let mut detail = Fields::from_iter([("sound".to_owned(), json!(rounded(score(nearness))))]);
            let start = windows[moment.window].start;
            detail.extend(start.map(|start| ("query_start".to_owned(), json!((start * 100.0).round() / 100.0))));
            details.push(detail);
        }
    }
    Ok((hits, details))
}

fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}

/// What narrows a query, and not the sounds that it is of.
fn filter(query: &SearchQuery, own: &[String]) -> Result<Option<Filter>> {
    let given = query.filter.as_deref().map(Filter::parse).transpose()?;
    let others = own.iter().map(|source| Filter::ne(SOURCE, source.as_str()));
    Ok(given.into_iter().chain(others).reduce(Filter::and))
}

/// The moments nearest to each vector, at most so many of so many sounds.
async fn ask(
    context: &Context,
    query: &SearchQuery,
    vectors: &[Vec<f32>],
    sounds: usize,
    moments: usize,
    filter: Option<Filter>,
) -> Result<Vec<Found>> {
    let queries = vectors.iter().map(|vector| Query::from(Vector::from(vector.clone()))).collect();
    let request = SearchRequest::batch(&context.field, queries, sounds).filter(filter).group_by(SOURCE, moments);
    let request = SearchRequest { params: query.params, ..request.output(Output::only([SOURCE, SPAN[0]])) };
    let answers = context.or_missing(context.store.search(&context.collection, &request).await).await?;
    let larger = context.metric.larger_is_nearer();
    let found = |(window, hits): (usize, Vec<Hit>)| {
        hits.into_iter().filter_map(move |hit| {
            let nearness = if larger { hit.score } else { -hit.score };
            let start = number(&hit.fields, SPAN[0]).unwrap_or_default();
            Some(Found { window, source: text(&hit.fields, SOURCE)?.to_owned(), item: hit.id, start, nearness })
        })
    };
    Ok(answers.into_iter().enumerate().flat_map(found).collect())
}

/// The fields of the moments that are shown.
async fn fields_of(context: &Context, ranked: &[Ranked], output: &Output) -> Result<HashMap<Id, Fields>> {
    let ids: Vec<Id> = ranked.iter().flat_map(|one| &one.moments).map(|moment| moment.item.clone()).collect();
    let records = context.or_missing(context.store.get(&context.collection, &ids, output).await).await?;
    Ok(records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect())
}
