//! Rows in memory that are searched exactly: all rows of small, binary and FLAT fields, and in the others the rows
//! that the graph does not have yet.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringTreemap;

use super::distance::{Prepared, Rows};
use super::nearest::Nearest;
use crate::schema::{Metric, VectorField};

/// The most rows that chunks are merged up to: what one upsert copies at most.
const MERGE_UP_TO: usize = 16_384;

/// Some rows of one field, never changed once in a [`Flat`].
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Of each row. They ascend, unless the rows lie `by_ones`.
    pub(super) keys: Vec<u64>,
    pub(super) rows: Rows,
    by_ones: Option<ByOnes>,
}

/// How to find one's way in rows that lie in order of their number of ones, as Jaccard's scan wants them: then those
/// that are too different from the query to be near it are in one piece, which is never read.
#[derive(Clone, Debug)]
struct ByOnes {
    /// Rows in order of their keys.
    by_key: Vec<u32>,
    /// Rows with as many ones as each other.
    runs: Vec<Range<usize>>,
}

impl Chunk {
    pub(super) fn new(field: &VectorField) -> Self {
        Self { keys: Vec::new(), rows: Rows::new(field), by_ones: None }
    }

    /// Adds a row; `key` is greater than every key so far.
    pub(super) fn push(&mut self, key: u64, metric: Metric, bytes: &[u8]) {
        debug_assert!(self.keys.last().is_none_or(|last| *last < key));
        self.keys.push(key);
        self.rows.push(metric, bytes);
    }

    /// A copy of some rows. What is known of the order is forgotten.
    fn copy(&self, field: &VectorField, rows: impl Iterator<Item = usize>) -> Self {
        let mut copy = Self::new(field);
        copy.extend(self, rows);
        copy
    }

    fn extend(&mut self, other: &Self, rows: impl Iterator<Item = usize>) {
        self.by_ones = None;
        for at in rows {
            self.keys.push(other.keys[at]);
            self.rows.push_from(&other.rows, at);
        }
    }

    /// The rows in the order that the field's scan wants.
    fn arranged(self, field: &VectorField) -> Self {
        if field.metric != Metric::Jaccard {
            return self;
        }
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        order.sort_unstable_by_key(|at| (self.rows.ones(*at), self.keys[*at]));
        let mut arranged = self.copy(field, order.into_iter());
        let mut by_key: Vec<u32> = (0..arranged.keys.len() as u32).collect();
        by_key.sort_unstable_by_key(|at| arranged.keys[*at as usize]);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for at in 0..arranged.keys.len() {
            match runs.last_mut() {
                Some(run) if arranged.rows.ones(run.start) == arranged.rows.ones(at) => run.end = at + 1,
                _ => runs.push(at..at + 1),
            }
        }
        arranged.by_ones = Some(ByOnes { by_key, runs });
        arranged
    }

    /// The lowest and the highest key.
    fn span(&self) -> Option<(u64, u64)> {
        let (first, last) = match &self.by_ones {
            Some(ByOnes { by_key, .. }) => (*by_key.first()? as usize, *by_key.last()? as usize),
            None => (0, self.keys.len().checked_sub(1)?),
        };
        Some((self.keys[first], self.keys[last]))
    }

    /// The row of a key.
    fn find(&self, key: u64) -> Option<usize> {
        let Some(ByOnes { by_key, .. }) = &self.by_ones else { return self.keys.binary_search(&key).ok() };
        let at = by_key.binary_search_by_key(&key, |row| self.keys[*row as usize]).ok()?;
        Some(by_key[at] as usize)
    }

    /// Adds the chunk's pieces, each with the least distance that its rows can have.
    fn add_runs<'a>(&'a self, metric: Metric, query: &Prepared, runs: &mut Vec<Run<'a>>) {
        let Some(ByOnes { runs: own, .. }) = &self.by_ones else {
            runs.push(Run { least: f32::NEG_INFINITY, chunk: self, rows: 0..self.keys.len() });
            return;
        };
        runs.extend(own.iter().map(|rows| {
            let least = query.least_distance(metric, self.rows.ones(rows.start));
            Run { least, chunk: self, rows: rows.clone() }
        }));
    }
}

