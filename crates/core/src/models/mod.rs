//! Models by manifest: which there are, where their files come from, and downloading them.
//!
//! Start at [`Registry`]. Everything here blocks: call it from a thread that may wait.

mod cache;
mod check;
mod graphs;
mod hub;
mod manifest;
pub mod mel;
mod pypi;
mod registry;
mod runtime;
mod settings;
pub mod source;
pub mod spec;

pub use mel::*;
pub use registry::{FileCheck, FileInfo, FileState, ModelInfo, Registry};
pub use settings::ModelSettings;
pub use source::{FetchProgress, OnFetch, Source};
pub use spec::*;

#[cfg(test)]
mod audio_tests;
#[cfg(test)]
mod hub_tests;
#[cfg(test)]
mod pypi_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_tests;
