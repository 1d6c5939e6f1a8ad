//! Commands over all embeddings of an index, or all files of a dataset.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use bootcamp_core::{Error, Result};
use bootcamp_kit::command::{INTERRUPTED, SKIPPED, watched};
use bootcamp_kit::{Watch, blocking, named_path};
use clap::Args;
use serde_json::json;

use super::App;
use super::view::ViewArgs;
use crate::analysis::{Analysis, DuplicateGroup, Leak, SameFile, exact_duplicates};
use crate::library::{Dataset, View};
use crate::sample::ObjectId;
use crate::similarity::index::SimilarityIndex;
use crate::visualization::{Method, Visualization, visualize};

/// Rows of a list.
const ROWS: usize = 20;

/// An index, and which of its samples.
#[derive(Args, Debug)]
pub struct IndexArgs {
    /// The dataset
    dataset: String,
    /// The similarity index whose embeddings are compared
    #[arg(long, value_name = "KEY")]
    brain_key: String,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Args, Debug)]
pub struct DuplicatesArgs {
    #[command(flatten)]
    index: IndexArgs,
    /// The largest distance of two near-duplicates; of cosines, 0 is equal
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.2)]
    threshold: f32,
    /// Tag all but the representative of each group
    #[arg(long = "tag-others", value_name = "TAG")]
    tag: Option<String>,
}

#[derive(Args, Debug)]
pub struct ExactArgs {
    /// The dataset
    dataset: String,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Args, Debug)]
pub struct UniquenessArgs {
    #[command(flatten)]
    index: IndexArgs,
    /// The field that gets the values, 0 to 1
    #[arg(long, value_name = "NAME", default_value = "uniqueness")]
    field: String,
}

#[derive(Args, Debug)]
pub struct RepresentativenessArgs {
    #[command(flatten)]
    index: IndexArgs,
    /// The field that gets the values, 0 to 1
    #[arg(long, value_name = "NAME", default_value = "representativeness")]
    field: String,
}

#[derive(Args, Debug)]
pub struct OutliersArgs {
    #[command(flatten)]
    index: IndexArgs,
    /// Neighbours that a sample is compared with
    #[arg(short, value_name = "K", default_value_t = 10)]
    k: usize,
    /// The field that gets the values
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

#[derive(Args, Debug)]
pub struct LeakyArgs {
    #[command(flatten)]
    index: IndexArgs,
    /// The tags of the splits
    #[arg(long, value_name = "TAG", value_delimiter = ',', num_args = 1.., default_values = ["train", "test"])]
    splits: Vec<String>,
    /// The largest distance of two near-duplicates
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.2)]
    threshold: f32,
}

#[derive(Args, Debug)]
pub struct VisualizeArgs {
    /// The dataset
    dataset: String,
    /// The name of the new run
    #[arg(long, value_name = "KEY")]
    brain_key: String,
    /// The similarity index whose embeddings are placed
    #[arg(long, value_name = "KEY")]
    similarity: String,
    /// pca or tsne
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    method: Method,
    /// The most points [default: 5000]
    #[arg(long, value_name = "N")]
    points: Option<usize>,
}

/// Loads the embeddings of a view, and hands them to what compares them, with progress.
async fn analyse<T: Send + 'static>(
    app: &App,
    what: &str,
    args: IndexArgs,
    compare: impl FnOnce(&Analysis<'_>, &SimilarityIndex) -> Result<T> + Send + 'static,
) -> Result<Option<(SimilarityIndex, T)>> {
    let dataset = app.brain.dataset(&args.dataset).await?;
    let index = SimilarityIndex::open(&app.brain, &dataset, &args.brain_key).await?;
    let (view, watch) = (args.view.view()?, Watch::default());
    let work = async {
        let loaded = index.vectors(&view, &watch).await?;
        watch.set_total(loaded.vectors.len() as u64);
        let (index, watch) = (index.clone(), watch.clone());
        blocking(move || {
            let analysis = Analysis::new(&loaded.vectors, index.config.metric.metric(), &watch)?;
            let result = compare(&analysis, &index)?;
            Ok((index, result))
        })
        .await
    };
    match watched(what, &watch, app.printer, work).await {
        Err(_) if watch.is_cancelled() => Ok(None),
        other => other.map(Some),
    }
}

