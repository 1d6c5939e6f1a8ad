//! One collection's tables: rows of scalar fields, a table of vectors for each vector field, a full-text index for
//! each field searched by words. All SQL about records is here.
//!
//! A row has a **key**, a number that grows with every write and is never used again: replacing a record deletes its
//! row and inserts one with a new key. So a key always means the same content, which makes everything kept outside
//! SQLite — graphs, rows in memory, sets of keys that pass a filter — true forever or simply gone.

use roaring::RoaringTreemap;
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use serde_json::Value;

use super::db::failed;
use super::distance::{from_bytes, to_bytes};
use crate::filter::Filter;
use crate::record::{Fields, Id, Record};
use crate::request::{Output, PageRequest};
use crate::schema::{CollectionSpec, IdKind, ScalarField, ScalarKind};
use crate::{Error, ErrorKind, Result};

/// A record's row: its key and what was asked of it.
pub(super) struct Found {
    pub(super) key: u64,
    pub(super) record: Record,
}

/// The names of a collection's tables and its schema.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) number: i64,
    pub(super) spec: CollectionSpec,
}

/// An id as SQLite's value.
impl ToSql for Id {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Int(id) => id.to_sql(),
            Self::String(id) => id.to_sql(),
        }
    }
}

impl Table {
    pub(super) fn rows(&self) -> String {
        format!("rows_{}", self.number)
    }

    fn vectors(&self, field: usize) -> String {
        format!("vectors_{}_{field}", self.number)
    }

    fn words(&self, field: usize) -> String {
        format!("words_{}_{field}", self.number)
    }

    fn dead(&self, field: usize) -> String {
        format!("dead_{}_{field}", self.number)
    }

    fn full_text_fields(&self) -> impl Iterator<Item = (usize, &ScalarField)> {
        self.spec.scalars.iter().enumerate().filter(|(_, field)| field.full_text)
    }

    pub(super) fn has_index(field: &ScalarField) -> bool {
        field.filterable && field.kind != ScalarKind::Json && !field.full_text
    }

    /// The position of a vector field in the schema, which names its table.
    pub(super) fn vector_position(&self, name: &str) -> Result<usize> {
        let field = self.spec.vector_field(name)?;
        Ok(self.spec.vectors.iter().position(|other| other == field).unwrap_or_default())
    }

    /// The statements that make the tables.
    pub(super) fn create(&self) -> String {
        let rows = self.rows();
        let id = if matches!(self.spec.id, IdKind::String { .. }) { "TEXT" } else { "INTEGER" };
        let columns: String =
            self.spec.scalars.iter().map(|f| format!(", \"f_{}\" {}", f.name, column_type(f.kind))).collect();
        let mut sql =
            format!("CREATE TABLE {rows} (key INTEGER PRIMARY KEY, id {id} NOT NULL UNIQUE{columns}) STRICT;");
        for (at, field) in self.spec.scalars.iter().enumerate() {
            if Self::has_index(field) {
                sql += &format!("CREATE INDEX {rows}_{at} ON {rows} (\"f_{}\");", field.name);
            }
        }
        for at in 0..self.spec.vectors.len() {
            sql +=
                &format!("CREATE TABLE {} (key INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT;", self.vectors(at));
            sql += &format!("CREATE TABLE {} (key INTEGER PRIMARY KEY) STRICT;", self.dead(at));
        }
        for (at, _) in self.full_text_fields() {
            // Words as Milvus's standard analyzer cuts them: lower case, accents kept.
            sql += &format!(
                "CREATE VIRTUAL TABLE {} USING fts5 (words, content = '', contentless_delete = 1, \
                 tokenize = 'unicode61 remove_diacritics 0');",
                self.words(at)
            );
        }
        sql
    }

    /// The statements that remove the tables.
    pub(super) fn drop(&self) -> String {
        let vectors = (0..self.spec.vectors.len()).flat_map(|at| [self.vectors(at), self.dead(at)]);
        let words = self.full_text_fields().map(|(at, _)| self.words(at));
        let names = [self.rows()].into_iter().chain(vectors).chain(words);
        names.map(|name| format!("DROP TABLE {name};")).collect()
    }

