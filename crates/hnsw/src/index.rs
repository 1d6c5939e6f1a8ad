//! The index: rows are added while others search.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::beam::Scratch;
use crate::bits::Bits;
use crate::build::Builder;
use crate::codec::Coding;
use crate::error::{Error, Result};
use crate::fit::{self, Sample};
use crate::line::{FloatLine, fill};
use crate::links::{Links, MAX_ROWS, slot_of};
use crate::metric::Metric;
use crate::search::{Hit, Measure, Run, Search};
use crate::space::dispatch;
use crate::view::View;

/// Components that a row can have.
pub const MAX_DIM: usize = 1 << 16;
/// Links a node that are allowed.
const M: std::ops::RangeInclusive<usize> = 2..=2048;
/// From so many links a node on, longer links are worth their places; with fewer they push out nearer ones.
const MANY: usize = 20;
/// Rows that are added at a time: what is copied of them for that stays small.
const AT_A_TIME: usize = 1 << 16;
/// One row in so many may be coded badly, but not fewer rows than this. Those that are coded very badly count as many.
const MISFITS: f32 = 32.0;
const FEW_MISFITS: f32 = 256.0;
/// Rows up to which all are linked anew when they are coded anew: the first links were made when little was known.
const RELINKED: u32 = 4096;
/// Nodes that are worth a thread of their own.
const A_THREAD: usize = 16;

/// How an index is built.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Components of a row.
    pub dim: usize,
    /// How rows are compared.
    pub metric: Metric,
    /// Links that a node seeks, of 2 to 2,048; it may have twice as many on the lowest level.
    pub m: usize,
    /// The width of the walk that looks for them.
    pub ef_construction: usize,
    /// How rows are coded.
    pub coding: Coding,
    /// Computes without instructions that not every processor has, as on one that has none of them.
    pub portable: bool,
}

impl Config {
    /// What measured best, at 128 to 1,280 components: 24 links, a width of 200.
    pub fn new(dim: usize, metric: Metric) -> Self {
        Self { dim, metric, m: 24, ef_construction: 200, coding: Coding::Auto, portable: false }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_DIM).contains(&self.dim) {
            return Err(Error::Config(format!("an index has 1 to {MAX_DIM} components, not {}", self.dim)));
        }
        if !M.contains(&self.m) {
            return Err(Error::Config(format!("a node has {} to {} links, not {}", M.start(), M.end(), self.m)));
        }
        if self.ef_construction == 0 {
            return Err(Error::Config("the width of the walk that builds the graph must not be 0".to_owned()));
        }
        Ok(())
    }

    fn builder(&self) -> Builder {
        let alpha = if self.m >= MANY { 1.1 } else { 1.0 };
        Builder::new(self.m, self.ef_construction.max(self.m), alpha, self.portable)
    }
}

/// What an index is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Rows, those that are passed over included.
    pub rows: usize,
    /// How they are coded.
    pub coding: Coding,
    /// Rows there were when the codec was last found good, or made.
    pub trained_on: usize,
    /// Rows since then that it does not fit: when they are one in 32, all are coded anew.
    pub misfits: usize,
    /// Bytes of memory, but for what searches use.
    pub bytes: usize,
}

/// How the codec does.
#[derive(Debug, Default)]
pub(crate) struct Training {
    /// Rows there were when the codec was last found good, or made.
    pub(crate) trained_on: u32,
    /// How badly it fits the rows since then.
    pub(crate) misfits: f32,
    /// Those that it does not fit, or cannot tell from their neighbours.
    pub(crate) suspects: Vec<u32>,
}

