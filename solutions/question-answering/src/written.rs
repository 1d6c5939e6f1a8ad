//! An answer in words, written from what was found while it is read: the same on a terminal and over HTTP.

use bootcamp_core::{Error, Result};
use bootcamp_kit::api::HitBody;
use bootcamp_kit::blocking;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::generate::{Endpoint, Passage, Written};

/// Pieces of text that wait to be read.
const WAITING: usize = 64;
/// Passages that an answer is written from.
const PASSAGES: usize = 5;

/// A citation: the number in the text, and the item that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Citation {
    pub number: usize,
    pub id: String,
}

/// What came of writing an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outcome {
    /// The passages that the text cites, in the order of their first citation.
    pub citations: Vec<Citation>,
    /// What should be known of the text.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Nothing was written.
    pub fn failed(error: &Error) -> Self {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Self { citations: Vec::new(), notes: vec![format!("no answer was written: {error}{hint}")] }
    }
}

/// Begins to write an answer. Text arrives in pieces; once there are no more, the outcome is there. When nobody receives
/// any more, writing stops.
pub fn write(
    endpoint: Endpoint,
    question: String,
    hits: &[HitBody],
) -> (mpsc::Receiver<String>, impl Future<Output = Outcome> + use<>) {
    let used = &hits[..hits.len().min(PASSAGES)];
    let passages: Vec<Passage> = used.iter().map(passage).collect();
    let ids: Vec<String> = used.iter().map(|hit| hit.item.id.to_string()).collect();
    let (send, receive) = mpsc::channel(WAITING);
    let writing =
        blocking(move || endpoint.write(&question, &passages, |piece| send.blocking_send(piece.to_owned()).is_ok()));
    (receive, async move { outcome(writing.await, &ids) })
}

/// An item as the model reads it: what an answer answers, and where a passage stands.
fn passage(hit: &HitBody) -> Passage {
    let text = |name: &str| hit.item.fields.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let title = [text("title"), text("headings"), text("question")].into_iter().filter(|text| !text.is_empty());
    Passage { title: title.collect::<Vec<_>>().join(" – "), text: text("answer") }
}

/// An endpoint that fails is a note: what was found is there without it.
fn outcome(written: Result<Written>, ids: &[String]) -> Outcome {
    let written = match written {
        Ok(written) => written,
        Err(error) => return Outcome::failed(&error),
    };
    let citation = |number: &usize| Some(Citation { number: *number, id: ids.get(number - 1)?.clone() });
    let citations: Vec<Citation> = written.cited.iter().filter_map(citation).collect();
    let mut notes = Vec::new();
    if !written.unknown.is_empty() {
        let numbers: Vec<String> = written.unknown.iter().map(usize::to_string).collect();
        notes.push(format!("left out citations of what was not retrieved: {}", numbers.join(", ")));
    }
    if citations.is_empty() {
        notes.push("the text cites none of the passages: do not rely on it".to_owned());
    }
    Outcome { citations, notes }
}
