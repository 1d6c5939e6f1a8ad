//! The command line: one file a group of commands. What a command prints is for people, or JSON with `--json`.

mod analysis;
mod config;
mod dataset;
mod demo;
mod index;
mod runs;
mod samples;
mod serve;
mod similarity;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;

use bootcamp_core::Result;
use bootcamp_core::encoder::{Device, EncoderOptions};
use bootcamp_kit::command::{ServeArgs, health, models, parse, start};
use bootcamp_kit::{GlobalArgs, Printer, Settings};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::FACTS;
use crate::config::{BrainConfig, Flags};
use crate::library::{Dataset, Library};
use crate::similarity::Brain;
use crate::similarity::embed::Models;
use crate::similarity::stores::Stores;

/// The folder of datasets, unless one is named.
const HOME: &str = "data/vision";

#[derive(Debug, Parser)]
#[command(
    name = "vision-search",
    version,
    about = FACTS.summary,
    disable_help_subcommand = true,
    after_help = "Settings come from flags, then the environment, then FiftyOne's brain_config.json; see `config`.\n\
        Exit codes: 0 done; 2 done, some samples skipped; 3 bad input; 4 not found; 5 a server does not answer; \
        6 access denied; 7 the disk; 8 not supported; 1 a bug; 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The folder of datasets and local indexes [default: data/vision]
    #[arg(long, global = true, env = "BOOTCAMP_DATASETS", value_name = "FOLDER")]
    datasets: Option<PathBuf>,
    /// The address of the Milvus server, http://host:port or https://host:port
    #[arg(long, global = true, value_name = "URI")]
    milvus_uri: Option<String>,
    /// How soon a Milvus server shows what others write: Strong, Session, Bounded or Eventually [default: Session]
    #[arg(long, global = true, value_name = "LEVEL")]
    consistency_level: Option<String>,
    /// The number of threads for the model; 0 for all cores
    #[arg(long, global = true, env = "BOOTCAMP_THREADS", value_name = "N")]
    threads: Option<usize>,
    /// The device that runs the model
    #[arg(long, global = true, env = "BOOTCAMP_DEVICE", value_name = "DEVICE", value_parser = device)]
    device: Option<Device>,
    /// Print JSON instead of tables
    #[arg(long, global = true, env = "BOOTCAMP_JSON")]
    json: bool,
    /// Do not show progress
    #[arg(long, short, global = true, env = "BOOTCAMP_QUIET")]
    quiet: bool,
}

fn device(text: &str) -> Result<Device, String> {
    match text {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Ok(Device::Cuda),
        _ => Err("expected cpu or cuda".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compose sample scenes, import and index them, search, and serve the page
    Demo(demo::DemoArgs),
    /// Import, list, export, rename, clone or delete datasets
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// List samples or object patches of a dataset
    Samples(samples::SamplesArgs),
    /// Add or remove tags of samples
    Tag(samples::TagArgs),
    /// Compute a similarity index of samples or object patches
    ComputeSimilarity(similarity::ComputeArgs),
    /// Sort samples or patches by their similarity to ids, pictures, words or vectors
    SortBySimilarity(similarity::SortArgs),
    /// Look at an index's entries, count them, add or remove some
    #[command(subcommand)]
    Index(index::IndexCommand),
    /// List, show, rename, delete or clean up runs
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Find groups of near-duplicates in an index
    Duplicates(analysis::DuplicatesArgs),
    /// Find samples whose files have the same content
    ExactDuplicates(analysis::ExactArgs),
    /// Rate how unlike all others each sample is
    Uniqueness(analysis::UniquenessArgs),
    /// Rate how well each sample stands for those around it
    Representativeness(analysis::RepresentativenessArgs),
    /// Find near-duplicates across splits, such as train and test
    LeakySplits(analysis::LeakyArgs),
    /// Find the samples that lie farthest from all others
    Outliers(analysis::OutliersArgs),
    /// Project an index's embeddings onto a plane
    Visualize(analysis::VisualizeArgs),
    /// Show the settings of similarity backends, and where each comes from
    Config,
    /// Serve the web page and the HTTP API
    Serve(ServeArgs),
    /// List models, download one, or verify its files
    Models(models::ModelsArgs),
    /// Check whether a server on this machine is ready
    Health(health::HealthArgs),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
}

impl Command {
    /// What other processes are told while it writes.
    fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "vision-search demo",
            Self::Serve(_) => "vision-search serve",
            Self::ComputeSimilarity(_) => "vision-search compute-similarity",
            Self::Index(_) => "vision-search index",
            Self::Runs(_) => "vision-search runs",
            _ => "vision-search",
        }
    }
}

