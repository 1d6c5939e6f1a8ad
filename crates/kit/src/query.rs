//! Queries and answers, the same in every solution: positive and negative examples, and
//! hits, best first.

use std::collections::HashSet;
use std::time::Instant;

use bootcamp_core::picture::{Picture, Region};
use bootcamp_core::{
    Error, Fields, Filter, Fusion, GroupBy, Hit, HybridRequest, Id, Metric, Output, Query, Result, SearchParams,
    SearchRequest, Vector,
};
use serde_json::Value;

use crate::content::Content;
use crate::context::{Context, SOURCE};
use crate::items::path_of;
use crate::options::Options;

/// The largest k of a query.
pub const MAX_K: usize = 1000;
/// The default number of hits per source, where items are spans of their sources.
pub const MOMENTS: usize = 3;
/// The most examples in a query.
pub const MAX_EXAMPLES: usize = 32;

/// A query: what hits should be similar to.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// At least one. Several are averaged.
    pub positive: Vec<Example>,
    /// Negative examples.
    pub negative: Vec<Example>,
    /// The number of hits (top-k), 1 to [`MAX_K`].
    pub k: usize,
    /// In Milvus's expression language.
    pub filter: Option<String>,
    /// The score limit: the minimum similarity or the maximum distance.
    pub min_score: Option<f32>,
    /// At most this many hits of one source; `k` counts sources then. `None`: hits count, whatever their source.
    pub per_source: Option<usize>,
    pub params: SearchParams,
    /// Of the program.
    pub options: Options,
}

/// An example in a query.
#[derive(Clone, Debug)]
pub struct Example {
    pub subject: Subject,
    /// Only this part of it.
    pub region: Option<Region>,
}

#[derive(Clone, Debug)]
pub enum Subject {
    /// A stored item.
    Id(Id),
    Words(String),
    /// A file, and its name for messages.
    File {
        name: String,
        content: Content,
    },
}

impl Example {
    /// Of the stored item that it is.
    pub fn id(&self) -> Option<&Id> {
        match &self.subject {
            Subject::Id(id) => Some(id),
            _ => None,
        }
    }

    /// Its file: the one given, or the one that the item came from.
    ///
    /// # Errors
    /// `NotFound` when there is no such item or its file is gone; `InvalidInput` for words.
    pub async fn content(&self, context: &Context) -> Result<Content> {
        match &self.subject {
            Subject::File { content, .. } => Ok(content.clone()),
            Subject::Words(words) => Err(Error::invalid(format!("'{words}' is not a file"))),
            Subject::Id(id) => {
                let path = path_of(context, id).await?;
                context.original(&path).await.map(Content::from)
            }
        }
    }

    /// Its picture, cropped to the region if there is one.
    ///
    /// # Errors
    /// As [`Example::content`], and of decoding and cropping, named by the example.
    pub async fn picture(&self, context: &Context) -> Result<Picture> {
        let (content, region, limits) = (self.content(context).await?, self.region, context.limits);
        let picture = context.compute(move || {
            let picture = Picture::decode(&content.read(limits.bytes)?, &limits)?;
            if let Some(region) = region { picture.crop(&region) } else { Ok(picture) }
        });
        picture.await.map_err(|error| match &self.subject {
            Subject::File { name, .. } => error.context(name),
            _ => error,
        })
    }
}

impl SearchQuery {
    /// A query for the nearest neighbours of one example.
    pub fn like(subject: Subject, k: usize) -> Self {
        let positive = vec![Example { subject, region: None }];
        let (params, options) = Default::default();
        Self { positive, negative: Vec::new(), k, filter: None, min_score: None, per_source: None, params, options }
    }

