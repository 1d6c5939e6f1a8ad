//! `/api/v1/datasets/{dataset}/visualizations`: embeddings on a plane.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use bootcamp_core::Result;
use bootcamp_kit::http::{Accepted, Body, Fields, Problem, Problems};
use bootcamp_kit::{Watch, blocking};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use crate::library::Dataset;
use crate::sample::{Field, ObjectId};
use crate::similarity::index::SimilarityIndex;
use crate::visualization::{Point, Visualization, visualize};

/// A new visualization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VisualizeInput {
    #[schema(example = "img_map")]
    key: String,
    /// The similarity index whose embeddings are shown.
    run: String,
    /// `pca` or `tsne`.
    #[serde(default = "default_method")]
    method: String,
    /// The most points; the default is 5000.
    sample: Option<usize>,
}

fn default_method() -> String {
    "pca".to_owned()
}

/// Project the embeddings of an index onto a plane
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/visualizations", tag = "runs", operation_id = "compute_visualization",
    params(("dataset" = String, Path)), request_body = VisualizeInput,
    responses((status = 202, description = "The started job", body = Object), Problems)
)]
pub async fn compute(
    State(server): Shared,
    Path(name): Path<String>,
    Body(input): Body<VisualizeInput>,
) -> Result<Accepted, Problem> {
    let dataset = server.dataset(&name).await?;
    let index = SimilarityIndex::open(&server.brain, &dataset, &input.run).await?;
    let what = Visualization { key: input.key, method: input.method.parse()?, limit: input.sample };
    let (watch, subject) = (Watch::default(), format!("{name}: {}", what.key));
    let watched = watch.clone();
    let work = async move {
        let made = visualize(&index, &what, &watched).await?;
        Ok(serde_json::json!({"key": what.key, "points": made.points.len()}))
    };
    Ok(server.shell.begin("visualize", subject, watch, work).await?)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ColourQuery {
    /// The field whose class or value colours the points.
    color: Option<String>,
}

/// Points on a plane.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PointsBody {
    method: String,
    points: Vec<PointBody>,
    /// Entries of the index, of which the points may be a part.
    total: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PointBody {
    #[schema(value_type = String)]
    id: ObjectId,
    #[schema(value_type = String)]
    sample: ObjectId,
    /// −1 to 1.
    x: f32,
    y: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<Value>,
}

/// The points of a visualization
#[utoipa::path(
    get, path = "/api/v1/datasets/{dataset}/visualizations/{key}", tag = "runs", operation_id = "get_visualization",
    params(("dataset" = String, Path), ("key" = String, Path), ColourQuery),
    responses((status = 200, description = "Points", body = PointsBody), Problems)
)]
pub async fn get(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
    Fields(query): Fields<ColourQuery>,
) -> Result<Json<PointsBody>, Problem> {
    let dataset = server.dataset(&name).await?;
    let body = blocking(move || {
        let made = crate::visualization::load(&dataset, &key)?;
        let mut colours = match &query.color {
            Some(field) => colours(&dataset, field, &made.points)?,
            None => HashMap::new(),
        };
        let point = |point: Point| PointBody {
            id: point.id,
            sample: point.sample,
            x: point.x,
            y: point.y,
            color: colours.remove(&point.id),
        };
        Ok(PointsBody {
            method: made.method.to_string(),
            total: made.total,
            points: made.points.into_iter().map(point).collect(),
        })
    });
    Ok(Json(body.await?))
}

/// The class of each point: of its own label, or of the first label or the value of its sample.
fn colours(dataset: &Dataset, field: &str, points: &[Point]) -> Result<HashMap<ObjectId, Value>> {
    const BATCH: usize = 500;
    dataset.kind(field)?;
    let mut colours = HashMap::with_capacity(points.len());
    for points in points.chunks(BATCH) {
        let ids: Vec<ObjectId> = points.iter().map(|point| point.sample).collect();
        let samples: HashMap<ObjectId, _> = dataset.get(&ids)?.into_iter().map(|sample| (sample.id, sample)).collect();
        for point in points {
            let Some(field) = samples.get(&point.sample).and_then(|sample| sample.fields.get(field)) else { continue };
            let colour = match field {
                Field::Value(value) => Some(value.clone()),
                Field::Labels(labels) => {
                    let own = labels.labels.iter().find(|label| label.id == point.id);
                    own.or(labels.labels.first()).and_then(|label| label.label.clone()).map(Value::from)
                }
            };
            colours.extend(colour.map(|colour| (point.id, colour)));
        }
    }
    Ok(colours)
}
