//! Moves rows from the exact part of a view into its graph, in the background, so that neither writers nor searches
//! ever wait for a graph to be built; rebuilds graphs with many dead nodes; saves graphs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, Weak};
use std::thread::JoinHandle;

use super::Shared;
use super::collection::Collection;
use super::db::Db;
use super::field::Field;
use super::graph::Graph;
use super::snapshot;
use crate::store::{IndexProgress, OnProgress};
use crate::{Error, ErrorKind, Result};

/// Rows added between looks at whether to stop.
const STEP: usize = 1024;
/// A graph is saved in the background when it has grown by this share, and at least by this many nodes.
const SAVE_AT_GROWTH: usize = 4;
const SAVE_AT_LEAST: usize = 10_000;
/// A graph is rebuilt when more than one node in this many is dead.
const REBUILD_AT_DEAD: usize = 4;
const REBUILD_AT_LEAST: usize = 1_000;

/// The background thread.
#[derive(Debug)]
pub(super) struct Indexer {
    stop: Arc<AtomicBool>,
    wake: Option<Sender<Weak<Collection>>>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = channel();
        let thread = std::thread::Builder::new()
            .name("indexer".into())
            .spawn({
                let stop = Arc::clone(&stop);
                move || run(&shared, &woken, &stop)
            })
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the indexing thread").with_source(error))?;
        Ok(Self { stop, wake: Some(wake), thread: Some(thread) })
    }

    /// Has the thread look at a collection when it gets to it.
    pub(super) fn wake(&self, collection: &Arc<Collection>) {
        if let Some(wake) = &self.wake
            && collection.fields.iter().any(|field| field.wants_indexing() || wants_rebuild(field))
        {
            // The thread only ends when the store closes.
            let _ = wake.send(Arc::downgrade(collection));
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, woken: &Receiver<Weak<Collection>>, stop: &AtomicBool) {
    while let Ok(collection) = woken.recv() {
        let Some(collection) = collection.upgrade() else { continue };
        if let Err(error) = catch_up(shared, &collection, stop) {
            // Searches go on exactly; the next write tries again.
            tracing::error!(collection = collection.spec().name, %error, "indexing failed");
        }
        if stop.load(Ordering::Acquire) {
            return;
        }
    }
}

/// Brings every graph of a collection up to date, and saves those that grew much.
fn catch_up(shared: &Shared, collection: &Collection, stop: &AtomicBool) -> Result<()> {
    let _indexing = collection.indexing.lock().unwrap_or_else(PoisonError::into_inner);
    for (at, field) in collection.fields.iter().enumerate() {
        // Half of the cores: searches go on beside it.
        index(shared, collection, at, stop, None, super::cores().div_ceil(2))?;
        if !stop.load(Ordering::Acquire) {
            save_if_grown(shared, collection, at, field)?;
        }
    }
    Ok(())
}

/// Saves a graph that has grown by so much that building it again would hurt.
fn save_if_grown(shared: &Shared, collection: &Collection, at: usize, field: &Field) -> Result<()> {
    let len = field.view().graph.as_ref().map_or(0, |graph| graph.len());
    let grown = len.abs_diff(field.saved_len.load(Ordering::Relaxed));
    if grown < SAVE_AT_LEAST.max(len / SAVE_AT_GROWTH) {
        return Ok(());
    }
    snapshot::save(&shared.db, &collection.table, at, field, &shared.graphs)
}

/// Indexes all there is and saves it, for [`VectorStore::flush`](crate::VectorStore::flush) and for closing.
pub(super) fn flush(shared: &Shared, collection: &Collection, on_progress: Option<&OnProgress>) -> Result<()> {
    let _indexing = collection.indexing.lock().unwrap_or_else(PoisonError::into_inner);
    for (at, field) in collection.fields.iter().enumerate() {
        index(shared, collection, at, &AtomicBool::new(false), on_progress, super::cores())?;
        let len = field.view().graph.as_ref().map_or(0, |graph| graph.len());
        if len != field.saved_len.load(Ordering::Relaxed) {
            snapshot::save(&shared.db, &collection.table, at, field, &shared.graphs)?;
        }
    }
    Ok(())
}

/// Saves graphs that grew by more than a start can quickly make up for.
pub(super) fn save_before_closing(shared: &Shared, collection: &Collection) -> Result<()> {
    let _indexing = collection.indexing.lock().unwrap_or_else(PoisonError::into_inner);
    for (at, field) in collection.fields.iter().enumerate() {
        let len = field.view().graph.as_ref().map_or(0, |graph| graph.len());
        if len.abs_diff(field.saved_len.load(Ordering::Relaxed)) >= STEP.max(len / 20) {
            snapshot::save(&shared.db, &collection.table, at, field, &shared.graphs)?;
        }
    }
    Ok(())
}

fn index(
    shared: &Shared,
    collection: &Collection,
    at: usize,
    stop: &AtomicBool,
    on_progress: Option<&OnProgress>,
    threads: usize,
) -> Result<()> {
    let field = &collection.fields[at];
    while field.wants_indexing() && !stop.load(Ordering::Acquire) {
        let view = field.view();
        let graph = match &view.graph {
            Some(graph) => Arc::clone(graph),
            None => {
                // From here on deleted rows must be noted; no write may be half-way when that begins.
                let _writer = shared.db.writer()?;
                field.has_graph.store(true, Ordering::Release);
                Arc::new(Graph::new(&field.spec)?)
            }
        };
        let Some(chunk) = view.flat.chunks.first() else { break };
        let alive: Vec<usize> = (0..chunk.keys.len()).filter(|row| !view.dead.contains(chunk.keys[*row])).collect();
        let mut upto = chunk.keys.last().copied().unwrap_or(view.upto);
        for rows in alive.chunks(STEP) {
            graph.add(rows.iter().map(|row| (chunk.keys[*row], chunk.rows.floats(*row))), threads)?;
            if let Some(on_progress) = on_progress {
                let indexed = graph.len() as u64;
                on_progress(IndexProgress { indexed, total: indexed.max(view.len() as u64) });
            }
            if stop.load(Ordering::Acquire) {
                upto = rows.last().map_or(upto, |row| chunk.keys[*row]);
                break;
            }
        }
        field.edit(|view| {
            view.flat.retain(&field.spec, |key| key > upto);
            view.upto = view.upto.max(upto);
            view.graph = Some(graph);
        });
        collection.progress.notify_all();
        // A build of minutes that is broken off goes on from here.
        save_if_grown(shared, collection, at, field)?;
    }
    if wants_rebuild(field) && !stop.load(Ordering::Acquire) {
        rebuild(&shared.db, collection, at, stop, threads)?;
    }
    Ok(())
}

fn wants_rebuild(field: &Field) -> bool {
    let view = field.view();
    let nodes = view.graph.as_ref().map_or(0, |graph| graph.len());
    let dead = view.dead.range_cardinality(..=view.upto) as usize;
    nodes > 0 && dead >= REBUILD_AT_LEAST && dead > nodes / REBUILD_AT_DEAD
}

/// Builds a graph of the living rows beside the old one, which serves until the new one takes its place.
fn rebuild(db: &Db, collection: &Collection, at: usize, stop: &AtomicBool, threads: usize) -> Result<()> {
    let field = &collection.fields[at];
    let old = field.view();
    let graph = Graph::new(&field.spec)?;
    let dim = field.spec.dim;
    let mut after = 0;
    while after < old.upto && !stop.load(Ordering::Acquire) {
        let (mut keys, mut vectors) = (Vec::new(), Vec::new());
        // A reader for each step: one for all of them would keep SQLite from emptying its log.
        let reader = db.reader()?;
        collection.table.vectors_after(&reader, at, after, |key, bytes| {
            if key <= old.upto {
                keys.push(key);
                let values: Vec<f32> = super::distance::floats(bytes).collect();
                vectors.extend(super::distance::normalised(field.spec.metric, &values));
            }
            key < old.upto && keys.len() < STEP
        })?;
        drop(reader);
        let Some(last) = keys.last() else { break };
        after = *last;
        graph.add(keys.iter().copied().zip(vectors.chunks_exact(dim)), threads)?;
    }
    if stop.load(Ordering::Acquire) {
        return Ok(());
    }
    field.edit(|view| {
        let dead = view.dead.iter().filter(|key| *key > view.upto || graph.contains(*key)).collect();
        view.dead = Arc::new(dead);
        view.graph = Some(Arc::new(graph));
    });
    // The file has the old graph's nodes; equal lengths must not hide that.
    field.saved_len.store(0, Ordering::Relaxed);
    Ok(())
}
