//! Every algorithm as a scorer of all items for a user, so that one evaluation measures all of them.

use bootcamp_core::Result;

use crate::model::cold::Cold;
use crate::model::fit::Progress;
use crate::model::linear::check_finite;
use crate::model::{Algorithm, Factors, Matrix, Parameters, Row, ease, popularity};

/// Scores all items.
pub trait Scorer: Send + Sync {
    /// The scores of all items for a user of the training side, who has this history there.
    fn score(&self, user: usize, history: Row<'_>, scores: &mut [f32]);
}

/// Trains an algorithm. Items without ratings get their vectors from `features`, where the algorithm has vectors.
///
/// # Errors
/// Those of the algorithm.
pub fn train(
    matrix: &Matrix,
    parameters: &Parameters,
    features: Option<&Factors>,
    progress: &dyn Progress,
) -> Result<Box<dyn Scorer>> {
    let vectors = |(users, mut items): (Factors, Factors)| -> Result<Box<dyn Scorer>> {
        if let Some(features) = features {
            let counts = matrix.counts();
            let known: Vec<usize> = (0..counts.len()).filter(|item| counts[*item] > 0).collect();
            let cold = Cold::train(features, &items, &known)?;
            for item in (0..counts.len()).filter(|item| counts[*item] == 0) {
                items.row_mut(item).copy_from_slice(&cold.vector(features.row(item)));
            }
        }
        Ok(Box::new(Vectors { users, items }))
    };
    Ok(match parameters.algorithm {
        Algorithm::Als => vectors(parameters.als().train(matrix, None, progress)?)?,
        Algorithm::Bpr => vectors(parameters.bpr().train(matrix, None, progress)?)?,
        Algorithm::Ease => {
            let weights = ease::train(matrix, parameters.regularization, progress)?;
            check_finite(&weights, "items")?;
            Box::new(Dense(weights))
        }
        Algorithm::ItemKnn => Box::new(Sparse(parameters.item_knn().train(matrix, progress)?)),
        Algorithm::Popularity => Box::new(Same(popularity::train(matrix))),
    })
}

/// Users and items as vectors.
struct Vectors {
    users: Factors,
    items: Factors,
}

impl Scorer for Vectors {
    fn score(&self, user: usize, _: Row<'_>, scores: &mut [f32]) {
        let x = self.users.row(user);
        for (item, score) in scores.iter_mut().enumerate() {
            *score = self.items.row(item).iter().zip(x).map(|(y, x)| y * x).sum();
        }
    }
}

/// Weights between all items.
struct Dense(Factors);

impl Scorer for Dense {
    fn score(&self, _: usize, history: Row<'_>, scores: &mut [f32]) {
        scores.fill(0.0);
        for (item, weight) in history.iter() {
            scores.iter_mut().zip(self.0.row(item)).for_each(|(score, value)| *score += weight * value);
        }
    }
}

/// Weights between some items.
struct Sparse(Matrix);

impl Scorer for Sparse {
    fn score(&self, _: usize, history: Row<'_>, scores: &mut [f32]) {
        scores.fill(0.0);
        for (item, weight) in history.iter() {
            self.0.row(item).iter().for_each(|(other, value)| scores[other] += weight * value);
        }
    }
}

/// The same scores for everybody.
struct Same(Vec<f32>);

impl Scorer for Same {
    fn score(&self, _: usize, _: Row<'_>, scores: &mut [f32]) {
        scores.copy_from_slice(&self.0);
    }
}
