//! `demo`: from nothing to search results and a page, without any input.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::Args;

use super::serve::ServeArgs;
use crate::api::SearchBody;
use crate::cli::{INTERRUPTED, import, search};
use crate::context::blocking;
use crate::printer::Printer;
use crate::program::Program;
use crate::query::SearchQuery;
use crate::settings::ServerFile;
use crate::solution::Solution;
use crate::source::Places;

/// The file by which a script marks the data as complete.
const READY: &str = "ready";

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The folder of sample data
    #[arg(long, env = "BOOTCAMP_SAMPLES", value_name = "FOLDER", default_value = "data")]
    samples: PathBuf,
    /// Do not serve the page afterwards
    #[arg(long, env = "BOOTCAMP_NO_SERVE")]
    no_serve: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

pub async fn run(
    program: &'static Program,
    solution: Arc<dyn Solution>,
    args: DemoArgs,
    server: ServerFile,
    printer: Printer,
) -> Result<ExitCode> {
    let sample = program
        .sample
        .as_ref()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("{} has no sample data", program.facts.name)))?;
    let folder = args.samples.join(sample.folder);
    printer.note(format_args!("sample data: {}, in {}", sample.about, folder.display()));
    blocking({
        let folder = folder.clone();
        move || fetch(sample.script, &args.samples, &folder)
    })
    .await?;

    let places = Places::new(vec![folder.clone()]);
    let start = Instant::now();
    let report = import::import(&*solution, places, false, printer).await?;
    printer.report(&report, start.elapsed().as_secs_f64())?;
    if report.interrupted {
        return Ok(INTERRUPTED.into());
    }

    let (subject, what) = blocking(move || (sample.query)(&folder)).await?;
    printer.note(format_args!("searching with {what}"));
    let query = SearchQuery::like(subject, 5);
    let start = Instant::now();
    let answer = solution.search(&query).await?;
    let body = SearchBody::new(&*solution, answer, start.elapsed());
    if printer.json {
        printer.json(&body)?
    } else {
        search::print(&body, printer)
    }
    if args.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    super::serve::run(program, solution, args.serve, server, printer).await
}

/// Runs a script that puts sample data below the folder `samples`, with its output on the terminal, unless `folder` is
/// complete, as a file `ready` in it says: a container has no bash. Blocking.
///
/// # Errors
/// `Unavailable` when the script fails; those of the file system.
pub fn fetch(script: &str, samples: &Path, folder: &Path) -> Result<()> {
    if folder.join(READY).exists() {
        return Ok(());
    }
    let cannot = |error| Error::new(ErrorKind::Io, format!("cannot fetch the sample data: {error}"));
    std::fs::create_dir_all(samples).map_err(cannot)?;
    let mut bash = Command::new("bash");
    let status = bash.args(["-c", script, "sample"]).arg(samples).stdin(Stdio::null()).status().map_err(cannot)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unavailable, "cannot fetch the sample data, see above")
        .with_hint("put the data there yourself, or import your own"))
}