    /// Inserts records that were checked, giving them keys from `first_key`. None of their ids is there.
    pub(super) fn insert(&self, connection: &Connection, records: &[Record], first_key: u64) -> Result<()> {
        let insert = || -> rusqlite::Result<()> {
            let places = ", ?".repeat(self.spec.scalars.len());
            let mut row = connection.prepare_cached(&format!("INSERT INTO {} VALUES (?, ?{places})", self.rows()))?;
            for (key, record) in (first_key..).zip(records) {
                row.raw_bind_parameter(1, key as i64)?;
                match &record.id {
                    Some(id) => row.raw_bind_parameter(2, id)?,
                    None => row.raw_bind_parameter(2, key as i64)?,
                }
                for (at, field) in self.spec.scalars.iter().enumerate() {
                    row.raw_bind_parameter(at + 3, to_sql(field, record.fields.get(&field.name)))?;
                }
                row.raw_execute()?;
            }
            for (at, field) in self.spec.vectors.iter().enumerate() {
                let mut vector =
                    connection.prepare_cached(&format!("INSERT INTO {} VALUES (?, ?)", self.vectors(at)))?;
                for (key, record) in (first_key..).zip(records) {
                    vector.execute(params![key as i64, to_bytes(&record.vectors[&field.name])])?;
                }
            }
            for (at, field) in self.full_text_fields() {
                let sql = format!("INSERT INTO {} (rowid, words) VALUES (?, ?)", self.words(at));
                let mut words = connection.prepare_cached(&sql)?;
                for (key, record) in (first_key..).zip(records) {
                    if let Some(Value::String(text)) = record.fields.get(&field.name) {
                        words.execute(params![key as i64, text])?;
                    }
                }
            }
            Ok(())
        };
        insert().map_err(failed)
    }

