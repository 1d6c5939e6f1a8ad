//! `POST /api/v1/imports` and `/duplicates`: start jobs, which outlive the request.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use bootcamp_core::Result;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Shared;
use super::guard::Owner;
use super::jobs::{Accepted, accepted};
use super::problem::{Body, Problem, Problems};
use crate::api::{GroupBody, JobBody};
use crate::context::blocking;
use crate::imports::prepare;
use crate::job::{DUPLICATES, IMPORT, Outcome};
use crate::names::named_path;
use crate::options::Options;
use crate::solution::Solution;
use crate::source::{Places, is_within};
use crate::watch::Watch;

/// A place on the server to import from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportInput {
    /// A folder, file, archive or table below one of the import roots, or several.
    #[schema(example = "/srv/pictures")]
    path: Paths,
    /// Remove items whose files are gone from there.
    #[serde(default)]
    prune: bool,
    /// With `prune`: also remove all items of a place that has no files any more.
    #[serde(default)]
    allow_empty: bool,
    /// The label of all imported items, instead of the detected one.
    label: Option<String>,
    /// The program's own options, added to the document when the server starts.
    #[serde(default)]
    #[schema(ignore)]
    options: BTreeMap<String, Value>,
}

/// Paths as the names that items show: a byte that is not UTF-8 is `\xE9`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Paths {
    One(String),
    Several(Vec<String>),
}

impl Paths {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Import a place on the server
#[utoipa::path(
    post, path = "/api/v1/imports", tag = "jobs", operation_id = "start_import", request_body = ImportInput,
    responses((status = 202, description = "The started job", body = JobBody), Problems)
)]
pub async fn import(
    State(app): Shared,
    owner: Option<Extension<Owner>>,
    Body(input): Body<ImportInput>,
) -> Result<Accepted, Problem> {
    // The store's owner could import it all without this server.
    let roots = owner.is_none().then(|| app.options.import_roots.clone());
    let names = input.path.names();
    if names.is_empty() {
        return Err(
            Problem::new(StatusCode::BAD_REQUEST, "path is an empty list").hint("name at least one folder or file")
        );
    }
    let subject = names.join(", ");
    let paths: Vec<PathBuf> = names.iter().map(|name| named_path(name)).collect();
    if let Some(roots) = &roots {
        for path in &paths {
            check_place(path, roots).await?;
        }
    }
    let options = Options::of_json(app.program.facts.import_options, &input.options)?;
    let (places, watch) = (Places { options, roots, ..Places::new(paths) }, Watch::default());
    let work = import_places(Arc::clone(&app.solution), input, places, watch.clone());
    Ok(accepted(app.jobs.begin(IMPORT.to_owned(), subject, watch, Box::pin(work)).await?))
}

/// Refuses places outside the import roots.
async fn check_place(path: &Path, roots: &[PathBuf]) -> Result<(), Problem> {
    if roots.is_empty() {
        return Err(Problem::new(StatusCode::FORBIDDEN, "this server has no import root")
            .hint("start it with --import-root FOLDER"));
    }
    let (asked, roots) = (path.to_owned(), roots.to_owned());
    // The same answer for outside and missing paths, so that callers cannot probe the file system.
    if blocking(move || Ok(is_within(&asked, &roots))).await? {
        return Ok(());
    }
    let problem =
        Problem::new(StatusCode::FORBIDDEN, format!("{} is not below an import root of this server", path.display()));
    let is_pattern = path.to_string_lossy().contains(['*', '?', '[']);
    Err(if is_pattern { problem.hint("name a folder or a file: patterns are for the command line") } else { problem })
}

async fn import_places(
    solution: Arc<dyn Solution>,
    input: ImportInput,
    places: Places,
    watch: Watch,
) -> Result<Outcome> {
    let mut places = Places { allow_empty: input.allow_empty, ..places };
    places.fields.extend(input.label.map(|label| ("label".to_owned(), label.into())));
    let preparing = Arc::clone(&solution);
    let import = blocking(move || prepare(&*preparing, &places, input.prune, watch)).await?;
    solution.import(import).await.map(Outcome::Imported)
}

/// The score limit for duplicates.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DuplicatesInput {
    /// The minimum similarity or the maximum distance; defaults to the model's or the program's own.
    threshold: Option<f32>,
}

/// Find groups of near-duplicates
#[utoipa::path(
    post, path = "/api/v1/duplicates", tag = "jobs", operation_id = "find_duplicates", request_body = DuplicatesInput,
    responses((status = 202, description = "The started job", body = JobBody), Problems)
)]
pub async fn duplicates(State(app): Shared, Body(input): Body<DuplicatesInput>) -> Result<Accepted, Problem> {
    let default = app.solution.context().duplicates();
    let threshold = input.threshold.or(default).filter(|threshold| threshold.is_finite());
    let threshold =
        threshold.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "threshold is not a finite number"))?;
    let watch = Watch::default();
    let (solution, watched) = (Arc::clone(&app.solution), watch.clone());
    let work = async move {
        let groups = solution.duplicates(threshold, &watched).await?;
        Ok(Outcome::Duplicates(groups.iter().map(|group| GroupBody::new(&*solution, group)).collect()))
    };
    let subject = format!("threshold {threshold}");
    Ok(accepted(app.jobs.begin(DUPLICATES.to_owned(), subject, watch, Box::pin(work)).await?))
}
