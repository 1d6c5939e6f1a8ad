//! From the disk to memory: a field's graph from its file, and the rows that it lacks from SQLite.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringTreemap;
use rusqlite::Connection;

use super::field::View;
use super::flat::{Chunk, Flat};
use super::snapshot::{self, Saved};
use super::table::Table;
use crate::schema::VectorField;
use crate::{Error, ErrorKind, Result};

/// Rows a chunk when a collection is loaded.
const LOAD_ROWS: usize = 16_384;

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

/// # Errors
/// When the file is missing or damaged, or has other rows than it should.
pub(super) fn with_graph(
    connection: &Connection,
    table: &Table,
    at: usize,
    graphs: &Path,
    saved: &Saved,
) -> Result<View> {
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

pub(super) fn without_graph(connection: &Connection, table: &Table, at: usize) -> Result<View> {
    let mut flat = Flat::default();
    add_rows(connection, table, at, 0, &mut flat)?;
    let (next_key, _) = table.counters(connection)?;
    Ok(View { flat, next_key, loaded_key: next_key, ..View::default() })
}

/// Adds the rows whose keys are after `after`.
pub(super) fn add_rows(connection: &Connection, table: &Table, at: usize, after: u64, flat: &mut Flat) -> Result<()> {
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
