//! Exact search of binary vectors, beside the memory's bandwidth and beside faiss.

use std::path::Path;

use anyhow::{Result, ensure};
use bootcamp_core::Metric;

use crate::contender::{Peer, ask_each};
use crate::data::{self, DataSet};
use crate::exact;
use crate::local::Local;
use crate::matrix::Matrix;
use crate::measure::{Noise, median, median_ratio, rounds, sum_seconds};
use crate::report::{Goal, Table, number};

/// Bits of a molecule's fingerprint.
const BITS: usize = 2048;
const ROWS: usize = 100_000;
/// Queries a round.
const QUERIES: usize = 100;

/// Exact top 10 of fingerprints beside reading as many bytes, and beside faiss.
pub fn measure(root: &Path, noise: &mut Noise) -> Result<()> {
    let data = data::bits(root, ROWS, BITS)?;
    let mut folders = Vec::new();
    let mut open = |metric| {
        let folder = tempfile::tempdir_in(root)?;
        let store = Local::open(folder.path())?;
        store.create_bits(BITS, metric)?;
        store.upsert_bits(&data.base)?;
        store.flush()?;
        folders.push(folder);
        anyhow::Ok(store)
    };
    let (hamming, jaccard) = (open(Metric::Hamming)?, open(Metric::Jaccard)?);
    let queries = Matrix { width: data.queries.width, data: data.queries.data[..QUERIES * BITS / 8].to_vec() };
    check_hamming(&data, &queries, &hamming)?;

    let words = ROWS * BITS / 64;
    let cached = vec![1_u64; words];
    // Far more than any cache holds: each pass reads another part.
    let far = vec![1_u64; words * 40];
    let mut parts = far.chunks_exact(words).cycle();
    let mut peer = Peer::start("binary_faiss.py", &data.folder)?;
    let mut jaccard_side = || Ok(ask_each(&queries, |query| jaccard.search_bits(query))?.seconds);
    let mut hamming_side = || Ok(ask_each(&queries, |query| hamming.search_bits(query))?.seconds);
    let mut near_sum = || Ok((0..QUERIES).map(|_| sum_seconds(&cached)).sum());
    let mut far_sum = || Ok((0..QUERIES).filter_map(|_| parts.next()).map(sum_seconds).sum());
    let mut faiss = || peer.as_mut().map_or(Ok(f64::NAN), |peer| Ok(peer.search(QUERIES)?.seconds));
    let mut sides: [&mut dyn FnMut() -> Result<f64>; 5] =
        [&mut jaccard_side, &mut hamming_side, &mut near_sum, &mut far_sum, &mut faiss];
    let seconds = rounds(5, &mut sides, noise)?;
    let rate = |side: usize| number(QUERIES as f64 / median(seconds[side].iter().copied()));

    let mut table = Table::new(
        &format!("Exact search of {} × {BITS} bits, top 10, one thread, with fields", number(ROWS as f64)),
        &["", "ratio", "goal", ""],
    );
    let bytes = (ROWS * BITS / 8 * QUERIES) as f64;
    for (side, name) in [(0, "Jaccard"), (1, "Hamming")] {
        for (sum, place, goal) in [(3, "from main memory", Goal::AtMost(1.5)), (2, "from where they lie", Goal::None)] {
            let speed = number(bytes / median(seconds[sum].iter().copied()) / 1e9);
            let detail = format!("{} queries/s; reading at {speed} GB/s", rate(side));
            let what = format!("{name}: time ÷ reading as many bytes {place}");
            table.figure(&what, median_ratio(&seconds[side], &seconds[sum]), "", goal, detail);
        }
    }
    if let Some(peer) = &peer {
        let detail = format!("{} and {} queries/s", rate(1), rate(4));
        let what = format!("Hamming: queries/s ÷ {}'s IndexBinaryFlat", peer.name);
        table.figure(&what, median_ratio(&seconds[4], &seconds[1]), "", Goal::None, detail);
    }
    Ok(())
}

/// Exact means exact: found rows are as near as the true ones. Rows at equal distance may differ.
fn check_hamming(data: &DataSet<u8>, queries: &Matrix<u8>, store: &Local) -> Result<()> {
    for (at, query) in queries.rows().enumerate() {
        let distances = |rows: &[u32]| -> Vec<u32> {
            rows.iter().map(|row| exact::hamming(query, data.base.row(*row as usize))).collect()
        };
        let found = distances(&store.search_bits(query)?);
        ensure!(found == distances(data.truth.row(at)), "query {at}: the exact scan missed a nearer row");
    }
    Ok(())
}
