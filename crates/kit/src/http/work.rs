//! `POST /api/v1/work/{name}`: the program's own kinds of work as jobs.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Shared;
use super::jobs::{Accepted, accepted};
use super::problem::{Body, Problem, Problems};
use crate::api::JobBody;
use crate::job::Outcome;
use crate::options::Options;
use crate::watch::Watch;

/// What was chosen of the work's options.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WorkInput {
    #[schema(value_type = Object)]
    options: BTreeMap<String, Value>,
}

/// Start work of the program's own
#[utoipa::path(
    post, path = "/api/v1/work/{name}", tag = "jobs", operation_id = "start_work", request_body = WorkInput,
    params(("name" = String, Path, description = "One of the kinds of work that `/api/v1/info` lists")),
    responses((status = 202, description = "The started job", body = JobBody), Problems)
)]
pub async fn start(
    State(app): Shared,
    Path(name): Path<String>,
    Body(input): Body<WorkInput>,
) -> Result<Accepted, Problem> {
    let work = app.program.work.iter().find(|work| work.name == name).ok_or_else(|| {
        let names: Vec<_> = app.program.work.iter().map(|work| work.name).collect();
        Problem::new(StatusCode::NOT_FOUND, format!("there is no work '{name}'"))
            .hint(format!("there is {}", names.join(", ")))
    })?;
    let options = Options::of_json(work.options, &input.options)?;
    let watch = Watch::default();
    let run = (work.run)(app.solution.context().clone(), options, watch.clone());
    let run = async { run.await.map(Outcome::Done) };
    Ok(accepted(app.jobs.begin(work.name.to_owned(), work.about.to_owned(), watch, Box::pin(run)).await?))
}
