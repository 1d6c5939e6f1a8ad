//! What happens to hits after the search: fusing several lists into one, and grouping. It is done here, in the
//! client, so that every store and every server version gives the same answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;

use crate::record::{Hit, Id, Record};
use crate::request::{Fusion, GroupBy, HybridRequest, MAX_K, Query, SearchRequest};
use crate::schema::{CollectionSpec, Metric};

/// The results of a hybrid request's searches fused into one list of at most `k` ids and scores, best first; equal
/// scores in id order.
pub(crate) fn fuse(spec: &CollectionSpec, request: &HybridRequest, lists: &[Vec<Hit>]) -> Vec<(Id, f32)> {
    let metrics: Vec<_> = request.searches.iter().map(|part| metric_of(spec, part)).collect();
    let mut fused = fuse_lists(lists, &metrics, &request.fusion);
    fused.truncate(request.k);
    fused
}

/// Fused ids with their records. A record deleted between the search and the look-up is no longer a hit.
pub(crate) fn hits(fused: Vec<(Id, f32)>, records: Vec<Record>) -> Vec<Hit> {
    let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.id.clone(), record)).collect();
    let hits = fused.into_iter().filter_map(|(id, score)| {
        let record = records.remove(&Some(id.clone()))?;
        Some(Hit { id, score, vectors: record.vectors, fields: record.fields })
    });
    hits.collect()
}

/// The metric of a part; `None` for a search by words.
fn metric_of(spec: &CollectionSpec, part: &SearchRequest) -> Option<Metric> {
    match part.queries.first() {
        Some(Query::Text(_)) | None => None,
        Some(_) => spec.vector_field(&part.field).ok().map(|field| field.metric),
    }
}

fn fuse_lists(lists: &[Vec<Hit>], metrics: &[Option<Metric>], fusion: &Fusion) -> Vec<(Id, f32)> {
    let mut scores: HashMap<&Id, f32> = HashMap::new();
    for (at, list) in lists.iter().enumerate() {
        for (rank, hit) in list.iter().enumerate() {
            let share = match fusion {
                Fusion::Rrf { k } => 1.0 / (k + rank as f32 + 1.0),
                Fusion::Weighted { weights } => weights[at] * unit_score(metrics[at], hit.score),
            };
            *scores.entry(&hit.id).or_default() += share;
        }
    }
    let mut fused: Vec<_> = scores.into_iter().map(|(id, score)| (id.clone(), score)).collect();
    fused.sort_by(|(id_a, a), (id_b, b)| b.total_cmp(a).then_with(|| id_a.cmp(id_b)));
    fused
}

/// A score brought to 0…1, larger is better, by the formulas of Milvus's weighted ranker.
fn unit_score(metric: Option<Metric>, score: f32) -> f32 {
    use std::f32::consts::PI;
    match metric {
        None => 2.0 * score.atan() / PI,
        Some(Metric::InnerProduct) => 0.5 + score.atan() / PI,
        Some(Metric::Cosine) => (1.0 + score) * 0.5,
        Some(Metric::L2 | Metric::Hamming | Metric::Jaccard) => 1.0 - 2.0 * score.atan() / PI,
    }
}

/// Where a grouped search starts: how many ungrouped hits to ask for.
pub(crate) fn first_fetch(k: usize, group_by: &GroupBy) -> usize {
    (k * group_by.size * 4).clamp(64, MAX_K)
}

