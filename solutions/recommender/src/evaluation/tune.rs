//! Searches for hyper-parameters: seeded trials on a validation split, the first with what is best as far as is known.

use crate::model::random::Random;
use crate::model::{Algorithm, Parameters};

/// The parameters of a trial, from 0. The same number and seed give the same ones, so that a search can go on where it
/// stopped; the seed of training stays as it is.
pub fn trial(algorithm: Algorithm, base: &Parameters, seed: u64, number: usize) -> Parameters {
    let base = Parameters { algorithm, ..base.clone() };
    if number == 0 {
        return base;
    }
    let mut random = Random::of(seed, number as u64);
    match algorithm {
        Algorithm::Als => Parameters {
            factors: one_of(&mut random, &[16, 32, 64, 96, 128]),
            epochs: one_of(&mut random, &[8, 16, 24]),
            regularization: between(&mut random, 5e-4, 5e-2),
            unobserved: between(&mut random, 0.02, 2.0),
            confidence: one_of(&mut random, &[0.0, 0.0, 1.0, 3.0]),
            ..base
        },
        Algorithm::Bpr => Parameters {
            factors: one_of(&mut random, &[16, 32, 64, 128]),
            epochs: one_of(&mut random, &[30, 60, 100]),
            regularization: between(&mut random, 1e-3, 1e-1),
            learning_rate: between(&mut random, 1e-2, 2e-1),
            ..base
        },
        Algorithm::Ease => Parameters { regularization: between(&mut random, 10.0, 5000.0), ..base },
        Algorithm::ItemKnn => Parameters {
            neighbours: one_of(&mut random, &[20, 50, 100, 200, 400]),
            shrinkage: between(&mut random, 0.5, 200.0),
            ..base
        },
        Algorithm::Popularity => base,
    }
}

fn one_of<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[random.below(values.len())]
}

/// A number between two, its logarithm evenly distributed, with three digits: people want to type it.
fn between(random: &mut Random, least: f64, most: f64) -> f64 {
    let value = (least.ln() + random.share() * (most.ln() - least.ln())).exp();
    let digits = 10_f64.powf(2.0 - value.log10().floor());
    (value * digits).round() / digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_repeat_and_differ() {
        for algorithm in Algorithm::ALL {
            let base = Parameters::of(algorithm);
            let trials: Vec<Parameters> = (0..10).map(|number| trial(algorithm, &base, 5, number)).collect();
            assert_eq!(trials[0], base);
            assert_eq!(trials[7], trial(algorithm, &base, 5, 7));
            assert_eq!(trials.iter().any(|trial| *trial != base), algorithm != Algorithm::Popularity);
        }
        let number = between(&mut Random::new(1), 1e-3, 1e-1);
        assert!((1e-3..=1e-1).contains(&number) && number.to_string().len() < 9, "{number}");
    }
}
