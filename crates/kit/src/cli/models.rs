//! `models`: which there are, fetching one, checking its files.

use std::process::ExitCode;

use bootcamp_core::models::{FileState, ModelInfo, ModelSettings, ModelSpec, Registry};
use bootcamp_core::{Error, ErrorKind, Result};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::context::blocking;
use crate::facts::{Facts, Vectors};
use crate::printer::Printer;

#[derive(Args, Debug)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the available models
    List,
    /// Download a model's files and the library that runs it
    Pull {
        /// The model's name [default: the program's model]
        name: Option<String>,
    },
    /// Show a model and its files
    Show {
        /// The model's name
        name: String,
    },
    /// Verify the checksums of a model's files
    Verify {
        /// The model's name
        name: String,
    },
}

pub async fn run(facts: &Facts, args: ModelsArgs, printer: Printer) -> Result<ExitCode> {
    let registry = Registry::open(ModelSettings::from_env(|name| std::env::var(name).ok())?)?;
    match args.action.unwrap_or(Action::List) {
        Action::List => list(&registry, printer),
        Action::Show { name } => show(&registry.info(&name)?, printer),
        Action::Pull { name } => {
            let name = match (name, &facts.vectors) {
                (Some(name), _) => name,
                (None, Vectors::Model(name)) => (*name).to_owned(),
                (None, _) => {
                    printer.note(format_args!("{} works without a model", facts.name));
                    return Ok(ExitCode::SUCCESS);
                }
            };
            let on_fetch = printer.on_fetch();
            printer.note(format_args!("{name}: {}", registry.get(&name)?.licence));
            let (registry, name) = blocking(move || {
                registry.pull(&name, &*on_fetch)?;
                // The runtime, too: a pulled model must work offline.
                registry.runtime(&*on_fetch)?;
                Ok((registry, name))
            })
            .await?;
            show(&registry.info(&name)?, printer)
        }
        Action::Verify { name } => verify(&registry, &name, printer),
    }
}

fn list(registry: &Registry, printer: Printer) -> Result<ExitCode> {
    let models = registry.list().map(|model| registry.info(&model.name)).collect::<Result<Vec<_>>>()?;
    if printer.json {
        printer.json(&models.iter().map(body).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |info: &ModelInfo| {
        let here = if info.files.iter().all(|file| file.present) { "here" } else { "" };
        let spec = &info.spec;
        let takes = [
            spec.picture.as_ref().map(|_| "pictures"),
            spec.audio.as_ref().map(|_| "sounds"),
            spec.text.as_ref().map(|_| "text"),
            spec.words.as_ref().map(|_| "text (roughly)"),
            spec.pair.as_ref().map(|_| "pairs of texts"),
        ];
        let takes: Vec<_> = takes.into_iter().flatten().collect();
        let dim = dim(spec).map_or(String::new(), |dim| dim.to_string());
        vec![spec.name.clone(), takes.join(", "), dim, here.to_owned(), spec.summary.clone()]
    };
    printer.table(&["model", "takes", "dimension", "", ""], models.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

/// `None` for a model without vectors.
fn dim(spec: &ModelSpec) -> Option<usize> {
    spec.makes_vectors().then_some(spec.dim)
}

fn body(info: &ModelInfo) -> serde_json::Value {
    let files: Vec<_> = info
        .files
        .iter()
        .map(|file| {
            json!({"role": file.role, "source": file.source, "path": file.path, "bytes": file.bytes, "present": file.present})
        })
        .collect();
    let spec = &info.spec;
    json!({
        "name": spec.name, "summary": spec.summary, "licence": spec.licence, "dim": dim(spec),
        "metric": dim(spec).map(|_| spec.metric.name()), "picture": spec.picture.is_some(), "audio": spec.takes_sound(),
        "text": spec.text.is_some(), "words": spec.words.is_some(), "pair": spec.pair.is_some(), "files": files,
    })
}

fn show(info: &ModelInfo, printer: Printer) -> Result<ExitCode> {
    if printer.json {
        printer.json(&body(info))?;
        return Ok(ExitCode::SUCCESS);
    }
    let spec = &info.spec;
    printer.line(format_args!("{}: {}", spec.name, spec.summary));
    match dim(spec) {
        Some(dim) => {
            printer.line(format_args!("dimension {dim}, {}; licence: {}", spec.metric.name(), spec.licence));
        }
        None => printer.line(format_args!("scores texts for a query; licence: {}", spec.licence)),
    }
    let row = |file: &bootcamp_core::models::FileInfo| {
        let bytes = file.bytes.map_or(String::new(), |bytes| bytes.to_string());
        let state = if file.present { "here" } else { "missing" };
        vec![file.role.to_owned(), state.to_owned(), bytes, file.source.clone()]
    };
    printer.table(&["file", "", "bytes", "source"], info.files.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

fn verify(registry: &Registry, name: &str, printer: Printer) -> Result<ExitCode> {
    let checks = registry.verify(name)?;
    let word = |state: &FileState| match state {
        FileState::Ok => "ok",
        FileState::Missing => "missing",
        FileState::Damaged { .. } => "damaged",
    };
    if printer.json {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| json!({"role": check.role, "path": check.path, "state": word(&check.state)}))
            .collect();
        printer.json(&rows)?;
    } else {
        let row = |check: &bootcamp_core::models::FileCheck| {
            vec![check.role.to_owned(), word(&check.state).to_owned(), check.path.display().to_string()]
        };
        printer.table(&["file", "", "path"], checks.iter().map(row));
    }
    match checks.iter().find(|check| check.state != FileState::Ok) {
        None => Ok(ExitCode::SUCCESS),
        Some(check) if check.state == FileState::Missing => {
            Err(Error::new(ErrorKind::NotFound, format!("files of model {name} are missing"))
                .with_hint(format!("fetch them with: models pull {name}")))
        }
        Some(check) => Err(Error::new(ErrorKind::Corrupt, format!("{} is damaged", check.path.display()))
            .with_hint(format!("remove it and fetch it again with: models pull {name}"))),
    }
}
