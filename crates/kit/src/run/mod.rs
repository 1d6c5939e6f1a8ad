//! The command line as a whole: parses it, opens the store, and runs the command.

mod command;
mod demo;
mod forward;
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::ArgMatches;

use self::command::{Action, Command, command, parsed};
use crate::cli::{collection, duplicates, health, import, items, models, search, work};
use crate::printer::Printer;
use crate::program::Program;
use crate::settings::{GlobalArgs, Settings};
use crate::solution::Solution;
pub use demo::fetch;
pub use serve::ServeArgs;

/// Runs a program: the whole of a solution's `main`.
pub fn run(program: &'static Program) -> ExitCode {
    let mut command = command(program);
    let (global, action) = match parse(command.clone(), |matches| parsed(program, matches)) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let printer = Printer { json: global.json, quiet: global.quiet };
    if let Action::Known(Command::Completions { shell }) = action {
        clap_complete::generate(shell, &mut command, program.facts.name, &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    start(printer, dispatch(program, &global, action, printer))
}

/// Reads the command line of a program; what it cannot be is printed, as are help and versions.
///
/// # Errors
/// The exit code.
pub fn parse<T>(
    command: clap::Command,
    read: impl FnOnce(&ArgMatches) -> Result<T, clap::Error>,
) -> Result<T, ExitCode> {
    without_empty_variables(command).try_get_matches().and_then(|matches| read(&matches)).map_err(|error| {
        let _ = error.print();
        let code = if error.use_stderr() { ErrorKind::InvalidInput.exit_code() } else { 0 };
        code.into()
    })
}

/// Runs what a command line asks for; an error is printed, and gives the exit code.
pub fn start(printer: Printer, command: impl Future<Output = Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot start threads").with_source(error))
        .and_then(|runtime| runtime.block_on(command));
    match done {
        Ok(code) => code,
        Err(error) => {
            printer.error(&error);
            error.kind().exit_code().into()
        }
    }
}

/// Empty variables count as unset: scripts and compose files pass variables on even if they are empty.
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
    let facts = &program.facts;
    let mut settings = Settings::read(global)?;
    settings.access = action.access(facts);
    let action = match action {
        Action::Known(Command::Models(args)) => return models::run(facts, args, printer).await,
        Action::Known(Command::Health(args)) => return health::run(args, printer).await,
        other => other,
    };
    let server = settings.server.clone();
    let context = match settings.clone().open(facts, printer.on_fetch()).await {
        Err(locked) if locked.kind() == ErrorKind::Locked => {
            return forward::run(facts, action, &settings, locked, printer).await;
        }
        other => other?,
    };
    let command = match action {
        Action::Work(work, options) => return work::run(context, work, options, printer).await,
        Action::Own(own, matches) => return (own.run)(context, matches, printer).await,
        Action::Known(command) => command,
    };
    let solution: Arc<dyn Solution> = (program.open)(context);
    match command {
        Command::Demo(args) => demo::run(program, solution, args, server, printer).await,
        Command::Import(args) => import::run(&*solution, args, printer).await,
        Command::Search(args) => search::run(program, solution, args, printer).await,
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
