//! The JSON bodies of `--json` and the HTTP API.

use bootcamp_core::{Error, Fields, Hit, Id, Metric};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::context::{SOURCE, SPAN};
use crate::duplicates::Group;
use crate::ingest::Span;
use crate::query::{Answer, milliseconds};
use crate::solution::{Card, Solution};
use crate::watch::Report;

/// A stored item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemBody {
    #[schema(value_type = String, example = "3f9a1c0d5e7b2a486f01")]
    pub id: Id,
    #[schema(example = "swan.png")]
    pub title: String,
    pub caption: Option<String>,
    #[schema(example = "birds")]
    pub label: Option<String>,
    /// Where its thumbnail is: a JPEG, or an SVG where items are drawn.
    pub thumbnail: String,
    /// Where the file is that it came from.
    pub media: String,
    /// The id of its source: items of one file have the same. Filters know it as `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3f9a1c0d5e7b2a486f01")]
    pub source: Option<String>,
    /// Which part of its source it is; filters know `start` and `end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    #[schema(value_type = Object)]
    pub fields: Fields,
}

impl ItemBody {
    pub fn new(solution: &dyn Solution, id: Id, mut fields: Fields) -> Self {
        let source = fields.remove(SOURCE).and_then(|source| source.as_str().map(str::to_owned));
        let [start, end] =
            SPAN.map(|name| solution.context().facts.spans.then(|| fields.remove(name)?.as_f64()).flatten());
        let span = start.zip(end).map(|(start, end)| Span { start, end });
        let Card { title, caption, label } = solution.present(&fields);
        let place = format!("/api/v1/items/{}", in_url(&id.to_string()));
        let (thumbnail, media) = (format!("{place}/thumbnail"), format!("{place}/media"));
        Self { id, title, caption, label, thumbnail, media, source, span, fields }
    }
}

/// Text as a part of a URL's path or query.
pub fn in_url(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A hit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HitBody {
    #[serde(flatten)]
    pub item: ItemBody,
    /// By the metric.
    pub score: f32,
    /// For the Jaccard distance: 1 minus the distance, the Tanimoto similarity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// The solution's details of this hit, beside its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Fields>,
    /// Parts that stand out in its drawing; its thumbnail shows them.
    #[serde(skip)]
    pub marks: Vec<usize>,
}

/// The answer to a search.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SearchBody {
    /// Best first.
    pub hits: Vec<HitBody>,
    /// Notes on the answer as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[schema(example = "COSINE")]
    pub metric: String,
    pub larger_is_nearer: bool,
    /// What made the vectors: a model, or the program itself.
    pub model: Option<String>,
    pub took_ms: f64,
    pub timings: Timings,
}

/// Timings.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Timings {
    /// Encoding the query.
    pub encode_ms: f64,
    /// Searching.
    pub search_ms: f64,
}

impl SearchBody {
    pub fn new(solution: &dyn Solution, answer: Answer, took: std::time::Duration) -> Self {
        let context = solution.context();
        let similarity = |score| (context.metric == Metric::Jaccard).then_some(1.0 - score);
        let (mut details, mut marks) = (answer.details.into_iter(), answer.marks.into_iter());
        let hit = |Hit { id, score, fields, .. }| {
            let mut item = ItemBody::new(solution, id, fields);
            let marks = marks.next().unwrap_or_default();
            if !marks.is_empty() {
                let list: Vec<_> = marks.iter().map(usize::to_string).collect();
                item.thumbnail = format!("{}?mark={}", item.thumbnail, list.join(","));
            }
            HitBody { item, score, similarity: similarity(score), details: details.next(), marks }
        };
        Self {
            hits: answer.hits.into_iter().map(hit).collect(),
            notes: answer.notes,
            metric: context.metric.name().to_owned(),
            larger_is_nearer: context.metric.larger_is_nearer(),
            model: context.maker.name().map(str::to_owned),
            took_ms: milliseconds(took),
            timings: Timings { encode_ms: answer.encode_ms, search_ms: answer.search_ms },
        }
    }
}

/// A page of items.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemsBody {
    /// In id order.
    pub items: Vec<ItemBody>,
    /// Pass this as `after` for the next page; null at the end.
    #[schema(value_type = Option<String>)]
    pub next: Option<Id>,
    /// Items that pass the filter, on all pages.
    pub count: u64,
}

/// An error, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: String,
    #[schema(example = "Bad Request")]
    pub title: String,
    #[schema(example = 400)]
    pub status: u16,
    /// What went wrong.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ProblemBody {
    pub fn new(status: u16, title: &str, detail: String, hint: Option<String>) -> Self {
        Self { kind: "about:blank".to_owned(), title: title.to_owned(), status, detail, hint }
    }

    pub fn of(error: &Error) -> Self {
        let status = error.kind().http_status();
        let title = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self::new(status, title.unwrap_or("Error"), error.to_string(), error.hint().map(str::to_owned))
    }
}

/// A group of near-duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupBody {
    pub items: Vec<ItemBody>,
    /// The score of the least similar pair that links the group.
    pub score: f32,
}

impl GroupBody {
    pub fn new(solution: &dyn Solution, group: &Group) -> Self {
        let items = group.items.iter().map(|(id, fields)| ItemBody::new(solution, id.clone(), fields.clone()));
        Self { items: items.collect(), score: group.score }
    }
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl State {
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Work that outlives a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobBody {
    #[schema(example = "7")]
    pub id: String,
    /// `import`, `duplicates`, or work of the program's own.
    #[schema(example = "import")]
    pub kind: String,
    /// What it works on.
    pub subject: String,
    pub state: State,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Seconds since it started.
    pub seconds: f64,
    pub progress: ProgressBody,
    /// Of an import: the result so far.
    pub report: Option<Report>,
    /// Of a search for duplicates, once it is done.
    pub groups: Option<Vec<GroupBody>>,
    /// Of the program's own work: its result, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    pub error: Option<ProblemBody>,
}

/// The progress of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgressBody {
    /// Sources of an import, items of a search for duplicates, units of the program's own work.
    pub done: u64,
    /// Null until it is known.
    pub total: Option<u64>,
    pub per_second: f64,
    /// Items that an import has written.
    #[serde(default)]
    pub items: u64,
    /// What the work says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a text query is understood.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewBody {
    /// For people.
    pub note: String,
    /// An SVG.
    pub drawing: Option<String>,
}

/// A sample of the collection on a plane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapBody {
    pub points: Vec<PointBody>,
    /// The shares of the total variance along the two axes.
    pub explained: Vec<f32>,
    /// Items in the collection.
    pub total: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PointBody {
    #[schema(value_type = String)]
    pub id: Id,
    /// −1 to 1.
    pub x: f32,
    pub y: f32,
    pub title: String,
    pub label: Option<String>,
}
