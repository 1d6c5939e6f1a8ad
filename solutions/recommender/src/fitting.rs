//! Fits a model to ratings, with checkpoints, and learns the rule for items without any.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bootcamp_core::{Error, ErrorKind, Fields, Result};
use bootcamp_kit::{Watch, hex};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::model::cold::Cold;
use crate::model::fit::{Progress, State, stopped};
use crate::model::linear::{check_finite, gram};
use crate::model::random::Random;
use crate::model::{Algorithm, Factors, Matrix, Parameters, ease, features};
use crate::moment;
use crate::ratings::{Duplicates, Liking, Ratings};
use crate::registry::{ModelInfo, to_bytes, to_bytes_64};
use crate::truth::catalogue::learned;
use crate::truth::load::Truth;

/// Items from which the rule for cold ones is learned, at most.
const LEARNED_FROM: usize = 50_000;
/// Items against which BPR folds newcomers in.
const OTHERS: usize = 64;
/// Numbers in the vectors of users, at most, where a vector has a place for each item.
const MAX_DENSE: usize = 200_000_000;

/// How a model is fitted.
#[derive(Clone, Debug)]
pub struct Fitting {
    pub parameters: Parameters,
    pub liking: Liking,
    /// Begins anew even where an interrupted training could go on.
    pub is_afresh: bool,
}

/// A model in memory.
#[derive(Debug)]
pub struct Fitted {
    pub users: Factors,
    pub items: Factors,
    /// Which items nobody likes: their vectors come from their facts.
    pub is_cold: Vec<bool>,
    pub cold: Option<Cold>,
    /// What folding in needs, by name.
    pub blobs: Vec<(&'static str, Vec<u8>)>,
    pub likes: usize,
    pub loss: Option<f64>,
    /// The epoch after which an interrupted training went on.
    pub resumed: usize,
}

impl Fitting {
    /// Blocking, on all cores.
    ///
    /// # Errors
    /// `InvalidInput` for parameters that lead nowhere, and when the watch says to stop; those of the file system.
    pub fn fit(&self, truth: &Truth, folder: &Path, watch: &Watch) -> Result<Fitted> {
        let matrix = truth.ratings.matrix(&self.liking);
        let checkpoint = Checkpoint::new(folder, self.fingerprint(&truth.ratings));
        let start = if self.is_afresh { None } else { checkpoint.load() };
        let resumed = start.as_ref().map_or(0, |state| state.epoch);
        watch.set_total(self.parameters.epochs as u64);
        watch.advance(resumed as u64);
        let reporter =
            Reporter { watch: watch.clone(), checkpoint, begun: Instant::now(), resumed, loss: Mutex::default() };
        let (users, mut items, blobs) = self.factors(&matrix, start, &reporter)?;
        let is_cold: Vec<bool> = matrix.counts().iter().map(|count| *count == 0).collect();
        let cold = self.learn_cold(truth, &items, &is_cold)?;
        if let Some(cold) = &cold {
            for (item, _) in is_cold.iter().enumerate().filter(|(_, is_cold)| **is_cold) {
                let facts = truth.items.get(&truth.ratings.items[item]);
                let vector = cold.vector(&learned(facts.unwrap_or(&Fields::new())));
                items.row_mut(item).copy_from_slice(&vector);
            }
        }
        let loss = reporter.loss.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Fitted { users, items, is_cold, cold, blobs, likes: matrix.len(), loss, resumed })
    }

