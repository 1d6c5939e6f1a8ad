//! `search QUERY…`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bootcamp_core::picture::Region;
use bootcamp_core::{Error, ErrorKind, Fields, Id, Output, Result, SearchParams};
use clap::Args;

use super::score;
use crate::api::{HitBody, SearchBody, Timings};
use crate::content::Content;
use crate::context::{Context, ID_LENGTH, blocking};
use crate::export::format;
use crate::facts::Facts;
use crate::items::stored;
use crate::media::{QUALITY, THUMBNAIL};
use crate::options::Options;
use crate::printer::Printer;
use crate::program::Program;
use crate::query::{Example, MOMENTS, SearchQuery, Subject};
use crate::sheet::{self, Cell, Look};
use crate::solution::Solution;

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
    /// Draw the query and the hits into this file: .png or .svg
    #[arg(long, env = "BOOTCAMP_SHEET", value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Write the hits with all fields into this file, by its extension; .csv in every program
    #[arg(long, env = "BOOTCAMP_SAVE", value_name = "FILE")]
    save: Option<PathBuf>,
    /// The program's own, which clap learns when it runs.
    #[arg(skip)]
    pub options: Options,
}

/// Hides what only programs have whose items are spans.
pub fn with_spans(command: clap::Command, facts: &Facts) -> clap::Command {
    command.mut_arg("moments", |arg| arg.hide(!facts.spans))
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
    /// Most spans of one source; k counts sources
    #[arg(long, env = "BOOTCAMP_MOMENTS", value_name = "N", default_value_t = MOMENTS)]
    moments: usize,
    /// HNSW indexes: candidates kept; more is slower and finds more
    #[arg(long, env = "BOOTCAMP_EF", value_name = "N")]
    ef: Option<u32>,
    /// IVF indexes: lists probed
    #[arg(long, env = "BOOTCAMP_NPROBE", value_name = "N")]
    nprobe: Option<u32>,
}

pub async fn run(program: &Program, solution: &dyn Solution, args: SearchArgs, printer: Printer) -> Result<ExitCode> {
    let query = query(solution.context(), &args).await?;
    // Before the search, so that a mistake in a name costs none.
    let export = args.save.as_deref().map(|path| format(program, &extension(path))).transpose()?;
    let sheet = args.sheet.as_deref().map(SheetFile::new).transpose()?;
    let start = Instant::now();
    let answer = solution.search(&query).await?;
    let body = SearchBody::new(solution, answer, start.elapsed());
    if let Some(sheet) = sheet {
        let cells = cells(solution, &query, &body.hits).await?;
        blocking(move || sheet.write(&cells)).await?;
    }
    if let (Some(export), Some(path)) = (export, &args.save) {
        let text = (export.write)(&body)?;
        std::fs::write(path, text).map_err(|error| Error::io("cannot write", path, error))?;
    }
    for path in args.sheet.iter().chain(&args.save) {
        printer.note(format_args!("wrote {}", path.display()));
    }
    if printer.json {
        printer.json(&body)?;
    } else {
        print(&body, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// Where a contact sheet goes.
struct SheetFile {
    path: PathBuf,
    is_svg: bool,
}

impl SheetFile {
    fn new(path: &Path) -> Result<Self> {
        let is_svg = match extension(path).as_str() {
            "svg" => true,
            "png" => false,
            other => {
                return Err(Error::invalid(format!("--sheet cannot draw a file of kind '{other}'"))
                    .with_hint("give a name that ends in .png or .svg"));
            }
        };
        Ok(Self { path: path.to_owned(), is_svg })
    }

    fn write(&self, cells: &[Cell]) -> Result<()> {
        let svg = sheet::svg(cells);
        let bytes = if self.is_svg { svg.into_bytes() } else { sheet::png(&svg)? };
        std::fs::write(&self.path, bytes).map_err(|error| Error::io("cannot write", &self.path, error))
    }
}

/// Hits for people.
pub fn print(body: &SearchBody, printer: Printer) {
    for note in &body.notes {
        printer.note(note);
    }
    if body.hits.is_empty() {
        return printer.line("no hits");
    }
    // Numbers among the details are scores of the solution's own.
    let number = |hit: &HitBody, name: &str| hit.details.as_ref().and_then(|details| details.get(name)?.as_f64());
    let names = body.hits.iter().flat_map(|hit| hit.details.iter().flat_map(Fields::keys).map(move |name| (hit, name)));
    let own: BTreeSet<&str> =
        names.filter(|(hit, name)| number(hit, name).is_some()).map(|(_, name)| &**name).collect();
    let spans = body.hits.iter().any(|hit| hit.item.span.is_some());
    let row = |(at, hit): (usize, &HitBody)| {
        let item = &hit.item;
        let mut row = vec![(at + 1).to_string()];
        row.extend(own.iter().map(|name| number(hit, name).map(|value| score(value as f32)).unwrap_or_default()));
        row.extend(hit.similarity.map(score));
        row.push(score(hit.score));
        row.extend(spans.then(|| item.span.map(|span| span.to_string()).unwrap_or_default()));
        row.extend([item.id.to_string(), item.label.clone().unwrap_or_default(), item.title.clone()]);
        row
    };
    let mut header = vec![""];
    header.extend(&own);
    header.extend(body.hits.iter().any(|hit| hit.similarity.is_some()).then_some("similarity"));
    header.push("score");
    header.extend(spans.then_some("span"));
    header.extend(["id", "label", "title"]);
    printer.table(&header, body.hits.iter().enumerate().map(row));
    let Timings { encode_ms, search_ms } = body.timings;
    let took = format!("{:.0} ms: {encode_ms:.0} encoding, {search_ms:.1} searching", body.took_ms);
    printer.note(format_args!("{} hits by {} in {took}", body.hits.len(), body.metric));
}

async fn query(context: &Context, args: &SearchArgs) -> Result<SearchQuery> {
    let example = |subject| Example { subject, region: None };
    let mut positive = Vec::new();
    for text in &args.query {
        positive.push(example(subject(context, text).await?));
    }
    positive.extend(args.id.iter().map(|id| example(Subject::Id(Id::from(id.as_str())))));
    positive.extend(args.words.iter().map(|words| example(Subject::Words(words.clone()))));
    let mut negative = Vec::new();
    for text in &args.not {
        negative.push(example(subject(context, text).await?));
    }
    if let Some(region) = args.crop {
        let picture = positive.iter_mut().find(|example| !matches!(example.subject, Subject::Words(_)));
        let picture = picture.ok_or_else(|| Error::invalid("--crop needs a picture: a file or an id"))?;
        picture.region = Some(region);
    }
    let Terms { k, ref filter, min_score, moments, ef, nprobe } = args.terms;
    let per_source = context.facts.spans.then_some(moments);
    let params = SearchParams { ef, nprobe, ..SearchParams::default() };
    let (filter, options) = (filter.clone(), args.options.clone());
    let query = SearchQuery { positive, negative, k, filter, min_score, per_source, params, options };
    query.check()?;
    Ok(query)
}

/// What a person means: a file if there is one, an item if it looks like an id, words if the model knows any.
async fn subject(context: &Context, text: &str) -> Result<Subject> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Subject::File { name: text.to_owned(), content: Content::File(path.to_owned()) });
    }
    if text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        let id = Id::from(text);
        // Words in a language of their own may look like ids: anthracene is c1ccc2cc3ccccc3cc2c1.
        if context.facts.words.is_none() || stored(context, &id, &Output::ids()).await.is_ok() {
            return Ok(Subject::Id(id));
        }
    }
    if context.facts.words.is_some() || context.knows_words() && !text.contains('/') {
        return Ok(Subject::Words(text.to_owned()));
    }
    let error = Error::new(ErrorKind::NotFound, format!("there is no file {text}"));
    let model = context.maker.name().unwrap_or(context.facts.name);
    Err(error.with_hint(format!("give a file or an item's id ({ID_LENGTH} hex digits); {model} knows no words")))
}