/// An HNSW graph over rows that it keeps. See the [crate] for what it promises.
#[derive(Debug)]
pub struct Index {
    pub(crate) config: Config,
    pub(crate) builder: Builder,
    /// Locked for as long as it takes to copy a pointer.
    view: RwLock<Arc<View>>,
    /// Whoever adds rows, or writes them to a file.
    writer: Mutex<Training>,
    scratches: Mutex<Vec<Scratch>>,
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// [`Error::Config`] for a number of components or links that none can have.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        let view = View::new(config.metric, config.dim, config.m);
        Ok(Self::of(config, view, Training::default()))
    }

    pub(crate) fn of(config: Config, view: View, training: Training) -> Self {
        let builder = config.builder();
        let (view, writer) = (RwLock::new(Arc::new(view)), Mutex::new(training));
        Self { config, builder, view, writer, scratches: Mutex::default() }
    }

    /// How it is built.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Training> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows, those that are passed over included.
    pub fn len(&self) -> usize {
        self.view().len as usize
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it is at the moment.
    pub fn info(&self) -> Info {
        let (training, view) = (self.writer(), self.view());
        Info {
            rows: view.len as usize,
            coding: if view.codec.is_bytes { Coding::Bytes } else { Coding::Floats },
            trained_on: training.trained_on as usize,
            misfits: training.misfits as usize,
            bytes: view.keys.bytes() + view.rows.bytes() + view.codes.bytes() + view.links.bytes(),
        }
    }

    /// Whether a key has a row.
    pub fn contains(&self, key: u64) -> bool {
        self.slot(key).is_some()
    }

    /// The greatest key.
    pub fn newest(&self) -> Option<u64> {
        let view = self.view();
        view.len.checked_sub(1).map(|last| view.key(last))
    }

    /// A key's slot: the row's place in the order of keys, for ever.
    pub fn slot(&self, key: u64) -> Option<u32> {
        let view = self.view();
        let slot = view.slot_from(0, key);
        (slot < view.len && view.key(slot) == key).then_some(slot)
    }

    /// The slots of those of these keys that have rows. Keys that ascend are found the quickest.
    pub fn slots(&self, keys: impl Iterator<Item = u64>) -> Bits {
        let view = self.view();
        let (mut next, mut before) = (0, 0);
        let find = |key: u64| {
            next = view.slot_from(if key < before { 0 } else { next }, key);
            before = key;
            (next < view.len && view.key(next) == key).then_some(next)
        };
        keys.filter_map(find).collect()
    }

    /// Adds rows that lie one behind the other, whose keys ascend and are greater than all before, on so many threads. They
    /// are found when it returns, and some of them earlier. Others may search meanwhile; who adds waits for whoever does.
    ///
    /// On one thread the graph depends on nothing but the rows and how they were divided among calls.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`], [`Error::Order`], [`Error::Full`]: then nothing was added.
    pub fn add(&self, keys: &[u64], rows: &[f32], threads: usize) -> Result<()> {
        let mut training = self.writer();
        let dim = self.config.dim;
        self.check(keys, rows)?;
        for (keys, rows) in keys.chunks(AT_A_TIME).zip(rows.chunks(AT_A_TIME * dim)) {
            let mut view = View::clone(&self.view());
            let first = view.len;
            let width = view.rows.width();
            let mut lines = vec![FloatLine::ZERO; keys.len() * width];
            for (lines, row) in lines.chunks_exact_mut(width).zip(rows.chunks_exact(dim)) {
                fill(lines, row.iter().copied());
            }
            view.push(keys, &lines);
            let mut first = first;
            let blurred = self.builder.take_blurred();
            let again = training.fit(&self.config, &mut view, first, blurred);
            let linked = again.as_ref().and_then(|_| self.link_anew(&mut view, first, threads));
            let view = Arc::new(view);
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&view);
            if let Some(builder) = linked {
                // Only now: in an older view there may be no such row.
                self.builder.begin_as(&builder);
                first = view.len;
            } else if again.is_some() {
                // How far landmarks are from each other was told in codes.
                self.builder.landmarks.set(&self.builder.landmarks.slots().collect::<Vec<u32>>());
            }
            self.link(&self.builder, &view, first, threads);
            if let Some(suspects) = again {
                self.each(suspects.len(), threads, |scratch, next| {
                    self.builder.add_again(&view, scratch, next, &suspects)
                });
            }
        }
        Ok(())
    }

    fn check(&self, keys: &[u64], rows: &[f32]) -> Result<()> {
        let dim = self.config.dim;
        if rows.len() != keys.len() * dim {
            return Err(Error::Dimension { expected: dim, found: rows.len() / keys.len().max(1) });
        }
        let mut newest = self.newest();
        for key in keys {
            if let Some(newest) = newest.filter(|newest| key <= newest) {
                return Err(Error::Order { key: *key, newest });
            }
            newest = Some(*key);
        }
        if self.len() + keys.len() > MAX_ROWS {
            return Err(Error::Full);
        }
        keys.iter().zip(rows.chunks_exact(dim)).try_for_each(|(key, row)| check_finite(*key, row))
    }

    /// After all rows were coded anew: links all nodes anew, where those before `first` are few. Searches go on in the view
    /// that there is until the new one takes its place. Returns where they begin then.
    fn link_anew(&self, view: &mut View, first: u32, threads: usize) -> Option<Builder> {
        if first > RELINKED || first == 0 {
            return None;
        }
        view.links = Links::new(self.config.m);
        view.links.grow(view.len as usize);
        let builder = self.config.builder();
        self.link(&builder, view, 0, threads);
        Some(builder)
    }

    /// Links all nodes from this one on.
    fn link(&self, builder: &Builder, view: &View, first: u32, threads: usize) {
        let next = AtomicU32::new(first);
        self.each((view.len - first) as usize, threads, |scratch, _| builder.add(view, scratch, &next, view.len));
    }

    /// Runs work for so many nodes, which a counter shares out, on so many threads, or fewer.
    fn each(&self, nodes: usize, threads: usize, work: impl Fn(&mut Scratch, &AtomicU32) + Sync) {
        let next = AtomicU32::new(0);
        let work = || {
            let mut scratch = self.scratch();
            work(&mut scratch, &next);
            self.give_back(scratch);
        };
        let threads = threads.min(nodes / A_THREAD);
        if threads <= 1 {
            return work();
        }
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }

    /// The nearest rows, nearest first; rows at the same distance in the order of their keys. Never fewer than there are,
    /// but for what `within` leaves out.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotFinite`].
    pub fn search(&self, query: &[f32], search: &Search<'_>) -> Result<Vec<Hit>> {
        if query.len() != self.config.dim {
            return Err(Error::Dimension { expected: self.config.dim, found: query.len() });
        }
        check_finite(0, query)?;
        // Before the view, so that the view has its row.
        let entry = self.builder.entry();
        let view = self.view();
        let Some(entry) = entry else { return Ok(Vec::new()) };
        let mut scratch = self.scratch();
        let landmarks = &self.builder.landmarks;
        let run = Run { scratch: &mut scratch, entry, landmarks, query, search };
        let hits = dispatch(&view, self.config.portable, run);
        self.give_back(scratch);
        Ok(hits)
    }

    /// Calls `visit` with the exact distance of each of these slots; those beyond the last row are passed over.
    ///
    /// # Errors
    /// [`Error::Dimension`].
    pub fn measure(
        &self,
        query: &[f32],
        slots: impl Iterator<Item = u32>,
        mut visit: impl FnMut(u64, f32),
    ) -> Result<()> {
        if query.len() != self.config.dim {
            return Err(Error::Dimension { expected: self.config.dim, found: query.len() });
        }
        let view = self.view();
        let slots: Vec<u32> = slots.filter(|slot| *slot < view.len).collect();
        let visit = |slot: u32, distance: f32| visit(view.key(slot), distance);
        dispatch(&view, self.config.portable, Measure { query, slots: &slots, visit });
        Ok(())
    }

    /// Nodes that no walk over the lowest level can reach from where searches begin. There are none at any moment when
    /// nobody adds rows; tests count them.
    pub fn unreachable(&self) -> usize {
        let view = self.view();
        let Some((_, start)) = self.builder.entry() else { return 0 };
        let mut met = vec![false; view.len as usize];
        met[start as usize] = true;
        let mut waiting = vec![start];
        while let Some(at) = waiting.pop() {
            for slot in view.links.list(at, 0).iter().map(slot_of) {
                if !std::mem::replace(&mut met[slot as usize], true) {
                    waiting.push(slot);
                }
            }
        }
        met.iter().filter(|met| !**met).count()
    }

    fn scratch(&self) -> Scratch {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

impl Training {
    /// Codes the rows from `first` on, or all, if the codec no longer does for them: that costs little beside linking them,
    /// and the links of the others stay as they are. If it coded all, it tells which rows need better links.
    fn fit(&mut self, config: &Config, view: &mut View, first: u32, blurred: Vec<u32>) -> Option<Vec<u32>> {
        let Config { coding, metric, dim, .. } = *config;
        let (len, trained_on) = (view.len, self.trained_on);
        self.misfits += blurred.len() as f32;
        self.suspects.extend(blurred);
        self.misfits += view.encode_from(first, &mut self.suspects);
        let has_doubled = len / 2 >= trained_on;
        let mut is_unfit = self.misfits > FEW_MISFITS.max(len as f32 / MISFITS);
        let suspects: &[u32] = if is_unfit { &self.suspects } else { &[] };
        let sample = Sample { metric, dim, rows: &view.rows, len: len as usize, suspects };
        if has_doubled && coding == Coding::Auto {
            is_unfit |= !(view.codec.is_bytes && fit::is_good(&view.codec, sample));
        }
        let chosen = (is_unfit || trained_on == 0).then(|| fit::choose(coding, sample));
        let suspects = std::mem::take(&mut self.suspects);
        if is_unfit || has_doubled {
            *self = Self { trained_on: len, ..Self::default() };
        } else {
            self.suspects = suspects;
            return None;
        }
        let codec = chosen.filter(|codec| *codec != *view.codec)?;
        view.recode(codec);
        // New ones are about to be linked.
        Some(suspects.into_iter().filter(|slot| *slot < first).collect())
    }
}

fn check_finite(key: u64, row: &[f32]) -> Result<()> {
    match row.iter().position(|component| !component.is_finite()) {
        Some(component) => Err(Error::NotFinite { key, component, value: row[component] }),
        None => Ok(()),
    }
}
