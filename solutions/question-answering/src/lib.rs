//! Question answering: a question finds the answers that fit, ranked, with their sources.

#![forbid(unsafe_code)]

pub mod discover;
pub mod documents;
mod encoding;
pub mod entry;
mod language;
pub mod pairs;
mod reading;

pub use entry::Entry;
pub use reading::Reading;
