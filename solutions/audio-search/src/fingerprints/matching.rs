//! Where two fingerprints lie on each other, and how sure it is that this is no chance.
//!
//! Of two different recordings, about half of the bits agree. How far from a half chance leads depends on how much the
//! fingerprints change: a drone says the same all the time, so that its many bits are worth few. On 546 sounds and tracks
//! of music (84 minutes), the share of different bits over `n` values spreads around 0.497 by `0.0369 × n^-¼ × c^-½`, `c`
//! being the share of bits that change from one value to the next: measured for 8 to 48 values and changes of 0.06 to
//! 0.17, within a tenth. An alignment's significance is its distance from chance in these units.

use std::collections::HashMap;

use bootcamp_core::audio::fingerprint::bit_error;

use super::windows::{HOP, WINDOW};

/// The share of different bits of two recordings that have nothing to do with each other.
const CHANCE: f64 = 0.497;
/// How far it spreads over one value of which every bit changes.
const SPREAD: f64 = 0.0369;
/// The least significance of the same recording. On the sounds above, of 1,320 queries of 5 s two found a wrong recording
/// with more than this.
const SIGNIFICANT: f64 = 5.5;
/// Comparisons there, for each of which chance has a try: with more of them, more is asked for.
const COMPARED: f64 = 200_000.0;
/// The fewest values that two recordings must have in common.
pub const LEAST_OVERLAP: usize = WINDOW;
/// Values around a candidate's offset that are tried.
const AROUND: i64 = 2;
/// The best candidates are compared as a whole.
const CANDIDATES: usize = 48;

/// A query's fingerprint on a stored one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// The stored value on which the query's first one lies; negative where the query begins earlier.
    pub offset: i64,
    /// Values that lie on each other.
    pub overlap: usize,
    /// The share of their bits that differ.
    pub error: f64,
    /// How far that is from chance.
    pub significance: f64,
}

/// 1 for the same bits, 0 for chance.
pub fn similarity(error: f64) -> f64 {
    (1.0 - error / CHANCE).max(0.0)
}

/// Whether an alignment is of the same recording, where so many stored vectors were searched with so many variants of a
/// query. Chance's best of n tries grows as √(2 ln n).
pub fn is_same(alignment: &Alignment, vectors: u64, variants: usize) -> bool {
    let compared = (vectors * (HOP * variants) as u64) as f64;
    let more = 2.0 * (compared / COMPARED).max(1.0).ln();
    alignment.significance >= (SIGNIFICANT * SIGNIFICANT + more).sqrt()
}

/// The best alignment near an offset. `stored` are the values of a stored fingerprint from `from` on.
pub fn align(query: &[u32], stored: &[u32], from: usize, about: i64) -> Option<Alignment> {
    let at = |offset: i64| {
        // Where both begin and end, in values of the stored fingerprint.
        let begin = offset.max(from as i64);
        let end = (offset + query.len() as i64).min((from + stored.len()) as i64);
        let overlap = usize::try_from(end - begin).ok().filter(|overlap| *overlap >= LEAST_OVERLAP)?;
        let own = &query[(begin - offset) as usize..][..overlap];
        let other = &stored[(begin - from as i64) as usize..][..overlap];
        let error = bit_error(own, other);
        let change = (change(own) * change(other)).sqrt();
        let spread = SPREAD * (overlap as f64).powf(-0.25) * change.max(1e-6).powf(-0.5);
        Some(Alignment { offset, overlap, error, significance: (CHANCE - error) / spread })
    };
    (about - AROUND..=about + AROUND).filter_map(at).max_by(|a, b| a.significance.total_cmp(&b.significance))
}

/// The share of bits that change from one value to the next.
pub fn change(values: &[u32]) -> f64 {
    bit_error(values.get(1..).unwrap_or_default(), values)
}

/// A vector of a query and a stored one that is near to it.
#[derive(Clone, Debug)]
pub struct Vote {
    pub source: String,
    /// Which variant of the query it is of.
    pub variant: usize,
    /// The stored value on which the query's first one would lie.
    pub offset: i64,
    /// The number of bits that differ.
    pub distance: f32,
}

/// Where a query may lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    pub source: String,
    pub variant: usize,
    pub offset: i64,
}

