//! `POST /api/v1/datasets/{dataset}/runs/{key}/sort` and `/neighbors`

use std::collections::HashMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine;
use bootcamp_core::{Error, Result};
use bootcamp_kit::blocking;
use bootcamp_kit::http::{Body, Problem, Problems, admit};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::bodies::{PatchBody, SampleBody};
use crate::library::View;
use crate::sample::ObjectId;
use crate::similarity::index::SimilarityIndex;
use crate::similarity::neighbors::Neighbors;
use crate::similarity::query::{Aggregation, Hit, Prompt, SimilarityQuery, Sorted};

/// Hits, unless the request says otherwise, and at most: each comes with its sample.
const K: usize = 50;
const MAX_K: usize = 1000;
/// Neighbours of each, unless the request says otherwise, and of how many.
const NEIGHBORS: usize = 10;
const MAX_VIEW: usize = 1000;

/// One thing to be like.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PromptInput {
    /// An entry of the index.
    id: Option<String>,
    words: Option<String>,
    /// A picture file in base64.
    picture: Option<String>,
    vector: Option<Vec<f32>>,
}

impl PromptInput {
    fn prompt(self) -> Result<Prompt> {
        match (self.id, self.words, self.picture, self.vector) {
            (Some(id), None, None, None) => Ok(Prompt::Id(id.parse()?)),
            (None, Some(words), None, None) => Ok(Prompt::Words(words)),
            (None, None, Some(picture), None) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(picture.trim());
                Ok(Prompt::Picture(
                    bytes.map_err(|error| Error::invalid(format!("`picture` is not valid base64: {error}")))?,
                ))
            }
            (None, None, None, Some(vector)) => Ok(Prompt::Vector(vector)),
            _ => Err(Error::invalid("an example has exactly one of id, words, picture and vector")),
        }
    }
}

/// What to sort by.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SortInput {
    positive: Vec<PromptInput>,
    #[serde(default)]
    negative: Vec<PromptInput>,
    /// The number of hits, at most 1000; the default is 50.
    #[schema(minimum = 1, maximum = 1000)]
    k: Option<usize>,
    /// The least similar first.
    #[serde(default)]
    reverse: bool,
    /// What several examples are together: `mean`, `min`, `max` or `post-mean`.
    #[serde(default)]
    #[schema(value_type = String)]
    aggregation: Aggregation,
    /// Store the distance in this field.
    dist_field: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    view: View,
}

/// Hits, most similar first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SortedBody {
    hits: Vec<HitBody>,
    /// Whether every entry was compared.
    exact: bool,
    /// Entries that were met whose sample or label is no longer in the dataset.
    orphaned: u64,
    took_ms: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HitBody {
    /// `id`, `sample`, `distance` (smaller is nearer) and `score` (as the store reports it).
    #[serde(flatten)]
    #[schema(value_type = Object)]
    hit: Hit,
    item: ItemBody,
}

/// A sample, or a patch where the index has patches.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ItemBody {
    Sample(SampleBody),
    Patch(PatchBody),
}

/// Sort samples or patches by similarity
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/runs/{key}/sort", tag = "runs", operation_id = "sort_by_similarity",
    params(("dataset" = String, Path), ("key" = String, Path)), request_body = SortInput,
    responses((status = 200, description = "Hits", body = SortedBody), Problems)
)]
pub async fn sort(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
    Body(input): Body<SortInput>,
) -> Result<Json<SortedBody>, Problem> {
    let _permit = admit(&server.shell)?;
    let index = SimilarityIndex::open(&server.brain, &server.dataset(&name).await?, &key).await?;
    let dist_field = input.dist_field.clone();
    let query = input.query()?;
    let start = Instant::now();
    let sorted = index.sort_by_similarity(&query).await?;
    let took_ms = start.elapsed().as_secs_f64() * 1e3;
    if let Some(field) = dist_field {
        index.save_distances(&field, &sorted, false).await?;
    }
    let Sorted { hits, exact, orphaned } = sorted;
    Ok(Json(SortedBody { hits: items(&index, &name, hits).await?, exact, orphaned, took_ms }))
}

