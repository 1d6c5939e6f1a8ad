//! Dense linear algebra: Gram matrices in a fixed order of summation, and systems that are positive definite, by faer.

use bootcamp_core::{Error, ErrorKind, Result};
use faer::prelude::Solve;
use faer::{Mat, Side};
use pulp::Arch;
use rayon::prelude::*;

use super::factors::Factors;

/// Rows whose products are summed by one thread. Fixed, so that the sum is the same whatever the number of threads.
const BLOCK: usize = 1024;

/// `Σ yᵢyᵢᵀ` over all rows, a square matrix row by row, summed in f64.
pub fn gram(factors: &Factors) -> Vec<f64> {
    let dim = factors.dim();
    if dim == 0 {
        return Vec::new();
    }
    let of_block = |block: &[f32]| {
        let mut sum = vec![0.0_f64; dim * dim];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for row in block.chunks_exact(dim) {
                    add_outer(&mut sum, row, 1.0);
                }
            },
        );
        sum
    };
    let blocks: Vec<Vec<f64>> = factors.data().par_chunks(BLOCK * dim).map(of_block).collect();
    let mut total = vec![0.0; dim * dim];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, part)| *total += part);
    }
    mirror(&mut total, dim);
    total
}

/// Adds `weight · y yᵀ` to the lower triangle of a square matrix.
#[inline(always)]
pub fn add_outer(sum: &mut [f64], row: &[f32], weight: f64) {
    let dim = row.len();
    for at in 0..dim {
        let scale = weight * f64::from(row[at]);
        let to = &mut sum[at * dim..=at * dim + at];
        to.iter_mut().zip(row).for_each(|(to, value)| *to += scale * f64::from(*value));
    }
}

/// Copies the lower triangle to the upper one.
fn mirror(matrix: &mut [f64], dim: usize) {
    for row in 0..dim {
        for column in row + 1..dim {
            matrix[row * dim + column] = matrix[column * dim + row];
        }
    }
}

/// A positive definite matrix, decomposed by Cholesky; only its lower triangle is looked at.
pub struct Cholesky {
    dim: usize,
    decomposed: faer::linalg::solvers::Llt<f64>,
}

impl std::fmt::Debug for Cholesky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cholesky").field("dim", &self.dim).finish_non_exhaustive()
    }
}

impl Cholesky {
    /// # Errors
    /// `InvalidInput` when it is not positive definite: without regularisation, or with numbers beyond all measure.
    pub fn new(matrix: &[f64], dim: usize) -> Result<Self> {
        let matrix = Mat::from_fn(dim, dim, |row, column| matrix[row * dim + column]);
        let decomposed = matrix.llt(Side::Lower).map_err(|_| {
            Error::invalid("the equations have no single solution").with_hint("use a larger --regularization")
        })?;
        Ok(Self { dim, decomposed })
    }

    /// The solution for one right side.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let solution = self.decomposed.solve(Mat::from_fn(self.dim, 1, |row, _| right[row]));
        (0..self.dim).map(|row| solution[(row, 0)]).collect()
    }

    /// The inverse's columns `from..to`, each of them one vector. Blocks can be computed on several threads.
    pub fn inverse(&self, from: usize, to: usize) -> Vec<Vec<f64>> {
        let unit = Mat::from_fn(self.dim, to - from, |row, column| if row == from + column { 1.0 } else { 0.0 });
        let solution = self.decomposed.solve(unit);
        (0..to - from).map(|column| (0..self.dim).map(|row| solution[(row, column)]).collect()).collect()
    }
}

/// A number that is too large for a vector of 32-bit floats, or none at all, ends the training.
///
/// # Errors
/// `Internal`, with what may have led there.
pub fn check_finite(factors: &Factors, what: &str) -> Result<()> {
    if factors.is_finite() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("the vectors of {what} grew beyond all measure"))
        .with_hint("use a larger --regularization or a smaller --learning-rate"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::Random;

    fn random(rows: usize, dim: usize) -> Factors {
        let mut random = Random::new(3);
        Factors::new(dim, (0..rows * dim).map(|_| random.normal() as f32).collect())
    }

    #[test]
    fn a_gram_matrix_is_the_sum_of_products() {
        let factors = random(3000, 5);
        let gram = gram(&factors);
        for (i, j) in [(0, 0), (1, 4), (4, 1), (3, 2)] {
            let expected: f64 =
                (0..3000).map(|row| f64::from(factors.row(row)[i]) * f64::from(factors.row(row)[j])).sum();
            assert!((gram[i * 5 + j] - expected).abs() < 1e-6, "{i} {j}");
        }
    }

    #[test]
    fn systems_are_solved_and_inverted() {
        let factors = random(20, 6);
        let gram = gram(&factors);
        let cholesky = Cholesky::new(&gram, 6).unwrap();
        let right = [1.0, -2.0, 3.0, 0.0, 0.5, 1.0];
        let solution = cholesky.solve(&right);
        for row in 0..6 {
            let left: f64 = (0..6).map(|at| gram[row * 6 + at] * solution[at]).sum();
            assert!((left - right[row]).abs() < 1e-9);
        }
        let columns = [cholesky.inverse(0, 4), cholesky.inverse(4, 6)].concat();
        for (i, column) in columns.iter().enumerate() {
            for row in 0..6 {
                let product: f64 = (0..6).map(|at| gram[row * 6 + at] * column[at]).sum();
                assert!((product - f64::from(u8::from(i == row))).abs() < 1e-9);
            }
        }
        assert!(Cholesky::new(&[0.0; 4], 2).is_err());
    }
}
