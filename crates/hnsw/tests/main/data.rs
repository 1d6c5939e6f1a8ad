//! Rows to search, and what looking at each of them finds.

use bootcamp_hnsw::{Hit, Index, Metric, Search};

/// Numbers that are the same for ever: SplitMix64 (Steele, Lea & Flood, 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    pub fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Nearly normal, mean 0 and deviation 1.
    pub fn normal(&mut self) -> f32 {
        ((0..4).map(|_| self.uniform()).sum::<f32>() - 2.0) * 3.0_f32.sqrt()
    }
}

/// Rows one behind the other.
#[derive(Clone)]
pub struct Rows {
    pub dim: usize,
    pub data: Vec<f32>,
}

impl Rows {
    pub fn new(dim: usize, count: usize, mut component: impl FnMut(usize, usize) -> f32) -> Self {
        let data = (0..count).flat_map(|row| (0..dim).map(move |at| (row, at))).map(|(row, at)| component(row, at));
        Self { dim, data: data.collect() }
    }

    /// As embeddings lie: in clusters that spread in a few directions of their own.
    pub fn clustered(dim: usize, count: usize, seed: u64) -> Self {
        const LATENT: usize = 8;
        let clusters = (count / 500).max(4);
        let mut random = Random(seed);
        let mut normals = |count: usize| (0..count).map(|_| random.normal()).collect::<Vec<f32>>();
        let (centres, spreads) = (normals(clusters * dim), normals(clusters * dim * LATENT));
        let mut random = Random(seed + 1);
        let mut data = Vec::with_capacity(count * dim);
        for row in 0..count {
            let cluster = row % clusters;
            let far: [f32; LATENT] = std::array::from_fn(|_| 0.4 * random.normal());
            data.extend((0..dim).map(|at| {
                let spread = |direction: usize| spreads[(cluster * LATENT + direction) * dim + at];
                let moved: f32 = (0..LATENT).map(|direction| far[direction] * spread(direction)).sum();
                centres[cluster * dim + at] + moved + 0.1 * random.normal()
            }));
        }
        Self { dim, data }
    }

    pub fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    pub fn row(&self, at: usize) -> &[f32] {
        &self.data[at * self.dim..(at + 1) * self.dim]
    }

    /// Keys with gaps: ten times the row, and seven.
    pub fn keys(&self) -> Vec<u64> {
        (0..self.len()).map(key).collect()
    }
}

pub fn key(row: usize) -> u64 {
    row as u64 * 10 + 7
}

pub fn row_of(key: u64) -> usize {
    (key / 10) as usize
}

/// The formulas of the metrics, in f64.
pub fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    match metric {
        Metric::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
        _ => -pairs.map(|(a, b)| a * b).sum::<f64>(),
    }
}

/// The distances of the `k` nearest rows that pass.
pub fn nearest(metric: Metric, rows: &Rows, query: &[f32], k: usize, passes: impl Fn(usize) -> bool) -> Vec<f64> {
    let passing = (0..rows.len()).filter(|row| passes(*row));
    let mut all: Vec<f64> = passing.map(|row| distance(metric, query, rows.row(row))).collect();
    all.sort_by(f64::total_cmp);
    all.truncate(k);
    all
}

/// The share of the nearest rows that a search finds; rows at the same distance are as good. Every hit must pass, be told
/// with its distance, and come but once, and they must be in order.
pub fn recall(index: &Index, rows: &Rows, queries: &Rows, search: &Search<'_>, passes: impl Fn(usize) -> bool) -> f64 {
    let metric = index.config().metric;
    let (mut found, mut wanted) = (0, 0);
    for at in 0..queries.len() {
        let query = queries.row(at);
        let hits = index.search(query, search).unwrap();
        check(metric, rows, query, &hits, &passes);
        let truth = nearest(metric, rows, query, search.k, &passes);
        assert_eq!(hits.len(), truth.len(), "query {at}: as many as there are");
        let farthest = truth.last().map_or(0.0, |last| last + 1e-4 * last.abs());
        let is_near = |hit: &&Hit| distance(metric, query, rows.row(row_of(hit.key))) <= farthest;
        found += hits.iter().filter(is_near).count();
        wanted += truth.len();
    }
    if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 }
}

fn check(metric: Metric, rows: &Rows, query: &[f32], hits: &[Hit], passes: impl Fn(usize) -> bool) {
    let mut keys: Vec<u64> = hits.iter().map(|hit| hit.key).collect();
    keys.sort_unstable();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "a row was found twice");
    assert!(hits.windows(2).all(|pair| pair[0].distance <= pair[1].distance), "hits are out of order");
    for hit in hits {
        assert!(passes(row_of(hit.key)), "key {} does not pass", hit.key);
        let row = rows.row(row_of(hit.key));
        let truth = distance(metric, query, row);
        let size: f64 = query.iter().chain(row).map(|x| f64::from(*x).powi(2)).sum();
        let is_right = (f64::from(hit.distance) - truth).abs() <= 1e-5 * size || truth > 3e38 && hit.distance > 3e38;
        assert!(is_right, "key {}: {} for {truth}", hit.key, hit.distance);
    }
}

/// Rows that do not find themselves, or another at the same place, at k = 1.
pub fn lost(index: &Index, rows: &Rows, search: &Search<'_>, of: impl Iterator<Item = usize>) -> Vec<usize> {
    of.filter(|row| {
        let hits = index.search(rows.row(*row), search).unwrap();
        hits.first().is_none_or(|hit| hit.key != key(*row) && rows.row(row_of(hit.key)) != rows.row(*row))
    })
    // Enough to look into.
    .take(40)
    .collect()
}
