//! `search QUERY…`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
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
use crate::items::{looks_like_id, stored};
use crate::media::{MediaKind, QUALITY, THUMBNAIL, Thumbnail};
use crate::options::Options;
use crate::printer::Printer;
use crate::program::Program;
use crate::query::{Example, MOMENTS, SearchQuery, Subject};
use crate::sheet::{self, Cell};
use crate::shown;
use crate::solution::Solution;

#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Files, item ids, or text if the model supports it; several are averaged
    #[arg(required_unless_present_any = ["id", "words"], value_name = "QUERY")]
    query: Vec<String>,
    /// An item's id
    #[arg(long, env = "BOOTCAMP_ID", value_name = "ID")]
    id: Vec<String>,
    /// Text
    #[arg(long, env = "BOOTCAMP_WORDS", value_name = "TEXT")]
    words: Vec<String>,
    /// A file, id or text that hits should be unlike
    #[arg(long, env = "BOOTCAMP_NOT", value_name = "QUERY")]
    not: Vec<String>,
    /// Only this region of the first picture: x,y,width,height in pixels, or as fractions with decimals
    #[arg(long, env = "BOOTCAMP_CROP", value_name = "REGION")]
    crop: Option<Region>,
    #[command(flatten)]
    terms: Terms,
    /// Draw a contact sheet of the query and the hits: .png or .svg
    #[arg(long, env = "BOOTCAMP_SHEET", value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Save the hits with all fields; the extension sets the format, .csv always works
    #[arg(long, env = "BOOTCAMP_SAVE", value_name = "FILE")]
    save: Option<PathBuf>,
    /// The program's own options, added to clap at run time.
    #[arg(skip)]
    pub options: Options,
}

/// Hides options that apply only to programs whose items are spans.
pub fn with_spans(command: clap::Command, facts: &Facts) -> clap::Command {
    command.mut_arg("moments", |arg| arg.hide(!facts.spans))
}

/// Options that restrict a search, shared by all commands that search.
#[derive(Args, Debug)]
struct Terms {
    /// The number of hits (top-k)
    #[arg(short = 'k', long = "top", env = "BOOTCAMP_TOP", value_name = "N", default_value_t = 10)]
    k: usize,
    /// Only items that match this filter, such as: label == "birds" and width > 300
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
    /// The score limit: the minimum similarity or the maximum distance
    #[arg(long, env = "BOOTCAMP_MIN_SCORE", value_name = "SCORE", allow_negative_numbers = true)]
    min_score: Option<f32>,
    /// The maximum number of spans per source; k then counts sources
    #[arg(long, env = "BOOTCAMP_MOMENTS", value_name = "N", default_value_t = MOMENTS)]
    moments: usize,
    /// HNSW indexes: the size of the candidate list; higher is slower, with better recall
    #[arg(long, env = "BOOTCAMP_EF", value_name = "N")]
    ef: Option<u32>,
    /// IVF indexes: the number of clusters searched
    #[arg(long, env = "BOOTCAMP_NPROBE", value_name = "N")]
    nprobe: Option<u32>,
}

pub async fn run(
    program: &Program,
    solution: Arc<dyn Solution>,
    args: SearchArgs,
    printer: Printer,
) -> Result<ExitCode> {
    let query = query(solution.context(), &args).await?;
    // Checked before the search, so that a wrong file name fails early.
    let export = args.save.as_deref().map(|path| format(program, &extension(path))).transpose()?;
    let sheet = args.sheet.as_deref().map(SheetFile::new).transpose()?;
    let start = Instant::now();
    let answer = solution.search(&query).await?;
    let body = SearchBody::new(&*solution, answer, start.elapsed());
    if let Some(sheet) = sheet {
        let cells = cells(&solution, &query, &body.hits).await?;
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
                return Err(Error::invalid(format!("--sheet cannot write '{other}' files"))
                    .with_hint("use a file name that ends in .png or .svg"));
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

/// Interprets an argument: a file if it exists, an item if it looks like an id, text if the model supports it.
async fn subject(context: &Context, text: &str) -> Result<Subject> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Subject::File { name: text.to_owned(), content: Content::File(path.to_owned()) });
    }
    if looks_like_id(text) {
        let id = Id::from(text);
        // Text in a formal language may look like an id: anthracene is c1ccc2cc3ccccc3cc2c1.
        if context.facts.words.is_none() || stored(context, &id, &Output::ids()).await.is_ok() {
            return Ok(Subject::Id(id));
        }
    }
    if context.facts.words.is_some() || context.knows_words() && !text.contains('/') {
        return Ok(Subject::Words(text.to_owned()));
    }
    let error = Error::new(ErrorKind::NotFound, format!("there is no file {text}"));
    let model = context.maker.name().unwrap_or(context.facts.name);
    Err(error.with_hint(format!(
        "give a file or an item's id ({ID_LENGTH} hex digits); {model} does not support text queries"
    )))
}

/// The cells of the contact sheet: the query and the hits.
async fn cells(solution: &Arc<dyn Solution>, query: &SearchQuery, hits: &[HitBody]) -> Result<Vec<Cell>> {
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
        let look = shown::thumbnail_of(solution, &hit.item.id, hit.item.fields.clone(), hit.marks.clone()).await;
        let look = look.unwrap_or(Thumbnail::Nothing);
        cells.push(Cell { look, title: hit.item.title.clone(), note });
    }
    Ok(cells)
}

/// The query's picture or drawing; text queries mostly have none.
async fn queried(solution: &Arc<dyn Solution>, example: &Example, query: &SearchQuery) -> Result<Thumbnail> {
    let context = solution.context();
    let is_picture = context.facts.media.contains(&MediaKind::Picture);
    match &example.subject {
        Subject::Words(words) => {
            let drawing = solution.preview(words, &query.options)?.drawing;
            Ok(drawing.map_or(Thumbnail::Nothing, Thumbnail::Drawing))
        }
        Subject::Id(id) if !is_picture => shown::thumbnail(solution, id, Vec::new()).await,
        Subject::File { content, .. } if !is_picture => Ok(drawn(solution, content.clone()).await),
        _ => {
            let picture = example.picture(context).await?;
            blocking(move || picture.thumbnail(THUMBNAIL).to_jpeg(QUALITY).map(Thumbnail::Jpeg)).await
        }
    }
}

/// The picture that the solution makes of a file; nothing where it makes none.
async fn drawn(solution: &Arc<dyn Solution>, content: Content) -> Thumbnail {
    if solution.context().facts.media.is_empty() {
        return Thumbnail::Nothing;
    }
    let (making, spool) = (Arc::clone(solution), solution.context().spool.clone());
    let make = move || {
        let picture = making.poster(&Fields::new(), &content.path(&spool)?)?;
        picture.thumbnail(THUMBNAIL).to_jpeg(QUALITY).map(Thumbnail::Jpeg)
    };
    blocking(make).await.unwrap_or(Thumbnail::Nothing)
}
