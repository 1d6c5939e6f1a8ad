//! Pairs of texts through a model that reads both at once: slower than comparing vectors, and a finer judge of what
//! answers a question.

use std::path::Path;
use std::sync::Arc;

use super::EncoderOptions;
use super::cutter::{Cutter, Pair, Tokens};
use super::queue::Queue;
use super::session::{Files, Tower};
use super::text::{TextWork, expected};
use crate::models::{Output, PairTower, Pooling};
use crate::{Error, Result};

/// Scores texts for a query.
#[derive(Clone)]
pub struct PairEncoder {
    cutter: Arc<Cutter>,
    queue: Queue<Tokens>,
    sigmoid: bool,
}

impl std::fmt::Debug for PairEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairEncoder").field("sigmoid", &self.sigmoid).finish_non_exhaustive()
    }
}

impl PairEncoder {
    pub(super) fn load(
        model: &str,
        tower: &PairTower,
        tokenizer: &Path,
        files: &Files,
        library: &Path,
        options: &EncoderOptions,
    ) -> Result<Self> {
        let cutter = Arc::new(Cutter::load(model, tokenizer, tower.max_tokens)?);
        let special = cutter.special(true);
        // One token of each text at least.
        if special + 2 > tower.max_tokens {
            let message = format!(
                "model {model}: {} puts {special} tokens of its own into every pair; max_tokens, {}, leaves no room for two \
                 texts",
                tokenizer.display(),
                tower.max_tokens
            );
            return Err(Error::invalid(message).with_hint("correct max_tokens in the manifest"));
        }
        // A score is a vector of one number.
        let output = Output { tensor: tower.output.tensor.clone(), pooling: Pooling::None, normalise: false };
        let loaded = Tower::load(model, 1, &output, files, &expected(&tower.inputs), library, options)?;
        let work = TextWork::new(loaded, &tower.inputs, &cutter, options);
        let queue = work.start("pairs", cutter.pair("word", "word")?.0)?;
        Ok(Self { cutter, queue, sigmoid: tower.output.sigmoid })
    }

    /// Tokenises a query and a text. Where both together are longer than the model takes, the end of the passage is left
    /// out, and the end of a query only where that alone takes more than half; [`Pair::truncated`] says so.
    ///
    /// # Errors
    /// `InvalidInput` when either has no word or over [`MAX_TEXT`](super::MAX_TEXT) bytes.
    pub fn prepare(&self, query: &str, passage: &str) -> Result<Pair> {
        self.cutter.pair(query, passage)
    }

    /// A score for each pair: higher is better. Between 0 and 1 where the manifest says `sigmoid`, any number otherwise.
    /// Pairs of similar length share a batch. Waits while the queue is full.
    pub async fn score(&self, pairs: Vec<Pair>) -> Result<Vec<f32>> {
        Ok(self.scores(self.queue.embed(tokens(pairs)).await?))
    }

    /// [`PairEncoder::score`] for threads that may wait; panics on an async executor's.
    pub fn score_blocking(&self, pairs: Vec<Pair>) -> Result<Vec<f32>> {
        Ok(self.scores(self.queue.embed_blocking(tokens(pairs))?))
    }

    fn scores(&self, vectors: Vec<Vec<f32>>) -> Vec<f32> {
        let logits = vectors.into_iter().flatten();
        if self.sigmoid { logits.map(|logit| 1.0 / (1.0 + (-logit).exp())).collect() } else { logits.collect() }
    }
}

fn tokens(pairs: Vec<Pair>) -> Vec<Tokens> {
    pairs.into_iter().map(|pair| pair.0).collect()
}
