//! What tests stand on: real servers on loopback, and the conformance suite that every store must pass.

#![forbid(unsafe_code)]

pub mod beside;
#[allow(clippy::unwrap_used, reason = "it helps tests, and panics as they do")]
pub mod browser;
pub mod conformance;
pub mod crash;
pub mod filters;
pub mod milvus;
pub mod model;
pub mod process;
#[allow(clippy::unwrap_used, reason = "it helps tests, and panics as they do")]
pub mod program;
pub mod redis;
#[allow(clippy::unwrap_used, reason = "it helps tests, and panics as they do")]
pub mod reference;
pub mod truth;
