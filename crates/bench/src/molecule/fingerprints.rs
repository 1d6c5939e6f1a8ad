//! How fast SMILES become fingerprints, beside RDKit from Python, and whether they are the same.

use anyhow::{Result, ensure};
use molecule_search::{Fingerprint, Molecule};
use serde::Deserialize;
use serde_json::json;

use super::Bench;
use crate::measure::{median, median_ratio, rounds, timed};
use crate::report::{Goal, Table, number, progress};

const ROUNDS: usize = 5;

/// Seconds that RDKit took to read molecules, and to make fingerprints of them.
#[derive(Deserialize)]
struct Took {
    read: f64,
    make: f64,
}

pub fn run(bench: &mut Bench) -> Result<()> {
    progress("making fingerprints …");
    let Bench { samples, peer, noise, root, .. } = bench;
    let theirs = root.join("rdkit-ecfp4.bits");
    let task = json!({"fingerprints": root.join("samples.smi"), "out": theirs}).to_string();
    let ask = |peer: &mut crate::contender::Peer| peer.ask::<Took>(&task);
    ask(peer)?;
    let made: Vec<u8> = make(samples)?.concat();
    ensure!(made == std::fs::read(&theirs)?, "RDKit makes other fingerprints");
    let mut parts = (Vec::new(), Vec::new());
    let mut ours = || {
        let (seconds, made) = timed(|| make(samples));
        made.map(|_| seconds)
    };
    let mut parse = || Ok(timed(|| samples.iter().filter(|smiles| Molecule::parse(smiles).is_ok()).count()).0);
    let mut rdkit = || {
        let took = ask(peer)?;
        parts.0.push(took.read);
        parts.1.push(took.make);
        Ok(took.read + took.make)
    };
    let sides: &mut [&mut dyn FnMut() -> Result<f64>] = &mut [&mut ours, &mut parse, &mut rdkit];
    let seconds = rounds(ROUNDS, sides, noise)?;
    let count = samples.len() as f64;
    let rate = |seconds: &[f64]| number(count / median(seconds.iter().copied()));
    let heading = format!("{} sample molecules, SMILES to ECFP4 of 2048 bits, one thread", number(count));
    let mut table = Table::new(&heading, &[""; 4]);
    let detail = format!("{} and {} molecules/s, the same bits", rate(&seconds[0]), rate(&seconds[2]));
    table.figure(
        "molecules/s ÷ RDKit's from Python",
        median_ratio(&seconds[2], &seconds[0]),
        "",
        Goal::AtLeast(5.0),
        detail,
    );
    let detail = format!("{} and {} molecules/s", rate(&seconds[1]), rate(&parts.0));
    table.figure("  reading and checking alone", median_ratio(&parts.0[1..], &seconds[1]), "", Goal::None, detail);
    Ok(())
}

/// Reads, checks, and makes the bits.
pub fn make(smiles: &[String]) -> Result<Vec<Vec<u8>>> {
    smiles.iter().map(|smiles| Ok(Fingerprint::Ecfp4.of(&Molecule::parse(smiles)?)?)).collect()
}