    /// Deletes the rows of these ids; returns their keys.
    pub(super) fn delete_ids<'a>(
        &self,
        connection: &Connection,
        ids: impl Iterator<Item = &'a Id>,
    ) -> Result<Vec<u64>> {
        let collect = || -> rusqlite::Result<Vec<u64>> {
            let sql = format!("DELETE FROM {} WHERE id = ? RETURNING key", self.rows());
            let mut delete = connection.prepare_cached(&sql)?;
            let mut keys = Vec::new();
            for id in ids {
                if let Some(key) = delete.query_row([id], |row| row.get::<_, i64>(0)).optional()? {
                    keys.push(key as u64);
                }
            }
            self.forget(connection, &keys)?;
            Ok(keys)
        };
        collect().map_err(failed)
    }

    /// Deletes the rows for which the filter holds; returns their keys.
    pub(super) fn delete_where(&self, connection: &Connection, filter: &Filter) -> Result<Vec<u64>> {
        let condition = filter.to_sql(&self.spec)?;
        let collect = || -> rusqlite::Result<Vec<u64>> {
            let sql = format!("DELETE FROM {} WHERE {} RETURNING key", self.rows(), condition.text);
            let mut delete = connection.prepare(&sql)?;
            let keys = delete
                .query_map(params_from_iter(&condition.params), |row| row.get::<_, i64>(0))?
                .map(|key| key.map(|key| key as u64))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            self.forget(connection, &keys)?;
            Ok(keys)
        };
        collect().map_err(failed)
    }

    /// Deletes what belongs to rows that were deleted.
    fn forget(&self, connection: &Connection, keys: &[u64]) -> rusqlite::Result<()> {
        let vectors = (0..self.spec.vectors.len()).map(|at| format!("DELETE FROM {} WHERE key = ?", self.vectors(at)));
        let words = self.full_text_fields().map(|(at, _)| format!("DELETE FROM {} WHERE rowid = ?", self.words(at)));
        vectors.chain(words).try_for_each(|sql| for_each_key(connection, &sql, keys.iter().copied()))
    }

    /// Notes that the field's graph still has the nodes of these deleted rows.
    pub(super) fn note_dead(&self, connection: &Connection, field: usize, keys: &[u64]) -> Result<()> {
        let sql = format!("INSERT INTO {} VALUES (?)", self.dead(field));
        for_each_key(connection, &sql, keys.iter().copied()).map_err(failed)
    }

    /// The rows of these keys that are still there, in the order of the keys.
    pub(super) fn by_keys(
        &self,
        connection: &Connection,
        keys: impl Iterator<Item = u64>,
        output: &Output,
    ) -> Result<Vec<Found>> {
        self.rows_where(connection, "rows.key = ?", keys.map(|key| key as i64), output)
    }

    /// The rows of these ids that are there, in the order of the ids.
    pub(super) fn by_ids(&self, connection: &Connection, ids: &[Id], output: &Output) -> Result<Vec<Found>> {
        self.rows_where(connection, "rows.id = ?", ids.iter(), output)
    }

    fn rows_where<P: ToSql>(
        &self,
        connection: &Connection,
        condition: &str,
        parameters: impl Iterator<Item = P>,
        output: &Output,
    ) -> Result<Vec<Found>> {
        let select = Select::new(self, output);
        let collect = || -> rusqlite::Result<Vec<Found>> {
            let mut statement = connection.prepare_cached(&format!("{} WHERE {condition}", select.sql))?;
            let found = parameters.filter_map(|parameter| {
                statement.query_row([parameter], |row| select.read(row)).optional().transpose()
            });
            found.collect()
        };
        collect().map_err(failed)
    }

    /// One page of rows in id order.
    pub(super) fn page(&self, connection: &Connection, request: &PageRequest) -> Result<Vec<Record>> {
        let select = Select::new(self, &request.output);
        let mut conditions = Vec::new();
        let mut parameters = Vec::new();
        if let Some(after) = &request.after {
            conditions.push("rows.id > ?".to_owned());
            parameters.push(match after {
                Id::Int(id) => Sql::Integer(*id),
                Id::String(id) => Sql::Text(id.clone()),
            });
        }
        if let Some(filter) = &request.filter {
            let condition = filter.to_sql(&self.spec)?;
            conditions.push(format!("({})", condition.text));
            parameters.extend(condition.params);
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let sql = format!("{}{conditions} ORDER BY rows.id LIMIT {}", select.sql, request.limit);
        let collect = || -> rusqlite::Result<Vec<Record>> {
            let mut statement = connection.prepare_cached(&sql)?;
            let records = statement.query_map(params_from_iter(parameters), |row| Ok(select.read(row)?.record))?;
            records.collect()
        };
        collect().map_err(failed)
    }

    /// Calls `visit` with all rows for which the filter holds, so many at a time, until it answers false.
    pub(super) fn batches(
        &self,
        connection: &Connection,
        filter: Option<&Filter>,
        output: &Output,
        size: usize,
        mut visit: impl FnMut(Vec<Record>) -> bool,
    ) -> Result<()> {
        let select = Select::new(self, output);
        let condition = filter.map(|filter| filter.to_sql(&self.spec)).transpose()?;
        let (holds, parameters) =
            condition.map_or_else(Default::default, |sql| (format!(" WHERE {}", sql.text), sql.params));
        let each = || -> rusqlite::Result<()> {
            // In no order, so that SQLite takes that of its pages, or of an index that the filter is for.
            let mut statement = connection.prepare_cached(&format!("{}{holds}", select.sql))?;
            let mut rows = statement.query(params_from_iter(parameters))?;
            let mut batch = Vec::with_capacity(size);
            while let Some(row) = rows.next()? {
                batch.push(select.read(row)?.record);
                if batch.len() == size && !visit(std::mem::replace(&mut batch, Vec::with_capacity(size))) {
                    return Ok(());
                }
            }
            if !batch.is_empty() {
                visit(batch);
            }
            Ok(())
        };
        each().map_err(failed)
    }

    /// The key of the next row, and how many rows there are.
    ///
    /// # Errors
    /// `NotFound` when the collection was removed.
    pub(super) fn counters(&self, connection: &Connection) -> Result<(u64, u64)> {
        let sql = "SELECT next_key, rows FROM collections WHERE number = ?";
        let counters = || -> rusqlite::Result<_> {
            let mut statement = connection.prepare_cached(sql)?;
            let counters = statement.query_row([self.number], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
            counters.optional()
        };
        let (next_key, rows) = counters().map_err(failed)?.ok_or_else(|| unknown(&self.spec.name))?;
        Ok((next_key as u64, rows as u64))
    }

    /// How many rows have keys after this one.
    pub(super) fn count_after(&self, connection: &Connection, after: u64) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {} WHERE key > ?", self.rows());
        let count = connection.query_row(&sql, [after as i64], |row| row.get::<_, i64>(0));
        count.map(|count| count as u64).map_err(failed)
    }

    /// How many rows pass the filter.
    pub(super) fn count_where(&self, connection: &Connection, filter: &Filter) -> Result<u64> {
        let condition = filter.to_sql(&self.spec)?;
        let sql = format!("SELECT count(*) FROM {} AS rows WHERE {}", self.rows(), condition.text);
        let count = connection.query_row(&sql, params_from_iter(&condition.params), |row| row.get::<_, i64>(0));
        count.map(|count| count as u64).map_err(failed)
    }

    /// Calls `visit` with the keys after `after` for which the filter holds.
    pub(super) fn keys_where(
        &self,
        connection: &Connection,
        filter: &Filter,
        after: u64,
        mut visit: impl FnMut(u64),
    ) -> Result<()> {
        let condition = filter.to_sql(&self.spec)?;
        let mut each = || -> rusqlite::Result<()> {
            let sql = format!("SELECT key FROM {} AS rows WHERE ({}) AND key > ?", self.rows(), condition.text);
            let mut statement = connection.prepare_cached(&sql)?;
            let parameters = condition.params.iter().cloned().chain([Sql::Integer(after as i64)]);
            let mut rows = statement.query(params_from_iter(parameters))?;
            while let Some(row) = rows.next()? {
                visit(row.get::<_, i64>(0)? as u64);
            }
            Ok(())
        };
        each().map_err(failed)
    }

    /// Calls `visit(key, bytes)` with each vector of a field whose key is after `after`, in key order, until it
    /// answers false.
    pub(super) fn vectors_after(
        &self,
        connection: &Connection,
        field: usize,
        after: u64,
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<()> {
        let mut each = || -> rusqlite::Result<()> {
            let sql = format!("SELECT key, vector FROM {} WHERE key > ? ORDER BY key", self.vectors(field));
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([after as i64])?;
            while let Some(row) = rows.next()? {
                if !visit(row.get::<_, i64>(0)? as u64, row.get_ref(1)?.as_blob()?) {
                    break;
                }
            }
            Ok(())
        };
        each().map_err(failed)
    }

    /// The keys of deleted rows whose nodes the field's graph may still have.
    pub(super) fn dead_keys(&self, connection: &Connection, field: usize) -> Result<RoaringTreemap> {
        let collect = || -> rusqlite::Result<_> {
            let mut statement = connection.prepare_cached(&format!("SELECT key FROM {}", self.dead(field)))?;
            statement.query_map([], |row| row.get::<_, i64>(0))?.map(|key| key.map(|key| key as u64)).collect()
        };
        collect().map_err(failed)
    }

    /// Forgets deleted rows whose nodes are gone from the field's graph.
    pub(super) fn bury(&self, connection: &Connection, field: usize, keys: impl Iterator<Item = u64>) -> Result<()> {
        for_each_key(connection, &format!("DELETE FROM {} WHERE key = ?", self.dead(field)), keys).map_err(failed)
    }

    /// The keys of rows whose full-text field matches any of the words, best first, with their BM25 scores.
    pub(super) fn words_search(
        &self,
        connection: &Connection,
        field: &str,
        words: &str,
        filter: Option<&Filter>,
        limit: usize,
    ) -> Result<Vec<(u64, f32)>> {
        let Some((at, _)) = self.full_text_fields().find(|(_, other)| other.name == field) else {
            return Err(Error::new(ErrorKind::Internal, format!("field '{field}' has no full-text index")));
        };
        let terms: Vec<String> =
            words.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(|w| format!("\"{w}\"")).collect();
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let index = self.words(at);
        let condition = filter.map(|filter| filter.to_sql(&self.spec)).transpose()?;
        let (join, holds, parameters) = match condition {
            Some(sql) => (
                format!(" JOIN {} AS rows ON rows.key = {index}.rowid", self.rows()),
                format!(" AND ({})", sql.text),
                sql.params,
            ),
            None => (String::new(), String::new(), Vec::new()),
        };
        let sql = format!(
            "SELECT {index}.rowid, bm25({index}) AS score FROM {index}{join} WHERE {index} MATCH ?{holds} \
             ORDER BY score LIMIT {limit}"
        );
        let collect = || -> rusqlite::Result<Vec<(u64, f32)>> {
            let mut statement = connection.prepare_cached(&sql)?;
            let parameters = [Sql::Text(terms.join(" OR "))].into_iter().chain(parameters);
            // SQLite's BM25 is negative so that the best sorts first.
            let scored = statement.query_map(params_from_iter(parameters), |row| {
                Ok((row.get::<_, i64>(0)? as u64, -row.get::<_, f64>(1)? as f32))
            })?;
            scored.collect()
        };
        collect().map_err(failed)
    }
}

/// A SELECT of the fields asked for and how to read its rows.
struct Select<'a> {
    sql: String,
    scalars: Vec<&'a ScalarField>,
    vectors: Vec<&'a crate::schema::VectorField>,
}

