//! Commands of the program's own: `ask`, `chat` and `eval`.

mod answer;
mod ask;
mod chat;
mod eval;

use bootcamp_core::Result;
use bootcamp_kit::{Options, OwnCommand, SearchQuery, Subject, with_arguments};
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::solution::OPTIONS;

pub const COMMANDS: &[OwnCommand] = &[ask::COMMAND, chat::COMMAND, eval::COMMAND];

/// Answers, unless `-k` says otherwise.
const K: u32 = 3;

/// Flags of a command that asks questions: how many answers, which of them, and the options of a search.
fn with_terms(command: Command) -> Command {
    let terms = command
        .arg(
            Arg::new("k")
                .short('k')
                .long("top-k")
                .value_name("K")
                .value_parser(value_parser!(u32).range(1..=100))
                .help(format!("The number of answers [default: {K}]")),
        )
        .arg(
            Arg::new("filter")
                .long("filter")
                .value_name("EXPRESSION")
                .help("Only entries that match, in Milvus's expression language: `language == \"en\"`"),
        );
    with_arguments(terms, OPTIONS)
}

/// A question as those flags have it.
fn query(question: &str, matches: &ArgMatches) -> Result<SearchQuery> {
    let k = matches.get_one::<u32>("k").copied().unwrap_or(K) as usize;
    let query = SearchQuery::like(Subject::Words(question.to_owned()), k);
    let filter = matches.get_one::<String>("filter").cloned();
    let query = SearchQuery { filter, options: Options::of_matches(OPTIONS, matches)?, ..query };
    query.check()?;
    Ok(query)
}
