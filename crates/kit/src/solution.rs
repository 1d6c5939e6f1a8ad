//! What a solution is to the kit: a few facts, and how it imports and searches. Loops and transport are the kit's,
//! meaning is the solution's.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::picture::Picture;
use bootcamp_core::{CollectionSpec, Fields, Metric, Result, VectorField, VectorKind};

use crate::api::SearchBody;
use crate::content::ContentPath;
use crate::context::{Context, field_of};
use crate::ingest::{Import, Report};
use crate::media::{Look, MediaKind};
use crate::options::{Options, ProgramOption};
use crate::query::{Answer, SearchQuery, Subject};
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
    /// The vectors that it makes itself, the usual ones first; for solutions without models.
    pub vectors: &'static [OwnVector],
    /// What words in a query are, where no model has to know them: `SMILES`.
    pub words: Option<&'static str>,
    /// What a query may be, words aside: those depend on the model.
    pub accepts: &'static [&'static str],
    /// What people choose of a query.
    pub options: &'static [ProgramOption],
    /// What people choose of an import.
    pub import_options: &'static [ProgramOption],
    /// Words to begin with, for people who have none at hand.
    pub examples: &'static [WordsExample],
    /// Kinds of files that items are shown as. Where there are none, no file leaves the disk and uploads are not kept:
    /// items are drawn, or have no look at all.
    pub media: &'static [MediaKind],
    /// What hits can be saved as, beside CSV.
    pub exports: &'static [Export],
    /// From this score on two items count as near-duplicates, unless a user says otherwise. `None`: that question makes
    /// no sense here.
    pub duplicates: Option<f32>,
    /// What `demo` works on.
    pub sample: Option<Sample>,
    pub open: fn(Context) -> Arc<dyn Solution>,
}

/// Vectors that a program makes without a model: the fingerprints of molecules, for one. What is said of models elsewhere
/// holds for them: `--model` chooses, the collection's field is named after them, and so says which ones it needs.
#[derive(Debug)]
pub struct OwnVector {
    pub name: &'static str,
    /// What it is, for people.
    pub summary: &'static str,
    pub kind: VectorKind,
    /// Numbers, or bits.
    pub dim: usize,
    pub metric: Metric,
}

impl OwnVector {
    /// The field that holds them.
    pub fn field(&self) -> VectorField {
        let Self { kind, dim, metric, .. } = *self;
        VectorField { kind, ..VectorField::f32(field_of(self.name), dim, metric) }
    }
}

/// Words that make a good query.
#[derive(Debug)]
pub struct WordsExample {
    pub title: &'static str,
    pub words: &'static str,
}

/// A kind of file that hits can be saved as.
#[derive(Debug)]
pub struct Export {
    /// Its extension, which names it.
    pub extension: &'static str,
    pub media_type: &'static str,
    /// Writes the file. Computes.
    pub write: fn(&SearchBody) -> Result<String>,
}

/// Sample data that `demo` fetches.
#[derive(Debug)]
pub struct Sample {
    /// A bash script that puts the data into its folder below the one given as `$1`, with an empty file `ready` at last.
    pub script: &'static str,
    /// That folder's name.
    pub folder: &'static str,
    /// What it is and under which licence, one line.
    pub about: &'static str,
    /// Makes the query out of the data in that folder, and a line on what it is. Blocking.
    pub query: fn(&Path) -> Result<(Subject, String)>,
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

    /// What an item looks like: by default the file that it came from, if [`Program::media`] names any kinds. `marked` are
    /// parts that stand out in a drawing, numbered as the details of hits number them. Computes.
    ///
    /// # Errors
    /// Why it cannot be drawn.
    fn look(&self, fields: &Fields, _marked: &[usize]) -> Result<Look> {
        Ok(Look::source(fields, self.context().program.media))
    }

    /// The picture of an item whose thumbnail was lost, made once more of the file that [`Solution::look`] names; by
    /// default the file is the picture. Computes.
    ///
    /// # Errors
    /// Why the file gives no picture.
    fn poster(&self, _fields: &Fields, file: &ContentPath) -> Result<Picture> {
        Picture::read(file, &self.context().limits)
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
        if self.context().model.is_some() {
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
