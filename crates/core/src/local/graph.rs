//! The HNSW graph (usearch) of one vector field: a cache that can be thrown away, because SQLite has every vector.
//!
//! Nodes are never removed: a row that was replaced or deleted keeps its node, which searches pass over, until the
//! graph is rebuilt. Removing nodes while others search would be both slower and worse for recall.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use parking_lot::{RwLock, RwLockWriteGuard};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use super::distance::{self, Prepared};
use super::nearest::Candidate;
use crate::schema::{IndexKind, Metric, VectorField};
use crate::{Error, ErrorKind, Result};

/// Links a node and candidates kept while building, where the schema does not say: usearch's own choice.
const DEFAULT_M: u32 = 16;
const DEFAULT_EF_CONSTRUCTION: u32 = 128;
/// Candidates kept while searching, where the search does not say.
pub(super) const DEFAULT_EF: usize = 96;

/// The graph's build parameters for a field.
pub(super) fn build_parameters(index: IndexKind) -> (u32, u32) {
    match index {
        IndexKind::Hnsw { m, ef_construction } => (m, ef_construction),
        _ => (DEFAULT_M, DEFAULT_EF_CONSTRUCTION),
    }
}

pub(super) struct Graph {
    metric: Metric,
    dim: usize,
    /// Searches share it. Adding has it alone, one vector at a time: usearch locks nodes against other additions,
    /// but searches walk over them without looking, and would find a node's links gone while they are sorted anew.
    index: RwLock<Index>,
    slots: Slots,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("dim", &self.dim).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Graph {
    /// An empty graph for `capacity` vectors, which grows when more come.
    pub(super) fn new(field: &VectorField, capacity: usize) -> Result<Self> {
        let (m, ef_construction) = build_parameters(field.index);
        let options = IndexOptions {
            dimensions: field.dim,
            // Under Cosine vectors are normalised before they come here, and the inner product is the cheaper formula.
            metric: if field.metric == Metric::L2 { MetricKind::L2sq } else { MetricKind::IP },
            quantization: ScalarKind::F32,
            connectivity: m as usize,
            expansion_add: ef_construction as usize,
            // The number of candidates comes with each search, as the number of results asked for.
            expansion_search: 1,
            multi: false,
        };
        let index = Index::new(&options).map_err(failed)?;
        let slots = Slots::new();
        index.reserve_capacity_and_threads(capacity, slots.total).map_err(failed)?;
        Ok(Self { metric: field.metric, dim: field.dim, index: RwLock::new(index), slots })
    }

    /// Reads a graph back from its file.
    ///
    /// # Errors
    /// When the file is missing, or is not byte for byte what was written.
    pub(super) fn load(field: &VectorField, path: &Path, expected: &Content) -> Result<Self> {
        let found = checksum(path)?;
        if found != *expected {
            return Err(Error::new(ErrorKind::Corrupt, format!("{} is not what was written", path.display())));
        }
        let graph = Self::new(field, 0)?;
        {
            let index = graph.index.write();
            index.load(&path.to_string_lossy()).map_err(failed)?;
            if index.dimensions() != field.dim {
                return Err(Error::new(ErrorKind::Corrupt, format!("{} has another dimension", path.display())));
            }
            index.reserve_capacity_and_threads(index.size(), graph.slots.total).map_err(failed)?;
        }
        Ok(graph)
    }

    /// Writes the graph to a file whose name begins with `name` and ends with its checksum, and makes it durable before
    /// it appears. Returns the whole name.
    pub(super) fn save(&self, folder: &Path, name: &str) -> Result<(String, Content)> {
        let temporary = folder.join(format!("{name}.tmp"));
        let write = || {
            let index = self.index.read();
            index.save(&temporary.to_string_lossy()).map_err(|error| cannot_save(&temporary, error))?;
            drop(index);
            let file = File::open(&temporary).map_err(|error| Error::io("cannot open", &temporary, error))?;
            file.sync_all().map_err(|error| Error::io("cannot write", &temporary, error))?;
            let content = checksum(&temporary)?;
            let file = format!("{name}-{:08x}.usearch", content.crc);
            let path = folder.join(&file);
            std::fs::rename(&temporary, &path).map_err(|error| Error::io("cannot write", &path, error))?;
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|error| Error::io("cannot write", folder, error))?;
            Ok((file, content))
        };
        write().inspect_err(|_| {
            let _ = std::fs::remove_file(&temporary);
        })
    }

