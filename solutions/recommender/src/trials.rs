//! Trials of hyper-parameters, kept with the models: a search that was interrupted goes on, and training can use the best.

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::{Context, hex};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::evaluation::Scored;
use crate::model::{Algorithm, Parameters};
use crate::registry::Registry;

const KIND: &str = "trial";

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was measured on: the ratings, the split, what counts.
    pub setting: String,
    /// The metric that decides.
    pub metric: String,
    /// Milliseconds since 1970.
    pub at: i64,
    pub scored: Scored,
}

impl Trial {
    /// The metric that decides.
    pub fn value(&self) -> f64 {
        self.scored.metrics.get(&self.metric).map_or(0.0, |mean| mean.value)
    }
}

/// The id of a trial: of the same parameters in the same setting there is one.
fn id(setting: &str, parameters: &Parameters) -> String {
    format!("trial/{}", &hex(format!("{setting} {}", json!(parameters)).as_bytes())[..20])
}

/// A trial that was made before.
///
/// # Errors
/// Those of the store.
pub async fn find(registry: &Registry, setting: &str, parameters: &Parameters) -> Result<Option<Trial>> {
    registry.body(&id(setting, parameters)).await
}

/// Keeps a trial.
///
/// # Errors
/// Those of the store.
pub async fn keep(registry: &Registry, trial: &Trial) -> Result<()> {
    registry.put(&id(&trial.setting, &trial.scored.parameters), KIND, json!(trial)).await
}

/// The best parameters of an algorithm in the setting that was tried last.
///
/// # Errors
/// `NotFound` before `tune`.
pub async fn best(context: &Context, algorithm: Algorithm) -> Result<Parameters> {
    let mut trials: Vec<Trial> = Registry::new(context).bodies(KIND).await?;
    trials.retain(|trial| trial.scored.parameters.algorithm == algorithm);
    let last = trials.iter().max_by_key(|trial| trial.at).map(|trial| (trial.setting.clone(), trial.metric.clone()));
    let of_last = trials.into_iter().filter(|trial| {
        last.as_ref().is_some_and(|(setting, metric)| (&trial.setting, &trial.metric) == (setting, metric))
    });
    let best = of_last.max_by(|a, b| a.value().total_cmp(&b.value()));
    best.map(|trial| trial.scored.parameters).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("{} was not tuned yet", algorithm.name()))
            .with_hint(format!("run: recommender tune --algorithm {}", algorithm.name()))
    })
}
