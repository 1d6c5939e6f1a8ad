//! HTTP routes of the program's own, beside the kit's search: events, history, reasons, who wants an item, models, the map.

mod bodies;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bootcamp_core::{Error, Filter, Hit, Id, Output, PageRequest, Result};
use bootcamp_kit::api::{ItemBody, MapBody, PointBody};
use bootcamp_kit::http::{Body, Fields, Problem, Problems};
use bootcamp_kit::map::map;
use bootcamp_kit::{Context, Solution};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::bodies::{
    AudienceBody, AudienceQuery, EventsInput, ExplainBody, ExplainQuery, HistoryBody, HistoryQuery, MapQuery,
    RatedBody, ReasonBody, TitlesBody, TitlesQuery, TrainingsBody, UserBody, UsersBody, UsersQuery,
};
use crate::audience::audience;
use crate::measuring;
use crate::rate::{Taken, take};
use crate::ratings::Duplicates;
use crate::recommend::{Reason, explain, popular};
use crate::registry::{Pointer, Registry};
use crate::solution::Recommender;
use crate::truth::catalogue::{by_id, by_words, find};
use crate::truth::events::{history, item_id};
use crate::wish::Named;

/// The most items of a list.
const MOST: usize = 200;

type Shared = State<Arc<Recommender>>;

/// The program's own routes.
pub fn routes(context: Context) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(titles))
        .routes(routes!(users))
        .routes(routes!(rated))
        .routes(routes!(reasons))
        .routes(routes!(wanted))
        .routes(routes!(trainings))
        .routes(routes!(roll_back))
        .routes(routes!(taste_map))
        .with_state(Arc::new(Recommender::new(context)))
}

/// Ratings and events, which change recommendations at once
///
/// All of them are kept or none. Sending the same ones again changes nothing.
#[utoipa::path(post, path = "/api/v1/events", tag = "recommender", operation_id = "give_events", request_body = EventsInput,
    responses((status = 200, body = Taken), Problems))]
async fn events(State(this): Shared, Body(input): Body<EventsInput>) -> Result<Json<Taken>, Problem> {
    Ok(Json(take(this.context(), this.serving(), input.events).await?))
}

/// Items by a part of their titles; without any words, those that most people have rated
#[utoipa::path(get, path = "/api/v1/titles", tag = "recommender", operation_id = "find_titles", params(TitlesQuery),
    responses((status = 200, body = TitlesBody), Problems))]
async fn titles(State(this): Shared, Fields(query): Fields<TitlesQuery>) -> Result<Json<TitlesBody>, Problem> {
    let k = limited(query.k, 10)?;
    let found = match query.words.trim() {
        "" => popular(this.context(), this.serving(), k).await?,
        words => by_words(this.context(), words, k).await?,
    };
    let items = found.into_iter().map(|(id, fields)| ItemBody::new(&*this, id, fields));
    Ok(Json(TitlesBody { items: items.collect() }))
}

/// Users whose names begin with a text
#[utoipa::path(get, path = "/api/v1/users", tag = "recommender", operation_id = "find_users", params(UsersQuery),
    responses((status = 200, body = UsersBody), Problems))]
async fn users(State(this): Shared, Fields(query): Fields<UsersQuery>) -> Result<Json<UsersBody>, Problem> {
    let model = this.serving().model(this.context()).await?;
    let k = limited(query.k, 20)?;
    let filter = match query.begins.as_deref().filter(|text| !text.is_empty()) {
        Some(begins) => Some(begins_with(begins)?),
        None => None,
    };
    let output = Output::only(["user", "ratings", "facts"]);
    let request = PageRequest { filter, limit: k, output, ..PageRequest::default() };
    let page = model.users.store.page(&model.users.collection, &request).await?;
    let users = page.records.into_iter().map(|record| UserBody::of(record.fields, None)).collect();
    Ok(Json(UsersBody { users }))
}

/// `user like "4%"`, with what is special to patterns as it is.
fn begins_with(text: &str) -> Result<Filter> {
    let escaped: String = text
        .chars()
        .flat_map(|letter| matches!(letter, '%' | '_' | '\\').then_some('\\').into_iter().chain([letter]))
        .collect();
    Filter::parse(&format!("user like {}", Value::from(format!("{escaped}%"))))
}

/// What a user has rated, the latest first
#[utoipa::path(get, path = "/api/v1/history", tag = "recommender", operation_id = "show_history", params(HistoryQuery),
    responses((status = 200, body = HistoryBody), Problems))]
