//! K-means: centres that samples gather around.

use bootcamp_core::Result;

use super::Analysis;
use super::distance::{Measure, Row, squared_to};
use super::parallel::blocks;
use crate::random::Random;

/// Rows whose sums are taken together: fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 4096;
/// As scikit-learn's `max_iter`.
const MAX_ROUNDS: usize = 300;

/// Where each row belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// Of each row, the nearest centre.
    pub labels: Vec<u32>,
    /// Of each row, the distance to that centre.
    pub distances: Vec<f32>,
    pub centres: Vec<Vec<f32>>,
}

/// What a block of rows says when each has chosen its centre.
struct Part {
    labels: Vec<u32>,
    squares: Vec<f32>,
    /// By centre: the sum of its rows, and their number.
    sums: Vec<(Vec<f64>, usize)>,
}

impl Analysis<'_> {
    /// Lloyd's k-means around at most `k` centres, from greedy k-means++ (Arthur & Vassilvitskii 2007, with several
    /// candidates for each centre as in scikit-learn), until no row changes its centre. Vectors are taken at length one
    /// if the cosine is the measure. Fewer than `k` centres come of fewer different vectors.
    ///
    /// # Errors
    /// When it was cancelled.
    pub(super) fn clusters(&self, k: usize, seed: u64) -> Result<Clusters> {
        let mut centres = self.first_centres(k, &mut Random::new(seed))?;
        let mut labels: Vec<u32> = Vec::new();
        let mut round = 0;
        loop {
            round += 1;
            self.watch.say(format!("clustering, round {round}"));
            let parts =
                blocks(self.vectors.len(), BLOCK, self.threads, self.watch, |rows| Ok(self.choose(rows, &centres)))?;
            let chosen: Vec<u32> = parts.iter().flat_map(|part| &part.labels).copied().collect();
            let settled = chosen == labels || round == MAX_ROUNDS;
            labels = chosen;
            if settled {
                let distances = parts.iter().flat_map(|part| &part.squares).map(|square| square.sqrt()).collect();
                return Ok(Clusters { labels, distances, centres });
            }
            for (at, centre) in centres.iter_mut().enumerate() {
                move_to_mean(centre, parts.iter().map(|part| &part.sums[at]));
            }
        }
    }

    fn choose(&self, rows: std::ops::Range<usize>, centres: &[Vec<f32>]) -> Part {
        let sums = vec![(vec![0.0; self.vectors.dim()], 0); centres.len()];
        let mut part = Part { labels: Vec::with_capacity(rows.len()), squares: Vec::with_capacity(rows.len()), sums };
        for index in rows {
            let row = self.scaled(index);
            let squares = centres.iter().map(|centre| squared_to(row, centre));
            let nearest = squares.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            let (label, square) = nearest.unwrap_or((0, 0.0));
            part.labels.push(label as u32);
            part.squares.push(square);
            if let Some((sum, count)) = part.sums.get_mut(label) {
                sum.iter_mut().zip(row.values).for_each(|(sum, x)| *sum += f64::from(x * row.scale));
                *count += 1;
            }
        }
        part
    }

    /// Rows far from each other: each next one is chosen with a likelihood that grows with the square of its distance to
    /// those before it; of some choices, the one that leaves all rows nearest to a centre.
    fn first_centres(&self, k: usize, random: &mut Random) -> Result<Vec<Vec<f32>>> {
        let count = self.vectors.len();
        let trials = 2 + (k.max(1) as f64).ln() as usize;
        let mut centres: Vec<Vec<f32>> = Vec::new();
        let mut squares = vec![f32::INFINITY; count];
        let mut next = (count > 0).then(|| random.below(count));
        while let Some(row) = next.filter(|_| centres.len() < k) {
            squares = self.nearer(row, &squares)?;
            centres.push(self.point(row));
            let total: f64 = squares.iter().copied().map(f64::from).sum();
            if total <= 0.0 {
                break;
            }
            let mut best: Option<(f64, usize)> = None;
            for _ in 0..trials {
                let row = at_share(&squares, random.share() * total);
                let left: f64 = self.nearer(row, &squares)?.into_iter().map(f64::from).sum();
                if best.is_none_or(|(least, _)| left < least) {
                    best = Some((left, row));
                }
            }
            next = best.map(|(_, row)| row);
        }
        Ok(centres)
    }

    /// The squared distances to the nearest centre when this row becomes one, too.
    fn nearer(&self, row: usize, squares: &[f32]) -> Result<Vec<f32>> {
        let centre = self.point(row);
        let parts = blocks(squares.len(), BLOCK, self.threads, self.watch, |rows| {
            Ok(rows.map(|other| squares[other].min(squared_to(self.scaled(other), &centre))).collect::<Vec<_>>())
        })?;
        Ok(parts.concat())
    }

    /// A row as the measure sees it: at length one for the cosine.
    fn scaled(&self, index: usize) -> Row<'_> {
        let row = self.row(index);
        match self.measure {
            Measure::Cosine => row,
            Measure::Euclidean => Row { scale: 1.0, ..row },
        }
    }

    pub(super) fn point(&self, index: usize) -> Vec<f32> {
        let row = self.scaled(index);
        row.values.iter().map(|x| x * row.scale).collect()
    }
}

