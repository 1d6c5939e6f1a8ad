//! `trainings` and `rollback`: the models that there are, and which one counts.

use std::process::ExitCode;

use bootcamp_core::Result;
use bootcamp_kit::{Context, OwnCommand, Printer};
use clap::{ArgMatches, Command};
use futures::future::BoxFuture;
use serde_json::json;

use crate::registry::{ModelInfo, Registry};

pub const TRAININGS: OwnCommand = OwnCommand { define: define_trainings, writes: false, run: list };
pub const ROLLBACK: OwnCommand = OwnCommand { define: define_rollback, writes: true, run: roll_back };

fn define_trainings() -> Command {
    Command::new("trainings").about("List the models that were trained, and which one counts")
}

fn define_rollback() -> Command {
    Command::new("rollback").about("Go back to the model before; once more, and the newer one counts again")
}

fn list(context: Context, _: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let registry = Registry::new(&context);
        let (pointer, models) = (registry.pointer().await?, registry.models().await?);
        if printer.json {
            printer.json(&json!({"current": pointer.current, "previous": pointer.previous, "models": models}))?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |model: &ModelInfo| {
            let is = |version: &Option<String>| version.as_ref() == Some(&model.version);
            let state = if is(&pointer.current) {
                "current"
            } else if is(&pointer.previous) {
                "previous"
            } else {
                ""
            };
            vec![
                model.version.clone(),
                state.to_owned(),
                model.parameters.algorithm.name().to_owned(),
                model.users.to_string(),
                model.items.to_string(),
                model.ratings.to_string(),
                format!("{:.1}", model.seconds),
                model.parameters.shown(),
            ]
        };
        let header = ["model", "", "algorithm", "users", "items", "ratings", "seconds", "parameters"];
        printer.table(&header, models.iter().map(row));
        Ok(ExitCode::SUCCESS)
    })
}

fn roll_back(context: Context, _: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let pointer = Registry::new(&context).roll_back().await?;
        if printer.json {
            printer.json(&pointer)?;
        } else {
            printer.line(format_args!("the model {} counts again", pointer.current.unwrap_or_default()));
        }
        Ok(ExitCode::SUCCESS)
    })
}
