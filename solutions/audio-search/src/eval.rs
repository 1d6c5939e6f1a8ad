//! `eval`: how well sounds find others of the same label, and how well a few seconds of a sound find that sound.

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Fields, Filter, Id, Output, PageRequest, Record, Result, Vector, scan};
use bootcamp_kit::command::watched;
use bootcamp_kit::{
    Content, Context, Options, OwnCommand, Printer, SOURCE, SPAN, SearchQuery, Solution, Subject, Watch, combine,
};
use clap::{Arg, ArgMatches, Command, value_parser};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::fields::{number, text};
use crate::measure::{Quality, median};
use crate::ranking::{Combine, Found, Window, rank};
use crate::similar::TOLERANCE;
use crate::solution::AudioSearch;
use crate::terms::OPTIONS;

pub const COMMANDS: &[OwnCommand] = &[OwnCommand { define, writes: false, run }];

/// A label with fewer sounds than this is no query: two others should be found.
const LEAST: usize = 3;
/// The most windows of a collection that is measured: all are compared with all.
const MAX_WINDOWS: u64 = 50_000;
/// Items read together.
const PAGE: usize = 1000;
/// Seconds of an excerpt, and of the shortest sound that one is taken from.
const EXCERPT: f64 = 5.0;
const SHORTEST: f64 = 6.0;
/// An excerpt is found if the place is no further off than this, in seconds.
const NEAR: f64 = 1.5;

const WAYS: [(&str, Combine); 3] = [("best", Combine::Best), ("mean", Combine::Mean), ("aligned", Combine::Aligned)];

fn define() -> Command {
    Command::new("eval")
        .about("Measure how well sounds of the same label find each other, and excerpts their sound")
        .arg(
            Arg::new("filter")
                .long("filter")
                .env("BOOTCAMP_FILTER")
                .value_name("EXPRESSION")
                .help("Only items that match this filter"),
        )
        .arg(
            Arg::new("excerpts")
                .long("excerpts")
                .env("BOOTCAMP_EXCERPTS")
                .value_name("N")
                .value_parser(value_parser!(u32))
                .default_value("100")
                .help("How many sounds are searched for by 5 seconds of them"),
        )
}

/// A sound with its windows.
#[derive(Debug, Default)]
struct Sound {
    label: Option<String>,
    path: String,
    duration: f64,
    windows: Vec<(Id, f64, Vec<f32>)>,
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let filter = matches.get_one::<String>("filter").map(|filter| Filter::parse(filter)).transpose()?;
        let excerpts = matches.get_one::<u32>("excerpts").copied().unwrap_or_default() as usize;
        let sounds = read(&context, filter).await?;
        let metric = context.metric;
        let watch = Watch::default();
        let computing = context.compute({
            let (sounds, watch) = (sounds.clone(), watch.clone());
            move || Ok(by_label(&sounds, metric, &watch))
        });
        let labels = watched("comparing", &watch, printer, computing).await?;
        let found = by_excerpt(&AudioSearch::new(context), &sounds, excerpts).await?;
        if printer.json {
            printer.json(&json!({"sounds": sounds.len(), "labels": labels, "excerpts": found}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |(name, of): &(String, Quality)| {
            let share = |value: f64| format!("{value:.3}");
            vec![name.clone(), of.queries.to_string(), share(of.precision_1), share(of.precision_5), share(of.map)]
        };
        printer.table(&["by label", "queries", "precision@1", "precision@5", "MAP"], labels.iter().map(row));
        let row = |excerpt: &Value| {
            let text = |name: &str| excerpt[name].as_str().map_or_else(|| excerpt[name].to_string(), str::to_owned);
            ["by", "queries", "recall@1", "place", "median_error"].map(text).to_vec()
        };
        printer.table(&["excerpts by", "queries", "recall@1", "right place", "median error, s"], found.iter().map(row));
        Ok(ExitCode::SUCCESS)
    })
}

type Sounds = std::sync::Arc<BTreeMap<String, Sound>>;

/// All sounds with their windows.
async fn read(context: &Context, filter: Option<Filter>) -> Result<Sounds> {
    context.existing().await?;
    let count = context.store.count(&context.collection, filter.as_ref()).await?;
    if count > MAX_WINDOWS {
        return Err(Error::invalid(format!("there are {count} windows, and at most {MAX_WINDOWS} are compared"))
            .with_hint("choose some of them with --filter"));
    }
    let names = [context.field.as_str(), SOURCE, SPAN[0], "label", "path", "duration"];
    let request = PageRequest { filter, after: None, limit: PAGE, output: Output::only(names) };
    let mut records = scan(&*context.store, &context.collection, request);
    let mut sounds: BTreeMap<String, Sound> = BTreeMap::new();
    while let Some(Record { id, mut vectors, fields }) = records.try_next().await? {
        let (Some(id), Some(Vector::F32(vector))) = (id, vectors.remove(&context.field)) else { continue };
        let own = |name: &str| text(&fields, name).map(str::to_owned);
        let sound = sounds.entry(own(SOURCE).unwrap_or_default()).or_default();
        sound.windows.push((id, number(&fields, SPAN[0]).unwrap_or_default(), vector));
        sound.duration = number(&fields, "duration").unwrap_or_default();
        (sound.label, sound.path) = (own("label"), own("path").unwrap_or_default());
    }
    for sound in sounds.values_mut() {
        sound.windows.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    Ok(std::sync::Arc::new(sounds))
}

/// How well each sound finds others of its label, in each way of putting windows together, and by the mean of all windows.
fn by_label(sounds: &Sounds, metric: bootcamp_core::Metric, watch: &Watch) -> Vec<(String, Quality)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for label in sounds.values().filter_map(|sound| sound.label.as_deref()) {
        *counts.entry(label).or_default() += 1;
    }
    let nearness = |a: &[f32], b: &[f32]| nearness(metric, a, b);
    let means: BTreeMap<&String, Vec<f32>> = sounds
        .iter()
        .map(|(id, sound)| {
            let vectors = sound.windows.iter().map(|(_, _, vector)| vector.clone()).collect();
            (id, combine(metric, vectors, Vec::new()))
        })
        .collect();
    watch.set_total(sounds.len() as u64);
    let mut each: BTreeMap<&str, Vec<Quality>> = BTreeMap::new();
    for (id, sound) in &**sounds {
        watch.advance(1);
        let Some(label) = sound.label.as_deref().filter(|label| counts[label] >= LEAST) else { continue };
        if watch.is_cancelled() {
            break;
        }
        let is_right = |other: &String| sounds[other].label.as_deref() == Some(label);
        let expected = counts[label] - 1;
        let found: Vec<Found> = found(sounds, id, &nearness);
        let windows: Vec<Window> =
            sound.windows.iter().map(|(_, start, _)| Window { example: 0, start: Some(*start) }).collect();
        for (way, combine) in WAYS {
            let ranked = rank(found.clone(), &windows, combine, TOLERANCE);
            let right: Vec<bool> = ranked.iter().map(|one| is_right(&one.source)).collect();
            each.entry(way).or_default().push(Quality::of(&right, expected));
        }
        let mut whole: Vec<(f32, &String)> = means
            .iter()
            .filter(|(other, _)| **other != id)
            .map(|(other, mean)| (nearness(&means[id], mean), *other))
            .collect();
        whole.sort_by(|a, b| b.0.total_cmp(&a.0));
        let right: Vec<bool> = whole.iter().map(|(_, other)| is_right(other)).collect();
        each.entry("whole-sound mean").or_default().push(Quality::of(&right, expected));
    }
    each.into_iter().map(|(way, each)| (way.to_owned(), Quality::mean(&each))).collect()
}

/// What each window of a sound says of each window of all others.
fn found(sounds: &Sounds, id: &String, nearness: &impl Fn(&[f32], &[f32]) -> f32) -> Vec<Found> {
    let mut found = Vec::new();
    for (window, (_, _, vector)) in sounds[id].windows.iter().enumerate() {
        for (other, sound) in sounds.iter().filter(|(other, _)| *other != id) {
            found.extend(sound.windows.iter().map(|(item, start, theirs)| Found {
                window,
                source: other.clone(),
                item: item.clone(),
                start: *start,
                nearness: nearness(vector, theirs),
            }));
        }
    }
    found
}

/// Larger is nearer.
fn nearness(metric: bootcamp_core::Metric, a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    match metric {
        bootcamp_core::Metric::L2 => -a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f32>(),
        bootcamp_core::Metric::InnerProduct => dot(a, b),
        _ => dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE),
    }
}

