//! Finds the recording that a query is taken from, and the place in it.

use std::collections::{HashMap, HashSet};

use bootcamp_core::audio::fingerprint::{SPAN, STEP};
use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::Context;

use super::index::{Index, Near, Stretch};
use super::matching::{Alignment, Candidate, Vote, align, candidates, is_same, similarity};
use super::recording::{Recording, Variant};
use super::windows::{BITS, HOP, WINDOW, vector};

/// Vectors of a query that are searched for, of each variant.
const MAX_VECTORS: usize = 64;
/// Stored vectors that each of them finds.
const NEIGHBOURS: usize = 24;
/// The most bits in which they may differ: a third, where half is chance.
const WITHIN: f32 = BITS as f32 * 0.34;
/// How often vectors of sounds that were removed may be put aside.
const ROUNDS: usize = 4;

/// The shortest sound that can be recognised, in seconds.
pub const SHORTEST: f64 = SPAN + (WINDOW - 1) as f64 * STEP;

/// A place in a stored sound where the query is.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    pub source: String,
    /// The time in the sound at which the query begins, in seconds; negative where the query begins before the sound.
    pub offset: f64,
    /// The part of the sound that is in the query; it may reach beyond the sound's end.
    pub start: f64,
    pub end: f64,
    /// How much faster the query is played than the sound.
    pub speed: f64,
    /// 1 for the same fingerprint, 0 for chance.
    pub similarity: f64,
    /// The share of bits that differ.
    pub bit_error: f64,
    /// Values of both fingerprints that lie on each other.
    pub overlap: usize,
    significance: f64,
}

/// Where a recording is, the surest first: at most `per_sound` places in each sound, which do not overlap. `least` is the
/// similarity that is enough; without it, what is hardly by chance.
///
/// # Errors
/// `Unsupported` where there are no fingerprints; those of the store.
pub async fn occurrences(
    context: &Context,
    index: &Index,
    recording: &Recording,
    per_sound: usize,
    least: Option<f32>,
) -> Result<Vec<Occurrence>> {
    let stored = count(context, index).await?;
    let asked: Vec<(usize, usize)> = recording
        .variants
        .iter()
        .enumerate()
        .flat_map(|(variant, Variant { values, .. })| begins(values.len()).map(move |at| (variant, at)))
        .collect();
    if asked.is_empty() || stored == 0 {
        return Ok(Vec::new());
    }
    let (votes, lengths) = votes(index, recording, &asked).await?;
    let candidates = candidates(votes);
    let stretches: Vec<Stretch> =
        candidates.iter().map(|candidate| stretch(candidate, &recording.variants, &lengths)).collect();
    let values = index.values(&stretches).await?;
    let mut found = Vec::new();
    for ((candidate, stretch), values) in candidates.iter().zip(&stretches).zip(values) {
        let variant = &recording.variants[candidate.variant];
        // It may just be on its way in or out.
        let Some(values) = values else { continue };
        let Some(alignment) = align(&variant.values, &values, stretch.range.start, candidate.offset) else { continue };
        let enough = match least {
            Some(least) => similarity(alignment.error) >= f64::from(least),
            None => is_same(&alignment, stored, recording.variants.len()),
        };
        if enough {
            found.push(occurrence(&candidate.source, variant, alignment, recording.seconds));
        }
    }
    Ok(best(found, per_sound))
}

/// The number of stored vectors.
///
/// # Errors
/// `Unsupported` where there are no fingerprints; those of the store.
pub async fn count(context: &Context, index: &Index) -> Result<u64> {
    match context.store.count(index.collection(), None).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            context.existing().await?;
            let message =
                format!("collection '{}' has no fingerprints, so no recording can be found", context.collection);
            Err(Error::new(ErrorKind::Unsupported, message).with_hint(
                "they need a store with binary vectors: a local one, or a Milvus standalone server; import again there",
            ))
        }
        other => other,
    }
}

/// Where the vectors of a query begin: at every value, or, of a long one, at runs of [`HOP`] values, one of which lies
/// exactly on a stored vector.
fn begins(len: usize) -> impl Iterator<Item = usize> {
    let count = (len + 1).saturating_sub(WINDOW);
    let runs = MAX_VECTORS / HOP;
    let all = count <= MAX_VECTORS;
    let run = move |run: usize| {
        let begin = run * (count - HOP) / (runs - 1);
        begin..begin + HOP
    };
    let every = 0..if all { count } else { 0 };
    every.chain((0..if all { 0 } else { runs }).flat_map(run))
}