/// A centre without rows stays where it is.
fn move_to_mean<'a>(centre: &mut [f32], parts: impl Iterator<Item = &'a (Vec<f64>, usize)>) {
    let mut sum = vec![0.0; centre.len()];
    let mut rows = 0;
    for (part, count) in parts {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        rows += count;
    }
    if rows > 0 {
        centre.iter_mut().zip(sum).for_each(|(x, sum)| *x = (sum / rows as f64) as f32);
    }
}

/// The row at which the sum of squares passes `share`.
fn at_share(squares: &[f32], share: f64) -> usize {
    let mut sum = 0.0;
    let passes = squares.iter().position(|square| {
        sum += f64::from(*square);
        sum > share
    });
    // Rounding may leave the sum a little short: the last row that counts.
    passes.or_else(|| squares.iter().rposition(|square| *square > 0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::fixtures::{clustered, rows};
    use super::*;

    #[test]
    fn clusters_are_found_whatever_the_seed() {
        let (vectors, watch) = (clustered(90, 9, 32), Watch::default());
        let analysis = Analysis::new(&vectors, Metric::L2, &watch).unwrap();
        for seed in 0..5 {
            let clusters = analysis.clusters(9, seed).unwrap();
            for row in 0..90 {
                assert_eq!(clusters.labels[row], clusters.labels[row % 9], "seed {seed}, row {row}");
            }
            let mean: f32 = (0..10).map(|n| vectors.row(n * 9)[3]).sum::<f32>() / 10.0;
            assert!((clusters.centres[clusters.labels[0] as usize][3] - mean).abs() < 1e-6);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let (vectors, watch) = (clustered(9000, 40, 8), Watch::default());
        let analysis = Analysis::new(&vectors, Metric::Cosine, &watch).unwrap();
        let with = |threads: usize| analysis.threads(NonZeroUsize::new(threads).unwrap()).clusters(7, 3).unwrap();
        let one = with(1);
        assert_eq!(one.centres.len(), 7);
        assert!(with(2) == one && with(5) == one);
    }

    #[test]
    fn there_are_no_more_centres_than_different_rows() {
        let watch = Watch::default();
        for (vectors, expected) in [(rows::<1>(&[]), 0), (rows(&[[2.0]; 4]), 1), (rows(&[[1.0], [2.0], [1.0]]), 2)] {
            let clusters = Analysis::new(&vectors, Metric::L2, &watch).unwrap().clusters(20, 1).unwrap();
            assert_eq!(clusters.centres.len(), expected);
            assert_eq!(clusters.distances, vec![0.0; vectors.len()]);
        }
    }

    #[test]
    fn shares_find_their_rows() {
        let squares = [0.0, 1.0, 0.0, 3.0, 0.0];
        assert_eq!([0.0, 0.9, 1.0, 3.9, 4.0].map(|share| at_share(&squares, share)), [1, 1, 3, 3, 3]);
        assert_eq!(at_share(&[], 1.0), 0);
    }
}
