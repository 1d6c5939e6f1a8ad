//! Exact similarity search over a million fingerprints through the store, beside FPSim2, which keeps them in memory and
//! gives numbers alone, and beside reading as many bytes.

use std::path::Path;

use anyhow::{Result, ensure};
use bootcamp_core::{MAX_K, Metric};
use serde::Deserialize;
use serde_json::json;

use super::{Bench, data, fingerprints};
use crate::contender::Peer;
use crate::exact::K;
use crate::local::Local;
use crate::matrix::Matrix;
use crate::measure::{Noise, median, median_ratio, rounds, sum_seconds, timed};
use crate::report::{Goal, Table, number, progress};

const ROWS: usize = 1_000_000;
/// Half of them are sample molecules, half are made as the rows are.
const QUERIES: usize = 50;
const ROUNDS: usize = 5;
/// From this Tanimoto on molecules are called similar.
const THRESHOLD: f32 = 0.7;

/// What FPSim2 took, and the similarities it found for each query, greatest first.
#[derive(Deserialize)]
struct Found {
    seconds: f64,
    similarities: Vec<Vec<f32>>,
}

pub fn run(bench: &mut Bench, similar: bool, threshold: bool) -> Result<()> {
    let Bench { root, peer, samples, noise, .. } = bench;
    let real = Matrix { width: 2048 / 8, data: fingerprints::make(samples)?.concat() };
    let (file, rows) = data::fingerprints(root, &real, 0, ROWS)?;
    let (_, made) = data::fingerprints(root, &real, ROWS as u64, QUERIES / 2)?;
    let sampled = (0..QUERIES / 2).flat_map(|at| real.row(at * real.len() / (QUERIES / 2)).to_vec());
    let queries = Matrix { width: real.width, data: sampled.chain(made.data).collect() };
    let asked = root.join("queries.bin");
    queries.write(&asked)?;
    let store = open(root, &rows)?;
    drop(rows);
    progress("loading FPSim2 …");
    let name: String = peer.ask(&json!({"index": file}))?;
    let mut sides = Sides { store, queries, name, peer, asked: &asked, noise };
    if similar {
        sides.top()?;
    }
    if threshold {
        sides.threshold()?;
    }
    Ok(())
}

/// A store of these rows, made once.
fn open(root: &Path, rows: &Matrix<u8>) -> Result<Local> {
    let folder = root.join(format!("store-{}", env!("CARGO_PKG_VERSION")));
    let done = root.join("store.done");
    if !done.exists() {
        progress("building the store …");
        let _ = std::fs::remove_dir_all(&folder);
        let store = Local::open(&folder)?;
        store.create_bits(rows.width * 8, Metric::Jaccard)?;
        store.upsert_bits(rows)?;
        store.flush()?;
        std::fs::write(&done, "")?;
    }
    Local::open(&folder)
}

struct Sides<'a> {
    store: Local,
    queries: Matrix<u8>,
    /// FPSim2 and its version.
    name: String,
    peer: &'a mut Peer,
    /// The queries' file.
    asked: &'a Path,
    noise: &'a mut Noise,
}