/// The candidates with the most votes, each weighing as much as it is nearer than chance. Votes for neighbouring offsets
/// are for the same, of which the best is taken.
pub fn candidates(votes: Vec<Vote>) -> Vec<Candidate> {
    let mut weights: HashMap<Candidate, f64> = HashMap::new();
    for Vote { source, variant, offset, distance } in votes {
        let weight = (16 * WINDOW) as f64 - f64::from(distance);
        *weights.entry(Candidate { source, variant, offset }).or_default() += weight;
    }
    let beside = |candidate: &Candidate, by: i64| {
        let other = Candidate { offset: candidate.offset + by, ..candidate.clone() };
        weights.get(&other).copied().unwrap_or_default()
    };
    let mut best: Vec<(Candidate, f64)> = weights
        .iter()
        .filter(|(candidate, weight)| **weight >= beside(candidate, 1) && **weight > beside(candidate, -1))
        .map(|(candidate, weight)| (candidate.clone(), weight + beside(candidate, 1) + beside(candidate, -1)))
        .collect();
    // By place where votes are equal, so that the same query gives the same answer.
    best.sort_by(|(a, x), (b, y)| {
        y.total_cmp(x).then_with(|| (&a.source, a.variant, a.offset).cmp(&(&b.source, b.variant, b.offset)))
    });
    best.truncate(CANDIDATES);
    best.into_iter().map(|(candidate, _)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of which about one bit in eight changes from one to the next, as in music.
    fn music(seed: u64, len: usize) -> Vec<u32> {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let mut value = next();
        (0..len)
            .map(|_| {
                value ^= next() & next() & next();
                value
            })
            .collect()
    }

    #[test]
    fn a_part_lies_where_it_was_taken_from() {
        let whole = music(1, 400);
        for (from, offset, query) in
            [(0, 100, &whole[100..130]), (90, 100, &whole[100..130]), (90, 101, &whole[101..120])]
        {
            let found = align(query, &whole[from..], from, offset + 1).unwrap();
            assert_eq!((found.offset, found.overlap, found.error), (offset, query.len(), 0.0));
            assert!(found.significance > 8.0 && is_same(&found, 1_000_000, 5), "{found:?}");
        }
        // The query begins before the recording, or goes on after it.
        let early = [music(2, 10), whole[..20].to_vec()].concat();
        let found = align(&early, &whole, 0, -10).unwrap();
        assert_eq!((found.offset, found.overlap), (-10, 20));
        let late = [whole[380..].to_vec(), music(3, 10)].concat();
        assert_eq!(align(&late, &whole, 0, 380).map(|found| found.overlap), Some(20));
        assert_eq!(align(&late, &whole, 0, 395), None, "too little in common");
    }

    #[test]
    fn chance_is_told_from_the_same_recording() {
        let (one, other) = (music(1, 4000), music(2, 4000));
        let query = &one[500..520];
        let best = (0..3900).filter_map(|about| align(query, &other, 0, about)).map(|found| found.significance);
        let best = best.fold(0.0, f64::max);
        assert!(best < SIGNIFICANT, "{best}");
        // One bit in five is wrong.
        let noisy: Vec<u32> =
            query.iter().zip(music(9, 20)).map(|(a, noise)| a ^ (noise & noise.rotate_left(7) & 0x7777_7777)).collect();
        let found = align(&noisy, &one, 0, 500).unwrap();
        assert!(found.error > 0.1 && is_same(&found, 10_000, 5), "{found:?}");
        assert!(!is_same(&Alignment { significance: 6.0, ..found }, 100_000_000, 5), "chance has many tries");
        let drone = vec![0x1234_5678; 200];
        assert!(!is_same(&align(&drone[..20], &drone, 0, 50).unwrap(), 1000, 1), "a drone is like every other one");
    }

    #[test]
    fn votes_for_one_place_count_together() {
        let vote = |source: &str, offset, distance| Vote { source: source.into(), variant: 0, offset, distance };
        let votes =
            vec![vote("a", 7, 20.0), vote("a", 8, 30.0), vote("a", 7, 25.0), vote("b", 3, 10.0), vote("a", 50, 60.0)];
        let found: Vec<_> = candidates(votes).into_iter().map(|one| (one.source, one.offset)).collect();
        assert_eq!(found, [("a".to_owned(), 7), ("b".to_owned(), 3), ("a".to_owned(), 50)]);
    }
}
