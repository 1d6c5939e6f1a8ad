//! What is true whatever a store says: exact scores in f64 by the definitions of the metrics, and data that is the
//! same on every machine and in every run.

use bootcamp_core::{Id, Metric, Record, Vector};

/// Numbers that look random and depend on the seed alone (splitmix64, Steele, Lea & Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// From −1 to below 1, in steps that a float holds exactly.
    pub fn unit(&mut self) -> f32 {
        (self.number() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// A vector with components from −1 to 1.
    pub fn floats(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.unit()).collect()
    }

    /// A binary vector with about a quarter of its bits set, as fingerprints have, and at least one.
    pub fn bits(&mut self, bits: usize) -> Vector {
        let mut bytes: Vec<u8> = (0..bits / 8).map(|_| (self.number() & self.number()) as u8).collect();
        if bytes.iter().all(|byte| *byte == 0) {
            bytes[0] = 1;
        }
        Vector::binary(bytes)
    }

    /// Vectors in clusters, as real ones come: a graph or lists of cells have something to find.
    pub fn clustered(&mut self, count: usize, dim: usize) -> Vec<Vec<f32>> {
        let centres: Vec<Vec<f32>> = (0..count.div_ceil(50)).map(|_| self.floats(dim)).collect();
        let mut near = |centre: &Vec<f32>| centre.iter().map(|x| x + 0.2 * self.unit()).collect();
        (0..count).map(|at| near(&centres[at % centres.len()])).collect()
    }
}

/// The score of two vectors by the metric's definition.
pub fn score(metric: Metric, a: &Vector, b: &Vector) -> f64 {
    match (a, b) {
        (Vector::F32(a), Vector::F32(b)) => f32_score(metric, a, b),
        (Vector::Binary { bits: a }, Vector::Binary { bits: b }) => bit_score(metric, a, b),
        _ => f64::NAN,
    }
}

fn f32_score(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum::<f64>();
    match metric {
        Metric::L2 => sum(|a, b| (a - b) * (a - b)),
        Metric::InnerProduct => sum(|a, b| a * b),
        Metric::Cosine => sum(|a, b| a * b) / (sum(|a, _| a * a).sqrt() * sum(|_, b| b * b).sqrt()),
        Metric::Hamming | Metric::Jaccard => f64::NAN,
    }
}

fn bit_score(metric: Metric, a: &[u8], b: &[u8]) -> f64 {
    let count = |joined: fn(u8, u8) -> u8| a.iter().zip(b).map(|(a, b)| joined(*a, *b).count_ones()).sum::<u32>();
    match metric {
        Metric::Hamming => f64::from(count(|a, b| a ^ b)),
        Metric::Jaccard => match count(|a, b| a | b) {
            0 => 0.0,
            either => 1.0 - f64::from(count(|a, b| a & b)) / f64::from(either),
        },
        _ => f64::NAN,
    }
}

/// All records that have the field, best first, equal scores in id order.
pub fn ranking<'a>(
    metric: Metric,
    records: impl IntoIterator<Item = &'a Record>,
    field: &str,
    query: &Vector,
) -> Vec<(Id, f64)> {
    let scored = |record: &Record| Some((record.id.clone()?, score(metric, record.vectors.get(field)?, query)));
    let mut all: Vec<(Id, f64)> = records.into_iter().filter_map(scored).collect();
    let key = |score: f64| if metric.larger_is_nearer() { -score } else { score };
    all.sort_by(|(id_a, a), (id_b, b)| key(*a).total_cmp(&key(*b)).then_with(|| id_a.cmp(id_b)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_definitions() {
        let (a, b) = (Vector::F32(vec![3.0, 4.0]), Vector::F32(vec![4.0, 3.0]));
        assert_eq!(score(Metric::L2, &a, &b), 2.0);
        assert_eq!(score(Metric::InnerProduct, &a, &b), 24.0);
        assert_eq!(score(Metric::Cosine, &a, &b), 24.0 / 25.0);
        let (a, b) = (Vector::binary([0b1110_0000]), Vector::binary([0b0111_0000]));
        assert_eq!(score(Metric::Hamming, &a, &b), 2.0);
        assert_eq!(score(Metric::Jaccard, &a, &b), 0.5);
        let empty = Vector::binary([0]);
        assert_eq!(score(Metric::Jaccard, &empty, &empty), 0.0);
    }
}