    /// # Errors
    /// `InvalidInput` that names the field.
    pub fn check(&self) -> Result<()> {
        if self.positive.is_empty() {
            return Err(Error::invalid("the query has no positive example")
                .with_hint("give at least one: a file, an item's id, or text"));
        }
        if self.positive.len() + self.negative.len() > MAX_EXAMPLES {
            return Err(Error::invalid(format!("the query has more than {MAX_EXAMPLES} examples")));
        }
        if self.k == 0 || self.k > MAX_K {
            return Err(Error::invalid(format!("k is {}, expected 1 to {MAX_K}", self.k)));
        }
        if self.per_source.is_some_and(|size| size == 0 || size > MAX_K) {
            return Err(Error::invalid(format!("the number of hits per source must be between 1 and {MAX_K}")));
        }
        if self.min_score.is_some_and(|score| !score.is_finite()) {
            return Err(Error::invalid("min_score is not a finite number"));
        }
        Ok(())
    }

    /// Stored items used as examples: they are left out of the hits.
    pub fn named(&self) -> impl Iterator<Item = &Id> {
        self.positive.iter().chain(&self.negative).filter_map(Example::id)
    }

    /// The hits nearest to one vector. For several vectors, as of a clip's frames, there is [`SearchQuery::find_each`].
    ///
    /// # Errors
    /// `InvalidInput` for the filter; those of the store.
    pub async fn find(&self, context: &Context, vector: impl Into<Vector>, output: Output) -> Result<Vec<Hit>> {
        let found = self.find_each(context, vec![vector.into()], output).await?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// The hits nearest to each of several vectors, in one call of the store.
    ///
    /// # Errors
    /// As [`SearchQuery::find`].
    pub async fn find_each(&self, context: &Context, vectors: Vec<Vector>, output: Output) -> Result<Vec<Vec<Hit>>> {
        let queries = vectors.into_iter().map(Query::from).collect();
        let output = match output {
            // Grouping needs each hit's source.
            Output::Only(mut names) if self.per_source.is_some() => {
                names.push(SOURCE.to_owned());
                Output::Only(names)
            }
            other => other,
        };
        let request = SearchRequest { output, ..self.request(&context.field, queries)? };
        let found = context.store.search(&context.collection, &request).await;
        let found = context.or_missing(found).await?;
        Ok(found.into_iter().map(|hits| self.keep(context, hits, true)).collect())
    }

    /// The hits of several searches of the collection, fused: by a vector and by words, mostly. What narrows this query
    /// narrows each of them; each contributes `candidates` hits. A fused score is not a similarity, so
    /// `min_score` is ignored.
    ///
    /// # Errors
    /// As [`SearchQuery::find`].
    pub async fn find_fused(
        &self,
        context: &Context,
        searches: Vec<(&str, Query)>,
        candidates: usize,
        fusion: Fusion,
        output: Output,
    ) -> Result<Vec<Hit>> {
        let part = |(field, query)| {
            let request = self.request(field, vec![query])?;
            Ok(SearchRequest { k: candidates.max(request.k), radius: None, group_by: None, ..request })
        };
        let searches = searches.into_iter().map(part).collect::<Result<Vec<_>>>()?;
        let request = HybridRequest { searches, fusion, k: self.k + self.named().count(), output };
        let found = context.store.hybrid_search(&context.collection, &request).await;
        Ok(self.keep(context, context.or_missing(found).await?, false))
    }

    /// A search of one field with this query's filter, k, hits per source and score limit.
    fn request(&self, field: &str, queries: Vec<Query>) -> Result<SearchRequest> {
        // Exact binary scans stop where no hit can be within the radius, which is exclusive.
        let is_bits = matches!(queries.first(), Some(Query::Vector(Vector::Binary { .. })));
        let radius = self.min_score.filter(|worst| is_bits && *worst >= 0.0).map(f32::next_up);
        let group_by = self.per_source.map(|size| GroupBy { field: SOURCE.to_owned(), size });
        Ok(SearchRequest {
            filter: self.filter.as_deref().map(Filter::parse).transpose()?,
            params: self.params,
            radius,
            group_by,
            ..SearchRequest::batch(field, queries, self.k + self.named().count())
        })
    }

    /// Filters hits: leaves out the query's own items and hits beyond the score limit, and keeps at most k; where
    /// they are grouped, of k sources.
    fn keep(&self, context: &Context, mut hits: Vec<Hit>, by_metric: bool) -> Vec<Hit> {
        let named: HashSet<&Id> = self.named().collect();
        let worst = self.min_score.filter(|_| by_metric);
        let near_enough = |score: f32| worst.is_none_or(|worst| context.metric.nearest_first(score, worst).is_le());
        hits.retain(|hit| !named.contains(&hit.id) && near_enough(hit.score));
        if self.per_source.is_none() {
            hits.truncate(self.k);
            return hits;
        }
        let mut sources: HashSet<Value> = HashSet::with_capacity(self.k);
        hits.retain(|hit| {
            let source = hit.fields.get(SOURCE).unwrap_or(&Value::Null);
            sources.contains(source) || (sources.len() < self.k && sources.insert(source.clone()))
        });
        hits
    }
}

/// The one vector to search with: the mean of the positive examples' vectors, moved away from the mean of the negative
/// ones' by their difference (as Qdrant's recommendation by average vector does).
pub fn combine(metric: Metric, positive: Vec<Vec<f32>>, negative: Vec<Vec<f32>>) -> Vec<f32> {
    let positive = mean(metric, positive).unwrap_or_default();
    match mean(metric, negative) {
        None => positive,
        Some(negative) => positive.iter().zip(&negative).map(|(p, n)| 2.0 * p - n).collect(),
    }
}

/// Under cosine similarity all vectors have equal weight, whatever their length.
fn mean(metric: Metric, mut vectors: Vec<Vec<f32>>) -> Option<Vec<f32>> {
    let count = vectors.len() as f32;
    if metric == Metric::Cosine {
        for vector in &mut vectors {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
        }
    }
    let sum = vectors.into_iter().reduce(|mut sum, vector| {
        sum.iter_mut().zip(vector).for_each(|(s, x)| *s += x);
        sum
    })?;
    Some(sum.into_iter().map(|s| s / count).collect())
}

/// Hits, best first, with timings.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub hits: Vec<Hit>,
    /// The solution's details of each hit beside its fields, in the hits' order; may be empty.
    pub details: Vec<Fields>,
    /// Parts of each hit that stand out in its drawing, in the hits' order; empty where none do.
    pub marks: Vec<Vec<usize>>,
    /// Notes on the answer as a whole, a line each.
    pub notes: Vec<String>,
    /// Milliseconds spent encoding the examples.
    pub encode_ms: f64,
    /// Milliseconds spent in the store.
    pub search_ms: f64,
}

