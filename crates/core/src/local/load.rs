//! From the disk to memory: a field's graph from its file, and the rows that it lacks from SQLite. Once when a
//! collection is opened for writing; in a process that only reads, again and again, to follow the one that writes.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use roaring::RoaringTreemap;
use rusqlite::Connection;

use super::collection::Collection;
use super::db::{Db, Reader};
use super::field::View;
use super::flat::{Chunk, Flat};
use super::snapshot::{self, Saved};
use super::table::Table;
use crate::schema::VectorField;
use crate::{Error, ErrorKind, Result};

/// Rows a chunk when a collection is loaded.
const LOAD_ROWS: usize = 16_384;
/// A view that is followed is loaded anew when this share of it was written since, and at least so many rows: by then
/// many of its rows are dead, and the graph on the disk has many of the newer ones.
const RELOAD_AT_GROWTH: u64 = 4;
const RELOAD_AT_LEAST: u64 = 10_000;

/// The view of a field as it is on the disk. Without a graph that can be trusted all rows are searched exactly, until
/// the indexer has built a new one.
pub(super) fn view(connection: &Connection, table: &Table, at: usize, graphs: &Path) -> Result<View> {
    let Some(saved) = snapshot::saved(connection, table, at)? else { return without_graph(connection, table, at) };
    match with_graph(connection, table, at, graphs, &saved) {
        Ok(view) => Ok(view),
        Err(error) => {
            tracing::warn!(file = saved.file, %error, "the index file cannot be used; building it anew");
            without_graph(connection, table, at)
        }
    }
}

/// The view of a field with all that is committed now, and a transaction in which exactly that is read. For a process
/// that only reads; the first call loads the field.
///
/// Views of rows that another process has deleted since are right as they are: rows are passed over when they cannot be
/// read.
pub(super) fn follow<'a>(db: &'a Db, collection: &Collection, at: usize) -> Result<(Arc<View>, Reader<'a>)> {
    let field = &collection.fields[at];
    let _loading = collection.indexing.lock().unwrap_or_else(PoisonError::into_inner);
    let mut unusable = None;
    loop {
        let reader = db.reader()?;
        let next_key = collection.next_key(&reader)?;
        let view = field.view();
        if view.next_key >= next_key {
            return Ok((view, reader));
        }
        let newer = next_key - view.loaded_key;
        let view = if view.next_key > 0 && newer <= RELOAD_AT_LEAST.max(view.len() as u64 / RELOAD_AT_GROWTH) {
            let mut view = View::clone(&view);
            add_rows(&reader, &collection.table, at, view.next_key - 1, &mut view.flat)?;
            View { next_key, ..view }
        } else {
            let Some(view) = anew(&reader, collection, at, &mut unusable)? else { continue };
            view
        };
        field.edit(|old| *old = view);
        return Ok((field.view(), reader));
    }
}

/// The view of a field as it is on the disk; `None` to try once more, since the writer may have replaced the graph's file
/// just now: then another one is named by now. Without one that can be used all rows are searched exactly.
fn anew(reader: &Reader<'_>, collection: &Collection, at: usize, unusable: &mut Option<Saved>) -> Result<Option<View>> {
    let table = &collection.table;
    match snapshot::saved(reader, table, at)? {
        Some(saved) if unusable.as_ref() != Some(&saved) => {
            match with_graph(reader, table, at, &collection.graphs, &saved) {
                Ok(view) => Ok(Some(view)),
                Err(error) => {
                    tracing::debug!(file = saved.file, %error, "the index file cannot be used");
                    *unusable = Some(saved);
                    Ok(None)
                }
            }
        }
        _ => without_graph(reader, table, at).map(Some),
    }
}

/// # Errors
/// When the file is missing or damaged, or has other rows than it should.
fn with_graph(connection: &Connection, table: &Table, at: usize, graphs: &Path, saved: &Saved) -> Result<View> {
    let upto = saved.upto;
    let graph = snapshot::load(&table.spec.vectors[at], graphs, saved)?;
    let mut flat = Flat::default();
    add_rows(connection, table, at, upto, &mut flat)?;
    let dead: RoaringTreemap = table.dead_keys(connection, at)?.iter().take_while(|key| *key <= upto).collect();
    let dead_nodes = dead.iter().filter(|key| graph.contains(*key)).count();
    let (next_key, rows) = table.counters(connection)?;
    if graph.len() + flat.len() != rows as usize + dead_nodes {
        return Err(Error::new(ErrorKind::Corrupt, "the index does not match the rows"));
    }
    Ok(View { flat, graph: Some(Arc::new(graph)), upto, dead: Arc::new(dead), next_key, loaded_key: next_key })
}

fn without_graph(connection: &Connection, table: &Table, at: usize) -> Result<View> {
    let mut flat = Flat::default();
    add_rows(connection, table, at, 0, &mut flat)?;
    let (next_key, _) = table.counters(connection)?;
    Ok(View { flat, next_key, loaded_key: next_key, ..View::default() })
}

/// Adds the rows whose keys are after `after`.
fn add_rows(connection: &Connection, table: &Table, at: usize, after: u64, flat: &mut Flat) -> Result<()> {
    let field: &VectorField = &table.spec.vectors[at];
    let mut chunk = Chunk::new(field);
    table.vectors_after(connection, at, after, |key, bytes| {
        chunk.push(key, field.metric, bytes);
        if chunk.keys.len() == LOAD_ROWS {
            flat.push(field, std::mem::replace(&mut chunk, Chunk::new(field)));
        }
        true
    })?;
    flat.push(field, chunk);
    Ok(())
}
