//! The one value that a solution's `main.rs` hands to [`run`](crate::run()): the facts about the program and what it can
//! do besides importing and searching.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bootcamp_core::Result;
use clap::{ArgMatches, Command};
use futures::future::BoxFuture;
use include_dir::Dir;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::api::SearchBody;
use crate::context::Context;
use crate::facts::Facts;
use crate::options::{Options, ProgramOption};
use crate::printer::Printer;
use crate::query::Subject;
use crate::solution::Solution;
use crate::watch::Watch;

/// A program. A solution writes its facts and the abilities that it has, the rest is [`Program::new`].
#[derive(Debug)]
pub struct Program {
    pub facts: Facts,
    /// Sample data for `demo`.
    pub sample: Option<Sample>,
    /// Export formats of hits, beside CSV.
    pub exports: &'static [Export],
    /// Kinds of jobs beside imports and searches for duplicates: training, computing an index.
    pub work: &'static [Work],
    /// Commands of its own.
    pub commands: &'static [OwnCommand],
    /// HTTP routes of its own. They stand in the OpenAPI document and behind the same guards as all others.
    pub routes: Option<fn(Context) -> OpenApiRouter>,
    /// Modules that extend the web page, from the solution's folder `page/`; `page/solution.js` of the kit says what
    /// they may export.
    pub page: Option<&'static Dir<'static>>,
    /// Makes the solution, once the store is open.
    pub open: fn(Context) -> Arc<dyn Solution>,
}

impl Program {
    /// A program without extra abilities and with default facts.
    pub const fn new(open: fn(Context) -> Arc<dyn Solution>) -> Self {
        Self {
            facts: Facts::DEFAULT,
            sample: None,
            exports: &[],
            work: &[],
            commands: &[],
            routes: None,
            page: None,
            open,
        }
    }
}

/// Sample data that `demo` fetches.
#[derive(Debug)]
pub struct Sample {
    /// A bash script that puts the data into its folder below the one given as `$1`, with an empty file `ready` at last.
    pub script: &'static str,
    /// That folder's name.
    pub folder: &'static str,
    /// What it is and under which licence, one line.
    pub about: &'static str,
    /// Makes the query out of the data in that folder, and a line on what it is. Blocking.
    pub query: fn(&Path) -> Result<(Subject, String)>,
}

/// A kind of file that hits can be saved as.
#[derive(Debug)]
pub struct Export {
    /// Its extension, which is also its name.
    pub extension: &'static str,
    pub media_type: &'static str,
    /// Writes the file. CPU-bound.
    pub write: fn(&SearchBody) -> Result<String>,
}

/// A kind of job: a command of that name, `POST /api/v1/work/{name}`, and an entry on the page's list of jobs.
#[derive(Debug)]
pub struct Work {
    /// One word, such as `train`.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Its options.
    pub options: &'static [ProgramOption],
    /// Runs it. It reports progress to the [`Watch`], which also signals cancelling; the report is a JSON object.
    pub run: fn(Context, Options, Watch) -> BoxFuture<'static, Result<Value>>,
    /// How people see the report on a terminal. `None`: its fields, a line each.
    pub print: Option<fn(&Value, Printer)>,
}

/// A command of a program's own.
#[derive(Debug)]
pub struct OwnCommand {
    /// Its name, help and flags.
    pub define: fn() -> Command,
    /// Whether it writes to the store. A local store has one writer at a time, and any number of readers.
    pub writes: bool,
    /// Runs it, and prints what comes of it: for people, or as JSON where [`Printer::json`] says so.
    pub run: fn(Context, ArgMatches, Printer) -> BoxFuture<'static, Result<ExitCode>>,
}
