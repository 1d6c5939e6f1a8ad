//! The k nearest of a stream of candidates.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how far it is; ordered by distance, then by row key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    /// Smaller is nearer, whatever the metric.
    pub(super) distance: f32,
    pub(super) key: u64,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.key.cmp(&other.key))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the k nearest.
#[derive(Debug)]
pub(super) struct Nearest {
    k: usize,
    heap: BinaryHeap<Candidate>,
    /// Nothing farther than this is worth offering.
    bound: f32,
}

impl Nearest {
    /// The k nearest of those that are no farther than `bound`.
    pub(super) fn within(k: usize, bound: f32) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024) + 1), bound }
    }

    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// What is farther than this is not among the nearest. At just this distance the key decides.
    pub(super) fn bound(&self) -> f32 {
        self.bound
    }

    /// Takes a candidate if it is among the k nearest so far and `is_wanted`, which is asked only then.
    #[inline]
    pub(super) fn offer(&mut self, key: u64, distance: f32, is_wanted: impl FnOnce() -> bool) {
        if distance > self.bound || !is_wanted() {
            return;
        }
        self.heap.push(Candidate { distance, key });
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k
            && let Some(farthest) = self.heap.peek()
        {
            self.bound = farthest.distance;
        }
    }

    /// Nearest first.
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_nearest_of_those_wanted() {
        for (bound, expected) in [(f32::INFINITY, &[2, 4, 3][..]), (4.0, &[2, 4, 3]), (4.0_f32.next_down(), &[2, 4])] {
            let mut nearest = Nearest::within(3, bound);
            for (key, distance) in [(1, 5.0), (2, 1.0), (6, 4.0), (4, 3.0), (3, 4.0), (5, 0.5)] {
                nearest.offer(key, distance, || key != 5);
            }
            let keys: Vec<u64> = nearest.into_sorted().iter().map(|candidate| candidate.key).collect();
            assert_eq!(keys, expected);
        }
    }
}
