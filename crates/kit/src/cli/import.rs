//! `import PATH…`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::Result;
use clap::Args;

use super::{INTERRUPTED, SKIPPED, watched};
use crate::imports::prepare;
use crate::options::Options;
use crate::printer::Printer;
use crate::solution::Solution;
use crate::source::Places;
use crate::watch::{Report, Watch};

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files, folders, archives (zip, tar, tar.gz), tables (csv, tsv, jsonl) or globs
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The label of all imported items, instead of the detected one
    #[arg(long, env = "BOOTCAMP_LABEL")]
    pub label: Option<String>,
    /// Remove items whose files are gone from these places
    #[arg(long, env = "BOOTCAMP_PRUNE")]
    pub prune: bool,
    /// With --prune: also remove all items of a place that has no files any more
    #[arg(long, env = "BOOTCAMP_ALLOW_EMPTY")]
    pub allow_empty: bool,
    /// The program's own options, added to clap at run time.
    #[arg(skip)]
    pub options: Options,
}

pub async fn run(solution: &dyn Solution, args: ImportArgs, printer: Printer) -> Result<ExitCode> {
    let mut places = Places::new(args.paths);
    places.fields.extend(args.label.map(|label| ("label".to_owned(), label.into())));
    places.options = args.options;
    places.allow_empty = args.allow_empty;
    let start = Instant::now();
    let report = import(solution, places, args.prune, printer).await?;
    finish(&report, start, printer)
}

/// Prints the result of an import, and maps it to an exit code.
pub fn finish(report: &Report, start: Instant, printer: Printer) -> Result<ExitCode> {
    printer.report(report, start.elapsed().as_secs_f64())?;
    Ok(match report {
        Report { interrupted: true, .. } => INTERRUPTED.into(),
        Report { skipped: 1.., .. } => SKIPPED.into(),
        _ => ExitCode::SUCCESS,
    })
}

/// Imports with progress.
pub async fn import(solution: &dyn Solution, places: Places, prune: bool, printer: Printer) -> Result<Report> {
    // Loaded first, so that the progress of a model download and of the import do not overlap.
    solution.warm_up().await?;
    let watch = Watch::default();
    let import = prepare(solution, &places, prune, watch.clone())?;
    watched("importing", &watch, printer, solution.import(import)).await
}
