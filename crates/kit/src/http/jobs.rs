//! `/api/v1/jobs`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use bootcamp_core::{Error, ErrorKind, Result};
use futures::stream::{self, Stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, Problems};
use super::{MAX_FOLLOWERS, Shell};
use crate::api::JobBody;

/// Skips and warnings of each job in a list.
const LISTED: usize = 20;
const TICK: Duration = Duration::from_millis(250);

/// The jobs of this server, with Redis those of all servers of the collection; the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobsBody {
    jobs: Vec<JobBody>,
}

/// A job, and where to ask for it.
pub type Accepted = (StatusCode, [(HeaderName, String); 1], Json<JobBody>);

/// The answer to what began a job.
pub fn accepted(job: JobBody) -> Accepted {
    (StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/jobs/{}", job.id))], Json(job))
}

/// List jobs
///
/// With Redis, those of all servers of the collection; every one of them can be shown, followed and stopped here. The list
/// leaves out the groups of duplicates and all but the first 20 skips of an import: ask for the job itself.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    responses((status = 200, description = "Jobs, the newest first", body = JobsBody), Problems)
)]
pub async fn list(State(shell): State<Arc<Shell>>) -> Result<Json<JobsBody>, Problem> {
    let mut jobs = shell.jobs.list().await?;
    jobs.iter_mut().for_each(shorten);
    Ok(Json(JobsBody { jobs }))
}

/// Leaves out what may be large: of a hundred jobs it would be gigabytes.
fn shorten(job: &mut JobBody) {
    job.groups = None;
    if let Some(report) = &mut job.report {
        report.skips.truncate(LISTED);
        report.warnings.truncate(LISTED);
    }
}

fn number(id: &str) -> Result<u64> {
    id.parse().map_err(|_| Error::new(ErrorKind::NotFound, format!("there is no job {id}")))
}

/// Show a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "get_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = JobBody), Problems)
)]
pub async fn get(State(shell): State<Arc<Shell>>, Path(id): Path<String>) -> Result<Json<JobBody>, Problem> {
    Ok(Json(shell.jobs.get(number(&id)?).await?))
}

/// Ask a job to stop
#[utoipa::path(
    delete, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "cancel_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 202, description = "The job will stop", body = JobBody), Problems)
)]
pub async fn cancel(
    State(shell): State<Arc<Shell>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<JobBody>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(shell.jobs.cancel(number(&id)?).await?)))
}

/// Follow a job: events named `job`, each with the whole job, until it has ended
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/events", tag = "jobs", operation_id = "follow_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Server-sent events", content((String = "text/event-stream"))), Problems)
)]
pub async fn events(
    State(shell): State<Arc<Shell>>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let id = number(&id)?;
    let first = shell.jobs.get(id).await?;
    let place = Arc::clone(&shell.followers).try_acquire_owned().map_err(|_| {
        let detail = format!("{MAX_FOLLOWERS} jobs are being followed already");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).hint("ask for the job now and then").retry_after(1)
    })?;
    let events = stream::unfold(Some((shell, place, Some(first))), move |state| async move {
        let (shell, place, first) = state?;
        let job = match first {
            Some(job) => Ok(job),
            None => later(&shell, id).await,
        };
        let (event, ended) = event(job)?;
        Some((Ok(event), (!ended).then_some((shell, place, None))))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn later(shell: &Shell, id: u64) -> Result<JobBody> {
    tokio::time::sleep(TICK).await;
    shell.jobs.get(id).await
}

/// The event that tells of a job, and whether it is the last; none for a job that is forgotten.
fn event(job: Result<JobBody>) -> Option<(Event, bool)> {
    match job {
        Ok(job) => {
            let event = Event::default().event("job").json_data(&job);
            let event = event.unwrap_or_else(|_| Event::default().comment("the job cannot be written as JSON"));
            Some((event, job.state.is_final()))
        }
        // The job goes on meanwhile, and Redis comes back.
        Err(error) if error.kind().is_transient() => Some((Event::default().comment("Redis does not answer"), false)),
        Err(_) => None,
    }
}
