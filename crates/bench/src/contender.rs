//! Those who answer the same queries in turns: the store, its index alone, and libraries behind Python.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use bootcamp_hnsw::{Bits, Config, Index, Metric, Search, VERSION};
use serde::Deserialize;

use crate::data::DataSet;
use crate::exact::K;
use crate::matrix::Matrix;
use crate::report;

/// Links a node and candidates kept while building: the same for all.
pub const M: usize = 24;
pub const EF_CONSTRUCTION: usize = 200;

/// What a contender found, and how long it took.
#[derive(Debug, Deserialize)]
pub struct Answer {
    pub seconds: f64,
    /// Seconds of each query, where the contender can tell.
    #[serde(default)]
    pub each: Vec<f64>,
    /// Rows found for each query.
    pub ids: Vec<Vec<u32>>,
}

/// Asks queries one after another and times each.
pub fn ask_each<T>(queries: &Matrix<T>, mut ask: impl FnMut(&[T]) -> Result<Vec<u32>>) -> Result<Answer> {
    let mut answer = Answer { seconds: 0.0, each: Vec::new(), ids: Vec::new() };
    let start = Instant::now();
    for query in queries.rows() {
        let asked = Instant::now();
        answer.ids.push(ask(query)?);
        answer.each.push(asked.elapsed().as_secs_f64());
    }
    answer.seconds = start.elapsed().as_secs_f64();
    Ok(answer)
}

/// The index as it is: the limit of what the store on it can reach. Gives ids alone.
pub struct Bare {
    index: Index,
}

impl Bare {
    pub fn file(folder: &Path) -> PathBuf {
        folder.join(format!("index-{VERSION}-m{M}-ef{EF_CONSTRUCTION}.hnsw"))
    }

    /// Reads the index from the data set's folder, or builds it there.
    pub fn load_or_build(data: &DataSet<f32>) -> Result<Self> {
        let file = Self::file(&data.folder);
        if !file.exists() {
            report::progress("building the index …");
            let built = Self::build(&data.base, threads())?;
            let unfinished = file.with_extension("tmp");
            built.index.write(File::create(&unfinished)?)?;
            std::fs::rename(&unfinished, &file)?;
        }
        // As a store does after a start: a loaded index lies in memory otherwise than a built one.
        Self::load(&data.folder)
    }

    pub fn load(folder: &Path) -> Result<Self> {
        let file = BufReader::with_capacity(1 << 20, File::open(Self::file(folder))?);
        Ok(Self { index: Index::read(file, false)? })
    }

    /// Builds an index on so many threads.
    pub fn build(base: &Matrix<f32>, threads: usize) -> Result<Self> {
        let config = Config { m: M, ef_construction: EF_CONSTRUCTION, ..Config::new(base.width, Metric::L2) };
        let index = Index::new(config)?;
        let keys: Vec<u64> = (0..base.len() as u64).collect();
        index.add(&keys, &base.data, threads)?;
        Ok(Self { index })
    }

    pub fn search(&self, queries: &Matrix<f32>, ef: usize) -> Result<Answer> {
        ask_each(queries, |query| self.find(query, &Search::nearest(K, ef)))
    }

    /// The same among some rows.
    pub fn search_where(&self, query: &[f32], ef: usize, keep: &Bits) -> Result<Vec<u32>> {
        self.find(query, &Search { only: Some(keep), ..Search::nearest(K, ef) })
    }

    fn find(&self, query: &[f32], search: &Search<'_>) -> Result<Vec<u32>> {
        Ok(self.index.search(query, search)?.iter().map(|hit| hit.key as u32).collect())
    }
}

/// Threads for building.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A library behind a Python script that builds or loads its index, says so in a line of JSON, and then answers all
/// queries at once on one thread whenever it reads an effort: its own loop, without Python between queries.
pub struct Peer {
    pub name: String,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Ready {
    name: String,
}

impl Peer {
    /// Starts `peers/<script>` on a data set's folder. Nothing to compare with is no failure: `None`.
    pub fn start(script: &str, folder: &Path) -> Result<Option<Self>> {
        let Some(python) = python("bench-peers") else { return Ok(None) };
        let folder = folder.to_string_lossy().into_owned();
        let numbers = [M, EF_CONSTRUCTION, K].map(|number| number.to_string());
        let mut peer = Self::spawn(&python, script, std::iter::once(folder).chain(numbers))?;
        peer.name = peer.read::<Ready>()?.name;
        Ok(Some(peer))
    }

    /// Starts `peers/<script>`, which answers each line with a line.
    pub fn spawn(python: &Path, script: &str, arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let path = self::script(script);
        let mut process = Command::new(python)
            .arg(&path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", path.display()))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("{} has no pipes", path.display());
        };
        Ok(Self { name: script.to_owned(), process, input: Some(input), output: BufReader::new(output) })
    }

    pub fn search(&mut self, ef: usize) -> Result<Answer> {
        self.ask(&ef)
    }

    /// Sends a line and reads the answer.
    pub fn ask<T: serde::de::DeserializeOwned>(&mut self, task: &impl std::fmt::Display) -> Result<T> {
        let input = self.input.as_mut().context("the peer was stopped")?;
        writeln!(input, "{task}").with_context(|| format!("{} is gone", self.name))?;
        self.read()
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "a peer {} ended, see above", self.name);
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A closed input ends the script.
        self.input = None;
        let _ = self.process.wait();
    }
}

/// The Python of a virtual environment, where a script made it.
pub fn python(environment: &str) -> Option<PathBuf> {
    let caches = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache");
    Some(caches.join(environment).join("bin/python")).filter(|python| python.exists())
}

/// A script of ours in `peers/`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data, exact};

    #[test]
    fn the_index_alone_finds_what_is_near() {
        let folder = tempfile::tempdir().unwrap();
        let data = data::floats(folder.path(), 2000, 32).unwrap();
        for _ in ["built", "loaded"] {
            let answer = Bare::load_or_build(&data).unwrap().search(&data.queries, 128).unwrap();
            assert_eq!(answer.each.len(), data.queries.len());
            assert!(exact::recall(&data.truth, &answer.ids) > 0.95);
        }
    }
}
