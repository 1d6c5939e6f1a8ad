//! Information about the program and its collection, and the map of the collection.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bootcamp_core::{Error, ErrorKind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::problem::{Fields, Problem, Problems};
use crate::api::{MapBody, PointBody};
use crate::info::InfoBody;

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
