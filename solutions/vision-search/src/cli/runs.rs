//! `runs`: the records of what was computed.

use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::blocking;
use clap::{Args, Subcommand};
use serde_json::json;

use super::App;
use super::view::ViewArgs;
use crate::library::Run;
use crate::runs::{cleanup, delete};
use crate::similarity::index::SimilarityIndex;
use crate::similarity::run::{IndexConfig, SIMILARITY};

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs
    List(ListArgs),
    /// Show a run, and what is in its index
    Info {
        dataset: String,
        /// The run
        key: String,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Give a run another name
    Rename {
        dataset: String,
        /// The run
        key: String,
        /// Its new name
        new: String,
    },
    /// Delete the record of a run; its collection stays
    Delete {
        dataset: String,
        /// The run
        key: String,
    },
    /// Drop the collection of a run, and delete its record
    Cleanup {
        dataset: String,
        /// The run
        key: String,
    },
}

#[derive(Args, Debug)]
pub struct ListArgs {
    dataset: String,
    /// Only runs of this type: similarity or visualization
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only indexes of the patches of this field
    #[arg(long, value_name = "FIELD")]
    patches_field: Option<String>,
    /// Only indexes that can be asked in words
    #[arg(long)]
    supports_prompts: bool,
    /// Only runs of this backend or method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
}

pub async fn run(app: &App, command: RunsCommand) -> Result<ExitCode> {
    match command {
        RunsCommand::List(args) => list(app, args).await,
        RunsCommand::Info { dataset, key, view } => info(app, &dataset, &key, view).await,
        RunsCommand::Rename { dataset, key, new } => {
            let dataset = app.dataset(&dataset).await?;
            let (old, name) = (key.clone(), new.clone());
            blocking(move || dataset.rename_run(&old, &name)).await?;
            app.printer.line(format_args!("{key} is {new} now"));
            Ok(ExitCode::SUCCESS)
        }
        RunsCommand::Delete { dataset, key } => {
            let kept = delete(&app.dataset(&dataset).await?, &key).await?;
            if app.printer.json {
                app.printer.json(&json!({"deleted": key, "collection_kept": kept}))?;
                return Ok(ExitCode::SUCCESS);
            }
            app.printer.line(format_args!("the run {key} is deleted"));
            if let Some(collection) = kept {
                app.printer.line(format_args!(
                    "its collection {collection} stays; to drop it, use `runs cleanup` before a run is deleted, or \
                     attach it again: compute-similarity {dataset} --brain-key KEY --embeddings none --collection-name \
                     {collection}"
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        RunsCommand::Cleanup { dataset, key } => {
            let dropped = cleanup(&app.brain, &app.dataset(&dataset).await?, &key).await?;
            if app.printer.json {
                app.printer.json(&json!({"deleted": key, "dropped": dropped}))?;
            } else {
                let what = if dropped { "its collection is dropped" } else { "its collection was gone already" };
                app.printer.line(format_args!("the run {key} is deleted, and {what}"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(app: &App, args: ListArgs) -> Result<ExitCode> {
    let dataset = app.dataset(&args.dataset).await?;
    let mut runs = blocking(move || dataset.runs()).await?;
    if let Some(kind) = args.kind.as_deref().filter(|kind| !["similarity", "visualization"].contains(kind)) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("there are no runs of type '{kind}'"))
            .with_hint("types are similarity and visualization"));
    }
    runs.retain(|run| {
        let config = |key: &str| run.config.get(key);
        args.kind.as_ref().is_none_or(|kind| *kind == run.kind)
            && args.method.as_ref().is_none_or(|method| *method == run.method)
            && args
                .patches_field
                .as_ref()
                .is_none_or(|field| config("patches_field").is_some_and(|found| found == field))
            && (!args.supports_prompts || config("supports_prompts").is_some_and(|found| found == true))
    });
    if app.printer.json {
        app.printer.json(&runs)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |run: Run| {
        let (what, how) = match IndexConfig::of(&run) {
            Ok(config) => (config.entries(), config.model().map_or(String::new(), str::to_owned)),
            Err(_) => (String::new(), String::new()),
        };
        vec![run.key, run.kind, run.method, what, how]
    };
    app.printer.table(&["run", "type", "method", "of", "model"], runs.into_iter().map(row));
    Ok(ExitCode::SUCCESS)
}

async fn info(app: &App, dataset: &str, key: &str, view: ViewArgs) -> Result<ExitCode> {
    let dataset = app.dataset(dataset).await?;
    let (reading, wanted) = (dataset.clone(), key.to_owned());
    let run = blocking(move || reading.run(&wanted)).await?;
    let counts = if run.kind == SIMILARITY {
        let index = SimilarityIndex::open(&app.brain, &dataset, key).await?;
        index.describe().await?;
        Some(index.counts(&view.view()?).await?)
    } else {
        None
    };
    if app.printer.json {
        app.printer.json(&json!({"run": run, "counts": counts}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut rows = vec![vec!["run".to_owned(), run.key.clone()], vec!["type".to_owned(), run.kind.clone()]];
    if let serde_json::Value::Object(config) = &run.config {
        rows.extend(
            config.iter().filter(|(_, value)| !value.is_array()).map(|(key, value)| vec![key.clone(), text(value)]),
        );
    }
    if let Some(counts) = counts {
        for (name, count) in [
            ("in the index", counts.index),
            ("in the view", counts.view),
            ("missing", counts.missing),
            ("orphaned", counts.orphaned),
        ] {
            rows.push(vec![name.to_owned(), count.to_string()]);
        }
    }
    app.printer.table(&[], rows);
    Ok(ExitCode::SUCCESS)
}
