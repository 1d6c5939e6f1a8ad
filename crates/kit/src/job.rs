//! One job: its kind, state and result.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bootcamp_core::{Error, ErrorKind, Result};
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::api::{GroupBody, JobBody, ProblemBody, ProgressBody, State};
use crate::watch::{Report, Watch};

/// The kind of imports.
pub const IMPORT: &str = "import";
/// The kind of searches for duplicates.
pub const DUPLICATES: &str = "duplicates";

/// The result of a job.
#[derive(Debug)]
pub enum Outcome {
    Imported(Report),
    Duplicates(Vec<GroupBody>),
    /// Of the program's own kinds of work.
    Done(Value),
}

#[derive(Debug)]
pub struct Job {
    pub id: u64,
    /// `import`, `duplicates`, or the name of the program's own [`Work`](crate::Work).
    pub kind: String,
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
    pub(crate) fn new(id: u64, kind: String, subject: String, watch: Watch) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let created_at = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let status = Status { state: State::Queued, started: None, seconds: 0.0, result: None };
        Self { id, kind, subject, created_at, watch, status: Mutex::new(status) }
    }

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

    /// Its result, once it has ended.
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

    /// As programs see it.
    pub fn body(&self) -> JobBody {
        // First, so that a body that says it has ended has everything.
        let state = self.state();
        let seconds = self.seconds();
        let snapshot = self.watch.snapshot();
        let per_second = if seconds > 0.0 { snapshot.done as f64 / seconds } else { 0.0 };
        let progress = ProgressBody {
            done: snapshot.done,
            total: snapshot.total,
            per_second,
            items: snapshot.items,
            note: snapshot.note,
        };
        let outcome = self.result();
        let (mut report, mut groups, mut result, mut error) = (None, None, None, None);
        match outcome.as_deref() {
            Some(Ok(Outcome::Imported(done))) => report = Some(done.clone()),
            Some(Ok(Outcome::Duplicates(found))) => groups = Some(found.clone()),
            Some(Ok(Outcome::Done(value))) => result = Some(value.clone()),
            Some(Err(failed)) => error = Some(ProblemBody::of(failed)),
            None if self.kind == IMPORT => report = Some(self.watch.report()),
            None => {}
        }
        JobBody {
            id: self.id.to_string(),
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            state,
            created_at: self.created_at,
            seconds,
            progress,
            report,
            groups,
            result,
            error,
        }
    }

    /// Waits for its turn, works, and ends.
    pub(crate) async fn run(&self, turn: &Semaphore, work: BoxFuture<'static, Result<Outcome>>) {
        let _turn = tokio::select! {
            turn = turn.acquire() => turn,
            () = self.watch.cancelled() => return self.end(Err(Error::invalid("the job was cancelled before it began"))),
        };
        self.start();
        // In a task of its own, so that a fault in it ends the job and nothing else.
        let broken = |error| Err(Error::new(ErrorKind::Internal, "the job was aborted").with_source(error));
        self.end(tokio::spawn(work).await.unwrap_or_else(broken));
    }
}
