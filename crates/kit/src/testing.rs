//! A solution without a model for the kit's own tests: texts whose vectors count letters.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::encoder::EncoderOptions;
use bootcamp_core::models::{ModelSettings, Registry};
use bootcamp_core::picture::{Limits, Picture};
use bootcamp_core::{CollectionSpec, Error, Fields, LocalStore, Metric, Result, ScalarField, VectorField};
use include_dir::{Dir, include_dir};
use tempfile::TempDir;
use tokio::sync::{OnceCell, Semaphore};

use crate::api::SearchBody;
use crate::content::ContentPath;
use crate::context::Context;
use crate::facts::Facts;
use crate::ingest::{Import, Item, Items, Pipeline, ingest};
use crate::items::stored_vector;
use crate::media::{Look, Media, MediaKind};
use crate::options::{OptionValue, Options, ProgramOption};
use crate::program::{Export, Program};
use crate::query::{Answer, SearchQuery, Subject, combine};
use crate::solution::{Card, Preview, Solution};
use crate::source::{Places, Rows, Skip, Source, Sources, Wanted, files};
use crate::spool::Spool;
use crate::vectors::Maker;
use crate::watch::Report;

pub static PROGRAM: Program =
    Program { facts: LETTERS, exports: EXPORTS, ..Program::new(|context| solution(&context)) };
/// The same, with modules of its own for the page.
pub static PAGED: Program = Program { facts: LETTERS, page: Some(&PAGE), ..Program::new(|context| solution(&context)) };

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/testing/page");

/// The same, with drawings.
pub static DRAWN: Program =
    Program { facts: Facts { media: &[], ..LETTERS }, exports: EXPORTS, ..Program::new(|context| solution(&context)) };

/// The same, with files of every kind.
pub static EVERY_KIND: Program = Program {
    facts: Facts { media: &[MediaKind::Picture, MediaKind::Sound, MediaKind::Video, MediaKind::Text], ..LETTERS },
    ..Program::new(|context| solution(&context))
};

const LETTERS: Facts = Facts {
    name: "letters",
    title: "Letters",
    summary: "Finds texts of the same letters",
    version: "1.2.3",
    collection: "letters",
    accepts: &["text"],
    options: &[ProgramOption::new(
        "order",
        "LETTERS_ORDER",
        "What comes first",
        OptionValue::OneOf(&["likeness", "length"]),
    )],
    import_options: &[ProgramOption::new(
        "reverse",
        "LETTERS_REVERSE",
        "Whether texts are read backwards",
        OptionValue::Switch,
    )],
    media: &[MediaKind::Picture],
    duplicates: Some(0.99),
    ..Facts::DEFAULT
};
const EXPORTS: &[Export] = &[Export { extension: "ids", media_type: "text/x-ids", write: ids }];

fn ids(body: &SearchBody) -> Result<String> {
    Ok(body.hits.iter().map(|hit| format!("{}\n", hit.item.id)).collect())
}

/// A context on a new local store, in a folder that goes with the first value.
pub async fn context() -> (TempDir, Context) {
    context_of(&PROGRAM).await
}

/// The same for another program.
pub async fn context_of(program: &'static Program) -> (TempDir, Context) {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path().join("store")).unwrap();
    let spool = Spool::new(folder.path().join("spool"));
    let context = Context {
        facts: &program.facts,
        store: Arc::new(store),
        collection: program.facts.collection.to_owned(),
        folder: None,
        field: "embedding".to_owned(),
        metric: Metric::Cosine,
        maker: Maker::Computed,
        media: Media::new(folder.path().join("media").join(program.facts.collection), spool.clone()),
        media_root: folder.path().join("media"),
        spool,
        limits: Limits::default(),
        registry: Arc::new(Registry::open(ModelSettings::default()).unwrap()),
        encoder_options: EncoderOptions::default(),
        on_fetch: Arc::new(|_| {}),
        encoder: Arc::new(OnceCell::new()),
        metadata_apart: false,
        board: None,
        decoders: Arc::new(Semaphore::new(2)),
    };
    (folder, context)
}

pub fn solution(context: &Context) -> Arc<dyn Solution> {
    Arc::new(Letters(context.clone()))
}

/// How often each letter occurs, and a little of everything, so that no vector is zero.
pub fn vector(text: &str) -> Vec<f32> {
    let mut counts = vec![0.01; 26];
    for letter in text.bytes().filter(u8::is_ascii_lowercase) {
        counts[usize::from(letter - b'a')] += 1.0;
    }
    counts
}

