//! One collection: its tables and what is in memory of its vector fields, kept in step.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use roaring::RoaringTreemap;
use rusqlite::{Connection, params};

use super::db::{Db, failed};
use super::distance::to_bytes;
use super::field::{Field, View};
use super::flat::Chunk;
use super::load;
use super::passing::Passing;
use super::table::{Table, unknown};
use crate::Result;
use crate::filter::Filter;
use crate::record::{Id, Record};
use crate::request::Selection;
use crate::schema::{CollectionSpec, VectorField};

/// Bytes of vectors that may wait for the indexer before writers wait for it.
const MAX_PENDING_BYTES: usize = 512 << 20;
/// Filters whose passing keys are remembered.
const MAX_KNOWN_FILTERS: usize = 32;

/// The keys that pass a filter, up to the newest key when it was asked last.
struct KnownFilter {
    passing: Arc<Passing>,
    upto: u64,
    used: u64,
}

pub(super) struct Collection {
    pub(super) table: Table,
    pub(super) fields: Vec<Field>,
    /// The folder of the graphs' files.
    pub(super) graphs: PathBuf,
    filters: Mutex<(u64, HashMap<String, KnownFilter>)>,
    filter_ids: AtomicU64,
    /// Whether it was renamed or removed. Set under the writer's lock.
    nameless: AtomicBool,
    /// Held by whoever adds to the graphs or saves them; in a process that only reads, by whoever loads them.
    pub(super) indexing: Mutex<()>,
    /// Woken when the indexer made progress.
    pub(super) progress: Condvar,
    pub(super) progress_lock: Mutex<()>,
}

impl Collection {
    /// Loads a collection's memory: graphs from their files, the rows they lack from SQLite.
    pub(super) fn load(connection: &Connection, table: Table, graphs: PathBuf, graph_from: usize) -> Result<Self> {
        let views = (0..table.spec.vectors.len()).map(|at| load::view(connection, &table, at, &graphs));
        let views = views.collect::<Result<Vec<_>>>()?;
        Ok(Self::new(table, graphs, graph_from, views))
    }

    /// For a process that only reads: each field is loaded by the first search of it.
    pub(super) fn unloaded(table: Table, graphs: PathBuf, graph_from: usize) -> Self {
        let views = vec![View::default(); table.spec.vectors.len()];
        Self::new(table, graphs, graph_from, views)
    }

    fn new(table: Table, graphs: PathBuf, graph_from: usize, views: Vec<View>) -> Self {
        let fields = table.spec.vectors.iter().cloned().zip(views);
        Self {
            fields: fields.map(|(field, view)| Field::new(field, view, graph_from)).collect(),
            table,
            graphs,
            filters: Mutex::default(),
            filter_ids: AtomicU64::new(0),
            nameless: AtomicBool::new(false),
            indexing: Mutex::new(()),
            progress: Condvar::new(),
            progress_lock: Mutex::new(()),
        }
    }

    pub(super) fn spec(&self) -> &CollectionSpec {
        &self.table.spec
    }

    /// From now on nothing is written by way of this memory: its table has another name, or is gone.
    pub(super) fn lose_name(&self) {
        self.nameless.store(true, Ordering::Release);
    }

    /// # Errors
    /// `NotFound` when the collection was renamed or removed.
    pub(super) fn check_named(&self) -> Result<()> {
        if self.nameless.load(Ordering::Acquire) { Err(unknown(&self.spec().name)) } else { Ok(()) }
    }

    /// Writes records that were checked. When it returns, they are on the disk and found by searches.
    pub(super) fn upsert(&self, db: &Db, records: &[Record]) -> Result<Vec<Id>> {
        drop(db.writer()?);
        self.wait_for_indexer();
        let mut writer = db.writer()?;
        self.check_named()?;
        let transaction = writer.transaction().map_err(failed)?;
        // Beyond those of writes that failed: what is in memory of them must never pass for something else.
        let keys_in_use = self.fields.iter().map(|field| field.view().next_key);
        let first_key = keys_in_use.fold(self.next_key(&transaction)?, u64::max);
        let next_key = first_key + records.len() as u64;
        let ids = records.iter().filter_map(|record| record.id.as_ref());
        let replaced = self.table.delete_ids(&transaction, ids)?;
        self.note_dead(&transaction, &replaced)?;
        self.table.insert(&transaction, records, first_key)?;
        let added = records.len() as i64 - replaced.len() as i64;
        self.update_counters(&transaction, next_key, added)?;
        for field in &self.fields {
            field.add(chunk_of(&field.spec, first_key, records), next_key);
        }
        if let Err(error) = transaction.commit() {
            self.fields.iter().for_each(|field| field.take_back(first_key));
            return Err(failed(error));
        }
        self.fields.iter().for_each(|field| field.bury(&replaced));
        db.keep_log_short(&writer);
        drop(writer);
        Ok((first_key..).zip(records).map(|(key, record)| record.id.clone().unwrap_or(Id::Int(key as i64))).collect())
    }

