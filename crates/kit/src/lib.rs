//! What turns a solution into a program: import, jobs, command line, HTTP, web page.
//!
//! A solution implements [`Solution`], describes itself in a [`Program`], and its `main` is [`run`]. Start there.

#![forbid(unsafe_code)]

pub mod api;
mod cli;
mod context;
pub mod duplicates;
mod export;
pub mod http;
pub mod ingest;
mod jobs;
pub mod map;
mod media;
mod options;
mod printer;
mod query;
mod settings;
mod sheet;
mod solution;
pub mod source;
#[cfg(test)]
mod testing;

pub use cli::run;
pub use context::Context;
/// For [`Program::page`]: `use bootcamp_kit::include_dir::{self, Dir, include_dir}`, and then
/// `static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");`.
pub use include_dir;
pub use media::{Media, THUMBNAIL, hex};
pub use options::{OptionValue, Options, ProgramOption};
pub use query::{Answer, Example, Laps, MAX_EXAMPLES, MAX_K, SearchQuery, Subject, combine, stored, stored_vector};
pub use settings::{GlobalArgs, Settings};
pub use solution::{Card, Export, OwnVector, Preview, Program, Sample, Solution, WordsExample};
