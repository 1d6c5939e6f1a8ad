//! What can be read in a transaction.

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde_json::Value;

use super::Document;
use super::path::Path;
use super::select::{Matching, Order, Select};
use super::set::Set;
use super::sql::{After, Statement};
use crate::sqlite::failed;
use crate::{Error, ErrorKind, Result};

/// A transaction that reads. See [`super::Documents::read`].
#[derive(Debug)]
pub struct Reading<'a> {
    pub(super) connection: &'a Connection,
}

/// A value and how many documents have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub value: Value,
    pub count: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// The set of that name.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn set(&self, name: &str) -> Result<Set> {
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no set '{name}'"));
        self.find_set(name)?.ok_or_else(missing)
    }

    /// The set of that name, if there is one.
    ///
    /// # Errors
    /// Those of the file.
    pub fn find_set(&self, name: &str) -> Result<Option<Set>> {
        Set::find(self.connection, name)
    }

    /// The document of this id.
    ///
    /// # Errors
    /// Those of the file.
    pub fn get(&self, set: &Set, id: &str) -> Result<Option<Document>> {
        let sql = format!("SELECT {} FROM {} AS d0 WHERE d0.id = ?", columns(set), set.documents());
        let get = || self.connection.prepare_cached(&sql)?.query_row([id], |row| document(set, row)).optional();
        get().map_err(failed)
    }

    /// Whether there is a document of this id.
    ///
    /// # Errors
    /// Those of the file.
    pub fn contains(&self, set: &Set, id: &str) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {} WHERE id = ?", set.documents());
        self.connection.prepare_cached(&sql).and_then(|mut statement| statement.exists([id])).map_err(failed)
    }

    /// The documents that belong to the one of this id, in no order.
    ///
    /// # Errors
    /// `Internal` when the documents of this set have no owners, and those of the file.
    pub fn owned(&self, set: &Set, owner: &str) -> Result<Vec<Document>> {
        let (columns, documents, owners) = (columns(set), set.documents(), set.owners()?);
        let sql =
            format!("SELECT {columns} FROM {documents} AS d0 WHERE d0.owner = (SELECT key FROM {owners} WHERE id = ?)");
        self.all(&sql, params![owner], |row| document(set, row))
    }

    /// A blob of a document; `None` where it has none of that name, or is not there.
    ///
    /// # Errors
    /// Those of the file.
    pub fn blob(&self, set: &Set, id: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let (documents, blobs) = (set.documents(), set.blobs());
        let sql = format!(
            "SELECT bytes FROM {blobs} WHERE document = (SELECT key FROM {documents} WHERE id = ?) AND name = ?"
        );
        let get = || self.connection.prepare_cached(&sql)?.query_row([id, name], |row| row.get(0)).optional();
        get().map_err(failed)
    }

    /// How many documents of a set have a blob of this name.
    ///
    /// # Errors
    /// Those of the file.
    pub fn blobs(&self, set: &Set, name: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {} WHERE name = ?", set.blobs());
        let count = self.connection.query_row(&sql, [name], |row| row.get::<_, i64>(0)).map_err(failed)?;
        Ok(count.unsigned_abs())
    }

    /// The documents selected, in their order.
    ///
    /// # Errors
    /// `InvalidInput` for a filter that names an unknown field or compares what cannot be compared, `NotFound` when the
    /// document after which a page begins is gone, and those of the file.
    pub fn select(&self, set: &Set, select: &Select<'_>) -> Result<Vec<Document>> {
        let statement = self.statement(set, &columns(set), select)?;
        self.all(&statement.text, params_from_iter(statement.params), |row| document(set, row))
    }

    /// Calls `visit` with the id and body of each document selected, in their order, one in memory at a time.
    ///
    /// # Errors
    /// Those of [`Reading::select`], and those of `visit`, which end it.
    pub fn visit(&self, set: &Set, select: &Select<'_>, mut visit: impl FnMut(&str, &str) -> Result<()>) -> Result<()> {
        self.each(set, "d0.id, d0.body", select, |row| {
            let column = |at| row.get_ref(at).and_then(|text| Ok(text.as_str()?)).map_err(failed);
            visit(column(0)?, column(1)?)
        })
    }

    /// Calls `visit` with the id of each document selected, in their order. The bodies are not read, unless a filter or
    /// the order needs them.
    ///
    /// # Errors
    /// Those of [`Reading::select`], and those of `visit`, which end it.
    pub fn ids(&self, set: &Set, select: &Select<'_>, mut visit: impl FnMut(&str) -> Result<()>) -> Result<()> {
        self.each(set, "d0.id", select, |row| {
            visit(row.get_ref(0).and_then(|text| Ok(text.as_str()?)).map_err(failed)?)
        })
    }

    /// How many documents are selected.
    ///
    /// # Errors
    /// Those of [`Reading::select`].
    pub fn count(&self, set: &Set, select: &Select<'_>) -> Result<u64> {
        let any = Select { order: Order::Any, ..select.clone() };
        let statement = if select.is_limited() {
            let mut statement = Statement::new("SELECT count(*) FROM ");
            // What comes after a document depends on the order; how many are left out and taken does not.
            let inner = if select.after.is_some() { select } else { &any };
            statement.push(self.statement(set, "1", inner)?);
            statement
        } else {
            self.statement(set, "count(*)", &any)?
        };
        let count = || {
            let mut prepared = self.connection.prepare_cached(&statement.text)?;
            prepared.query_row(params_from_iter(&statement.params), |row| row.get::<_, i64>(0))
        };
        Ok(count().map_err(failed)?.unsigned_abs())
    }

    /// The values at a path of the documents that match, most frequent first, each with how many have it. Nulls are not
    /// counted. Where a document has a list there, each of its members counts.
    ///
    /// # Errors
    /// Those of [`Reading::select`].
    pub fn groups(&self, set: &Set, matching: &Matching<'_>, path: &Path) -> Result<Vec<Group>> {
        let select = Select { matching: matching.clone(), order: Order::Any, ..Select::default() };
        let (mut statement, is_json) = match set.kept(path) {
            Some(at) => (self.statement(set, &format!("d0.kept_{at} AS value"), &select)?, false),
            None => {
                let mut statement = Statement::new(
                    "SELECT CASE member.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN NULL \
                     ELSE json_quote(member.value) END AS value FROM ",
                );
                statement.push(self.statement(set, "d0.body", &select)?);
                statement.text += " AS d, json_each(d.body, ";
                statement.bind(path.to_string());
                statement.text += ") AS member";
                (statement, true)
            }
        };
        statement.text = format!(
            "SELECT value, count(*) AS times FROM ({}) WHERE value IS NOT NULL GROUP BY value ORDER BY times DESC, value",
            statement.text
        );
        self.all(&statement.text, params_from_iter(statement.params), |row| {
            let value = match row.get_ref(0)? {
                ValueRef::Text(text) if is_json => serde_json::from_slice(text).unwrap_or(Value::Null),
                ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
                ValueRef::Integer(number) => Value::from(number),
                ValueRef::Real(number) => Value::from(number),
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            };
            Ok(Group { value, count: row.get::<_, i64>(1)?.unsigned_abs() })
        })
    }

    /// The statement for what is selected, with where the page begins.
    pub(super) fn statement(&self, set: &Set, columns: &str, select: &Select<'_>) -> Result<Statement> {
        let Some(id) = &select.after else { return Statement::select(set, columns, select, None) };
        let value = match &select.order {
            Order::Id | Order::Any => Sql::Null,
            Order::By { .. } => self.sorted_by(set, id, &select.order)?,
        };
        Statement::select(set, columns, select, Some(&After { id, value }))
    }

    /// The value by which the document of this id is sorted.
    fn sorted_by(&self, set: &Set, id: &str, order: &Order) -> Result<Sql> {
        let matching = Matching::default().and(super::Condition::ids([id]));
        let one = Select { matching, order: order.clone(), ..Select::default() };
        let statement = Statement::select(set, "d0.sort", &one, None)?;
        let values = self.all(&statement.text, params_from_iter(statement.params), |row| row.get(0))?;
        values.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the page begins after '{id}', which is no longer there"))
                .with_hint("begin with the first page again")
        })
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let all = || self.connection.prepare_cached(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>();
        all().map_err(failed)
    }

    fn each(
        &self,
        set: &Set,
        columns: &str,
        select: &Select<'_>,
        mut visit: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.statement(set, columns, select)?;
        let mut prepared = self.connection.prepare_cached(&statement.text).map_err(failed)?;
        let mut rows = prepared.query(params_from_iter(statement.params)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            visit(row)?;
        }
        Ok(())
    }
}

/// The columns of a [`Document`].
fn columns(set: &Set) -> String {
    match set.owners() {
        Ok(owners) => format!("d0.id, d0.body, (SELECT o.id FROM {owners} AS o WHERE o.key = d0.owner)"),
        Err(_) => "d0.id, d0.body".to_owned(),
    }
}

fn document(set: &Set, row: &Row<'_>) -> rusqlite::Result<Document> {
    let owner = if set.owner.is_some() { row.get(2)? } else { None };
    Ok(Document { id: row.get(0)?, body: row.get(1)?, owner })
}
