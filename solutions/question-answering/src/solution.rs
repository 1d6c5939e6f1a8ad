//! The solution: what an import and a search of questions and answers do, and what people see of an entry.

use std::collections::HashMap;

use async_trait::async_trait;
use bootcamp_core::encoder::PairEncoder;
use bootcamp_core::{CollectionSpec, Error, ErrorKind, Fields, Hit, Result};
use bootcamp_kit::ingest::{Import, ingest};
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{
    Answer, Card, Context, Example, Laps, Look, OptionValue, ProgramOption, Report, SearchQuery, Solution, Subject,
    combine, stored_vector,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::discover;
use crate::entry::has_words;
use crate::ranking::Found;
use crate::reading::Reading;
use crate::records::{self, Entries};
use crate::search::{self, Mode, Sought, shown};
use crate::threshold;

/// Options of a search.
pub const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "mode",
        "BOOTCAMP_MODE",
        "Find entries by embeddings and words, by embeddings alone, or by words alone",
        OptionValue::OneOf(&["hybrid", "dense", "text"]),
    ),
    ProgramOption::new(
        "rerank",
        "BOOTCAMP_RERANK",
        "Order the best 50 entries by this cross-encoder; see the command `models`",
        OptionValue::Text("MODEL"),
    ),
    ProgramOption::new(
        "threshold",
        "BOOTCAMP_THRESHOLD",
        "Below this similarity there is no good answer; 0 shows the nearest in any case [default: the model's]",
        OptionValue::Number { least: 0.0, most: 1.0 },
    ),
    ProgramOption::new("explain", "BOOTCAMP_EXPLAIN", "Show the score of each part of the search", OptionValue::Switch),
];

/// Entries that a cross-encoder looks at: its time grows with them, and the right one is hardly ever beyond.
const RERANKED: usize = 50;

/// Question answering on one collection.
#[derive(Debug)]
pub struct QuestionAnswering {
    context: Context,
    /// Whether the collection can be searched by words, once it was looked at.
    full_text: OnceCell<bool>,
    /// Cross-encoders that were asked for.
    rerankers: Mutex<HashMap<String, PairEncoder>>,
}

#[async_trait]
impl Solution for QuestionAnswering {
    fn context(&self) -> &Context {
        &self.context
    }

    fn collection(&self) -> CollectionSpec {
        self.collection_with(true)
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        discover::discover(places)
    }

    /// Files to entries to their parts to embeddings.
    async fn import(&self, import: Import) -> Result<Report> {
        let reading = Reading::of(&import.options);
        let import = import.map(|sources| discover::sources(sources, reading.clone()));
        let encoder = self.context.encoder().await?.text()?.clone();
        let full_text = self.context.store.health().await?.full_text;
        let entries = Entries { encoder, reading, max_bytes: self.context.limits.bytes };
        ingest(&self.context, &self.collection_with(full_text), entries, import).await
    }

    /// The entries nearest to the question; none where even the nearest is not near.
    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let words = words(query)?;
        let (vector, full_text) = futures::try_join!(self.embed(query), self.has_full_text())?;
        let encode_ms = laps.lap();
        let mode = Mode::named(query.options.get("mode"));
        let sought = Sought { query, mode, vector, words: words.clone(), full_text };
        let mut found = sought.find(&self.context).await?;
        let mut notes = Vec::new();
        if !full_text && words.is_some() && mode != Mode::Dense {
            notes.push(
                "this server has no full-text search: words count among the nearest by embedding only".to_owned(),
            );
        }
        // What is like an entry is no answer to begin with.
        if words.is_some()
            && mode != Mode::Text
            && let Some(note) = threshold::refuse(&self.context, &found, query.options.number("threshold")).await?
        {
            found.clear();
            notes.push(note);
        }
        if let (Some(model), Some(words)) = (query.options.get("rerank"), &words) {
            found = self.rerank(model, words, found).await?;
        }
        let output = self.context.output(&self.collection());
        let shown = shown(&self.context, found, words.as_deref(), query.k, &output).await?;
        let (found, hits): (Vec<Found>, Vec<Hit>) =
            shown.into_iter().filter(|(found, _)| query.min_score.is_none_or(|least| found.score >= least)).unzip();
        let details = if query.options.is_on("explain") { found.iter().map(explain).collect() } else { Vec::new() };
        Ok(Answer { hits, details, notes, encode_ms, search_ms: laps.lap(), ..Answer::default() })
    }

    fn present(&self, fields: &Fields) -> Card {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let file = || text("path").map(|path| path.rsplit('/').next().unwrap_or(path));
        let title = text("question").or_else(|| text("headings")).or_else(|| text("title")).or_else(file);
        let caption = text("answer").map(|answer| head(answer, CAPTION));
        let tag = fields.get("tags").and_then(|tags| tags.get(0)).and_then(Value::as_str);
        let label = tag.or_else(|| text("language")).map(str::to_owned);
        Card { title: title.unwrap_or_default().to_owned(), caption, label }
    }

    /// Text, which the page has already.
    fn look(&self, _: &Fields, _: &[usize]) -> Result<Look> {
        Ok(Look::Nothing)
    }
}

