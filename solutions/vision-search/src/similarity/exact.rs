//! Hits, and the first k of many: for what no index can answer all entries are compared, in memory for the answer alone.

use std::collections::BinaryHeap;

use serde::Serialize;

use crate::sample::ObjectId;

/// A sample or patch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// Of the label, or of the sample.
    pub id: ObjectId,
    pub sample: ObjectId,
    /// Smaller is nearer, whatever the metric; see [`SimilarityMetric::distance`](crate::backend::SimilarityMetric::distance).
    pub distance: f32,
    /// As the store reports it; several queries have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}

/// A hit with its place in the order.
struct Ranked {
    /// Smaller comes first.
    rank: f32,
    hit: Hit,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By rank, then by id, so that equal distances are always in the same order.
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.total_cmp(&other.rank).then_with(|| self.hit.id.cmp(&other.hit.id))
    }
}

/// The first k of many hits.
pub struct Best {
    k: usize,
    reverse: bool,
    /// The last one on top.
    heap: BinaryHeap<Ranked>,
}

impl Best {
    /// `None`: all. With `reverse` the farthest come first.
    pub fn new(k: Option<usize>, reverse: bool) -> Self {
        Self { k: k.unwrap_or(usize::MAX), reverse, heap: BinaryHeap::new() }
    }

    pub fn push(&mut self, hit: Hit) {
        let rank = if self.reverse { -hit.distance } else { hit.distance };
        let ranked = Ranked { rank, hit };
        if self.heap.len() < self.k {
            self.heap.push(ranked);
        } else if self.heap.peek().is_some_and(|last| ranked < *last) {
            self.heap.pop();
            self.heap.push(ranked);
        }
    }

    pub fn into_hits(self) -> Vec<Hit> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_k_of_a_sort(distances in prop::collection::vec(0u8..20, 0..60), k in 0usize..70, reverse: bool) {
            let hit = |(n, distance): (usize, &u8)| {
                let id = ObjectId::of(&[&n.to_string()]);
                Hit { id, sample: id, distance: f32::from(*distance), score: None }
            };
            let mut best = Best::new(Some(k), reverse);
            distances.iter().enumerate().map(hit).for_each(|hit| best.push(hit));
            let mut sorted: Vec<Hit> = distances.iter().enumerate().map(hit).collect();
            sorted.sort_by(|a, b| {
                let order = a.distance.total_cmp(&b.distance);
                (if reverse { order.reverse() } else { order }).then(a.id.cmp(&b.id))
            });
            sorted.truncate(k);
            prop_assert_eq!(best.into_hits(), sorted);
        }
    }
}
