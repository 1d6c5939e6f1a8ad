//! Commands of the program's own.

mod all;
mod ask;
mod models;
mod people;
mod rate;

use bootcamp_core::{Fields, Result};
use bootcamp_kit::{Example, Options, OwnCommand, SearchQuery, Subject, with_arguments};
use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::Value;

use crate::solution::OPTIONS;
use crate::truth::catalogue::{name_of, title_of};

pub const COMMANDS: &[OwnCommand] = &[
    ask::RECOMMEND,
    ask::SIMILAR,
    all::COMMAND,
    people::AUDIENCE,
    people::EXPLAIN,
    people::HISTORY,
    rate::COMMAND,
    models::TRAININGS,
    models::ROLLBACK,
];

/// Items that are listed, unless `-k` says otherwise.
const K: u32 = 10;

/// How many, and which of them.
fn with_terms(command: Command) -> Command {
    command
        .arg(
            Arg::new("k")
                .short('k')
                .long("top-k")
                .value_name("K")
                .value_parser(value_parser!(u32).range(1..=1000))
                .help(format!("The number of results [default: {K}]")),
        )
        .arg(
            Arg::new("filter")
                .long("filter")
                .value_name("EXPRESSION")
                .help("Only those that match, in Milvus's expression language: `year > 1990 and \"Comedy\" in genres`"),
        )
}

fn k(matches: &ArgMatches) -> usize {
    matches.get_one::<u32>("k").copied().unwrap_or(K) as usize
}

fn texts<'a>(matches: &'a ArgMatches, name: &str) -> Vec<&'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

fn example(words: String) -> Example {
    Example { subject: Subject::Words(words), region: None }
}

/// A query of these examples, as the flags have it.
fn query(positive: Vec<String>, negative: Vec<String>, matches: &ArgMatches, options: Options) -> Result<SearchQuery> {
    let query = SearchQuery {
        positive: positive.into_iter().map(example).collect(),
        negative: negative.into_iter().map(example).collect(),
        k: k(matches),
        filter: matches.get_one::<String>("filter").cloned(),
        min_score: None,
        per_source: None,
        params: Default::default(),
        options,
    };
    query.check()?;
    Ok(query)
}

/// The options of a search that a command has.
fn with_options(command: Command) -> Command {
    with_arguments(command, &OPTIONS[1..])
}

fn options(matches: &ArgMatches) -> Result<Options> {
    Options::of_matches(&OPTIONS[1..], matches)
}

/// What people see of an item in a table: its name, title, year and genres.
fn cells(fields: &Fields) -> Vec<String> {
    let genres = fields.get("genres").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let genres: Vec<&str> = genres.collect();
    let year = fields.get("year").and_then(Value::as_i64).map_or(String::new(), |year| year.to_string());
    vec![name_of(fields).to_owned(), title_of(fields).to_owned(), year, genres.join(", ")]
}

/// An item in JSON.
fn item_json(fields: &Fields) -> Value {
    let mut shown = Fields::new();
    for name in ["item", "title", "year", "genres"] {
        shown.extend(fields.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    Value::Object(shown)
}