impl<'a> Select<'a> {
    fn new(table: &'a Table, output: &Output) -> Self {
        let spec = &table.spec;
        let scalars: Vec<_> = spec.scalars.iter().filter(|field| output.wants_scalar(&field.name)).collect();
        let mut sql = "SELECT rows.key, rows.id".to_owned();
        for field in &scalars {
            sql += &format!(", rows.\"f_{}\"", field.name);
        }
        let vectors: Vec<_> = spec.vectors.iter().enumerate().filter(|(_, f)| output.wants_vector(&f.name)).collect();
        for (at, _) in &vectors {
            sql += &format!(", (SELECT vector FROM {} AS v WHERE v.key = rows.key)", table.vectors(*at));
        }
        sql += &format!(" FROM {} AS rows", table.rows());
        Self { sql, scalars, vectors: vectors.into_iter().map(|(_, field)| field).collect() }
    }

    fn read(&self, row: &Row<'_>) -> rusqlite::Result<Found> {
        let id = match row.get_ref(1)? {
            ValueRef::Integer(id) => Id::Int(id),
            other => Id::String(other.as_str()?.to_owned()),
        };
        let mut fields = Fields::new();
        for (at, field) in (2..).zip(&self.scalars) {
            fields.insert(field.name.clone(), from_sql(field, row.get_ref(at)?)?);
        }
        let mut vectors = std::collections::BTreeMap::new();
        for (at, field) in (2 + self.scalars.len()..).zip(&self.vectors) {
            vectors.insert(field.name.clone(), from_bytes(field.kind, row.get_ref(at)?.as_blob()?));
        }
        Ok(Found { key: row.get::<_, i64>(0)? as u64, record: Record { id: Some(id), vectors, fields } })
    }
}