/// Characters of an answer in a list.
const CAPTION: usize = 200;

impl QuestionAnswering {
    pub fn new(context: Context) -> Self {
        Self { context, full_text: OnceCell::new(), rerankers: Mutex::default() }
    }

    fn collection_with(&self, full_text: bool) -> CollectionSpec {
        self.context.spec(self.context.model_field(), records::fields(full_text))
    }

    /// Whether the collection can be searched by words. It cannot where its server had no full-text search. Looked at once:
    /// describing a collection is several calls of a server.
    async fn has_full_text(&self) -> Result<bool> {
        let look = || async {
            let info = self.context.existing().await?;
            Ok(info.spec.scalar_field(records::WORDS).is_some_and(|field| field.full_text))
        };
        self.full_text.get_or_try_init(look).await.copied()
    }

    /// The embedding of what is asked.
    async fn embed(&self, query: &SearchQuery) -> Result<Vec<f32>> {
        let positive = self.embed_all(&query.positive).await?;
        let negative = self.embed_all(&query.negative).await?;
        Ok(combine(self.context.metric, positive, negative))
    }

    async fn embed_all(&self, examples: &[Example]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(examples.len());
        for example in examples {
            vectors.push(match &example.subject {
                Subject::Id(id) => stored_vector(&self.context, id).await?,
                Subject::Words(words) => {
                    let text = self.context.encoder().await?.text()?.clone();
                    text.embed(vec![text.prepare(words)?]).await?.pop().unwrap_or_default()
                }
                Subject::File { name, .. } => {
                    return Err(Error::new(ErrorKind::Unsupported, format!("{name} is a file, not a question"))
                        .with_hint("ask in words, or import it"));
                }
            });
        }
        Ok(vectors)
    }

    /// Orders the best entries by a cross-encoder, which reads question and entry together.
    async fn rerank(&self, model: &str, words: &str, mut found: Vec<Found>) -> Result<Vec<Found>> {
        found.truncate(RERANKED);
        let encoder = {
            let mut rerankers = self.rerankers.lock().await;
            match rerankers.get(model) {
                Some(encoder) => encoder.clone(),
                None => {
                    let encoder = self.context.encoder_of(model).await?.pairs()?.clone();
                    rerankers.insert(model.to_owned(), encoder.clone());
                    encoder
                }
            }
        };
        search::rerank(&self.context, &encoder, words, &mut found).await?;
        Ok(found)
    }
}

/// The words that are looked for: those of all positive examples that are words.
///
/// # Errors
/// `InvalidInput` for a question without a letter or a digit.
fn words(query: &SearchQuery) -> Result<Option<String>> {
    let words = query.positive.iter().filter_map(|example| match &example.subject {
        Subject::Words(words) => Some(words.as_str()),
        _ => None,
    });
    let words: Vec<&str> = words.collect();
    if let Some(empty) = words.iter().find(|words| !has_words(words)) {
        return Err(
            Error::invalid(format!("the question '{empty}' has no words")).with_hint("ask with at least one word")
        );
    }
    Ok((!words.is_empty()).then(|| words.join(" ")))
}

fn explain(found: &Found) -> Fields {
    let scores = [("dense", found.dense), ("text", found.text), ("rerank", found.rerank)];
    scores.into_iter().filter_map(|(name, score)| Some((name.to_owned(), json!(score?)))).collect()
}

/// The first characters of a text, on one line.
fn head(text: &str, chars: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(chars) {
        line.truncate(end);
        line.push('…');
    }
    line
}
