//! What embeddings alone tell of a dataset: what is there twice, what is unlike everything else, what stands for many,
//! what leaks from one split into another, and how it all lies on a plane.
//!
//! Nothing here knows datasets or stores: an [`Analysis`] looks at [`Vectors`] in memory (a million of 512 components
//! take 2 GB), and besides them needs little more than its answer takes. Neighbours are found exactly, by comparing
//! everything with everything on all cores, unless an index proposes [`Candidates`]. Answers are the same whatever the
//! number of threads and the order in which vectors come.

mod clusters;
mod distance;
mod exact_duplicates;
mod leaky_splits;
mod map_2d;
mod near_duplicates;
mod neighbours;
mod outliers;
mod parallel;
mod representativeness;
mod uniqueness;
mod vectors;

use std::fmt;
use std::num::NonZeroUsize;
use std::thread;

use bootcamp_core::{Error, ErrorKind, Metric, Result};
use bootcamp_kit::Watch;

use crate::sample::ObjectId;
use distance::Measure;
pub use exact_duplicates::{ExactDuplicates, SameFile, exact_duplicates};
pub use leaky_splits::{Leak, LeakySplits};
pub use map_2d::{Map2d, Projection};
pub use near_duplicates::DuplicateGroup;
pub use vectors::Vectors;

/// The distance below which FiftyOne takes two samples for near-duplicates, or for a leak between splits.
pub const DEFAULT_THRESHOLD: f32 = 0.2;

/// Those that may be near the vector with this id, in any order, best guesses of an index. Ids that are not among the
/// vectors are passed over, and so is its own. Distances are computed from the vectors; what an index fails to propose
/// is not found.
pub type Candidates<'a> = dyn Fn(ObjectId) -> Result<Vec<ObjectId>> + Sync + 'a;

/// Vectors, how far they are from each other, and how they are looked at.
///
/// Distances are 1 − cosine (0 to 2) or, for [`Metric::L2`], Euclidean, as FiftyOne's: not the squares that stores
/// report. An inner product is no distance, since a vector need not be its own nearest; for vectors of length one it is
/// the cosine, so [`Metric::InnerProduct`] is taken for the cosine. A vector of zeros is at distance 1 from all others.
#[derive(Clone, Copy)]
pub struct Analysis<'a> {
    vectors: &'a Vectors,
    measure: Measure,
    watch: &'a Watch,
    threads: usize,
    candidates: Option<&'a Candidates<'a>>,
}

impl fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Analysis({} vectors, {:?})", self.vectors.len(), self.measure)
    }
}

impl<'a> Analysis<'a> {
    /// An analysis on all cores. `watch` is told how many vectors are through, and can stop it: each function then
    /// fails, since half an answer would mislead.
    ///
    /// # Errors
    /// `Unsupported` for metrics of bits.
    pub fn new(vectors: &'a Vectors, metric: Metric, watch: &'a Watch) -> Result<Self> {
        let measure = match metric {
            Metric::Cosine | Metric::InnerProduct => Measure::Cosine,
            Metric::L2 => Measure::Euclidean,
            Metric::Hamming | Metric::Jaccard => {
                let message = format!("the metric {metric:?} is for bits, and these are vectors of numbers");
                return Err(Error::new(ErrorKind::Unsupported, message).with_hint("use COSINE, IP or L2"));
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self { vectors, measure, watch, threads, candidates: None })
    }

    /// Uses so many threads.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads.get();
        self
    }

    /// Looks for neighbours among these only: for large sets, of which not everything can be compared with everything.
    pub fn candidates(mut self, candidates: &'a Candidates<'a>) -> Self {
        self.candidates = Some(candidates);
        self
    }

    /// Answers with an id for each row.
    fn with_ids(&self, values: Vec<f32>) -> Vec<(ObjectId, f32)> {
        self.vectors.ids().iter().copied().zip(values).collect()
    }
}

/// A distance that can be compared with.
fn checked(threshold: f32) -> Result<f32> {
    if threshold.is_finite() && threshold >= 0.0 {
        return Ok(threshold);
    }
    Err(Error::invalid(format!("the threshold is {threshold}, expected a distance: 0 or more"))
        .with_hint("cosine distances are 0 to 2"))
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod invariants;
