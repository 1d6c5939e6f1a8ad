//! Search without filters, beside the index alone and beside libraries at equal recall.

use anyhow::Result;

use super::DIM;
use crate::contender::{Answer, Bare, Peer};
use crate::data::{DataSet, QUERIES};
use crate::exact;
use crate::local::Local;
use crate::matrix::Matrix;
use crate::measure::{Noise, Point, median, median_ratio, percentile, rounds, speed_at};
use crate::report::{Goal, Table, line, number};

/// Candidates kept while searching.
const EFS: [usize; 8] = [10, 16, 24, 32, 48, 64, 128, 256];
/// Recalls at which peers are compared.
const RECALLS: [f64; 4] = [0.9, 0.95, 0.99, 0.999];

/// Answers all queries with so many candidates kept.
type Ask<'a> = Box<dyn FnMut(usize) -> Result<Answer> + 'a>;

/// A contender's figures at one effort, over all rounds.
struct Measured {
    /// Of each round.
    seconds: Vec<f64>,
    /// Of each query in every round, where known.
    each: Vec<f64>,
    recall: f64,
}

impl Measured {
    /// `answers` begin with the round that does not count.
    fn of(truth: &Matrix<u32>, answers: &[Answer], seconds: Vec<f64>) -> Self {
        Self {
            seconds,
            each: answers.iter().skip(1).flat_map(|answer| answer.each.iter().copied()).collect(),
            recall: answers.last().map_or(0.0, |answer| exact::recall(truth, &answer.ids)),
        }
    }

    fn rate(&self) -> f64 {
        QUERIES as f64 / median(self.seconds.iter().copied())
    }
}

/// Top 10 on one thread: the store with fields, its index alone, and peers, at several efforts.
pub fn measure(data: &DataSet<f32>, store: &Local, bare: &Bare, noise: &mut Noise) -> Result<()> {
    let mut peers = Vec::new();
    for script in ["hnsw_faiss.py", "hnsw_hnswlib.py", "hnsw_usearch.py"] {
        peers.extend(Peer::start(script, &data.folder)?);
    }
    let names: Vec<String> = peers.iter().map(|peer| peer.name.clone()).collect();
    let mut sides: Vec<Box<dyn FnMut(usize) -> Result<Answer> + '_>> =
        vec![Box::new(|ef| store.search_each(&data.queries, ef)), Box::new(|ef| bare.search(&data.queries, ef))];
    for mut peer in peers {
        sides.push(Box::new(move |ef| peer.search(ef)));
    }
    let count = if data.base.len() > 500_000 { 5 } else { 9 };
    let mut curves = Vec::new();
    for ef in EFS {
        curves.push(in_turns(&mut sides, ef, count, &data.truth, noise)?);
    }
    search_table(data, store, &curves)?;
    peer_table(&names, &curves);
    Ok(())
}

/// All contenders at one effort, in turns.
fn in_turns(
    contenders: &mut [Ask],
    ef: usize,
    count: usize,
    truth: &Matrix<u32>,
    noise: &mut Noise,
) -> Result<Vec<Measured>> {
    let mut answers: Vec<Vec<Answer>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut sides: Vec<_> = contenders
        .iter_mut()
        .zip(&mut answers)
        .map(|(ask, answers)| {
            move || {
                let answer = ask(ef)?;
                let seconds = answer.seconds;
                answers.push(answer);
                anyhow::Ok(seconds)
            }
        })
        .collect();
    let mut sides: Vec<&mut dyn FnMut() -> Result<f64>> = sides.iter_mut().map(|side| side as _).collect();
    let seconds = rounds(count, &mut sides, noise)?;
    Ok(answers.iter().zip(seconds).map(|(answers, seconds)| Measured::of(truth, answers, seconds)).collect())
}

fn search_table(data: &DataSet<f32>, store: &Local, curves: &[Vec<Measured>]) -> Result<()> {
    let heading = format!(
        "Search of {} × {DIM}, top 10, one thread, three fields a hit: ours ÷ the index alone ({})",
        number(data.base.len() as f64),
        store.served_by()?,
    );
    let columns =
        ["ef", "recall", "the index's", "queries/s ratio", "goal", "queries/s", "p50 ratio", "p50 ms", "p99 ms"];
    let mut table = Table::new(&heading, &columns);
    for (ef, measured) in EFS.iter().zip(curves) {
        let [ours, alone, ..] = &measured[..] else { continue };
        let ratio = median_ratio(&alone.seconds, &ours.seconds);
        table.row([
            ef.to_string(),
            format!("{:.3}", ours.recall),
            format!("{:.3}", alone.recall),
            number(ratio),
            Goal::AtLeast(0.95).verdict(ratio),
            number(ours.rate()),
            number(percentile(&ours.each, 0.5) / percentile(&alone.each, 0.5)),
            format!("{:.3}", percentile(&ours.each, 0.5) * 1e3),
            format!("{:.3}", percentile(&ours.each, 0.99) * 1e3),
        ]);
    }
    Ok(())
}

/// Our speed over each peer's at equal recall, round by round.
fn peer_table(peers: &[String], curves: &[Vec<Measured>]) {
    if peers.is_empty() {
        line("\nPeers: none, because scripts/bench-peers has not made their environment");
        return;
    }
    let recalls: Vec<_> = RECALLS.iter().map(|recall| format!("at {recall}")).collect();
    let columns: Vec<_> = ["recall@10"].into_iter().chain(recalls.iter().map(String::as_str)).collect();
    let mut table = Table::new("The same beside peers (which give ids alone): ours ÷ theirs, queries/s", &columns);
    let curve = |side: usize, round: usize| -> Vec<Point> {
        let point = |measured: &Vec<Measured>| Point {
            recall: measured[side].recall,
            queries_per_second: QUERIES as f64 / measured[side].seconds[round],
        };
        curves.iter().map(point).collect()
    };
    let names = ["the index alone"].into_iter().chain(peers.iter().map(String::as_str));
    for (other, name) in names.enumerate() {
        let all_rounds = 0..curves[0][0].seconds.len();
        let ratio = |recall: f64| {
            let ratios = all_rounds.clone().filter_map(|round| {
                Some(speed_at(&curve(0, round), recall)? / speed_at(&curve(other + 1, round), recall)?)
            });
            number(median(ratios))
        };
        table.row([name.to_owned()].into_iter().chain(RECALLS.map(ratio)));
    }
}
