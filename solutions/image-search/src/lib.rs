//! Image search: pictures become embeddings, and the most similar pictures are the nearest neighbours of the query's.
//!
//! Read [`ImageSearch::search`] first, then `import` beside it; [`pictures`] says how a file becomes a record and
//! [`discover`] what is known of a picture before it is opened. Everything else (queues, flags, HTTP, the page) is the
//! kit's.

#![forbid(unsafe_code)]

pub mod discover;
pub mod pictures;
mod sample;

use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, Fields, Result, ScalarField};
use bootcamp_kit::ingest::{Import, ingest};
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{
    Answer, Card, Context, Example, Facts, Laps, MediaKind, Program, Report, SearchQuery, Solution, Subject, Vectors,
    combine, stored_vector,
};

use pictures::Pictures;

/// The facts about this program.
pub static PROGRAM: Program = Program {
    facts: Facts {
        name: "image-search",
        title: "Image search",
        summary: "Finds the pictures most similar to a picture, a region of one, or text",
        version: env!("CARGO_PKG_VERSION"),
        collection: "image_search",
        vectors: Vectors::Model("sscd-distilled"),
        accepts: &["picture"],
        media: &[MediaKind::Picture],
        // The threshold for copies given by the default model's authors.
        duplicates: Some(0.75),
        ..Facts::DEFAULT
    },
    sample: Some(sample::SAMPLE),
    ..Program::new(|context| Arc::new(ImageSearch { context }))
};

/// Image search on one collection.
#[derive(Debug)]
pub struct ImageSearch {
    context: Context,
}

#[async_trait]
impl Solution for ImageSearch {
    fn context(&self) -> &Context {
        &self.context
    }

    fn collection(&self) -> CollectionSpec {
        let fields = vec![
            ScalarField::string("label").nullable(),
            ScalarField::string("caption").nullable(),
            ScalarField::int("width"),
            ScalarField::int("height"),
            ScalarField::string("format"),
            ScalarField::int("bytes"),
            ScalarField::string("content_hash").not_filterable(),
            // What else a table said of the picture: extra["split"] == "train".
            ScalarField::json("extra").nullable(),
        ];
        self.context.spec(self.context.model_field(), fields)
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        discover::discover(places)
    }

    /// Imports pictures.
    async fn import(&self, import: Import) -> Result<Report> {
        let encoder = self.context.encoder().await?.pictures()?.clone();
        let pictures = Pictures { encoder, limits: self.context.limits };
        ingest(&self.context, &self.collection(), pictures, import).await
    }

    /// Combines the examples into one embedding; the hits are its nearest neighbours.
    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let positive = self.embed_all(&query.positive).await?;
        let negative = self.embed_all(&query.negative).await?;
        let vector = combine(self.context.metric, positive, negative);
        let encode_ms = laps.lap();
        let hits = query.find(&self.context, vector, self.context.output(&self.collection())).await?;
        let notes = self.note(query).into_iter().collect();
        Ok(Answer { hits, notes, encode_ms, search_ms: laps.lap(), ..Answer::default() })
    }

    fn present(&self, fields: &Fields) -> Card {
        let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let path = text("path").unwrap_or_default();
        let title = path.rsplit('/').next().unwrap_or_default().to_owned();
        Card { title, caption: text("caption"), label: text("label") }
    }
}

impl ImageSearch {
    /// What should be known of an answer to words by a model that was not made for them.
    fn note(&self, query: &SearchQuery) -> Option<String> {
        let mut examples = query.positive.iter().chain(&query.negative);
        let model = self.context.maker.model().filter(|model| model.words.is_some())?;
        examples.any(|example| matches!(example.subject, Subject::Words(_))).then(|| {
            format!(
                "approximate: {} knows text only by the classes it was trained on; clip-vit-b32 is made for it",
                model.name
            )
        })
    }

    async fn embed_all(&self, examples: &[Example]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(examples.len());
        for example in examples {
            vectors.push(self.embed(example).await?);
        }
        Ok(vectors)
    }

    /// The embedding of a stored picture, of text, or of a picture or a region of one.
    async fn embed(&self, example: &Example) -> Result<Vec<f32>> {
        let vectors = match (&example.subject, example.region) {
            (Subject::Id(id), None) => return stored_vector(&self.context, id).await,
            (Subject::Words(words), _) => {
                let encoder = self.context.encoder().await?.clone();
                let text = self.context.compute(move || encoder.text().cloned()).await?;
                text.embed(vec![text.prepare(words)?]).await?
            }
            _ => {
                let pictures = self.context.encoder().await?.pictures()?.clone();
                let picture = example.picture(&self.context).await?;
                let preparing = pictures.clone();
                let pixels = self.context.compute(move || preparing.prepare(&picture)).await?;
                pictures.embed(vec![pixels]).await?
            }
        };
        Ok(vectors.into_iter().next().unwrap_or_default())
    }
}
