//! `compute-similarity` and `sort-by-similarity`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::{Error, IndexKind, Result};
use bootcamp_kit::command::{INTERRUPTED, SKIPPED, watched};
use bootcamp_kit::{Watch, blocking};
use clap::Args;
use serde_json::json;

use super::App;
use super::view::ViewArgs;
use crate::backend::{Backend, SimilarityMetric};
use crate::sample::ObjectId;
use crate::similarity::compute::{ComputeSimilarity, Computed, DEFAULT_MODEL, Given};
use crate::similarity::index::SimilarityIndex;
use crate::similarity::query::{Aggregation, Prompt, SimilarityQuery, Sorted};

/// Hits, unless `-k` says otherwise.
const K: usize = 10;

#[derive(Args, Debug)]
pub struct ComputeArgs {
    /// The dataset
    dataset: String,
    /// The name of the run
    #[arg(long, value_name = "KEY")]
    brain_key: String,
    /// Index a patch of every label of this field instead of whole samples
    #[arg(long, value_name = "FIELD")]
    patches_field: Option<String>,
    /// Index the mean of the patches of this field for every sample
    #[arg(long, value_name = "FIELD", conflicts_with = "patches_field")]
    roi_field: Option<String>,
    /// The embedding model; see the command `models` [default: efficientnet-lite0]
    #[arg(long, value_name = "NAME", conflicts_with = "embeddings")]
    model: Option<String>,
    /// Take embeddings from a NumPy file, a row for each sample or patch in the order of `samples --ids`, or from a vector
    /// field; `none` begins an empty index, or attaches a collection that has them
    #[arg(long, value_name = "FILE.npy|FIELD|none")]
    embeddings: Option<String>,
    /// The dimension of an empty index
    #[arg(long, value_name = "N", requires = "embeddings")]
    dim: Option<usize>,
    /// How embeddings are compared: cosine, dotproduct or euclidean [default: dotproduct]
    #[arg(long, value_name = "METRIC")]
    metric: Option<SimilarityMetric>,
    /// Where the index lives: local or milvus [default: see `config`]
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backend>,
    /// A new collection of this name, or one to use that is there [default: after the dataset]
    #[arg(long, value_name = "NAME")]
    collection_name: Option<String>,
    /// Links a node of a new HNSW index [default: 8]
    #[arg(long, value_name = "M")]
    hnsw_m: Option<u32>,
    /// Candidates of a new HNSW index while it is built [default: 64]
    #[arg(long, value_name = "N")]
    hnsw_ef_construction: Option<u32>,
    /// Pictures that are embedded together [default: 64]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Threads that read pictures [default: all cores]
    #[arg(long, value_name = "N")]
    num_workers: Option<usize>,
    /// Cut out square patches
    #[arg(long)]
    force_square: bool,
    /// Make the sides of boxes longer by this share first, or shorter if it is negative
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, allow_negative_numbers = true)]
    alpha: f64,
    /// Leave out what cannot be embedded, instead of stopping
    #[arg(long)]
    skip_failures: bool,
    /// Embed what an index that is there does not have yet
    #[arg(long, conflicts_with_all = ["patches_field", "roi_field", "model", "embeddings", "metric", "backend", "collection_name"])]
    missing: bool,
    #[command(flatten)]
    view: ViewArgs,
}

pub async fn compute(app: &App, args: ComputeArgs) -> Result<ExitCode> {
    let dataset = app.dataset(&args.dataset).await?;
    let watch = Watch::default();
    let start = Instant::now();
    let computing = async {
        if args.missing {
            let index = SimilarityIndex::open(&app.brain, &dataset, &args.brain_key).await?;
            return index.compute_missing(args.view.view()?, args.num_workers, args.skip_failures, &watch).await;
        }
        args.compute()?.run(&app.brain, &dataset, &watch).await
    };
    let done = watched("embedding", &watch, app.printer, computing).await;
    let computed = match done {
        Err(error) if watch.is_cancelled() => {
            app.printer.error(&error);
            return Ok(INTERRUPTED.into());
        }
        other => other?,
    };
    computed.warnings.iter().for_each(|warning| app.printer.warn(warning));
    print_computed(app, &computed, start.elapsed().as_secs_f64())?;
    Ok(if computed.skipped > 0 { SKIPPED.into() } else { ExitCode::SUCCESS })
}

pub fn print_computed(app: &App, computed: &Computed, seconds: f64) -> Result<()> {
    if app.printer.json {
        return app.printer.json(computed);
    }
    let Computed { key, collection_name, backend, metric, dim, added, kept, skipped, .. } = computed;
    let mut parts = vec![format!("{added} embeddings added")];
    parts.extend((*kept > 0).then(|| format!("{kept} there already")));
    parts.extend((*skipped > 0).then(|| format!("{skipped} skipped")));
    app.printer.line(format_args!("{} in {seconds:.1} s", parts.join(", ")));
    app.printer.line(format_args!("{key}: {backend} collection {collection_name}, dimension {dim}, {metric}"));
    Ok(())
}

impl ComputeArgs {
    fn compute(self) -> Result<ComputeSimilarity> {
        let index = match (self.hnsw_m, self.hnsw_ef_construction) {
            (None, None) => None,
            (m, ef) => Some(IndexKind::Hnsw { m: m.unwrap_or(8), ef_construction: ef.unwrap_or(64) }),
        };
        let compute = ComputeSimilarity::new(self.brain_key)
            .patches_field(self.patches_field)
            .roi_field(self.roi_field)
            .metric(self.metric)
            .backend(self.backend)
            .collection_name(self.collection_name)
            .index(index)
            .batch_size(self.batch_size)
            .num_workers(self.num_workers)
            .force_square(self.force_square)
            .alpha(self.alpha)
            .skip_failures(self.skip_failures)
            .view(self.view.view()?);
        Ok(match self.embeddings.as_deref() {
            None => compute.model(self.model.as_deref().unwrap_or(DEFAULT_MODEL)),
            Some("none") => compute.without_embeddings(self.dim),
            Some(file) if file.ends_with(".npy") => compute.given(Given::file(file.as_ref())?),
            Some(field) => compute.field(field),
        })
    }
}

