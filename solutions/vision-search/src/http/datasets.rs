//! `/api/v1/datasets`

use std::path::PathBuf;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bootcamp_kit::http::{Accepted, Body, Problem, Problems};
use bootcamp_kit::source::is_within;
use bootcamp_kit::{Watch, blocking};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::bodies::{DatasetBody, NameInput};
use crate::formats::{Format, ReadOptions};
use crate::transfer::{self, ImportDataset};

/// All datasets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatasetsBody {
    datasets: Vec<DatasetBody>,
}

/// List datasets
#[utoipa::path(
    get, path = "/api/v1/datasets", tag = "datasets", operation_id = "list_datasets",
    responses((status = 200, description = "In the order of names", body = DatasetsBody), Problems)
)]
pub async fn list(State(server): Shared) -> Result<Json<DatasetsBody>, Problem> {
    let library = server.brain.library.clone();
    let datasets = blocking(move || library.datasets()).await?;
    Ok(Json(DatasetsBody { datasets: datasets.into_iter().map(DatasetBody::from).collect() }))
}

/// A place on the server to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportInput {
    /// A folder or file below one of the import roots.
    #[schema(example = "/srv/datasets/scenes")]
    path: String,
    name: String,
    /// Found out if it is left out.
    format: Option<String>,
    label_field: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// Import a dataset that lies on the server
#[utoipa::path(
    post, path = "/api/v1/datasets", tag = "datasets", operation_id = "import_dataset", request_body = ImportInput,
    responses((status = 202, description = "The started job", body = Object), Problems)
)]
pub async fn import(State(server): Shared, Body(input): Body<ImportInput>) -> Result<Accepted, Problem> {
    let path = PathBuf::from(&input.path);
    let (asked, roots) = (path.clone(), server.shell.options().import_roots.clone());
    // The same answer for what is outside and what is not there, so that nobody can probe the file system.
    if !blocking(move || Ok(is_within(&asked, &roots))).await? {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("{} is not below an import root of this server", input.path),
        )
        .hint("start it with --import-root FOLDER"));
    }
    let format = input.format.as_deref().map(str::parse::<Format>).transpose()?;
    let options = ReadOptions { label_field: input.label_field, tags: input.tags, ..ReadOptions::default() };
    let what = ImportDataset { name: input.name.clone(), path, format, options };
    let (library, watch) = (server.brain.library.clone(), Watch::default());
    let importing = watch.clone();
    let work = async move {
        let report = importing.clone();
        blocking(move || transfer::import(&library, &what, &importing)).await?;
        serde_json::to_value(report.report()).map_err(crate::not_json)
    };
    Ok(server.shell.begin("import-dataset", input.name, watch, work).await?)
}

/// Show a dataset
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}", tag = "datasets", operation_id = "get_dataset",
    params(("dataset" = String, Path)),
    responses((status = 200, description = "Its fields and tags, counted", body = DatasetBody), Problems)
)]
pub async fn get(State(server): Shared, Path(name): Path<String>) -> Result<Json<DatasetBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    Ok(Json(blocking(move || dataset.info()).await?.into()))
}

/// Rename a dataset
#[utoipa::path(
    patch, path = "/api/v1/datasets/{dataset}", tag = "datasets", operation_id = "rename_dataset",
    params(("dataset" = String, Path)), request_body = NameInput,
    responses((status = 200, description = "The dataset", body = DatasetBody), Problems)
)]
pub async fn rename(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<NameInput>,
) -> Result<Json<DatasetBody>, Problem> {
    let library = server.brain.library.clone();
    let info = blocking(move || {
        library.rename(&name, &input.name)?;
        library.get(&input.name)?.info()
    });
    Ok(Json(info.await?.into()))
}

/// A copy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CloneBody {
    dataset: DatasetBody,
    /// Runs of the original: they were not copied, so that the two do not share collections.
    runs_left_out: Vec<String>,
}

/// Copy a dataset
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/clone", tag = "datasets", operation_id = "clone_dataset",
    params(("dataset" = String, Path)), request_body = NameInput,
    responses((status = 200, description = "The copy", body = CloneBody), Problems)
)]
pub async fn clone(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<NameInput>,
) -> Result<Json<CloneBody>, Problem> {
    let library = server.brain.library.clone();
    let (info, runs) = blocking(move || {
        let (copy, runs) = library.clone_as(&name, &input.name)?;
        Ok((copy.info()?, runs))
    })
    .await?;
    Ok(Json(CloneBody { dataset: info.into(), runs_left_out: runs.into_iter().map(|run| run.key).collect() }))
}

/// Delete a dataset; its pictures and the collections of its runs stay
#[utoipa::path(
    delete, path = "/api/v1/datasets/{dataset}", tag = "datasets", operation_id = "delete_dataset",
    params(("dataset" = String, Path)), responses((status = 204, description = "It is deleted"), Problems)
)]
pub async fn delete(State(server): Shared, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let library = server.brain.library.clone();
    blocking(move || library.delete(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
