//! `search QUERY…`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::picture::{Picture, Region};
use bootcamp_core::{Error, ErrorKind, Id, Result, SearchParams};
use clap::builder::PossibleValuesParser;
use clap::{Arg, Args};

use super::score;
use crate::api::{HitBody, SearchBody, Timings};
use crate::context::{Context, ID_LENGTH, blocking};
use crate::options::Options;
use crate::printer::Printer;
use crate::query::{Example, SearchQuery, Subject};
use crate::sheet::{Cell, sheet};
use crate::solution::{Program, Solution};

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Files, ids of items, or words when the model knows words; several are averaged
    #[arg(required_unless_present_any = ["id", "words"], value_name = "QUERY")]
    query: Vec<String>,
    /// An item's id
    #[arg(long, env = "BOOTCAMP_ID", value_name = "ID")]
    id: Vec<String>,
    /// Words
    #[arg(long, env = "BOOTCAMP_WORDS", value_name = "TEXT")]
    words: Vec<String>,
    /// A file, id or words that hits should not be like
    #[arg(long, env = "BOOTCAMP_NOT", value_name = "QUERY")]
    not: Vec<String>,
    /// Only this part of the first picture: x,y,width,height in pixels, or with points as shares of the sides
    #[arg(long, env = "BOOTCAMP_CROP", value_name = "REGION")]
    crop: Option<Region>,
    #[command(flatten)]
    terms: Terms,
    /// Draw the query and the hits into this PNG file
    #[arg(long, env = "BOOTCAMP_SHEET", value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// The program's own, which clap learns when it runs.
    #[arg(skip)]
    options: Options,
}

/// Adds the program's options to the command.
pub fn with_options(mut command: clap::Command, program: &Program) -> clap::Command {
    for option in program.options {
        let argument = Arg::new(option.name).long(option.name).env(option.env).value_name("CHOICE").help(option.help);
        let values = PossibleValuesParser::new(option.values.iter().copied());
        command = command.arg(argument.value_parser(values).default_value(option.values.first().copied()));
    }
    command
}

impl SearchArgs {
    /// Takes what was chosen of the program's options.
    pub fn choose(&mut self, program: &Program, matches: &clap::ArgMatches) -> Result<()> {
        let chosen = program
            .options
            .iter()
            .filter_map(|option| matches.get_one::<String>(option.name).map(|value| (option.name, value.as_str())));
        self.options = Options::of(program, chosen)?;
        Ok(())
    }
}

/// What narrows a search, for every command that searches.
#[derive(Args, Debug)]
struct Terms {
    /// Most hits
    #[arg(short = 'k', long = "top", env = "BOOTCAMP_TOP", value_name = "N", default_value_t = 10)]
    k: usize,
    /// Only items for which this holds, such as: label == "birds" and width > 300
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
    /// The worst score of a hit: the least similarity, or for a distance the largest
    #[arg(long, env = "BOOTCAMP_MIN_SCORE", value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// HNSW indexes: candidates kept; more is slower and finds more
    #[arg(long, env = "BOOTCAMP_EF", value_name = "N")]
    ef: Option<u32>,
    /// IVF indexes: lists probed
    #[arg(long, env = "BOOTCAMP_NPROBE", value_name = "N")]
    nprobe: Option<u32>,
}

pub async fn run(solution: &dyn Solution, args: SearchArgs, printer: Printer) -> Result<ExitCode> {
    let query = query(solution.context(), &args)?;
    let start = Instant::now();
    let answer = solution.search(&query).await?;
    let body = SearchBody::new(solution, answer, start.elapsed());
    if let Some(path) = &args.sheet {
        draw(solution, &query, &body.hits, path).await?;
        printer.note(format_args!("drew {}", path.display()));
    }
    if printer.json {
        printer.json(&body)?;
    } else {
        print(&body, printer);
    }
    Ok(ExitCode::SUCCESS)
}

/// Hits for people.
pub fn print(body: &SearchBody, printer: Printer) {
    for note in &body.notes {
        printer.note(note);
    }
    if body.hits.is_empty() {
        return printer.line("no hits");
    }
    let row = |(at, hit): (usize, &HitBody)| {
        let item = &hit.item;
        let label = item.label.clone().unwrap_or_default();
        let mut row = vec![(at + 1).to_string(), score(hit.score), item.id.to_string(), label, item.title.clone()];
        if let Some(similarity) = hit.similarity {
            row.insert(1, score(similarity));
        }
        row
    };
    let mut header = vec!["", "score", "id", "label", "title"];
    if body.hits.iter().any(|hit| hit.similarity.is_some()) {
        header.insert(1, "similarity");
    }
    printer.table(&header, body.hits.iter().enumerate().map(row));
    let Timings { encode_ms, search_ms } = body.timings;
    let took = format!("{:.0} ms: {encode_ms:.0} encoding, {search_ms:.1} searching", body.took_ms);
    printer.note(format_args!("{} hits by {} in {took}", body.hits.len(), body.metric));
}

