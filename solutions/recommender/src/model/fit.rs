//! What every training reports and where it can stop.

use bootcamp_core::{Error, Result};

use super::factors::Factors;

/// A training between two epochs: all that the next one needs.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Epochs that are done.
    pub epoch: usize,
    pub users: Factors,
    pub items: Factors,
}

/// Watches a training, from other threads too.
pub trait Progress: Sync {
    /// Whether the training shall end, asked many times a second.
    fn is_stopped(&self) -> bool {
        false
    }

    /// An epoch is done, of so many.
    ///
    /// # Errors
    /// What ends the training.
    fn epoch(&self, state: &State, epochs: usize, loss: f64) -> Result<()>;
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Progress for Quiet {
    fn epoch(&self, _: &State, _: usize, _: f64) -> Result<()> {
        Ok(())
    }
}

/// The training was asked to stop.
pub fn stopped() -> Error {
    Error::invalid("the training was stopped")
}