/// Groups hits that come with their group's value. `None` when they were not enough to be sure of `k` full groups
/// and there are more: ask again for twice as many. `whole`, where it is known: all groups there are, and how many hits
/// each can have.
pub(crate) fn group<T: Clone>(
    hits: &[(T, Value)],
    k: usize,
    group_by: &GroupBy,
    exhausted: bool,
    whole: Option<&HashMap<String, usize>>,
) -> Option<Vec<T>> {
    let mut sizes: HashMap<String, usize> = HashMap::new();
    let mut grouped = Vec::new();
    // Some groups may never fill up: past this many hits they are taken as they are.
    let many = hits.len() >= MAX_K;
    for (hit, group) in hits {
        let known = sizes.len();
        match sizes.entry(group.to_string()) {
            Entry::Occupied(size) if *size.get() >= group_by.size => continue,
            Entry::Vacant(_) if known >= k => continue,
            entry => *entry.or_default() += 1,
        }
        grouped.push(hit.clone());
    }
    let most = |group| whole.and_then(|whole| whole.get(group)).map_or(group_by.size, |most| group_by.size.min(*most));
    let all_found = sizes.len() >= k || whole.is_some_and(|whole| sizes.len() >= whole.len());
    let full = all_found && (many || sizes.iter().all(|(group, size)| *size >= most(group)));
    (full || exhausted).then_some(grouped)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hits(ids: &[(i64, f32)]) -> Vec<Hit> {
        let hit = |(id, score): &(i64, f32)| Hit {
            id: Id::Int(*id),
            score: *score,
            vectors: Default::default(),
            fields: Default::default(),
        };
        ids.iter().map(hit).collect()
    }

    #[test]
    fn rrf_adds_reciprocal_ranks() {
        let lists = [hits(&[(1, 0.9), (2, 0.8)]), hits(&[(2, 11.0), (3, 7.0)])];
        let fused = fuse_lists(&lists, &[Some(Metric::Cosine), None], &Fusion::Rrf { k: 60.0 });
        let ids: Vec<_> = fused.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(ids, [Id::Int(2), Id::Int(1), Id::Int(3)]);
        assert!((fused[0].1 - (1.0 / 62.0 + 1.0 / 61.0)).abs() < 1e-7);
    }

    #[test]
    fn weights_apply_to_scores_brought_to_one_scale() {
        let lists = [hits(&[(1, 0.0), (2, 1.0)]), hits(&[(2, 1.0), (1, -1.0)])];
        let fusion = Fusion::Weighted { weights: vec![0.5, 1.0] };
        let fused = fuse_lists(&lists, &[Some(Metric::L2), Some(Metric::Cosine)], &fusion);
        // L2 0 → 1, L2 1 → 0.5; cosine 1 → 1, cosine −1 → 0.
        assert_eq!(fused, [(Id::Int(2), 0.25 + 1.0), (Id::Int(1), 0.5)]);
    }

    #[test]
    fn groups_keep_their_best_hits_and_ask_for_more_until_full() {
        let grouped = |values: &[&str], k, size, exhausted| {
            let hits = hits(&(0..values.len()).map(|at| (at as i64, 0.0)).collect::<Vec<_>>());
            let hits: Vec<_> = hits.into_iter().zip(values.iter().map(|value| json!(value))).collect();
            let group_by = GroupBy { field: "group".into(), size };
            let grouped = group(&hits, k, &group_by, exhausted, None)?;
            Some(grouped.into_iter().map(|hit| hit.id).collect::<Vec<_>>())
        };
        let ids = |ids: &[i64]| Some(ids.iter().copied().map(Id::Int).collect::<Vec<_>>());
        assert_eq!(grouped(&["a", "a", "b", "c"], 2, 1, false), ids(&[0, 2]));
        assert_eq!(grouped(&["a", "a", "a"], 2, 1, false), None);
        assert_eq!(grouped(&["a", "a", "a"], 2, 1, true), ids(&[0]));
        assert_eq!(grouped(&["a", "b", "a", "c", "b", "a"], 2, 2, false), ids(&[0, 1, 2, 4]));
        assert_eq!(grouped(&["a", "b", "a"], 2, 2, false), None);
    }

    #[test]
    fn groups_that_are_known_are_not_waited_for() {
        let hits: Vec<_> = ["a", "a", "b"].iter().enumerate().map(|(at, group)| (at, json!(group))).collect();
        let whole = |sizes: &[(&str, usize)]| sizes.iter().map(|(g, size)| (json!(g).to_string(), *size)).collect();
        let grouped = |k, size, sizes: &[(&str, usize)]| {
            group(&hits, k, &GroupBy { field: "group".into(), size }, false, Some(&whole(sizes)))
        };
        assert_eq!(grouped(10, 1, &[("a", 1), ("b", 1)]), Some(vec![0, 2]));
        assert_eq!(grouped(10, 1, &[("a", 1), ("b", 1), ("c", 1)]), None);
        assert_eq!(grouped(10, 2, &[("a", 2), ("b", 1)]), Some(vec![0, 1, 2]));
        assert_eq!(grouped(10, 2, &[("a", 2), ("b", 2)]), None);
    }
}
