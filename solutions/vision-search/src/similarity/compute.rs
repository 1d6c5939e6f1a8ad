//! From a dataset to an index: a run is registered when its index is complete, and what was interrupted goes on where it
//! stopped.

mod fill;
mod given;

use bootcamp_core::{Error, ErrorKind, IndexKind, Result, VectorStore};
use bootcamp_kit::{Watch, blocking};
use serde::Serialize;

pub use given::Given;

use super::Brain;
use super::embed::Models;
use super::index::SimilarityIndex;
use super::layout;
use super::run::{Crop, Embeddings, IndexConfig, SIMILARITY};
use crate::backend::{Backend, SimilarityMetric};
use crate::library::{Dataset, FieldKind, Run, View};
use fill::{MAX_TOGETHER, Pass, TOGETHER, Tally};

/// The default model: what is in a picture, and it can be asked in words, approximately.
pub const DEFAULT_MODEL: &str = "efficientnet-lite0";

/// Computes an index. Made by [`ComputeSimilarity::new`], changed by its methods, and run by [`ComputeSimilarity::run`].
///
/// ```no_run
/// # use vision_search::{library::Dataset, similarity::{Brain, compute::ComputeSimilarity}};
/// # async fn example(brain: Brain, dataset: Dataset) -> bootcamp_core::Result<()> {
/// let compute = ComputeSimilarity::new("patch_sim").patches_field("objects".to_owned()).alpha(0.1);
/// let done = compute.run(&brain, &dataset, &bootcamp_kit::Watch::default()).await?;
/// println!("{} patches", done.added);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ComputeSimilarity {
    key: String,
    source: Source,
    patches_field: Option<String>,
    roi_field: Option<String>,
    metric: Option<SimilarityMetric>,
    backend: Option<Backend>,
    collection_name: Option<String>,
    index: Option<IndexKind>,
    batch_size: Option<usize>,
    num_workers: Option<usize>,
    crop: Crop,
    skip_failures: bool,
    view: View,
}

/// Where the embeddings come from.
#[derive(Clone, Debug)]
enum Source {
    Model(String),
    Field(String),
    Given(Given),
    /// An empty index, or a collection that has them already.
    None {
        dim: Option<usize>,
    },
}

