//! `/api/v1/datasets/{dataset}/samples` and `/patches`: views, page by page; tags and counts.

use axum::Json;
use axum::extract::{Path, State};
use bootcamp_core::{Error, ErrorKind};
use bootcamp_kit::blocking;
use bootcamp_kit::http::{Body, Problem, Problems};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::bodies::{CountBody, MAX_PAGE, PAGE, PageInput, PatchBody, SampleBody};
use crate::library::{FieldKind, Start, View};
use crate::sample::ObjectId;

/// A page of samples.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SamplesBody {
    samples: Vec<SampleBody>,
    /// Samples of the view, on all pages.
    total: u64,
}

/// List samples of a view
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/samples", tag = "samples", operation_id = "list_samples",
    params(("dataset" = String, Path)), request_body = PageInput,
    responses((status = 200, description = "A page of samples", body = SamplesBody), Problems)
)]
pub async fn list(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<PageInput>,
) -> Result<Json<SamplesBody>, Problem> {
    let (dataset, limit) = (server.dataset(&name).await?, limit(input.limit)?);
    let page = move || Ok((dataset.count(&input.view)?, dataset.page(&input.view, Start::At(input.offset), limit)?));
    let (total, samples) = blocking(page).await?;
    Ok(Json(SamplesBody { samples: samples.into_iter().map(|sample| SampleBody::new(&name, sample)).collect(), total }))
}

fn limit(limit: Option<u64>) -> Result<u64, Error> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=MAX_PAGE => Ok(limit),
        limit => Err(Error::invalid(format!("limit is {limit}, expected 1 to {MAX_PAGE}"))),
    }
}

/// Show a sample
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/samples/{id}", tag = "samples", operation_id = "get_sample",
    params(("dataset" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "The sample", body = SampleBody), Problems)
)]
pub async fn get(State(server): Shared, Path((name, id)): Path<(String, String)>) -> Result<Json<SampleBody>, Problem> {
    let (dataset, id) = (server.dataset(&name).await?, id.parse::<ObjectId>()?);
    let sample = blocking(move || dataset.get(&[id])).await?.pop();
    let sample = sample.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no sample {id}")))?;
    Ok(Json(SampleBody::new(&name, sample)))
}

/// A page of patches.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PatchesBody {
    patches: Vec<PatchBody>,
    /// Patches of the view, on all pages.
    total: u64,
}

/// List the patches of a field
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/patches", tag = "samples", operation_id = "list_patches",
    params(("dataset" = String, Path)), request_body = PageInput,
    responses((status = 200, description = "A page of patches", body = PatchesBody), Problems)
)]
pub async fn patches(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<PageInput>,
) -> Result<Json<PatchesBody>, Problem> {
    let (dataset, limit) = (server.dataset(&name).await?, limit(input.limit)?);
    let field = input.field.ok_or_else(|| Error::invalid("field is missing: patches are of a field of labels"))?;
    let view = input.view;
    let page = move || {
        Ok((dataset.patch_count(&view, &field)?, dataset.patches(&view, &field, Start::At(input.offset), limit)?))
    };
    let (total, patches) = blocking(page).await?;
    Ok(Json(PatchesBody { patches: patches.into_iter().map(|patch| PatchBody::new(&name, patch)).collect(), total }))
}

/// Tags to add or remove.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TagsInput {
    #[schema(value_type = Object)]
    view: View,
    add: Vec<String>,
    remove: Vec<String>,
}

/// How many samples have changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangedBody {
    changed: u64,
}

/// Add tags to the samples of a view, or remove some
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/tags", tag = "samples", operation_id = "tag_samples",
    params(("dataset" = String, Path)), request_body = TagsInput,
    responses((status = 200, description = "How many tags have changed", body = ChangedBody), Problems)
)]
pub async fn tag(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<TagsInput>,
) -> Result<Json<ChangedBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let changed = blocking(move || crate::tags::change(&dataset, &input.view, &input.add, &input.remove)).await?;
    Ok(Json(ChangedBody { changed }))
}

/// How often each class or value occurs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CountsBody {
    counts: Vec<CountBody>,
}

/// Count the classes of a label field, or the values of another one
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/counts", tag = "samples", operation_id = "count_values",
    params(("dataset" = String, Path)), request_body = PageInput,
    responses((status = 200, description = "The most frequent first", body = CountsBody), Problems)
)]
pub async fn counts(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<PageInput>,
) -> Result<Json<CountsBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let field = input.field.ok_or_else(|| Error::invalid("field is missing: counts are of a field"))?;
    let counts = blocking(move || match dataset.kind(&field)? {
        FieldKind::Labels(_) => dataset.label_counts(&field, &input.view),
        _ => dataset.value_counts(&field),
    });
    let counts = counts.await?.into_iter().map(|count| CountBody { value: count.value, count: count.count });
    Ok(Json(CountsBody { counts: counts.collect() }))
}
