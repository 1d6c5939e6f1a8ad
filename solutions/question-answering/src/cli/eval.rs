//! `eval`: how well questions find the answers that are expected of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Filter, Output, PageRequest, Record, Result};
use bootcamp_kit::command::SKIPPED;
use bootcamp_kit::{Context, OwnCommand, Printer, SearchQuery, Solution, blocking};
use clap::{Arg, ArgMatches, Command, value_parser};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{query, with_terms};
use crate::metrics::{DEPTH, Metrics};
use crate::records::ENTRY;
use crate::solution::QuestionAnswering;

pub const COMMAND: OwnCommand = OwnCommand { define, writes: false, run };

/// Questions without any of what was expected that are shown.
const MISSES: usize = 20;
/// Bytes of a file of questions.
const MAX_FILE: u64 = 64 << 20;

fn define() -> Command {
    with_terms(Command::new("eval").about("Measure how well questions find the answers expected of them"))
        .arg(
            Arg::new("file")
                .required(true)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("JSON lines: {\"question\": …, \"expected\": [question, id or filter, …]}; without `expected` no answer fits"),
        )
        .mut_arg("k", |k| k.hide(true))
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(alias = "query")]
    question: String,
    /// Questions of entries word for word, ids of items, or filters that match them. None: the question has no answer.
    #[serde(default)]
    expected: Vec<String>,
}

/// What came of a question.
struct Asked {
    question: String,
    /// The first hits, as people know them.
    found: Vec<String>,
    expected: Vec<String>,
    metrics: Metrics,
}

/// What came of all questions.
#[derive(Default)]
struct Told {
    asked: Vec<Asked>,
    /// Questions without an answer, and those of them that got none.
    unanswerable: usize,
    refused: usize,
    /// Questions of whose answers none is in the collection.
    left_out: usize,
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let path = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
        let cases = blocking(move || read(&path)).await?;
        let solution = QuestionAnswering::new(context);
        let mut told = Told::default();
        for case in cases {
            let query = SearchQuery { k: DEPTH, ..query(&case.question, &matches)? };
            if case.expected.is_empty() {
                told.unanswerable += 1;
                told.refused += usize::from(solution.search(&query).await?.hits.is_empty());
                continue;
            }
            let (expected, unknown) = expected(solution.context(), &case).await?;
            for name in unknown {
                printer.warn(format_args!("'{}' expects '{name}', which is not in the collection", case.question));
            }
            match expected.is_empty() {
                true => told.left_out += 1,
                false => told.asked.push(ask(&solution, &query, case, &expected).await?),
            }
        }
        if told.asked.is_empty() && told.unanswerable == 0 {
            return Err(Error::new(ErrorKind::NotFound, "nothing that the questions expect is in the collection")
                .with_hint("`expected` has questions of the collection, ids of items, or filters"));
        }
        told.report(printer)?;
        Ok(if told.left_out > 0 { SKIPPED.into() } else { ExitCode::SUCCESS })
    })
}

