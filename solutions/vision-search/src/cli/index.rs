//! `index`: the entries of a similarity index.

use std::path::PathBuf;
use std::process::ExitCode;

use bootcamp_core::{Error, Result};
use bootcamp_kit::command::SKIPPED;
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use serde_json::json;

use super::App;
use super::view::{ViewArgs, ids};
use crate::sample::ObjectId;
use crate::similarity::compute::Given;
use crate::similarity::index::{Entries, Existing, SimilarityIndex};
use crate::similarity::{Entry, index::BATCH};

#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Count the entries of an index, and what is missing of a view
    Counts {
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Print embeddings as lines of JSON: those asked for, or all
    Embeddings {
        #[command(flatten)]
        run: RunArgs,
        /// Of these samples or labels
        #[arg(long, value_name = "ID", value_delimiter = ',')]
        ids: Vec<ObjectId>,
        /// Of these samples, and so of all their patches
        #[arg(long, value_name = "ID", value_delimiter = ',', conflicts_with = "ids")]
        of_samples: Vec<ObjectId>,
    },
    /// Print the nearest neighbours of each sample or patch of a view, as lines of JSON
    Neighbors {
        #[command(flatten)]
        run: RunArgs,
        /// Neighbours of each
        #[arg(short, value_name = "K", default_value_t = 10)]
        k: usize,
        #[command(flatten)]
        view: ViewArgs,
    },
    /// Add given embeddings
    Add {
        #[command(flatten)]
        run: RunArgs,
        /// A NumPy file, a row for each id
        #[arg(long, value_name = "FILE.npy")]
        embeddings: PathBuf,
        /// The ids of samples or labels, one a line, in the order of the rows
        #[arg(long, value_name = "FILE")]
        ids: PathBuf,
        /// Keep entries that are there as they are
        #[arg(long, conflicts_with = "refuse_existing")]
        keep_existing: bool,
        /// Write nothing if some are there already
        #[arg(long)]
        refuse_existing: bool,
    },
    /// Remove entries
    Remove {
        #[command(flatten)]
        run: RunArgs,
        /// Of these samples or labels
        #[arg(long, value_name = "ID", value_delimiter = ',')]
        ids: Vec<ObjectId>,
        /// Of these samples, and so of all their patches
        #[arg(long, value_name = "ID", value_delimiter = ',')]
        of_samples: Vec<ObjectId>,
        /// Whose sample or label is no longer in the dataset
        #[arg(long)]
        orphans: bool,
    },
}

/// Which index.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The dataset
    dataset: String,
    /// The run
    key: String,
}

impl RunArgs {
    async fn open(&self, app: &App) -> Result<SimilarityIndex> {
        SimilarityIndex::open(&app.brain, &app.dataset(&self.dataset).await?, &self.key).await
    }
}

pub async fn run(app: &App, command: IndexCommand) -> Result<ExitCode> {
    let printer = app.printer;
    match command {
        IndexCommand::Counts { run, view } => {
            let counts = run.open(app).await?.counts(&view.view()?).await?;
            if printer.json {
                printer.json(&counts)?;
            } else {
                let rows = [
                    ("in the index", counts.index),
                    ("in the view", counts.view),
                    ("missing", counts.missing),
                    ("orphaned", counts.orphaned),
                ];
                printer.table(&[], rows.map(|(name, count)| vec![name.to_owned(), count.to_string()]));
            }
        }
        IndexCommand::Embeddings { run, ids, of_samples } => {
            let index = run.open(app).await?;
            let which = match (ids.is_empty(), of_samples.is_empty()) {
                (true, true) => None,
                (false, _) => Some(Entries::Ids(ids)),
                _ => Some(Entries::OfSamples(of_samples)),
            };
            match which {
                Some(entries) => print(app, index.embeddings(&entries).await?)?,
                None => {
                    let mut after = None;
                    loop {
                        let (entries, next) = index.page(after, BATCH).await?;
                        print(app, entries)?;
                        after = next;
                        if after.is_none() {
                            break;
                        }
                    }
                }
            }
        }
        IndexCommand::Neighbors { run, k, view } => {
            let index = run.open(app).await?;
            let mut batches = index.neighbors(&view.view()?, k).await?;
            let mut missing = 0;
            while let Some(batch) = batches.try_next().await? {
                missing += batch.missing.len();
                batch.found.iter().try_for_each(|found| printer.json(found))?;
            }
            if missing > 0 {
                printer.warn(format_args!("{missing} of the view are not in the index"));
                return Ok(SKIPPED.into());
            }
        }
        IndexCommand::Add { run, embeddings, ids: list, keep_existing, refuse_existing } => {
            let index = run.open(app).await?;
            let (ids, given) = (ids(&list)?, Given::file(&embeddings)?);
            let existing = match (keep_existing, refuse_existing) {
                (true, _) => Existing::Keep,
                (_, true) => Existing::Refuse,
                _ => Existing::Overwrite,
            };
            let added = index.add_given(ids, &given, existing).await?;
            if printer.json {
                printer.json(&added)?;
            } else {
                printer.line(format_args!(
                    "{} added, {} overwritten, {} kept",
                    added.added, added.overwritten, added.kept
                ));
            }
        }
        IndexCommand::Remove { run, ids, of_samples, orphans } => {
            let index = run.open(app).await?;
            let (removed, missing) = match (ids.is_empty(), of_samples.is_empty(), orphans) {
                (false, true, false) => index.remove(&Entries::Ids(ids)).await?,
                (true, false, false) => index.remove(&Entries::OfSamples(of_samples)).await?,
                (true, true, true) => (index.remove_orphans().await?, 0),
                _ => {
                    return Err(Error::invalid("which entries to remove is not clear")
                        .with_hint("give one of --ids, --of-samples and --orphans"));
                }
            };
            if printer.json {
                printer.json(&json!({"removed": removed, "missing": missing}))?;
            } else {
                printer.line(format_args!("{removed} removed"));
                if missing > 0 {
                    printer.warn(format_args!("{missing} were not in the index"));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(app: &App, entries: Vec<Entry>) -> Result<()> {
    entries.into_iter().try_for_each(|entry| {
        app.printer.json(&json!({"id": entry.id, "sample": entry.sample, "vector": entry.vector}))
    })
}