async fn rated(State(this): Shared, Fields(query): Fields<HistoryQuery>) -> Result<Json<HistoryBody>, Problem> {
    let context = this.context();
    context.existing().await?;
    let rated = history(context, &query.user, Duplicates::Last).await?;
    let total = rated.len();
    let shown: Vec<_> = rated.into_iter().take(limited(query.k, 100)?).collect();
    let ids: Vec<Id> = shown.iter().map(|rated| item_id(&rated.item)).collect();
    let mut fields = by_id(context, &ids).await?;
    let body = |(rated, id): (crate::truth::events::Rated, Id)| {
        let item = fields.remove(&id).map(|fields| ItemBody::new(&*this, id, fields));
        RatedBody { name: rated.item, value: rated.value, time: rated.time, item }
    };
    Ok(Json(HistoryBody { user: query.user, total, ratings: shown.into_iter().zip(ids).map(body).collect() }))
}

/// Which of a user's items speak for an item, and by how much
#[utoipa::path(get, path = "/api/v1/explain", tag = "recommender", operation_id = "explain_item", params(ExplainQuery),
    responses((status = 200, body = ExplainBody), Problems))]
async fn reasons(State(this): Shared, Fields(query): Fields<ExplainQuery>) -> Result<Json<ExplainBody>, Problem> {
    let (id, fields) = find(this.context(), &query.item).await?;
    let item = Named { id: id.clone(), fields: fields.clone() };
    let (score, reasons) = explain(this.context(), this.serving(), &query.user, &item).await?;
    let because = reasons.into_iter().map(|Reason { item, title, adds }| ReasonBody { item, title, adds }).collect();
    Ok(Json(ExplainBody { item: ItemBody::new(&*this, id, fields), score, because }))
}

/// The users who would want an item
#[utoipa::path(get, path = "/api/v1/audience", tag = "recommender", operation_id = "find_audience", params(AudienceQuery),
    responses((status = 200, body = AudienceBody), Problems))]
async fn wanted(State(this): Shared, Fields(query): Fields<AudienceQuery>) -> Result<Json<AudienceBody>, Problem> {
    let (id, fields) = find(this.context(), &query.item).await?;
    let item = Named { id: id.clone(), fields: fields.clone() };
    let (k, seen) = (limited(query.k, 10)?, query.seen.unwrap_or_default());
    let hits = audience(this.context(), this.serving(), &item, k, query.filter.as_deref(), seen).await?;
    let users = hits.into_iter().map(|Hit { fields, score, .. }| UserBody::of(fields, Some(score))).collect();
    Ok(Json(AudienceBody { item: ItemBody::new(&*this, id, fields), users }))
}

/// The models that were trained, which one counts, and the last evaluation
#[utoipa::path(get, path = "/api/v1/trainings", tag = "recommender", operation_id = "list_trainings", responses((status = 200, body = TrainingsBody), Problems))]
async fn trainings(State(this): Shared) -> Result<Json<TrainingsBody>, Problem> {
    let registry = Registry::new(this.context());
    let (pointer, models) = (registry.pointer().await?, registry.models().await?);
    let evaluation = measuring::last(this.context()).await?;
    Ok(Json(TrainingsBody::new(pointer, models, evaluation)))
}

/// Go back to the model before
#[utoipa::path(post, path = "/api/v1/rollback", tag = "recommender", operation_id = "roll_back", responses((status = 200, body = Pointer), Problems))]
async fn roll_back(State(this): Shared) -> Result<Json<Pointer>, Problem> {
    Ok(Json(Registry::new(this.context()).roll_back().await?))
}

/// A sample of the items on a plane: those that the same people like lie close together
#[utoipa::path(get, path = "/api/v1/taste-map", tag = "recommender", operation_id = "show_taste_map", params(MapQuery),
    responses((status = 200, body = MapBody), Problems))]
async fn taste_map(State(this): Shared, Fields(query): Fields<MapQuery>) -> Result<Json<MapBody>, Problem> {
    let sample = query.sample.unwrap_or(2000);
    if sample == 0 || sample > 5000 {
        return Err(Error::invalid(format!("sample is {sample}, expected 1 to 5000")).into());
    }
    let model = this.serving().model(this.context()).await?;
    let fields = ["item", "title", "year", "genres"].map(str::to_owned).to_vec();
    let found = map(&model.alike, sample, fields).await?;
    let point = |point: bootcamp_kit::map::Point| {
        let card = this.present(&point.fields);
        PointBody { id: point.id, x: point.x, y: point.y, title: card.title, label: card.label }
    };
    let points = found.points.into_iter().map(point).collect();
    Ok(Json(MapBody { points, explained: found.explained.to_vec(), total: found.total }))
}

fn limited(k: Option<usize>, usual: usize) -> Result<usize> {
    match k.unwrap_or(usual) {
        k if (1..=MOST).contains(&k) => Ok(k),
        k => Err(Error::invalid(format!("k is {k}, expected 1 to {MOST}"))),
    }
}