/// Measures how long each part of a search takes.
#[derive(Debug)]
pub struct Laps(Instant);

impl Laps {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start or the last lap.
    pub fn lap(&mut self) -> f64 {
        let now = Instant::now();
        milliseconds(now - std::mem::replace(&mut self.0, now))
    }
}

pub(crate) fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_averaged_and_negative_ones_subtracted() {
        let (a, b, c) = (vec![2.0, 0.0], vec![0.0, 1.0], vec![0.0, 4.0]);
        assert_eq!(combine(Metric::L2, vec![a.clone(), b.clone()], vec![]), [1.0, 0.5]);
        assert_eq!(combine(Metric::Cosine, vec![a.clone(), b], vec![]), [0.5, 0.5], "of equal weight");
        assert_eq!(combine(Metric::L2, vec![a.clone()], vec![c.clone()]), [4.0, -4.0]);
        assert_eq!(combine(Metric::Cosine, vec![a], vec![c]), [2.0, -1.0]);
    }

    #[test]
    fn queries_that_make_no_sense_are_refused() {
        let query = SearchQuery::like(Subject::Words("cat".into()), 5);
        query.check().unwrap();
        let refused = |query: SearchQuery| query.check().unwrap_err().to_string();
        assert_eq!(refused(SearchQuery { positive: vec![], ..query.clone() }), "the query has no positive example");
        assert_eq!(refused(SearchQuery { k: 0, ..query.clone() }), "k is 0, expected 1 to 1000");
        assert_eq!(refused(SearchQuery { k: 1001, ..query.clone() }), "k is 1001, expected 1 to 1000");
        assert_eq!(refused(SearchQuery { min_score: Some(f32::NAN), ..query }), "min_score is not a finite number");
    }
}
