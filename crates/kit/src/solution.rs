//! How a solution imports, searches and shows what it finds. Loops and transport are the kit's, meaning is the
//! solution's.

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, Error, ErrorKind, Fields, Result};

use crate::context::Context;
use crate::ingest::Import;
use crate::options::Options;
use crate::query::{Answer, SearchQuery};
use crate::source::{Places, Sources};
use crate::vectors::Maker;
use crate::watch::Report;

/// One solution, opened on a collection.
#[async_trait]
pub trait Solution: Send + Sync {
    fn context(&self) -> &Context;

    /// The schema of its collection; [`Context::spec`] adds what the kit needs.
    fn collection(&self) -> CollectionSpec;

    /// The names of all collections that belong to it, where it keeps others beside its own: `drop` removes them all.
    ///
    /// # Errors
    /// Those of the store.
    async fn collections(&self) -> Result<Vec<String>> {
        Ok(vec![self.context().collection.clone()])
    }

    /// What there is to import in some places. Lazy: nothing is read before the iterator is asked.
    ///
    /// # Errors
    /// `NotFound` for a place that is not there, `InvalidInput` for one that makes no sense.
    fn discover(&self, places: &Places) -> Result<Sources>;

    /// Brings sources into the collection; usually by [`ingest`](crate::ingest::ingest) with the solution's pipeline.
    async fn import(&self, import: Import) -> Result<Report>;

    /// Answers a query.
    async fn search(&self, query: &SearchQuery) -> Result<Answer>;

    /// What people see of an item.
    fn present(&self, fields: &Fields) -> Card;

    /// An item's picture, where [`Facts::drawn`](crate::Facts::drawn) says that there is one: an SVG that needs nothing else. `marked` are
    /// parts that stand out, numbered as the details of hits number them. Computes.
    ///
    /// # Errors
    /// Why it cannot be drawn.
    fn draw(&self, _fields: &Fields, _marked: &[usize]) -> Result<String> {
        Err(Error::new(ErrorKind::Unsupported, format!("{} draws nothing", self.context().facts.name)))
    }

    /// What words in a query are understood as, while somebody types them. Computes.
    ///
    /// # Errors
    /// `InvalidInput` for words that cannot be a query.
    fn preview(&self, _words: &str, _options: &Options) -> Result<Preview> {
        Ok(Preview::default())
    }

    /// Loads what the first search would wait for.
    async fn warm_up(&self) -> Result<()> {
        if matches!(self.context().maker, Maker::Model(_)) {
            self.context().encoder().await?;
        }
        Ok(())
    }
}

/// What words are understood as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// For people, one line.
    pub note: String,
    /// As [`Solution::draw`].
    pub drawing: Option<String>,
}

/// An item as people see it, beside its thumbnail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    pub title: String,
    pub caption: Option<String>,
    /// The class or group it belongs to: colours on the map.
    pub label: Option<String>,
}