fn for_each_key(connection: &Connection, sql: &str, keys: impl Iterator<Item = u64>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    for key in keys {
        statement.execute([key as i64])?;
    }
    Ok(())
}

fn column_type(kind: ScalarKind) -> &'static str {
    match kind {
        ScalarKind::Bool | ScalarKind::Int => "INTEGER",
        ScalarKind::Float => "REAL",
        ScalarKind::String { .. } | ScalarKind::Json => "TEXT",
    }
}

fn to_sql(field: &ScalarField, value: Option<&Value>) -> Sql {
    match (field.kind, value) {
        (_, None | Some(Value::Null)) => Sql::Null,
        (ScalarKind::Json, Some(value)) => Sql::Text(value.to_string()),
        (_, Some(Value::Bool(value))) => Sql::Integer(i64::from(*value)),
        (ScalarKind::Int, Some(value)) => value.as_i64().map_or(Sql::Null, Sql::Integer),
        (_, Some(Value::String(text))) => Sql::Text(text.clone()),
        (_, Some(value)) => value.as_f64().map_or(Sql::Null, Sql::Real),
    }
}

pub(super) fn from_sql(field: &ScalarField, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match (field.kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (ScalarKind::Bool, value) => Value::Bool(value.as_i64()? != 0),
        (ScalarKind::Int, value) => Value::from(value.as_i64()?),
        (ScalarKind::Float, value) => Value::from(value.as_f64()?),
        (ScalarKind::String { .. }, value) => Value::from(value.as_str()?),
        (ScalarKind::Json, value) => serde_json::from_str(value.as_str()?).unwrap_or(Value::Null),
    })
}

/// The error for a collection that is not there.
pub(super) fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no collection '{name}'"))
        .with_hint("use list to see the collections")
}
