//! Which algorithm, and its parameters: from flags, from a trial, and back to JSON, so that a model says how it was made.

use bootcamp_core::{Error, Result};
use bootcamp_kit::{OptionValue, Options, ProgramOption};
use serde::{Deserialize, Serialize};

use super::als::{Als, Solver};
use super::bpr::Bpr;
use super::item_knn::ItemKnn;

/// Steps of conjugate gradients in a half-step.
const STEPS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    Als,
    Bpr,
    Ease,
    ItemKnn,
    Popularity,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Als, Self::Bpr, Self::Ease, Self::ItemKnn, Self::Popularity];

    pub fn name(self) -> &'static str {
        match self {
            Self::Als => "als",
            Self::Bpr => "bpr",
            Self::Ease => "ease",
            Self::ItemKnn => "item-knn",
            Self::Popularity => "popularity",
        }
    }

    /// # Errors
    /// `InvalidInput` with the names that there are.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|algorithm| algorithm.name()).collect();
            Error::invalid(format!("there is no algorithm '{name}'"))
                .with_hint(format!("there is {}", names.join(", ")))
        })
    }
}

/// The parameters of all algorithms; each reads its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    pub algorithm: Algorithm,
    pub factors: usize,
    pub epochs: usize,
    pub regularization: f64,
    /// ALS: the weight of pairs that were not observed.
    pub unobserved: f64,
    /// ALS: how the regularisation grows with the number of observations.
    pub frequency: f64,
    /// ALS: whether half-steps are solved exactly.
    pub exact: bool,
    /// BPR.
    pub learning_rate: f64,
    /// Item-kNN.
    pub neighbours: usize,
    /// Item-kNN.
    pub shrinkage: f64,
    /// How much more the best value weighs than one near zero; 0: all alike.
    pub confidence: f64,
    pub seed: u64,
}

impl Parameters {
    /// What is best, as far as is known, before anybody has tuned it.
    pub fn of(algorithm: Algorithm) -> Self {
        let base = Self {
            algorithm,
            factors: 64,
            epochs: 16,
            regularization: 0.007,
            unobserved: 0.3,
            frequency: 1.0,
            exact: false,
            learning_rate: 0.05,
            neighbours: 200,
            shrinkage: 20.0,
            confidence: 0.0,
            seed: 1,
        };
        match algorithm {
            Algorithm::Als => base,
            Algorithm::Bpr => Self { epochs: 60, regularization: 0.01, ..base },
            Algorithm::Ease => Self { epochs: 1, regularization: 200.0, ..base },
            Algorithm::ItemKnn | Algorithm::Popularity => Self { epochs: 1, ..base },
        }
    }

    /// Those of the options [`OPTIONS`]; what is not chosen is as in [`Parameters::of`].
    pub fn chosen(algorithm: Algorithm, options: &Options) -> Self {
        let base = Self::of(algorithm);
        let number = |name: &str, base: f64| options.number(name).unwrap_or(base);
        let count = |name: &str, base: usize| options.number(name).map_or(base, |number| number as usize);
        Self {
            factors: count("factors", base.factors),
            epochs: count("epochs", base.epochs),
            regularization: number("regularization", base.regularization),
            unobserved: number("unobserved", base.unobserved),
            frequency: number("frequency", base.frequency),
            exact: options.get("solver") == Some("cholesky"),
            learning_rate: number("learning-rate", base.learning_rate),
            neighbours: count("neighbours", base.neighbours),
            shrinkage: number("shrinkage", base.shrinkage),
            confidence: number("confidence", base.confidence),
            seed: count("seed", base.seed as usize) as u64,
            algorithm,
        }
    }

    pub fn als(&self) -> Als {
        let Self { factors, epochs, regularization, unobserved, frequency, seed, .. } = *self;
        let solver = if self.exact { Solver::Cholesky } else { Solver::Gradients(STEPS) };
        Als { factors, epochs, regularization, unobserved, frequency, solver, seed }
    }

    pub fn bpr(&self) -> Bpr {
        let Self { factors, epochs, learning_rate, regularization, seed, .. } = *self;
        Bpr { factors, epochs, learning_rate, regularization, seed }
    }

    pub fn item_knn(&self) -> ItemKnn {
        ItemKnn { neighbours: self.neighbours, shrinkage: self.shrinkage }
    }