impl Sides<'_> {
    /// The top 10. FPSim2 is given no threshold to begin with, since nobody knows one, and once a useful one.
    fn top(&mut self) -> Result<()> {
        progress("searching the top 10 …");
        let task = |threshold: f32| json!({"top": K, "threshold": threshold, "queries": self.asked}).to_string();
        let (task, eased) = (task(0.0), task(THRESHOLD));
        let theirs: Found = self.peer.ask(&task)?;
        let ours = ask(&self.store, &self.queries, K, None)?;
        check(&ours.0, &theirs.similarities)?;
        let words = vec![1_u64; ROWS * self.queries.width / 8];
        let peer = std::cell::RefCell::new(&mut *self.peer);
        let theirs = |task: &str| Ok(peer.borrow_mut().ask::<Found>(&task)?.seconds);
        let mut ours = || Ok(ask(&self.store, &self.queries, K, None)?.1);
        let mut sum = || Ok((0..QUERIES).map(|_| sum_seconds(&words)).sum());
        let (mut fpsim2, mut with_threshold) = (|| theirs(&task), || theirs(&eased));
        let sides: &mut [&mut dyn FnMut() -> Result<f64>] =
            &mut [&mut ours, &mut sum, &mut fpsim2, &mut with_threshold];
        let seconds = rounds(ROUNDS, sides, self.noise)?;
        let each = |side: usize| number(median(seconds[side].iter().copied()) * 1e3 / QUERIES as f64);
        let mut table = Table::new(
            &format!(
                "exact top {K} by Tanimoto of {} × 2048 bits, one thread, three fields a hit",
                number(ROWS as f64)
            ),
            &["", "ratio", "goal", ""],
        );
        let detail = format!("{} and {} ms a query; it is given threshold 0", each(0), each(2));
        let what = format!("queries/s ÷ {}'s top_k", self.name);
        table.figure(&what, median_ratio(&seconds[2], &seconds[0]), "", Goal::AtLeast(1.0), detail);
        let detail = format!("{} ms; finds none farther than that", each(3));
        let what = format!("  when it is given threshold {THRESHOLD}");
        table.figure(&what, median_ratio(&seconds[3], &seconds[0]), "", Goal::None, detail);
        let speed = (ROWS * self.queries.width * QUERIES) as f64 / median(seconds[1].iter().copied()) / 1e9;
        let detail = format!("{} ms; {} GB/s", each(1), number(speed));
        let what = "time ÷ reading as many bytes from main memory";
        table.figure(what, median_ratio(&seconds[0], &seconds[1]), "", Goal::AtMost(1.5), detail);
        Ok(())
    }

    /// All that are similar.
    fn threshold(&mut self) -> Result<()> {
        progress("searching all that are similar …");
        // The radius itself is too far, and FPSim2's threshold is similar enough.
        let radius = Some((1.0 - THRESHOLD).next_up());
        let task = json!({"above": THRESHOLD, "queries": self.asked}).to_string();
        let theirs: Found = self.peer.ask(&task)?;
        let ours = ask(&self.store, &self.queries, MAX_K, radius)?;
        ensure!(ours.0.iter().all(|found| found.len() < MAX_K), "more are similar than a search gives");
        check(&ours.0, &theirs.similarities)?;
        let hits = ours.0.iter().map(Vec::len).sum::<usize>() as f64 / QUERIES as f64;
        let mut ours = || Ok(ask(&self.store, &self.queries, MAX_K, radius)?.1);
        let mut fpsim2 = || Ok(self.peer.ask::<Found>(&task)?.seconds);
        let sides: &mut [&mut dyn FnMut() -> Result<f64>] = &mut [&mut ours, &mut fpsim2];
        let seconds = rounds(ROUNDS, sides, self.noise)?;
        let each = |side: usize| number(median(seconds[side].iter().copied()) * 1e3 / QUERIES as f64);
        let heading = format!(
            "all of {} with a Tanimoto of at least {THRESHOLD}, one thread, three fields a hit",
            number(ROWS as f64)
        );
        let mut table = Table::new(&heading, &["", "ratio", "goal", ""]);
        let detail = format!("{} and {} ms a query; {} hits", each(0), each(1), number(hits));
        let what = format!("queries/s ÷ {}'s similarity", self.name);
        table.figure(&what, median_ratio(&seconds[1], &seconds[0]), "", Goal::AtLeast(1.0), detail);
        Ok(())
    }
}

/// The similarities found for each query, greatest first, and the seconds for all queries.
fn ask(store: &Local, queries: &Matrix<u8>, k: usize, radius: Option<f32>) -> Result<(Vec<Vec<f32>>, f64)> {
    let (seconds, found) = timed(|| -> Result<Vec<Vec<(u32, f32)>>> {
        queries.rows().map(|query| store.nearest_bits(query, k, radius)).collect()
    });
    let found = found?;
    ensure!(found.iter().flatten().all(|(row, _)| *row != u32::MAX), "a hit without its fields");
    Ok((found.iter().map(|hits| hits.iter().map(|(_, score)| 1.0 - score).collect()).collect(), seconds))
}

/// Exact means exact: as similar as FPSim2's. Rows that are equally similar may differ.
fn check(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> Result<()> {
    ensure!(ours.len() == theirs.len(), "{} answers, and {} of FPSim2", ours.len(), theirs.len());
    for (query, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let same = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-6);
        ensure!(same, "query {query}: {} hits, {ours:?}, and FPSim2's {}, {theirs:?}", ours.len(), theirs.len());
    }
    Ok(())
}
