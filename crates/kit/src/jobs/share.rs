//! Lets every server of a collection answer for every job: the one that runs it posts its state on a [`Board`]; the
//! others read it, and post requests to cancel there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bootcamp_core::metadata::{Board, Notice};
use bootcamp_core::{Error, ErrorKind, Result};

use super::REMEMBERED;
use crate::api::{JobBody, ProblemBody, State};
use crate::job::{IMPORT, Job};

/// The polling interval of jobs.
const BEAT: Duration = Duration::from_millis(500);
/// How long to retry posting the end of a job while Redis does not respond.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Skipped sources that are posted while a job runs; at its end all are.
const SKIPS: usize = 20;

/// This server's side of the board.
pub(super) struct Share {
    board: Arc<Board>,
}

impl Share {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board }
    }

    /// An id for a new job, and room for it.
    pub(super) async fn next(&self) -> Result<u64> {
        self.board.clear(REMEMBERED - 1).await?;
        self.board.next().await
    }

    /// All ids on the board, the newest first.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>> {
        self.board.numbers().await
    }

    pub(super) async fn ask_to_stop(&self, id: u64) -> Result<()> {
        self.board.ask_to_stop(id).await
    }

    /// Those of these jobs that are on the board.
    pub(super) async fn read(&self, ids: &[u64]) -> Result<Vec<(u64, JobBody)>> {
        let notices = self.board.read(ids).await?;
        let found = ids.iter().zip(notices).filter_map(|(id, notice)| Some((*id, body_of(&notice?)?)));
        Ok(found.collect())
    }

    /// Posts how a job stands.
    pub(super) async fn post(&self, job: &Job) -> Result<()> {
        self.board.post(job.id, &text_of(&self.so_far(job))?).await.map(drop)
    }

    /// Posts how a job goes while `run` runs it, passes on that it shall stop, and posts its end.
    pub(super) async fn accompany(&self, job: &Job, run: impl Future<Output = ()>) {
        tokio::select! {
            () = run => {}
            () = self.keep_posted(job) => {}
        }
        self.post_end(job).await;
    }

    /// Does not end by itself.
    async fn keep_posted(&self, job: &Job) {
        // Not what was posted when it was begun: by now it may have changed.
        let mut posted: Option<(JobBody, Instant)> = None;
        let mut answers = true;
        loop {
            tokio::time::sleep(BEAT).await;
            let body = self.so_far(job);
            let is_old = |at: &Instant| at.elapsed() > self.board.silence() / 4;
            let result = if posted.as_ref().is_none_or(|(before, at)| is_old(at) || is_news(before, &body)) {
                let result = self.say(job.id, &body).await;
                if result.is_ok() {
                    posted = Some((body, Instant::now()));
                }
                result
            } else {
                self.board.is_asked_to_stop(job.id).await
            };
            match &result {
                Ok(true) => job.watch.cancel(),
                Ok(false) => {}
                Err(error) if answers => tracing::warn!(job = job.id, %error, "cannot tell other servers about a job"),
                Err(_) => {}
            }
            answers = result.is_ok();
        }
    }

    async fn say(&self, id: u64, body: &JobBody) -> Result<bool> {
        self.board.post(id, &text_of(body)?).await
    }

    async fn post_end(&self, job: &Job) {
        let start = Instant::now();
        let post = async || self.board.post_last(job.id, &text_of(&job.body())?).await;
        while let Err(error) = post().await {
            if start.elapsed() > PATIENCE {
                return tracing::error!(job = job.id, %error, "cannot tell other servers how a job ended");
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    fn so_far(&self, job: &Job) -> JobBody {
        let mut body = job.body();
        if let Some(report) = &mut body.report {
            report.skips.truncate(SKIPS);
            report.warnings.truncate(SKIPS);
        }
        body
    }
}

/// Whether more than the time has changed.
fn is_news(before: &JobBody, now: &JobBody) -> bool {
    let mut then = before.clone();
    (then.seconds, then.progress.per_second) = (now.seconds, now.progress.per_second);
    then != *now
}

fn text_of(body: &JobBody) -> Result<String> {
    serde_json::to_string(body)
        .map_err(|error| Error::new(ErrorKind::Internal, "the job cannot be written as JSON").with_source(error))
}

/// A job as another server, or an earlier life of this one, has left it.
fn body_of(notice: &Notice) -> Option<JobBody> {
    // One notice of another version of the program must not hide all the others.
    let read = serde_json::from_str(&notice.text);
    let mut body: JobBody =
        read.inspect_err(|error| tracing::warn!(%error, "a job on the board cannot be read")).ok()?;
    if !notice.is_last && !notice.is_kept_up {
        let hint = match body.kind.as_str() {
            IMPORT => "start it again: finished work is not repeated",
            _ => "start it again",
        };
        let gone = Error::new(ErrorKind::Unavailable, "its server has stopped").with_hint(hint);
        (body.state, body.error) = (State::Failed, Some(ProblemBody::of(&gone)));
    }
    Some(body)
}
