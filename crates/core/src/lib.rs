//! The base of every solution: collections of vectors with payload fields, in this process or on a Milvus server,
//! behind one interface; filters, configuration and errors.
//!
//! Start at [`VectorStore`].

#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "audio")]
pub mod audio;
mod caret;
pub mod config;
pub mod documents;
#[cfg(feature = "encoders")]
pub mod encoder;
mod error;
pub mod filter;
pub mod local;
#[cfg(feature = "redis")]
pub mod metadata;
#[cfg(feature = "milvus")]
pub mod milvus;
#[cfg(feature = "encoders")]
pub mod models;
mod open;
#[cfg(feature = "encoders")]
pub mod picture;
mod rank;
mod record;
mod request;
mod schema;
mod spelling;
mod sqlite;
mod store;
pub mod validate;

pub use config::{Access, MilvusConfig, Place, StoreConfig, StoreSettings};
pub use error::{Error, ErrorKind, Result};
pub use filter::Filter;
pub use local::{LocalOptions, LocalStore};
#[cfg(feature = "redis")]
pub use open::open_board;
pub use open::{open, open_uri};
pub use record::{Fields, Hit, Id, Record, Vector};
pub use request::{
    Consistency, Fusion, GroupBy, HybridRequest, MAX_K, MAX_PAGE, MAX_QUERIES, Output, Page, PageRequest, Query,
    SearchParams, SearchRequest, Selection,
};
pub use schema::{
    CollectionSpec, ID_FIELD, IdKind, IndexKind, MAX_DIM, MAX_JSON, MAX_NAME, MAX_STRING, Metric, ScalarField,
    ScalarKind, VectorField, VectorKind, check_name,
};
pub use spelling::{nearest_name, unknown_name};
pub use store::{CollectionInfo, Health, IndexInfo, IndexProgress, OnProgress, ServerKind, VectorStore, scan};
