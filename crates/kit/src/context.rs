//! What a program works with, opened once: the store, the collection's name, the model, the media.

use std::path::PathBuf;
use std::sync::Arc;

use bootcamp_core::encoder::{Encoder, EncoderOptions};
use bootcamp_core::metadata::Board;
use bootcamp_core::models::{FetchProgress, ModelSpec, Registry};
use bootcamp_core::picture::Limits;
use bootcamp_core::{
    CollectionInfo, CollectionSpec, Error, ErrorKind, IdKind, Metric, Output, Result, ScalarField, ScalarKind,
    VectorField, VectorStore,
};
use tokio::sync::{OnceCell, Semaphore};

use crate::content::ContentPath;
use crate::facts::Facts;
use crate::media::Media;
use crate::spool::Spool;
use crate::vectors::{Chosen, Maker, choose};

pub(crate) use crate::threads::blocking;

/// The kit's private fields: the version of the source an item was made from, the source's number of items, and the
/// table that listed it.
const OWN_FIELDS: [&str; 3] = ["version", "parts", TABLE];
/// The table that listed an item's source, where one did.
pub(crate) const TABLE: &str = "listed_in";
/// The source that an item is of: the id of its first item.
pub const SOURCE: &str = "source";
/// The span of its source that an item stands for, in seconds.
pub const SPAN: [&str; 2] = ["start", "end"];
/// Hex digits of an id: 80 bits of a hash.
pub(crate) const ID_LENGTH: usize = 20;

