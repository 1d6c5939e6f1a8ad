//! `GET /api/v1/items/{id}/waveform`: the outline of the sound that an item is a moment of.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bootcamp_core::{Id, Output};
use bootcamp_kit::http::{Fields, Problem, Problems};
use bootcamp_kit::{Context, SOURCE, stored};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::fields::{PEAKS, number, text};
use crate::waveform::{BUCKETS, from_text, in_buckets};

/// The program's own routes.
pub fn routes(context: Context) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(waveform)).with_state(context)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WaveformQuery {
    /// The most pairs of peaks, 1 to 800; the default is 800.
    #[param(minimum = 1, maximum = 800)]
    buckets: Option<usize>,
}

/// The outline of a whole sound.
#[derive(Debug, Serialize, ToSchema)]
struct WaveformBody {
    /// Of the sound, in seconds.
    duration: f64,
    /// The lowest and the highest sample of each of as many equal parts of the sound, from −1 to 1.
    peaks: Vec<[f64; 2]>,
}

/// The waveform of the sound that an item is a moment of
#[utoipa::path(
    get, path = "/api/v1/items/{id}/waveform", tag = "items", operation_id = "get_waveform",
    params(("id" = String, Path, description = "The item's id"), WaveformQuery),
    responses((status = 200, description = "The outline of the whole sound", body = WaveformBody), Problems)
)]
async fn waveform(
    State(context): State<Context>,
    Path(id): Path<String>,
    Fields(query): Fields<WaveformQuery>,
) -> Result<Json<WaveformBody>, Problem> {
    let buckets = query.buckets.unwrap_or(BUCKETS);
    if buckets == 0 || buckets > BUCKETS {
        let detail = format!("buckets is {buckets}, expected 1 to {BUCKETS}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let item = stored(&context, &Id::String(id), &Output::only([SOURCE])).await?;
    // The first item of a sound keeps it, and has the sound's id.
    let source = Id::from(text(&item.fields, SOURCE).unwrap_or_default());
    let sound = stored(&context, &source, &Output::only([PEAKS, "duration"])).await?;
    let peaks = in_buckets(&from_text(text(&sound.fields, PEAKS).unwrap_or_default())?, buckets);
    let rounded = |value: f32| (f64::from(value) * 1000.0).round() / 1000.0;
    let peaks = peaks.into_iter().map(|(low, high)| [rounded(low), rounded(high)]).collect();
    Ok(Json(WaveformBody { duration: number(&sound.fields, "duration").unwrap_or_default(), peaks }))
}
