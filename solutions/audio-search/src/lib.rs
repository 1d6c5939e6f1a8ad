//! Audio search: a sound finds the sounds and moments that are most like it, and the recording that it is taken from.
//!
//! Read `search` of [`AudioSearch`] in `solution.rs` first, then `import` beside it. [`sounds`] says how a file becomes
//! records, after [`survey`] has heard it to its end; [`similar`] searches by what sounds are like, and [`ranking`] makes one
//! list of what the windows of a query find; [`same`] searches by [`fingerprints`]. [`discover`] is what is known of a sound
//! before it is opened, [`recordings`] finds the same recording in other formats, [`eval`] measures how well all of that
//! works. Everything else (queues, flags, HTTP, the page) is the kit's.

#![forbid(unsafe_code)]

pub mod discover;
pub mod eval;
pub mod fields;
pub mod fingerprints;
mod http;
pub mod listen;
pub mod measure;
pub mod query;
pub mod ranking;
pub mod recordings;
pub mod same;
mod sample;
pub mod similar;
mod solution;
pub mod sounds;
pub mod survey;
pub mod terms;
pub mod waveform;

use std::sync::Arc;

use bootcamp_kit::include_dir::{self, Dir, include_dir};
use bootcamp_kit::{Facts, MediaKind, Program, Vectors};

pub use solution::AudioSearch;

/// The facts about this program.
pub static PROGRAM: Program = Program {
    facts: Facts {
        name: "audio-search",
        title: "Audio search",
        summary: "Finds the sounds and moments most similar to a sound, and the recording that it is taken from",
        version: env!("CARGO_PKG_VERSION"),
        collection: "audio_search",
        vectors: Vectors::Model("aisfx"),
        accepts: &["sound"],
        options: terms::OPTIONS,
        spans: true,
        // Of fingerprints: three bits in four agree. MP3 at 64 kbit/s leaves more than nine in ten.
        duplicates: Some(0.5),
        media: &[MediaKind::Sound],
        ..Facts::DEFAULT
    },
    sample: Some(sample::SAMPLE),
    commands: eval::COMMANDS,
    routes: Some(http::routes),
    page: Some(&PAGE),
    ..Program::new(|context| Arc::new(AudioSearch::new(context)))
};

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");
