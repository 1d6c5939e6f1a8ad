//! What can go wrong: rows that do not fit, and files that are not what was written.

use std::io;

use crate::links::MAX_ROWS;

/// Why an index could not be made, added to, searched, written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that no index can have.
    #[error("{0}")]
    Config(String),
    /// A vector of another length.
    #[error("a vector has {found} components, the index {expected}")]
    Dimension {
        /// Components of the index.
        expected: usize,
        /// Components that were given.
        found: usize,
    },
    /// A component is infinite or not a number. Nothing of the call was added.
    #[error("component {component} of the vector with key {key} is {value}, which has no distance to anything")]
    NotFinite {
        /// The row's key; 0 for a query.
        key: u64,
        /// Which component, from 0 on.
        component: usize,
        /// What it is.
        value: f32,
    },
    /// Keys must ascend, over all calls. Nothing of the call was added.
    #[error("key {key} comes after {newest}: keys must ascend")]
    Order {
        /// The key that is too low.
        key: u64,
        /// The one before it.
        newest: u64,
    },
    /// No room for so many rows.
    #[error("an index has at most {} rows", MAX_ROWS)]
    Full,
    /// The bytes are not an index of ours.
    #[error("these are not the bytes of an index")]
    NotAnIndex,
    /// An index of another program version.
    #[error("the index has format {found}; this program reads {expected}")]
    Version {
        /// The file's.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// An index whose vectors are coded in a way that this program does not know.
    #[error("the index is coded as '{0}', which this program does not know")]
    Codec(String),
    /// The bytes end too early.
    #[error("the index is cut off")]
    Truncated,
    /// The bytes are not what was written.
    #[error("the index is damaged: {0}")]
    Corrupt(&'static str),
    /// Reading or writing failed.
    #[error("the index cannot be read or written: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Io(error) }
    }
}

/// What an index gives, or why it does not.
pub type Result<T> = std::result::Result<T, Error>;
