//! A linear autoencoder between items in closed form: EASE^R (Steck, "Embarrassingly shallow autoencoders for sparse data",
//! WWW 2019). Its weights are one matrix of items by items, so it is for small catalogues.

use bootcamp_core::{Error, Result};
use rayon::prelude::*;

use super::factors::Factors;
use super::fit::{Progress, State, stopped};
use super::linear::Cholesky;
use super::matrix::Matrix;

/// The most items: the matrices take 20 bytes a pair of them, and the time grows with their cube.
pub const MAX_ITEMS: usize = 8_192;
/// Columns of the inverse that one thread computes. Fixed, so that the outcome is the same whatever the number of threads.
const BLOCK: usize = 64;

/// Weights: row `j` says what having item `j` adds to the score of each item. The diagonal is zero.
///
/// # Errors
/// `InvalidInput` for too many items, or a regularisation that is too small.
pub fn train(matrix: &Matrix, regularization: f64, progress: &dyn Progress) -> Result<Factors> {
    let items = matrix.columns();
    if items > MAX_ITEMS {
        return Err(Error::invalid(format!("EASE compares all items with each other: {items} are too many for it"))
            .with_hint(format!("it takes at most {MAX_ITEMS}; use --algorithm als")));
    }
    let mut gram = co_occurrences(matrix);
    (0..items).for_each(|item| gram[item * items + item] += regularization);
    let cholesky = Cholesky::new(&gram, items)?;
    drop(gram);
    let starts: Vec<usize> = (0..items).step_by(BLOCK).collect();
    let inverse: Vec<Vec<Vec<f64>>> = starts
        .par_iter()
        .map(|start| {
            if progress.is_stopped() {
                return Err(stopped());
            }
            Ok(cholesky.inverse(*start, items.min(start + BLOCK)))
        })
        .collect::<Result<_>>()?;
    // B = −P / diag(P) by columns, with a diagonal of zeros.
    let mut weights = Factors::zeros(items, items);
    for (item, column) in inverse.into_iter().flatten().enumerate() {
        let scale = -1.0 / column[item];
        for (other, value) in column.into_iter().enumerate().filter(|(other, _)| *other != item) {
            weights.row_mut(other)[item] = (value * scale) as f32;
        }
    }
    let state = State { epoch: 1, users: Factors::default(), items: Factors::default() };
    progress.epoch(&state, 1, 0.0)?;
    Ok(weights)
}

/// `XᵀX`, row by row.
fn co_occurrences(matrix: &Matrix) -> Vec<f64> {
    let (items, turned) = (matrix.columns(), matrix.transpose());
    let mut gram = vec![0.0_f64; items * items];
    gram.par_chunks_mut(items.max(1)).enumerate().for_each(|(item, row)| {
        for (user, weight) in turned.row(item).iter() {
            for (other, value) in matrix.row(user).iter() {
                row[other] += f64::from(weight) * f64::from(value);
            }
        }
    });
    gram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fit::Quiet;

    /// Of `|X − XB|² + λ|B|²` with a diagonal of zeros, the gradient off the diagonal is zero: `Xᵀ(XB − X) + λB`.
    #[test]
    fn the_weights_are_the_optimum() {
        let entries = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (2, 3), (3, 0), (3, 3), (4, 1)];
        let matrix = Matrix::new(5, 4, entries.map(|(user, item)| (user, item, 1.0 + (item % 2) as f32)));
        let weights = train(&matrix, 0.7, &Quiet).unwrap();
        let gram = co_occurrences(&matrix);
        for i in 0..4 {
            assert_eq!(weights.row(i)[i], 0.0);
            for j in (0..4).filter(|j| *j != i) {
                let product: f64 = (0..4).map(|k| gram[i * 4 + k] * f64::from(weights.row(k)[j])).sum();
                let gradient = product - gram[i * 4 + j] + 0.7 * f64::from(weights.row(i)[j]);
                assert!(gradient.abs() < 1e-5, "{i} {j}: {gradient}");
            }
        }
    }

    #[test]
    fn too_many_items_are_refused() {
        let error = train(&Matrix::new(1, MAX_ITEMS + 1, []), 1.0, &Quiet).unwrap_err();
        assert!(error.hint().unwrap().contains("--algorithm als"));
    }
}
