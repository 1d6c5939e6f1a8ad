//! `ask`: a question, and its answers.

use std::process::ExitCode;

use bootcamp_core::Result;
use bootcamp_kit::{Context, OwnCommand, Printer};
use clap::{Arg, ArgAction, ArgMatches, Command};
use futures::future::BoxFuture;

use super::answer::answer;
use super::{query, with_terms};
use crate::generate::Endpoint;
use crate::solution::QuestionAnswering;

pub const COMMAND: OwnCommand = OwnCommand { define, writes: false, run };

fn define() -> Command {
    with_terms(Command::new("ask").about("Ask a question"))
        .arg(Arg::new("question").required(true).num_args(1..).value_name("QUESTION").help("The question"))
        .arg(no_generate())
}

/// The flag that keeps a command from having an answer written.
pub fn no_generate() -> Arg {
    Arg::new("no-generate")
        .long("no-generate")
        .action(ArgAction::SetTrue)
        .help("Do not have an answer written, though BOOTCAMP_GENERATE_URL names an endpoint for it")
}

/// Where answers are written, unless the command does not want any.
///
/// # Errors
/// Those of [`Endpoint::read`].
pub fn endpoint(matches: &ArgMatches) -> Result<Option<Endpoint>> {
    let endpoint = Endpoint::read(|name| std::env::var(name).ok())?;
    Ok(endpoint.filter(|_| !matches.get_flag("no-generate")))
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let words: Vec<&str> =
            matches.get_many::<String>("question").into_iter().flatten().map(String::as_str).collect();
        let question = words.join(" ");
        let (query, endpoint) = (query(&question, &matches)?, endpoint(&matches)?);
        let solution = QuestionAnswering::new(context);
        answer(&solution, &query, &question, endpoint, printer).await?;
        Ok(ExitCode::SUCCESS)
    })
}
