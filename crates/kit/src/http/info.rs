//! Information about the server, its health and metrics, and the map of its collection.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bootcamp_core::{Error, ErrorKind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::problem::{Fields, Problem, Problems};
use crate::api::{MapBody, PointBody};
use crate::info::InfoBody;

/// The deadline of `/readyz`: probes need a quick answer.
const READY_WITHIN: Duration = Duration::from_secs(5);
const DEFAULT_SAMPLE: usize = 2000;
const MAX_SAMPLE: usize = 5000;

/// What this program and its collection are
#[utoipa::path(
    get, path = "/api/v1/info", tag = "collection",
    responses((status = 200, description = "Facts", body = InfoBody), Problems)
)]
pub async fn info(State(app): Shared) -> Result<Json<InfoBody>, Problem> {
    let roots = app.options.import_roots.iter().map(|root| root.display().to_string()).collect();
    Ok(Json(InfoBody::new(app.program, &*app.solution, app.options.max_upload, roots).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MapQuery {
    /// The maximum number of points, 1 to 5000; the default is 2000.
    #[param(minimum = 1, maximum = 5000)]
    sample: Option<usize>,
}

/// A sample of the collection on a plane: its first two principal components
#[utoipa::path(
    get, path = "/api/v1/map", tag = "collection", params(MapQuery),
    responses((status = 200, description = "Points", body = MapBody), Problems)
)]
pub async fn map(State(app): Shared, Fields(query): Fields<MapQuery>) -> Result<Json<MapBody>, Problem> {
    let sample = query.sample.unwrap_or(DEFAULT_SAMPLE);
    if sample == 0 || sample > MAX_SAMPLE {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("sample is {sample}, expected 1 to {MAX_SAMPLE}")));
    }
    let solution = &app.solution;
    let spec = solution.collection();
    let fields = spec.scalars.iter().map(|field| field.name.clone()).collect();
    // The others wait for their turn, as long as a request may take. The work holds its own until it is over, whether or
    // not somebody still waits for it.
    let (turn, context) = (Arc::clone(&app.map).acquire_owned().await, solution.context().clone());
    let computing = tokio::spawn(async move {
        let _turn = turn;
        crate::map::map(&context, sample, fields).await
    });
    let crashed = |error| Error::new(ErrorKind::Internal, "the map crashed: this is a bug").with_source(error);
    let map = computing.await.map_err(crashed)??;
    let point = |point: crate::map::Point| {
        let card = solution.present(&point.fields);
        PointBody { id: point.id, x: point.x, y: point.y, title: card.title, label: card.label }
    };
    let points = map.points.into_iter().map(point).collect();
    Ok(Json(MapBody { points, explained: map.explained.to_vec(), total: map.total }))
}

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process is alive", body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can answer searches: the store answers a small query in time
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "The server is ready", body = String), Problems)
)]
pub async fn readyz(State(app): Shared) -> Result<&'static str, Problem> {
    match tokio::time::timeout(READY_WITHIN, app.solution.context().ready()).await {
        Ok(ready) => ready?,
        Err(_) => {
            let detail = format!("the store did not answer within {} s", READY_WITHIN.as_secs());
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1));
        }
    }
    Ok("ready\n")
}

/// Metrics for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "In OpenMetrics' text format", content((String = "application/openmetrics-text"))), Problems)
)]
pub async fn metrics(State(app): Shared) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text())
}