/// Rows of a chunk that are no nearer than `least`.
struct Run<'a> {
    least: f32,
    chunk: &'a Chunk,
    rows: Range<usize>,
}

/// Chunks in order of their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Flat {
    pub(super) chunks: Vec<Arc<Chunk>>,
}

impl Flat {
    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.keys.len()).sum()
    }

    pub(super) fn byte_len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows.byte_len()).sum()
    }

    /// Adds rows newer than all others. Chunks that are no longer than their successor are merged with it, so that
    /// there are few of them and each row is copied a logarithmic number of times.
    pub(super) fn push(&mut self, field: &VectorField, chunk: Chunk) {
        if chunk.keys.is_empty() {
            return;
        }
        let mut newest = chunk;
        while let Some(last) = self.chunks.last()
            && last.keys.len() <= newest.keys.len()
            && last.keys.len() + newest.keys.len() <= MERGE_UP_TO
        {
            let mut merged = Chunk::clone(last);
            merged.extend(&newest, 0..newest.keys.len());
            newest = merged;
            self.chunks.pop();
        }
        debug_assert!(newest.rows.floats(0).len() == field.dim || newest.rows.floats(0).is_empty());
        self.chunks.push(Arc::new(newest.arranged(field)));
    }

    /// Leaves out rows for which `keep` does not hold.
    pub(super) fn retain(&mut self, field: &VectorField, keep: impl Fn(u64) -> bool) {
        for chunk in &mut self.chunks {
            if !chunk.keys.iter().all(|key| keep(*key)) {
                let kept = (0..chunk.keys.len()).filter(|at| keep(chunk.keys[*at]));
                *chunk = Arc::new(chunk.copy(field, kept).arranged(field));
            }
        }
        self.chunks.retain(|chunk| !chunk.keys.is_empty());
    }

    /// Offers every row for which `is_wanted` holds, but for those that cannot be among the nearest: what may be nearest
    /// comes first.
    pub(super) fn scan(
        &self,
        metric: Metric,
        query: &Prepared,
        nearest: &mut Nearest,
        is_wanted: impl Fn(u64) -> bool,
    ) {
        let mut runs = Vec::new();
        self.chunks.iter().for_each(|chunk| chunk.add_runs(metric, query, &mut runs));
        runs.retain(|run| run.least <= nearest.bound());
        runs.sort_by(|a, b| a.least.total_cmp(&b.least));
        for Run { least, chunk, rows } in runs {
            if least > nearest.bound() {
                break;
            }
            chunk.rows.scan(metric, query, rows, nearest.bound(), |at, distance| {
                let key = chunk.keys[at];
                nearest.offer(key, distance, || is_wanted(key));
                nearest.bound()
            });
        }
    }

    /// Offers the rows of these keys.
    pub(super) fn scan_keys(&self, metric: Metric, query: &Prepared, nearest: &mut Nearest, keys: &RoaringTreemap) {
        for chunk in &self.chunks {
            let Some((first, last)) = chunk.span() else { continue };
            let mut wanted = keys.iter();
            wanted.advance_to(first);
            for at in wanted.take_while(|key| *key <= last).filter_map(|key| chunk.find(key)) {
                if query.least_distance(metric, chunk.rows.ones(at)) <= nearest.bound() {
                    nearest.offer(chunk.keys[at], chunk.rows.distance(metric, query, at), || true);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Vector;

    /// Rows of few bits have many ties, in distance and in number of ones; those of many cross blocks of words.
    fn bits(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
        let sparse = (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| a & b & c);
        prop_oneof![
            prop::collection::vec(any::<u8>(), bytes),
            prop::collection::vec(sparse, bytes),
            Just(vec![0; bytes]),
            Just(vec![255; bytes]),
        ]
    }

    /// A query, and rows in batches, so that some are merged and some are not.
    fn batches() -> impl Strategy<Value = (Vec<u8>, Vec<Vec<Vec<u8>>>)> {
        prop::sample::select(vec![1_usize, 2, 9, 256, 300]).prop_flat_map(|bytes| {
            let batch = prop::collection::vec(bits(bytes), 0..40);
            (bits(bytes), prop::collection::vec(batch, 1..12))
        })
    }

    fn distance(metric: Metric, a: &[u8], b: &[u8]) -> f32 {
        let count = |join: fn(u8, u8) -> u8| a.iter().zip(b).map(|(a, b)| join(*a, *b).count_ones()).sum::<u32>();
        match (metric, count(|a, b| a & b), count(|a, b| a | b)) {
            (Metric::Hamming, ..) => count(|a, b| a ^ b) as f32,
            (_, _, 0) => 0.0,
            (_, both, either) => 1.0 - both as f32 / either as f32,
        }
    }

    proptest! {
        #[test]
        fn a_scan_finds_what_looking_at_every_row_finds(
            (query, batches) in batches(),
            metric in prop::sample::select(vec![Metric::Jaccard, Metric::Hamming]),
            k in 1_usize..60,
            // Often a distance that some row has, so that the bound itself is met.
            radius in prop_oneof![Just(f32::INFINITY), 0.0_f32..1.1, (0_u8..8).prop_map(|part| f32::from(part) / 8.0)],
            dropped in prop::option::of(2_u64..5),
            wanted in prop::option::of(2_u64..5),
        ) {
            let field = VectorField::binary("bits", query.len() * 8, metric);
            let (mut flat, mut rows, mut key) = (Flat::default(), BTreeMap::new(), 0);
            for batch in batches {
                let mut chunk = Chunk::new(&field);
                for row in batch {
                    key += 1;
                    chunk.push(key, metric, &row);
                    rows.insert(key, row);
                }
                flat.push(&field, chunk);
            }
            if let Some(dropped) = dropped {
                flat.retain(&field, |key| key % dropped != 0);
                rows.retain(|key, _| key % dropped != 0);
            }
            prop_assert_eq!(flat.len(), rows.len());
            let is_wanted = |key: u64| wanted.is_none_or(|wanted| key.is_multiple_of(wanted));
            let mut truth: Vec<(f32, u64)> = rows
                .iter()
                .map(|(key, row)| (distance(metric, &query, row), *key))
                .filter(|(distance, key)| *distance <= radius && is_wanted(*key))
                .collect();
            truth.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            truth.truncate(k);
            let found = |nearest: Nearest| -> Vec<(f32, u64)> {
                nearest.into_sorted().iter().map(|candidate| (candidate.distance, candidate.key)).collect()
            };
            let prepared = Prepared::new(&field, &Vector::binary(query));
            let mut nearest = Nearest::within(k, radius);
            flat.scan(metric, &prepared, &mut nearest, is_wanted);
            prop_assert_eq!(&found(nearest), &truth);
            // Keys that are in no chunk, too: a filter's are of all fields and times.
            let keys: RoaringTreemap = (0..=key + 3).filter(|key| is_wanted(*key)).collect();
            let mut nearest = Nearest::within(k, radius);
            flat.scan_keys(metric, &prepared, &mut nearest, &keys);
            prop_assert_eq!(&found(nearest), &truth);
        }
    }

    #[test]
    fn rows_too_different_to_be_near_are_not_read() {
        let field = VectorField::binary("bits", 64, Metric::Jaccard);
        let mut flat = Flat::default();
        for ones in [3, 4, 5, 8, 30, 60] {
            let mut chunk = Chunk::new(&field);
            chunk.push(ones, field.metric, &(u64::MAX >> (64 - ones)).to_le_bytes());
            flat.push(&field, chunk);
        }
        let query = Prepared::new(&field, &Vector::binary((u64::MAX >> 60).to_le_bytes()));
        let asked = std::cell::RefCell::new(Vec::new());
        let mut nearest = Nearest::within(2, f32::INFINITY);
        flat.scan(field.metric, &query, &mut nearest, |key| {
            asked.borrow_mut().push(key);
            true
        });
        assert_eq!(*asked.borrow(), [4, 5], "the best first, and then none that is farther than two that were found");
    }
}
