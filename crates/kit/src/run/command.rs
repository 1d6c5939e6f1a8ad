//! The commands of a program, what a command line asks for, and what the store is opened for.

use bootcamp_core::{Access, Error, Result};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{demo, serve};
use crate::cli::{collection, duplicates, health, import, items, models, search};
use crate::facts::{Facts, Vectors};
use crate::options::{Options, ProgramOption, with_arguments};
use crate::program::{OwnCommand, Program, Work};
use crate::settings::GlobalArgs;

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
pub enum Command {
    /// Fetch sample data, import it, search it, and serve the page
    Demo(demo::DemoArgs),
    /// Import files, folders, archives, globs or tables
    Import(import::ImportArgs),
    /// Search for the most similar items
    Search(search::SearchArgs),
    /// Serve the web page and the HTTP API
    Serve(serve::ServeArgs),
    /// Find groups of near-duplicates
    Duplicates(duplicates::DuplicatesArgs),
    /// List items
    List(items::ListArgs),
    /// Show all fields of an item
    Show(items::ShowArgs),
    /// Remove items
    Remove(items::RemoveArgs),
    /// Count items
    Count(items::CountArgs),
    /// Show the collection, its model and its store
    Info,
    /// Remove the whole collection
    Drop(collection::DropArgs),
    /// List models, download one, or verify its files
    Models(models::ModelsArgs),
    /// Check whether a server on this machine is ready
    Health(health::HealthArgs),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
}

/// The command line of a program: the commands of every one, and its own.
pub fn command(program: &Program) -> clap::Command {
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

/// A parsed command line.
#[derive(Debug)]
pub enum Action {
    Known(Command),
    Work(&'static Work, Options),
    Own(&'static OwnCommand, ArgMatches),
}

impl Action {
    /// What the store is opened for: any number of commands may read beside one that writes.
    pub fn access(&self, facts: &Facts) -> Access {
        let command = match self {
            Self::Known(Command::Demo(_)) => "demo",
            Self::Known(Command::Import(_)) => "import",
            Self::Known(Command::Serve(_)) => "serve",
            Self::Known(Command::Remove(_)) => "remove",
            Self::Known(Command::Drop(_)) => "drop",
            Self::Work(work, _) => work.name,
            Self::Own(OwnCommand { writes: true, define, .. }, _) => {
                return Access::WriteAs(format!("{} {}", facts.name, define().get_name()));
            }
            _ => return Access::Read,
        };
        Access::WriteAs(format!("{} {command}", facts.name))
    }
}

pub fn parsed(program: &'static Program, matches: &ArgMatches) -> Result<(GlobalArgs, Action), clap::Error> {
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
