//! How fast molecules come in, beside making their fingerprints alone, and the memory that takes.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{Bench, data, fingerprints};
use crate::contender::threads;
use crate::measure::{median, median_ratio, rounds, timed};
use crate::process::{self, Ran};
use crate::report::{Goal, Table, number, progress};

/// Each takes the better part of a minute.
const ROUNDS: usize = 2;
/// What is imported over and over; the import of more is made once.
const FEW: usize = 100_000;
/// As many fewer show what memory grows by.
const LESS: usize = 10;
const MIB: f64 = (1 << 20) as f64;
/// What the store keeps in memory of a molecule: its bits, its key and place, and how many ones it and its parts have.
const BYTES: f64 = (2048 / 8 + 8 + 4 + 4 + 16) as f64;

pub fn run(bench: &mut Bench, count: usize) -> Result<()> {
    let molecules = data::molecules(&bench.root, &bench.samples, FEW)?;
    let smiles: Vec<String> = std::fs::read_to_string(&molecules)?
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    progress("importing molecules …");
    let mut peaks = Vec::new();
    let mut noise = std::mem::take(&mut bench.noise);
    let mut ours = || {
        let ran = fresh(bench, &molecules, FEW)?;
        peaks.extend(ran.peak.map(|bytes| bytes as f64));
        Ok(ran.seconds)
    };
    let mut bare = || {
        let (seconds, made) = timed(|| on_all_cores(&smiles));
        made.map(|()| seconds)
    };
    let sides: &mut [&mut dyn FnMut() -> Result<f64>] = &mut [&mut ours, &mut bare];
    let seconds = rounds(ROUNDS, sides, &mut noise)?;
    bench.noise = noise;
    let rate = |seconds: &[f64]| number(FEW as f64 / median(seconds.iter().copied()));
    let mut table = Table::new(&format!("import of {} molecules from a .smi", number(FEW as f64)), &[""; 4]);
    let detail = format!("{} and {} molecules/s, {} threads", rate(&seconds[0]), rate(&seconds[1]), threads());
    let what = "of reading and fingerprinting alone";
    table.figure(what, median_ratio(&seconds[1], &seconds[0]), "", Goal::None, detail);
    let (small, large, peak) = if count > FEW {
        let molecules = data::molecules(&bench.root, &bench.samples, count)?;
        progress(&format!("importing {count} molecules …"));
        let ran = fresh(bench, &molecules, count)?;
        table.figure("molecules/s of more", count as f64 / ran.seconds, "", Goal::None, number(count as f64));
        ((FEW, median(peaks)), count, ran.peak)
    } else {
        let molecules = data::molecules(&bench.root, &bench.samples, FEW / LESS)?;
        let few = fresh(bench, &molecules, FEW / LESS)?.peak.map_or(f64::NAN, |bytes| bytes as f64);
        ((FEW / LESS, few), FEW, Some(median(peaks) as u64))
    };
    let peak = peak.map_or(f64::NAN, |bytes| bytes as f64);
    let bits = |count: usize| BYTES * count as f64;
    let detail = format!(
        "{} and {} MiB, of which the store's bits are {} and {}",
        number(small.1 / MIB),
        number(peak / MIB),
        number(bits(small.0) / MIB),
        number(bits(large) / MIB)
    );
    let what =
        format!("most memory of {} ÷ of {}, without the store's bits", number(large as f64), number(small.0 as f64));
    table.figure(&what, (peak - bits(large)) / (small.1 - bits(small.0)), "", Goal::AtMost(1.1), detail);
    Ok(())
}

/// Reads, checks and makes bits of molecules, and forgets them.
fn on_all_cores(smiles: &[String]) -> Result<()> {
    std::thread::scope(|scope| {
        let parts = smiles.chunks(smiles.len().div_ceil(threads()));
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| fingerprints::make(part).map(drop))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?)
    })
}

/// Imports into a store of its own.
fn fresh(bench: &Bench, molecules: &Path, count: usize) -> Result<Ran> {
    let store = TempDir::new_in(&bench.root)?;
    import(bench, store.path(), molecules, count)
}

/// Imports a file of so many molecules into a store.
pub fn import(bench: &Bench, store: &Path, molecules: &Path, count: usize) -> Result<Ran> {
    let ran = process::run(&mut bench.command(store, ["import", &molecules.to_string_lossy()]))?;
    let report: Value = serde_json::from_str(&ran.output)?;
    ensure!(report["added"] == count, "{count} molecules gave {report}");
    Ok(ran)
}