/// What was computed.
#[derive(Clone, Debug, Serialize)]
pub struct Computed {
    pub key: String,
    pub collection_name: String,
    pub backend: Backend,
    pub metric: SimilarityMetric,
    pub dim: usize,
    /// Entries that were written.
    pub added: u64,
    /// Entries that an interrupted run, or somebody else, had written before.
    pub kept: u64,
    /// Samples or labels without an embedding, and why.
    pub skipped: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl ComputeSimilarity {
    /// An index of whole samples under this key, with the default model.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            source: Source::Model(DEFAULT_MODEL.to_owned()),
            patches_field: None,
            roi_field: None,
            metric: None,
            backend: None,
            collection_name: None,
            index: None,
            batch_size: None,
            num_workers: None,
            crop: Crop::default(),
            skip_failures: false,
            view: View::default(),
        }
    }

    /// A patch of every label of this field gets an embedding.
    pub fn patches_field(mut self, field: impl Into<Option<String>>) -> Self {
        self.patches_field = field.into();
        self
    }

    /// Every sample gets the mean of the embeddings of this field's patches.
    pub fn roi_field(mut self, field: impl Into<Option<String>>) -> Self {
        self.roi_field = field.into();
        self
    }

    /// Embeds with this model.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.source = Source::Model(name.into());
        self
    }

    /// Takes the embeddings of a vector field of the samples.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.source = Source::Field(name.into());
        self
    }

    /// Takes these embeddings.
    pub fn given(mut self, embeddings: Given) -> Self {
        self.source = Source::Given(embeddings);
        self
    }

    /// Computes none: the index begins empty, or is a collection that has them. `dim` is needed for a new collection.
    pub fn without_embeddings(mut self, dim: Option<usize>) -> Self {
        self.source = Source::None { dim };
        self
    }

    pub fn metric(mut self, metric: impl Into<Option<SimilarityMetric>>) -> Self {
        self.metric = metric.into();
        self
    }

    pub fn backend(mut self, backend: impl Into<Option<Backend>>) -> Self {
        self.backend = backend.into();
        self
    }

    /// A new collection of this name, or one that is there and has the layout.
    pub fn collection_name(mut self, name: impl Into<Option<String>>) -> Self {
        self.collection_name = name.into();
        self
    }

    /// Of a new collection; FiftyOne's is HNSW with M 8 and efConstruction 64.
    pub fn index(mut self, index: impl Into<Option<IndexKind>>) -> Self {
        self.index = index.into();
        self
    }

    /// Pictures that are embedded together; 64 otherwise.
    pub fn batch_size(mut self, pictures: impl Into<Option<usize>>) -> Self {
        self.batch_size = pictures.into();
        self
    }

    /// Threads that read pictures; all cores otherwise.
    pub fn num_workers(mut self, workers: impl Into<Option<usize>>) -> Self {
        self.num_workers = workers.into();
        self
    }

    /// Patches are squares.
    pub fn force_square(mut self, force_square: bool) -> Self {
        self.crop.force_square = force_square;
        self
    }

    /// The sides of boxes get longer by this share before a patch is cut out.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.crop.alpha = alpha;
        self
    }

    /// Goes on where a picture cannot be read; otherwise the first one ends the run.
    pub fn skip_failures(mut self, skip_failures: bool) -> Self {
        self.skip_failures = skip_failures;
        self
    }

    /// Only these samples.
    pub fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// Computes the index, or completes an interrupted one, and registers the run. When `watch` is cancelled, or something
    /// fails, no run is registered, and the same call continues later.
    ///
    /// # Errors
    /// `AlreadyExists` for a key that is used; `InvalidInput` for settings that do not fit the dataset or an interrupted
    /// run of this key; those of models and stores.
    pub async fn run(&self, brain: &Brain, dataset: &Dataset, watch: &Watch) -> Result<Computed> {
        let mut warnings = Vec::new();
        let (config, is_new) = self.prepare(brain, dataset, &mut warnings).await?;
        let index = SimilarityIndex { dataset: dataset.clone(), key: self.key.clone(), config, brain: brain.clone() };
        // Open until all is written, so that nobody comes in between.
        let store = brain.stores.writer(index.config.backend).await?;
        let tally = self.fill(&index, &*store, self.pass(is_new), watch).await?;
        if watch.is_cancelled() {
            return Err(Error::invalid(format!("computing '{}' was interrupted", self.key))
                .with_hint("run the same command again: it goes on where it stopped"));
        }
        watch.say("indexing");
        index.settle(&*store).await?;
        let (writing, run) = (dataset.clone(), run(&self.key, &index.config)?);
        blocking(move || writing.put_run(&run)).await?;
        Ok(Computed {
            key: self.key.clone(),
            collection_name: index.config.collection_name,
            backend: index.config.backend,
            metric: index.config.metric,
            dim: index.config.dim,
            added: tally.added,
            kept: tally.kept,
            skipped: tally.skipped,
            warnings,
        })
    }

    /// Checks everything, makes or finds the collection, and notes the unfinished run. Returns whether it made it.
    async fn prepare(
        &self,
        brain: &Brain,
        dataset: &Dataset,
        warnings: &mut Vec<String>,
    ) -> Result<(IndexConfig, bool)> {
        self.check_fields(dataset).await?;
        let Brain { stores, models, .. } = brain;
        let (reading, key) = (dataset.clone(), self.key.clone());
        let pending = blocking(move || reading.pending(&key)).await?;
        let backend = match self.backend {
            Some(backend) => backend,
            None => stores.config().backend()?,
        };
        let metric = match self.metric {
            Some(metric) => Some(metric),
            None => stores.config().metric()?,
        };
        let mut config = IndexConfig {
            backend,
            collection_name: String::new(),
            metric: metric.unwrap_or_default(),
            dim: 0,
            source: Embeddings::None,
            patches_field: self.patches_field.clone(),
            roi_field: self.roi_field.clone(),
            crop: self.crop,
            supports_prompts: false,
            attached: false,
        };
        let dim = self.describe_source(dataset, models, &mut config).await?;
        let named = self.collection_name.as_deref().or(stores.config().collection_name());
        if let Some(pending) = pending {
            return Ok((self.go_on(pending, config, dim, named).await?, false));
        }
        let store = stores.writer(backend).await?;
        let found = match named {
            Some(name) => find(&*store, name).await?,
            None => None,
        };
        match found {
            Some((found_dim, found_metric)) => {
                self.check_attached(dim, found_dim, metric, found_metric)?;
                (config.dim, config.metric, config.attached) = (found_dim, found_metric, true);
                config.collection_name = named.unwrap_or_default().to_owned();
                let others = runs_of_collection(brain, &config.collection_name).await?;
                if !others.is_empty() {
                    warnings.push(format!(
                        "the collection '{}' is also used by {}: what one changes, the others see",
                        config.collection_name,
                        others.join(", ")
                    ));
                }
                self.note(dataset, &config).await?;
            }
            None => {
                config.dim = dim.ok_or_else(|| {
                    Error::invalid("a new index without embeddings needs their dimension")
                        .with_hint("give it with --dim")
                })?;
                config.collection_name = match named {
                    Some(name) => name.to_owned(),
                    None => layout::free_name(&*store, &name_of(dataset).await?).await?,
                };
                // Noted first: a collection that nobody knows of would stay for ever.
                self.note(dataset, &config).await?;
                let spec = layout::spec(&config.collection_name, config.dim, config.metric, self.index);
                if let Err(error) = store.create(&spec).await {
                    let (writing, key) = (dataset.clone(), self.key.clone());
                    blocking(move || writing.delete_run(&key)).await?;
                    return Err(error);
                }
            }
        }
        let is_new = !config.attached;
        Ok((config, is_new))
    }

    async fn check_fields(&self, dataset: &Dataset) -> Result<()> {
        if self.patches_field.is_some() && self.roi_field.is_some() {
            return Err(Error::invalid("an index has patches or regions of interest, not both"));
        }
        if !(-1.0..=10.0).contains(&self.crop.alpha) || self.crop.alpha == -1.0 {
            return Err(Error::invalid(format!("alpha is {}, expected more than -1 and at most 10", self.crop.alpha)));
        }
        if let Some(size) = self.batch_size.filter(|size| !(1..=MAX_TOGETHER).contains(size)) {
            return Err(Error::invalid(format!("the batch size is {size}, expected 1 to {MAX_TOGETHER}")));
        }
        let (reading, key) = (dataset.clone(), self.key.clone());
        let fields: Vec<String> = self.patches_field.iter().chain(&self.roi_field).cloned().collect();
        blocking(move || {
            if reading.runs()?.iter().any(|run| run.key == key) {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("there is a run '{key}' already"))
                    .with_hint("choose another key, or drop it with `runs cleanup`; --missing completes it"));
            }
            fields.iter().try_for_each(|field| match reading.kind(field)? {
                FieldKind::Labels(kind) if kind.has_patches() => Ok(()),
                other => Err(Error::invalid(format!("the field '{field}' has no patches: it holds {}", other.name()))
                    .with_hint("patches come from detections and polylines")),
            })
        })
        .await
    }

    /// Fills in what the embeddings are made by; returns their dimension, if it is known.
    async fn describe_source(
        &self,
        dataset: &Dataset,
        models: &Models,
        config: &mut IndexConfig,
    ) -> Result<Option<usize>> {
        let (source, dim) = match &self.source {
            Source::Model(name) => {
                let model = models.spec(name)?;
                config.supports_prompts = model.takes_text();
                (Embeddings::Model { model: name.clone() }, Some(model.dim))
            }
            Source::Field(field) => {
                let (reading, name) = (dataset.clone(), field.clone());
                let dim = match blocking(move || reading.kind(&name)).await? {
                    FieldKind::Vector { dim } => dim,
                    other => {
                        return Err(Error::invalid(format!(
                            "the field '{field}' holds {}, not embeddings",
                            other.name()
                        )));
                    }
                };
                if self.patches_field.is_some() {
                    return Err(Error::invalid("embeddings of a field are of samples, not of patches"));
                }
                (Embeddings::Field { field: field.clone() }, Some(dim))
            }
            Source::Given(given) => (Embeddings::Given, Some(given.dim())),
            Source::None { dim } => (Embeddings::None, *dim),
        };
        config.source = source;
        Ok(dim)
    }

    fn check_attached(
        &self,
        dim: Option<usize>,
        found_dim: usize,
        metric: Option<SimilarityMetric>,
        found_metric: SimilarityMetric,
    ) -> Result<()> {
        let name = self.collection_name.as_deref().unwrap_or_default();
        if let Some(dim) = dim.filter(|dim| *dim != found_dim) {
            return Err(Error::invalid(format!(
                "the collection '{name}' has dimension {found_dim}, but the embeddings have {dim}"
            )));
        }
        if let Some(metric) = metric.filter(|metric| *metric != found_metric) {
            return Err(Error::invalid(format!("the collection '{name}' has the metric {found_metric}, not {metric}"))
                .with_hint("leave out --metric, or choose another --collection-name"));
        }
        Ok(())
    }

    /// The configuration of an interrupted run, if it is the one that is asked for now.
    async fn go_on(
        &self,
        pending: Run,
        mut config: IndexConfig,
        dim: Option<usize>,
        named: Option<&str>,
    ) -> Result<IndexConfig> {
        let before = IndexConfig::of(&pending)?;
        config.collection_name = named.map_or_else(|| before.collection_name.clone(), str::to_owned);
        (config.attached, config.dim) = (before.attached, dim.unwrap_or(before.dim));
        if before.attached && self.metric.is_none() {
            config.metric = before.metric;
        }
        if config == before {
            return Ok(config);
        }
        Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("the run '{}' was begun with other settings and never finished", self.key),
        )
        .with_hint(format!("repeat them to continue, or remove what there is with: runs cleanup DATASET {}", self.key)))
    }

    async fn note(&self, dataset: &Dataset, config: &IndexConfig) -> Result<()> {
        let (writing, run) = (dataset.clone(), run(&self.key, config)?);
        blocking(move || writing.put_pending(&run)).await
    }

    async fn fill(&self, index: &SimilarityIndex, store: &dyn VectorStore, pass: Pass, watch: &Watch) -> Result<Tally> {
        match &self.source {
            Source::None { .. } => Ok(Tally::default()),
            Source::Model(name) => index.embed(name, store, &pass, watch).await,
            Source::Field(field) => index.take_field(field, store, &pass, watch).await,
            Source::Given(given) => {
                let ids = index.entry_ids(&self.view).await?;
                given.check(ids.len(), &index.config.entries())?;
                index.take_given(given, ids, store, &pass, watch).await
            }
        }
    }

    fn pass(&self, is_new: bool) -> Pass {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Pass {
            view: self.view.clone(),
            is_new,
            skip_failures: self.skip_failures,
            workers: self.num_workers.unwrap_or_else(cores).max(1),
            together: self.batch_size.unwrap_or(TOGETHER),
        }
    }
}

