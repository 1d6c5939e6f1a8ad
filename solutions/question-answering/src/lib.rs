//! Question answering: a question finds the answers that fit, ranked, with their sources.
//!
//! Read `search` of [`QuestionAnswering`] in `solution.rs` first. [`search`] finds entries by their embeddings and by their words, and
//! [`ranking`] makes one list of both; [`records`] says how an entry becomes records, and [`discover`] where entries come
//! from: [`pairs`] of questions and answers, and passages of [`documents`]. [`generate`] has a language model write an answer
//! from what was found, [`metrics`] say how good a ranking is. Everything else (queues, flags, HTTP, the page) is the kit's.

#![forbid(unsafe_code)]

pub mod calibration;
pub mod citations;
mod cli;
mod detect;
pub mod discover;
pub mod documents;
mod encoding;
pub mod entry;
pub mod generate;
mod http;
mod language;
mod lexical;
pub mod metrics;
pub mod pairs;
pub mod ranking;
mod reading;
pub mod records;
mod sample;
pub mod search;
mod solution;
pub mod threshold;
pub mod written;

use std::sync::Arc;

use bootcamp_kit::include_dir::{self, Dir, include_dir};
use bootcamp_kit::{Facts, OptionValue, Program, ProgramOption, Vectors};

pub use entry::Entry;
pub use reading::Reading;
pub use solution::QuestionAnswering;

use reading::PASSAGE_RANGE;
use solution::OPTIONS;

/// The facts about this program.
pub static PROGRAM: Program = Program {
    facts: Facts {
        name: "question-answering",
        title: "Question answering",
        summary: "Finds the answers to a question in pairs of questions and answers, and in documents",
        version: env!("CARGO_PKG_VERSION"),
        collection: "question_answering",
        vectors: Vectors::Model("all-minilm-l6-v2"),
        examples: &sample::EXAMPLES,
        options: OPTIONS,
        import_options: IMPORT_OPTIONS,
        ..Facts::DEFAULT
    },
    sample: Some(sample::SAMPLE),
    commands: cli::COMMANDS,
    routes: Some(http::routes),
    page: Some(&PAGE),
    ..Program::new(|context| Arc::new(QuestionAnswering::new(context)))
};

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

const IMPORT_OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "question-column",
        "BOOTCAMP_QUESTION_COLUMN",
        "The column or key of questions [default: the first with a likely name]",
        OptionValue::Text("NAME"),
    ),
    ProgramOption::new(
        "answer-column",
        "BOOTCAMP_ANSWER_COLUMN",
        "The column or key of answers, or of passages [default: the first with a likely name]",
        OptionValue::Text("NAME"),
    ),
    ProgramOption::new(
        "passage-chars",
        "BOOTCAMP_PASSAGE_CHARS",
        "Characters of a passage of a document, at most [default: 1000]",
        OptionValue::Number { least: *PASSAGE_RANGE.start() as f64, most: *PASSAGE_RANGE.end() as f64 },
    ),
    ProgramOption::new(
        "encoding",
        "BOOTCAMP_ENCODING",
        "The encoding of texts, such as shift_jis [default: by their content]",
        OptionValue::Text("NAME"),
    ),
];
