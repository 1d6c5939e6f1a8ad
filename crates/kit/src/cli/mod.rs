//! The command line, the same words in every program. One file a command; this one joins them.

mod collection;
mod demo;
mod duplicates;
mod health;
mod import;
mod items;
mod models;
mod search;
mod serve;

pub(crate) use import::prepare;

use std::process::ExitCode;
use std::sync::Arc;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::options::{Options, with_arguments};
use crate::printer::Printer;
use crate::settings::{GlobalArgs, Settings};
use crate::solution::{Program, Solution};

/// The exit code of work that was done, but for some items that could not be taken.
const SKIPPED: u8 = 2;
/// The exit code of work that was broken off by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Parser)]
#[command(
    disable_help_subcommand = true,
    after_help = "Settings come from flags, then the environment, then bootcamp.toml.\n\
        Exit codes: 0 done; 2 done, some items skipped; 3 bad input; 4 not found; 5 a server does not answer; \
        6 access denied; 7 the disk; 8 not supported; 1 a bug; 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch sample data if it is missing, import it, search it, and serve the page
    Demo(demo::DemoArgs),
    /// Import files, folders, archives, patterns or tables
    Import(import::ImportArgs),
    /// Find what is most like something
    Search(search::SearchArgs),
    /// Serve the page and the HTTP API
    Serve(serve::ServeArgs),
    /// Find groups of items that are nearly the same
    Duplicates(duplicates::DuplicatesArgs),
    /// List items
    List(items::ListArgs),
    /// Show all about one item
    Show(items::ShowArgs),
    /// Remove items
    Remove(items::RemoveArgs),
    /// Count items
    Count(items::CountArgs),
    /// Show what the collection is and what serves it
    Info,
    /// Remove the whole collection
    Drop(collection::DropArgs),
    /// List models, fetch one, or check its files
    Models(models::ModelsArgs),
    /// Ask a server on this machine whether it can answer
    Health(health::HealthArgs),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
}

/// Runs a program: the whole of a solution's `main`.
pub fn run(program: &'static Program) -> ExitCode {
    let mut command = Cli::command().name(program.name).bin_name(program.name).about(program.summary);
    command = command.version(program.version);
    if program.duplicates.is_none() {
        command = command.mut_subcommand("duplicates", |command| command.hide(true));
    }
    if program.model.is_none() {
        command = command.mut_subcommand("models", |command| command.hide(true));
    }
    command = command.mut_subcommand("search", |command| with_arguments(command, program.options));
    command = command.mut_subcommand("import", |command| with_arguments(command, program.import_options));
    command = without_empty_variables(command);
    let cli = match command.clone().try_get_matches().and_then(|matches| parsed(program, &matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let code = if error.use_stderr() { ErrorKind::InvalidInput.exit_code() } else { 0 };
            return code.into();
        }
    };
    let printer = Printer { json: cli.global.json, quiet: cli.global.quiet };
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut command, program.name, &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .map_err(|error| Error::new(ErrorKind::Internal, "no threads can be started").with_source(error))
        .and_then(|runtime| runtime.block_on(dispatch(program, cli, printer)));
    match done {
        Ok(code) => code,
        Err(error) => {
            printer.error(&error);
            error.kind().exit_code().into()
        }
    }
}

fn parsed(program: &Program, matches: &clap::ArgMatches) -> Result<Cli, clap::Error> {
    let mut cli = Cli::from_arg_matches(matches)?;
    let chosen = match &mut cli.command {
        Command::Search(args) => Some(("search", &mut args.options, program.options)),
        Command::Import(args) => Some(("import", &mut args.options, program.import_options)),
        _ => None,
    };
    if let Some((name, options, known)) = chosen
        && let Some(matches) = matches.subcommand_matches(name)
    {
        let wrong = |error: Error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error);
        *options = Options::of_matches(known, matches).map_err(wrong)?;
    }
    Ok(cli)
}

/// A variable that is set to nothing says nothing: scripts and compose files hand on what they were given.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

async fn dispatch(program: &'static Program, cli: Cli, printer: Printer) -> Result<ExitCode> {
    let settings = Settings::read(&cli.global)?;
    match cli.command {
        Command::Models(args) => return models::run(program, args, printer).await,
        Command::Health(args) => return health::run(args, printer).await,
        _ => {}
    }
    let server = settings.server.clone();
    let solution: Arc<dyn Solution> = (program.open)(settings.open(program, printer.on_fetch()).await?);
    match cli.command {
        Command::Demo(args) => demo::run(solution, args, server, printer).await,
        Command::Import(args) => import::run(&*solution, args, printer).await,
        Command::Search(args) => search::run(solution, args, printer).await,
        Command::Serve(args) => serve::run(solution, args, server, printer).await,
        Command::Duplicates(args) => duplicates::run(&*solution, args, printer).await,
        Command::List(args) => items::list(&*solution, args, printer).await,
        Command::Show(args) => items::show(&*solution, args, printer).await,
        Command::Remove(args) => items::remove(&*solution, args, printer).await,
        Command::Count(args) => items::count(&*solution, args, printer).await,
        Command::Info => collection::info(&*solution, printer).await,
        Command::Drop(args) => collection::drop(&*solution, args, printer).await,
        Command::Models(_) | Command::Health(_) | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// How a score is printed.
fn score(value: f32) -> String {
    format!("{value:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_do_not_clash_and_every_one_has_an_environment_name() {
        let command = Cli::command();
        command.clone().debug_assert();
        let commands = command.get_subcommands().chain(std::iter::once(&command));
        for argument in commands.flat_map(clap::Command::get_arguments) {
            let is_flag = argument.get_long().is_some_and(|long| !["help", "version"].contains(&long));
            assert!(!is_flag || argument.get_env().is_some(), "--{} has no environment name", argument.get_id());
        }
    }
}
