//! Exact distances over rows of vectors in memory, at the speed the memory gives them.
//!
//! The loops are plain Rust in a shape that compilers vectorise; `pulp` runs them with the widest instructions the
//! processor has, found out when the program starts.

use std::ops::Range;

use pulp::Arch;

use crate::record::Vector;
use crate::schema::{Metric, VectorField, VectorKind};

/// Rows whose distances are computed in one go: small enough for the first-level cache.
const BLOCK: usize = 256;
/// Independent sums in a float loop: without them one addition would wait for the last.
const LANES: usize = 16;
/// Words that are counted side by side.
const WIDE: usize = 8;
/// Words in a part of a row whose ones are counted apart. A part's count fits into a byte.
const PART: usize = 2;
/// Parts that are compared side by side.
const WIDE_PARTS: usize = 16;

/// A query as the scan wants it: normalised under Cosine, bits in words.
#[derive(Clone, Debug)]
pub(super) enum Prepared {
    F32(Vec<f32>),
    Bits { words: Vec<u64>, ones: u32, parts: Vec<u8> },
}

impl Prepared {
    pub(super) fn new(field: &VectorField, vector: &Vector) -> Self {
        match vector {
            Vector::F32(values) => Self::F32(normalised(field.metric, values)),
            Vector::Binary { bits } => {
                let words = to_words(bits);
                Self::Bits { ones: ones(&words), parts: parts(&words).collect(), words }
            }
        }
    }

    /// What a row's distance is at least, by its number of ones: under Jaccard of a and b ones no more than the fewer are
    /// in both, and no less than the more in either (Swamidass & Baldi, J. Chem. Inf. Model. 47 (2007) 302). Rounded as
    /// distances are, so that it is never above one.
    pub(super) fn least_distance(&self, metric: Metric, ones: u32) -> f32 {
        match self {
            Self::Bits { ones: own, .. } if metric == Metric::Jaccard => unshared(ones.min(*own), ones.max(*own)),
            _ => f32::NEG_INFINITY,
        }
    }
}

/// The vector as it is compared: brought to length 1 under Cosine.
pub(super) fn normalised(metric: Metric, values: &[f32]) -> Vec<f32> {
    if metric != Metric::Cosine {
        return values.to_vec();
    }
    // In f64, so that neither tiny nor huge components vanish or overflow when squared.
    let norm = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    values.iter().map(|value| (f64::from(*value) / norm) as f32).collect()
}

fn to_words(bits: &[u8]) -> Vec<u64> {
    let word = |bytes: &[u8]| {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(padded)
    };
    bits.chunks(8).map(word).collect()
}

fn ones(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

/// How many ones each part of a row has.
fn parts(words: &[u64]) -> impl Iterator<Item = u8> {
    words.chunks(PART).map(|part| ones(part) as u8)
}

/// Vectors one behind the other.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    F32 {
        dim: usize,
        data: Vec<f32>,
    },
    Bits {
        words: usize,
        data: Vec<u64>,
        ones: Vec<u32>,
        /// Of each row how many ones its parts have.
        parts: Vec<u8>,
    },
}

impl Rows {
    pub(super) fn new(field: &VectorField) -> Self {
        match field.kind {
            VectorKind::F32 => Self::F32 { dim: field.dim, data: Vec::new() },
            VectorKind::Binary => {
                let words = field.dim.div_ceil(64);
                Self::Bits { words, data: Vec::new(), ones: Vec::new(), parts: Vec::new() }
            }
        }
    }

    /// Adds a vector's bytes as they are stored: little-endian floats, or packed bits.
    pub(super) fn push(&mut self, metric: Metric, bytes: &[u8]) {
        match self {
            Self::F32 { data, .. } => {
                let values: Vec<f32> = floats(bytes).collect();
                data.extend_from_slice(&normalised(metric, &values));
            }
            Self::Bits { data, ones: counts, parts: part_counts, .. } => {
                let words = to_words(bytes);
                counts.push(ones(&words));
                part_counts.extend(parts(&words));
                data.extend_from_slice(&words);
            }
        }
    }

    /// Adds row `at` of other rows of the same field.
    pub(super) fn push_from(&mut self, other: &Self, at: usize) {
        match (self, other) {
            (Self::F32 { dim, data }, Self::F32 { data: from, .. }) => {
                data.extend_from_slice(&from[at * *dim..(at + 1) * *dim]);
            }
            (
                Self::Bits { words, data, ones, parts },
                Self::Bits { data: from, ones: counts, parts: part_counts, .. },
            ) => {
                data.extend_from_slice(&from[at * *words..(at + 1) * *words]);
                ones.push(counts[at]);
                let width = words.div_ceil(PART);
                parts.extend(part_counts.iter().skip(at * width).take(width));
            }
            _ => unreachable!("rows of one field are of one kind"),
        }
    }

