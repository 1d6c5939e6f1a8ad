//! Image datasets with labels, similarity indexes on their samples or object patches, and managed runs: FiftyOne's
//! similarity-search workflow, on Milvus or in this process.
//!
//! Read in this order: [`sample`] (what a dataset holds), [`library`] (where datasets live, and views of them), [`formats`]
//! and [`transfer`] (in and out), [`similarity`] (indexes, and how they are queried), [`runs`], [`analysis`] and
//! [`visualization`]; [`config`] says which backend is used. The shells are the command line and the HTTP API.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod backend;
mod cli;
pub mod config;
pub mod formats;
pub mod http;
pub mod library;
mod random;
pub mod runs;
pub mod sample;
mod sample_data;
pub mod scenes;
pub mod similarity;
mod tags;
pub mod transfer;
pub mod visualization;

use bootcamp_core::{Error, ErrorKind};
use bootcamp_kit::{Facts, Vectors};

pub use cli::run;
use similarity::compute::DEFAULT_MODEL;

/// What the program says of itself.
static FACTS: Facts = Facts {
    name: "vision-search",
    title: "Vision search",
    summary: "Find samples and object patches in image datasets by similarity, in managed runs",
    version: env!("CARGO_PKG_VERSION"),
    vectors: Vectors::Model(DEFAULT_MODEL),
    ..Facts::DEFAULT
};

fn not_json(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "the result cannot be written as JSON").with_source(error)
}
