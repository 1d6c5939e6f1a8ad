//! Question answering: a question finds the answers that fit, ranked, with their sources.

#![forbid(unsafe_code)]

pub mod entry;

pub use entry::Entry;
