//! Finds the same recording: where a fingerprint lies in which sound, shown as moments of those sounds.

use bootcamp_core::{Fields, Filter, Hit, Id, Output, PageRequest, Record, Result};
use bootcamp_kit::{Context, SOURCE, SPAN, SearchQuery};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::fields::{CONTENT_HASH, number};
use crate::fingerprints::{Index, Occurrence, Recording, SHORTEST, change, occurrences};

/// Places in a sound that are shown where the query does not say.
const PLACES: usize = 1;
/// The share of bits that change from one value of a fingerprint to the next, in what chance cannot be told from: music has
/// more than twice as many.
const UNIFORM: f64 = 0.05;
/// Items that are looked up at the same time.
const LOOKUPS: usize = 8;
/// Items of a sound around a place: overlapping windows.
const AROUND: usize = 16;

/// What was found.
#[derive(Debug, Default)]
pub struct Same {
    pub hits: Vec<Hit>,
    pub details: Vec<Fields>,
    pub notes: Vec<String>,
}

/// The sounds of which a query is a recording, the surest first. Files with the same bytes come before all others. A hit's
/// `start` and `end` are the part of the sound that is in the query.
///
/// # Errors
/// `Unsupported` where there are no fingerprints; `InvalidInput` for the filter; those of the store.
pub async fn search(
    context: &Context,
    index: &Index,
    query: &SearchQuery,
    recording: Recording,
    output: &Output,
) -> Result<Same> {
    let filter = query.filter.as_deref().map(Filter::parse).transpose()?;
    let mut found = same_files(context, &recording, filter.clone(), query.k, output).await?;
    let places = query.per_source.unwrap_or(PLACES);
    let occurrences = occurrences(context, index, &recording, places, query.min_score).await?;
    let shown = stream::iter(occurrences).map(|occurrence| show(context, occurrence, filter.clone(), output));
    let shown: Vec<Option<(Hit, Fields)>> = shown.buffered(LOOKUPS).try_collect().await?;
    let identical: Vec<_> = found.iter().filter_map(|(hit, _)| hit.fields.get(SOURCE).cloned()).collect();
    let is_new = |(hit, _): &(Hit, Fields)| hit.fields.get(SOURCE).is_none_or(|source| !identical.contains(source));
    found.extend(shown.into_iter().flatten().filter(is_new));
    let mut notes = recording.notes;
    if recording.seconds < SHORTEST {
        notes.push(format!(
            "the query is too short to be recognised ({:.1} s, at least {SHORTEST:.1} s): only files with the same bytes \
             are found",
            recording.seconds
        ));
    } else if found.is_empty() {
        notes.push("no recording matches".to_owned());
        if recording.variants.first().is_some_and(|query| change(&query.values) < UNIFORM) {
            notes.push("the query hardly changes, as a hum: fingerprints cannot tell such sounds apart".to_owned());
        }
    }
    let (hits, details) = within(found, query.k).into_iter().unzip();
    Ok(Same { hits, details, notes })
}

/// Files with the same bytes.
async fn same_files(
    context: &Context,
    recording: &Recording,
    filter: Option<Filter>,
    k: usize,
    output: &Output,
) -> Result<Vec<(Hit, Fields)>> {
    let Some(hash) = &recording.content_hash else { return Ok(Vec::new()) };
    let mut same = Filter::eq(CONTENT_HASH, hash.as_str());
    same = recording.own.iter().fold(same, |same, own| same.and(Filter::ne(SOURCE, own.as_str())));
    same = filter.into_iter().fold(same, Filter::and);
    // All items of a sound have its checksum.
    let filter = Some(same.and(Filter::parse("id == source")?));
    let request = PageRequest { filter, after: None, limit: k, output: output.clone() };
    let page = context.or_missing(context.store.page(&context.collection, &request).await).await?;
    let hit = |record: Record| {
        let mut fields = record.fields;
        let end = number(&fields, "duration").unwrap_or_default();
        fields.extend([(SPAN[0].to_owned(), json!(0.0)), (SPAN[1].to_owned(), json!(end))]);
        let details = Fields::from_iter([("offset".to_owned(), json!(0.0)), ("bit_error".to_owned(), json!(0.0))]);
        Some((Hit { id: record.id?, score: 1.0, vectors: Default::default(), fields }, details))
    };
    Ok(page.records.into_iter().filter_map(hit).collect())
}

/// An occurrence as the item at its place; nothing where that does not pass the filter, or is gone.
async fn show(
    context: &Context,
    occurrence: Occurrence,
    filter: Option<Filter>,
    output: &Output,
) -> Result<Option<(Hit, Fields)>> {
    let of_sound = Filter::eq(SOURCE, occurrence.source.as_str());
    let of_sound = filter.into_iter().fold(of_sound, Filter::and);
    // Where there is silence, there may be no item.
    let here = of_sound.clone().and(Filter::le(SPAN[0], occurrence.start)).and(Filter::gt(SPAN[1], occurrence.start));
    let mut records = Vec::new();
    for filter in [here, of_sound] {
        let request = PageRequest { filter: Some(filter), after: None, limit: AROUND, output: output.clone() };
        records = context.store.page(&context.collection, &request).await?.records;
        if !records.is_empty() {
            break;
        }
    }
    let distance = |record: &Record| (number(&record.fields, SPAN[0]).unwrap_or_default() - occurrence.start).abs();
    let nearest = records.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    Ok(nearest.and_then(|record| Some(hit(record.id?, record.fields, &occurrence))))
}

fn hit(id: Id, mut fields: Fields, occurrence: &Occurrence) -> (Hit, Fields) {
    let rounded = |value: f64, digits: i32| (value * 10.0_f64.powi(digits)).round() / 10.0_f64.powi(digits);
    let end = number(&fields, "duration").map_or(occurrence.end, |duration| occurrence.end.min(duration));
    let start = occurrence.start.min(end);
    fields.extend([(SPAN[0].to_owned(), json!(rounded(start, 3))), (SPAN[1].to_owned(), json!(rounded(end, 3)))]);
    let mut details = Fields::from_iter([
        ("offset".to_owned(), json!(rounded(occurrence.offset, 2))),
        ("bit_error".to_owned(), json!(rounded(occurrence.bit_error, 3))),
    ]);
    if occurrence.speed != 1.0 {
        details.insert("speed".to_owned(), json!(occurrence.speed));
    }
    (Hit { id, score: occurrence.similarity as f32, vectors: Default::default(), fields }, details)
}

/// The hits of the first k sounds.
fn within(found: Vec<(Hit, Fields)>, k: usize) -> Vec<(Hit, Fields)> {
    let mut sources = Vec::with_capacity(k);
    let keep = |(hit, _): &(Hit, Fields)| {
        let source = hit.fields.get(SOURCE).cloned().unwrap_or_default();
        sources.contains(&source)
            || (sources.len() < k && {
                sources.push(source);
                true
            })
    };
    let mut keep = keep;
    found.into_iter().filter(|one| keep(one)).collect()
}
