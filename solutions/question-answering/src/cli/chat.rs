//! `chat`: a conversation on a terminal, with its history. Without a terminal, each line of the input is a question.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::{Context, OwnCommand, Printer, blocking};
use clap::{ArgMatches, Command};
use futures::future::BoxFuture;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::answer::answer;
use super::ask::{endpoint, no_generate};
use super::{query, with_terms};
use crate::solution::QuestionAnswering;

pub const COMMAND: OwnCommand = OwnCommand { define, writes: false, run };

fn define() -> Command {
    with_terms(Command::new("chat").about("Ask one question after another; end with Ctrl-D")).arg(no_generate())
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let endpoint = endpoint(&matches)?;
        // A mistake in the flags is told before the first question.
        query("?", &matches)?;
        let solution = QuestionAnswering::new(context);
        let mut prompt = Prompt::open()?;
        loop {
            let (back, line) = blocking(move || prompt.read()).await?;
            prompt = back;
            let Some(question) = line else { return Ok(ExitCode::SUCCESS) };
            if question.is_empty() {
                continue;
            }
            let query = query(&question, &matches)?;
            // One question that cannot be asked does not end the conversation.
            if let Err(error) = answer(&solution, &query, &question, endpoint.clone(), printer).await {
                printer.error(&error);
            }
        }
    })
}

/// Where questions come from.
enum Prompt {
    Terminal { editor: Box<DefaultEditor>, history: Option<PathBuf> },
    Lines(std::io::Lines<std::io::BufReader<std::io::Stdin>>),
}

impl Prompt {
    fn open() -> Result<Self> {
        if !std::io::stdin().is_terminal() {
            use std::io::BufRead;
            return Ok(Self::Lines(std::io::BufReader::new(std::io::stdin()).lines()));
        }
        let mut editor = DefaultEditor::new().map_err(unreadable)?;
        let history = history();
        if let Some(file) = &history {
            // There is none at first.
            let _ = editor.load_history(file);
        }
        Ok(Self::Terminal { editor: Box::new(editor), history })
    }

    /// The next question; `None` at the end.
    fn read(mut self) -> Result<(Self, Option<String>)> {
        let line = match &mut self {
            Self::Lines(lines) => match lines.next() {
                None => None,
                Some(Ok(line)) => Some(line.trim().to_owned()),
                Some(Err(error)) => return Err(Error::new(ErrorKind::Io, format!("cannot read a question: {error}"))),
            },
            Self::Terminal { editor, history } => match editor.readline("? ") {
                Ok(line) => {
                    let line = line.trim().to_owned();
                    if !line.is_empty() {
                        let _ = editor.add_history_entry(&line);
                        if let Some(file) = history {
                            // A history that cannot be kept is no reason to stop.
                            let _ = editor.append_history(file);
                        }
                    }
                    Some(line)
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => None,
                Err(error) => return Err(unreadable(error)),
            },
        };
        Ok((self, line))
    }
}

fn unreadable(error: ReadlineError) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read from the terminal: {error}"))
}

/// The file of earlier questions, below the user's state folder.
fn history() -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    let folder = folder.join("bootcamp");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("question-answering-history"))
}