    #[allow(clippy::type_complexity, reason = "read once, one line below")]
    fn factors(
        &self,
        matrix: &Matrix,
        start: Option<State>,
        progress: &Reporter,
    ) -> Result<(Factors, Factors, Vec<(&'static str, Vec<u8>)>)> {
        match self.parameters.algorithm {
            Algorithm::Als => {
                let (users, items) = self.parameters.als().train(matrix, start, progress)?;
                let gram = to_bytes_64(&gram(&items));
                Ok((users, items, vec![("gram", gram)]))
            }
            Algorithm::Bpr => {
                let (users, items) = self.parameters.bpr().train(matrix, start, progress)?;
                let mut random = Random::of(self.parameters.seed, 99);
                let others = (0..OTHERS).map(|_| random.below(items.rows()));
                let others: Vec<f32> = others.flat_map(|item| items.row(item).to_vec()).collect();
                Ok((users, items, vec![("others", to_bytes(&others))]))
            }
            Algorithm::Ease => {
                let numbers = matrix.rows().saturating_mul(matrix.columns());
                if numbers > MAX_DENSE {
                    return Err(Error::invalid(format!(
                        "with EASE a user's vector has a place for each item: {} users and {} items are too many",
                        matrix.rows(),
                        matrix.columns()
                    ))
                    .with_hint("use --algorithm als"));
                }
                let weights = ease::train(matrix, self.parameters.regularization, progress)?;
                check_finite(&weights, "items")?;
                Ok((dense(matrix), turned(&weights), Vec::new()))
            }
            other => Err(Error::new(ErrorKind::Unsupported, format!("{} has no vectors to serve", other.name()))
                .with_hint("use als, bpr or ease; evaluate compares all")),
        }
    }

    /// Learns how facts lead to vectors from the items that are liked.
    fn learn_cold(&self, truth: &Truth, items: &Factors, is_cold: &[bool]) -> Result<Option<Cold>> {
        let mut known: Vec<usize> = (0..items.rows()).filter(|item| !is_cold[*item]).collect();
        if known.is_empty() {
            return Ok(None);
        }
        if known.len() > LEARNED_FROM {
            Random::of(self.parameters.seed, 55).shuffle(&mut known);
            known.truncate(LEARNED_FROM);
        }
        let facts = known.iter().map(|item| truth.items.get(&truth.ratings.items[*item]));
        let vectors = facts.flat_map(|facts| learned(facts.unwrap_or(&Fields::new())));
        let inputs = Factors::new(features::DIM, vectors.collect());
        let outputs = known.iter().flat_map(|item| items.row(*item).to_vec()).collect();
        let outputs = Factors::new(items.dim(), outputs);
        let all: Vec<usize> = (0..known.len()).collect();
        Cold::train(&inputs, &outputs, &all).map(Some)
    }

    /// Of all that the outcome depends on.
    fn fingerprint(&self, ratings: &Ratings) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{:?} {:?}", self.parameters, self.liking));
        for name in ratings.users.iter().chain(&ratings.items) {
            hash.update(name);
            hash.update([0]);
        }
        for rating in &ratings.list {
            hash.update(rating.user.to_le_bytes());
            hash.update(rating.item.to_le_bytes());
            hash.update(rating.value.to_le_bytes());
        }
        hex(&hash.finalize())
    }

    /// What is known of the model.
    pub fn info(&self, truth: &Truth, model: &Fitted, duplicates: Duplicates, seconds: f64) -> ModelInfo {
        let now = moment::now();
        let mut blobs: std::collections::BTreeMap<String, usize> =
            model.blobs.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.len())).collect();
        if let Some(cold) = &model.cold {
            blobs.insert("cold".to_owned(), cold.weights().data().len() * 4);
        }
        let liked = model.is_cold.iter().filter(|is_cold| !**is_cold).count();
        ModelInfo {
            version: now.to_string(),
            created_at: now,
            is_whole: false,
            parameters: self.parameters.clone(),
            duplicates,
            liking: self.liking,
            users: truth.ratings.users.len(),
            items: liked,
            rated_items: truth.ratings.items.len(),
            cold: truth.items.len() - liked,
            ratings: truth.ratings.list.len(),
            likes: model.likes,
            dim: model.items.dim(),
            loss: model.loss,
            seconds,
            blobs,
        }
    }
}

/// Each row as a vector.
fn dense(matrix: &Matrix) -> Factors {
    let mut factors = Factors::zeros(matrix.rows(), matrix.columns());
    for (row, column, value) in matrix.iter() {
        factors.row_mut(row as usize)[column as usize] = value;
    }
    factors
}

/// Columns become rows.
fn turned(factors: &Factors) -> Factors {
    let mut turned = Factors::zeros(factors.dim(), factors.rows());
    for row in 0..factors.rows() {
        for (column, value) in factors.row(row).iter().enumerate() {
            turned.row_mut(column)[row] = *value;
        }
    }
    turned
}

/// Tells how the training goes, and keeps where it stands.
struct Reporter {
    watch: Watch,
    checkpoint: Checkpoint,
    begun: Instant,
    /// Epochs that were done before.
    resumed: usize,
    loss: Mutex<Option<f64>>,
}

impl Progress for Reporter {
    fn is_stopped(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn epoch(&self, state: &State, epochs: usize, loss: f64) -> Result<()> {
        let done = state.epoch.saturating_sub(self.resumed).max(1) as f64;
        let left = self.begun.elapsed().as_secs_f64() / done * (epochs - state.epoch) as f64;
        self.watch.advance(1);
        self.watch.say(format!("epoch {} of {epochs}, loss {loss:.4}, {left:.0} s left", state.epoch));
        *self.loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(loss);
        if state.epoch < epochs {
            self.checkpoint.save(state)?;
        }
        if self.is_stopped() { Err(stopped()) } else { Ok(()) }
    }
}