/// What a command works with.
#[derive(Clone, Debug)]
pub struct App {
    pub home: PathBuf,
    pub brain: Brain,
    pub printer: Printer,
}

impl App {
    fn open(global: &Global, program: &str) -> Result<Self> {
        let printer = Printer { json: global.json, quiet: global.quiet };
        let home = global.datasets.clone().unwrap_or_else(|| PathBuf::from(HOME));
        let given = [("uri", &global.milvus_uri), ("consistency_level", &global.consistency_level)];
        let milvus = given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect();
        let flags = Flags { backend: None, milvus };
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let config = BrainConfig::read(flags, &|name| std::env::var(name).ok(), names)?;
        let options = EncoderOptions {
            threads: global.threads.unwrap_or_default(),
            device: global.device.unwrap_or_default(),
            ..EncoderOptions::default()
        };
        let brain = Brain {
            library: Library::open(&home),
            stores: Stores::new(&home, config, program),
            models: Models::open(options, printer.on_fetch())?,
        };
        Ok(Self { home, brain, printer })
    }

    async fn dataset(&self, name: &str) -> Result<Dataset> {
        self.brain.dataset(name).await
    }
}

/// The whole of `main`.
pub fn run() -> ExitCode {
    let command = command();
    let mut for_completions = command.clone();
    let cli = match parse(command, Cli::from_arg_matches) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let printer = Printer { json: cli.global.json, quiet: cli.global.quiet };
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut for_completions, FACTS.name, &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    start(printer, dispatch(cli, printer))
}

async fn dispatch(cli: Cli, printer: Printer) -> Result<ExitCode> {
    let command = match cli.command {
        Command::Models(args) => return models::run(&FACTS, args, printer).await,
        Command::Health(args) => return health::run(args, printer).await,
        other => other,
    };
    let app = App::open(&cli.global, command.name())?;
    match command {
        Command::Demo(args) => demo::run(&app, args, server_file()?).await,
        Command::Dataset(command) => dataset::run(&app, command).await,
        Command::Samples(args) => samples::list(&app, args).await,
        Command::Tag(args) => samples::tag(&app, args).await,
        Command::ComputeSimilarity(args) => similarity::compute(&app, args).await,
        Command::SortBySimilarity(args) => similarity::sort(&app, args).await,
        Command::Index(command) => index::run(&app, command).await,
        Command::Runs(command) => runs::run(&app, command).await,
        Command::Duplicates(args) => analysis::duplicates(&app, args).await,
        Command::ExactDuplicates(args) => analysis::exact(&app, args).await,
        Command::Uniqueness(args) => analysis::uniqueness(&app, args).await,
        Command::Representativeness(args) => analysis::representativeness(&app, args).await,
        Command::LeakySplits(args) => analysis::leaky_splits(&app, args).await,
        Command::Outliers(args) => analysis::outliers(&app, args).await,
        Command::Visualize(args) => analysis::visualize_command(&app, args).await,
        Command::Config => config::run(&app),
        Command::Serve(args) => serve::run(&app, args, server_file()?).await,
        Command::Models(_) | Command::Health(_) | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// The table `server` of bootcamp.toml, which all programs share.
fn server_file() -> Result<bootcamp_kit::ServerFile> {
    Ok(Settings::read(&GlobalArgs::default())?.server)
}

/// The command line. Every flag can be given by a variable of the environment, too.
fn command() -> clap::Command {
    with_variables(Cli::command())
}

fn with_variables(command: clap::Command) -> clap::Command {
    let variable = |arg: clap::Arg| match arg.get_long() {
        Some(long) if arg.get_env().is_none() && !["help", "version"].contains(&long) => {
            let name = format!("BOOTCAMP_{}", long.replace('-', "_").to_uppercase());
            arg.env(name)
        }
        _ => arg,
    };
    command.mut_args(variable).mut_subcommands(with_variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_do_not_clash_and_every_one_has_an_environment_name() {
        let mut commands = vec![command()];
        commands[0].clone().debug_assert();
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                let is_flag = argument.get_long().is_some_and(|long| !["help", "version"].contains(&long));
                assert!(!is_flag || argument.get_env().is_some(), "--{} has no environment name", argument.get_id());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
