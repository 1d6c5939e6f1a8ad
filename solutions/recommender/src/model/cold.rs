//! Vectors of items that nobody has rated, from their facts: a ridge regression from features to the vectors of those that
//! were (as in Gantner, Drumond, Freudenthaler, Rendle & Schmidt-Thieme, "Learning attribute-to-feature mappings for
//! cold-start recommendations", ICDM 2010).

use bootcamp_core::Result;

use super::factors::Factors;
use super::linear::{Cholesky, add_outer};

/// How much the weights are held small, per item: features are many, and items with the same ones differ.
const RIDGE: f64 = 0.02;

/// What turns features into a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Cold {
    /// One row a feature.
    weights: Factors,
}

impl Cold {
    /// Learns from the items whose numbers are in `known`: rows of `features` and of `factors` belong together.
    ///
    /// # Errors
    /// `InvalidInput` when the equations have no single solution.
    pub fn train(features: &Factors, factors: &Factors, known: &[usize]) -> Result<Self> {
        let (inputs, outputs) = (features.dim(), factors.dim());
        let mut left = vec![0.0_f64; inputs * inputs];
        let mut right = vec![0.0_f64; outputs * inputs];
        for item in known {
            let (input, output) = (features.row(*item), factors.row(*item));
            add_outer(&mut left, input, 1.0);
            for (at, value) in output.iter().enumerate() {
                let to = &mut right[at * inputs..(at + 1) * inputs];
                to.iter_mut().zip(input).for_each(|(to, x)| *to += f64::from(*value) * f64::from(*x));
            }
        }
        let ridge = RIDGE * known.len().max(1) as f64;
        (0..inputs).for_each(|at| left[at * inputs + at] += ridge);
        let cholesky = Cholesky::new(&left, inputs)?;
        let mut weights = Factors::zeros(inputs, outputs);
        for at in 0..outputs {
            let solution = cholesky.solve(&right[at * inputs..(at + 1) * inputs]);
            solution.into_iter().enumerate().for_each(|(input, value)| weights.row_mut(input)[at] = value as f32);
        }
        Ok(Self { weights })
    }

    /// As it was kept: one row a feature.
    pub fn new(weights: Factors) -> Self {
        Self { weights }
    }

    pub fn weights(&self) -> &Factors {
        &self.weights
    }

    /// The vector that an item with these features would have.
    pub fn vector(&self, features: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; self.weights.dim()];
        for (at, scale) in features.iter().enumerate().filter(|(_, scale)| **scale != 0.0) {
            super::kernel::add(&mut vector, *scale, self.weights.row(at));
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::Random;

    #[test]
    fn a_linear_rule_is_found() {
        let mut random = Random::new(2);
        let features = Factors::new(4, (0..400 * 4).map(|_| random.normal() as f32).collect());
        let rule = [[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5], [0.0, 0.0]];
        let mut factors = Factors::zeros(400, 2);
        for item in 0..400 {
            for at in 0..2 {
                factors.row_mut(item)[at] = (0..4).map(|f| features.row(item)[f] * rule[f][at]).sum();
            }
        }
        let known: Vec<usize> = (0..300).collect();
        let cold = Cold::train(&features, &factors, &known).unwrap();
        for item in 300..400 {
            let found = cold.vector(features.row(item));
            let expected = factors.row(item);
            assert!(
                found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.05 * (1.0 + b.abs())),
                "{found:?} {expected:?}"
            );
        }
    }
}
