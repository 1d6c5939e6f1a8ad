//! What a solution is to the kit: a few facts, and how it imports and searches. Loops and transport are the kit's,
//! meaning is the solution's.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, Fields, Result};

use crate::context::Context;
use crate::ingest::{Import, Report};
use crate::query::{Answer, SearchQuery};
use crate::source::{Places, Sources};

/// The facts about a program; the one value its `main.rs` hands to [`run`](crate::run).
#[derive(Debug)]
pub struct Program {
    /// Of the binary: `image-search`.
    pub name: &'static str,
    /// For people: `Image search`.
    pub title: &'static str,
    /// What it does, one sentence.
    pub summary: &'static str,
    pub version: &'static str,
    /// The collection, unless settings name another.
    pub collection: &'static str,
    /// The model, unless the collection or settings name another. `None` for solutions without models.
    pub model: Option<&'static str>,
    /// What a query may be, words aside: those depend on the model.
    pub accepts: &'static [&'static str],
    /// From this score on two items count as near-duplicates, unless a user says otherwise. `None`: that question makes
    /// no sense here.
    pub duplicates: Option<f32>,
    /// What `demo` works on.
    pub sample: Option<Sample>,
    pub open: fn(Context) -> Arc<dyn Solution>,
}

/// Sample data that `demo` fetches.
#[derive(Debug)]
pub struct Sample {
    /// A bash script that puts the data into the folder given as `$1`, quickly when it is there already.
    pub script: &'static str,
    /// Below the user's data folder.
    pub folder: &'static str,
    /// What it is and under which licence, one line.
    pub about: &'static str,
    /// Makes the query out of the sample data: a file to search with, and a line on what it is. Blocking.
    pub query: fn(&Context, &std::path::Path) -> Result<(PathBuf, String)>,
}

/// One solution, opened on a collection.
#[async_trait]
pub trait Solution: Send + Sync {
    fn context(&self) -> &Context;

    /// The schema of its collection; [`Context::spec`] adds what the kit needs.
    fn collection(&self) -> CollectionSpec;

    /// What there is to import in some places. Lazy: nothing is read before the iterator is asked.
    ///
    /// # Errors
    /// `NotFound` for a place that is not there, `InvalidInput` for one that makes no sense.
    fn discover(&self, places: &Places) -> Result<Sources>;

    /// Brings sources into the collection; mostly [`ingest`](crate::ingest::ingest) with the solution's pipeline.
    async fn import(&self, import: Import) -> Result<Report>;

    /// Answers a query.
    async fn search(&self, query: &SearchQuery) -> Result<Answer>;

    /// What people see of an item.
    fn present(&self, fields: &Fields) -> Card;

    /// Loads what the first search would wait for.
    async fn warm_up(&self) -> Result<()> {
        if self.context().model.is_some() {
            self.context().encoder().await?;
        }
        Ok(())
    }
}

/// An item as people see it, beside its thumbnail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    pub title: String,
    pub caption: Option<String>,
    /// The class or group it belongs to: colours on the map.
    pub label: Option<String>,
}
