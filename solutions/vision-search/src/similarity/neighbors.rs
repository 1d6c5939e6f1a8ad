//! The nearest neighbours of many entries at once: what one begins with to look for clusters, wrong labels and copies.
//!
//! To a server, a call costs ten times what a search does, so many queries share one.

use std::collections::{HashMap, HashSet};

use bootcamp_core::{Error, MAX_K, Output, Query, Result, SearchRequest};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;

use super::index::{Entries, SimilarityIndex};
use super::layout::{Entry, SAMPLE, VECTOR, ids};
use super::query::{Hit, Within};
use crate::library::View;
use crate::sample::ObjectId;

/// Queries in one call of the store.
const QUERIES: usize = 100;
/// Calls at the same time.
const CALLS: usize = 2;

/// An entry with its nearest neighbours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbors {
    pub id: ObjectId,
    pub sample: ObjectId,
    /// Nearest first, without the entry itself.
    pub nearest: Vec<Hit>,
}

/// The neighbours of some entries of a view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub found: Vec<Neighbors>,
    /// Samples or labels of the view that the index does not have.
    pub missing: Vec<ObjectId>,
}

impl SimilarityIndex {
    /// The `k` nearest neighbours, in the whole dataset, of each entry of a view, in the view's order. As by
    /// [`SimilarityIndex::sort_by_similarity`] with each id, several times as fast on a server.
    ///
    /// # Errors
    /// `InvalidInput` for a k that no store can answer; those of the store and the dataset.
    pub async fn neighbors(&self, view: &View, k: usize) -> Result<BoxStream<'_, Result<Batch>>> {
        if k == 0 || k >= MAX_K {
            return Err(Error::invalid(format!("k is {k}, expected 1 to {}", MAX_K - 1)));
        }
        let ids = self.view_ids(view).await?;
        let parts: Vec<Vec<ObjectId>> = ids.chunks(QUERIES).map(<[ObjectId]>::to_vec).collect();
        Ok(stream::iter(parts).map(move |ids| self.neighbors_of(ids, k).boxed()).buffered(CALLS).boxed())
    }

    async fn neighbors_of(&self, asked: Vec<ObjectId>, k: usize) -> Result<Batch> {
        let entries = self.embeddings(&Entries::Ids(asked.clone())).await?;
        let mut entries: HashMap<ObjectId, Entry> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        let (there, missing): (Vec<ObjectId>, _) = asked.into_iter().partition(|id| entries.contains_key(id));
        let entries: Vec<Entry> = there.iter().filter_map(|id| entries.remove(id)).collect();
        if entries.is_empty() {
            return Ok(Batch { found: Vec::new(), missing });
        }
        // Each finds itself.
        let ask = k + 1;
        let queries = entries.iter().map(|entry| Query::from(entry.vector.clone())).collect();
        let request = SearchRequest::batch(VECTOR, queries, ask).output(Output::only([SAMPLE]));
        let answers = self.or_dropped(self.reader().await?.search(self.collection(), &request).await)?;
        let known = self.known(met(&answers)?).await?;
        let mut found = Vec::with_capacity(entries.len());
        for (entry, answer) in entries.into_iter().zip(answers) {
            let mut nearest = answer.iter().map(|hit| self.hit(hit, false)).collect::<Result<Vec<_>>>()?;
            nearest.retain(|hit| known.contains(&hit.id));
            if nearest.len() < answer.len() && answer.len() == ask {
                // Those that were removed from the dataset took the place of others.
                let more = self.search_one(&entry.vector, ask, false, &Within::Dataset).await?;
                nearest = more.map_or(nearest, |(hits, _)| hits);
            }
            nearest.retain(|hit| hit.id != entry.id);
            nearest.truncate(k);
            found.push(Neighbors { id: entry.id, sample: entry.sample, nearest });
        }
        Ok(Batch { found, missing })
    }
}

/// All samples or labels in some answers, each once.
fn met(answers: &[Vec<bootcamp_core::Hit>]) -> Result<Vec<ObjectId>> {
    let hits = answers.iter().flatten();
    let met = hits.map(|hit| Ok(ids(Some(&hit.id), &hit.fields)?.0)).collect::<Result<HashSet<_>>>()?;
    Ok(met.into_iter().collect())
}
