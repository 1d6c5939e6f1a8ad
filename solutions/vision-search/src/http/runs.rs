//! `/api/v1/datasets/{dataset}/runs`

use axum::Json;
use axum::extract::{Path, State};
use bootcamp_core::{Error, Result};
use bootcamp_kit::http::{Accepted, Body, Problem, Problems};
use bootcamp_kit::{Watch, blocking};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::bodies::RunBody;
use crate::library::View;
use crate::similarity::compute::{ComputeSimilarity, Computed, DEFAULT_MODEL};
use crate::similarity::index::{Counts, SimilarityIndex};
use crate::similarity::run::SIMILARITY;

/// The kind of these jobs.
const COMPUTE: &str = "compute-similarity";

/// All runs of a dataset.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunsBody {
    runs: Vec<RunBody>,
}

/// List runs
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/runs", tag = "runs", operation_id = "list_runs",
    params(("dataset" = String, Path)),
    responses((status = 200, description = "In the order of keys", body = RunsBody), Problems)
)]
pub async fn list(State(server): Shared, Path(name): Path<String>) -> Result<Json<RunsBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let runs = blocking(move || dataset.runs()).await?;
    Ok(Json(RunsBody { runs: runs.into_iter().map(RunBody::from).collect() }))
}

/// A new index.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ComputeInput {
    #[schema(example = "patch_sim")]
    key: String,
    /// The embedding model; EfficientNet-Lite0 if neither it nor `field` is given.
    model: Option<String>,
    /// A vector field of the samples.
    field: Option<String>,
    /// A patch of each label of this field is indexed.
    patches_field: Option<String>,
    /// The mean of the patches of this field is indexed for each sample.
    roi_field: Option<String>,
    /// `cosine`, `dotproduct` or `euclidean`.
    metric: Option<String>,
    /// `local` or `milvus`.
    backend: Option<String>,
    collection_name: Option<String>,
    alpha: f64,
    force_square: bool,
    skip_failures: bool,
    #[schema(value_type = Object)]
    view: View,
}

impl ComputeInput {
    fn compute(self) -> Result<ComputeSimilarity> {
        let compute = ComputeSimilarity::new(self.key)
            .patches_field(self.patches_field)
            .roi_field(self.roi_field)
            .metric(self.metric.as_deref().map(str::parse).transpose()?)
            .backend(self.backend.as_deref().map(str::parse).transpose()?)
            .collection_name(self.collection_name)
            .alpha(self.alpha)
            .force_square(self.force_square)
            .skip_failures(self.skip_failures)
            .view(self.view);
        match (self.model, self.field) {
            (Some(_), Some(_)) => Err(Error::invalid("embeddings come from a model or from a field, not both")),
            (None, Some(field)) => Ok(compute.field(field)),
            (model, None) => Ok(compute.model(model.as_deref().unwrap_or(DEFAULT_MODEL))),
        }
    }
}

/// Compute an index
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/runs", tag = "runs", operation_id = "compute_similarity",
    params(("dataset" = String, Path)), request_body = ComputeInput,
    responses((status = 202, description = "The started job", body = Object), Problems)
)]
pub async fn compute(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<ComputeInput>,
) -> Result<Accepted, Problem> {
    let dataset = server.dataset(&name).await?;
    let (brain, watch, subject) = (server.brain.clone(), Watch::default(), format!("{name}: {}", input.key));
    let (compute, watched) = (input.compute()?, watch.clone());
    let work = async move { report(compute.run(&brain, &dataset, &watched).await?) };
    Ok(server.shell.begin(COMPUTE, subject, watch, work).await?)
}

fn report(computed: Computed) -> Result<serde_json::Value> {
    serde_json::to_value(computed).map_err(crate::not_json)
}

/// A run, and how many entries its index has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunInfoBody {
    run: RunBody,
    /// Of a similarity index: `index`, `view`, `missing`, `orphaned`.
    #[schema(value_type = Option<Object>)]
    counts: Option<Counts>,
}

/// Show a run
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/runs/{key}", tag = "runs", operation_id = "get_run",
    params(("dataset" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "The run", body = RunInfoBody), Problems)
)]
pub async fn get(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
) -> Result<Json<RunInfoBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let reading = dataset.clone();
    let run = blocking(move || reading.run(&key)).await?;
    let counts = if run.kind == SIMILARITY {
        let index = SimilarityIndex::of(&server.brain, &dataset, &run)?;
        index.describe().await?;
        Some(index.counts(&View::default()).await?)
    } else {
        None
    };
    Ok(Json(RunInfoBody { run: run.into(), counts }))
}

/// Another key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyInput {
    key: String,
}

/// Rename a run
#[utoipa::path(
    patch, path = "/api/v1/datasets/{dataset}/runs/{key}", tag = "runs", operation_id = "rename_run",
    params(("dataset" = String, Path), ("key" = String, Path)), request_body = KeyInput,
    responses((status = 200, description = "The run", body = RunBody), Problems)
)]
pub async fn rename(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
    Body(input): Body<KeyInput>,
) -> Result<Json<RunBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let run = blocking(move || {
        dataset.rename_run(&key, &input.key)?;
        dataset.run(&input.key)
    });
    Ok(Json(run.await?.into()))
}

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeletedBody {
    deleted: String,
    /// The collection that stays.
    collection_kept: Option<String>,
}

/// Delete the record of a run; its collection stays
#[utoipa::path(
    delete, path = "/api/v1/datasets/{dataset}/runs/{key}", tag = "runs", operation_id = "delete_run",
    params(("dataset" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "What stays", body = DeletedBody), Problems)
)]
pub async fn delete(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
) -> Result<Json<DeletedBody>, Problem> {
    let collection_kept = crate::runs::delete(&server.dataset(&name).await?, &key).await?;
    Ok(Json(DeletedBody { deleted: key, collection_kept }))
}

/// Whether there was a collection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CleanedBody {
    dropped: bool,
}

/// Drop the collection of a run, and delete its record
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/runs/{key}/cleanup", tag = "runs", operation_id = "clean_up_run",
    params(("dataset" = String, Path), ("key" = String, Path)),
    responses((status = 200, description = "It is gone", body = CleanedBody), Problems)
)]
pub async fn cleanup(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
) -> Result<Json<CleanedBody>, Problem> {
    let dropped = crate::runs::cleanup(&server.brain, &server.dataset(&name).await?, &key).await?;
    Ok(Json(CleanedBody { dropped }))
}

/// Embed what an index does not have yet
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/runs/{key}/missing", tag = "runs", operation_id = "compute_missing",
    params(("dataset" = String, Path), ("key" = String, Path)),
    responses((status = 202, description = "The started job", body = Object), Problems)
)]
pub async fn missing(State(server): Shared, Path((name, key)): Path<(String, String)>) -> Result<Accepted, Problem> {
    let index = SimilarityIndex::open(&server.brain, &server.dataset(&name).await?, &key).await?;
    let watch = Watch::default();
    let watched = watch.clone();
    let work = async move { report(index.compute_missing(View::default(), None, true, &watched).await?) };
    Ok(server.shell.begin(COMPUTE, format!("{name}: {key}"), watch, work).await?)
}