/// What near vectors say, and how long the fingerprints of their sounds are. Vectors of sounds that are gone are put aside,
/// and what they had taken the place of is asked for.
async fn votes(
    index: &Index,
    recording: &Recording,
    asked: &[(usize, usize)],
) -> Result<(Vec<Vote>, HashMap<String, usize>)> {
    let mut without: Vec<String> = recording.own.iter().cloned().collect();
    for round in 1.. {
        let part = |(variant, at): &(usize, usize)| vector(&recording.variants[*variant].values[*at..at + WINDOW]);
        let near = index.near(asked.iter().map(part).collect(), NEIGHBOURS, WITHIN, &without).await?;
        let sources: HashSet<&str> = near.iter().flatten().map(|near| near.source.as_str()).collect();
        let sources: Vec<&str> = sources.into_iter().collect();
        let lengths = index.lengths(&sources).await?;
        let gone: Vec<String> = sources
            .iter()
            .filter(|source| !lengths.contains_key(**source))
            .map(|source| (*source).to_owned())
            .collect();
        if gone.is_empty() || round == ROUNDS {
            let votes = asked.iter().zip(&near).flat_map(|((variant, begin), near)| {
                near.iter().filter_map(|near| vote(near, *variant, *begin, &lengths))
            });
            return Ok((votes.collect(), lengths));
        }
        without.extend(gone);
    }
    Ok(Default::default())
}

/// A vote for where the query would lie; none of what a sound's last version has left.
fn vote(near: &Near, variant: usize, begin: usize, lengths: &HashMap<String, usize>) -> Option<Vote> {
    let len = lengths.get(&near.source)?;
    let Near { source, at, distance } = near.clone();
    (at + WINDOW <= *len).then(|| Vote { source, variant, offset: at as i64 - begin as i64, distance })
}

/// The values that a query may lie on, with some around.
fn stretch(candidate: &Candidate, variants: &[Variant], lengths: &HashMap<String, usize>) -> Stretch {
    let Candidate { source, variant, offset } = candidate;
    let len = lengths.get(source).copied().unwrap_or_default();
    let within = |value: i64| usize::try_from(value).unwrap_or_default().min(len);
    let (around, query) = (HOP as i64, variants[*variant].values.len() as i64);
    Stretch { source: source.clone(), range: within(offset - around)..within(offset + query + around), len }
}

fn occurrence(source: &str, variant: &Variant, alignment: Alignment, seconds: f64) -> Occurrence {
    let Alignment { offset, overlap, error, significance } = alignment;
    let offset = offset as f64 * STEP;
    Occurrence {
        source: source.to_owned(),
        offset,
        start: offset.max(0.0),
        end: offset + seconds * variant.speed,
        speed: variant.speed,
        similarity: similarity(error),
        bit_error: error,
        overlap,
        significance,
    }
}

/// The surest of those that are about the same place in the same sound.
fn best(mut found: Vec<Occurrence>, per_sound: usize) -> Vec<Occurrence> {
    found.sort_by(|a, b| b.significance.total_cmp(&a.significance));
    let mut kept: Vec<Occurrence> = Vec::new();
    for one in found {
        let same_sound = kept.iter().filter(|other| other.source == one.source);
        let (count, overlaps) = same_sound.fold((0, false), |(count, overlaps), other| {
            (count + 1, overlaps || (one.start < other.end && other.start < one.end))
        });
        if count < per_sound && !overlaps {
            kept.push(one);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_query_is_asked_for_in_runs() {
        let all = |len| begins(len).collect::<Vec<_>>();
        assert_eq!(all(WINDOW - 1), Vec::<usize>::new());
        assert_eq!(all(WINDOW + 2), [0, 1, 2]);
        assert_eq!(all(WINDOW + 63).len(), 64);
        let many = all(5000);
        assert_eq!((many.len(), &many[..5], many.last()), (64, &[0, 1, 2, 3, 332][..], Some(&4992)));
    }

    #[test]
    fn places_in_a_sound_do_not_overlap() {
        let at = |source: &str, start: f64, significance: f64| Occurrence {
            source: source.to_owned(),
            offset: start,
            start,
            end: start + 5.0,
            speed: 1.0,
            similarity: 1.0,
            bit_error: 0.0,
            overlap: 20,
            significance,
        };
        let found =
            vec![at("a", 10.0, 8.0), at("a", 10.1, 9.0), at("b", 10.0, 7.0), at("a", 30.0, 6.0), at("a", 50.0, 5.5)];
        let kept: Vec<_> = best(found, 2).into_iter().map(|one| (one.source, one.start)).collect();
        assert_eq!(kept, [("a".to_owned(), 10.1), ("b".to_owned(), 10.0), ("a".to_owned(), 30.0)]);
    }
}
