//! What the crash tests and the processes that they kill agree on.

use std::collections::BTreeMap;

use bootcamp_core::local::LocalOptions;
use bootcamp_core::{CollectionSpec, IdKind, Metric, Record, ScalarField, VectorField};
use serde::{Deserialize, Serialize};

use crate::truth::Random;

/// The collection written to.
pub const COLLECTION: &str = "crash";
/// Ids are below this: few, so that most writes replace something.
pub const IDS: u64 = 2_000;
/// Numbers a vector.
pub const DIM: usize = 8;
/// Graphs from 100 rows on, so that kills hit their building and saving.
pub const OPTIONS: LocalOptions = LocalOptions { graph_from: 100 * DIM };

/// The collection's schema.
pub fn spec() -> CollectionSpec {
    CollectionSpec::new(COLLECTION, IdKind::Int)
        .vector(VectorField::f32("embedding", DIM, Metric::L2))
        .scalar(ScalarField::int("version"))
        .scalar(ScalarField::string("words").full_text().not_filterable())
}

/// The record of an id in a version: every part of it tells both.
pub fn record(id: i64, version: u64) -> Record {
    Record::new(id)
        .vector("embedding", vector(id, version))
        .field("version", version)
        .field("words", format!("id{id} version{version}"))
}

/// The vector of an id in a version.
pub fn vector(id: i64, version: u64) -> Vec<f32> {
    let mut random = Random::new((id as u64) << 32 ^ version.wrapping_mul(0x9E37_79B9));
    (0..DIM).map(|_| random.below(1 << 24) as f32 / (1 << 24) as f32).collect()
}

/// What a reading process saw.
#[derive(Debug, Deserialize, Serialize)]
pub struct Look {
    /// The version of each id.
    pub rows: BTreeMap<i64, u64>,
    /// Neighbours that were there and nearer than the last hit.
    pub wanted: usize,
    /// Those of them among the hits.
    pub found: usize,
}