fn run(key: &str, config: &IndexConfig) -> Result<Run> {
    let method = config.backend.to_string();
    let config = serde_json::to_value(config)
        .map_err(|error| Error::new(ErrorKind::Internal, "the run cannot be written").with_source(error))?;
    Ok(Run { key: key.to_owned(), kind: SIMILARITY.to_owned(), method, created_at: now(), config })
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn name_of(dataset: &Dataset) -> Result<String> {
    let dataset = dataset.clone();
    blocking(move || dataset.name()).await
}

/// The runs of all datasets whose index lives in this collection, as `dataset/run`.
async fn runs_of_collection(brain: &Brain, collection: &str) -> Result<Vec<String>> {
    let (library, collection) = (brain.library.clone(), collection.to_owned());
    blocking(move || {
        let mut found = Vec::new();
        for name in library.names()? {
            for run in library.get(&name)?.runs()? {
                if IndexConfig::of(&run).is_ok_and(|config| config.collection_name == collection) {
                    found.push(format!("{name}/{}", run.key));
                }
            }
        }
        Ok(found)
    })
    .await
}

/// A collection's dimension and metric, if it is there.
async fn find(store: &dyn VectorStore, name: &str) -> Result<Option<(usize, SimilarityMetric)>> {
    match store.describe(name).await {
        Ok(info) => layout::check(&info.spec).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