fn read(path: &Path) -> Result<Vec<Case>> {
    let size = path.metadata().map_err(|error| Error::io("cannot read", path, error))?.len();
    if size > MAX_FILE {
        return Err(Error::invalid(format!("{} is {size} bytes; the limit is {MAX_FILE}", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("cannot read", path, error))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let cases: Result<Vec<Case>> = lines
        .map(|(line, number)| {
            serde_json::from_str(line).map_err(|error| {
                Error::invalid(format!("{}:{number}: {error}", path.display()))
                    .with_hint("a line is {\"question\": \"…\", \"expected\": [\"…\"]}")
            })
        })
        .collect();
    match cases {
        Ok(cases) if cases.is_empty() => Err(Error::invalid(format!("{} has no questions", path.display()))),
        other => other,
    }
}

async fn ask(
    solution: &QuestionAnswering,
    query: &SearchQuery,
    case: Case,
    expected: &HashSet<String>,
) -> Result<Asked> {
    let hits = solution.search(query).await?.hits;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found: Vec<String> = hits.iter().map(|hit| hit.fields.get(ENTRY).map(text).unwrap_or_default()).collect();
    let shown = hits.iter().map(|hit| solution.present(&hit.fields).title).collect();
    let metrics = Metrics::of(&found, expected);
    Ok(Asked { question: case.question, found: shown, expected: case.expected, metrics })
}

/// The entries that were meant, and what of it is not in the collection.
async fn expected<'a>(context: &Context, case: &'a Case) -> Result<(HashSet<String>, Vec<&'a str>)> {
    let (mut entries, mut unknown) = (HashSet::new(), Vec::new());
    for name in &case.expected {
        let value = json!(name);
        let exact = Filter::parse(&format!("question == {value} or id == {value} or {ENTRY} == {value}"))?;
        let found = entries_of(context, exact).await?;
        // Words that are no filter are most of all a question that is not there.
        let found = match Filter::parse(name) {
            Ok(filter) if found.is_empty() => entries_of(context, filter).await?,
            _ => found,
        };
        if found.is_empty() {
            unknown.push(name.as_str());
        }
        entries.extend(found);
    }
    Ok((entries, unknown))
}

/// The keys of the entries that a filter matches.
async fn entries_of(context: &Context, filter: Filter) -> Result<HashSet<String>> {
    let output = Output::only([ENTRY]);
    let request = PageRequest { filter: Some(filter), limit: 1000, output, ..PageRequest::default() };
    let page = context.or_missing(context.store.page(&context.collection, &request).await).await?;
    let key = |record: Record| Some(record.fields.get(ENTRY)?.as_str()?.to_owned());
    Ok(page.records.into_iter().filter_map(key).collect())
}

impl Told {
    fn report(&self, printer: Printer) -> Result<()> {
        let Self { asked, refused, unanswerable, left_out } = self;
        let all = Metrics::mean(&asked.iter().map(|one| one.metrics).collect::<Vec<_>>());
        let misses: Vec<&Asked> = asked.iter().filter(|one| one.metrics.recall_10 == 0.0).collect();
        let silent = asked.iter().filter(|one| one.found.is_empty()).count();
        if printer.json {
            let missed = misses
                .iter()
                .map(|one| json!({"question": one.question, "expected": one.expected, "found": one.found}));
            return printer.json(&json!({
            "left_out": left_out, "metrics": all, "missed": missed.collect::<Vec<_>>(), "answerable": {"asked": asked.len(), "refused": silent},
            "unanswerable": {"asked": unanswerable, "refused": refused},
        }));
        }
        if !asked.is_empty() {
            let header = ["questions", "recall@1", "recall@5", "recall@10", "MRR@10", "nDCG@10"];
            let numbers =
                [all.recall_1, all.recall_5, all.recall_10, all.mrr, all.ndcg].map(|value| format!("{value:.3}"));
            let row = [vec![all.questions.to_string()], numbers.to_vec()].concat();
            printer.table(&header, [row]);
            printer.line(format_args!("no good answer: {silent} of {} that have one", asked.len()));
        }
        if *left_out > 0 {
            printer.warn(format_args!("left out {left_out} questions, of whose answers none is in the collection"));
        }
        if *unanswerable > 0 {
            printer.line(format_args!("no good answer: {refused} of {unanswerable} that have none"));
        }
        if !misses.is_empty() {
            printer.line(format_args!("\nnot among the first {DEPTH}: {}", misses.len()));
            for miss in misses.iter().take(MISSES) {
                let found = miss.found.first().map_or("nothing", String::as_str);
                printer.line(format_args!(
                    "  {}\n    expected {}\n    found    {found}",
                    miss.question,
                    miss.expected.join(" | ")
                ));
            }
            if misses.len() > MISSES {
                printer.line(format_args!("  … and {} more: --json has all", misses.len() - MISSES));
            }
        }
        Ok(())
    }
}