fn query(context: &Context, args: &SearchArgs) -> Result<SearchQuery> {
    let example = |subject| Example { subject, region: None };
    let mut positive = Vec::new();
    for text in &args.query {
        positive.push(example(subject(context, text)?));
    }
    positive.extend(args.id.iter().map(|id| example(Subject::Id(Id::from(id.as_str())))));
    positive.extend(args.words.iter().map(|words| example(Subject::Words(words.clone()))));
    let negative = args.not.iter().map(|text| subject(context, text).map(example)).collect::<Result<_>>()?;
    if let Some(region) = args.crop {
        let picture = positive.iter_mut().find(|example| !matches!(example.subject, Subject::Words(_)));
        let picture = picture.ok_or_else(|| Error::invalid("--crop needs a picture: a file or an id"))?;
        picture.region = Some(region);
    }
    let Terms { k, ref filter, min_score, ef, nprobe } = args.terms;
    let params = SearchParams { ef, nprobe, ..SearchParams::default() };
    let (filter, options) = (filter.clone(), args.options.clone());
    let query = SearchQuery { positive, negative, k, filter, min_score, params, options };
    query.check()?;
    Ok(query)
}

/// What a person means: a file if there is one, an item if it looks like an id, words if the model knows any.
fn subject(context: &Context, text: &str) -> Result<Subject> {
    let path = Path::new(text);
    if path.exists() {
        return read(path, context.limits.bytes);
    }
    // In lower case: twenty carbons in a row are a molecule.
    if text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(Subject::Id(Id::from(text)));
    }
    if context.program.words.is_some() || context.knows_words() && !text.contains('/') {
        return Ok(Subject::Words(text.to_owned()));
    }
    let error = Error::new(ErrorKind::NotFound, format!("there is no file {text}"));
    let model = context.model.as_ref().map_or("this program", |model| &model.name);
    Err(error.with_hint(format!("give a file or an item's id ({ID_LENGTH} hex digits); {model} knows no words")))
}

/// A query's file, whole.
pub fn read(path: &Path, max: u64) -> Result<Subject> {
    let bytes = crate::source::read_named(&path.to_string_lossy(), max)?;
    Ok(Subject::File { name: path.display().to_string(), bytes })
}

/// Draws the contact sheet.
async fn draw(solution: &dyn Solution, query: &SearchQuery, hits: &[HitBody], path: &Path) -> Result<()> {
    let context = solution.context();
    if let Some(hit) = hits.first()
        && solution.draw(&hit.item.fields, &[])?.is_some()
    {
        let message = format!("{} makes drawings, which --sheet cannot put together", context.program.name);
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("look at them on the page: serve"));
    }
    let mut cells = Vec::with_capacity(hits.len() + 1);
    let queried = |name: &str, picture| Cell { picture, title: "query".to_owned(), note: name.to_owned() };
    if let Some(example) = query.positive.first() {
        cells.push(match &example.subject {
            Subject::Words(words) => queried(words, None),
            Subject::File { name, .. } => queried(name, Some(example.picture(context).await?)),
            Subject::Id(id) => queried(&id.to_string(), Some(example.picture(context).await?)),
        });
    }
    for hit in hits {
        let (id, media, limits) = (hit.item.id.clone(), context.media.clone(), context.limits);
        let path = path_of(&hit.item.fields);
        let thumbnail = blocking(move || {
            let jpeg = media.thumbnail(&id, &path, &limits)?;
            Picture::decode(&jpeg, &limits)
        });
        cells.push(Cell { picture: thumbnail.await.ok(), title: hit.item.title.clone(), note: score(hit.score) });
    }
    let path = path.to_owned();
    blocking(move || std::fs::write(&path, sheet(&cells)?).map_err(|error| Error::io("cannot write", &path, error)))
        .await
}

fn path_of(fields: &bootcamp_core::Fields) -> String {
    fields.get("path").and_then(|path| path.as_str()).unwrap_or_default().to_owned()
}