    /// Deletes records that were checked to be of the right kind.
    pub(super) fn delete(&self, db: &Db, selection: &Selection) -> Result<()> {
        let mut writer = db.writer()?;
        self.check_named()?;
        let transaction = writer.transaction().map_err(failed)?;
        let keys = match selection {
            Selection::Ids(ids) => self.table.delete_ids(&transaction, ids.iter())?,
            Selection::Filter(filter) => self.table.delete_where(&transaction, filter)?,
        };
        self.note_dead(&transaction, &keys)?;
        let next_key = self.next_key(&transaction)?;
        self.update_counters(&transaction, next_key, -(keys.len() as i64))?;
        transaction.commit().map_err(failed)?;
        self.fields.iter().for_each(|field| field.bury(&keys));
        db.keep_log_short(&writer);
        Ok(())
    }

    fn note_dead(&self, connection: &Connection, keys: &[u64]) -> Result<()> {
        let with_graph = self.fields.iter().enumerate().filter(|(_, field)| field.has_graph.load(Ordering::Acquire));
        with_graph.into_iter().try_for_each(|(at, _)| self.table.note_dead(connection, at, keys))
    }

    /// The key of the next row: all rows have lower ones.
    pub(super) fn next_key(&self, connection: &Connection) -> Result<u64> {
        Ok(self.table.counters(connection)?.0)
    }

    fn update_counters(&self, connection: &Connection, next_key: u64, added: i64) -> Result<()> {
        let sql = "UPDATE collections SET next_key = ?, rows = rows + ? WHERE number = ?";
        connection.execute(sql, params![next_key as i64, added, self.table.number]).map_err(failed)?;
        Ok(())
    }

    /// How many rows there are.
    pub(super) fn count(&self, connection: &Connection) -> Result<u64> {
        Ok(self.table.counters(connection)?.1)
    }

    /// Holds writers back while too much waits for the indexer, so that memory stays bounded.
    fn wait_for_indexer(&self) {
        let is_behind = || {
            self.fields.iter().any(|field| field.can_have_graph() && field.view().flat.byte_len() > MAX_PENDING_BYTES)
        };
        let lock = self.progress_lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Without any progress for this long something is wrong with the graph; rows are still safe without it.
        let patience = std::time::Duration::from_secs(60);
        drop(self.progress.wait_timeout_while(lock, patience, |()| is_behind()));
    }

    /// The keys for which a filter holds. A key's content never changes, so only keys newer than at the last call
    /// are asked of SQLite.
    pub(super) fn passing(&self, connection: &Connection, filter: &Filter) -> Result<Arc<Passing>> {
        let name = filter.to_string();
        let (known, after) = {
            let filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
            filters.1.get(&name).map_or((None, 0), |known| (Some(Arc::clone(&known.passing)), known.upto))
        };
        let upto = self.next_key(connection)? - 1;
        let passing = match known {
            Some(known) if after >= upto => known,
            known => {
                let (id, mut keys) = match known {
                    Some(known) => (known.id, known.keys.clone()),
                    None => (self.filter_ids.fetch_add(1, Ordering::Relaxed), RoaringTreemap::new()),
                };
                self.table.keys_where(connection, filter, after, |key| {
                    keys.insert(key);
                })?;
                Arc::new(Passing { id, keys })
            }
        };
        self.remember(name, &passing, upto);
        Ok(passing)
    }

    fn remember(&self, name: String, passing: &Arc<Passing>, upto: u64) {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        let (clock, known) = &mut *filters;
        *clock += 1;
        if known.len() >= MAX_KNOWN_FILTERS
            && !known.contains_key(&name)
            && let Some(oldest) = known.iter().min_by_key(|(_, known)| known.used).map(|(name, _)| name.clone())
        {
            known.remove(&oldest);
        }
        known.insert(name, KnownFilter { passing: Arc::clone(passing), upto, used: *clock });
    }
}

fn chunk_of(field: &VectorField, first_key: u64, records: &[Record]) -> Chunk {
    let mut chunk = Chunk::new(field);
    for (key, record) in (first_key..).zip(records) {
        chunk.push(key, field.metric, &to_bytes(&record.vectors[&field.name]));
    }
    chunk
}
