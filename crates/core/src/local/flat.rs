//! Rows in memory that are searched exactly: all rows of small, binary and FLAT fields, and in the others the rows
//! that the graph does not have yet.

use std::sync::Arc;

use roaring::RoaringTreemap;

use super::distance::{Prepared, Rows};
use super::nearest::Nearest;
use crate::schema::{Metric, VectorField};

/// The most rows that chunks are merged up to: what one upsert copies at most.
const MERGE_UP_TO: usize = 16_384;

/// Some rows of one field, never changed once made. Keys ascend.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) keys: Vec<u64>,
    pub(super) rows: Rows,
}

impl Chunk {
    pub(super) fn new(field: &VectorField) -> Self {
        Self { keys: Vec::new(), rows: Rows::new(field) }
    }

    /// Adds a row; `key` is greater than every key so far.
    pub(super) fn push(&mut self, key: u64, metric: Metric, bytes: &[u8]) {
        debug_assert!(self.keys.last().is_none_or(|last| *last < key));
        self.keys.push(key);
        self.rows.push(metric, bytes);
    }

    /// A copy with only the rows for which `keep` holds.
    fn filtered(&self, field: &VectorField, keep: impl Fn(u64) -> bool) -> Self {
        let mut kept = Self::new(field);
        for (at, key) in self.keys.iter().enumerate().filter(|(_, key)| keep(**key)) {
            kept.keys.push(*key);
            kept.rows.push_from(&self.rows, at);
        }
        kept
    }
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
            for (at, key) in newest.keys.iter().enumerate() {
                merged.keys.push(*key);
                merged.rows.push_from(&newest.rows, at);
            }
            newest = merged;
            self.chunks.pop();
        }
        debug_assert!(newest.rows.floats(0).len() == field.dim || newest.rows.floats(0).is_empty());
        self.chunks.push(Arc::new(newest));
    }

    /// Leaves out rows for which `keep` does not hold.
    pub(super) fn retain(&mut self, field: &VectorField, keep: impl Fn(u64) -> bool) {
        for chunk in &mut self.chunks {
            if !chunk.keys.iter().all(|key| keep(*key)) {
                *chunk = Arc::new(chunk.filtered(field, &keep));
            }
        }
        self.chunks.retain(|chunk| !chunk.keys.is_empty());
    }

    /// Offers every row for which `is_wanted` holds.
    pub(super) fn scan(
        &self,
        metric: Metric,
        query: &Prepared,
        nearest: &mut Nearest,
        is_wanted: impl Fn(u64) -> bool,
    ) {
        for chunk in &self.chunks {
            chunk.rows.scan(metric, query, |at, distance| {
                let key = chunk.keys[at];
                nearest.offer(key, distance, || is_wanted(key));
            });
        }
    }

    /// Offers the rows of these keys.
    pub(super) fn scan_keys(&self, metric: Metric, query: &Prepared, nearest: &mut Nearest, keys: &RoaringTreemap) {
        for chunk in &self.chunks {
            let (Some(first), Some(last)) = (chunk.keys.first(), chunk.keys.last()) else { continue };
            let mut wanted = keys.iter();
            wanted.advance_to(*first);
            for key in wanted.take_while(|key| key <= last) {
                if let Ok(at) = chunk.keys.binary_search(&key) {
                    nearest.offer(key, chunk.rows.distance(metric, query, at), || true);
                }
            }
        }
    }
}
