//! Comparisons of a store's answers with the truth.

use std::collections::HashSet;

use bootcamp_core::{Error, ErrorKind, Fields, Hit, Id, Metric, Record, Vector};
use serde_json::Value;

use super::scene::{Checked, ensure};
use crate::truth;

/// Scores are f32 and stores sum in different orders.
pub(super) const TOLERANCE: f64 = 1e-4;

pub(super) fn int(id: i64) -> Id {
    Id::Int(id)
}

pub(super) fn int_ids(ids: impl IntoIterator<Item = i64>) -> Vec<Id> {
    ids.into_iter().map(Id::Int).collect()
}

pub(super) fn ids(hits: &[Hit]) -> Vec<Id> {
    hits.iter().map(|hit| hit.id.clone()).collect()
}

pub(super) fn sorted_ids(hits: &[Hit]) -> Vec<Id> {
    let mut ids = ids(hits);
    ids.sort();
    ids
}

pub(super) fn record_ids(records: &[Record]) -> Vec<Id> {
    records.iter().filter_map(|record| record.id.clone()).collect()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

/// Fails unless the scores are true ones, the best comes first, and no id comes twice.
pub(super) fn scores(
    metric: Metric,
    hits: &[Hit],
    records: &[Record],
    field: &str,
    query: &Vector,
    tolerance: f64,
) -> Checked {
    let all = truth::ranking(metric, records, field, query);
    let all: std::collections::HashMap<&Id, f64> = all.iter().map(|(id, score)| (id, *score)).collect();
    let mut seen = HashSet::new();
    for hit in hits {
        ensure!(seen.insert(&hit.id), "{} is there twice", hit.id);
        let Some(truth) = all.get(&hit.id) else {
            ensure!(false, "{} is no record", hit.id);
            continue;
        };
        ensure!(
            close(f64::from(hit.score), *truth, tolerance),
            "{}: {}'s score is {}, expected {truth}",
            metric.name(),
            hit.id,
            hit.score
        );
    }
    let ordered = hits.windows(2).all(|pair| metric.nearest_first(pair[0].score, pair[1].score).is_le());
    ensure!(ordered, "{}: hits do not come best first: {:?}", metric.name(), hits);
    Ok(())
}

/// Fails unless the hits are the first of the ranking; equal scores may come in any order.
pub(super) fn exact(hits: &[Hit], ranking: &[(Id, f64)], k: usize) -> Checked {
    let expected = &ranking[..k.min(ranking.len())];
    ensure!(hits.len() == expected.len(), "{} hits, expected {}", hits.len(), expected.len());
    let scores: std::collections::HashMap<&Id, f64> = ranking.iter().map(|(id, score)| (id, *score)).collect();
    let mut seen = HashSet::new();
    for (at, (hit, (id, score))) in hits.iter().zip(expected).enumerate() {
        let own = scores.get(&hit.id).copied();
        let right = own.is_some_and(|own| close(own, *score, TOLERANCE)) && seen.insert(&hit.id);
        ensure!(right, "hit {at} is {}, expected {id}", hit.id);
        ensure!(
            close(f64::from(hit.score), *score, TOLERANCE),
            "hit {at} ({}): score {}, expected {score}",
            hit.id,
            hit.score
        );
    }
    Ok(())
}

/// The share of the true first `k` that was found.
pub(super) fn recall(hits: &[Hit], ranking: &[(Id, f64)], k: usize) -> f64 {
    let expected: HashSet<&Id> = ranking.iter().take(k).map(|(id, _)| id).collect();
    hits.iter().filter(|hit| expected.contains(&hit.id)).count() as f64 / expected.len().max(1) as f64
}

/// Fails unless both say the same, where a missing field is null.
pub(super) fn fields(got: &Fields, expected: &Fields) -> Checked {
    for name in got.keys().chain(expected.keys()) {
        let of = |fields: &Fields| fields.get(name).cloned().unwrap_or(Value::Null);
        let (got, expected) = (of(got), of(expected));
        ensure!(got == expected, "field '{name}' is {got}, expected {expected}");
    }
    Ok(())
}

/// Fails unless the records are the same: ids, fields, and vectors bit by bit.
pub(super) fn records(got: &[Record], expected: &[Record]) -> Checked {
    let (got_ids, expected_ids) = (record_ids(got), record_ids(expected));
    ensure!(got_ids == expected_ids, "ids are {got_ids:?}, expected {expected_ids:?}");
    for (got, expected) in got.iter().zip(expected) {
        let id = expected.id.clone().unwrap_or(Id::Int(-1));
        fields(&got.fields, &expected.fields).map_err(|failure| failure.at(format_args!("record {id}")))?;
        let names = |record: &Record| record.vectors.keys().cloned().collect::<Vec<_>>();
        ensure!(names(got) == names(expected), "record {id} has vectors {:?}", names(got));
        for (name, vector) in &expected.vectors {
            let got = &got.vectors[name];
            ensure!(same_bits(got, vector), "record {id}, field '{name}': {}, expected {}", shown(got), shown(vector));
        }
    }
    Ok(())
}

/// Records without their vectors, as they come back when only scalars are asked for.
pub(super) fn without_vectors(records: &[Record]) -> Vec<Record> {
    records.iter().map(|record| Record { vectors: std::collections::BTreeMap::new(), ..record.clone() }).collect()
}

fn same_bits(a: &Vector, b: &Vector) -> bool {
    match (a, b) {
        (Vector::F32(a), Vector::F32(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (a, b) => a == b,
    }
}

fn shown(vector: &Vector) -> String {
    match vector {
        Vector::F32(values) => format!("{:?}", &values[..values.len().min(8)]),
        Vector::Binary { bits } => format!("{:02x?}", &bits[..bits.len().min(8)]),
    }
}

/// Fails unless the call was refused with this kind and exactly this message.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, message: &str) -> Checked {
    match result {
        Ok(value) => ensure!(false, "expected the error '{message}', but it worked: {value:?}"),
        Err(error) if error.kind() == ErrorKind::Unsupported => return Err(error.into()),
        Err(error) => {
            ensure!(error.kind() == kind, "expected {kind:?} '{message}', got {:?} '{error}'", error.kind());
            ensure!(error.to_string() == message, "expected the error '{message}', got '{error}'");
        }
    }
    Ok(())
}

/// Fails unless the call was refused as bad input with exactly this message.
pub(super) fn invalid<T: std::fmt::Debug>(result: Result<T, Error>, message: &str) -> Checked {
    refused(result, ErrorKind::InvalidInput, message)
}
