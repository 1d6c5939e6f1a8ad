//! What can be written in a transaction.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::Document;
use super::reading::Reading;
use super::select::{Order, Select};
use super::set::{Set, SetSpec};
use super::sql::Statement;
use crate::sqlite::failed;
use crate::{Error, ErrorKind, Result};

/// A transaction that reads and writes. See [`super::Documents::write`].
#[derive(Debug)]
pub struct Writing<'a> {
    reading: Reading<'a>,
    /// The owner that was last looked up: its set's number, its id and its key. A document's own are written together.
    owner: RefCell<Option<(i64, String, i64)>>,
}

impl<'a> Deref for Writing<'a> {
    type Target = Reading<'a>;

    fn deref(&self) -> &Self::Target {
        &self.reading
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { reading: Reading::new(connection), owner: RefCell::default() }
    }

    /// Makes a set.
    ///
    /// # Errors
    /// `AlreadyExists`; `NotFound` for the set of its owners.
    pub fn create(&self, name: &str, spec: &SetSpec) -> Result<Set> {
        if self.find_set(name)?.is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("there is already a set '{name}'")));
        }
        let owner = spec.owner.as_deref().map(|owner| self.set(owner)).transpose()?.map(|set| set.number);
        let indexes = serde_json::to_string(&spec.indexes)
            .map_err(|error| Error::new(ErrorKind::Internal, "a set's paths make no JSON").with_source(error))?;
        let create = || {
            let insert = "INSERT INTO sets (name, owner, indexes) VALUES (?, ?, ?)";
            self.connection.execute(insert, params![name, owner, indexes])?;
            let number = self.connection.last_insert_rowid();
            let set = Set::new(number, name.to_owned(), owner, spec.indexes.clone());
            self.connection.execute_batch(&set.create())?;
            Ok(set)
        };
        create().map_err(failed)
    }

    /// Removes a set, its documents, and the sets that they own.
    ///
    /// # Errors
    /// Those of the file.
    pub fn drop_set(&self, set: &Set) -> Result<()> {
        for owned in Set::list(self.connection, "owner = ?", set.number)? {
            self.drop_set(&owned)?;
        }
        let (blobs, documents) = (set.blobs(), set.documents());
        let drop = || {
            self.connection.execute_batch(&format!("DROP TABLE {blobs}; DROP TABLE {documents};"))?;
            self.connection.execute("DELETE FROM sets WHERE number = ?", [set.number]).map(drop)
        };
        drop().map_err(failed)
    }

    /// Makes a set with the documents and blobs of another. Those of an owned set then belong to the documents of `owners`,
    /// which must itself be a copy of the set of their owners, not changed since.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of the file.
    pub fn copy(&self, from: &Set, name: &str, owners: Option<&Set>) -> Result<Set> {
        let owner = owners.map(|set| set.name.clone());
        let copy = self.create(name, &SetSpec { owner, indexes: from.indexes.clone() })?;
        let (documents, blobs) = (copy.documents(), copy.blobs());
        let rows = format!("INSERT INTO {documents} SELECT * FROM {}", from.documents());
        let bytes = format!("INSERT INTO {blobs} SELECT * FROM {}", from.blobs());
        self.connection.execute_batch(&format!("{rows}; {bytes};")).map_err(failed)?;
        Ok(copy)
    }

    /// Writes a document: a new one, or another body for the one of its id, which keeps its blobs and what it owns.
    ///
    /// # Errors
    /// `NotFound` when its owner is not there; `AlreadyExists` when a document of this id belongs to another owner;
    /// `InvalidInput` for a body that is not JSON.
    pub fn put(&self, set: &Set, document: &Document) -> Result<()> {
        let owner = match (&document.owner, set.owner) {
            (Some(owner), Some(_)) => Some(self.key_of_owner(set, owner)?),
            (None, None) => None,
            (given, _) => {
                let what = if given.is_some() { "has an owner, but" } else { "has no owner, as" };
                let message = format!("document '{}' {what} the set '{}' does not expect", document.id, set.name);
                return Err(Error::new(ErrorKind::Internal, message));
            }
        };
        let kept: String = (0..set.kept.len()).map(|at| format!(", kept_{at}")).collect();
        let values: String = (0..set.kept.len()).map(|at| format!(", json_extract(?2, ?{})", at + 4)).collect();
        let again: String = (0..set.kept.len()).map(|at| format!(", kept_{at} = excluded.kept_{at}")).collect();
        let documents = set.documents();
        let (column, value, same) = match owner {
            Some(_) => (", owner", ", ?3", format!(" WHERE {documents}.owner = excluded.owner")),
            None => ("", "", String::new()),
        };
        let sql = format!(
            "INSERT INTO {documents} (id, body{column}{kept}) VALUES (?1, ?2{value}{values}) \
             ON CONFLICT (id) DO UPDATE SET body = excluded.body{again}{same}"
        );
        let write = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.raw_bind_parameter(1, &document.id)?;
            statement.raw_bind_parameter(2, &document.body)?;
            // Bound or not, the parameter is there as soon as a later one is.
            if statement.parameter_count() > 2 {
                statement.raw_bind_parameter(3, owner)?;
            }
            for (at, path) in set.kept.iter().enumerate() {
                statement.raw_bind_parameter(at + 4, path.as_str())?;
            }
            statement.raw_execute()
        };
        match write() {
            Ok(0) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("document '{}' belongs to another owner than '{}'", document.id, owner_name(document)),
            )),
            Ok(_) => Ok(()),
            Err(error) if serde_json::from_str::<serde::de::IgnoredAny>(&document.body).is_err() => {
                Err(Error::invalid(format!("the body of document '{}' is not JSON", document.id)).with_source(error))
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn key_of_owner(&self, set: &Set, owner: &str) -> Result<i64> {
        let number = set.owner.unwrap_or_default();
        if let Some((last_number, last_owner, key)) = &*self.owner.borrow()
            && (*last_number, last_owner.as_str()) == (number, owner)
        {
            return Ok(*key);
        }
        let sql = format!("SELECT key FROM {} WHERE id = ?", set.owners()?);
        let find = || self.connection.prepare_cached(&sql)?.query_row([owner], |row| row.get(0)).optional();
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no document '{owner}' to own others"));
        let key = find().map_err(failed)?.ok_or_else(missing)?;
        *self.owner.borrow_mut() = Some((number, owner.to_owned(), key));
        Ok(key)
    }

    /// Writes a blob of a document, in the place of one of the same name; `None` removes it. False when there is no such
    /// document.
    ///
    /// # Errors
    /// Those of the file.
    pub fn put_blob(&self, set: &Set, id: &str, name: &str, bytes: Option<&[u8]>) -> Result<bool> {
        let (documents, blobs) = (set.documents(), set.blobs());
        let sql = match bytes {
            Some(_) => format!(
                "INSERT INTO {blobs} SELECT key, ?2, ?3 FROM {documents} WHERE id = ?1 \
                 ON CONFLICT (document, name) DO UPDATE SET bytes = excluded.bytes"
            ),
            None => format!(
                "DELETE FROM {blobs} WHERE document = (SELECT key FROM {documents} WHERE id = ?1) AND name = ?2"
            ),
        };
        let write = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            match bytes {
                Some(bytes) => statement.execute(params![id, name, bytes]),
                None => statement.execute([id, name]),
            }
        };
        match (write().map_err(failed)?, bytes) {
            (0, None) => self.contains(set, id),
            (written, _) => Ok(written > 0),
        }
    }

    /// Deletes a document, what it owns, and its blobs. False when it was not there.
    ///
    /// # Errors
    /// Those of the file.
    pub fn delete(&self, set: &Set, id: &str) -> Result<bool> {
        self.owner.take();
        let sql = format!("DELETE FROM {} WHERE id = ?", set.documents());
        let delete = || self.connection.prepare_cached(&sql)?.execute([id]);
        Ok(delete().map_err(failed)? > 0)
    }

    /// Deletes the documents selected, what they own, and their blobs; says how many there were.
    ///
    /// # Errors
    /// Those of [`Reading::select`].
    pub fn delete_selected(&self, set: &Set, select: &Select<'_>) -> Result<u64> {
        self.owner.take();
        // The order matters only where not all are taken.
        let any = Select { order: Order::Any, ..select.clone() };
        let select = if select.is_limited() { select } else { &any };
        let mut statement = Statement::new(format!("DELETE FROM {} WHERE key IN ", set.documents()));
        statement.push(self.statement(set, "d0.key", select)?);
        let params: Vec<Sql> = statement.params;
        let deleted = self.connection.execute(&statement.text, params_from_iter(params)).map_err(failed)?;
        Ok(deleted as u64)
    }
}

fn owner_name(document: &Document) -> &str {
    document.owner.as_deref().unwrap_or_default()
}
