//! Finds the entries that answer a question: those whose embeddings are near it, those that share words with it, and one
//! list of both.

use std::collections::{HashMap, HashSet};

use bootcamp_core::encoder::PairEncoder;
use bootcamp_core::{Filter, Hit, Id, Output, Query, Record, Result, SearchRequest, Vector};
use bootcamp_kit::{Context, SearchQuery};
use serde_json::Value;

use crate::calibration::Calibration;
use crate::lexical::{self, Lexical};
use crate::ranking::{Found, Part, fuse, sort};
use crate::records::{ENTRY, WORDS};

/// Parts that each search contributes.
const CANDIDATES: usize = 100;

/// How entries are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By embeddings and by words.
    #[default]
    Hybrid,
    /// By embeddings alone.
    Dense,
    /// By words alone.
    Text,
}

impl Mode {
    /// Of the option's value.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            Some("dense") => Self::Dense,
            Some("text") => Self::Text,
            _ => Self::Hybrid,
        }
    }
}

/// What to look for.
#[derive(Debug)]
pub struct Sought<'a> {
    pub query: &'a SearchQuery,
    pub mode: Mode,
    /// The question's embedding.
    pub vector: Vec<f32>,
    /// The question's words; `None` where an entry is the question.
    pub words: Option<String>,
    /// Whether the collection can be searched by words; otherwise words count among what embeddings find.
    pub full_text: bool,
}

impl Sought<'_> {
    /// Entries, best first: at least `k` if there are as many.
    ///
    /// # Errors
    /// `InvalidInput` for the filter; those of the store.
    pub async fn find(&self, context: &Context) -> Result<Vec<Found>> {
        let filter = self.query.filter.as_deref().map(Filter::parse).transpose()?;
        let words = self.words.as_deref().filter(|_| self.mode != Mode::Dense);
        let dense = async {
            if self.mode == Mode::Text && self.full_text {
                return Ok(None);
            }
            let query = Query::from(Vector::from(self.vector.clone()));
            self.parts(context, &context.field, query, &filter).await.map(Some)
        };
        let text = async {
            match words.filter(|_| self.full_text) {
                None => Ok(None),
                Some(words) => self.parts(context, WORDS, Query::Text(words.to_owned()), &filter).await.map(Some),
            }
        };
        let (dense, text) = futures::try_join!(dense, text)?;
        let text = match words {
            Some(words) if !self.full_text => Some(self.rescore(context, words, dense.as_deref()).await?),
            _ => text,
        };
        let dense = dense.filter(|_| self.mode != Mode::Text);
        let mut found = fuse(dense, text, &Calibration::of(context));
        let own = self.own(context).await?;
        found.retain(|one| !own.contains(&one.entry));
        Ok(found)
    }

    /// The entries that are the question, of which no part is an answer.
    async fn own(&self, context: &Context) -> Result<HashSet<String>> {
        let ids: Vec<Id> = self.query.named().cloned().collect();
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let records = context.store.get(&context.collection, &ids, &Output::only([ENTRY])).await?;
        let key = |record: Record| Some(record.fields.get(ENTRY)?.as_str()?.to_owned());
        Ok(records.into_iter().filter_map(key).collect())
    }

    /// The parts that a field's search finds, best first.
    async fn parts(&self, context: &Context, field: &str, query: Query, filter: &Option<Filter>) -> Result<Vec<Part>> {
        // An entry may take several of the places.
        let k = CANDIDATES.max(self.query.k * 2);
        let request = SearchRequest::batch(field, vec![query], k).filter(filter.clone());
        let request = SearchRequest { params: self.query.params, ..request.output(Output::only([ENTRY])) };
        let found = context.or_missing(context.store.search(&context.collection, &request).await).await?;
        Ok(found.into_iter().flatten().map(part).collect())
    }

    /// Words among what embeddings found, on servers without full-text search.
    async fn rescore(&self, context: &Context, words: &str, dense: Option<&[Part]>) -> Result<Vec<Part>> {
        let ids: Vec<Id> = dense.unwrap_or_default().iter().map(|part| part.id.clone()).collect();
        let output = Output::only([ENTRY, "question", "answer"]);
        let found = context.store.get(&context.collection, &ids, &output).await?;
        let mut texts: HashMap<String, (Id, String)> = HashMap::new();
        for Record { id, fields, .. } in found {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(id) = id {
                texts.insert(text(ENTRY), (id, [text("question"), text("answer")].join("\n")));
            }
        }
        Ok(Lexical::of(texts).best(words))
    }
}

fn part(hit: Hit) -> Part {
    let entry = hit.fields.get(ENTRY).and_then(Value::as_str).unwrap_or_default().to_owned();
    Part { id: hit.id, entry, score: hit.score }
}

/// The first of what was found with all their fields; an entry that asks the same question comes first.
///
/// # Errors
/// Those of the store.
pub async fn shown(
    context: &Context,
    mut found: Vec<Found>,
    words: Option<&str>,
    k: usize,
    output: &Output,
) -> Result<Vec<(Found, Hit)>> {
    // The same question may stand a little below others by score.
    found.truncate(k + SAME);
    let mut records = records(context, &found, output).await?;
    for one in &mut found {
        let question = records.get(&one.id).and_then(|record| record.fields.get("question")?.as_str());
        one.is_same = words.zip(question).is_some_and(|(words, question)| plain(words) == plain(question));
        if one.is_same {
            one.score = one.score.max(1.0);
        }
    }
    sort(&mut found);
    found.truncate(k);
    // What somebody has removed in the meantime is left out.
    let shown = found.into_iter().filter_map(|one| {
        let record = records.remove(&one.id)?;
        let hit = Hit { id: one.id.clone(), score: one.score, fields: record.fields, vectors: record.vectors };
        Some((one, hit))
    });
    Ok(shown.collect())
}

/// The records that stand for entries.
async fn records(context: &Context, found: &[Found], output: &Output) -> Result<HashMap<Id, Record>> {
    let ids: Vec<Id> = found.iter().map(|one| one.id.clone()).collect();
    let records = context.or_missing(context.store.get(&context.collection, &ids, output).await).await?;
    Ok(records.into_iter().filter_map(|record| Some((record.id.clone()?, record))).collect())
}

/// Orders entries by what a cross-encoder says of the question and each of them.
///
/// # Errors
/// Those of the store and the model.
pub async fn rerank(context: &Context, encoder: &PairEncoder, words: &str, found: &mut [Found]) -> Result<()> {
    let records = records(context, found, &Output::only(["question", "answer"])).await?;
    let ids: Vec<Id> = found.iter().map(|one| one.id.clone()).collect();
    let (preparing, words) = (encoder.clone(), words.to_owned());
    let prepared = context
        .compute(move || {
            let pair = |id: &Id| {
                let fields = records.get(id).map(|record| &record.fields);
                let text = |name: &str| fields.and_then(|fields| fields.get(name)?.as_str()).unwrap_or_default();
                preparing.prepare(&words, [text("question"), text("answer")].join("\n").trim())
            };
            ids.iter().map(pair).collect::<Result<Vec<_>>>()
        })
        .await?;
    for (one, score) in found.iter_mut().zip(encoder.score(prepared).await?) {
        (one.rerank, one.score) = (Some(score), score);
    }
    sort(found);
    Ok(())
}

/// Entries beyond the first k among which the same question is looked for.
const SAME: usize = 10;

/// The words of a question, without punctuation and case.
fn plain(text: &str) -> String {
    lexical::words(text).collect::<Vec<_>>().join(" ")
}
