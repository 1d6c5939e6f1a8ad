//! What turns a solution into a program: import, jobs, command line, HTTP, web page.
//!
//! A solution implements [`Solution`], describes itself in a [`Program`], and its `main` is [`run`]. Start there.

#![forbid(unsafe_code)]

pub mod api;
mod cli;
mod content;
mod context;
pub mod duplicates;
mod export;
pub mod http;
pub mod ingest;
mod jobs;
pub mod map;
mod media;
mod names;
mod options;
mod printer;
mod query;
mod settings;
mod sheet;
mod shown;
mod solution;
pub mod source;
mod spool;
#[cfg(test)]
mod testing;
mod threads;

pub use cli::run;
pub use content::{Content, ContentPath};
pub use context::Context;
pub use media::{Look, Media, MediaKind, THUMBNAIL};
pub use names::hex;
pub use options::{OptionValue, Options, ProgramOption};
pub use query::{Answer, Example, Laps, MAX_EXAMPLES, MAX_K, SearchQuery, Subject, combine, stored, stored_vector};
pub use settings::{GlobalArgs, Settings};
pub use solution::{Card, Export, OwnVector, Preview, Program, Sample, Solution, WordsExample};
pub use spool::{Received, Spool, SpoolFile, Writer};
