//! The progress of an import or of other long work, for observers: the terminal, a job, a test. Reading it is cheap
//! and never blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bootcamp_core::Id;
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};
use utoipa::ToSchema;

use crate::source::{Notes, Skip, container};

/// How many skipped sources are kept with their reasons.
pub const MAX_SKIPS: usize = 10_000;

/// The result of an import. Counts are of sources, except `removed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub added: u64,
    /// Replaced an earlier version.
    pub replaced: u64,
    pub unchanged: u64,
    /// Items removed by `--prune`.
    pub removed: u64,
    pub skipped: u64,
    /// The first of those that were skipped, at most [`MAX_SKIPS`].
    pub skips: Vec<Skip>,
    /// Files that were found and are not of a kind that is imported, by kind: `.txt`, `hidden`. They are no errors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<String, u64>,
    /// What else should be known: a source that was named twice, items that were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it was cancelled.
    pub interrupted: bool,
    /// Ids of what was added, replaced or unchanged, where they were asked for.
    #[serde(skip)]
    pub ids: Vec<Id>,
}

/// Shared by the work and those who watch it.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    cancel: CancellationToken,
    notes: Notes,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    total: AtomicU64,
    total_known: AtomicBool,
    /// Units of work other than sources: items compared, epochs trained.
    advanced: AtomicU64,
    /// Items that were written.
    items: AtomicU64,
    note: Mutex<Option<String>>,
    added: AtomicU64,
    replaced: AtomicU64,
    unchanged: AtomicU64,
    removed: AtomicU64,
    skipped: AtomicU64,
    skips: Mutex<Vec<Skip>>,
    /// Only on request: they grow with the data.
    ids: Option<Mutex<Vec<Id>>>,
}

/// How far the work is.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Finished sources; for other work, its own units.
    pub done: u64,
    pub skipped: u64,
    /// All sources or units, once counted.
    pub total: Option<u64>,
    /// Items that were written so far: of a long video there are many before the source is through.
    pub items: u64,
    /// A status line of the work: `epoch 3, loss 0.21`.
    pub note: Option<String>,
    pub seconds: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Watch {
    fn new(with_ids: bool) -> Self {
        let zero = || AtomicU64::new(0);
        let shared = Shared {
            start: Instant::now(),
            total: zero(),
            total_known: AtomicBool::new(false),
            advanced: zero(),
            items: zero(),
            note: Mutex::default(),
            added: zero(),
            replaced: zero(),
            unchanged: zero(),
            removed: zero(),
            skipped: zero(),
            skips: Mutex::default(),
            ids: with_ids.then(Mutex::default),
        };
        Self { shared: Arc::new(shared), cancel: CancellationToken::new(), notes: Notes::default() }
    }

    /// One that remembers the id of each source's first item: for imports of a few.
    pub fn with_ids() -> Self {
        Self::new(true)
    }

    /// Asks the work to stop. What was begun is finished.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends when somebody has asked the work to stop.
    pub fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        self.cancel.clone().cancelled_owned()
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Cancels the work when the guard is dropped, unless it is disarmed: for threads that outlive those who started
    /// them.
    pub(crate) fn cancel_on_drop(&self) -> DropGuard {
        self.cancel.clone().drop_guard()
    }

    /// What is met besides sources.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    pub fn set_total(&self, total: u64) {
        self.shared.total.store(total, Relaxed);
        self.shared.total_known.store(true, Relaxed);
    }

    pub fn snapshot(&self) -> Snapshot {
        let shared = &self.shared;
        let skipped = shared.skipped.load(Relaxed);
        let sources = [&shared.added, &shared.replaced, &shared.unchanged, &shared.advanced];
        let done = sources.iter().map(|count| count.load(Relaxed)).sum::<u64>() + skipped;
        let total = shared.total_known.load(Relaxed).then(|| shared.total.load(Relaxed).max(done));
        let note = shared.note.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let items = shared.items.load(Relaxed);
        Snapshot { done, skipped, total, items, note, seconds: shared.start.elapsed().as_secs_f64() }
    }

    /// Shows how far work is that another process does.
    pub fn follow(&self, report: Option<&Report>, done: u64, total: Option<u64>, note: Option<String>) {
        let shared = &self.shared;
        match report {
            Some(report) => {
                shared.added.store(report.added, Relaxed);
                shared.replaced.store(report.replaced, Relaxed);
                shared.unchanged.store(report.unchanged, Relaxed);
                shared.removed.store(report.removed, Relaxed);
                shared.skipped.store(report.skipped, Relaxed);
                shared.skips.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&report.skips);
                self.notes.follow(&report.passed_over, &report.warnings);
            }
            None => shared.advanced.store(done, Relaxed),
        }
        total.into_iter().for_each(|total| self.set_total(total));
        note.into_iter().for_each(|note| self.say(note));
    }

    /// What was skipped from the n-th on.
    pub fn skips_from(&self, n: usize) -> Vec<Skip> {
        let skips = self.shared.skips.lock().unwrap_or_else(PoisonError::into_inner);
        skips.get(n..).unwrap_or_default().to_vec()
    }

    pub fn report(&self) -> Report {
        let shared = &self.shared;
        Report {
            added: shared.added.load(Relaxed),
            replaced: shared.replaced.load(Relaxed),
            unchanged: shared.unchanged.load(Relaxed),
            removed: shared.removed.load(Relaxed),
            skipped: shared.skipped.load(Relaxed),
            skips: self.skips_from(0),
            passed_over: self.notes.passed_over(),
            warnings: self.notes.warnings_from(0),
            interrupted: self.is_cancelled(),
            ids: shared
                .ids
                .as_ref()
                .map_or_else(Vec::new, |ids| ids.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }

    /// Units of work are done that are no sources.
    pub fn advance(&self, units: u64) {
        self.shared.advanced.fetch_add(units, Relaxed);
    }

    /// Sets the status line.
    pub fn say(&self, note: impl Into<String>) {
        *self.shared.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note.into());
    }

    /// Items were written.
    pub fn wrote(&self, items: u64) {
        self.shared.items.fetch_add(items, Relaxed);
    }

    /// A source is through.
    pub fn imported(&self, id: &Id, outcome: Outcome) {
        if let Some(ids) = &self.shared.ids {
            ids.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
        }
        let counter = match outcome {
            Outcome::Added => &self.shared.added,
            Outcome::Replaced => &self.shared.replaced,
            Outcome::Unchanged => &self.shared.unchanged,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// A source cannot be taken.
    pub fn skip(&self, skip: Skip) {
        self.notes.unread(container(&skip.source));
        let mut skips = self.shared.skips.lock().unwrap_or_else(PoisonError::into_inner);
        if skips.len() < MAX_SKIPS {
            skips.push(skip);
        }
        self.shared.skipped.fetch_add(1, Relaxed);
    }

    pub fn removed(&self, items: u64) {
        self.shared.removed.fetch_add(items, Relaxed);
    }
}

/// What became of a source that could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Added,
    Replaced,
    Unchanged,
}
