//! Similarity indexes on the samples or object patches of a dataset, as runs: computed once, then queried by ids,
//! pictures, words or vectors.
//!
//! Read in this order: [`run`] (what is remembered of an index), [`layout`] (its collection, as FiftyOne has it),
//! [`stores`] (where collections live), [`index`] (operations on an index), [`compute`] (from pictures to an index),
//! [`query`] (`sort_by_similarity`), and [`neighbors`] (many queries at once).

pub mod compute;
pub mod embed;
mod exact;
pub mod index;
mod layout;
pub mod neighbors;
pub mod query;
pub mod run;
pub mod stores;

use bootcamp_kit::blocking;

use crate::library::{Dataset, Library};
use bootcamp_core::Result;
use embed::Models;
use stores::Stores;

/// What indexes are made of: the datasets, the stores, the models. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Brain {
    pub library: Library,
    pub stores: Stores,
    pub models: Models,
}

impl Brain {
    /// A dataset by its name.
    ///
    /// # Errors
    /// `NotFound` for an unknown one, with the one that was probably meant.
    pub async fn dataset(&self, name: &str) -> Result<Dataset> {
        let (library, name) = (self.library.clone(), name.to_owned());
        blocking(move || library.get(&name)).await
    }
}

pub use layout::{Entry, PREFIX, slug};
