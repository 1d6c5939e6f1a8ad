//! A recommender: trained on one's own ratings, it finds what a user wants next, what is like an item, and who wants it.
//!
//! Read [`recommend`] first: from a taste to a vector to a search. [`training`] makes the vectors with the algorithms of
//! [`model`], [`registry`] says which model counts, [`serving`] folds users in, and [`rate`] takes new ratings. [`truth`] is
//! what is stored of ratings and facts, [`tables`] how files are read, [`evaluation`] how good all of it is. Everything else
//! (flags, jobs, HTTP, the page) is the kit's.

#![forbid(unsafe_code)]

pub mod audience;
mod checkpoint;
mod cli;
pub mod collections;
pub mod evaluation;
mod fitting;
mod http;
mod import;
pub mod measuring;
pub mod model;
mod moment;
mod publishing;
pub mod ranking;
pub mod rate;
pub mod ratings;
pub mod recommend;
pub mod registry;
mod sample;
pub mod serving;
mod solution;
pub mod tables;
pub mod training;
pub mod trials;
pub mod truth;
pub mod tuning;
pub mod wish;

use std::sync::Arc;

use bootcamp_core::{Metric, VectorKind};
use bootcamp_kit::include_dir::{self, Dir, include_dir};
use bootcamp_kit::{Facts, OptionValue, OwnVector, Program, ProgramOption, Vectors};

pub use solution::Recommender;

/// The facts about this program.
pub static PROGRAM: Program = Program {
    facts: Facts {
        name: "recommender",
        title: "Recommender",
        summary: "Finds what to watch next, trained on your own ratings",
        version: env!("CARGO_PKG_VERSION"),
        collection: "recommender",
        vectors: Vectors::Own(&[OwnVector {
            name: "features",
            summary: "what an item's facts say: its words, lists and numbers, hashed",
            kind: VectorKind::F32,
            dim: model::features::DIM,
            metric: Metric::Cosine,
        }]),
        words: Some("a title, or user:ID"),
        examples: &sample::EXAMPLES,
        options: solution::OPTIONS,
        import_options: IMPORT_OPTIONS,
        ..Facts::DEFAULT
    },
    sample: Some(sample::SAMPLE),
    work: &[training::TRAIN, measuring::EVALUATE, tuning::TUNE],
    commands: cli::COMMANDS,
    routes: Some(http::routes),
    page: Some(&PAGE),
    ..Program::new(|context| Arc::new(Recommender::new(context)))
};

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

const fn column(name: &'static str, env: &'static str, help: &'static str) -> ProgramOption {
    ProgramOption::new(name, env, help, OptionValue::Text("NAME"))
}

const IMPORT_OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "kind",
        "BOOTCAMP_KIND",
        "What the tables are of; auto: by their columns",
        OptionValue::OneOf(&["auto", "ratings", "items", "users"]),
    ),
    column("user-column", "BOOTCAMP_USER_COLUMN", "The column or key of users [default: the first with a likely name]"),
    column("item-column", "BOOTCAMP_ITEM_COLUMN", "The column or key of items [default: the first with a likely name]"),
    column(
        "value-column",
        "BOOTCAMP_VALUE_COLUMN",
        "The column or key of ratings or counts [default: the first with a likely name; without one, each row counts 1]",
    ),
    column("time-column", "BOOTCAMP_TIME_COLUMN", "The column or key of times [default: the first with a likely name]"),
    ProgramOption::new(
        "no-train",
        "BOOTCAMP_NO_TRAIN",
        "Do not train after the first import of ratings",
        OptionValue::Switch,
    ),
];
