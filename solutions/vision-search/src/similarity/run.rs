//! What is remembered of an index: everything that is needed to open it again but secrets.

use bootcamp_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, SimilarityMetric};
use crate::library::Run;

/// The kind of runs that are similarity indexes.
pub const SIMILARITY: &str = "similarity";

/// An index's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexConfig {
    pub backend: Backend,
    pub collection_name: String,
    pub metric: SimilarityMetric,
    pub dim: usize,
    /// What the embeddings were made by.
    #[serde(flatten)]
    pub source: Embeddings,
    /// The labels whose patches are indexed; otherwise the index has one embedding a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patches_field: Option<String>,
    /// The labels whose patches were averaged to one embedding a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roi_field: Option<String>,
    /// How patches were cut out.
    #[serde(default)]
    pub crop: Crop,
    /// Whether it can be asked in words.
    #[serde(default)]
    pub supports_prompts: bool,
    /// Whether the collection was there before, so that it may belong to somebody else.
    #[serde(default)]
    pub attached: bool,
}

/// Where embeddings come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum Embeddings {
    Model {
        model: String,
    },
    /// A field of the samples.
    Field {
        field: String,
    },
    /// They were given, as by a file.
    Given,
    /// The index begins empty: they are added later, or the collection has them already.
    None,
}

/// How a patch is cut out of its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crop {
    /// Makes the shorter side as long as the other one, as far as the picture goes.
    pub force_square: bool,
    /// Makes the sides of the box longer by this share, or shorter if it is negative: 0.1 is 10 %.
    pub alpha: f64,
}

impl IndexConfig {
    /// That of a run.
    ///
    /// # Errors
    /// `InvalidInput` for a run of another kind; `Corrupt` for one that cannot be read.
    pub fn of(run: &Run) -> Result<Self> {
        if run.kind != SIMILARITY {
            return Err(Error::invalid(format!("the run '{}' is no similarity index, but {}", run.key, run.kind)));
        }
        serde_json::from_value(run.config.clone()).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the run '{}' cannot be read", run.key)).with_source(error)
        })
    }

    /// Of the model, where one made the embeddings.
    pub fn model(&self) -> Option<&str> {
        match &self.source {
            Embeddings::Model { model } => Some(model),
            _ => None,
        }
    }

    /// What its entries are, for people.
    pub fn entries(&self) -> String {
        match &self.patches_field {
            Some(field) => format!("patches of '{field}'"),
            None => "samples".to_owned(),
        }
    }
}