    /// What differs between trials, for people: `factors 64, regularization 0.007`.
    pub fn shown(&self) -> String {
        let Self { factors, epochs, regularization, unobserved, learning_rate, neighbours, shrinkage, .. } = self;
        match self.algorithm {
            Algorithm::Als => format!(
                "{factors} factors, {epochs} epochs, regularization {regularization}, unobserved {unobserved}, confidence {}",
                self.confidence
            ),
            Algorithm::Bpr => format!(
                "{factors} factors, {epochs} epochs, regularization {regularization}, learning rate {learning_rate}"
            ),
            Algorithm::Ease => format!("regularization {regularization}"),
            Algorithm::ItemKnn => format!("{neighbours} neighbours, shrinkage {shrinkage}"),
            Algorithm::Popularity => String::new(),
        }
    }
}

const fn number(name: &'static str, env: &'static str, help: &'static str, least: f64, most: f64) -> ProgramOption {
    ProgramOption::new(name, env, help, OptionValue::Number { least, most })
}

/// Parameters as options of `train`, `evaluate` and `tune`.
pub const FACTORS: ProgramOption =
    number("factors", "BOOTCAMP_FACTORS", "Numbers in a vector of als and bpr [default: 64]", 1.0, 1024.0);
pub const EPOCHS: ProgramOption =
    number("epochs", "BOOTCAMP_EPOCHS", "Passes over the ratings [default: als 16, bpr 60]", 1.0, 10_000.0);
pub const REGULARIZATION: ProgramOption = number(
    "regularization",
    "BOOTCAMP_REGULARIZATION",
    "How small vectors and weights are held [default: als 0.007, bpr 0.01, ease 200]",
    1e-9,
    1e9,
);
pub const UNOBSERVED: ProgramOption = number(
    "unobserved",
    "BOOTCAMP_UNOBSERVED",
    "als: the weight of pairs without a rating, beside 1 of those with one [default: 0.3]",
    0.0,
    100.0,
);
pub const FREQUENCY: ProgramOption = number(
    "frequency",
    "BOOTCAMP_FREQUENCY",
    "als: how the regularization grows with a row's ratings, 1 in proportion, 0 not at all [default: 1]",
    0.0,
    2.0,
);
pub const LEARNING_RATE: ProgramOption =
    number("learning-rate", "BOOTCAMP_LEARNING_RATE", "bpr: the length of a step [default: 0.05]", 1e-6, 10.0);
pub const CONFIDENCE: ProgramOption = number(
    "confidence",
    "BOOTCAMP_CONFIDENCE",
    "als, ease, item-knn: how much more the largest value weighs than one near zero; 0: all alike [default: 0]",
    0.0,
    1000.0,
);
pub const SEED: ProgramOption =
    number("seed", "BOOTCAMP_SEED", "The same seed gives the same outcome [default: 1]", 0.0, 4_294_967_295.0);
pub const SOLVER: ProgramOption = ProgramOption::new(
    "solver",
    "BOOTCAMP_SOLVER",
    "als: conjugate gradients (faster) or Cholesky (exact in each half-step)",
    OptionValue::OneOf(&["cg", "cholesky"]),
);
pub const NEIGHBOURS: ProgramOption =
    number("neighbours", "BOOTCAMP_NEIGHBOURS", "item-knn: neighbours of an item that count [default: 200]", 1.0, 1e6);
pub const SHRINKAGE: ProgramOption = number(
    "shrinkage",
    "BOOTCAMP_SHRINKAGE",
    "item-knn: damps similarities that rest on few users [default: 20]",
    0.0,
    1e9,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_change_what_they_name_and_nothing_else() {
        const KNOWN: &[ProgramOption] = &[FACTORS, REGULARIZATION, SOLVER, SEED];
        let options = Options::of(KNOWN, [("factors", "8"), ("solver", "cholesky"), ("seed", "7")]).unwrap();
        let chosen = Parameters::chosen(Algorithm::Als, &options);
        let expected = Parameters { factors: 8, exact: true, seed: 7, ..Parameters::of(Algorithm::Als) };
        assert_eq!(chosen, expected);
        assert_eq!(chosen.als().solver, Solver::Cholesky);
    }

    #[test]
    fn algorithms_are_known_by_their_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()).unwrap(), algorithm);
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
        }
        assert!(Algorithm::named("svd").unwrap_err().hint().unwrap().contains("item-knn"));
    }
}
