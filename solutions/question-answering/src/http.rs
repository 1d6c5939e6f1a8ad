//! `POST /api/v1/ask`: a question, and its answers as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use bootcamp_core::Result;
use bootcamp_kit::api::SearchBody;
use bootcamp_kit::http::{Body, Problem, Problems};
use bootcamp_kit::{Context, Options, SearchQuery, Solution, Subject};
use futures::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, mpsc};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::generate::Endpoint;
use crate::solution::{OPTIONS, QuestionAnswering};
use crate::written::{Outcome, write};

/// Questions that are answered at the same time: a language model takes its time, and each holds a connection.
const ASKING: usize = 32;
const K: usize = 5;
const MAX_K: usize = 50;

/// What the route works with.
#[derive(Debug)]
struct Asking {
    solution: QuestionAnswering,
    /// Or why there is none though settings name one: each answer says so.
    endpoint: Result<Option<Endpoint>, Outcome>,
    places: Arc<Semaphore>,
}

/// The program's own routes.
pub fn routes(context: Context) -> OpenApiRouter {
    let endpoint = Endpoint::read(|name| std::env::var(name).ok()).map_err(|error| Outcome::failed(&error));
    let asking =
        Asking { solution: QuestionAnswering::new(context), endpoint, places: Arc::new(Semaphore::new(ASKING)) };
    OpenApiRouter::new().routes(routes!(ask)).with_state(Arc::new(asking))
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuestionInput {
    #[schema(example = "How do I read a file line by line?")]
    question: String,
    /// The number of answers; the default is 5.
    #[schema(minimum = 1, maximum = 50)]
    k: Option<usize>,
    /// Only entries that match, in Milvus's expression language.
    filter: Option<String>,
    /// Options of a search.
    #[serde(default)]
    #[schema(value_type = Object)]
    options: Map<String, Value>,
    /// Whether an answer is written from what is found; it is by default, where the server has an endpoint for it.
    generate: Option<bool>,
}

impl QuestionInput {
    fn query(&self) -> Result<SearchQuery> {
        let options = Options::of_json(OPTIONS, &self.options.clone().into_iter().collect())?;
        let k = self.k.unwrap_or(K);
        if k == 0 || k > MAX_K {
            return Err(bootcamp_core::Error::invalid(format!("k is {k}, expected 1 to {MAX_K}")));
        }
        let query = SearchQuery::like(Subject::Words(self.question.clone()), k);
        Ok(SearchQuery { filter: self.filter.clone(), options, ..query })
    }
}

/// One event of the stream.
#[derive(ToSchema)]
#[allow(dead_code, reason = "for the documentation: what is sent is made by `event`")]
struct AskEvent {
    /// `answers`, `text` or `written`.
    event: String,
    /// Its JSON.
    data: String,
}

/// A piece of an answer that is being written.
#[derive(Serialize)]
struct Text {
    text: String,
}

/// Ask a question: server-sent events `answers` (as a search answers), then, where an answer is written, `text` for each
/// piece of it, and `written` with its citations and notes
#[utoipa::path(
    post, path = "/api/v1/ask", tag = "search", operation_id = "ask", request_body = QuestionInput,
    responses((status = 200, description = "Server-sent events", content((AskEvent = "text/event-stream"))), Problems)
)]
async fn ask(
    State(asking): State<Arc<Asking>>,
    Body(input): Body<QuestionInput>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&asking.places).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("{ASKING} questions are being answered already"))
            .retry_after(1)
    })?;
    let start = Instant::now();
    let answer = asking.solution.search(&input.query()?).await?;
    let body = SearchBody::new(&asking.solution, answer, start.elapsed());
    let is_wanted = input.generate.unwrap_or(true) && !body.hits.is_empty();
    let endpoint = if is_wanted { asking.endpoint.clone() } else { Ok(None) };
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        // Whoever has left receives nothing, and writing stops at the next piece.
        if send.send(event("answers", &body)).await.is_err() {
            return;
        }
        let endpoint = match endpoint {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => return,
            Err(outcome) => {
                let _ = send.send(event("written", &outcome)).await;
                return;
            }
        };
        let (mut pieces, outcome) = write(endpoint, input.question, &body.hits);
        let writing = tokio::spawn(outcome);
        while let Some(text) = pieces.recv().await {
            if send.send(event("text", &Text { text })).await.is_err() {
                return;
            }
        }
        if let Ok(outcome) = writing.await {
            let _ = send.send(event("written", &outcome)).await;
        }
    });
    let events = stream::unfold(receive, |mut receive| async { Some((Ok(receive.recv().await?), receive)) });
    Ok(Sse::new(events.boxed()).keep_alive(KeepAlive::default()))
}

fn event(name: &str, body: &impl Serialize) -> Event {
    // Bodies are structs with named fields, which always have a JSON form.
    Event::default().event(name).json_data(body).unwrap_or_default()
}