/// The texts that a table's column `path` names.
fn listed(table: &Path, rows: Rows, places: &Places) -> Sources {
    let (table, places) = (table.to_owned(), places.clone());
    Box::new(rows.map(move |(line, row)| {
        let skip = |error: &Error| Skip::new(format!("{}:{line}", table.display()), error);
        let row = row.map_err(|error| skip(&error))?;
        let path = row.get("path").and_then(|path| path.as_str());
        let path = path.ok_or_else(|| skip(&Error::invalid("the row has no path")))?;
        places.listed(&table, line, &table.with_file_name(path))
    }))
}

struct Letters(Context);

#[async_trait]
impl Solution for Letters {
    fn context(&self) -> &Context {
        &self.0
    }

    fn collection(&self) -> CollectionSpec {
        let fields = ["label", "note", "caption"].map(|name| ScalarField::string(name).nullable());
        self.0.spec(VectorField::f32(&self.0.field, 26, self.0.metric), fields.into())
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        files(places, &Wanted { table: Some(listed), ..Wanted::called(&["txt"]) })
    }

    async fn import(&self, import: Import) -> Result<Report> {
        let texts = Texts { reverse: import.options.is_on("reverse") };
        ingest(&self.0, &self.collection(), texts, import).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let mut sides = [Vec::new(), Vec::new()];
        for (side, examples) in sides.iter_mut().zip([&query.positive, &query.negative]) {
            for example in examples {
                side.push(match &example.subject {
                    Subject::Id(id) => stored_vector(&self.0, id).await?,
                    Subject::Words(words) if words == "slow" => {
                        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
                        vector(words)
                    }
                    Subject::Words(words) => vector(words),
                    Subject::File { content, .. } => vector(&String::from_utf8_lossy(&content.read(u64::MAX)?)),
                });
            }
        }
        let [positive, negative] = sides;
        let output = self.0.output(&self.collection());
        let hits = query.find(&self.0, combine(self.0.metric, positive, negative), output).await?;
        let order = query.options.get("order");
        let details = hits.iter().filter_map(|_| Some(Fields::from_iter([("order".to_owned(), order?.into())])));
        let marks = if self.0.facts.media.is_empty() { vec![vec![1, 22]; hits.len()] } else { Vec::new() };
        Ok(Answer { details: details.collect(), marks, hits, ..Answer::default() })
    }

    fn present(&self, fields: &Fields) -> Card {
        let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let path = text("path").unwrap_or_default();
        Card {
            title: path.rsplit('/').next().unwrap_or_default().to_owned(),
            caption: text("caption"),
            label: text("label"),
        }
    }

    fn look(&self, fields: &Fields, marked: &[usize]) -> Result<Look> {
        match self.0.facts.media {
            [] => Ok(Look::Drawing(format!("<svg>{marked:?}</svg>"))),
            kinds => Ok(Look::source(fields, kinds)),
        }
    }

    /// Texts are as wide as they are long; others are pictures.
    fn poster(&self, _: &Fields, file: &ContentPath) -> Result<Picture> {
        match std::fs::read(&**file) {
            Ok(text) if text.is_ascii() && self.0.facts.media.contains(&MediaKind::Text) => {
                Picture::new(text.len() as u32, 1, vec![0; text.len() * 3])
            }
            _ => Picture::read(file, &self.0.limits),
        }
    }

    fn preview(&self, words: &str, options: &Options) -> Result<Preview> {
        if words.is_empty() {
            return Err(bootcamp_core::Error::invalid("there are no words"));
        }
        let note = format!("{} letters by {}", words.len(), options.get("order").unwrap_or("likeness"));
        Ok(Preview { note, drawing: None })
    }
}

/// One item a file.
struct Texts {
    reverse: bool,
}

#[async_trait]
impl Pipeline for Texts {
    type Input = String;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, String>> {
        let input = String::from_utf8_lossy(&source.read(64 << 20)?).into_owned();
        if input.starts_with("broken") {
            return Err(bootcamp_core::Error::invalid("it is broken"));
        }
        if input.starts_with("slow") {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let input = if self.reverse { input.chars().rev().collect() } else { input };
        let note: String = input.chars().filter(|letter| !letter.is_control()).take(100).collect();
        let fields = Fields::from_iter([("note".to_owned(), note.into())]);
        Ok(Box::new(std::iter::once(Ok(Item { fields, thumbnail: None, span: None, input }))))
    }

    async fn encode(&self, inputs: Vec<String>) -> Result<Vec<bootcamp_core::Vector>> {
        Ok(inputs.iter().map(|text| vector(text).into()).collect())
    }
}
