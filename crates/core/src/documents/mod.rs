//! A small document store in one SQLite file, for what a program keeps beside its vectors: sets of JSON documents with
//! ids, documents that belong to others, and blobs of bytes kept apart.
//!
//! A **set** has a name. A **document** has an id, unique in its set, and a body, which is JSON. The documents of an
//! **owned** set each belong to a document of another set, and go when that one goes: the labels of a picture. **Blobs**
//! belong to a document and have names; they are read only when they are asked for.
//!
//! Everything happens in a transaction: [`Documents::read`] sees all of one moment, [`Documents::write`] happens as a
//! whole or not at all, and what it wrote has reached the disk when it returns. Any number of processes may read and write
//! the same file. Readers wait for no one; writers wait for each other.
//!
//! What a caller asks for, from ids and paths to filters, reaches SQLite only as parameters. Calls block: from
//! asynchronous code, make them on a thread for that.
//!
//! ```
//! use bootcamp_core::documents::{Document, DocumentField, Documents, Fields, Matching, Path, Select, SetSpec};
//! use bootcamp_core::{Filter, ScalarKind};
//! # let folder = tempfile::tempdir().unwrap();
//! let documents = Documents::at(folder.path().join("animals.sqlite3"));
//! documents.write(|writing| {
//!     let animals = writing.create("animals", &SetSpec::default())?;
//!     writing.put(&animals, &Document::new("a", r#"{"legs": 4, "names": ["cat", "chat"]}"#))?;
//!     writing.put(&animals, &Document::new("b", r#"{"legs": 2, "names": ["hen"]}"#))
//! })?;
//! let fields = Fields::new("animals", vec![DocumentField::new("legs", ScalarKind::Int, Path::of(&["legs"]))]);
//! let filter: Filter = "legs > 3".parse()?;
//! let found = documents.read(|reading| {
//!     let matching = Matching::new(&fields).filter(&filter);
//!     reading.select(&reading.set("animals")?, &Select::new(matching))
//! })?;
//! assert_eq!(found[0].id, "a");
//! # Ok::<(), bootcamp_core::Error>(())
//! ```
//!
//! The parts, from the disk up: [`mod@file`] opens the file and lends connections; [`set`] knows a set's tables; [`select`] is
//! what can be asked for and [`sql`] writes it down; [`reading`] and [`writing`] do it.

mod file;
mod path;
mod reading;
mod select;
mod set;
mod sql;
#[cfg(test)]
mod tests;
mod writing;

use std::path::PathBuf;

use crate::Result;
use file::File;

pub use path::Path;
pub use reading::{Group, Reading};
pub use select::{Condition, DocumentField, Fields, Matching, Order, Select, Source};
pub use set::{Set, SetSpec};
pub use writing::Writing;

/// A file of documents. See the module for what it promises.
#[derive(Debug)]
pub struct Documents {
    file: File,
}

/// A document of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: String,
    /// The id of the document that it belongs to; `None` in a set without owners.
    pub owner: Option<String>,
    /// JSON text.
    pub body: String,
}

impl Document {
    /// A document that belongs to no other.
    pub fn new(id: impl Into<String>, body: impl Into<String>) -> Self {
        Self { id: id.into(), owner: None, body: body.into() }
    }

    /// One that belongs to the document of this id.
    pub fn owned(id: impl Into<String>, owner: impl Into<String>, body: impl Into<String>) -> Self {
        Self { id: id.into(), owner: Some(owner.into()), body: body.into() }
    }
}

impl Documents {
    /// The documents in this file. Nothing is opened or made until it is used: reading never makes a file, the first write
    /// makes it and its folder.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: File::new(path.into()) }
    }

    /// Whether anything was ever written.
    ///
    /// # Errors
    /// Those of the file system, other than that the file is not there.
    pub fn exists(&self) -> Result<bool> {
        self.file.exists()
    }

    /// Reads in one transaction: all that `read` sees is of one moment, whatever others write meanwhile.
    ///
    /// # Errors
    /// `NotFound` when there is no file yet, those of `read`, and those of the file.
    pub fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T>) -> Result<T> {
        self.file.read(|connection| read(&Reading::new(connection)))
    }

    /// Writes in one transaction. It is kept when `write` returns `Ok`, and has then reached the disk; after an error, or
    /// when the program ends in the middle, nothing of it is kept.
    ///
    /// # Errors
    /// Those of `write`, `Locked` when another process writes for longer than ten seconds, and those of the file.
    pub fn write<T>(&self, write: impl FnOnce(&Writing<'_>) -> Result<T>) -> Result<T> {
        self.file.write(|connection| write(&Writing::new(connection)))
    }
}
