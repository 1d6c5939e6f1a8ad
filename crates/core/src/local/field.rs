//! What is in memory of one vector field: exact rows, a graph, and which keys in them are dead.
//!
//! A [`View`] never changes; writers and the indexer make a new one and put it in place. So a search works on one
//! consistent view from beginning to end and waits for nobody.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use roaring::RoaringTreemap;

use super::distance::Prepared;
use super::flat::{Chunk, Flat};
use super::graph::{Graph, Wanted};
use super::nearest::{Candidate, Nearest};
use super::passing::Passing;
use crate::Result;
use crate::schema::{IndexKind, VectorField, VectorKind};

/// What a search sees.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Rows with keys greater than `upto`.
    pub(super) flat: Flat,
    pub(super) graph: Option<Arc<Graph>>,
    /// The graph has all rows with keys up to this one that are not dead; perhaps some more.
    pub(super) upto: u64,
    /// Keys in the graph or the exact rows that searches pass over.
    pub(super) dead: Arc<RoaringTreemap>,
    /// All rows with lower keys are in it, but for those that were deleted before it was made.
    pub(super) next_key: u64,
    /// What `next_key` was when the view was loaded.
    pub(super) loaded_key: u64,
}

impl View {
    /// Nodes and rows that a search looks at, dead ones too.
    pub(super) fn len(&self) -> usize {
        self.flat.len() + self.graph.as_ref().map_or(0, |graph| graph.len())
    }
}

/// A vector field's memory.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) spec: VectorField,
    /// From this many components (rows × dimension) on there is a graph.
    graph_from: usize,
    view: RwLock<Arc<View>>,
    /// Taken to put a new view in place. Never held while computing.
    editing: Mutex<()>,
    /// Whether deleted rows must be noted in SQLite because a graph may have their nodes. Set under the writer's lock.
    pub(super) has_graph: AtomicBool,
    /// Nodes of the graph in its file.
    pub(super) saved_len: AtomicUsize,
}

impl Field {
    pub(super) fn new(spec: VectorField, view: View, graph_from: usize) -> Self {
        let saved_len = view.graph.as_ref().map_or(0, |graph| graph.len());
        Self {
            spec,
            graph_from,
            has_graph: AtomicBool::new(view.graph.is_some()),
            saved_len: AtomicUsize::new(saved_len),
            view: RwLock::new(Arc::new(view)),
            editing: Mutex::new(()),
        }
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a changed view in place.
    pub(super) fn edit(&self, change: impl FnOnce(&mut View)) {
        let _editing = self.editing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view());
        change(&mut view);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// Whether this field may have a graph at all.
    pub(super) fn can_have_graph(&self) -> bool {
        self.spec.kind == VectorKind::F32 && self.spec.index != IndexKind::Flat
    }

    /// Whether exact rows should move into a graph now.
    pub(super) fn wants_indexing(&self) -> bool {
        let view = self.view();
        self.can_have_graph()
            && view.flat.len() > 0
            && (view.graph.is_some() || view.flat.len() * self.spec.dim >= self.graph_from)
    }

    /// Shows rows that are about to be committed. A search that sees them before the commit finds no row and passes
    /// over them; one that sees them after is right.
    pub(super) fn add(&self, chunk: Chunk, next_key: u64) {
        self.edit(|view| {
            view.flat.push(&self.spec, chunk);
            view.next_key = next_key;
        });
    }

    /// Takes rows back whose commit failed. Their keys are not used again: searches may still hold a view with them.
    pub(super) fn take_back(&self, first_key: u64) {
        self.edit(|view| view.flat.retain(&self.spec, |key| key < first_key));
    }

    /// Passes over these rows from now on.
    pub(super) fn bury(&self, keys: &[u64]) {
        if keys.is_empty() {
            return;
        }
        self.edit(|view| {
            let mut dead = RoaringTreemap::clone(&view.dead);
            dead.extend(keys.iter().copied());
            // Exact rows are cheap to leave out for good, once it is worth copying the others.
            let in_flat: Vec<u64> = dead.iter().filter(|key| *key > view.upto).collect();
            if in_flat.len() > 1024 && in_flat.len() > view.flat.len() / 4 {
                view.flat.retain(&self.spec, |key| !dead.contains(key));
                for key in in_flat {
                    dead.remove(key);
                }
            }
            view.dead = Arc::new(dead);
        });
    }

    /// The rows that are `nearest`, nearest first; with `allowed`, only of those keys. Dead rows are left out; the rows
    /// may still turn out not to be there when they are read: not yet committed, or just deleted.
    pub(super) fn search(
        &self,
        view: &View,
        query: &Prepared,
        mut nearest: Nearest,
        ef: Option<u32>,
        allowed: Option<&Passing>,
    ) -> Result<Vec<Candidate>> {
        // The graph may be ahead of `upto`: rows on their way into it are in both.
        let mut in_both = HashSet::new();
        if let Some(graph) = &view.graph {
            let only = allowed.map(|allowed| (allowed, view.upto));
            let wanted = Wanted { k: nearest.k(), ef, bound: nearest.bound(), dead: &view.dead, only };
            for candidate in graph.search(query, &wanted)? {
                nearest.offer(candidate.key, candidate.distance, || true);
                if candidate.key > view.upto {
                    in_both.insert(candidate.key);
                }
            }
        }
        let metric = self.spec.metric;
        let is_wanted = |key: u64| !view.dead.contains(key) && !in_both.contains(&key);
        match allowed {
            // Few are looked up, many are faster looked at one after the other.
            Some(allowed) if allowed.keys.range_cardinality(view.upto + 1..) as usize * 4 < view.flat.len() => {
                let mut wanted = allowed.keys.iter();
                wanted.advance_to(view.upto + 1);
                let wanted: RoaringTreemap = wanted.filter(|key| is_wanted(*key)).collect();
                view.flat.scan_keys(metric, query, &mut nearest, &wanted);
            }
            _ => {
                let passes = |key| allowed.is_none_or(|allowed| allowed.keys.contains(key));
                view.flat.scan(metric, query, &mut nearest, |key| is_wanted(key) && passes(key));
            }
        }
        Ok(nearest.into_sorted())
    }
}
