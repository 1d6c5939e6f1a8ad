//! The command line as a whole: parses it, opens the store, and runs the command.

mod demo;
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::{collection, duplicates, health, import, items, models, search, work};
use crate::facts::Vectors;
use crate::options::{Options, ProgramOption, with_arguments};
use crate::printer::Printer;
use crate::program::{OwnCommand, Program, Work};
use crate::settings::{GlobalArgs, Settings};
use crate::solution::Solution;

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
    let mut command = without_empty_variables(command(program));
    let (global, action) = match command.clone().try_get_matches().and_then(|matches| parsed(program, &matches)) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            let code = if error.use_stderr() { ErrorKind::InvalidInput.exit_code() } else { 0 };
            return code.into();
        }
    };
    let printer = Printer { json: global.json, quiet: global.quiet };
    if let Action::Known(Command::Completions { shell }) = action {
        clap_complete::generate(shell, &mut command, program.facts.name, &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .map_err(|error| Error::new(ErrorKind::Internal, "no threads can be started").with_source(error))
        .and_then(|runtime| runtime.block_on(dispatch(program, &global, action, printer)));
    match done {
        Ok(code) => code,
        Err(error) => {
            printer.error(&error);
            error.kind().exit_code().into()
        }
    }
}

/// The command line of a program: the commands of every one, and its own.
fn command(program: &Program) -> clap::Command {
    let facts = &program.facts;
    let mut command = Cli::command().name(facts.name).bin_name(facts.name).about(facts.summary).version(facts.version);
    let useless = [
        ("demo", program.sample.is_none()),
        ("duplicates", facts.duplicates.is_none()),
        ("models", !matches!(facts.vectors, Vectors::Model(_))),
    ];
    for (name, _) in useless.into_iter().filter(|(_, useless)| *useless) {
        command = command.mut_subcommand(name, |command| command.hide(true));
    }
    command =
        command.mut_subcommand("search", |command| search::with_spans(with_arguments(command, facts.options), facts));
    command = command.mut_subcommand("import", |command| with_arguments(command, facts.import_options));
    let work =
        program.work.iter().map(|work| with_arguments(clap::Command::new(work.name).about(work.about), work.options));
    command.subcommands(work).subcommands(program.commands.iter().map(|own| (own.define)()))
}

/// What a command line asks for.
#[derive(Debug)]
enum Action {
    Known(Command),
    Work(&'static Work, Options),
    Own(&'static OwnCommand, ArgMatches),
}

fn parsed(program: &'static Program, matches: &ArgMatches) -> Result<(GlobalArgs, Action), clap::Error> {
    let options = |known: &'static [ProgramOption], matches: &ArgMatches| {
        let wrong = |error: Error| clap::Error::raw(clap::error::ErrorKind::InvalidValue, error);
        Options::of_matches(known, matches).map_err(wrong)
    };
    let (name, given) = matches.subcommand().unwrap_or(("", matches));
    if let Some(work) = program.work.iter().find(|work| work.name == name) {
        return Ok((GlobalArgs::from_arg_matches(matches)?, Action::Work(work, options(work.options, given)?)));
    }
    if let Some(own) = program.commands.iter().find(|own| (own.define)().get_name() == name) {
        return Ok((GlobalArgs::from_arg_matches(matches)?, Action::Own(own, given.clone())));
    }
    let mut cli = Cli::from_arg_matches(matches)?;
    match &mut cli.command {
        Command::Search(args) => args.options = options(program.facts.options, given)?,
        Command::Import(args) => args.options = options(program.facts.import_options, given)?,
        _ => {}
    }
    Ok((cli.global, Action::Known(cli.command)))
}

/// A variable that is set to nothing says nothing: scripts and compose files hand on what they were given.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

async fn dispatch(
    program: &'static Program,
    global: &GlobalArgs,
    action: Action,
    printer: Printer,
) -> Result<ExitCode> {
    let settings = Settings::read(global)?;
    let command = match action {
        Action::Known(Command::Models(args)) => return models::run(&program.facts, args, printer).await,
        Action::Known(Command::Health(args)) => return health::run(args, printer).await,
        other => other,
    };
    let server = settings.server.clone();
    let context = settings.open(&program.facts, printer.on_fetch()).await?;
    let command = match command {
        Action::Work(work, options) => return work::run(context, work, options, printer).await,
        Action::Own(own, matches) => return (own.run)(context, matches, printer).await,
        Action::Known(command) => command,
    };
    let solution: Arc<dyn Solution> = (program.open)(context);
    match command {
        Command::Demo(args) => demo::run(program, solution, args, server, printer).await,
        Command::Import(args) => import::run(&*solution, args, printer).await,
        Command::Search(args) => search::run(program, &*solution, args, printer).await,
        Command::Serve(args) => serve::run(program, solution, args, server, printer).await,
        Command::Duplicates(args) => duplicates::run(&*solution, args, printer).await,
        Command::List(args) => items::list(&*solution, args, printer).await,
        Command::Show(args) => items::show(&*solution, args, printer).await,
        Command::Remove(args) => items::remove(&*solution, args, printer).await,
        Command::Count(args) => items::count(&*solution, args, printer).await,
        Command::Info => collection::info(program, &*solution, printer).await,
        Command::Drop(args) => collection::drop(&*solution, args, printer).await,
        Command::Models(_) | Command::Health(_) | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::TOY;

    #[test]
    fn flags_do_not_clash_and_every_one_has_an_environment_name() {
        let command = command(&TOY);
        command.clone().debug_assert();
        let commands = command.get_subcommands().chain(std::iter::once(&command));
        for argument in commands.flat_map(clap::Command::get_arguments) {
            let is_flag = argument.get_long().is_some_and(|long| !["help", "version"].contains(&long));
            assert!(!is_flag || argument.get_env().is_some(), "--{} has no environment name", argument.get_id());
        }
    }

    #[test]
    fn commands_and_work_of_a_program_stand_beside_those_of_every_one() {
        let parse = |line: &str| {
            let matches = command(&TOY).try_get_matches_from(line.split(' ')).map_err(|error| error.to_string())?;
            parsed(&TOY, &matches).map_err(|error| error.to_string())
        };
        let (global, action) = parse("toy often abba --json").unwrap();
        assert!(
            global.json
                && matches!(action, Action::Own(_, given) if given.get_one::<String>("word").unwrap() == "abba")
        );
        let (global, action) = parse("toy --store x count-words").unwrap();
        assert!(matches!(action, Action::Work(work, _) if work.name == "count-words"));
        assert_eq!(global.store.as_deref(), Some("x"));
        assert!(matches!(parse("toy count").unwrap().1, Action::Known(Command::Count(_))));
        assert!(parse("toy oftn abba").unwrap_err().contains("'often'"), "a suggestion");
    }
}
