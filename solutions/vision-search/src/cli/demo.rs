//! `demo`: composed scenes, an index of their pictures and one of their objects, a search, and the page.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::{ErrorKind, Result};
use bootcamp_kit::command::{INTERRUPTED, ServeArgs, watched};
use bootcamp_kit::{ServerFile, Watch, blocking};
use clap::Args;

use super::App;
use super::dataset::import_dataset;
use super::similarity::{print, print_computed};
use crate::backend::SimilarityMetric;
use crate::formats::{Format, ReadOptions};
use crate::library::{Dataset, Start, View};
use crate::sample_data::{ABOUT, prepare};
use crate::similarity::compute::{ComputeSimilarity, DEFAULT_MODEL};
use crate::similarity::index::SimilarityIndex;
use crate::similarity::query::{Prompt, SimilarityQuery};
use crate::transfer::ImportDataset;
use crate::visualization::{Method, Visualization, visualize};

/// The dataset and the runs of the demo.
const SCENES: &str = "scenes";
const SAMPLES: &str = "img_sim";
const PATCHES: &str = "patch_sim";
const MAP: &str = "patch_map";
const LABELS: &str = "ground_truth";

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The folder of what sample data is composed of
    #[arg(long, env = "BOOTCAMP_SAMPLES", value_name = "FOLDER", default_value = "data")]
    samples: PathBuf,
    /// Do not serve the page afterwards
    #[arg(long, env = "BOOTCAMP_NO_SERVE")]
    no_serve: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

pub async fn run(app: &App, args: DemoArgs, file: ServerFile) -> Result<ExitCode> {
    let (folder, made) = (args.samples.clone(), app.home.join("samples"));
    app.printer.note(format_args!("sample data: {}, in {}", ABOUT, made.display()));
    let watch = Watch::default();
    let preparing = watch.clone();
    let data = watched("composing", &watch, app.printer, blocking(move || prepare(&folder, &made, &preparing))).await?;
    for (name, path, format) in
        [(SCENES, data.scenes, Format::FiftyOneImageDetection), ("stamps", data.stamps, Format::ClassificationTree)]
    {
        let what = ImportDataset { name: name.to_owned(), path, format: Some(format), options: ReadOptions::default() };
        if import_dataset(app, what).await? == ExitCode::from(INTERRUPTED) {
            return Ok(INTERRUPTED.into());
        }
    }
    let dataset = app.brain.dataset(SCENES).await?;
    let patches = ComputeSimilarity::new(PATCHES).patches_field(LABELS.to_owned()).model(DEFAULT_MODEL);
    for compute in [ComputeSimilarity::new(SAMPLES).model(DEFAULT_MODEL), patches] {
        let compute = compute.metric(SimilarityMetric::Cosine).skip_failures(true);
        if compute_once(app, &dataset, compute).await? == INTERRUPTED {
            return Ok(INTERRUPTED.into());
        }
    }
    let index = SimilarityIndex::open(&app.brain, &dataset, PATCHES).await?;
    let map = Visualization { key: MAP.to_owned(), method: Method::Tsne, limit: None };
    let watch = Watch::default();
    match watched("placing objects on the map", &watch, app.printer, visualize(&index, &map, &watch)).await {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(_) if watch.is_cancelled() => return Ok(INTERRUPTED.into()),
        other => drop(other?),
    }
    search(app, &dataset, &index).await?;
    if args.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    super::serve::run(app, args.serve, file).await
}

/// Computes an index, unless an earlier demo has.
async fn compute_once(app: &App, dataset: &Dataset, compute: ComputeSimilarity) -> Result<u8> {
    let (watch, start) = (Watch::default(), Instant::now());
    match watched("embedding", &watch, app.printer, compute.run(&app.brain, dataset, &watch)).await {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(0),
        Err(_) if watch.is_cancelled() => Ok(INTERRUPTED),
        Err(error) => Err(error),
        Ok(computed) => print_computed(app, &computed, start.elapsed().as_secs_f64()).map(|()| 0),
    }
}

/// Objects like the first one.
async fn search(app: &App, dataset: &Dataset, index: &SimilarityIndex) -> Result<()> {
    let reading = dataset.clone();
    let first = blocking(move || reading.patches(&View::default(), LABELS, Start::At(0), 1)).await?;
    let Some(first) = first.into_iter().next() else { return Ok(()) };
    let class = first.label.label.as_deref().unwrap_or("an object");
    app.printer.note(format_args!("objects like '{class}' ({}) of {}", first.label.id, first.filepath));
    let query =
        SimilarityQuery { positive: vec![Prompt::Id(first.label.id)], k: Some(6), ..SimilarityQuery::default() };
    let sorted = index.sort_by_similarity(&query).await?;
    if app.printer.json {
        return app.printer.json(&sorted);
    }
    print(app, index, sorted).await
}
