//! Work that outlives a request: imports and searches for duplicates, one at a time, watched and stopped by id.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bootcamp_core::{Error, ErrorKind, Result};
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::duplicates::Group;
use crate::ingest::{Report, Watch};

/// Jobs that are remembered after their end.
const REMEMBERED: usize = 100;
/// Jobs that may wait or run.
const MAX_ACTIVE: usize = 16;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl State {
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Import,
    Duplicates,
}

/// What a job gave.
#[derive(Debug)]
pub enum Outcome {
    Imported(Report),
    Duplicates(Vec<Group>),
}

#[derive(Debug)]
pub struct Job {
    pub id: u64,
    pub kind: Kind,
    /// What it works on, for people.
    pub subject: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub watch: Watch,
    status: Mutex<Status>,
}

#[derive(Debug)]
struct Status {
    state: State,
    started: Option<Instant>,
    seconds: f64,
    result: Option<Arc<Result<Outcome>>>,
}

impl Job {
    pub fn state(&self) -> State {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).state
    }

    /// Seconds that it has run.
    pub fn seconds(&self) -> f64 {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match status.started {
            Some(started) if !status.state.is_final() => started.elapsed().as_secs_f64(),
            _ => status.seconds,
        }
    }

    /// What it gave, once it has ended.
    pub fn result(&self) -> Option<Arc<Result<Outcome>>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).result.clone()
    }

    fn start(&self) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.state = State::Running;
        status.started = Some(Instant::now());
    }

    fn end(&self, result: Result<Outcome>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.state = match &result {
            _ if self.watch.is_cancelled() => State::Cancelled,
            Ok(_) => State::Done,
            Err(_) => State::Failed,
        };
        status.seconds = status.started.map_or(0.0, |started| started.elapsed().as_secs_f64());
        status.result = Some(Arc::new(result));
    }
}

/// All jobs of a server.
#[derive(Debug)]
pub struct Jobs {
    next: AtomicU64,
    jobs: Mutex<VecDeque<Arc<Job>>>,
    turn: Arc<Semaphore>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { next: AtomicU64::new(1), jobs: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Jobs {
    /// Begins a job, or lets it wait for its turn.
    ///
    /// # Errors
    /// `Unavailable` when too many wait.
    pub fn begin(
        &self,
        kind: Kind,
        subject: String,
        watch: Watch,
        work: BoxFuture<'static, Result<Outcome>>,
    ) -> Result<Arc<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.iter().filter(|job| !job.state().is_final()).count() >= MAX_ACTIVE {
            return Err(Error::new(ErrorKind::Unavailable, format!("{MAX_ACTIVE} jobs wait already"))
                .with_hint("wait for one to end, or stop one"));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let job = Arc::new(Job {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            kind,
            subject,
            created_at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            watch,
            status: Mutex::new(Status { state: State::Queued, started: None, seconds: 0.0, result: None }),
        });
        while jobs.len() >= REMEMBERED
            && let Some(at) = jobs.iter().position(|job| job.state().is_final())
        {
            jobs.remove(at);
        }
        jobs.push_back(Arc::clone(&job));
        tokio::spawn(run(Arc::clone(&job), Arc::clone(&self.turn), work));
        Ok(job)
    }

    /// # Errors
    /// `NotFound` for an unknown or forgotten one.
    pub fn get(&self, id: u64) -> Result<Arc<Job>> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let job = jobs.iter().find(|job| job.id == id).cloned();
        job.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no job {id}")))
    }

    /// The newest first.
    pub fn list(&self) -> Vec<Arc<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }

    /// Asks all jobs to stop and waits until they have.
    pub async fn stop(&self) {
        for job in self.list() {
            job.watch.cancel();
        }
        while self.list().iter().any(|job| !job.state().is_final()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

async fn run(job: Arc<Job>, turn: Arc<Semaphore>, work: BoxFuture<'static, Result<Outcome>>) {
    let cancelled = job.watch.cancelled();
    let turn = tokio::select! {
        turn = turn.acquire() => turn,
        () = cancelled => return job.end(Err(Error::invalid("the job was stopped before it began"))),
    };
    job.start();
    // In a task of its own, so that a fault in it ends the job and nothing else.
    let result = tokio::spawn(work).await;
    job.end(
        result
            .unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "the job was broken off").with_source(error))),
    );
    drop(turn);
}
