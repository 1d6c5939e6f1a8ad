//! Text to tokens, as the model's author cuts it.

use std::borrow::Cow;
use std::path::Path;

use ort::value::{Tensor, TensorElementType};
use tokenizers::{Tokenizer, TruncationParams};

use super::session::{Expected, Files, Inputs, Tower};
use super::{EncoderOptions, runtime};
use crate::models::TextTower;
use crate::{Error, ErrorKind, Result};

/// The maximum size of a text in bytes, however little of it the model then uses.
pub const MAX_TEXT: usize = 1 << 20;

/// A text as the model takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    truncated: bool,
}

impl Tokens {
    /// How many there are, special ones included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Whether the text was longer than the model takes, and its end is not in the vector.
    pub fn truncated(&self) -> bool {
        self.truncated
    }
}

/// A tokeniser. Cheap to share between threads.
#[derive(Clone)]
pub(super) struct Cutter {
    tokenizer: Tokenizer,
    /// The padding token. It is masked, so any token would do.
    padding: u32,
}

impl Cutter {
    /// # Errors
    /// `InvalidInput` when the file is no tokenizer.
    pub(super) fn load(model: &str, file: &Path, max_tokens: usize) -> Result<Self> {
        let wrong = |error: tokenizers::Error| {
            Error::invalid(format!("model {model}: {} is not a tokenizer: {error}", file.display()))
                .with_hint("it must be a tokenizer.json of Hugging Face's tokenizers")
        };
        let mut tokenizer = Tokenizer::from_file(file).map_err(wrong)?;
        let padding = tokenizer.get_padding().map_or(0, |padding| padding.pad_id);
        // Batches are filled up here, each to its own longest text.
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(wrong)?;
        Ok(Self { tokenizer, padding })
    }

    /// # Errors
    /// `InvalidInput` for a text without a word, or one of over [`MAX_TEXT`] bytes.
    pub(super) fn cut(&self, text: &str) -> Result<Tokens> {
        if text.trim().is_empty() {
            return Err(Error::invalid("the text is empty").with_hint("give at least one word"));
        }
        if text.len() > MAX_TEXT {
            let message = format!("the text is {} bytes; the limit is {MAX_TEXT}", text.len());
            return Err(Error::invalid(message).with_hint("split it into paragraphs"));
        }
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot tokenise the text: {error}")))?;
        Ok(Tokens { truncated: !encoding.get_overflowing().is_empty(), ids: encoding.get_ids().to_vec() })
    }
}

/// The tensors that a text tower takes.
pub(super) fn expected(tower: &TextTower) -> Vec<Expected<'_>> {
    let inputs = &tower.inputs;
    let names = std::iter::once(&inputs.ids).chain(&inputs.mask).chain(&inputs.types);
    names.map(|name| Expected { name, element: TensorElementType::Int64, shape: vec![-1, -1] }).collect()
}

/// The vectors of some texts, filled up to the longest of them.
pub(super) fn run(tower: &mut Tower, spec: &TextTower, cutter: &Cutter, texts: &[&Tokens]) -> Result<Vec<Vec<f32>>> {
    let count = texts.len();
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let mut ids = Vec::with_capacity(count * longest);
    let mut mask = Vec::with_capacity(count * longest);
    for text in texts {
        let padding = longest - text.len();
        ids.extend(text.ids.iter().map(|id| i64::from(*id)));
        ids.extend(std::iter::repeat_n(i64::from(cutter.padding), padding));
        mask.extend(std::iter::repeat_n(1_i64, text.len()));
        mask.extend(std::iter::repeat_n(0_i64, padding));
    }
    let tensor = |values: Vec<i64>| {
        Tensor::from_array(([count, longest], values))
            .map_err(|error| runtime::failed("cannot make a tensor of the tokens", error))
    };
    let mut inputs: Inputs<'_> = vec![(Cow::from(&spec.inputs.ids), tensor(ids)?.into())];
    if let Some(name) = &spec.inputs.mask {
        inputs.push((Cow::from(name), tensor(mask.clone())?.into()));
    }
    if let Some(name) = &spec.inputs.types {
        inputs.push((Cow::from(name), tensor(vec![0; count * longest])?.into()));
    }
    tower.run(inputs, count, Some(&mask))
}

/// Loads a text tower.
pub(super) fn load(
    model: &str,
    dim: usize,
    spec: &TextTower,
    files: &Files,
    library: &Path,
    options: &EncoderOptions,
) -> Result<Tower> {
    Tower::load(model, dim, &spec.output, files, &expected(spec), library, options)
}
