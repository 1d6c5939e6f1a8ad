//! A set and its tables. Columns beside the body keep what is looked for often, so that an index has it.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::path::Path;
use crate::sqlite::failed;
use crate::{Error, ErrorKind, Result};

/// What a set is like. It stays so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSpec {
    /// The set whose documents own those of this one.
    pub owner: Option<String>,
    /// Each index serves conditions on its first path, on its first two, and so on. The values there should be strings
    /// and numbers.
    pub indexes: Vec<Vec<Path>>,
}

/// A set, as it is in the transaction in which it was asked for.
#[derive(Clone, Debug)]
pub struct Set {
    pub(super) number: i64,
    pub(super) name: String,
    /// The number of the set of its owners.
    pub(super) owner: Option<i64>,
    pub(super) indexes: Vec<Vec<Path>>,
    /// The paths that have columns of their own, in the order of these.
    pub(super) kept: Vec<Path>,
}

impl Set {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn find(connection: &Connection, name: &str) -> Result<Option<Self>> {
        let sql = "SELECT number, name, owner, indexes FROM sets WHERE name = ?";
        let find = || connection.prepare_cached(sql)?.query_row([name], Self::read).optional();
        find().map_err(failed)
    }

    /// The sets that a condition selects, by number.
    pub(super) fn list(connection: &Connection, condition: &str, value: i64) -> Result<Vec<Self>> {
        let sql = format!("SELECT number, name, owner, indexes FROM sets WHERE {condition} ORDER BY number");
        let list = || connection.prepare_cached(&sql)?.query_map([value], Self::read)?.collect::<rusqlite::Result<_>>();
        list().map_err(failed)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let indexes = row.get_ref(3)?.as_str()?;
        let indexes = serde_json::from_str(indexes).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
        })?;
        Ok(Self::new(row.get(0)?, row.get(1)?, row.get(2)?, indexes))
    }

    pub(super) fn new(number: i64, name: String, owner: Option<i64>, indexes: Vec<Vec<Path>>) -> Self {
        let mut kept: Vec<Path> = Vec::new();
        for path in indexes.iter().flatten() {
            if !kept.contains(path) {
                kept.push(path.clone());
            }
        }
        Self { number, name, owner, indexes, kept }
    }

    pub(super) fn documents(&self) -> String {
        documents(self.number)
    }

    pub(super) fn blobs(&self) -> String {
        format!("blobs_{}", self.number)
    }

    /// The column that keeps what is at a path.
    pub(super) fn kept(&self, path: &Path) -> Option<usize> {
        self.kept.iter().position(|kept| kept == path)
    }

    /// The table of the documents that own those of this set.
    ///
    /// # Errors
    /// `Internal` where it has none: the caller mixed up its sets.
    pub(super) fn owners(&self) -> Result<String> {
        let none = || Error::new(ErrorKind::Internal, format!("the documents of '{}' have no owners", self.name));
        self.owner.map(documents).ok_or_else(none)
    }

    /// The statements that make the tables.
    pub(super) fn create(&self) -> String {
        let (documents, blobs) = (self.documents(), self.blobs());
        let owner = self.owner.map(self::documents);
        let mut sql = format!(
            "CREATE TABLE {documents} (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE{}{}, \
             body TEXT NOT NULL CHECK (json_valid(body)));",
            owner.as_ref().map_or_else(String::new, |owner| {
                format!(", owner INTEGER NOT NULL REFERENCES {owner} (key) ON DELETE CASCADE")
            }),
            (0..self.kept.len()).map(|at| format!(", kept_{at}")).collect::<String>(),
        );
        // Each index ends with what the documents it finds are then asked for.
        let last = if owner.is_some() { "owner" } else { "id" };
        if owner.is_some() {
            sql += &format!("CREATE INDEX {documents}_owner ON {documents} (owner);");
        }
        for (at, paths) in self.indexes.iter().enumerate() {
            let columns: String =
                paths.iter().filter_map(|path| self.kept(path)).map(|at| format!("kept_{at}, ")).collect();
            sql += &format!("CREATE INDEX {documents}_{at} ON {documents} ({columns}{last});");
        }
        sql + &format!(
            "CREATE TABLE {blobs} (document INTEGER NOT NULL REFERENCES {documents} (key) ON DELETE CASCADE, \
             name TEXT NOT NULL, bytes BLOB NOT NULL, UNIQUE (document, name)) STRICT;"
        )
    }
}

fn documents(number: i64) -> String {
    format!("documents_{number}")
}