fn checked_k(given: Option<usize>, default: usize) -> Result<usize> {
    match given.unwrap_or(default) {
        k @ 1..=MAX_K => Ok(k),
        k => Err(Error::invalid(format!("k is {k}, expected 1 to {MAX_K}"))),
    }
}

impl SortInput {
    fn query(self) -> Result<SimilarityQuery> {
        let k = checked_k(self.k, K)?;
        let prompts = |inputs: Vec<PromptInput>| inputs.into_iter().map(PromptInput::prompt).collect::<Result<_>>();
        Ok(SimilarityQuery {
            positive: prompts(self.positive)?,
            negative: prompts(self.negative)?,
            k: Some(k),
            reverse: self.reverse,
            aggregation: self.aggregation,
            view: self.view,
        })
    }
}

/// Whose neighbours to find.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NeighborsInput {
    /// The number of neighbours of each, at most 1000; the default is 10.
    #[schema(minimum = 1, maximum = 1000)]
    k: Option<usize>,
    /// At most 1000 samples or patches.
    #[serde(default)]
    #[schema(value_type = Object)]
    view: View,
}

/// The nearest neighbours of each sample or patch of a view.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NeighborsBody {
    /// In the view's order; each with its `id`, its `sample` and the `nearest`, without itself.
    #[schema(value_type = Vec<Object>)]
    neighbors: Vec<Neighbors>,
    /// Samples or labels of the view that the index does not have.
    #[schema(value_type = Vec<String>)]
    missing: Vec<ObjectId>,
    took_ms: f64,
}

/// Find the nearest neighbours of many samples or patches
#[utoipa::path(
    post, path = "/api/v1/datasets/{dataset}/runs/{key}/neighbors", tag = "runs", operation_id = "neighbors",
    params(("dataset" = String, Path), ("key" = String, Path)), request_body = NeighborsInput,
    responses((status = 200, description = "Neighbours", body = NeighborsBody), Problems)
)]
pub async fn neighbors(
    State(server): Shared,
    Path((name, key)): Path<(String, String)>,
    Body(input): Body<NeighborsInput>,
) -> Result<Json<NeighborsBody>, Problem> {
    let _permit = admit(&server.shell)?;
    let index = SimilarityIndex::open(&server.brain, &server.dataset(&name).await?, &key).await?;
    let start = Instant::now();
    let (mut neighbors, mut missing) = (Vec::new(), Vec::new());
    let mut batches = index.neighbors(&input.view, checked_k(input.k, NEIGHBORS)?).await?;
    while let Some(batch) = batches.try_next().await? {
        neighbors.extend(batch.found);
        missing.extend(batch.missing);
        if neighbors.len() + missing.len() > MAX_VIEW {
            return Err(Problem::from(
                Error::invalid(format!("the view has more than {MAX_VIEW} samples or patches"))
                    .with_hint("ask for parts of it, by skip and take"),
            ));
        }
    }
    let took_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(Json(NeighborsBody { neighbors, missing, took_ms }))
}

/// Hits with what they are. One that was removed in the meantime is left out.
async fn items(index: &SimilarityIndex, name: &str, hits: Vec<Hit>) -> Result<Vec<HitBody>> {
    let (dataset, field) = (index.dataset.clone(), index.config.patches_field.clone());
    let ids: Vec<ObjectId> = hits.iter().map(|hit| hit.id).collect();
    let name = name.to_owned();
    let mut items: HashMap<ObjectId, ItemBody> = blocking(move || {
        Ok(match field {
            Some(field) => dataset
                .get_patches(&field, &ids)?
                .into_iter()
                .map(|patch| (patch.label.id, ItemBody::Patch(PatchBody::new(&name, patch))))
                .collect(),
            None => dataset
                .get(&ids)?
                .into_iter()
                .map(|sample| (sample.id, ItemBody::Sample(SampleBody::new(&name, sample))))
                .collect(),
        })
    })
    .await?;
    Ok(hits.into_iter().filter_map(|hit| Some(HitBody { item: items.remove(&hit.id)?, hit })).collect())
}