    /// Row `at` as floats; empty for bits.
    pub(super) fn floats(&self, at: usize) -> &[f32] {
        match self {
            Self::F32 { dim, data } => &data[at * dim..(at + 1) * dim],
            Self::Bits { .. } => &[],
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        match self {
            Self::F32 { data, .. } => data.len() * 4,
            Self::Bits { data, .. } => data.len() * 8,
        }
    }

    /// How many ones row `at` has; 0 for floats.
    pub(super) fn ones(&self, at: usize) -> u32 {
        match self {
            Self::F32 { .. } => 0,
            Self::Bits { ones, .. } => ones[at],
        }
    }

    /// Calls `visit(row, distance)` for each of these rows that may be no farther than `bound`, which `visit` answers
    /// anew. Distances: smaller is nearer, see [`to_score`].
    pub(super) fn scan(
        &self,
        metric: Metric,
        query: &Prepared,
        rows: Range<usize>,
        mut bound: f32,
        mut visit: impl FnMut(usize, f32) -> f32,
    ) {
        let mut distances = [0.0; BLOCK];
        for start in rows.clone().step_by(BLOCK) {
            let distances = &mut distances[..BLOCK.min(rows.end - start)];
            // Few rows are left of most blocks; where many are, they are faster read one after the other.
            if bound < f32::INFINITY && self.least_distances(metric, query, start, distances) {
                let near = distances.iter().filter(|distance| **distance <= bound).count();
                if near * 4 < distances.len() {
                    for (at, least) in distances.iter().enumerate() {
                        if *least <= bound {
                            bound = visit(start + at, self.distance(metric, query, start + at));
                        }
                    }
                    continue;
                }
            }
            self.distances(metric, query, start, distances);
            for (at, distance) in distances.iter().enumerate() {
                bound = visit(start + at, *distance);
            }
        }
    }

    /// What the distances of these rows are at least, by what is known of their parts; `false` where nothing is.
    fn least_distances(&self, metric: Metric, query: &Prepared, start: usize, out: &mut [f32]) -> bool {
        match (self, query) {
            (Self::Bits { words, ones, parts, .. }, Prepared::Bits { ones: query_ones, parts: query, .. }) => {
                let width = words.div_ceil(PART);
                let parts = &parts[start * width..(start + out.len()) * width];
                Arch::new().dispatch(|| match metric {
                    Metric::Hamming => least_hamming(query, parts, out),
                    _ => least_jaccard(query, *query_ones, parts, &ones[start..], out),
                });
                true
            }
            _ => false,
        }
    }

    /// The distance of one row.
    pub(super) fn distance(&self, metric: Metric, query: &Prepared, at: usize) -> f32 {
        let mut distance = [0.0];
        self.distances(metric, query, at, &mut distance);
        distance[0]
    }

    fn distances(&self, metric: Metric, query: &Prepared, start: usize, out: &mut [f32]) {
        match (self, query) {
            (Self::F32 { dim, data }, Prepared::F32(query)) => {
                let rows = &data[start * dim..(start + out.len()) * dim];
                float_distances(metric, query, rows, out);
            }
            (Self::Bits { words, data, ones, .. }, Prepared::Bits { words: query, ones: query_ones, .. }) => {
                let rows = &data[start * words..(start + out.len()) * words];
                Arch::new().dispatch(|| match metric {
                    Metric::Hamming => hamming(query, rows, out),
                    _ => jaccard(query, *query_ones, rows, &ones[start..], out),
                });
            }
            _ => unreachable!("queries are checked against the field"),
        }
    }
}

/// Distances of rows of floats, one behind the other, to a query of the same dimension.
pub(super) fn float_distances(metric: Metric, query: &[f32], rows: &[f32], out: &mut [f32]) {
    Arch::new().dispatch(|| match metric {
        Metric::L2 => squared_l2(query, rows, out),
        _ => negative_dot(query, rows, out),
    });
}

#[inline(always)]
fn squared_l2(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = lanes(query, row, |a, b| (a - b) * (a - b));
    }
}

#[inline(always)]
fn negative_dot(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = -lanes(query, row, |a, b| a * b);
    }
}

#[inline(always)]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

#[inline(always)]
fn hamming(query: &[u64], rows: &[u64], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = count_ones(query, row, |a, b| a ^ b) as f32;
    }
}

