//! A toy solution that uses every seam of the kit, as an example and a test of them: texts are sources, each word is a
//! moment of a second, searched by its letters and by itself; how often words occur is kept in a second collection.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::{Path, State};
use bootcamp_core::{
    CollectionSpec, Fields, Filter, Fusion, IdKind, Metric, Output, PageRequest, Query, Record, Result, ScalarField,
    Vector, VectorField, scan,
};
use clap::{Arg, ArgMatches, Command};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Problem, Problems};
use crate::ingest::{Import, Item, Items, Pipeline, Span, ingest};
use crate::source::{Places, Source, Sources, Wanted, files};
use crate::testing::vector;
use crate::*;

pub static TOY: Program = Program {
    facts: Facts { name: "toy", title: "Toy", collection: "toy", spans: true, accepts: &["text"], ..Facts::DEFAULT },
    work: &[Work {
        name: "count-words",
        about: "Counts how often each word occurs",
        options: &[],
        run: count_words,
        print: None,
    }],
    commands: &[OwnCommand { define: often, writes: false, run: print_often }],
    routes: Some(|context| OpenApiRouter::new().routes(routes!(how_often)).with_state(context)),
    ..Program::new(|context| Arc::new(Toy(context)))
};

/// The second collection.
const COUNTS: &str = "toy_counts";

pub struct Toy(pub Context);

#[async_trait]
impl Solution for Toy {
    fn context(&self) -> &Context {
        &self.0
    }

    fn collection(&self) -> CollectionSpec {
        let word = ScalarField::string("word").full_text();
        self.0.spec(VectorField::f32(&self.0.field, 26, Metric::Cosine), vec![word])
    }

    async fn collections(&self) -> Result<Vec<String>> {
        Ok(vec![self.0.collection.clone(), COUNTS.to_owned()])
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        files(places, &Wanted::called(&["txt"]))
    }

    async fn import(&self, import: Import) -> Result<Report> {
        ingest(&self.0, &self.collection(), Words, import).await
    }

    /// Each word of the query is a vector of its own, all searched in one call; a single one is also searched as text.
    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let Some(Example { subject: Subject::Words(words), .. }) = query.positive.first() else {
            return Ok(Answer::default());
        };
        let output = self.0.output(&self.collection());
        let vectors: Vec<Vector> = words.split(' ').map(|word| vector(word).into()).collect();
        let hits = match &vectors[..] {
            [one] if query.per_source.is_none() => {
                let searches = vec![(&*self.0.field, Query::from(one.clone())), ("word", Query::Text(words.clone()))];
                query.find_fused(&self.0, searches, 10, Fusion::default(), output).await?
            }
            _ => query.find_each(&self.0, vectors, output).await?.concat(),
        };
        Ok(Answer { hits, ..Answer::default() })
    }

    fn present(&self, fields: &Fields) -> Card {
        Card { title: fields["word"].as_str().unwrap_or_default().to_owned(), ..Card::default() }
    }
}

/// A word a second.
struct Words;
#[async_trait]
impl Pipeline for Words {
    type Input = String;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, String>> {
        let text = String::from_utf8_lossy(&source.read(1000)?).into_owned();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Ok(Box::new(words.into_iter().zip(0..).map(|(word, at)| {
            let fields = Fields::from_iter([("word".to_owned(), json!(word))]);
            let span = Some(Span { start: f64::from(at), end: f64::from(at + 1) });
            Ok(Item { fields, thumbnail: None, span, input: word })
        })))
    }

    async fn encode(&self, inputs: Vec<String>) -> Result<Vec<Vector>> {
        Ok(inputs.iter().map(|word| vector(word).into()).collect())
    }
}

fn count_words(context: Context, _: Options, watch: Watch) -> BoxFuture<'static, Result<Value>> {
    Box::pin(async move {
        let counts = context.at(COUNTS, None).await?;
        let spec = CollectionSpec::new(&counts.collection, IdKind::String { max_len: 100 })
            .vector(VectorField::f32(&counts.field, 26, counts.metric))
            .scalar(ScalarField::int("count"));
        counts.ensure(&spec).await?;
        let request = PageRequest { limit: 100, output: Output::only(["word"]), ..PageRequest::default() };
        let mut words = BTreeMap::<String, i64>::new();
        let mut items = scan(&*context.store, &context.collection, request);
        while let Some(item) = items.try_next().await? {
            *words.entry(item.fields["word"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            watch.advance(1);
            watch.say(format!("{} words", words.len()));
        }
        let record = |(word, count): (&String, &i64)| {
            Record::new(word.as_str()).vector(&counts.field, vector(word)).field("count", *count)
        };
        counts.store.upsert(&counts.collection, &words.iter().map(record).collect::<Vec<_>>()).await?;
        Ok(json!({"words": words.len()}))
    })
}

fn often() -> Command {
    Command::new("often").about("Print how often a word occurs").arg(Arg::new("word").required(true))
}

fn print_often(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let word: Option<&String> = matches.get_one("word");
        printer.line(count(&context, word.map_or("", String::as_str)).await?);
        Ok(ExitCode::SUCCESS)
    })
}

async fn count(context: &Context, word: &str) -> Result<u64> {
    let filter = Filter::parse(&format!("word == {}", json!(word)))?;
    context.or_missing(context.store.count(&context.collection, Some(&filter)).await).await
}

/// How often a word occurs
#[utoipa::path(get, path = "/api/v1/often/{word}", tag = "toy", params(("word" = String, Path)), responses((status = 200, body = u64), Problems))]
async fn how_often(State(context): State<Context>, Path(word): Path<String>) -> Result<Json<u64>, Problem> {
    Ok(Json(count(&context, &word).await?))
}

mod tests;
