//! `import PATH…`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::Result;
use clap::Args;

use super::{INTERRUPTED, SKIPPED};
use crate::ingest::{Import, Report, Watch};
use crate::options::Options;
use crate::printer::Printer;
use crate::solution::Solution;
use crate::source::Places;

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files, folders, archives (zip, tar, tar.gz), tables (csv, tsv, jsonl) or patterns
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The label of everything imported, in place of what it would be
    #[arg(long, env = "BOOTCAMP_LABEL")]
    pub label: Option<String>,
    /// Remove items that came from these places and are gone there
    #[arg(long, env = "BOOTCAMP_PRUNE")]
    pub prune: bool,
    /// The program's own, which clap learns when it runs.
    #[arg(skip)]
    pub options: Options,
}

pub async fn run(solution: &dyn Solution, args: ImportArgs, printer: Printer) -> Result<ExitCode> {
    let mut places = Places::new(args.paths);
    places.fields.extend(args.label.map(|label| ("label".to_owned(), label.into())));
    places.options = args.options;
    let start = Instant::now();
    let report = import(solution, places, args.prune, printer).await?;
    finish(&report, start, printer)
}

/// Prints what came of an import, and says it in the exit code.
pub fn finish(report: &Report, start: Instant, printer: Printer) -> Result<ExitCode> {
    printer.report(report, start.elapsed().as_secs_f64())?;
    Ok(match report {
        Report { interrupted: true, .. } => INTERRUPTED.into(),
        Report { skipped: 1.., .. } => SKIPPED.into(),
        _ => ExitCode::SUCCESS,
    })
}

/// Imports with progress; Ctrl-C stops it cleanly, a second one at once.
pub async fn import(solution: &dyn Solution, places: Places, prune: bool, printer: Printer) -> Result<Report> {
    // Here, so that a download of the model and the import do not draw over each other.
    solution.warm_up().await?;
    let watch = Watch::default();
    let import = prepare(solution, &places, prune, watch.clone())?;
    show(&watch, solution.import(import), printer).await
}

/// Shows how an import goes; Ctrl-C asks it to stop, a second one ends this program.
pub async fn show<T>(watch: &Watch, import: impl Future<Output = T>, printer: Printer) -> T {
    let on_interrupt = watch.clone();
    let interrupts = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            printer.note("stopping; once more to stop at once");
            on_interrupt.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
    let result = printer.watch("importing", watch, import).await;
    interrupts.abort();
    result
}

/// An import from places; a second look at them counts what there is while the first goes on.
pub fn prepare(solution: &dyn Solution, places: &Places, prune: bool, watch: Watch) -> Result<Import> {
    let limits = solution.context().limits;
    let places = Places { max_bytes: limits.bytes, ..places.clone() };
    let sources = solution.discover(&places)?;
    let count = solution.discover(&Places { names_only: true, ..places.clone() })?;
    let counting = watch.clone();
    tokio::task::spawn_blocking(move || {
        counting.set_total(count.take_while(|_| !counting.is_cancelled()).count() as u64)
    });
    let prune = if prune { Some(places.scopes()?) } else { None };
    Ok(Import { sources, options: places.options.clone(), prune, watch })
}
