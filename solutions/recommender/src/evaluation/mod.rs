//! How good the algorithms are, on ratings that they have not seen.
//!
//! All items that a user has not rated are ranked, never a sample of them: with sampled negatives the order of algorithms
//! is another one (Krichene & Rendle, "On sampled metrics for item recommendation", KDD 2020). Users may be sampled, which
//! costs accuracy that the intervals show.

pub mod metrics;
pub mod scorer;
pub mod split;
pub mod tune;

use std::time::Instant;

use bootcamp_core::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::fit::{Progress, stopped};
use crate::model::random::Random;
use crate::model::{Factors, Matrix, Parameters};
use crate::ratings::Liking;
use metrics::{DEPTH, Lists, Means, Measured, measure};
use scorer::Scorer;
use split::Split;

/// The most users that are measured; more are sampled.
pub const MAX_USERS: usize = 20_000;

/// How one algorithm did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    pub parameters: Parameters,
    /// By name, with a 95 % interval.
    pub metrics: Means,
    /// Of training.
    pub seconds: f64,
    /// Users that were measured.
    pub users: usize,
}

/// Trains on one side of a split and measures on the other. `features` are those of the items, where new ones shall be
/// known by them.
///
/// # Errors
/// Those of training; when `progress` says to stop.
pub fn evaluate(
    split: &Split,
    liking: &Liking,
    parameters: &Parameters,
    features: Option<&Factors>,
    progress: &dyn Progress,
) -> Result<Scored> {
    let liking = Liking { confidence: parameters.confidence as f32, ..*liking };
    let matrix = split.train.matrix(&liking);
    let start = Instant::now();
    let scorer = scorer::train(&matrix, parameters, features, progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let (metrics, users) = rank_all(&*scorer, split, &matrix, parameters.seed, progress)?;
    Ok(Scored { parameters: parameters.clone(), metrics, seconds, users })
}

/// Ranks all items for each user of the test side.
fn rank_all(
    scorer: &dyn Scorer,
    split: &Split,
    matrix: &Matrix,
    seed: u64,
    progress: &dyn Progress,
) -> Result<(Means, usize)> {
    let seen = split.seen();
    let mut users: Vec<usize> = (0..matrix.rows()).filter(|user| !split.test[*user].is_empty()).collect();
    if users.len() > MAX_USERS {
        Random::of(seed, 77).shuffle(&mut users);
        users.truncate(MAX_USERS);
        users.sort_unstable();
    }
    let measured: Vec<(Measured, Vec<u32>)> = users
        .par_iter()
        .map_init(
            || vec![0.0_f32; matrix.columns()],
            |scores, user| {
                if progress.is_stopped() {
                    return Err(stopped());
                }
                scorer.score(*user, matrix.row(*user), scores);
                Ok(measure(scores, seen.row(*user).at, &split.test[*user]))
            },
        )
        .collect::<Result<_>>()?;
    let lists = Lists {
        popularity: matrix.counts(),
        users: matrix.rows(),
        shown: measured.iter().map(|(_, list)| &list[..list.len().min(DEPTH)]).collect(),
        histories: users.iter().map(|user| matrix.row(*user).at).collect(),
    };
    let means = metrics::means(&measured, &lists, seed);
    Ok((means, users.len()))
}
