//! `molecule-search` beside what chemists use for the same, RDKit and FPSim2, and beside what limits it.

mod data;
mod fingerprints;
mod import;
mod similar;
mod substructures;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::contender::{Peer, python, threads};
use crate::measure::Noise;
use crate::process;
use crate::report::noise_line;

const PARTS: [&str; 5] = ["fingerprints", "similar", "threshold", "substructures", "import"];

/// Measures what `part` names, or everything. So many molecules are imported.
pub fn run(root: &Path, part: Option<&str>, imported: usize) -> Result<()> {
    if let Some(part) = part.filter(|part| !PARTS.contains(part)) {
        bail!("there is no part '{part}', but: {}", PARTS.join(", "));
    }
    let root = root.join(format!("molecules-v{}", data::VERSION));
    std::fs::create_dir_all(&root)?;
    let mut bench = Bench::open(root.canonicalize()?)?;
    let wants = |name: &str| part.is_none_or(|part| part == name);
    if wants("fingerprints") {
        fingerprints::run(&mut bench).context("measuring fingerprints")?;
    }
    if wants("similar") || wants("threshold") {
        similar::run(&mut bench, wants("similar"), wants("threshold")).context("measuring similarity")?;
    }
    if wants("substructures") {
        substructures::run(&mut bench).context("measuring substructures")?;
    }
    if wants("import") {
        import::run(&mut bench, imported).context("measuring the import")?;
    }
    noise_line(&bench.noise);
    Ok(())
}

/// What all parts work with.
struct Bench {
    /// Where data is kept.
    root: PathBuf,
    binary: PathBuf,
    peer: Peer,
    /// The sample molecules, as SMILES.
    samples: Vec<String>,
    noise: Noise,
}

impl Bench {
    /// RDKit says what the samples in an SDF are as SMILES, so without it there is no data.
    fn open(root: PathBuf) -> Result<Self> {
        let binary = process::binary("molecule-search", "make bench-molecule")?;
        let python =
            python("bench-peers-molecule").context("no RDKit to compare with: run scripts/bench-peers molecule")?;
        let mut peer = Peer::spawn(&python, "molecule.py", [threads().to_string()])?;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/molecules");
        ensure!(folder.join("ready").exists(), "no sample molecules: run scripts/sample-molecules");
        let samples = root.join("samples.smi");
        peer.ask::<f64>(&json!({"samples": folder, "out": samples}))?;
        let samples = std::fs::read_to_string(samples)?.lines().map(str::to_owned).collect();
        Ok(Self { root, binary, peer, samples, noise: Noise::default() })
    }

    /// The program on a store.
    fn command<'a>(&self, store: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        process::command(&self.binary, store, arguments)
    }
}