#[inline(always)]
fn jaccard(query: &[u64], query_ones: u32, rows: &[u64], ones: &[u32], out: &mut [f32]) {
    for ((row, row_ones), out) in rows.chunks_exact(query.len()).zip(ones).zip(out) {
        let both = count_ones(query, row, |a, b| a & b);
        // |a ∨ b| from the counts saves every second popcount.
        *out = unshared(both, query_ones + row_ones - both);
    }
}

/// The bound of [`Prepared::least_distance`], taken part by part, which is closer: in both are no more ones than the sum,
/// over all parts, of the fewer. A sixteenth of the bytes tells that most rows are too far.
#[inline(always)]
fn least_jaccard(query: &[u8], query_ones: u32, parts: &[u8], ones: &[u32], out: &mut [f32]) {
    for ((row, row_ones), out) in parts.chunks_exact(query.len()).zip(ones).zip(out) {
        let both = sum_parts(query, row, u8::min);
        *out = unshared(both, query_ones + row_ones - both);
    }
}

/// The same under Hamming: parts of a and b ones differ in |a − b| bits at least.
#[inline(always)]
fn least_hamming(query: &[u8], parts: &[u8], out: &mut [f32]) {
    for (row, out) in parts.chunks_exact(query.len()).zip(out) {
        *out = sum_parts(query, row, u8::abs_diff) as f32;
    }
}

/// What is made of the ones of each pair of parts, added up.
#[inline(always)]
fn sum_parts(a: &[u8], b: &[u8], join: impl Fn(u8, u8) -> u8) -> u32 {
    let (a_blocks, a_rest) = a.as_chunks::<WIDE_PARTS>();
    let (b_blocks, b_rest) = b.as_chunks::<WIDE_PARTS>();
    let mut total = 0;
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        let mut sum = 0;
        for part in 0..WIDE_PARTS {
            sum += u16::from(join(a[part], b[part]));
        }
        total += u32::from(sum);
    }
    total + a_rest.iter().zip(b_rest).map(|(a, b)| u32::from(join(*a, *b))).sum::<u32>()
}

/// The share of the bits of either that not both have.
#[inline(always)]
fn unshared(both: u32, either: u32) -> f32 {
    if either == 0 { 0.0 } else { 1.0 - both as f32 / either as f32 }
}

/// Counts the bits of two rows joined word by word. Of each 2,048 bits three quarters go through a full adder first,
/// which leaves three counts to make of four: the first step of Muła, Kurz & Lemire, "Faster population counts using
/// AVX2 instructions", 2018. Their further steps cost more here than they save.
#[inline(always)]
fn count_ones(a: &[u64], b: &[u64], join: impl Fn(u64, u64) -> u64) -> u32 {
    let (a_blocks, a_rest) = a.as_chunks::<{ 4 * WIDE }>();
    let (b_blocks, b_rest) = b.as_chunks::<{ 4 * WIDE }>();
    let mut count = 0;
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        let mut ones = 0;
        for lane in 0..WIDE {
            let [x, y, z, rest] = [0, 1, 2, 3].map(|at| join(a[at * WIDE + lane], b[at * WIDE + lane]));
            let half = x ^ y;
            let (sum, carry) = (half ^ z, (x & y) | (half & z));
            ones += u64::from(sum.count_ones()) + 2 * u64::from(carry.count_ones()) + u64::from(rest.count_ones());
        }
        count += ones as u32;
    }
    count + a_rest.iter().zip(b_rest).map(|(a, b)| join(*a, *b).count_ones()).sum::<u32>()
}

/// The score that a distance stands for: similarities were negated so that smaller is always nearer.
pub(super) fn to_score(metric: Metric, distance: f32) -> f32 {
    // Adding zero turns the −0.0 of a negated zero into 0.0.
    if metric.larger_is_nearer() { 0.0 - distance } else { distance }
}

/// A score as a distance: the inverse of [`to_score`].
pub(super) fn to_distance(metric: Metric, score: f32) -> f32 {
    to_score(metric, score)
}

/// Little-endian floats, as vectors are stored.
pub(super) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// A vector as it is stored.
pub(super) fn to_bytes(vector: &Vector) -> Vec<u8> {
    match vector {
        Vector::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Vector::Binary { bits } => bits.clone(),
    }
}

