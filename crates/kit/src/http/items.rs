//! `/api/v1/items`: looking at items, adding and removing them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use bootcamp_core::{Error, ErrorKind, Id, Output, PageRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::guard::admit;
use super::problem::{Fields, Problem, Problems};
use super::upload::{File, Parts};
use crate::api::{ItemBody, ItemsBody};
use crate::context::blocking;
use crate::ingest::{Import, source_id};
use crate::items::{narrowed, no_item, remove as remove_items, remove_where};
use crate::options::Options;
use crate::solution::Solution;
use crate::source::{Skip, Source, Sources};
use crate::watch::{Report, Watch};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only items that match this filter, in Milvus's expression language.
    filter: Option<String>,
    /// The maximum number of items, 1 to 1000; the default is 50.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only items after this id.
    after: Option<String>,
    /// Only items of the source with this id.
    source: Option<String>,
}

/// List items in id order
#[utoipa::path(
    get, path = "/api/v1/items", tag = "items", operation_id = "list_items", params(ListQuery),
    responses((status = 200, description = "A page of items", body = ItemsBody), Problems)
)]
pub async fn list(State(app): Shared, Fields(query): Fields<ListQuery>) -> Result<Json<ItemsBody>, Problem> {
    let context = app.solution.context();
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_LIMIT {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("limit is {limit}, expected 1 to {MAX_LIMIT}")));
    }
    let filter = narrowed(query.filter.as_deref().filter(|text| !text.trim().is_empty()), query.source.as_deref())?;
    if context.describe().await?.is_none() {
        return Ok(Json(ItemsBody { items: Vec::new(), next: None, count: 0 }));
    }
    let count = context.store.count(&context.collection, filter.as_ref()).await?;
    let output = context.output(&app.solution.collection());
    let request = PageRequest { filter, after: query.after.map(Id::from), limit, output };
    let page = context.store.page(&context.collection, &request).await?;
    let items = page.records.into_iter().filter_map(|r| Some(ItemBody::new(&*app.solution, r.id?, r.fields)));
    Ok(Json(ItemsBody { items: items.collect(), next: page.next, count }))
}

/// The result of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadBody {
    added: u64,
    replaced: u64,
    unchanged: u64,
    /// Files that were skipped, with reasons.
    skipped: Vec<Skip>,
    /// What else should be known: a file that was sent twice.
    warnings: Vec<String>,
    /// Items of the accepted files.
    items: Vec<ItemBody>,
}

/// Files to add.
#[derive(ToSchema)]
#[allow(dead_code, reason = "stands for the parts in the OpenAPI document")]
pub(super) struct UploadForm {
    #[schema(value_type = Vec<Vec<u8>>, content_media_type = "application/octet-stream")]
    file: Vec<Vec<u8>>,
    /// The label of all of them.
    label: Option<String>,
    /// The caption of all of them.
    caption: Option<String>,
}

/// Add files
#[utoipa::path(
    post, path = "/api/v1/items", tag = "items", operation_id = "upload_items",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The result of the import", body = UploadBody), Problems)
)]
pub async fn upload(State(app): Shared, request: Request) -> Result<Json<UploadBody>, Problem> {
    let parts = Parts::of(request, &app.solution.context().spool, app.options.max_upload).await?;
    let admitted = admit(&app)?;
    if parts.files.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the request has no file").hint("send parts named `file`"));
    }
    let known = app.solution.context().facts.import_options;
    let chosen = known.iter().filter_map(|option| Some((option.name, parts.texts.get(option.name)?.trim())));
    let options = Options::of(known, chosen.filter(|(_, value)| !value.is_empty()))?;
    let sent: Vec<String> = parts.files.iter().map(|file| file.name.clone()).collect();
    let sources = keep(&*app.solution, parts).await?;
    let kept: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    // Both may be read, so a file that is sent twice is known to be one.
    let names: Sources = Box::new(sources.clone().into_iter().map(Ok));
    let watch = Watch::with_ids();
    let import = Import::new(Box::new(sources.into_iter().map(Ok)), watch.clone());
    let import = Import { names: Some(names), options, ..import };
    // A client that leaves stops the import; what it has kept is then put right, which nobody waits for.
    let leaving = watch.cancel_on_drop();
    let (solution, names) = (Arc::clone(&app.solution), kept.clone());
    let importing = tokio::spawn(async move {
        let _admitted = admitted;
        let report = solution.import(import).await;
        if !report.as_ref().is_ok_and(|report| !report.interrupted) {
            forget_missing(&*solution, &names).await;
        }
        report
    });
    let crashed = |error| Error::new(ErrorKind::Internal, "the import crashed: this is a bug").with_source(error);
    let mut report = importing.await.map_err(crashed)??;
    leaving.disarm();
    forget(&*app.solution, &mut report.skips, &kept, &sent);
    for (kept, sent) in kept.iter().zip(&sent) {
        report.warnings.iter_mut().for_each(|warning| *warning = warning.replace(kept, sent));
    }
    uploaded(&*app.solution, report).await.map(Json)
}

