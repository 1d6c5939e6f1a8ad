//! Questions to a collection.

use serde::{Deserialize, Serialize};

use crate::filter::Filter;
use crate::record::{Id, Record, Vector};

/// The most hits a search may ask for.
pub const MAX_K: usize = 16_384;
/// The most queries in one search.
pub const MAX_QUERIES: usize = 16_384;
/// The most records in one page.
pub const MAX_PAGE: usize = 16_384;

/// What to look for.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Near this vector.
    Vector(Vector),
    /// Near the stored record's own vector. The record itself is among the hits.
    Id(Id),
    /// These words, in a full-text field (BM25).
    Text(String),
}

impl From<Vec<f32>> for Query {
    fn from(values: Vec<f32>) -> Self {
        Self::Vector(Vector::F32(values))
    }
}

impl From<Vector> for Query {
    fn from(vector: Vector) -> Self {
        Self::Vector(vector)
    }
}

impl From<Id> for Query {
    fn from(id: Id) -> Self {
        Self::Id(id)
    }
}

/// Which fields come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Every scalar field, no vector.
    #[default]
    Scalars,
    /// Every field, vectors too.
    Everything,
    /// These fields, vector fields too where named. Empty: ids alone.
    Only(Vec<String>),
}

impl Output {
    /// Ids alone.
    pub fn ids() -> Self {
        Self::Only(Vec::new())
    }

    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// Whether the scalar field comes back.
    pub fn wants_scalar(&self, name: &str) -> bool {
        match self {
            Self::Scalars | Self::Everything => true,
            Self::Only(names) => names.iter().any(|n| n == name),
        }
    }

    /// Whether the vector field comes back.
    pub fn wants_vector(&self, name: &str) -> bool {
        match self {
            Self::Scalars => false,
            Self::Everything => true,
            Self::Only(names) => names.iter().any(|n| n == name),
        }
    }
}

/// How fresh a read is. The local store always reads what was acknowledged last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// Sees every acknowledged write of everyone.
    Strong,
    /// Sees every write acknowledged to this client. The default.
    Session,
    /// May lag by some seconds.
    Bounded,
    /// May lag.
    Eventually,
}

/// How hard to search: each index reads the parameters it knows. `None` is the store's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchParams {
    /// HNSW: candidates kept; more is slower and finds more.
    pub ef: Option<u32>,
    /// IVF: lists probed.
    pub nprobe: Option<u32>,
    /// DISKANN: candidates kept.
    pub search_list: Option<u32>,
}

/// At most `size` hits of each value of a field, as when many frames belong to one video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBy {
    /// A scalar field, not of type JSON or float. Records where it is null form one group.
    pub field: String,
    /// Hits a group, at least 1.
    pub size: usize,
}

/// A search of one field with one or more queries.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    /// The vector field searched; with [`Query::Text`], the full-text field.
    pub field: String,
    pub queries: Vec<Query>,
    /// The number of hits (top-k) a query (with `group_by`: most groups), 1 to [`MAX_K`].
    pub k: usize,
    /// Only records for which this holds.
    pub filter: Option<Filter>,
    /// The outer bound of a range search: hits are nearer than this score. Not for [`Query::Text`].
    pub radius: Option<f32>,
    /// The inner bound of a range search, with `radius` only: hits are this score or farther.
    pub range_filter: Option<f32>,
    pub group_by: Option<GroupBy>,
    pub output: Output,
    pub params: SearchParams,
    /// `None`: the store's configured level.
    pub consistency: Option<Consistency>,
}

impl SearchRequest {
    /// The `k` records nearest to one query.
    pub fn new(field: impl Into<String>, query: impl Into<Query>, k: usize) -> Self {
        Self::batch(field, vec![query.into()], k)
    }

    /// The `k` records nearest to each of many queries.
    pub fn batch(field: impl Into<String>, queries: Vec<Query>, k: usize) -> Self {
        Self {
            field: field.into(),
            queries,
            k,
            filter: None,
            radius: None,
            range_filter: None,
            group_by: None,
            output: Output::default(),
            params: SearchParams::default(),
            consistency: None,
        }
    }

    /// The `k` records whose full-text field matches the words best.
    pub fn text(field: impl Into<String>, words: impl Into<String>, k: usize) -> Self {
        Self::batch(field, vec![Query::Text(words.into())], k)
    }

    pub fn filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    pub fn radius(mut self, radius: f32) -> Self {
        self.radius = Some(radius);
        self
    }

    pub fn range_filter(mut self, range_filter: f32) -> Self {
        self.range_filter = Some(range_filter);
        self
    }

    pub fn group_by(mut self, field: impl Into<String>, size: usize) -> Self {
        self.group_by = Some(GroupBy { field: field.into(), size });
        self
    }

    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    pub fn ef(mut self, ef: u32) -> Self {
        self.params.ef = Some(ef);
        self
    }

    pub fn nprobe(mut self, nprobe: u32) -> Self {
        self.params.nprobe = Some(nprobe);
        self
    }
}

/// How the lists of a hybrid search become one. Fused scores: larger is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Fusion {
    /// Reciprocal rank fusion: the sum of 1 / (k + rank), rank from 1 (Cormack, Clarke & Büttcher 2009). Milvus's k is 60.
    Rrf { k: f32 },
    /// The weighted sum of scores brought to 0…1 as Milvus does; one weight from 0 to 1 a search.
    Weighted { weights: Vec<f32> },
}

impl Default for Fusion {
    fn default() -> Self {
        Self::Rrf { k: 60.0 }
    }
}

/// Several searches of one collection, fused: vectors of different models, or vectors and words.
#[derive(Clone, Debug, PartialEq)]
pub struct HybridRequest {
    /// Each with exactly one query and no grouping; their `k` is how many candidates each gives.
    pub searches: Vec<SearchRequest>,
    pub fusion: Fusion,
    /// The number of hits (top-k), 1 to [`MAX_K`].
    pub k: usize,
    /// Fields of the hits; what the searches say of output does not count.
    pub output: Output,
}

/// Which records a deletion takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// These; ids that are not there are no error.
    Ids(Vec<Id>),
    /// All for which this holds.
    Filter(Filter),
}

/// A stretch of a collection in id order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRequest {
    pub filter: Option<Filter>,
    /// Only ids after this one; `None` starts at the beginning.
    pub after: Option<Id>,
    /// Most records, 1 to [`MAX_PAGE`].
    pub limit: usize,
    pub output: Output,
}

/// Records in id order, and the id to go on from if there may be more.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub records: Vec<Record>,
    pub next: Option<Id>,
}
