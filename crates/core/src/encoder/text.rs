//! Texts through a model.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use ort::value::{Tensor, TensorElementType};

use super::classes::Classes;
use super::cutter::{Cutter, Role, Tokens};
use super::queue::{Queue, Work};
use super::session::{Expected, Files, Inputs, Tower};
use super::windows::Window;
use super::{EncoderOptions, runtime};
use crate::Result;
use crate::models::{ModelSpec, TextInputs, TextTower};

/// Tokens in one run, padding included: bounds memory. More of them are no faster.
const TOKENS: usize = 1024;

/// Encodes texts.
#[derive(Clone)]
pub struct TextEncoder {
    cutter: Arc<Cutter>,
    /// What comes before a query and before a passage; empty for most models.
    prefixes: [Arc<str>; 2],
    queue: Queue<Tokens>,
    /// What texts are expressed in, for a classifier of pictures.
    pub(super) classes: Option<Arc<Classes>>,
}

impl std::fmt::Debug for TextEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextEncoder").finish_non_exhaustive()
    }
}

impl TextEncoder {
    pub(super) fn load(
        model: &ModelSpec,
        tower: &TextTower,
        tokenizer: &Path,
        files: &Files,
        library: &Path,
        options: &EncoderOptions,
    ) -> Result<Self> {
        let cutter = Arc::new(Cutter::load(&model.name, tokenizer, tower.max_tokens)?);
        let inputs = expected(&tower.inputs);
        let loaded = Tower::load(&model.name, model.dim, &tower.output, files, &inputs, library, options)?;
        let work = TextWork::new(loaded, &tower.inputs, &cutter, options);
        let prefixes = [&tower.query_prefix, &tower.passage_prefix].map(|it| it.as_deref().unwrap_or_default().into());
        let queue = work.start("text", cutter.cut("", "word")?)?;
        Ok(Self { cutter, prefixes, queue, classes: None })
    }

    /// Tokenises a query, or a text that is compared with others of its kind; tokens beyond the model's limit are dropped,
    /// and [`Tokens::truncated`] says so.
    ///
    /// # Errors
    /// `InvalidInput` for a text without a word, or one of over [`MAX_TEXT`](super::MAX_TEXT) bytes.
    pub fn prepare(&self, text: &str) -> Result<Tokens> {
        self.prepare_as(Role::Query, text)
    }

    /// [`TextEncoder::prepare`] for either role: some models were trained with a prefix for each, which is put before the
    /// text here. For others, the role makes no difference.
    ///
    /// # Errors
    /// As [`TextEncoder::prepare`].
    pub fn prepare_as(&self, role: Role, text: &str) -> Result<Tokens> {
        self.cutter.cut(self.prefix(role), text)
    }

    /// A passage in parts that the model can take, each with its place in the text, in bytes. One that fits is one part.
    /// Of others, each part but the first begins about `overlap` tokens before the end of the previous one. Parts begin and
    /// end at words where a word boundary is near, else within one. Nothing but white space lies between or outside of
    /// them. Takes two passes over the text, however long it is. Each part is embedded after `lead` and a line's end, unless
    /// that is empty: the question that a passage answers, or its heading.
    ///
    /// # Errors
    /// `InvalidInput` for a text without a word, one of over [`MAX_TEXT`](super::MAX_TEXT) bytes, or an overlap of more
    /// than half of what the model takes beside the lead.
    pub fn windows(&self, lead: &str, text: &str, overlap: usize) -> Result<Vec<Window>> {
        let prefix = self.prefix(Role::Passage);
        match lead {
            "" => self.cutter.windows(prefix, text, overlap),
            lead => self.cutter.windows(&format!("{prefix}{lead}\n"), text, overlap),
        }
    }

    fn prefix(&self, role: Role) -> &str {
        let [query, passage] = &self.prefixes;
        match role {
            Role::Query => query,
            Role::Passage => passage,
        }
    }

    /// An embedding of dimension [`ModelSpec::dim`] for each text; texts of similar length share a batch. Waits while
    /// the queue is full.
    pub async fn embed(&self, texts: Vec<Tokens>) -> Result<Vec<Vec<f32>>> {
        Ok(self.expressed(self.queue.embed(texts).await?))
    }

