//! `/api/v1/jobs`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use bootcamp_core::{Error, ErrorKind, Result};
use futures::stream::{self, Stream};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, Problems};
use super::{App, Shared};
use crate::api::JobBody;
use crate::jobs::Job;

const TICK: Duration = Duration::from_millis(250);

/// The jobs of this server, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobsBody {
    jobs: Vec<JobBody>,
}

/// List jobs
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    responses((status = 200, description = "Jobs, the newest first", body = JobsBody), Problems)
)]
pub async fn list(State(app): Shared) -> Json<JobsBody> {
    Json(JobsBody { jobs: app.jobs.list().iter().map(|job| JobBody::new(&*app.solution, job)).collect() })
}

fn find(app: &App, id: &str) -> Result<Arc<Job>> {
    let number = id.parse().map_err(|_| Error::new(ErrorKind::NotFound, format!("there is no job {id}")))?;
    app.jobs.get(number)
}

/// Show a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "get_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = JobBody), Problems)
)]
pub async fn get(State(app): Shared, Path(id): Path<String>) -> Result<Json<JobBody>, Problem> {
    Ok(Json(JobBody::new(&*app.solution, &*find(&app, &id)?)))
}

/// Ask a job to stop
#[utoipa::path(
    delete, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "cancel_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 202, description = "It will stop", body = JobBody), Problems)
)]
pub async fn cancel(State(app): Shared, Path(id): Path<String>) -> Result<(StatusCode, Json<JobBody>), Problem> {
    let job = find(&app, &id)?;
    job.watch.cancel();
    Ok((StatusCode::ACCEPTED, Json(JobBody::new(&*app.solution, &job))))
}

/// Follow a job: events named `job`, each with the whole job, until it has ended
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/events", tag = "jobs", operation_id = "follow_job", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Server-sent events", content((String = "text/event-stream"))), Problems)
)]
pub async fn events(
    State(app): Shared,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = find(&app, &id)?;
    let events = stream::unfold(Some((app, job, true)), |state| async move {
        let (app, job, first) = state?;
        if !first {
            tokio::time::sleep(TICK).await;
        }
        // Before the body is made, so that the last event has everything.
        let ended = job.state().is_final();
        let event = Event::default().event("job").json_data(JobBody::new(&*app.solution, &job));
        let event = event.unwrap_or_else(|_| Event::default().comment("the job makes no JSON"));
        Some((Ok(event), (!ended).then_some((app, job, false))))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
