//! `sort_by_similarity`: the samples or patches of a view in the order of their similarity to a query, or the reverse.
//!
//! Small views go to the store as a list of ids. Of larger ones the store is asked for more hits than are wanted, until
//! enough of them are in the view. What a store's index cannot answer (all entries in order, the farthest under the
//! Euclidean metric, the mean distance to several queries) compares every entry, in batches.

use std::collections::{HashMap, HashSet};

use bootcamp_core::{Error, Filter, MAX_K, Output, Result, SearchRequest};
use bootcamp_kit::{blocking, combine};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::exact::Best;
pub use super::exact::Hit;
use super::index::Entries;
use super::index::{SimilarityIndex, check_vector, named};
use super::layout::{Entry, KEY, SAMPLE, VECTOR, ids};
use crate::library::View;
use crate::sample::ObjectId;

/// Views up to this size go to the store as a list of ids.
const FEW: usize = 1000;
/// What is asked for beyond what is needed on average.
const MARGIN: f64 = 1.5;

/// One thing to be similar to.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// An entry of the index.
    Id(ObjectId),
    /// A picture file's bytes.
    Picture(Vec<u8>),
    Words(String),
    Vector(Vec<f32>),
}

/// What several queries are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregation {
    /// One query: their mean.
    #[default]
    Mean,
    /// Each is a query; the distance to the nearest counts.
    Min,
    /// Each is a query; the distance to the farthest counts.
    Max,
    /// Each is a query; the mean of the distances counts.
    PostMean,
}

/// What to sort by, and how.
#[derive(Clone, Debug, Default)]
pub struct SimilarityQuery {
    pub positive: Vec<Prompt>,
    /// What results should not be like; only with [`Aggregation::Mean`].
    pub negative: Vec<Prompt>,
    /// `None`: the whole view.
    pub k: Option<usize>,
    /// The least similar first.
    pub reverse: bool,
    pub aggregation: Aggregation,
    pub view: View,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sorted {
    /// Best first.
    pub hits: Vec<Hit>,
    /// Whether every entry was compared, so that the result is exact.
    pub exact: bool,
    /// Entries that were met whose sample or label is no longer in the dataset; they do not count in k.
    pub orphaned: u64,
}

/// Which entries a query may find.
pub(super) enum Within {
    /// All that are in the dataset.
    Dataset,
    These(HashSet<ObjectId>),
}

impl SimilarityIndex {
    /// The entries of a view, sorted by similarity.
    ///
    /// # Errors
    /// `InvalidInput` for a query id that the index does not have, naming it, for words that the model does not know, for a
    /// vector of another dimension; those of the store.
    pub async fn sort_by_similarity(&self, query: &SimilarityQuery) -> Result<Sorted> {
        let queries = self.queries(query).await?;
        let within = self.within(&query.view).await?;
        let size = match &within {
            Within::These(set) => Some(set.len()),
            Within::Dataset => None,
        };
        let k = match (query.k, size) {
            (Some(k), Some(size)) => Some(k.min(size)),
            (k, _) => k,
        };
        if k == Some(0) {
            return Ok(Sorted { hits: Vec::new(), exact: true, orphaned: 0 });
        }
        let by_index = match k {
            Some(k) if k <= MAX_K && self.can_search(query, queries.len()) => {
                self.search(&queries, k, query.reverse, &within).await?
            }
            _ => None,
        };
        match by_index {
            Some(sorted) => Ok(sorted),
            None => self.compare_all(&queries, k, query, &within).await,
        }
    }

    /// Stores the distances of a result in a field of the samples, or as an attribute of the labels; or the scores as the
    /// store reports them, whose direction depends on the metric, as FiftyOne does.
    ///
    /// # Errors
    /// Those of the dataset; `InvalidInput` for scores of several queries, which have none.
    pub async fn save_distances(&self, field: &str, sorted: &Sorted, raw_scores: bool) -> Result<()> {
        let value = |hit: &Hit| match (raw_scores, hit.score) {
            (false, _) => Ok((hit.id, Some(hit.distance.into()))),
            (true, Some(score)) => Ok((hit.id, Some(score.into()))),
            (true, None) => Err(Error::invalid("the results of several queries have distances, but no scores")),
        };
        let values = sorted.hits.iter().map(value).collect::<Result<Vec<_>>>()?;
        let (dataset, field) = (self.dataset.clone(), field.to_owned());
        blocking(move || dataset.set_values(&field, values)).await.map(drop)
    }

