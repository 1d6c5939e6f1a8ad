//! Image datasets with labels, similarity indexes on their samples or object patches, and managed runs: FiftyOne's
//! similarity-search workflow, on Milvus or in this process.

#![forbid(unsafe_code)]

pub mod formats;
pub mod sample;
