//! How a process that only reads follows the one that writes: before a search it takes over what was committed since.

use std::sync::{Arc, PoisonError};

use super::collection::Collection;
use super::db::{Db, Reader};
use super::field::View;
use super::load::{add_rows, with_graph, without_graph};
use super::snapshot::{self, Saved};
use crate::Result;

/// A view that is followed is loaded anew when this share of it was written since, and at least so many rows: by then
/// many of its rows are dead, and the graph on the disk has many of the newer ones.
const RELOAD_AT_GROWTH: u64 = 4;
const RELOAD_AT_LEAST: u64 = 10_000;

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
