//! How fast the index is, and faiss, hnswlib and usearch, at equal recall on one thread:
//!
//! ```sh
//! cargo run --release -p bootcamp-hnsw --example beside_peers -- data/bench/floats-100000x128-v1 .cache/bench-peers/bin/python
//! ```
//!
//! The folder is one that `make bench-store` has made: `base.bin`, `queries.bin` and `truth.bin`, each the numbers of rows
//! and columns as two u32, and the numbers. Without a Python only the index itself is measured. All take turns, and what
//! is shown is the median of the ratios within a turn.
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bootcamp_hnsw::{Bits, Config, Index, Metric, Search};
use serde::Deserialize;

/// Neighbours asked for.
const K: usize = 10;
/// Widths of the walks.
const EFS: [usize; 10] = [10, 16, 24, 32, 48, 64, 96, 128, 192, 384];
const RECALLS: [f64; 3] = [0.95, 0.99, 0.999];
const ROUNDS: usize = 5;
/// Links and width of construction of the peers: what they come with, more or less, and what we build with.
const PEERS: [(&str, usize, usize); 6] = [
    ("hnsw_hnswlib.py", 16, 128),
    ("hnsw_hnswlib.py", 24, 200),
    ("hnsw_faiss.py", 16, 128),
    ("hnsw_faiss.py", 24, 200),
    ("hnsw_usearch.py", 16, 128),
    ("hnsw_usearch.py", 24, 200),
];

struct Matrix<T> {
    width: usize,
    numbers: Vec<T>,
}

impl<T> Matrix<T> {
    fn read(path: &Path, of: fn([u8; 4]) -> T) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut words = bytes.as_chunks::<4>().0.iter();
        let mut size = || words.next().map(|word| u32::from_le_bytes(*word) as usize).context("it has no size");
        let (_, width) = (size()?, size()?);
        Ok(Self { width, numbers: words.map(|word| of(*word)).collect() })
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, T> {
        self.numbers.chunks_exact(self.width)
    }
}

#[derive(Deserialize)]
struct Answer {
    seconds: f64,
    ids: Vec<Vec<u32>>,
}

/// A library behind a Python script, see `crates/bench/peers/common.py`.
struct Peer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str, script: &str, folder: &Path, m: usize, width: usize) -> Result<(String, Self)> {
        #[derive(Deserialize)]
        struct Ready {
            name: String,
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers").join(script);
        let numbers = [m, width, K].map(|number| number.to_string());
        let mut command = Command::new(python);
        command.arg(script).arg(folder).args(numbers).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let output = BufReader::new(process.stdout.take().context("no output")?);
        let mut peer = Self { input: process.stdin.take(), process, output };
        let Ready { name } = peer.read()?;
        Ok((format!("{name} M {m}"), peer))
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "a peer ended");
        Ok(serde_json::from_str(&line)?)
    }

    fn ask(&mut self, ef: usize) -> Result<Answer> {
        writeln!(self.input.as_mut().context("no input")?, "{ef}")?;
        self.read()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.wait();
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(arguments.first().context("name the folder of a data set")?);
    let base = Matrix::read(&folder.join("base.bin"), f32::from_le_bytes)?;
    let queries = Matrix::read(&folder.join("queries.bin"), f32::from_le_bytes)?;
    let truth = Matrix::read(&folder.join("truth.bin"), u32::from_le_bytes)?;
    let index = build(&base)?;

    filtered(&index, &queries)?;

    let mut peers = Vec::new();
    if let Some(python) = arguments.get(1) {
        for (script, m, width) in PEERS {
            peers.push(Peer::start(python, script, folder, m, width)?);
        }
    }
    let recall = |ids: &[Vec<u32>]| {
        let found = |(ids, truth): (&Vec<u32>, &[u32])| ids.iter().filter(|id| truth.contains(id)).count();
        ids.iter().zip(truth.rows()).map(found).sum::<usize>() as f64 / (ids.len() * K) as f64
    };
    let mut names = vec!["ours".to_owned()];
    names.extend(peers.iter().map(|(name, _)| name.clone()));
    // Of each round and contender: recall and queries a second at every width.
    let mut curves = Vec::new();
    for round in 0..=ROUNDS {
        let mut curve = vec![Vec::new(); names.len()];
        for ef in EFS {
            let answer = ask(&index, &queries, ef)?;
            curve[0].push((recall(&answer.ids), queries.rows().len() as f64 / answer.seconds));
            for (at, (_, peer)) in peers.iter_mut().enumerate() {
                let answer = peer.ask(ef)?;
                curve[at + 1].push((recall(&answer.ids), queries.rows().len() as f64 / answer.seconds));
            }
        }
        if round > 0 {
            curves.push(curve);
        }
    }
    println!("{:>5} {}", "ef", names.iter().map(|name| format!("{name:>24}")).collect::<String>());
    for (at, ef) in EFS.iter().enumerate() {
        let cell = |side: usize| {
            let rate = median(curves.iter().map(|curve| curve[side][at].1));
            format!("{:>15.4} {rate:>8.0}", curves[0][side][at].0)
        };
        println!("{ef:>5} {}", (0..names.len()).map(cell).collect::<String>());
    }
    println!("ours ÷ theirs (least, most of {ROUNDS} rounds)");
    for (side, name) in names.iter().enumerate().skip(1) {
        let cell = |recall: f64| {
            let ratio =
                |curve: &Vec<Vec<(f64, f64)>>| Some(rate_at(&curve[0], recall)? / rate_at(&curve[side], recall)?);
            let ratios: Vec<f64> = curves.iter().filter_map(ratio).collect();
            let (least, most) = ratios.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
            format!("  at {recall}: {:.2} ({least:.2}-{most:.2})", median(ratios.iter().copied()))
        };
        println!("{name:>24}{}", RECALLS.map(cell).concat());
    }
    Ok(())
}

