//! Who is near whom: the one thing that most analyses ask of vectors.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bootcamp_core::{Error, Result};

use super::distance::Row;
use super::parallel::blocks;
use super::{Analysis, checked};

/// Rows that are compared with the rest in one go, and those of the rest that stay in a core's cache meanwhile.
const BLOCK: usize = 32;
const TILE: usize = 64;
/// Pairs that are kept at most, 12 bytes each: a threshold that all pairs meet must not eat all memory.
const MAX_PAIRS: usize = 20_000_000;

/// Two rows, the lower first, and their distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub a: u32,
    pub b: u32,
    pub distance: f32,
}

/// A row's neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub row: u32,
    pub distance: f32,
}

impl Analysis<'_> {
    /// All pairs at most `threshold` apart of which `wanted` says yes, in the order of their rows.
    ///
    /// # Errors
    /// `InvalidInput` for a threshold that is no distance, or which more pairs meet than can be kept; those of
    /// candidates; when it was cancelled.
    pub(super) fn pairs(&self, threshold: f32, wanted: impl Fn(usize, usize) -> bool + Sync) -> Result<Vec<Pair>> {
        let threshold = checked(threshold)?;
        let rows = self.vectors.len();
        self.watch.set_total(rows as u64);
        let kept = AtomicUsize::new(0);
        let found = blocks(rows, BLOCK, self.threads, self.watch, |block| {
            let mut pairs = Vec::new();
            let visit = |row: usize, other: usize, distance: f32| {
                // Of candidates, either of two may propose the other.
                let (a, b) = (row.min(other), row.max(other));
                if distance <= threshold && wanted(a, b) {
                    pairs.push(Pair { a: a as u32, b: b as u32, distance });
                }
            };
            self.compare(block.clone(), true, visit)?;
            if kept.fetch_add(pairs.len(), Relaxed) + pairs.len() > MAX_PAIRS {
                let message = format!("more than {MAX_PAIRS} pairs are at most {threshold} apart");
                return Err(Error::invalid(message).with_hint("choose a smaller threshold"));
            }
            self.watch.advance(block.len() as u64);
            Ok(pairs)
        })?;
        let mut pairs = found.concat();
        if self.candidates.is_some() {
            pairs.sort_unstable_by_key(|pair| (pair.a, pair.b));
            pairs.dedup_by_key(|pair| (pair.a, pair.b));
        }
        Ok(pairs)
    }

    /// The `k` nearest of each row, nearest first, of equals the one with the lower row; `k` must be less than there are
    /// rows.
    ///
    /// # Errors
    /// `InvalidInput` if there are fewer candidates; those of candidates; when it was cancelled.
    pub(super) fn nearest(&self, k: usize) -> Result<Vec<Vec<Neighbour>>> {
        let rows = self.vectors.len();
        self.watch.set_total(rows as u64);
        let found = blocks(rows, BLOCK, self.threads, self.watch, |block| {
            let mut nearest = vec![Vec::with_capacity(k + 1); block.len()];
            self.compare(block.clone(), false, |row, other, distance| {
                keep_nearest(&mut nearest[row - block.start], k, Neighbour { row: other as u32, distance });
            })?;
            for (row, nearest) in block.clone().zip(&nearest) {
                if nearest.len() < k {
                    let (id, found) = (self.vectors.ids()[row], nearest.len());
                    let message = format!("the index proposes {found} neighbours of {id}, expected {k} at least");
                    return Err(Error::invalid(message).with_hint("ask the index for more, or compare all vectors"));
                }
            }
            self.watch.advance(block.len() as u64);
            Ok(nearest)
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Visits each row of a block with its candidates, or with all other rows: with the ones after it only, if every
    /// pair is to be seen `once`.
    fn compare(&self, block: Range<usize>, once: bool, mut visit: impl FnMut(usize, usize, f32)) -> Result<()> {
        let first = if once { block.start } else { 0 };
        if let Some(candidates) = self.candidates {
            for row in block {
                let mut others: Vec<usize> =
                    candidates(self.vectors.ids()[row])?.into_iter().filter_map(|id| self.vectors.index(id)).collect();
                others.sort_unstable();
                others.dedup();
                others.retain(|other| *other != row);
                let rows = others.iter().map(|other| self.row(*other));
                self.measure.each(self.row(row), rows, |at, distance| visit(row, others[at], distance));
            }
            return Ok(());
        }
        for tile in (first..self.vectors.len()).step_by(TILE) {
            let end = self.vectors.len().min(tile + TILE);
            for row in block.clone() {
                let start = if once { tile.max(row + 1).min(end) } else { tile };
                let rows = (start..end).map(|other| self.row(other));
                self.measure.each(self.row(row), rows, |at, distance| {
                    if start + at != row {
                        visit(row, start + at, distance);
                    }
                });
            }
        }
        Ok(())
    }

    pub(super) fn row(&self, index: usize) -> Row<'_> {
        Row { values: self.vectors.row(index), scale: self.vectors.scale(index) }
    }
}

/// Takes one in if it is among the `k` nearest so far. They come by ascending rows, so that of equals the first stays.
fn keep_nearest(nearest: &mut Vec<Neighbour>, k: usize, one: Neighbour) {
    if nearest.len() == k && nearest.last().is_none_or(|last| last.distance <= one.distance) {
        return;
    }
    nearest.truncate(k - 1);
    let place = nearest.partition_point(|other| other.distance <= one.distance);
    nearest.insert(place, one);
}