pub async fn duplicates(app: &App, args: DuplicatesArgs) -> Result<ExitCode> {
    let threshold = args.threshold;
    let find = move |analysis: &Analysis<'_>, _: &SimilarityIndex| analysis.near_duplicates(threshold);
    let Some((index, groups)) = analyse(app, "comparing", args.index, find).await? else {
        return Ok(INTERRUPTED.into());
    };
    if let Some(tag) = args.tag {
        if index.config.patches_field.is_some() {
            return Err(Error::invalid("patches have no tags of their own").with_hint("leave out --tag-others"));
        }
        let others = groups.iter().flat_map(|group| group.others.iter().map(|(id, _)| *id));
        let (dataset, view) = (index.dataset.clone(), View::of(others));
        let tagged = blocking(move || dataset.tag(&view, &tag)).await?;
        app.printer.note(format_args!("{tagged} samples tagged"));
    }
    if app.printer.json {
        let group = |group: &DuplicateGroup| {
            let others = group.others.iter().map(|(id, distance)| json!({"id": id, "distance": distance}));
            json!({
                "representative": group.representative, "others": others.collect::<Vec<_>>(),
                "mean_distance": group.mean_distance, "widest": group.widest,
            })
        };
        app.printer.json(&groups.iter().map(group).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let members: usize = groups.iter().map(|group| group.others.len() + 1).sum();
    app.printer.line(format_args!("{} groups of {members} near-duplicates within {threshold}", groups.len()));
    let row = |group: &DuplicateGroup| {
        let others: Vec<_> = group.others.iter().map(|(id, _)| id.to_string()).collect();
        vec![group.representative.to_string(), others.join(" "), group.reason()]
    };
    app.printer.table(&["representative", "others", ""], groups.iter().take(ROWS).map(row));
    Ok(ExitCode::SUCCESS)
}

pub async fn exact(app: &App, args: ExactArgs) -> Result<ExitCode> {
    let dataset = app.brain.dataset(&args.dataset).await?;
    let (view, watch) = (args.view.view()?, Watch::default());
    let hashing = watch.clone();
    let work = blocking(move || {
        let files = files(&dataset, &view)?;
        hashing.set_total(files.len() as u64);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        exact_duplicates(&files, threads, &hashing)
    });
    let found = match watched("reading", &watch, app.printer, work).await {
        Err(_) if watch.is_cancelled() => return Ok(INTERRUPTED.into()),
        other => other?,
    };
    found.unreadable.iter().for_each(|(id, error)| app.printer.warn(format_args!("{id}: {error}")));
    if app.printer.json {
        let group = |group: &SameFile| json!({"sha256": hex(&group.sha256), "bytes": group.bytes, "ids": group.ids});
        let unreadable = |(id, error): &(ObjectId, Error)| json!({"id": id, "reason": error.to_string()});
        app.printer.json(&json!({
            "groups": found.groups.iter().map(group).collect::<Vec<_>>(),
            "unreadable": found.unreadable.iter().map(unreadable).collect::<Vec<_>>(),
        }))?;
    } else {
        app.printer.line(format_args!("{} groups of files with the same content", found.groups.len()));
        let row = |group: &SameFile| {
            let ids: Vec<_> = group.ids.iter().map(ToString::to_string).collect();
            vec![group.bytes.to_string(), ids.join(" ")]
        };
        app.printer.table(&["bytes", "samples"], found.groups.iter().take(ROWS).map(row));
    }
    Ok(if found.unreadable.is_empty() { ExitCode::SUCCESS } else { SKIPPED.into() })
}

/// Bytes as hex digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files(dataset: &Dataset, view: &View) -> Result<Vec<(ObjectId, std::path::PathBuf)>> {
    let mut files = Vec::new();
    dataset.visit(view, 1000, |samples| {
        files.extend(samples.iter().map(|sample| (sample.id, named_path(&sample.filepath))));
        Ok(())
    })?;
    Ok(files)
}

pub async fn uniqueness(app: &App, args: UniquenessArgs) -> Result<ExitCode> {
    let rated = analyse(app, "comparing", args.index, |analysis, _| analysis.uniqueness()).await?;
    rate(app, rated, Some(args.field)).await
}

pub async fn representativeness(app: &App, args: RepresentativenessArgs) -> Result<ExitCode> {
    let rated = analyse(app, "clustering", args.index, |analysis, _| analysis.representativeness()).await?;
    rate(app, rated, Some(args.field)).await
}

pub async fn outliers(app: &App, args: OutliersArgs) -> Result<ExitCode> {
    let k = args.k;
    let rated = analyse(app, "comparing", args.index, move |analysis, _| analysis.outliers(k)).await?;
    rate(app, rated, args.field).await
}

/// Entries with a value each.
type Ratings = Vec<(ObjectId, f32)>;

/// Stores ratings in a field, and prints the highest.
async fn rate(app: &App, rated: Option<(SimilarityIndex, Ratings)>, field: Option<String>) -> Result<ExitCode> {
    let Some((index, mut ratings)) = rated else { return Ok(INTERRUPTED.into()) };
    if let Some(field) = &field {
        let values = ratings.iter().map(|(id, rating)| (*id, Some((*rating).into()))).collect();
        let (dataset, name) = (index.dataset.clone(), field.clone());
        blocking(move || dataset.set_values(&name, values)).await?;
    }
    ratings.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    if app.printer.json {
        let ratings: Vec<_> = ratings.iter().map(|(id, rating)| json!({"id": id, "value": rating})).collect();
        app.printer.json(&json!({"field": field, "ratings": ratings}))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(field) = &field {
        app.printer.line(format_args!("{} {} rated, in the field {field}", ratings.len(), index.config.entries()));
    }
    let rows = ratings.iter().take(ROWS).map(|(id, rating)| vec![format!("{rating:.4}"), id.to_string()]);
    app.printer.table(&["value", "id"], rows);
    Ok(ExitCode::SUCCESS)
}

pub async fn leaky_splits(app: &App, args: LeakyArgs) -> Result<ExitCode> {
    let (threshold, names) = (args.threshold, args.splits.clone());
    let find = move |analysis: &Analysis<'_>, index: &SimilarityIndex| {
        let splits = splits(index, &names)?;
        analysis.leaky_splits(&splits, threshold)
    };
    let Some((_, found)) = analyse(app, "comparing", args.index, find).await? else {
        return Ok(INTERRUPTED.into());
    };
    if app.printer.json {
        let leak = |leak: &Leak| json!({"remove": leak.remove, "keep": leak.keep, "distance": leak.distance});
        app.printer.json(&json!({
            "leaks": found.leaks.iter().map(leak).collect::<Vec<_>>(), "remove": found.remove,
            "in_several": found.in_several, "without_vector": found.without_vector, "without_split": found.without_split,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    app.printer.line(format_args!("{} pairs across splits within {threshold}", found.leaks.len()));
    let row = |leak: &Leak| vec![format!("{:.4}", leak.distance), leak.remove.to_string(), leak.keep.to_string()];
    app.printer.table(&["distance", "remove", "keep"], found.leaks.iter().take(ROWS).map(row));
    Ok(ExitCode::SUCCESS)
}

/// The splits that each sample is in.
fn splits(index: &SimilarityIndex, names: &[String]) -> Result<BTreeMap<ObjectId, BTreeSet<String>>> {
    let mut splits: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
    let mut sizes = BTreeMap::new();
    for name in names {
        let view = View::new().tag(name.as_str());
        let ids = match &index.config.patches_field {
            Some(field) => index.dataset.patch_ids(&view, field)?,
            None => index.dataset.ids(&view)?,
        };
        sizes.insert(name, ids.len());
        for id in ids {
            splits.entry(id).or_default().insert(name.clone());
        }
    }
    match sizes.iter().find(|(_, size)| **size == 0) {
        Some((name, _)) => Err(Error::invalid(format!("no sample has the tag '{name}'"))
            .with_hint("name the tags of the splits with --splits")),
        None => Ok(splits),
    }
}

pub async fn visualize_command(app: &App, args: VisualizeArgs) -> Result<ExitCode> {
    let dataset = app.brain.dataset(&args.dataset).await?;
    let index = SimilarityIndex::open(&app.brain, &dataset, &args.similarity).await?;
    let what = Visualization { key: args.brain_key, method: args.method, limit: args.points };
    let watch = Watch::default();
    let made = match watched("placing points", &watch, app.printer, visualize(&index, &what, &watch)).await {
        Err(_) if watch.is_cancelled() => return Ok(INTERRUPTED.into()),
        other => other?,
    };
    if app.printer.json {
        app.printer.json(&made)?;
    } else {
        app.printer.line(format_args!(
            "{}: {} of {} points by {}; the page shows them",
            what.key,
            made.points.len(),
            made.total,
            made.method
        ));
    }
    Ok(ExitCode::SUCCESS)
}
