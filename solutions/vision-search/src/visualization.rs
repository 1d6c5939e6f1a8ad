//! Embeddings on a plane, kept as runs.

use std::fmt;

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::{Watch, blocking};
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Projection};
use crate::library::{Dataset, Run, View};
use crate::sample::ObjectId;
use crate::similarity::compute::now;
use crate::similarity::index::SimilarityIndex;

/// The kind of these runs.
pub const VISUALIZATION: &str = "visualization";
/// Points, unless somebody says otherwise, and at most: they are drawn one by one.
const POINTS: usize = 5000;
const MAX_POINTS: usize = 20_000;

/// How embeddings get onto the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The two principal components.
    Pca,
    /// t-SNE, which keeps neighbours together.
    Tsne,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pca => "pca",
            Self::Tsne => "tsne",
        })
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "pca" => Ok(Self::Pca),
            "tsne" => Ok(Self::Tsne),
            _ => Err(Error::invalid(format!("the method is '{text}', expected pca or tsne"))),
        }
    }
}

/// A visualization to make.
#[derive(Clone, Debug)]
pub struct Visualization {
    pub key: String,
    pub method: Method,
    /// The most points.
    pub limit: Option<usize>,
}

/// A sample or patch on the plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub id: ObjectId,
    pub sample: ObjectId,
    /// −1 to 1.
    pub x: f32,
    pub y: f32,
}

/// A visualization that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    pub method: Method,
    /// The key of the index.
    pub run: String,
    /// Entries of the index, of which the points may be a part.
    pub total: u64,
    pub points: Vec<Point>,
}

/// Puts the embeddings of an index onto the plane, and keeps that as a run.
///
/// # Errors
/// `AlreadyExists` for a key that is used; those of the store; when it was cancelled.
pub async fn visualize(index: &SimilarityIndex, what: &Visualization, watch: &Watch) -> Result<Made> {
    let limit = what.limit.unwrap_or(POINTS);
    if limit == 0 || limit > MAX_POINTS {
        return Err(Error::invalid(format!("the number of points is {limit}, expected 1 to {MAX_POINTS}")));
    }
    let (dataset, key) = (index.dataset.clone(), what.key.clone());
    let is_taken = blocking(move || Ok(dataset.runs()?.iter().any(|run| run.key == key))).await?;
    if is_taken {
        return Err(Error::new(ErrorKind::AlreadyExists, format!("there is a run '{}' already", what.key))
            .with_hint("choose another key, or delete that run"));
    }
    let loaded = index.vectors(&View::default(), watch).await?;
    let (metric, method, computing) = (index.config.metric.metric(), what.method, watch.clone());
    let (samples, map) = blocking(move || {
        let projection = match method {
            Method::Pca => Projection::Pca,
            Method::Tsne => Projection::Tsne,
        };
        let map = Analysis::new(&loaded.vectors, metric, &computing)?.map_2d(projection, limit)?;
        Ok((loaded.samples, map))
    })
    .await?;
    let point =
        |(id, [x, y]): (ObjectId, [f32; 2])| Point { id, sample: samples.get(&id).copied().unwrap_or(id), x, y };
    // With few points, t-SNE has no neighbours to keep.
    let method = if map.projection == Projection::Pca { Method::Pca } else { Method::Tsne };
    let points = map.points.into_iter().map(point).collect();
    let made = Made { method, run: index.key.clone(), total: map.total as u64, points };
    let config = serde_json::to_value(&made).map_err(crate::not_json)?;
    let run = Run {
        key: what.key.clone(),
        kind: VISUALIZATION.to_owned(),
        method: made.method.to_string(),
        created_at: now(),
        config,
    };
    let dataset = index.dataset.clone();
    blocking(move || dataset.put_run(&run)).await?;
    Ok(made)
}

/// A visualization that was kept. Blocking.
///
/// # Errors
/// `NotFound` for an unknown key; `InvalidInput` for a run of another kind.
pub fn load(dataset: &Dataset, key: &str) -> Result<Made> {
    let run = dataset.run(key)?;
    if run.kind != VISUALIZATION {
        return Err(Error::invalid(format!("the run '{key}' is no visualization, but {}", run.kind)));
    }
    serde_json::from_value(run.config)
        .map_err(|error| Error::new(ErrorKind::Corrupt, format!("the run '{key}' cannot be read")).with_source(error))
}
