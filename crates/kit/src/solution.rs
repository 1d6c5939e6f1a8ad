//! How a solution imports, searches and presents items. The kit does loops and transport; the meaning is the
//! solution's.

use async_trait::async_trait;
use bootcamp_core::picture::Picture;
use bootcamp_core::{CollectionSpec, Fields, Result};

use crate::content::ContentPath;
use crate::context::Context;
use crate::duplicates::{Group, duplicates};
use crate::ingest::Import;
use crate::media::Look;
use crate::options::Options;
use crate::query::{Answer, SearchQuery};
use crate::source::{Places, Sources};
use crate::vectors::Maker;
use crate::watch::{Report, Watch};

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

    /// Finds what to import in some places. Lazy: nothing is read until the iterator advances.
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

    /// What an item looks like: by default the file that it came from, if [`Facts::media`](crate::Facts::media) names any
    /// kinds. `marked` are parts that stand out in a drawing, numbered as the details of hits number them. Computes.
    ///
    /// # Errors
    /// Why it cannot be drawn.
    fn look(&self, fields: &Fields, _marked: &[usize]) -> Result<Look> {
        Ok(Look::source(fields, self.context().facts.media))
    }

    /// The picture of an item whose thumbnail was lost, made once more of the file that [`Solution::look`] names; by
    /// default the file is the picture. Computes.
    ///
    /// # Errors
    /// Why the file gives no picture.
    fn poster(&self, _fields: &Fields, file: &ContentPath) -> Result<Picture> {
        Picture::read(file, &self.context().limits)
    }

    /// The groups of near-duplicates in the collection, the most alike first, with a score of at least `threshold` (at most,
    /// for a distance): by default, of items with similar embeddings. `watch` counts what was compared, and can stop it.
    ///
    /// # Errors
    /// Those of the store; `InvalidInput` when it was cancelled.
    async fn duplicates(&self, threshold: f32, watch: &Watch) -> Result<Vec<Group>> {
        let context = self.context();
        duplicates(context, threshold, &context.output(&self.collection()), watch).await
    }

    /// How a text query is understood, while it is typed. CPU-bound.
    ///
    /// # Errors
    /// `InvalidInput` for words that cannot be a query.
    fn preview(&self, _words: &str, _options: &Options) -> Result<Preview> {
        Ok(Preview::default())
    }

    /// Loads what the first search would otherwise wait for, such as the model.
    async fn warm_up(&self) -> Result<()> {
        if matches!(self.context().maker, Maker::Model(_)) {
            self.context().encoder().await?;
        }
        Ok(())
    }
}

/// How a text query is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// For people, one line.
    pub note: String,
    /// An SVG, as in [`Look::Drawing`].
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
