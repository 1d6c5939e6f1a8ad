//! `/api/v1/info`: what this server can do.

use axum::Json;
use axum::extract::State;
use bootcamp_kit::http::{Problem, Problems};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use crate::FACTS;
use crate::formats::Format;
use crate::similarity::compute::DEFAULT_MODEL;

/// What this server can do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InfoBody {
    name: String,
    title: String,
    summary: String,
    version: String,
    models: Vec<ModelBody>,
    default_model: String,
    /// The backend and metric of indexes that do not name one.
    backend: String,
    metric: String,
    /// Formats of datasets.
    formats: Vec<String>,
    max_upload_bytes: u64,
    /// Folders that datasets may be imported from.
    import_roots: Vec<String>,
}

/// A model that takes pictures.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelBody {
    name: String,
    summary: String,
    licence: String,
    dim: usize,
    takes_text: bool,
}

/// What this server can do
#[utoipa::path(
    get, path = "/api/v1/info", tag = "server", operation_id = "info",
    responses((status = 200, description = "Models, formats and limits", body = InfoBody), Problems)
)]
pub async fn info(State(server): Shared) -> Result<Json<InfoBody>, Problem> {
    let models = server.brain.models.of_pictures().map(|model| ModelBody {
        name: model.name.clone(),
        summary: model.summary.clone(),
        licence: model.licence.clone(),
        dim: model.dim,
        takes_text: model.takes_text(),
    });
    let config = server.brain.stores.config();
    let options = server.shell.options();
    Ok(Json(InfoBody {
        name: FACTS.name.to_owned(),
        title: FACTS.title.to_owned(),
        summary: FACTS.summary.to_owned(),
        version: FACTS.version.to_owned(),
        models: models.collect(),
        default_model: DEFAULT_MODEL.to_owned(),
        backend: config.backend()?.to_string(),
        metric: config.metric()?.unwrap_or_default().to_string(),
        formats: Format::ALL.iter().map(ToString::to_string).collect(),
        max_upload_bytes: options.max_upload,
        import_roots: options.import_roots.iter().map(|root| root.display().to_string()).collect(),
    }))
}
