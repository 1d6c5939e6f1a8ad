//! What serves a vector field, for [`CollectionInfo`](crate::CollectionInfo).

use rusqlite::Connection;

use super::collection::Collection;
use super::field::Field;
use super::{graph, snapshot};
use crate::Result;
use crate::schema::VectorField;
use crate::store::IndexInfo;

/// As it is in memory.
pub(super) fn loaded(field: &Field) -> IndexInfo {
    let view = field.view();
    match &view.graph {
        Some(graph) => {
            let dead = view.dead.range_cardinality(..=view.upto);
            with_graph(&field.spec, (graph.len() as u64).saturating_sub(dead))
        }
        None => exact(&field.spec, view.flat.len() as u64),
    }
}

/// As it is on the disk: a process that only reads loads no graph to tell of it.
pub(super) fn saved(connection: &Connection, collection: &Collection, at: usize) -> Result<IndexInfo> {
    let field = &collection.fields[at].spec;
    let count = collection.count(connection)?;
    Ok(match snapshot::saved(connection, &collection.table, at)? {
        Some(saved) => with_graph(field, count - collection.table.count_after(connection, saved.upto)?),
        None => exact(field, count),
    })
}

fn with_graph(field: &VectorField, indexed: u64) -> IndexInfo {
    let (m, ef_construction) = graph::build_parameters(field.index);
    let served_by = format!("HNSW (M={m}, ef_construction={ef_construction})");
    IndexInfo { field: field.name.clone(), served_by, exact: false, indexed }
}

fn exact(field: &VectorField, indexed: u64) -> IndexInfo {
    IndexInfo { field: field.name.clone(), served_by: "exact scan".to_owned(), exact: true, indexed }
}