/// Removes the files of uploads that have not become items. Where it is not known whether they have, they stay.
async fn forget_missing(solution: &dyn Solution, kept: &[String]) {
    let context = solution.context();
    for name in kept {
        let id = source_id(name);
        let found = context.store.get(&context.collection, std::slice::from_ref(&id), &Output::ids()).await;
        if found.is_ok_and(|found| found.is_empty()) {
            context.media.remove(&id, Some(name));
        }
    }
}

/// Removes rejected uploads, and reports them under their original names.
fn forget(solution: &dyn Solution, skips: &mut [Skip], kept: &[String], names: &[String]) {
    for skip in skips {
        let of = |name: &String| skip.source.strip_prefix(name.as_str());
        let Some((at, part)) = kept.iter().enumerate().find_map(|(at, name)| Some((at, of(name)?))) else { continue };
        if part.is_empty() {
            solution.context().media.remove(&source_id(&skip.source), Some(&skip.source));
        }
        skip.source = format!("{}{part}", names[at]);
    }
}

/// Uploaded files as sources. Where items are shown as the files that they came from, those are kept.
async fn keep(solution: &dyn Solution, mut parts: Parts) -> Result<Vec<Source>, Problem> {
    let context = solution.context();
    let (media, kept) = (context.media.clone(), !context.facts.media.is_empty());
    let mut fields = bootcamp_core::Fields::new();
    for name in ["label", "caption"] {
        let text = parts.texts.remove(name).filter(|text| !text.trim().is_empty());
        fields.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    let sources = blocking(move || {
        let keep = |file: File| {
            let mut source = if kept {
                let path = media.keep_upload(&file.name, file.received)?;
                Source::file(&path).map_err(|skip| Error::invalid(skip.reason))?
            } else {
                Source::upload(&file.name, file.received)
            };
            source.origin.place = "the upload".into();
            // A folder that is sent as a whole says what is in it, as it would from the disk.
            let label = file.name.rsplit('/').nth(1).filter(|label| !label.trim_matches('.').is_empty());
            source.fields.extend(label.map(|label| ("label".to_owned(), label.into())));
            source.fields.extend(fields.clone());
            Ok(source)
        };
        parts.files.into_iter().map(keep).collect()
    });
    Ok(sources.await?)
}

async fn uploaded(solution: &dyn Solution, report: Report) -> Result<UploadBody, Problem> {
    let context = solution.context();
    let output = context.output(&solution.collection());
    let records = context.store.get(&context.collection, &report.ids, &output).await?;
    let items = records.into_iter().filter_map(|record| Some(ItemBody::new(solution, record.id?, record.fields)));
    let Report { added, replaced, unchanged, skips, warnings, .. } = report;
    Ok(UploadBody { added, replaced, unchanged, skipped: skips, warnings, items: items.collect() })
}

/// Show an item
#[utoipa::path(
    get, path = "/api/v1/items/{id}", tag = "items", operation_id = "get_item", params(("id" = String, Path, description = "The item's id")),
    responses((status = 200, description = "The item", body = ItemBody), Problems)
)]
pub async fn get(State(app): Shared, Path(id): Path<String>) -> Result<Json<ItemBody>, Problem> {
    let context = app.solution.context();
    let (id, output) = (Id::String(id), context.output(&app.solution.collection()));
    let found = context.store.get(&context.collection, std::slice::from_ref(&id), &output).await;
    let record = context.or_missing(found).await?.into_iter().next().ok_or_else(|| no_item(&id))?;
    Ok(Json(ItemBody::new(&*app.solution, id, record.fields)))
}

/// Remove an item
#[utoipa::path(
    delete, path = "/api/v1/items/{id}", tag = "items", operation_id = "remove_item", params(("id" = String, Path, description = "The item's id")),
    responses((status = 204, description = "The item is removed"), Problems)
)]
pub async fn remove(State(app): Shared, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let context = app.solution.context();
    let id = Id::String(id);
    let found = context.store.get(&context.collection, std::slice::from_ref(&id), &Output::ids()).await;
    if context.or_missing(found).await?.is_empty() {
        return Err(no_item(&id).into());
    }
    remove_items(context, vec![id]).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceQuery {
    /// The id of the source.
    source: String,
}

/// How many items were removed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedBody {
    removed: u64,
}

/// Remove all items of a source
#[utoipa::path(
    delete, path = "/api/v1/items", tag = "items", operation_id = "remove_source", params(SourceQuery),
    responses((status = 200, description = "The items are removed", body = RemovedBody), Problems)
)]
pub async fn remove_source(
    State(app): Shared,
    Fields(query): Fields<SourceQuery>,
) -> Result<Json<RemovedBody>, Problem> {
    let context = app.solution.context();
    context.existing().await?;
    let removed = remove_where(context, &narrowed(None, Some(&query.source))?).await?;
    if removed == 0 {
        return Err(no_item(&Id::String(query.source)).into());
    }
    Ok(Json(RemovedBody { removed }))
}
