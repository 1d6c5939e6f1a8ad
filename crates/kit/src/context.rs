//! What a program works with, opened once: the store, the collection's name, the model, the media.

use std::sync::Arc;

use bootcamp_core::encoder::{Encoder, EncoderOptions};
use bootcamp_core::metadata::Board;
use bootcamp_core::models::{FetchProgress, ModelSpec, Registry};
use bootcamp_core::picture::Limits;
use bootcamp_core::{
    CollectionInfo, CollectionSpec, Error, ErrorKind, IdKind, Metric, Output, Result, ScalarField, VectorField,
    VectorStore,
};
use tokio::sync::{OnceCell, Semaphore};

use crate::content::ContentPath;
use crate::media::Media;
use crate::solution::{OwnVector, Program};
use crate::spool::Spool;

pub(crate) use crate::threads::blocking;

/// Fields that the kit keeps for itself: which version of a source an item was made from, and how many items that gave.
const OWN_FIELDS: [&str; 2] = ["version", "parts"];
/// Hex digits of an id: 80 bits of a hash.
pub(crate) const ID_LENGTH: usize = 20;

/// Is told how a model's download goes.
pub type OnFetch = Arc<dyn Fn(&FetchProgress<'_>) + Send + Sync>;

/// Everything a solution works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub program: &'static Program,
    pub store: Arc<dyn VectorStore>,
    /// The collection's name.
    pub collection: String,
    /// The vector field that is searched. Named after the model, so that vectors of two models are never compared.
    pub field: String,
    /// Of that field.
    pub metric: Metric,
    pub model: Option<ModelSpec>,
    /// What makes the vectors where no model does.
    pub vector: Option<&'static OwnVector>,
    pub media: Media,
    /// Where files go that are too large for memory and that nobody keeps.
    pub spool: Spool,
    /// Of pictures and other files that are read.
    pub limits: Limits,
    pub(crate) registry: Arc<Registry>,
    pub(crate) encoder_options: EncoderOptions,
    pub(crate) on_fetch: OnFetch,
    pub(crate) encoder: Arc<OnceCell<Encoder>>,
    /// Whether fields that are only shown live in Redis.
    pub(crate) metadata_apart: bool,
    /// Where servers of the collection tell each other of their jobs, with Redis.
    pub(crate) board: Option<Arc<Board>>,
    pub(crate) decoders: Arc<Semaphore>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("collection", &self.collection)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The model, loaded at the first call.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub async fn encoder(&self) -> Result<&Encoder> {
        self.encoder
            .get_or_try_init(|| async {
                let model = self.model.as_ref().ok_or_else(|| {
                    Error::new(ErrorKind::Internal, format!("{} works without a model", self.program.name))
                })?;
                let (registry, name) = (Arc::clone(&self.registry), model.name.clone());
                let (options, on_fetch) = (self.encoder_options.clone(), Arc::clone(&self.on_fetch));
                blocking(move || Encoder::open(&registry, &name, &options, &*on_fetch)).await
            })
            .await
    }

    /// Runs something that computes, such as decoding a picture, on a thread that may: at most one a core at a time,
    /// so that memory stays flat however many requests wait.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.decoders).acquire_owned().await;
        blocking(move || {
            // Held by the work itself: it goes on when nobody waits for it any more.
            let _permit = permit;
            work()
        })
        .await
    }

    /// The file behind an item's field `path`; a member of an archive is unpacked, and kept for a while.
    ///
    /// # Errors
    /// `NotFound` when it is gone; `InvalidInput` for a member that is too large; those of the file system.
    pub async fn original(&self, name: &str) -> Result<ContentPath> {
        self.media.original(name, self.limits.bytes).await
    }

    /// A collection with a vector field for the model, the solution's own fields, and what the kit needs: `path` (where
    /// an item came from) and `imported_at` (milliseconds since 1970), and two that it keeps for itself.
    pub fn spec(&self, vector: VectorField, fields: Vec<ScalarField>) -> CollectionSpec {
        let path = ScalarField::string("path");
        // What can be filtered by stays beside the vectors; with Redis, paths are for Redis.
        let path = if self.metadata_apart { path.not_filterable() } else { path };
        let mut spec = CollectionSpec::new(&self.collection, IdKind::String { max_len: ID_LENGTH }).vector(vector);
        spec.scalars.push(path);
        spec.scalars.extend(fields);
        spec.scalars.push(ScalarField::int("imported_at"));
        spec.scalars.push(ScalarField::string("version").not_filterable());
        spec.scalars.push(ScalarField::int("parts").not_filterable());
        spec
    }

    /// A vector field for the model.
    pub fn model_field(&self) -> VectorField {
        VectorField::f32(&self.field, self.model.as_ref().map_or(1, |model| model.dim), self.metric)
    }

    /// The fields of items that people see: not the kit's own, and none whose name begins with `_`, which a solution
    /// keeps for itself.
    pub fn output(&self, spec: &CollectionSpec) -> Output {
        let is_shown = |name: &&String| !name.starts_with('_') && !OWN_FIELDS.contains(&name.as_str());
        Output::only(spec.scalars.iter().map(|f| &f.name).filter(is_shown))
    }

    /// Whether a search could be answered now: everything that the store is made of answers, and so does a small query
    /// of the collection, if there is one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ready(&self) -> Result<()> {
        self.store.health().await?;
        match self.store.count(&self.collection, None).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// What makes the vectors: the model's name, or that of the program's own vectors.
    pub(crate) fn made_by(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.name.as_str()).or(self.vector.map(|vector| vector.name))
    }

    /// Whether a query may be words.
    pub(crate) fn knows_words(&self) -> bool {
        self.program.words.is_some() || self.model.as_ref().is_some_and(|model| model.text.is_some())
    }

    /// The collection as it is, or `None` before the first import.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn describe(&self) -> Result<Option<CollectionInfo>> {
        match self.store.describe(&self.collection).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The collection as it is.
    ///
    /// # Errors
    /// `NotFound` before the first import, with what to do about it; those of the store.
    pub async fn existing(&self) -> Result<CollectionInfo> {
        self.describe().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no collection '{}'", self.collection))
                .with_hint(format!("import something first: {} import PATH", self.program.name))
        })
    }

    /// A store's answer; where the collection is missing, the error of [`Context::existing`].
    ///
    /// # Errors
    /// That of `answer`, or that.
    pub async fn or_missing<T>(&self, answer: Result<T>) -> Result<T> {
        if let Err(error) = &answer
            && error.kind() == ErrorKind::NotFound
        {
            self.existing().await?;
        }
        answer
    }

    /// Creates the collection if it is not there.
    ///
    /// # Errors
    /// `AlreadyExists` when there is another one of that name with other fields.
    pub async fn ensure(&self, spec: &CollectionSpec) -> Result<()> {
        if let Some(info) = self.describe().await? {
            return self.check_fits(spec, &info.spec);
        }
        match self.store.create(spec).await {
            // Another program was quicker.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn check_fits(&self, wanted: &CollectionSpec, found: &CollectionSpec) -> Result<()> {
        let missing = wanted.scalars.iter().find(|field| found.scalar_field(&field.name).is_none());
        let what = if let Some(field) = missing {
            format!("it has no field '{}'", field.name)
        } else if wanted.id != found.id {
            "its ids are of another kind".to_owned()
        } else if found.vector_field(&self.field)?.dim != wanted.vector_field(&self.field)?.dim {
            "its vectors have another dimension".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("collection '{}' was not made by {}: {what}", self.collection, self.program.name);
        Err(Error::new(ErrorKind::AlreadyExists, message).with_hint("choose another one with --collection"))
    }
}

/// The name of the vector field that holds a model's vectors.
pub(crate) fn field_of(model: &str) -> String {
    let plain: String = model.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain }
}