/// What is on the contact sheet: the query, and the hits.
async fn cells(solution: &dyn Solution, query: &SearchQuery, hits: &[HitBody]) -> Result<Vec<Cell>> {
    let mut cells = Vec::with_capacity(hits.len() + 1);
    if let Some(example) = query.positive.first() {
        let note = match &example.subject {
            Subject::Words(words) => words.clone(),
            Subject::File { name, .. } => name.clone(),
            Subject::Id(id) => id.to_string(),
        };
        cells.push(Cell { look: queried(solution, example, query).await?, title: "query".to_owned(), note });
    }
    for hit in hits {
        let score = score(hit.similarity.unwrap_or(hit.score));
        let note = hit.item.span.map_or(score.clone(), |span| format!("{score}  {span}"));
        let look = look(solution, &hit.item.id, &hit.item.fields, &hit.marks).await.unwrap_or(Look::Nothing);
        cells.push(Cell { look, title: hit.item.title.clone(), note });
    }
    Ok(cells)
}

/// What the query looks like; words in a query mostly look like nothing.
async fn queried(solution: &dyn Solution, example: &Example, query: &SearchQuery) -> Result<Look> {
    let context = solution.context();
    match &example.subject {
        Subject::Words(words) => {
            let drawing = solution.preview(words, &query.options)?.drawing;
            Ok(drawing.map_or(Look::Nothing, Look::Drawing))
        }
        Subject::Id(id) if context.facts.drawn => {
            let fields = stored(context, id, &context.output(&solution.collection())).await?.fields;
            look(solution, id, &fields, &[]).await
        }
        Subject::File { .. } if context.facts.drawn => Ok(Look::Nothing),
        _ => {
            let picture = example.picture(context).await?;
            blocking(move || picture.thumbnail(THUMBNAIL).to_jpeg(QUALITY).map(Look::Jpeg)).await
        }
    }
}

/// What an item looks like.
async fn look(solution: &dyn Solution, id: &Id, fields: &Fields, marks: &[usize]) -> Result<Look> {
    let context = solution.context();
    if context.facts.drawn {
        return solution.draw(fields, marks).map(Look::Drawing);
    }
    let (id, media, path, limits) = (id.clone(), context.media.clone(), path_of(fields), context.limits);
    blocking(move || media.thumbnail(&id, &path, &limits).map(Look::Jpeg)).await
}

fn path_of(fields: &Fields) -> String {
    fields.get("path").and_then(|path| path.as_str()).unwrap_or_default().to_owned()
}
