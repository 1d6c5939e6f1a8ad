//! Groups of near-duplicates in a whole collection: every item is searched for by its own embedding, page
//! by page, and near-duplicates are joined. Only ids with a near-duplicate stay in memory.

use std::collections::{BTreeMap, HashMap};

use bootcamp_core::{
    CollectionInfo, Error, Fields, Id, Metric, Output, PageRequest, Query, Result, SearchRequest, scan,
};
use futures::TryStreamExt;

use crate::context::Context;
use crate::watch::Watch;

/// Items searched for in one call.
const PAGE: usize = 128;
/// The first k; if all of these neighbours are near enough, there may be more.
const NEIGHBOURS: usize = 16;
const MAX_NEIGHBOURS: usize = 4096;

/// Items, each of which is a near-duplicate of another in the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// In id order, with the fields that people see.
    pub items: Vec<(Id, Fields)>,
    /// The score of the least similar pair that links the group.
    pub score: f32,
}

/// The groups of items with a score of at least `threshold` (at most, for a distance), the most alike first. `watch`
/// counts items, and can stop it.
///
/// # Errors
/// Those of the store; `InvalidInput` when it was cancelled, since partial groups would mislead.
pub async fn duplicates(context: &Context, threshold: f32, output: &Output, watch: &Watch) -> Result<Vec<Group>> {
    if !threshold.is_finite() {
        return Err(Error::invalid("threshold is not a finite number"));
    }
    let CollectionInfo { count, spec, .. } = context.existing().await?;
    let metric = spec.vector_field(&context.field)?.metric;
    watch.set_total(count);
    let mut groups = Groups::default();
    let request = PageRequest { limit: PAGE, output: Output::ids(), ..PageRequest::default() };
    let mut pages = scan(&*context.store, &context.collection, request).try_chunks(PAGE);
    while let Some(page) = pages.try_next().await.map_err(|error| error.1)? {
        if watch.is_cancelled() {
            return Err(Error::invalid("the search for duplicates was cancelled"));
        }
        let ids: Vec<Id> = page.into_iter().filter_map(|record| record.id).collect();
        look_up(context, &ids, threshold, metric, NEIGHBOURS, &mut groups).await?;
        watch.advance(ids.len() as u64);
    }
    drop(pages);
    with_fields(context, groups.into_groups(metric), output).await
}

/// Joins each of these items with its near-duplicates.
async fn look_up(
    context: &Context,
    ids: &[Id],
    threshold: f32,
    metric: Metric,
    k: usize,
    groups: &mut Groups,
) -> Result<()> {
    let queries = ids.iter().cloned().map(Query::Id).collect();
    let request = SearchRequest::batch(&context.field, queries, k).output(Output::ids());
    let answers = context.store.search(&context.collection, &request).await?;
    let mut crowded = Vec::new();
    for (id, hits) in ids.iter().zip(answers) {
        let near = hits.iter().take_while(|hit| metric.nearest_first(hit.score, threshold).is_le());
        let mut found = 0;
        for hit in near {
            found += 1;
            if hit.id != *id {
                groups.join(id, &hit.id, hit.score, metric);
            }
        }
        if found == k && k < MAX_NEIGHBOURS {
            crowded.push(id.clone());
        }
    }
    if !crowded.is_empty() {
        Box::pin(look_up(context, &crowded, threshold, metric, k * 8, groups)).await?;
    }
    Ok(())
}

async fn with_fields(context: &Context, groups: Vec<(Vec<Id>, f32)>, output: &Output) -> Result<Vec<Group>> {
    let mut shown = Vec::with_capacity(groups.len());
    for (ids, score) in groups {
        let records = context.store.get(&context.collection, &ids, output).await?;
        let items: Vec<_> = records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
        // An item may have gone while the others were looked up.
        if items.len() > 1 {
            shown.push(Group { items, score });
        }
    }
    Ok(shown)
}

/// Sets of ids that were joined (union-find with path halving).
#[derive(Debug, Default)]
pub struct Groups {
    numbers: HashMap<Id, usize>,
    parents: Vec<usize>,
    /// For each root: the worst score among the links of its set.
    scores: Vec<f32>,
}

impl Groups {
    fn number(&mut self, id: &Id) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.parents.len();
        self.numbers.insert(id.clone(), number);
        self.parents.push(number);
        self.scores.push(f32::NAN);
        number
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// Joins the groups of two items that have this score with each other.
    pub fn join(&mut self, a: &Id, b: &Id, score: f32, metric: Metric) {
        let (a, b) = (self.number(a), self.number(b));
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let worst = [self.scores[a], self.scores[b], score].into_iter().filter(|score| !score.is_nan());
        self.scores[a] = worst.max_by(|x, y| metric.nearest_first(*x, *y)).unwrap_or(score);
        self.parents[b] = a;
    }

    /// The groups with the score of the least similar pair that links each, best first; ids in order.
    pub fn into_groups(mut self, metric: Metric) -> Vec<(Vec<Id>, f32)> {
        let mut sets: BTreeMap<usize, Vec<Id>> = BTreeMap::new();
        for (id, number) in std::mem::take(&mut self.numbers) {
            let root = self.root(number);
            sets.entry(root).or_default().push(id);
        }
        let mut groups: Vec<_> = sets.into_iter().map(|(root, ids)| (ids, self.scores[root])).collect();
        groups.iter_mut().for_each(|(ids, _)| ids.sort());
        groups.sort_by(|a, b| metric.nearest_first(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_groups_with_their_worst_needed_score() {
        let mut groups = Groups::default();
        let id = |n: i64| Id::Int(n);
        for (a, b, score) in [(1, 2, 0.99), (3, 4, 0.95), (2, 3, 0.9), (1, 4, 0.5), (7, 8, 1.0)] {
            groups.join(&id(a), &id(b), score, Metric::Cosine);
        }
        let expected = vec![(vec![id(7), id(8)], 1.0), (vec![id(1), id(2), id(3), id(4)], 0.9)];
        assert_eq!(groups.into_groups(Metric::Cosine), expected);
    }
}