    /// Whether the store's index can give the first few. The farthest under inner product and cosine are the nearest to
    /// the opposite of the query.
    fn can_search(&self, query: &SimilarityQuery, queries: usize) -> bool {
        let one = queries == 1 || (query.aggregation == Aggregation::Min && !query.reverse);
        one && !(query.reverse && self.config.metric == crate::backend::SimilarityMetric::Euclidean)
    }

    /// The vectors to compare with.
    async fn queries(&self, query: &SimilarityQuery) -> Result<Vec<Vec<f32>>> {
        if query.positive.is_empty() {
            return Err(Error::invalid("the query is empty").with_hint("give an id, a picture, words or a vector"));
        }
        let positive = self.prompted(&query.positive).await?;
        let negative = self.prompted(&query.negative).await?;
        if query.aggregation != Aggregation::Mean {
            if !negative.is_empty() {
                return Err(Error::invalid("negative examples need the aggregation mean"));
            }
            return Ok(positive);
        }
        let query = combine(self.config.metric.metric(), positive, negative);
        check_vector(&self.config, "the query", &query)?;
        Ok(vec![query])
    }

    async fn prompted(&self, prompts: &[Prompt]) -> Result<Vec<Vec<f32>>> {
        let asked: Vec<ObjectId> =
            prompts.iter().filter_map(|prompt| if let Prompt::Id(id) = prompt { Some(*id) } else { None }).collect();
        let found = if asked.is_empty() { Vec::new() } else { self.embeddings(&Entries::Ids(asked.clone())).await? };
        let mut found: HashMap<ObjectId, Vec<f32>> =
            found.into_iter().map(|Entry { id, vector, .. }| (id, vector)).collect();
        let missing: Vec<&ObjectId> = asked.iter().filter(|id| !found.contains_key(id)).collect();
        if !missing.is_empty() {
            return Err(self.not_there(&missing));
        }
        let mut vectors = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let vector = match prompt {
                // An id that comes up twice counts twice.
                Prompt::Id(id) => found.get_mut(id).cloned().unwrap_or_default(),
                Prompt::Picture(bytes) => self.brain.models.picture(self.model("a picture")?, bytes.clone()).await?,
                Prompt::Words(words) if self.config.supports_prompts => {
                    self.brain.models.words(self.model("words")?, words).await?
                }
                Prompt::Words(_) => {
                    let model = self.model("words")?;
                    return Err(Error::invalid(format!("the index '{}' cannot be asked in words", self.key))
                        .with_hint(format!(
                            "its model {model} takes pictures only: compute one with another --model"
                        )));
                }
                Prompt::Vector(vector) => {
                    check_vector(&self.config, "the query", vector)?;
                    vector.clone()
                }
            };
            vectors.push(vector);
        }
        Ok(vectors)
    }

    fn not_there(&self, missing: &[&ObjectId]) -> Error {
        let error = Error::new(
            bootcamp_core::ErrorKind::NotFound,
            format!("the index '{}' has no {}", self.key, named(missing.iter().copied())),
        );
        error.with_hint(match &self.config.patches_field {
            Some(field) => format!("it has patches: give ids of labels in '{field}'"),
            None => "add missing samples with: compute-similarity --missing".to_owned(),
        })
    }

    fn model(&self, what: &str) -> Result<&str> {
        self.config.model().ok_or_else(|| {
            Error::invalid(format!("the index '{}' was computed without a model, so it cannot embed {what}", self.key))
                .with_hint("ask with an id or a vector")
        })
    }

    async fn within(&self, view: &View) -> Result<Within> {
        if view.is_all() {
            return Ok(Within::Dataset);
        }
        Ok(Within::These(self.view_ids(view).await?.into_iter().collect()))
    }

    /// The first k by the store's index; `None` where it cannot give as many.
    async fn search(&self, queries: &[Vec<f32>], k: usize, reverse: bool, within: &Within) -> Result<Option<Sorted>> {
        let mut best = Best::new(Some(k), reverse);
        let mut nearest: HashMap<ObjectId, Hit> = HashMap::new();
        let mut orphaned = 0;
        for query in queries {
            let Some((hits, dead)) = self.search_one(query, k, reverse, within).await? else { return Ok(None) };
            orphaned += dead;
            for hit in hits {
                let known = nearest.entry(hit.id).or_insert_with(|| hit.clone());
                if hit.distance < known.distance {
                    *known = hit;
                }
            }
        }
        for mut hit in nearest.into_values() {
            hit.score = hit.score.filter(|_| queries.len() == 1);
            best.push(hit);
        }
        Ok(Some(Sorted { hits: best.into_hits(), exact: false, orphaned }))
    }

