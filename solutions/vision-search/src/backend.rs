//! Where an index lives and how its embeddings are compared, by the names that FiftyOne gives to both.

use std::fmt;
use std::str::FromStr;

use bootcamp_core::{Error, Metric, Result};
use serde::{Deserialize, Serialize};

/// Where an index lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// In this process, in the folder of the datasets.
    Local,
    /// On a Milvus server.
    Milvus,
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            // FiftyOne's name for its own, which lives in the process, too.
            "local" | "sklearn" => Ok(Self::Local),
            "milvus" => Ok(Self::Milvus),
            _ => Err(Error::invalid(format!("the similarity backend is '{text}', expected local or milvus"))),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Milvus => "milvus",
        })
    }
}

/// How embeddings are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SimilarityMetric {
    Cosine,
    /// The default of FiftyOne's Milvus backend.
    #[default]
    Dotproduct,
    Euclidean,
}

impl SimilarityMetric {
    /// What the stores call it.
    pub fn metric(self) -> Metric {
        match self {
            Self::Cosine => Metric::Cosine,
            Self::Dotproduct => Metric::InnerProduct,
            Self::Euclidean => Metric::L2,
        }
    }

    /// The metric of a collection that is there already, also one that somebody else has made.
    ///
    /// # Errors
    /// `Unsupported` for metrics of binary vectors.
    pub fn of(metric: Metric) -> Result<Self> {
        match metric {
            Metric::Cosine => Ok(Self::Cosine),
            Metric::InnerProduct => Ok(Self::Dotproduct),
            Metric::L2 => Ok(Self::Euclidean),
            other => Err(Error::new(
                bootcamp_core::ErrorKind::Unsupported,
                format!("an index cannot use the metric {}", other.name()),
            )),
        }
    }

    /// The distance that a store's score stands for. Smaller is nearer under every metric: 1 − cosine, the negative inner
    /// product, or the Euclidean distance, of which stores report the square.
    pub fn distance(self, score: f32) -> f32 {
        match self {
            Self::Cosine => 1.0 - score,
            Self::Dotproduct => -score,
            Self::Euclidean => score.max(0.0).sqrt(),
        }
    }

    /// The score of two vectors, as stores report it.
    pub fn score(self, a: &[f32], b: &[f32]) -> f32 {
        let sum = |of: fn(f32, f32) -> f32| a.iter().zip(b).map(|(a, b)| f64::from(of(*a, *b))).sum::<f64>();
        let product = || sum(|a, b| a * b);
        let score = match self {
            Self::Dotproduct => product(),
            Self::Cosine => {
                let lengths = (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt();
                product() / lengths.max(f64::MIN_POSITIVE)
            }
            Self::Euclidean => sum(|a, b| (a - b) * (a - b)),
        };
        score as f32
    }
}

impl FromStr for SimilarityMetric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "cosine" => Ok(Self::Cosine),
            "dotproduct" => Ok(Self::Dotproduct),
            "euclidean" => Ok(Self::Euclidean),
            _ => Err(Error::invalid(format!("the metric is '{text}', expected cosine, dotproduct or euclidean"))),
        }
    }
}

impl fmt::Display for SimilarityMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosine => "cosine",
            Self::Dotproduct => "dotproduct",
            Self::Euclidean => "euclidean",
        })
    }
}
