//! `POST /api/v1/search`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use bootcamp_core::picture::Region;
use bootcamp_core::{Id, SearchParams};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::guard::admit;
use super::problem::{Body, Fields, Problem, Problems};
use super::upload::{File, Parts};
use super::{App, Shared};
use crate::api::{PreviewBody, SearchBody};
use crate::context::Context;
use crate::export;
use crate::facts::Facts;
use crate::options::Options;
use crate::program::Export;
use crate::query::{Example, MOMENTS, SearchQuery, Subject};
use crate::solution::Preview;

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchInput {
    /// Positive examples; several are averaged.
    #[schema(min_items = 1, max_items = 32)]
    positive: Vec<ExampleInput>,
    /// Negative examples.
    #[serde(default)]
    negative: Vec<ExampleInput>,
    /// The number of hits (top-k).
    #[serde(default = "default_k")]
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    k: usize,
    /// Only items that match this filter, in Milvus's expression language.
    #[schema(example = "label == \"birds\" and width > 300")]
    filter: Option<String>,
    /// The score limit: the minimum similarity or the maximum distance.
    min_score: Option<f32>,
    /// If items are spans of their sources: the maximum number per source; `k` then counts sources. The default is 3.
    #[schema(minimum = 1, maximum = 1000)]
    moments: Option<usize>,
    /// HNSW indexes: the size of the candidate list; higher is slower, with better recall.
    #[schema(minimum = 1)]
    ef: Option<u32>,
    /// IVF indexes: the number of clusters searched.
    #[schema(minimum = 1)]
    nprobe: Option<u32>,
    /// The program's own options, added to the document when the server starts.
    #[serde(default)]
    #[schema(ignore)]
    options: BTreeMap<String, Value>,
}

fn default_k() -> usize {
    10
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FormatQuery {
    /// `json`, or an export format of the program; every program has `csv`.
    #[param(example = "csv")]
    format: Option<String>,
}

/// An example: exactly one of `id`, `words`, `file` and `data`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExampleInput {
    /// Of a stored item.
    id: Option<String>,
    /// Text, if the model supports text queries.
    words: Option<String>,
    /// The name of a part of a multipart request.
    file: Option<String>,
    /// A file in base64.
    data: Option<String>,
    /// Only this region: `x,y,width,height` in pixels, or as fractions with decimals.
    #[schema(value_type = Option<String>, example = "0.25,0.0,0.5,1.0")]
    region: Option<Region>,
}

/// A query with files.
#[derive(ToSchema)]
#[allow(dead_code, reason = "stands for the parts in the OpenAPI document")]
pub(super) struct SearchForm {
    /// The query as JSON; left out, each part `file` is a positive example, and `k`, `filter`, `min_score`, `moments`,
    /// `region`, `id` and `words` may be parts of their own.
    query: Option<String>,
    #[schema(value_type = Option<Vec<u8>>, content_media_type = "application/octet-stream")]
    file: Option<Vec<u8>>,
    k: Option<usize>,
    filter: Option<String>,
    min_score: Option<f32>,
    moments: Option<usize>,
    region: Option<String>,
    id: Option<String>,
    words: Option<String>,
}

/// Search for the most similar items
#[utoipa::path(
    post, path = "/api/v1/search", tag = "search",
    params(FormatQuery),
    request_body(content((SearchInput = "application/json"), (SearchForm = "multipart/form-data"))),
    responses((status = 200, description = "Hits, best first", body = SearchBody), Problems)
)]
pub async fn search(
    State(app): Shared,
    Fields(FormatQuery { format }): Fields<FormatQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let program = app.program;
    let export = format.filter(|format| format != "json").map(|format| export::format(program, &format)).transpose()?;
    let query = read(request, &app).await?;
    let _admitted = admit(&app)?;
    let start = Instant::now();
    let answer = app.solution.search(&query).await?;
    app.metrics.searched(&answer);
    let body = SearchBody::new(&*app.solution, answer, start.elapsed());
    match export {
        None => Ok(Json(body).into_response()),
        Some(export) => save(&app, export, body).await,
    }
}

/// The hits as a file.
async fn save(app: &App, export: &'static Export, body: SearchBody) -> Result<Response, Problem> {
    let text = app.solution.context().compute(move || (export.write)(&body)).await?;
    let disposition = format!("attachment; filename=\"hits.{}\"", export.extension);
    let kind = export.media_type.to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], text).into_response())
}

/// A text query that is being typed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewInput {
    words: String,
    /// The program's own options, added to the document when the server starts.
    #[serde(default)]
    #[schema(ignore)]
    options: BTreeMap<String, Value>,
}