    /// Adds vectors as they are compared; a key that is there already is passed over.
    ///
    /// On one thread, though usearch takes several: 2.26.6 then leaves about one node in ten thousand without a link
    /// that leads to it, and a picture that does not find itself is worse than a graph that takes longer.
    pub(super) fn add<'a>(&self, vectors: impl ExactSizeIterator<Item = (u64, &'a [f32])>) -> Result<()> {
        self.make_room(vectors.len())?;
        for (key, vector) in vectors {
            let index = self.index.write();
            if !index.contains(key) {
                index.add(key, vector).map_err(failed)?;
            }
            // To those who wait, if any: the next vector would nearly always be quicker.
            RwLockWriteGuard::unlock_fair(index);
        }
        Ok(())
    }

    fn make_room(&self, more: usize) -> Result<()> {
        let wanted = {
            let index = self.index.read();
            let needed = index.size() + more;
            if needed <= index.capacity() {
                return Ok(());
            }
            needed.max(index.size() * 3 / 2)
        };
        let index = self.index.write();
        index.reserve_capacity_and_threads(wanted, self.slots.total).map_err(failed)
    }

    /// The nearest nodes for which `is_wanted` holds, nearest first: at least `ef` candidates are kept on the way.
    pub(super) fn search(
        &self,
        query: &Prepared,
        ef: usize,
        is_wanted: Option<&dyn Fn(u64) -> bool>,
    ) -> Result<Vec<Candidate>> {
        let Prepared::F32(query) = query else { unreachable!("binary fields have no graph") };
        let _slot = self.slots.take();
        let index = self.index.read();
        // Looked up here, where nobody adds any: with fewer candidates than nodes the farthest would be missing.
        let ef = ef.min(index.size());
        let matches = match is_wanted {
            None => index.search(query, ef),
            Some(is_wanted) => index.filtered_search(query, ef, is_wanted),
        }
        .map_err(failed)?;
        // usearch's inner-product distance is 1 − ip; ours is −ip.
        let shift = if self.metric == Metric::L2 { 0.0 } else { 1.0 };
        let candidates = matches.keys.into_iter().zip(matches.distances);
        Ok(candidates.map(|(key, distance)| Candidate { distance: distance - shift, key }).collect())
    }

    /// Calls `visit(key, distance)` for each of `keys` that is in the graph: exact.
    pub(super) fn scan_keys(&self, query: &Prepared, keys: impl Iterator<Item = u64>, mut visit: impl FnMut(u64, f32)) {
        let Prepared::F32(query) = query else { return };
        let mut vector = vec![0.0; self.dim];
        let _slot = self.slots.take();
        let index = self.index.read();
        for key in keys {
            if matches!(index.get(key, &mut vector), Ok(1)) {
                let mut distance = [0.0];
                distance::float_distances(self.metric, query, &vector, &mut distance);
                visit(key, distance[0]);
            }
        }
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.index.read().contains(key)
    }

    /// Nodes, those of deleted rows too.
    pub(super) fn len(&self) -> usize {
        self.index.read().size()
    }
}

/// What a saved graph's file must look like to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

fn checksum(path: &Path) -> Result<Content> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let mut file = File::open(path).map_err(cannot_read)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer).map_err(cannot_read)?;
        if count == 0 {
            return Ok(Content { bytes, crc: hasher.finalize() });
        }
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
}

/// usearch does not say why a file could not be written: writing on shows it.
fn cannot_save(path: &Path, error: impl std::fmt::Display) -> Error {
    let probe = || {
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(&[0; 1 << 16])?;
        file.sync_all()
    };
    match probe() {
        Err(error) => Error::io("cannot write", path, error),
        Ok(()) => Error::new(ErrorKind::Io, format!("cannot write {}: {error}", path.display())),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the HNSW index failed: {error}"))
}

/// usearch works for a fixed number of threads at a time and fails beyond; here the others wait.
struct Slots {
    total: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    fn new() -> Self {
        // Twice the cores: some wait for memory or their turn while others compute.
        let total = 2 * super::cores() + 2;
        Self { total, free: Mutex::new(total), freed: Condvar::new() }
    }

    fn take(&self) -> SlotGuard<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        SlotGuard(self)
    }
}

struct SlotGuard<'a>(&'a Slots);

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