    /// The first k for one query, and how many entries were met that are no longer in the dataset.
    pub(super) async fn search_one(
        &self,
        query: &[f32],
        k: usize,
        reverse: bool,
        within: &Within,
    ) -> Result<Option<(Vec<Hit>, u64)>> {
        let store = self.reader().await?;
        let query: Vec<f32> = if reverse { query.iter().map(|x| -x).collect() } else { query.to_vec() };
        let (filter, mut ask) = match within {
            Within::These(set) if set.len() <= FEW => {
                let ids = set.iter().map(ToString::to_string);
                (Some(Filter::is_in(KEY, ids)), k)
            }
            Within::These(set) => {
                let total = self.or_dropped(store.count(self.collection(), None).await)?;
                (None, (k as f64 * total as f64 / set.len() as f64 * MARGIN) as usize + 16)
            }
            Within::Dataset => (None, k),
        };
        loop {
            ask = ask.clamp(k, MAX_K);
            let request = SearchRequest::new(VECTOR, query.clone(), ask).filter(filter.clone());
            let found = store.search(self.collection(), &request.output(Output::only([SAMPLE]))).await;
            let found = self.or_dropped(found)?.pop().unwrap_or_default();
            let is_all = found.len() < ask;
            let hits = found.iter().map(|hit| self.hit(hit, reverse)).collect::<Result<Vec<_>>>()?;
            let (mut hits, orphaned) = self.kept(hits, within).await?;
            if hits.len() >= k || is_all || filter.is_some() {
                hits.truncate(k);
                return Ok(Some((hits, orphaned)));
            }
            if ask == MAX_K {
                return Ok(None);
            }
            ask *= 4;
        }
    }

    /// A hit of the store; with `reverse`, of a search for the opposite vector.
    pub(super) fn hit(&self, hit: &bootcamp_core::Hit, reverse: bool) -> Result<Hit> {
        let (id, sample) = ids(Some(&hit.id), &hit.fields)?;
        let score = if reverse { -hit.score } else { hit.score };
        Ok(Hit { id, sample, distance: self.config.metric.distance(score), score: Some(score) })
    }

    /// The hits that a query may find, and how many are not in the dataset any more.
    async fn kept(&self, mut hits: Vec<Hit>, within: &Within) -> Result<(Vec<Hit>, u64)> {
        match within {
            Within::These(set) => {
                hits.retain(|hit| set.contains(&hit.id));
                Ok((hits, 0))
            }
            Within::Dataset => {
                let before = hits.len();
                let known = self.known(hits.iter().map(|hit| hit.id).collect()).await?;
                hits.retain(|hit| known.contains(&hit.id));
                let orphaned = (before - hits.len()) as u64;
                Ok((hits, orphaned))
            }
        }
    }

    /// The first k of all entries, each compared with every query.
    async fn compare_all(
        &self,
        queries: &[Vec<f32>],
        k: Option<usize>,
        query: &SimilarityQuery,
        within: &Within,
    ) -> Result<Sorted> {
        let store = self.reader().await?;
        let (metric, aggregation) = (self.config.metric, query.aggregation);
        let queries: std::sync::Arc<[Vec<f32>]> = queries.into();
        let mut best = Best::new(k, query.reverse);
        let mut orphaned = 0;
        let mut batches = store.batches(self.collection(), None, Output::only([VECTOR, SAMPLE]));
        while let Some(batch) = self.or_dropped(batches.try_next().await)? {
            let queries = std::sync::Arc::clone(&queries);
            let compare = move || {
                batch
                    .into_iter()
                    .map(|record| Ok(compared(Entry::of(record)?, &queries, metric, aggregation)))
                    .collect()
            };
            let (hits, dead) = self.kept(blocking(compare).await?, within).await?;
            orphaned += dead;
            hits.into_iter().for_each(|hit| best.push(hit));
        }
        Ok(Sorted { hits: best.into_hits(), exact: true, orphaned })
    }
}

/// An entry with its distance to the queries.
fn compared(
    entry: Entry,
    queries: &[Vec<f32>],
    metric: crate::backend::SimilarityMetric,
    aggregation: Aggregation,
) -> Hit {
    let scores = queries.iter().map(|query| metric.score(query, &entry.vector));
    let distances = scores.clone().map(|score| metric.distance(score));
    let distance = match aggregation {
        Aggregation::Min => distances.fold(f32::INFINITY, f32::min),
        Aggregation::Max => distances.fold(f32::NEG_INFINITY, f32::max),
        Aggregation::Mean | Aggregation::PostMean => distances.sum::<f32>() / queries.len().max(1) as f32,
    };
    let score = if queries.len() == 1 { scores.clone().next() } else { None };
    Hit { id: entry.id, sample: entry.sample, distance, score }
}