/// Explain how a text query is understood
#[utoipa::path(
    post, path = "/api/v1/preview", tag = "search", request_body = PreviewInput,
    responses((status = 200, description = "How the words are understood", body = PreviewBody), Problems)
)]
pub async fn preview(State(app): Shared, Body(input): Body<PreviewInput>) -> Result<Json<PreviewBody>, Problem> {
    let context = app.solution.context();
    let options = Options::of_json(context.facts.options, &input.options)?;
    let solution = Arc::clone(&app.solution);
    let Preview { note, drawing } = context.compute(move || solution.preview(&input.words, &options)).await?;
    Ok(Json(PreviewBody { note, drawing }))
}

async fn read(request: Request, app: &App) -> Result<SearchQuery, Problem> {
    let Context { facts, spool, .. } = app.solution.context();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let Body(input) = Body::<SearchInput>::from_request(request, &()).await?;
        return input.query(Vec::new(), facts);
    }
    let mut parts = Parts::of(request, spool, app.options.max_upload).await?;
    let input = match parts.texts.remove("query") {
        Some(text) => serde_json::from_str(&text).map_err(|error| bad(format!("the part 'query': {error}")))?,
        None => from_parts(&parts, facts)?,
    };
    input.query(parts.files, facts)
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// The short form: every file is an example, the rest are parts of their own.
fn from_parts(parts: &Parts, facts: &Facts) -> Result<SearchInput, Problem> {
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(parts: &Parts, name: &str) -> Result<Option<T>, Problem> {
        let text = parts.texts.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|error| bad(format!("the part '{name}' is '{text}': {error}"))))
            .transpose()
    }
    const KNOWN: [&str; 9] = ["k", "filter", "min_score", "moments", "region", "id", "words", "ef", "nprobe"];
    let known: Vec<&str> = KNOWN.into_iter().chain(facts.options.iter().map(|option| option.name)).collect();
    if let Some(unknown) = parts.texts.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(
            bad(format!("there is no part '{unknown}'")).hint(format!("parts are file, query, {}", known.join(", ")))
        );
    }
    let chosen = facts
        .options
        .iter()
        .filter_map(|option| parts.texts.get(option.name).map(|value| (option.name.to_owned(), value.trim().into())));
    let file = |part: &str| ExampleInput { file: Some(part.to_owned()), ..ExampleInput::default() };
    let mut positive: Vec<ExampleInput> = parts.files.iter().map(|f| file(&f.part)).collect();
    positive.extend(parsed(parts, "id")?.map(|id| ExampleInput { id: Some(id), ..ExampleInput::default() }));
    positive
        .extend(parsed(parts, "words")?.map(|words| ExampleInput { words: Some(words), ..ExampleInput::default() }));
    if let (Some(first), region) = (positive.first_mut(), parsed(parts, "region")?) {
        first.region = region;
    }
    Ok(SearchInput {
        positive,
        negative: Vec::new(),
        k: parsed(parts, "k")?.unwrap_or_else(default_k),
        filter: parsed(parts, "filter")?,
        min_score: parsed(parts, "min_score")?,
        moments: parsed(parts, "moments")?,
        ef: parsed(parts, "ef")?,
        nprobe: parsed(parts, "nprobe")?,
        options: chosen.collect(),
    })
}

impl SearchInput {
    fn query(self, mut files: Vec<File>, facts: &Facts) -> Result<SearchQuery, Problem> {
        let mut examples = |inputs: Vec<ExampleInput>| {
            inputs.into_iter().map(|input| input.example(&mut files)).collect::<Result<Vec<_>, Problem>>()
        };
        let (positive, negative) = (examples(self.positive)?, examples(self.negative)?);
        let params = SearchParams { ef: self.ef, nprobe: self.nprobe, ..SearchParams::default() };
        let (k, filter, min_score) = (self.k, self.filter, self.min_score);
        let filter = filter.filter(|filter| !filter.trim().is_empty());
        let options = Options::of_json(facts.options, &self.options)?;
        let per_source = facts.spans.then_some(self.moments.unwrap_or(MOMENTS));
        let query = SearchQuery { positive, negative, k, filter, min_score, per_source, params, options };
        query.check()?;
        Ok(query)
    }
}

impl ExampleInput {
    fn example(self, files: &mut Vec<File>) -> Result<Example, Problem> {
        let Self { id, words, file, data, region } = self;
        let subject = match (id, words, file, data) {
            (Some(id), None, None, None) => Subject::Id(Id::String(id)),
            (None, Some(words), None, None) => Subject::Words(words),
            (None, None, Some(part), None) => {
                let at = files.iter().position(|file| file.part == part);
                let at = at.ok_or_else(|| bad(format!("the request has no file '{part}', or it is named twice")))?;
                let File { name, received, .. } = files.remove(at);
                Subject::File { name, content: received.content }
            }
            (None, None, None, Some(data)) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim());
                let bytes = bytes.map_err(|error| bad(format!("`data` is not valid base64: {error}")))?;
                Subject::File { name: "data".to_owned(), content: bytes.into() }
            }
            _ => return Err(bad("an example has exactly one of id, words, file and data")),
        };
        Ok(Example { subject, region })
    }
}