#[derive(Args, Debug)]
pub struct SortArgs {
    /// The dataset
    dataset: String,
    /// The run
    #[arg(long, value_name = "KEY")]
    brain_key: String,
    /// What to be like: an id, a picture file, a NumPy file with a vector, or words; several times for several
    #[arg(long, short = 'Q', required = true, value_name = "ID|FILE|WORDS")]
    query: Vec<String>,
    /// What not to be like, in the same forms
    #[arg(long, value_name = "ID|FILE|WORDS")]
    negative: Vec<String>,
    /// The number of results [default: 10]
    #[arg(short, value_name = "K", conflicts_with = "all")]
    k: Option<usize>,
    /// The whole view in order
    #[arg(long)]
    all: bool,
    /// The least similar first
    #[arg(long)]
    reverse: bool,
    /// What several queries are together: their mean, or the distance to the nearest, the farthest, or on average
    #[arg(long, value_name = "HOW", default_value = "mean", value_parser = aggregation)]
    aggregation: Aggregation,
    /// Store the distance in this field of the samples or labels
    #[arg(long, value_name = "NAME")]
    dist_field: Option<String>,
    /// Store scores as Milvus reports them, as FiftyOne does, instead of distances
    #[arg(long, requires = "dist_field")]
    raw_scores: bool,
    #[command(flatten)]
    view: ViewArgs,
}

fn aggregation(text: &str) -> Result<Aggregation, String> {
    serde_json::from_value(text.into()).map_err(|_| "expected mean, min, max or post-mean".to_owned())
}

pub async fn sort(app: &App, args: SortArgs) -> Result<ExitCode> {
    let dataset = app.dataset(&args.dataset).await?;
    let index = SimilarityIndex::open(&app.brain, &dataset, &args.brain_key).await?;
    let query = SimilarityQuery {
        positive: prompts(&args.query)?,
        negative: prompts(&args.negative)?,
        k: if args.all { None } else { Some(args.k.unwrap_or(K)) },
        reverse: args.reverse,
        aggregation: args.aggregation,
        view: args.view.view()?,
    };
    let start = Instant::now();
    let sorted = index.sort_by_similarity(&query).await?;
    let took = start.elapsed();
    if let Some(field) = &args.dist_field {
        index.save_distances(field, &sorted, args.raw_scores).await?;
    }
    if app.printer.json {
        app.printer.json(&json!({
            "hits": sorted.hits, "exact": sorted.exact, "orphaned": sorted.orphaned,
            "took_ms": took.as_secs_f64() * 1e3,
        }))?;
    } else {
        print(app, &index, sorted).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The hits as a table, with files and classes.
pub async fn print(app: &App, index: &SimilarityIndex, sorted: Sorted) -> Result<()> {
    let (dataset, ids) = (index.dataset.clone(), sorted.hits.iter().map(|hit| hit.sample).collect::<Vec<_>>());
    let samples = blocking(move || dataset.get(&ids)).await?;
    let found: std::collections::HashMap<ObjectId, _> = samples.into_iter().map(|sample| (sample.id, sample)).collect();
    let patches = index.config.patches_field.as_deref();
    let rows = sorted.hits.iter().map(|hit| {
        let sample = found.get(&hit.sample);
        let what = match (sample, patches) {
            (Some(sample), Some(field)) => {
                let label = sample.labels(field).iter().find(|label| label.id == hit.id);
                label.and_then(|label| label.label.clone()).unwrap_or_default()
            }
            (Some(sample), None) => super::samples::summary(sample),
            (None, _) => String::new(),
        };
        let file = sample.map_or(String::new(), |sample| sample.filepath.clone());
        vec![format!("{:.4}", hit.distance), hit.id.to_string(), what, file]
    });
    app.printer.table(&["distance", "id", "labels", "file"], rows);
    if sorted.orphaned > 0 {
        app.printer.note(format_args!(
            "{} entries are no longer in the dataset; remove them with: index remove --orphans",
            sorted.orphaned
        ));
    }
    Ok(())
}

fn prompts(texts: &[String]) -> Result<Vec<Prompt>> {
    let mut prompts = Vec::with_capacity(texts.len());
    for text in texts {
        let path = PathBuf::from(text);
        if ObjectId::is_one(text) {
            prompts.push(Prompt::Id(text.parse()?));
        } else if text.ends_with(".npy") {
            prompts.extend(Given::file(&path)?.all()?.into_iter().map(Prompt::Vector));
        } else if path.is_file() {
            let read = std::fs::read(&path).map_err(|error| Error::io("cannot read", &path, error))?;
            prompts.push(Prompt::Picture(read));
        } else if looks_like_file(text) {
            return Err(Error::new(bootcamp_core::ErrorKind::NotFound, format!("there is no file {text}")));
        } else {
            prompts.push(Prompt::Words(text.clone()));
        }
    }
    Ok(prompts)
}

/// Whether words are rather the name of a file that is not there.
fn looks_like_file(text: &str) -> bool {
    let extension = text.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    text.contains('/')
        || extension
            .is_some_and(|extension| ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"].contains(&&*extension))
}
