//! Graphs on the disk. A file is written under a name never used before, made durable, and only then named in
//! SQLite together with its checksum and the newest key it covers; a crash at any moment leaves the old file in force.

use std::path::Path;
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension, params};

use super::db::{Db, failed};
use super::field::Field;
use super::graph::{Content, Graph};
use super::table::Table;
use crate::schema::VectorField;
use crate::{Error, Result};

/// What SQLite says of a field's graph on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) file: String,
    /// The newest key it covers.
    pub(super) upto: u64,
    content: Content,
}

pub(super) fn saved(connection: &Connection, table: &Table, at: usize) -> Result<Option<Saved>> {
    let row = connection.query_row(
        "SELECT file, upto, bytes, crc FROM graphs WHERE collection = ? AND field = ?",
        params![table.number, at as i64],
        |row| {
            let content = Content { bytes: row.get::<_, i64>(2)? as u64, crc: row.get::<_, i64>(3)? as u32 };
            Ok(Saved { file: row.get(0)?, upto: row.get::<_, i64>(1)? as u64, content })
        },
    );
    row.optional().map_err(failed)
}

/// Reads a graph back.
///
/// # Errors
/// When its file is missing, or is not byte for byte what was written.
pub(super) fn load(field: &VectorField, folder: &Path, saved: &Saved) -> Result<Graph> {
    Graph::load(field, &folder.join(&saved.file), &saved.content)
}

/// Writes the field's graph as it is. The caller holds the collection's indexing lock: nobody adds meanwhile.
pub(super) fn save(db: &Db, table: &Table, at: usize, field: &Field, folder: &Path) -> Result<()> {
    let view = field.view();
    let Some(graph) = &view.graph else { return Ok(()) };
    // Named by its content, so that a reader who finds the file finds the one that it looks for.
    let name = format!("{}-{at}-{}-{}", table.number, view.upto, graph.len());
    let (file, content) = graph.save(folder, &name)?;
    let mut writer = db.writer()?;
    let transaction = writer.transaction().map_err(failed)?;
    let old: Option<String> = transaction
        .query_row(
            "SELECT file FROM graphs WHERE collection = ? AND field = ?",
            params![table.number, at as i64],
            |row| row.get(0),
        )
        .optional()
        .map_err(failed)?;
    transaction
        .execute(
            "INSERT OR REPLACE INTO graphs VALUES (?, ?, ?, ?, ?, ?)",
            params![table.number, at as i64, file, view.upto as i64, content.bytes as i64, i64::from(content.crc)],
        )
        .map_err(failed)?;
    // Dead rows without a node need not be remembered.
    let dead = table.dead_keys(&transaction, at)?;
    table.bury(&transaction, at, dead.iter().filter(|key| *key <= view.upto && !graph.contains(*key)))?;
    transaction.commit().map_err(failed)?;
    drop(writer);
    field.saved_len.store(graph.len(), Ordering::Relaxed);
    if let Some(old) = old.filter(|old| *old != file) {
        // A file left behind is removed at the next start.
        let _ = std::fs::remove_file(folder.join(old));
    }
    Ok(())
}

/// Removes files that SQLite does not name: half-written ones and those of collections that are gone.
pub(super) fn sweep(connection: &Connection, folder: &Path) -> Result<()> {
    let mut statement = connection.prepare("SELECT file FROM graphs").map_err(failed)?;
    let named = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    let named = named.collect::<rusqlite::Result<std::collections::HashSet<_>>>().map_err(failed)?;
    let entries = std::fs::read_dir(folder).map_err(|error| Error::io("cannot read", folder, error))?;
    for entry in entries.flatten() {
        if !named.contains(entry.file_name().to_string_lossy().as_ref()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}