/// A stored vector.
pub(super) fn from_bytes(kind: VectorKind, bytes: &[u8]) -> Vector {
    match kind {
        VectorKind::F32 => Vector::F32(floats(bytes).collect()),
        VectorKind::Binary => Vector::binary(bytes),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The formulas of [`Metric`]'s documentation, in f64, term by term.
    fn naive(metric: Metric, a: &Vector, b: &Vector) -> f64 {
        match (a, b) {
            (Vector::F32(a), Vector::F32(b)) => {
                let sum =
                    |term: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| term((*a).into(), (*b).into())).sum();
                let dot: f64 = sum(|a, b| a * b);
                let norms: f64 = sum(|a, _| a * a) * sum(|_, b| b * b);
                match metric {
                    Metric::L2 => sum(|a, b| (a - b) * (a - b)),
                    Metric::InnerProduct => dot,
                    _ => dot / norms.sqrt(),
                }
            }
            (Vector::Binary { bits: a }, Vector::Binary { bits: b }) => {
                let count =
                    |term: fn(u8, u8) -> u8| a.iter().zip(b).map(|(a, b)| term(*a, *b).count_ones()).sum::<u32>();
                match metric {
                    Metric::Hamming => count(|a, b| a ^ b).into(),
                    _ if count(|a, b| a | b) == 0 => 0.0,
                    _ => 1.0 - f64::from(count(|a, b| a & b)) / f64::from(count(|a, b| a | b)),
                }
            }
            _ => unreachable!(),
        }
    }

    fn check(field: &VectorField, query: Vector, rows: &[Vector]) -> Result<(), TestCaseError> {
        let mut stored = Rows::new(field);
        rows.iter().for_each(|row| stored.push(field.metric, &to_bytes(row)));
        let prepared = Prepared::new(field, &query);
        let mut seen = 0;
        let mut distances = Vec::new();
        stored.scan(field.metric, &prepared, 0..rows.len(), f32::INFINITY, |at, distance| {
            assert_eq!(at, seen);
            seen += 1;
            distances.push(distance);
            f32::INFINITY
        });
        prop_assert_eq!(seen, rows.len());
        let mut least = vec![f32::NEG_INFINITY; rows.len()];
        stored.least_distances(field.metric, &prepared, 0, &mut least);
        prop_assert!(least.iter().zip(&distances).all(|(least, distance)| least <= distance));
        // Those within a bound that some meet exactly, and that comes closer from half way on.
        let bounds = [distances[rows.len() / 3], distances[rows.len() / 2]];
        let bound_at = |at: usize| if at < rows.len() / 2 { bounds[0] } else { bounds[0].min(bounds[1]) };
        let mut near = Vec::new();
        stored.scan(field.metric, &prepared, 0..rows.len(), bounds[0], |at, distance| {
            if distance <= bound_at(at) {
                near.push(at);
            }
            bound_at(at)
        });
        let expected: Vec<usize> = (0..rows.len()).filter(|at| distances[*at] <= bound_at(*at)).collect();
        prop_assert_eq!(near, expected);
        for (at, (row, distance)) in rows.iter().zip(&distances).enumerate() {
            let (score, truth) = (f64::from(to_score(field.metric, *distance)), naive(field.metric, &query, row));
            prop_assert!((score - truth).abs() <= 1e-4 * truth.abs().max(1.0), "{score} for {truth}");
            prop_assert_eq!(stored.distance(field.metric, &prepared, at), *distance);
            prop_assert!(prepared.least_distance(field.metric, stored.ones(at)) <= *distance);
            prop_assert_eq!(&from_bytes(field.kind, &to_bytes(row)), row);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn float_distances_are_those_of_the_formulas(
            dim in 1usize..70,
            metric in prop::sample::select(vec![Metric::L2, Metric::InnerProduct, Metric::Cosine]),
            seed in prop::collection::vec(-10f32..10.0, 70 * 4),
        ) {
            let vector = |at: usize| {
                let mut values = seed[at * dim..(at + 1) * dim].to_vec();
                values[0] += 20.0;
                Vector::F32(values)
            };
            check(&VectorField::f32("v", dim, metric), vector(0), &[vector(1), vector(2), vector(3)])?;
        }

        #[test]
        fn bit_distances_are_those_of_the_formulas(
            bytes in 1usize..600,
            metric in prop::sample::select(vec![Metric::Hamming, Metric::Jaccard]),
            seed in prop::collection::vec(any::<u8>(), 600),
            rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 600), 2..5),
            // More rows than a block, so that the cut between blocks is crossed.
            copies in 60usize..90,
        ) {
            let cut = |row: &[u8]| Vector::binary(&row[..bytes]);
            let rows: Vec<Vector> = (0..copies).flat_map(|_| rows.iter().map(|row| cut(row))).collect();
            check(&VectorField::binary("v", bytes * 8, metric), cut(&seed), &rows)?;
        }
    }
}
