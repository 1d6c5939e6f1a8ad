//! Finds sounds that are the same recording, in other formats or as a part of each other: the fingerprint of each is
//! searched for among all others.

use std::collections::{BTreeMap, HashMap};

use bootcamp_core::audio::fingerprint::STEP;
use bootcamp_core::{Error, Fields, Filter, Id, Metric, Output, PageRequest, Record, Result, scan};
use bootcamp_kit::duplicates::{Group, Groups};
use bootcamp_kit::{Context, SOURCE, SPAN, Watch};
use futures::TryStreamExt;
use serde_json::json;

use crate::fields::{CONTENT_HASH, FINGERPRINT, number, text};
use crate::fingerprints::{Index, Occurrence, Recording, count, occurrences};

/// Sounds looked at together.
const PAGE: usize = 100;
/// The share of the shorter sound that must be in the other one.
const COVERED: f64 = 0.8;
/// Places in one sound where another is looked for: a jingle may be in a broadcast several times, and once is enough.
const PLACES: usize = 1;

/// Two sounds that are the same recording.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    one: Id,
    other: Id,
    similarity: f32,
    /// The time in `other` at which `one` begins, in seconds.
    offset: f64,
}

/// The groups of sounds that are the same recording, by a similarity of fingerprints of at least `least`. Each is shown as
/// the sound's first item, with the part of it that it has in common with the first of its group, and the time in it at
/// which that begins (`offset`). Sounds that are too short for a fingerprint are grouped where their files are the same.
///
/// # Errors
/// `Unsupported` where there are no fingerprints; those of the store; `InvalidInput` when it was cancelled.
pub async fn groups(
    context: &Context,
    index: &Index,
    least: f32,
    output: &Output,
    watch: &Watch,
) -> Result<Vec<Group>> {
    if !least.is_finite() {
        return Err(Error::invalid("threshold is not a finite number"));
    }
    let mut groups = Groups::default();
    let mut pairs: HashMap<(Id, Id), f64> = HashMap::new();
    // The first sound with these bytes, by their checksum.
    let mut files: BTreeMap<String, Id> = BTreeMap::new();
    count(context, index).await?;
    let firsts = Filter::parse("id == source")?;
    watch.set_total(context.store.count(&context.collection, Some(&firsts)).await?);
    let output_of = Output::only([CONTENT_HASH, FINGERPRINT, "duration"]);
    let request = PageRequest { filter: Some(firsts), after: None, limit: PAGE, output: output_of };
    let mut sounds = scan(&*context.store, &context.collection, request);
    while let Some(sound) = sounds.try_next().await? {
        if watch.is_cancelled() {
            return Err(Error::invalid("the search for duplicates was cancelled"));
        }
        let Record { id: Some(id), fields, .. } = sound else { continue };
        if let Some(hash) = text(&fields, CONTENT_HASH) {
            match files.get(hash) {
                Some(first) => {
                    groups.join(first, &id, 1.0, Metric::Cosine);
                    pairs.insert((first.clone(), id.clone()), 0.0);
                }
                None => _ = files.insert(hash.to_owned(), id.clone()),
            }
        }
        for pair in same_as(context, index, &id, &fields, least).await? {
            groups.join(&pair.one, &pair.other, pair.similarity, Metric::Cosine);
            pairs.insert((pair.other.clone(), pair.one.clone()), -pair.offset);
            pairs.insert((pair.one, pair.other), pair.offset);
        }
        watch.advance(1);
    }
    drop(sounds);
    let mut shown = Vec::new();
    for (ids, score) in groups.into_groups(Metric::Cosine) {
        shown.extend(show(context, ids, score, &pairs, output).await?);
    }
    Ok(shown)
}

/// The sounds of which most of one is in the other.
async fn same_as(context: &Context, index: &Index, id: &Id, fields: &Fields, least: f32) -> Result<Vec<Pair>> {
    let len = number(fields, FINGERPRINT).unwrap_or_default() as usize;
    if len == 0 {
        return Ok(Vec::new());
    }
    let seconds = number(fields, "duration").unwrap_or_default();
    let recording = Recording::stored(index, &id.to_string(), len, seconds).await?;
    let found = occurrences(context, index, &recording, PLACES, None).await?;
    let others: Vec<&str> = found.iter().map(|one| one.source.as_str()).collect();
    let lengths = index.lengths(&others).await?;
    let pair = |one: Occurrence| {
        let shorter = len.min(lengths.get(&one.source).copied().unwrap_or_default());
        let is_covered = one.overlap as f64 >= COVERED * shorter as f64;
        let similarity = one.similarity as f32;
        (is_covered && similarity >= least).then(|| Pair {
            one: id.clone(),
            other: Id::from(one.source),
            similarity,
            offset: (one.offset / STEP).round() * STEP,
        })
    };
    Ok(found.into_iter().filter_map(pair).collect())
}

/// A group with the fields that people see; nothing if all but one sound have gone meanwhile.
async fn show(
    context: &Context,
    ids: Vec<Id>,
    score: f32,
    pairs: &HashMap<(Id, Id), f64>,
    output: &Output,
) -> Result<Option<Group>> {
    let records = context.store.get(&context.collection, &ids, output).await?;
    let mut items: Vec<(Id, Fields)> =
        records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
    // The longest is what the others are in.
    let duration = |fields: &Fields| number(fields, "duration").unwrap_or_default();
    items.sort_by(|a, b| duration(&b.1).total_cmp(&duration(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let Some((longest, whole)) = items.first().map(|(id, fields)| (id.clone(), duration(fields))) else {
        return Ok(None);
    };
    for (id, fields) in &mut items {
        let length = duration(fields);
        fields.extend([(SPAN[0].to_owned(), json!(0.0)), (SPAN[1].to_owned(), json!(length))]);
        // Sounds may be in a group by way of others.
        if let Some(offset) = pairs.get(&(id.clone(), longest.clone())).filter(|_| *id != longest) {
            let offset = (offset * 100.0).round() / 100.0;
            let (start, end) = ((-offset).max(0.0), length.min(whole - offset));
            fields.extend([
                ("offset".to_owned(), json!(offset)),
                (SPAN[0].to_owned(), json!(start)),
                (SPAN[1].to_owned(), json!((end.max(start) * 1000.0).round() / 1000.0)),
            ]);
        }
        fields.entry(SOURCE).or_insert_with(|| json!(id));
    }
    Ok((items.len() > 1).then_some(Group { items, score }))
}
