//! `image-search` as people run it, a process with a store of its own, beside what limits it and beside a Python script
//! that does the same.

mod http;
mod import;
mod quality;
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::contender::{python, script, threads};
use crate::encode;
use crate::measure::Noise;
use crate::process::{self, Ran};
use crate::report::{noise_line, progress};
use crate::server::Server;

/// The program's own.
const MODEL: &str = "sscd-distilled";
/// Those that are for what pictures show.
const CONTENT_MODELS: [&str; 2] = ["efficientnet-lite0", "efficientnet-lite2"];

/// Measures what `part` names, or everything.
pub fn run(root: &Path, part: Option<&str>) -> Result<()> {
    if let Some(part) = part.filter(|part| !["import", "http", "start", "quality"].contains(part)) {
        bail!("there is no part '{part}': import, http, start or quality");
    }
    std::fs::create_dir_all(root)?;
    // Items carry the paths of their files free of links, and are found again by them.
    let root = root.canonicalize()?;
    let program = Program::find(root.clone())?;
    let mut noise = Noise::default();
    let wants = |name: &str| part.is_none_or(|part| part == name);
    if wants("import") {
        import::run(&program, &mut noise)?;
    }
    if wants("http") || wants("start") || wants("quality") {
        let stamps = Stamps::import(&program)?;
        if wants("http") {
            http::run(&program, &stamps, &mut noise)?;
        }
        if wants("start") {
            start::run(&program, &stamps, &mut noise)?;
        }
        if wants("quality") {
            quality::run(&program, &stamps)?;
        }
    }
    noise_line(&noise);
    Ok(())
}

/// The program that is measured, and the script that is measured beside it.
#[derive(Clone)]
struct Program {
    binary: PathBuf,
    model: &'static str,
    python: Option<PathBuf>,
    models: PathBuf,
    /// The model's file, for Python.
    model_file: PathBuf,
    /// Where the bench keeps its data; stores are made there too, so that they lie on the same disk.
    root: PathBuf,
}

impl Program {
    fn find(root: PathBuf) -> Result<Self> {
        let binary = process::binary("image-search", "make bench-image")?;
        let python = python("bench-peers-image");
        if python.is_none() {
            progress("no Python to compare with: run scripts/bench-peers image");
        }
        let registry = encode::registry()?;
        registry.runtime(&|_| {})?;
        let tower = registry.get(MODEL)?.picture.clone().context("a model for pictures")?;
        let model_file = registry.file(&tower.file, &|_| {})?.canonicalize()?;
        Ok(Self { binary, model: MODEL, python, models: encode::models().canonicalize()?, model_file, root })
    }

    /// The same with another model, without Python.
    fn with_model(&self, model: &'static str) -> Result<Self> {
        encode::registry()?.pull(model, &|_| {})?;
        Ok(Self { model, python: None, ..self.clone() })
    }

    fn folder(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(&self.root)?)
    }

    /// The program on a store, with no settings but those given.
    fn command<'a>(&self, store: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = process::command(&self.binary, store, arguments);
        command.env("BOOTCAMP_MODELS", &self.models).env("BOOTCAMP_MODEL", self.model);
        command
    }

    /// The program, serving a store.
    fn serve(&self, store: &Path) -> Result<Server> {
        Server::start(&mut self.command(store, ["serve", "--port", "0"]))
    }

    /// Imports a folder, or a file, of so many pictures into a store.
    fn import(&self, store: &Path, pictures: &Path, count: usize) -> Result<Ran> {
        let ran = process::run(&mut self.command(store, ["import", &pictures.to_string_lossy()]))?;
        let report: Value = serde_json::from_str(&ran.output)?;
        ensure!(report["added"] == count, "{count} pictures gave {report}");
        Ok(ran)
    }

    /// Has Python do a task; `None` where there is no Python.
    fn ask_python(&self, mut task: Value) -> Result<Option<Ran>> {
        let Some(python) = &self.python else { return Ok(None) };
        if let Value::Object(task) = &mut task {
            task.insert("model".to_owned(), json!(self.model_file));
            task.insert("threads".to_owned(), json!(threads()));
        }
        process::run(Command::new(python).arg(script("image.py")).arg(task.to_string())).map(Some)
    }
}

/// The sample pictures, imported.
struct Stamps {
    /// In name order.
    paths: Vec<PathBuf>,
    store: TempDir,
}

impl Stamps {
    fn import(program: &Program) -> Result<Self> {
        let mut paths = encode::stamps(&program.root)?;
        paths.sort();
        let store = program.folder()?;
        program.import(store.path(), &program.root.with_file_name("stamps"), paths.len())?;
        Ok(Self { paths, store })
    }
}
