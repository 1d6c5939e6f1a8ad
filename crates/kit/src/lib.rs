//! What turns a solution into a program: import, jobs, command line, HTTP, web page.
//!
//! A solution implements [`Solution`], describes itself in a [`Program`], and its `main` is [`run()`]. Start there.
//!
//! The modules read in one direction: what a program says of itself ([`facts`](Facts), options, [`Context`]), what an
//! import and a query do ([`source`], [`ingest`], [`SearchQuery`], [`Solution`]), what is done over a whole collection
//! ([`duplicates`], [`map`], jobs), the bodies that programs see ([`api`]), and the shells: command line, [`http`], page.

#![forbid(unsafe_code)]

pub mod api;
mod cli;
mod content;
mod context;
pub mod duplicates;
mod export;
mod facts;
pub mod http;
mod imports;
mod info;
pub mod ingest;
mod items;
mod job;
mod jobs;
pub mod map;
mod media;
mod names;
mod options;
mod printer;
mod program;
mod query;
mod receive;
mod run;
mod settings;
mod sheet;
mod shown;
mod solution;
pub mod source;
mod spool;
#[cfg(test)]
mod testing;
mod threads;
#[cfg(test)]
mod toy;
mod vectors;
mod watch;

/// For programs with a command line of their own: commands that every program has, and what runs a command.
pub mod command {
    pub use crate::cli::{INTERRUPTED, SKIPPED, health, models, watched};
    pub use crate::run::{ServeArgs, fetch, parse, start};
}

pub use content::{Content, ContentPath};
pub use context::{Context, OnFetch, SOURCE, SPAN};
pub use facts::{Facts, OwnVector, Vectors, WordsExample};
/// For [`Program::page`]: `use bootcamp_kit::include_dir::{self, Dir, include_dir}`, and then
/// `static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");`.
pub use include_dir;
pub use items::{stored, stored_vector};
pub use media::{Look, Media, MediaKind, THUMBNAIL};
pub use names::{hex, named_path, path_name};
pub use options::{OptionValue, Options, ProgramOption, with_arguments};
pub use printer::Printer;
pub use program::{Export, OwnCommand, Program, Sample, Work};
pub use query::{Answer, Example, Laps, MAX_EXAMPLES, MAX_K, SearchQuery, Subject, combine};
pub use receive::{Received, Writer};
pub use run::run;
pub use settings::{GlobalArgs, ServerFile, Settings};
pub use solution::{Card, Preview, Solution};
pub use spool::{Spool, SpoolFile};
pub use threads::blocking;
pub use vectors::Maker;
pub use watch::{Outcome, Report, Snapshot, Watch};
