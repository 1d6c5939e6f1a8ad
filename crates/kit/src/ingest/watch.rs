//! How an import goes, for whoever looks: the terminal, a job, a test. Looking costs nothing and waits for nobody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bootcamp_core::Id;
use tokio_util::sync::CancellationToken;

use super::{MAX_SKIPS, Report};
use crate::source::Skip;

/// Shared by an import and those who watch it.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    total: AtomicU64,
    total_known: AtomicBool,
    added: AtomicU64,
    replaced: AtomicU64,
    unchanged: AtomicU64,
    removed: AtomicU64,
    skipped: AtomicU64,
    skips: Mutex<Vec<Skip>>,
    /// Only where somebody wants them: they would grow with the data.
    ids: Option<Mutex<Vec<Id>>>,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// Sources that are through.
    pub done: u64,
    pub skipped: u64,
    /// Sources in all, once they are counted.
    pub total: Option<u64>,
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
            added: zero(),
            replaced: zero(),
            unchanged: zero(),
            removed: zero(),
            skipped: zero(),
            skips: Mutex::default(),
            ids: with_ids.then(Mutex::default),
        };
        Self { shared: Arc::new(shared), cancel: CancellationToken::new() }
    }

    /// One that remembers the id of each source's first item: for imports of a few.
    pub fn with_ids() -> Self {
        Self::new(true)
    }

    /// Asks the import to stop. What was begun is finished.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends when somebody has asked the import to stop.
    pub fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        self.cancel.clone().cancelled_owned()
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub fn set_total(&self, total: u64) {
        self.shared.total.store(total, Relaxed);
        self.shared.total_known.store(true, Relaxed);
    }

    pub fn snapshot(&self) -> Snapshot {
        let shared = &self.shared;
        let skipped = shared.skipped.load(Relaxed);
        let done =
            shared.added.load(Relaxed) + shared.replaced.load(Relaxed) + shared.unchanged.load(Relaxed) + skipped;
        let total = shared.total_known.load(Relaxed).then(|| shared.total.load(Relaxed).max(done));
        Snapshot { done, skipped, total, seconds: shared.start.elapsed().as_secs_f64() }
    }

    /// Shows where an import elsewhere stands.
    pub fn follow(&self, report: &Report, total: Option<u64>) {
        let shared = &self.shared;
        shared.added.store(report.added, Relaxed);
        shared.replaced.store(report.replaced, Relaxed);
        shared.unchanged.store(report.unchanged, Relaxed);
        shared.removed.store(report.removed, Relaxed);
        shared.skipped.store(report.skipped, Relaxed);
        shared.skips.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&report.skips);
        total.into_iter().for_each(|total| self.set_total(total));
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
            interrupted: self.is_cancelled(),
            ids: shared
                .ids
                .as_ref()
                .map_or_else(Vec::new, |ids| ids.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
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
