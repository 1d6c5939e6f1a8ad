//! The same list for everybody: what most users have. The baseline that a model must be worth more than.

use super::matrix::Matrix;

/// The score of each item: the share of users that have it.
pub fn train(matrix: &Matrix) -> Vec<f32> {
    let users = matrix.rows().max(1) as f32;
    matrix.counts().into_iter().map(|count| count as f32 / users).collect()
}