    /// [`TextEncoder::embed`] for threads that may wait; panics on an async executor's.
    pub fn embed_blocking(&self, texts: Vec<Tokens>) -> Result<Vec<Vec<f32>>> {
        Ok(self.expressed(self.queue.embed_blocking(texts)?))
    }

    fn expressed(&self, vectors: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        match &self.classes {
            Some(classes) => vectors.iter().map(|vector| classes.mean(vector)).collect(),
            None => vectors,
        }
    }
}

/// A model that takes tokens, of single texts or of pairs.
pub(super) struct TextWork {
    tower: Tower,
    inputs: TextInputs,
    /// The token that shorter texts of a batch are filled up with. Masked, so any token would do.
    padding: u32,
    batch: usize,
}

impl TextWork {
    pub(super) fn new(tower: Tower, inputs: &TextInputs, cutter: &Cutter, options: &EncoderOptions) -> Self {
        Self { tower, inputs: inputs.clone(), padding: cutter.padding(), batch: options.batch }
    }

    /// The model's queue, once it has run for these tokens: better now than in the middle of an import.
    pub(super) fn start(mut self, name: &str, trial: Tokens) -> Result<Queue<Tokens>> {
        self.run(&[&trial])?;
        Queue::start(name, self)
    }
}

impl Work<Tokens> for TextWork {
    fn run(&mut self, items: &[&Tokens]) -> Result<Vec<Vec<f32>>> {
        // Without a mask, some models take the filling for text: only texts of one length share a run.
        let has_mask = self.inputs.mask.is_some();
        let mut vectors = Vec::with_capacity(items.len());
        for items in items.chunk_by(|a, b| has_mask || a.len() == b.len()) {
            let (inputs, mask) = tensors(&self.inputs, self.padding, items)?;
            vectors.extend(self.tower.run(inputs, items.len(), Some(&mask))?);
        }
        Ok(vectors)
    }

    fn size(item: &Tokens) -> usize {
        item.len()
    }

    fn batch(&self, size: usize) -> usize {
        self.tower.batch(self.batch.min(TOKENS / size.max(1)))
    }
}

/// The tensors that a tower takes.
pub(super) fn expected(inputs: &TextInputs) -> Vec<Expected<'_>> {
    let names = std::iter::once(&inputs.ids).chain(&inputs.mask).chain(&inputs.types);
    names.map(|name| Expected { name, element: TensorElementType::Int64, shape: vec![-1, -1] }).collect()
}

/// Some texts, filled up to the longest of them, and which of the tokens are not of the filling.
fn tensors<'a>(names: &'a TextInputs, padding: u32, texts: &[&Tokens]) -> Result<(Inputs<'a>, Vec<i64>)> {
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let shape = [texts.len(), longest];
    let filled = |of: &dyn Fn(&Tokens) -> Vec<i64>, filling: i64| {
        let mut all = Vec::with_capacity(shape[0] * shape[1]);
        for text in texts {
            let values = of(text);
            let missing = longest - values.len();
            all.extend(values);
            all.extend(std::iter::repeat_n(filling, missing));
        }
        all
    };
    let tensor = |values: Vec<i64>| {
        Tensor::from_array((shape, values))
            .map_err(|error| runtime::failed("cannot make a tensor of the tokens", error))
    };
    let ids = filled(&|text| text.ids().iter().map(|id| i64::from(*id)).collect(), i64::from(padding));
    let mask = filled(&|text| vec![1; text.len()], 0);
    let mut inputs: Inputs<'a> = vec![(Cow::from(&names.ids), tensor(ids)?.into())];
    if let Some(name) = &names.mask {
        inputs.push((Cow::from(name), tensor(mask.clone())?.into()));
    }
    if let Some(name) = &names.types {
        let types = filled(&|text| text.types().iter().map(|id| i64::from(*id)).collect(), 0);
        inputs.push((Cow::from(name), tensor(types)?.into()));
    }
    Ok((inputs, mask))
}
