//! The HNSW graph of one vector field: a cache that can be thrown away, because SQLite has every vector.
//!
//! Nodes are never removed: a row that was replaced or deleted keeps its node, which searches pass over, until the
//! graph is rebuilt. Removing nodes while others search would be both slower and worse for recall.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_hnsw::{Bits, Config, Index, Search};
use roaring::RoaringTreemap;

use super::distance::Prepared;
use super::nearest::Candidate;
use super::passing::Passing;
use crate::schema::{IndexKind, Metric, VectorField};
use crate::{Error, ErrorKind, Result};

/// Links a node and candidates kept while building, where the schema does not say: what measured best.
const DEFAULT_M: u32 = 24;
const DEFAULT_EF_CONSTRUCTION: u32 = 200;
/// Candidates kept while searching, where the search does not say.
const DEFAULT_EF: u32 = 96;
/// Filters whose slots are remembered.
const MAX_KNOWN_FILTERS: usize = 32;

/// The graph's build parameters for a field.
pub(super) fn build_parameters(index: IndexKind) -> (u32, u32) {
    match index {
        IndexKind::Hnsw { m, ef_construction } => (m, ef_construction),
        _ => (DEFAULT_M, DEFAULT_EF_CONSTRUCTION),
    }
}

pub(super) struct Graph {
    index: Index,
    dead: Mutex<Known>,
    filters: Mutex<Vec<KnownFilter>>,
}

/// Keys as slots of the graph.
#[derive(Default)]
struct Known {
    keys: Arc<RoaringTreemap>,
    slots: Arc<Bits>,
}

/// A filter's keys up to one, as slots.
struct KnownFilter {
    id: u64,
    upto: u64,
    slots: Arc<Bits>,
}

