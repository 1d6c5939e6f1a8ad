//! Work that outlives a request: imports and searches for duplicates, one at a time, watched and stopped by id; where
//! there is a Redis, by any server of the collection.

mod share;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_core::metadata::Board;
use bootcamp_core::{Error, ErrorKind, Result};
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::api::JobBody;
use crate::job::{Job, Outcome};
use crate::watch::Watch;
use share::Share;

/// How many finished jobs are kept.
const REMEMBERED: usize = 100;
/// Jobs of a server that may wait or run.
const MAX_ACTIVE: usize = 16;

/// The jobs that this server runs, and those that it hears of from others.
pub struct Jobs {
    share: Option<Arc<Share>>,
    next: AtomicU64,
    /// This server's own, the newest last.
    own: Mutex<VecDeque<Arc<Job>>>,
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("own", &self.own).finish_non_exhaustive()
    }
}

impl Jobs {
    /// Shared with other servers on the board, where there is one.
    pub fn new(board: Option<Arc<Board>>) -> Self {
        Self {
            share: board.map(|board| Arc::new(Share::new(board))),
            next: AtomicU64::new(1),
            own: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_ACTIVE)),
            turn: Arc::new(Semaphore::new(1)),
            tasks: TaskTracker::new(),
        }
    }

    /// Begins a job, or lets it wait for its turn.
    ///
    /// # Errors
    /// `Unavailable` when too many wait, and when Redis, which gives the ids, does not answer.
    pub async fn begin(
        &self,
        kind: String,
        subject: String,
        watch: Watch,
        work: BoxFuture<'static, Result<Outcome>>,
    ) -> Result<JobBody> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Error::new(ErrorKind::Unavailable, format!("{MAX_ACTIVE} jobs are already waiting"))
                .with_hint("wait for one to finish, or cancel one")
        })?;
        let id = match &self.share {
            Some(share) => share.next().await?,
            None => self.next.fetch_add(1, Ordering::Relaxed),
        };
        let job = Arc::new(Job::new(id, kind, subject, watch));
        if let Some(share) = &self.share {
            // Before anybody learns its id, so that every server knows it.
            share.post(&job).await?;
        }
        self.remember(Arc::clone(&job));
        let body = job.body();
        let (share, turn) = (self.share.clone(), Arc::clone(&self.turn));
        self.tasks.spawn(async move {
            let run = async {
                job.run(&turn, work).await;
                drop(place);
            };
            match share {
                Some(share) => share.accompany(&job, run).await,
                None => run.await,
            }
        });
        Ok(body)
    }

    /// # Errors
    /// `NotFound` for an unknown or forgotten one; `Unavailable` for one of another server while Redis does not answer.
    pub async fn get(&self, id: u64) -> Result<JobBody> {
        if let Some(job) = self.own(id) {
            return Ok(job.body());
        }
        let found = match &self.share {
            Some(share) => share.read(&[id]).await?.pop(),
            None => None,
        };
        found.map(|(_, body)| body).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no job {id}")))
    }

    /// The newest first.
    ///
    /// # Errors
    /// `Unavailable` if Redis does not respond: a partial list would mislead.
    pub async fn list(&self) -> Result<Vec<JobBody>> {
        let Some(share) = &self.share else {
            return Ok(self.all_own().iter().rev().map(|job| job.body()).collect());
        };
        let numbers = share.numbers().await?;
        let (own, others): (Vec<u64>, Vec<u64>) = numbers.into_iter().partition(|id| self.own(*id).is_some());
        let mut jobs: BTreeMap<u64, JobBody> = share.read(&others).await?.into_iter().collect();
        jobs.extend(own.into_iter().filter_map(|id| Some((id, self.own(id)?.body()))));
        Ok(jobs.into_values().rev().collect())
    }

    /// Asks a job to stop.
    ///
    /// # Errors
    /// Those of [`Jobs::get`].
    pub async fn cancel(&self, id: u64) -> Result<JobBody> {
        let own = self.own(id);
        if let Some(job) = &own {
            job.watch.cancel();
        }
        let body = self.get(id).await?;
        if let Some(share) = self.share.as_ref().filter(|_| own.is_none() && !body.state.is_final()) {
            share.ask_to_stop(id).await?;
        }
        Ok(body)
    }

    /// Asks this server's jobs to stop and waits until they have, and until the other servers can know.
    pub async fn stop(&self) {
        for job in self.all_own() {
            job.watch.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn remember(&self, job: Arc<Job>) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        while own.len() >= REMEMBERED
            && let Some(at) = own.iter().position(|job| job.state().is_final())
        {
            own.remove(at);
        }
        own.push_back(job);
    }

    /// The newest of that id: a Redis that has lost everything counts from 1 again.
    fn own(&self, id: u64) -> Option<Arc<Job>> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.iter().rev().find(|job| job.id == id).cloned()
    }

    fn all_own(&self) -> Vec<Arc<Job>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