fn build(base: &Matrix<f32>) -> Result<Index> {
    let mut config = Config::new(base.width, Metric::L2);
    if let Ok(m) = std::env::var("M") {
        config.m = m.parse()?;
    }
    if let Ok(width) = std::env::var("EF_CONSTRUCTION") {
        config.ef_construction = width.parse()?;
    }
    let threads = std::env::var("THREADS").map_or(Ok(1), |threads| threads.parse())?;
    let index = Index::new(config)?;
    let keys: Vec<u64> = (0..base.rows().len() as u64).collect();
    let start = Instant::now();
    index.add(&keys, &base.numbers, threads)?;
    let (seconds, info) = (start.elapsed().as_secs_f64(), index.info());
    println!("{seconds:.1} s to build on {threads} threads; {info:?}; {} bytes a row", info.bytes / info.rows);
    let mut bytes = Vec::new();
    let start = Instant::now();
    index.write(&mut bytes)?;
    let written = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let index = Index::read(&bytes[..], false)?;
    let read = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let unreachable = index.unreachable();
    let walked = start.elapsed().as_secs_f64();
    println!(
        "{} bytes written in {written:.2} s, read in {read:.2} s; {unreachable} unreachable, found in {walked:.2} s",
        bytes.len()
    );
    Ok(index)
}

/// Searches of some percent of all rows: how fast beside searches of all, and how much of what an exact search finds.
fn filtered(index: &Index, queries: &Matrix<f32>) -> Result<()> {
    println!("{:>5} {:>5} {:>10} {:>8} {:>24}", "rows", "ef", "queries/s", "recall", "÷ of all rows");
    let rate = |search: &Search<'_>| -> Result<(f64, Vec<Vec<u64>>)> {
        let start = Instant::now();
        let mut keys = Vec::new();
        for query in queries.rows() {
            keys.push(index.search(query, search)?.iter().map(|hit| hit.key).collect());
        }
        Ok((queries.rows().len() as f64 / start.elapsed().as_secs_f64(), keys))
    };
    for percent in [1, 2, 5, 10, 20, 50, 90] {
        // Whichever rows: multiplied by a prime and reduced they are as good as random.
        let only: Bits =
            (0..index.len() as u32).filter(|slot| slot.wrapping_mul(2_654_435_761) >> 16 < percent * 655).collect();
        let search = Search { only: Some(&only), ..Search::nearest(K, index.len()) };
        let (_, truth) = rate(&search)?;
        for ef in [48, 64, 96] {
            let search = Search { ef, ..search };
            let mut rates = Vec::new();
            let mut found = 0;
            for _ in 0..ROUNDS {
                let (all, _) = rate(&Search::nearest(K, ef))?;
                let (some, keys) = rate(&search)?;
                rates.push((some, some / all));
                let hits =
                    |(keys, truth): (&Vec<u64>, &Vec<u64>)| keys.iter().filter(|key| truth.contains(key)).count();
                found = keys.iter().zip(&truth).map(hits).sum();
            }
            let recall = found as f64 / (truth.len() * K) as f64;
            let (some, ratio) = (median(rates.iter().map(|rate| rate.0)), median(rates.iter().map(|rate| rate.1)));
            println!("{percent:>3} % {ef:>5} {some:>10.0} {recall:>8.4} {ratio:>24.2}");
        }
    }
    Ok(())
}

fn ask(index: &Index, queries: &Matrix<f32>, ef: usize) -> Result<Answer> {
    let start = Instant::now();
    let mut ids = Vec::with_capacity(queries.rows().len());
    for query in queries.rows() {
        let hits = index.search(query, &Search::nearest(K, ef))?;
        ids.push(hits.iter().map(|hit| hit.key as u32).collect());
    }
    Ok(Answer { seconds: start.elapsed().as_secs_f64(), ids })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Queries a second at a recall: between two measured points, straight in the logarithms of speed and of misses.
fn rate_at(curve: &[(f64, f64)], recall: f64) -> Option<f64> {
    let miss = |recall: f64| (1.0 - recall).max(1e-5).ln();
    let pair = curve.windows(2).find(|pair| (pair[0].0..=pair[1].0).contains(&recall))?;
    let (low, high) = (miss(pair[0].0), miss(pair[1].0));
    let share = if low == high { 0.0 } else { (miss(recall) - low) / (high - low) };
    Some((pair[0].1.ln() + share * (pair[1].1.ln() - pair[0].1.ln())).exp())
}