/// What a search wants of a graph.
pub(super) struct Wanted<'a> {
    pub(super) k: usize,
    pub(super) ef: Option<u32>,
    /// Nothing farther than this.
    pub(super) bound: f32,
    pub(super) dead: &'a Arc<RoaringTreemap>,
    /// Only rows that pass, up to a key.
    pub(super) only: Option<(&'a Passing, u64)>,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("config", self.index.config()).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Graph {
    pub(super) fn new(field: &VectorField) -> Result<Self> {
        Ok(Self::of(Index::new(config(field)).map_err(failed)?))
    }

    fn of(index: Index) -> Self {
        Self { index, dead: Mutex::default(), filters: Mutex::default() }
    }

    /// Reads a graph back from its file.
    ///
    /// # Errors
    /// When the file is missing, or is not byte for byte what was written, or a graph of another kind.
    pub(super) fn load(field: &VectorField, path: &Path, expected: &Content) -> Result<Self> {
        let cannot_read = |error| Error::io("cannot read", path, error);
        let not_it = || Error::new(ErrorKind::Corrupt, format!("{} is not what was written", path.display()));
        let mut file = File::open(path).map_err(cannot_read)?;
        let mut crc = [0; 4];
        if file.metadata().map_err(cannot_read)?.len() != expected.bytes || expected.bytes < 4 {
            return Err(not_it());
        }
        file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut crc)).map_err(cannot_read)?;
        if u32::from_le_bytes(crc) != expected.crc {
            return Err(not_it());
        }
        file.rewind().map_err(cannot_read)?;
        // The checksum at its end is that of what is read.
        let index = Index::read(BufReader::with_capacity(1 << 20, file), false).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("{} cannot be used", path.display())).with_source(error)
        })?;
        if *index.config() != config(field) {
            return Err(Error::new(ErrorKind::Corrupt, format!("{} was built for another field", path.display())));
        }
        Ok(Self::of(index))
    }

    /// Writes the graph to a file whose name begins with `name` and ends with its checksum, and makes it durable before
    /// it appears. Returns the whole name.
    pub(super) fn save(&self, folder: &Path, name: &str) -> Result<(String, Content)> {
        let temporary = folder.join(format!("{name}.tmp"));
        let cannot_write = |error| Error::io("cannot write", &temporary, error);
        let write = || {
            let file = File::create(&temporary).map_err(cannot_write)?;
            let written = self.index.write(&file).map_err(|error| match error {
                bootcamp_hnsw::Error::Io(error) => cannot_write(error),
                error => failed(error),
            })?;
            file.sync_all().map_err(cannot_write)?;
            let content = Content { bytes: written.bytes, crc: written.crc };
            let file = format!("{name}-{:08x}.hnsw", content.crc);
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

    /// Adds vectors as they are compared, in the order of their keys; those that are there already are passed over.
    /// Searches go on meanwhile.
    pub(super) fn add<'a>(&self, vectors: impl Iterator<Item = (u64, &'a [f32])>, threads: usize) -> Result<()> {
        let newest = self.index.newest();
        let (mut keys, mut rows) = (Vec::new(), Vec::new());
        for (key, vector) in vectors.filter(|(key, _)| newest.is_none_or(|newest| *key > newest)) {
            keys.push(key);
            rows.extend_from_slice(vector);
        }
        self.index.add(&keys, &rows, threads).map_err(failed)
    }

    /// The nearest rows that are wanted, nearest first: `k`, or all there are within the bound. Some may be newer than
    /// the search's view, and some of those dead.
    pub(super) fn search(&self, query: &Prepared, wanted: &Wanted<'_>) -> Result<Vec<Candidate>> {
        let Prepared::F32(query) = query else { unreachable!("binary fields have no graph") };
        let dead = self.dead(wanted.dead);
        let only = wanted.only.map(|(passing, upto)| self.passing(passing, upto));
        let search = Search {
            k: wanted.k,
            ef: wanted.ef.unwrap_or(DEFAULT_EF) as usize,
            only: only.as_deref(),
            except: Some(&dead),
            within: wanted.bound,
        };
        let hits = self.index.search(query, &search).map_err(failed)?;
        Ok(hits.into_iter().map(|hit| Candidate { distance: hit.distance, key: hit.key }).collect())
    }

    /// The slots of dead rows, of exactly those that the search's view has: others it must find.
    fn dead(&self, keys: &Arc<RoaringTreemap>) -> Arc<Bits> {
        let mut known = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known.keys, keys) {
            return Arc::clone(&known.slots);
        }
        let slots = if known.keys.is_subset(keys) {
            let mut slots = Bits::clone(&known.slots);
            self.index.slots((&**keys - &*known.keys).iter()).iter().for_each(|slot| slots.insert(slot));
            slots
        } else {
            self.index.slots(keys.iter())
        };
        *known = Known { keys: Arc::clone(keys), slots: Arc::new(slots) };
        Arc::clone(&known.slots)
    }

    /// The slots of the rows that pass a filter, up to this key at least. What is in the graph of them never changes, so
    /// only newer rows are looked up again.
    fn passing(&self, passing: &Passing, upto: u64) -> Arc<Bits> {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = filters.iter().position(|known| known.id == passing.id).map(|at| filters.remove(at));
        let (after, slots) = known.map_or((0, Arc::default()), |known| (known.upto, known.slots));
        let known = if after >= upto {
            KnownFilter { id: passing.id, upto: after, slots }
        } else {
            let mut slots = Arc::unwrap_or_clone(slots);
            let mut newer = passing.keys.iter();
            newer.advance_to(after + 1);
            self.index.slots(newer.take_while(|key| *key <= upto)).iter().for_each(|slot| slots.insert(slot));
            KnownFilter { id: passing.id, upto, slots: Arc::new(slots) }
        };
        let slots = Arc::clone(&known.slots);
        // The one that was not asked for the longest is first.
        filters.push(known);
        if filters.len() > MAX_KNOWN_FILTERS {
            filters.remove(0);
        }
        slots
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.index.contains(key)
    }

    /// Nodes, those of deleted rows too.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
}

fn config(field: &VectorField) -> Config {
    let (m, ef_construction) = build_parameters(field.index);
    let metric = match field.metric {
        Metric::L2 => bootcamp_hnsw::Metric::L2,
        // Vectors are normalised before they come here.
        Metric::Cosine => bootcamp_hnsw::Metric::Cosine,
        _ => bootcamp_hnsw::Metric::InnerProduct,
    };
    Config { m: m as usize, ef_construction: ef_construction as usize, ..Config::new(field.dim, metric) }
}

/// What a saved graph's file must look like to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: u64,
    /// Of all bytes but the last four, which are it.
    pub(super) crc: u32,
}

fn failed(error: bootcamp_hnsw::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("the HNSW index failed: {error}")).with_source(error)
}
