//! `dataset`: the datasets of the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::{Error, Result};
use bootcamp_kit::command::{INTERRUPTED, SKIPPED, watched};
use bootcamp_kit::{Watch, blocking};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::App;
use super::view::ViewArgs;
use crate::formats::{Format, Media, ReadOptions, WriteOptions};
use crate::library::{DatasetInfo, FieldKind, Run};
use crate::transfer::{self, ImportDataset};

#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Import a dataset, or more samples into one
    Import(ImportArgs),
    /// List datasets
    List,
    /// Show a dataset's fields, tags and classes
    Info {
        /// The dataset
        dataset: String,
    },
    /// Write a dataset in another format
    Export(ExportArgs),
    /// Give a dataset another name
    Rename {
        /// The dataset
        dataset: String,
        /// Its new name
        new: String,
    },
    /// Copy a dataset; its runs are not copied
    Clone {
        /// The dataset
        dataset: String,
        /// The name of the copy
        new: String,
    },
    /// Delete a dataset; its pictures and the collections of its runs stay
    Delete {
        /// The dataset
        dataset: String,
    },
    /// Remove samples from a dataset; their pictures stay
    Remove {
        /// The dataset
        dataset: String,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Follow pictures that were moved to another folder
    Relocate {
        /// The dataset
        dataset: String,
        /// The folder where they were
        from: PathBuf,
        /// The folder where they are
        to: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A folder, or a file of labels
    path: PathBuf,
    /// The dataset's name [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The format [default: found out]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The field that gets the labels [default: ground_truth]
    #[arg(long, value_name = "FIELD")]
    label_field: Option<String>,
    /// A tag for all samples
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The folder of the pictures, where it is not the dataset's own
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Take samples whose pictures are not there, to find them later with `dataset relocate`
    #[arg(long)]
    keep_missing: bool,
}

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The dataset
    dataset: String,
    /// A new folder, or a CSV file
    path: PathBuf,
    /// The format
    #[arg(long, value_name = "FORMAT")]
    format: Format,
    /// The field of the labels, for formats that hold one [default: ground_truth, or the first that fits]
    #[arg(long, value_name = "FIELD")]
    label_field: Option<String>,
    /// What becomes of the pictures
    #[arg(long, value_enum, default_value_t = Pictures::Copy)]
    pictures: Pictures,
    #[command(flatten)]
    view: ViewArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Pictures {
    /// Copied
    Copy,
    /// Linked to
    Symlink,
    /// Left where they are
    Leave,
}

pub async fn run(app: &App, command: DatasetCommand) -> Result<ExitCode> {
    let library = app.brain.library.clone();
    match command {
        DatasetCommand::Import(args) => return import(app, args).await,
        DatasetCommand::Export(args) => return export(app, args).await,
        DatasetCommand::List => {
            let datasets = blocking(move || library.datasets()).await?;
            list(app, &datasets)?;
        }
        DatasetCommand::Info { dataset } => {
            let dataset = app.dataset(&dataset).await?;
            info(app, &blocking(move || dataset.info()).await?)?;
        }
        DatasetCommand::Rename { dataset, new } => {
            let (old, name) = (dataset.clone(), new.clone());
            blocking(move || library.rename(&old, &name)).await?;
            app.printer.line(format_args!("{dataset} is {new} now"));
        }
        DatasetCommand::Clone { dataset, new } => {
            let (old, name) = (dataset.clone(), new.clone());
            let (copy, runs) = blocking(move || library.clone_as(&old, &name)).await?;
            let samples = blocking(move || copy.info()).await?.samples;
            if app.printer.json {
                app.printer.json(&json!({"samples": samples, "runs_left_out": keys(&runs)}))?;
            } else {
                app.printer.line(format_args!("{new} has the {samples} samples of {dataset}"));
                if !runs.is_empty() {
                    app.printer.note(format_args!(
                        "the runs {} were not copied, so that the two do not share collections: compute them again",
                        keys(&runs).join(", ")
                    ));
                }
            }
        }
        DatasetCommand::Delete { dataset } => {
            let name = dataset.clone();
            let runs = blocking(move || library.delete(&name)).await?;
            let collections: Vec<_> =
                runs.iter().filter_map(|run| run.config.get("collection_name")?.as_str()).collect();
            if app.printer.json {
                app.printer.json(&json!({"deleted": dataset, "collections_kept": collections}))?;
            } else {
                app.printer.line(format_args!("{dataset} is deleted; its pictures stay"));
                if !collections.is_empty() {
                    app.printer.note(format_args!(
                        "the collections {} stay; next time use `runs cleanup` first",
                        collections.join(", ")
                    ));
                }
            }
        }
        DatasetCommand::Remove { dataset, view } => {
            let (dataset, view) = (app.dataset(&dataset).await?, view.view()?);
            if view.is_all() {
                return Err(Error::invalid("no samples were chosen")
                    .with_hint("choose some with --filter, --tag or --ids-from; to remove all: dataset delete"));
            }
            let removed = blocking(move || dataset.remove(&view)).await?;
            if app.printer.json {
                app.printer.json(&json!({"removed": removed}))?;
            } else {
                app.printer
                    .line(format_args!("{removed} samples removed; indexes forget them with: index remove --orphans"));
            }
        }
        DatasetCommand::Relocate { dataset, from, to } => {
            let dataset = app.dataset(&dataset).await?;
            let to = std::path::absolute(&to).map_err(|error| Error::io("cannot find", &to, error))?;
            let from = std::path::absolute(&from).map_err(|error| Error::io("cannot find", &from, error))?;
            let done = blocking(move || dataset.relocate(&from, &to)).await?;
            if app.printer.json {
                app.printer.json(&done)?;
            } else {
                app.printer
                    .line(format_args!("{} samples relocated, {} without a file there", done.changed, done.missing));
                done.examples.iter().for_each(|path| app.printer.warn(format_args!("there is no {path}")));
            }
            if done.missing > 0 {
                return Ok(SKIPPED.into());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn keys(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.key.as_str()).collect()
}

async fn import(app: &App, args: ImportArgs) -> Result<ExitCode> {
    let of_folder = || {
        let path = args.path.canonicalize().unwrap_or_else(|_| args.path.clone());
        path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let what = ImportDataset {
        name: args.name.clone().unwrap_or_else(of_folder),
        path: args.path.clone(),
        format: args.format,
        options: ReadOptions {
            label_field: args.label_field,
            tags: args.tags,
            media: args.pictures,
            keep_missing: args.keep_missing,
        },
    };
    import_dataset(app, what).await
}

/// Imports a dataset, with progress, and prints what became of it.
pub async fn import_dataset(app: &App, what: ImportDataset) -> Result<ExitCode> {
    let (watch, start) = (Watch::default(), Instant::now());
    let (library, importing, name) = (app.brain.library.clone(), watch.clone(), what.name.clone());
    let work = blocking(move || transfer::import(&library, &what, &importing));
    watched(&format!("importing {name}"), &watch, app.printer, work).await?;
    let report = watch.report();
    app.printer.report(&report, start.elapsed().as_secs_f64())?;
    if report.interrupted {
        return Ok(INTERRUPTED.into());
    }
    Ok(if report.skipped > 0 { SKIPPED.into() } else { ExitCode::SUCCESS })
}

async fn export(app: &App, args: ExportArgs) -> Result<ExitCode> {
    let (dataset, view) = (app.dataset(&args.dataset).await?, args.view.view()?);
    let media = match args.pictures {
        Pictures::Copy => Media::Copy,
        Pictures::Symlink => Media::Symlink,
        Pictures::Leave => Media::Leave,
    };
    let (watch, options) = (Watch::default(), WriteOptions { label_field: args.label_field, media });
    let (exporting, path, format) = (watch.clone(), args.path.clone(), args.format);
    let work = blocking(move || transfer::export(&dataset, &view, &path, format, &options, &exporting));
    let written = match watched("exporting", &watch, app.printer, work).await {
        Err(error) if watch.is_cancelled() => {
            app.printer.error(&error);
            return Ok(INTERRUPTED.into());
        }
        other => other?,
    };
    if app.printer.json {
        app.printer.json(&written)?;
    } else {
        app.printer.line(format_args!("{} samples written to {}", written.samples, args.path.display()));
        for (what, count) in written.remarks.counts() {
            app.printer.warn(format_args!("{} cannot hold {what}: {count}", args.format));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(app: &App, datasets: &[DatasetInfo]) -> Result<()> {
    if app.printer.json {
        return app.printer.json(&datasets);
    }
    if datasets.is_empty() {
        app.printer.note("there are no datasets yet: dataset import FOLDER, or demo");
    }
    let row = |info: &DatasetInfo| {
        let fields: Vec<_> =
            info.fields.iter().map(|field| format!("{} ({})", field.name, field.kind.name())).collect();
        vec![info.name.clone(), info.samples.to_string(), fields.join(", ")]
    };
    app.printer.table(&["dataset", "samples", "fields"], datasets.iter().map(row));
    Ok(())
}

fn info(app: &App, info: &DatasetInfo) -> Result<()> {
    if app.printer.json {
        return app.printer.json(info);
    }
    app.printer.line(format_args!("{}: {} samples", info.name, info.samples));
    let tags: Vec<_> = info.tags.iter().map(|(tag, count)| format!("{tag} {count}")).collect();
    if !tags.is_empty() {
        app.printer.line(format_args!("tags: {}", tags.join(", ")));
    }
    let row = |field: &crate::library::FieldInfo| {
        let kind = match field.kind {
            FieldKind::Vector { dim } => format!("vector of {dim}"),
            kind => kind.name().to_owned(),
        };
        let labels = if field.labels > 0 { field.labels.to_string() } else { String::new() };
        vec![field.name.clone(), kind, field.samples.to_string(), labels]
    };
    app.printer.table(&["field", "kind", "samples", "labels"], info.fields.iter().map(row));
    Ok(())
}