/// Called with the progress of a model's download.
pub type OnFetch = Arc<dyn Fn(&FetchProgress<'_>) + Send + Sync>;

/// Everything a solution works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub facts: &'static Facts,
    pub store: Arc<dyn VectorStore>,
    /// The collection's name.
    pub collection: String,
    /// The vector field that is searched. Named after its maker, so that embeddings of two models are never compared.
    pub field: String,
    /// Of that field.
    pub metric: Metric,
    /// What makes the embeddings.
    pub maker: Maker,
    pub media: Media,
    /// Temporary files too large for memory.
    pub spool: Spool,
    /// Of pictures and other files that are read.
    pub limits: Limits,
    /// Below it each collection has its folder of thumbnails and uploads.
    pub(crate) media_root: PathBuf,
    /// The store's folder, where it has one.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) encoder_options: EncoderOptions,
    pub(crate) on_fetch: OnFetch,
    pub(crate) encoder: Arc<OnceCell<Encoder>>,
    /// Whether fields that are only shown live in Redis.
    pub(crate) metadata_apart: bool,
    /// Shares jobs between the collection's servers, with Redis.
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
    /// The same store and program on another collection, whose embeddings may be of another model: that of the
    /// collection; before there is one, the one named or the program's default. Where it is the same model, it is loaded
    /// once. The other collection is opened with the same checks as the program's own.
    ///
    /// # Errors
    /// `InvalidInput` for a name that no collection can have, or when the collection holds embeddings of another model;
    /// `NotFound` for an unknown model; those of the store.
    pub async fn at(&self, collection: &str, maker: Option<&str>) -> Result<Self> {
        bootcamp_core::check_name("collection", collection)?;
        let mut other = self.clone();
        other.collection = collection.to_owned();
        other.media = Media::new(self.media_root.join(collection), self.spool.clone());
        let found = other.describe().await?;
        let Chosen { maker, field, metric } = choose(other.facts, &other.registry, collection, found.as_ref(), maker)?;
        if maker.name() != self.maker.name() {
            other.encoder = Arc::new(OnceCell::new());
        }
        (other.maker, other.field, other.metric) = (maker, field, metric);
        Ok(other)
    }

    /// The model, loaded at the first call.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub async fn encoder(&self) -> Result<&Encoder> {
        self.encoder
            .get_or_try_init(|| async {
                let model = self.maker.model().ok_or_else(|| {
                    Error::new(ErrorKind::Internal, format!("{} works without a model", self.facts.name))
                })?;
                self.encoder_of(&model.name).await
            })
            .await
    }

    /// Another model than the collection's, such as a cross-encoder. Loaded at each call.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub async fn encoder_of(&self, model: &str) -> Result<Encoder> {
        let (registry, name) = (Arc::clone(&self.registry), model.to_owned());
        let (options, on_fetch) = (self.encoder_options.clone(), Arc::clone(&self.on_fetch));
        blocking(move || Encoder::open(&registry, &name, &options, &*on_fetch)).await
    }

    /// The default score from which two items count as near-duplicates: the model's, or else the program's. `None` where
    /// the program does not look for duplicates.
    pub fn duplicates(&self) -> Option<f32> {
        let of_program = self.facts.duplicates?;
        Some(self.maker.model().and_then(|model| model.duplicates).unwrap_or(of_program))
    }

    /// Runs CPU-bound work, such as decoding a picture, on a blocking thread: at most one per core at a time,
    /// so that memory stays bounded however many requests wait.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.decoders).acquire_owned().await;
        blocking(move || {
            // Held by the work itself, which continues even if its caller is gone.
            let _permit = permit;
            work()
        })
        .await
    }

    /// The file behind an item's field `path`; an archive member is unpacked and cached.
    ///
    /// # Errors
    /// `NotFound` if it no longer exists; `InvalidInput` for a member that is too large; those of the file system.
    pub async fn original(&self, name: &str) -> Result<ContentPath> {
        self.media.original(name, self.limits.bytes).await
    }

    /// A collection with a vector field, the solution's own fields, and those of the kit: `source` (which items are of the
    /// same source), `path` (where an item came from), `imported_at` (milliseconds since 1970), `start` and `end` where
    /// items are spans of their sources, and three that it keeps for itself.
    pub fn spec(&self, vector: VectorField, fields: Vec<ScalarField>) -> CollectionSpec {
        let path = ScalarField::string("path");
        // Filterable fields are stored with the vectors; with Redis, paths are not filterable and live there.
        let path = if self.metadata_apart { path.not_filterable() } else { path };
        let mut spec = CollectionSpec::new(&self.collection, IdKind::String { max_len: ID_LENGTH }).vector(vector);
        spec.scalars.push(path);
        spec.scalars.push(ScalarField::new(SOURCE, ScalarKind::String { max_len: ID_LENGTH }));
        spec.scalars.extend(
            self.facts.spans.then(|| SPAN.map(|name| ScalarField::float(name).nullable())).into_iter().flatten(),
        );
        spec.scalars.extend(fields);
        spec.scalars.push(ScalarField::int("imported_at"));
        spec.scalars.push(ScalarField::string("version").not_filterable());
        spec.scalars.push(ScalarField::int("parts").not_filterable());
        spec.scalars.push(ScalarField::string(TABLE).nullable().not_filterable());
        spec
    }

    /// The vector field of the collection's model.
    pub fn model_field(&self) -> VectorField {
        VectorField::f32(&self.field, self.maker.model().map_or(1, |model| model.dim), self.metric)
    }

    /// The fields of items that people see: not the kit's own, and none whose name begins with `_`, which a solution
    /// keeps for itself.
    pub fn output(&self, spec: &CollectionSpec) -> Output {
        let is_shown = |name: &&String| !name.starts_with('_') && !OWN_FIELDS.contains(&name.as_str());
        Output::only(spec.scalars.iter().map(|f| &f.name).filter(is_shown))
    }

    /// Whether the program is ready to search: all parts of the store respond, and so does a small query
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

    /// Whether text queries are supported.
    pub(crate) fn knows_words(&self) -> bool {
        self.facts.words.is_some() || self.maker.model().is_some_and(ModelSpec::takes_text)
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
                .with_hint(format!("import something first: {} import PATH", self.facts.name))
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
            // Another process has created it meanwhile.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn check_fits(&self, wanted: &CollectionSpec, found: &CollectionSpec) -> Result<()> {
        let missing = wanted.scalars.iter().find(|field| found.scalar_field(&field.name).is_none());
        let what = if let Some(field) = missing {
            format!("it has no field '{}'", field.name)
        } else if wanted.id != found.id {
            "its ids have a different type".to_owned()
        } else if found.vector_field(&self.field)?.dim != wanted.vector_field(&self.field)?.dim {
            "its vectors have a different dimension".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("collection '{}' was not created by {}: {what}", self.collection, self.facts.name);
        let hint = match missing {
            Some(field) if [SOURCE, TABLE].contains(&field.name.as_str()) => {
                "an earlier version of the program may have created it: import again, into a different --collection"
            }
            _ => "choose a different one with --collection",
        };
        Err(Error::new(ErrorKind::AlreadyExists, message).with_hint(hint))
    }
}