/// How well some seconds out of the middle of a sound find it, in each mode and way.
async fn by_excerpt(search: &AudioSearch, sounds: &Sounds, count: usize) -> Result<Vec<Value>> {
    let long: Vec<(&String, &Sound)> = sounds.iter().filter(|(_, sound)| sound.duration >= SHORTEST).collect();
    let count = count.min(long.len());
    let chosen: Vec<_> = (0..count).map(|n| long[n * long.len() / count]).collect();
    let modes = WAYS.iter().map(|(way, _)| ("similar", *way)).chain([("same", "best")]);
    let mut told = Vec::new();
    for (mode, way) in modes {
        let (mut right, mut errors) = (0, Vec::new());
        for (id, sound) in &chosen {
            // Between two stored windows, whatever their step.
            let from = ((sound.duration - EXCERPT) * 0.37 * 100.0).round() / 100.0;
            let (begin, end) = (format!("{from}"), format!("{}", from + EXCERPT));
            let options = [("mode", mode), ("combine", way), ("from", &begin), ("to", &end)];
            let content = search.context().original(&sound.path).await.map(Content::from)?;
            let subject = Subject::File { name: sound.path.clone(), content };
            let mut query = SearchQuery::like(subject, 1);
            (query.per_source, query.options) = (Some(1), Options::of(OPTIONS, options)?);
            let answer = match search.search(&query).await {
                // What is silent finds nothing.
                Err(error) if error.kind() == ErrorKind::InvalidInput => continue,
                answer => answer?,
            };
            let Some(hit) = answer.hits.first() else { continue };
            if text(&hit.fields, SOURCE) != Some(id.as_str()) {
                continue;
            }
            right += 1;
            errors.push((place(&hit.fields, answer.details.first(), from) - from).abs());
        }
        let place = errors.iter().filter(|error| **error <= NEAR).count();
        let share = |n: usize| (n as f64 / count.max(1) as f64 * 1000.0).round() / 1000.0;
        let by = if mode == "same" { mode.to_owned() } else { format!("{mode}, {way}") };
        let error = (median(errors) * 1000.0).round() / 1000.0;
        told.push(
            json!({"by": by, "queries": count, "recall@1": share(right), "place": share(place), "median_error": error}),
        );
    }
    Ok(told)
}

/// Where a hit says that an excerpt begins, which was taken from there.
fn place(fields: &Fields, details: Option<&Fields>, from: f64) -> f64 {
    let of = |name: &str| details.and_then(|details| number(details, name));
    let start = number(fields, SPAN[0]).unwrap_or_default();
    of("offset").unwrap_or_else(|| start - (of("query_start").unwrap_or(from) - from))
}
