//! Embeddings of pictures, sounds and text with ONNX Runtime: models run on their own threads, behind bounded queues.
//!
//! ```no_run
//! # use bootcamp_core::encoder::{Encoder, EncoderOptions};
//! # use bootcamp_core::models::{ModelSettings, Registry};
//! # use bootcamp_core::picture::{Limits, Picture};
//! # fn main() -> bootcamp_core::Result<()> {
//! let registry = Registry::open(ModelSettings::from_env(|name| std::env::var(name).ok())?)?;
//! let encoder = Encoder::open(&registry, "sscd-distilled", &EncoderOptions::default(), &|_| {})?;
//! let pictures = encoder.pictures()?;
//! let picture = Picture::read("cat.jpg".as_ref(), &Limits::default())?;
//! let vectors = pictures.embed_blocking(vec![pictures.prepare(&picture)?])?;
//! assert_eq!(vectors[0].len(), encoder.spec().dim);
//! # Ok(())
//! # }
//! ```
//!
//! The caller prepares inputs (decoding, resizing, spectra, tokenising) on as many threads as it likes; only the model
//! itself runs behind the queue. [`runtime`] loads the library, [`session`] a model, [`cut`] takes off a classifier's
//! head, [`words`] asks such a model in words, as [`classes`]; [`weights`] finds those that lie in a file of their own,
//! [`queue`] makes batches, [`cutter`] makes tokens of texts, [`windows`] of long ones, [`pieces`] reads a tokenizer from
//! among weights. [`text`] and [`pairs`] are what takes tokens, [`audio`] what takes sounds, through the front end [`mel`].

mod audio;
mod classes;
mod cut;
mod cutter;
mod mel;
mod pairs;
mod pictures;
mod pieces;
mod queue;
mod runtime;
mod session;
mod text;
mod weights;
mod windows;
mod wire;
mod words;

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::models::{FetchProgress, ModelSpec, PictureTower, Registry};
use crate::picture::{Picture, Pixels, prepare};
use crate::{Error, ErrorKind, Result};
pub use audio::{AudioEncoder, Frames, SoundWindow, SoundWindows};
pub use cutter::{MAX_TEXT, Pair, Role, Tokens};
pub use pairs::PairEncoder;
use queue::{Queue, Work};
use session::{Files, Tower};
pub use text::TextEncoder;
pub use windows::Window;
use words::Words;

/// How a model is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderOptions {
    /// The number of threads of a model; 0 for all cores.
    pub threads: usize,
    /// Items in one run, where the model's file does not fix it.
    pub batch: usize,
    pub device: Device,
    /// Whether idle threads of a model keep a core busy waiting for work: a little faster alone on the machine, a
    /// waste where anything else wants the core.
    pub spin: bool,
}

impl Default for EncoderOptions {
    /// All cores, and batches of 16: larger batches are no faster on CPUs (`make bench-encode`).
    fn default() -> Self {
        Self { threads: 0, batch: 16, device: Device::default(), spin: false }
    }
}

impl EncoderOptions {
    fn threads(&self) -> usize {
        if self.threads > 0 { self.threads } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// The device that runs a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Cpu,
    /// An NVIDIA card, where the library given by `ORT_DYLIB_PATH` was built for it; the processor otherwise, with a
    /// warning in the log.
    Cuda,
}

/// A model, loaded. Cheap to clone; the model goes when the last clone does.
#[derive(Clone)]
pub struct Encoder {
    spec: Arc<ModelSpec>,
    pictures: Option<PictureEncoder>,
    sounds: Option<AudioEncoder>,
    text: Option<TextEncoder>,
    words: Option<Arc<Words>>,
    pairs: Option<PairEncoder>,
    /// What the other models take, for the error of what this one does not.
    others: Arc<[(String, Takes)]>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("model", &self.spec.name).finish_non_exhaustive()
    }
}

impl Encoder {
    /// Loads a model with all its towers; what is not in the cache is fetched first. Takes seconds, or minutes when it
    /// fetches: not for an async executor's thread.
    ///
    /// # Errors
    /// `NotFound` for an unknown model, the registry's when a file cannot be fetched, `InvalidInput` when a file is not
    /// what the manifest says.
    pub fn open(
        registry: &Registry,
        model: &str,
        options: &EncoderOptions,
        on_progress: &(dyn Fn(&FetchProgress<'_>) + Send + Sync),
    ) -> Result<Self> {
        let spec = Arc::new(registry.get(model)?.clone());
        let library = registry.runtime(on_progress)?;
        let pictures = match &spec.picture {
            Some(tower) => {
                let files = Files::find(registry, &tower.file, tower.weights.as_ref(), on_progress)?;
                Some(PictureEncoder::load(&spec, tower, &files, &library, options)?)
            }
            None => None,
        };
        let sounds = match &spec.audio {
            Some(tower) => {
                let files = Files::find(registry, &tower.file, tower.weights.as_ref(), on_progress)?;
                Some(AudioEncoder::load(&spec, tower, &files, &library, options)?)
            }
            None => None,
        };
        let text = match &spec.text {
            Some(tower) => {
                let tokenizer = registry.file(&tower.tokenizer, on_progress)?;
                let files = Files::find(registry, &tower.file, tower.weights.as_ref(), on_progress)?;
                Some(TextEncoder::load(&spec, tower, &tokenizer, &files, &library, options)?)
            }
            None => None,
        };
        let words = Words::find(registry, &spec, &library, options, on_progress)?.map(Arc::new);
        let pairs = match &spec.pair {
            Some(tower) => {
                let tokenizer = registry.file(&tower.tokenizer, on_progress)?;
                let files = Files::find(registry, &tower.file, tower.weights.as_ref(), on_progress)?;
                Some(PairEncoder::load(&spec.name, tower, &tokenizer, &files, &library, options)?)
            }
            None => None,
        };
        let others = registry.list().map(|spec| (spec.name.clone(), Takes::of(spec))).collect();
        Ok(Self { pictures, sounds, text, words, pairs, others, spec })
    }

    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The tower for pictures.
    ///
    /// # Errors
    /// `Unsupported` when the model has none.
    pub fn pictures(&self) -> Result<&PictureEncoder> {
        self.pictures.as_ref().ok_or_else(|| self.takes_no("pictures", |takes| takes.pictures))
    }

    /// The tower for sounds.
    ///
    /// # Errors
    /// `Unsupported` when the model has none, saying what it takes.
    pub fn sounds(&self) -> Result<&AudioEncoder> {
        self.sounds.as_ref().ok_or_else(|| self.takes_no("sounds", |takes| takes.sounds))
    }

    /// The tower for text, or what stands in for one ([`ClassWords`](crate::models::ClassWords)): that is loaded at the
    /// first call, which takes seconds, so not on an async executor's thread.
    ///
    /// # Errors
    /// `Unsupported` when the model has none, naming models that have one beside what this one takes.
    pub fn text(&self) -> Result<&TextEncoder> {
        if let Some(words) = &self.words {
            return words.encoder();
        }
        self.text.as_ref().ok_or_else(|| self.takes_no("text", |takes| takes.text))
    }

    /// What scores texts for a query, a cross-encoder.
    ///
    /// # Errors
    /// `Unsupported` when the model is none.
    pub fn pairs(&self) -> Result<&PairEncoder> {
        self.pairs.as_ref().ok_or_else(|| {
            let message = format!("model {} makes vectors, it does not score pairs of texts", self.spec.name);
            Error::new(ErrorKind::Unsupported, message)
                .with_hint("choose a cross-encoder, such as ms-marco-minilm-l6-v2")
        })
    }

    fn takes_no(&self, wanted: &str, takes_it: fn(&Takes) -> bool) -> Error {
        let own = Takes::of(&self.spec);
        let taken = match own {
            Takes { pictures: true, .. } => "pictures",
            Takes { sounds: true, .. } => "sounds",
            Takes { text: true, .. } => "text",
            _ => "pairs of texts to score",
        };
        let message = format!("model {} takes {taken}, not {wanted}", self.spec.name);
        let names = |fits: &dyn Fn(&Takes) -> bool| {
            let fitting = self.others.iter().filter(|(_, takes)| takes_it(takes) && fits(takes));
            fitting.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let both = names(&|takes| takes.shares(&own));
        let hint = match both.as_str() {
            "" => format!("models for {wanted}: {}", names(&|_| true)),
            both => format!("models for both: {both}"),
        };
        Error::new(ErrorKind::Unsupported, message).with_hint(hint)
    }
}

/// What a model has towers for.
#[derive(Clone, Copy)]
struct Takes {
    pictures: bool,
    sounds: bool,
    text: bool,
}

impl Takes {
    fn of(spec: &ModelSpec) -> Self {
        Self { pictures: spec.picture.is_some(), sounds: spec.audio.is_some(), text: spec.text.is_some() }
    }

    fn shares(&self, other: &Self) -> bool {
        self.pictures && other.pictures || self.sounds && other.sounds || self.text && other.text
    }
}

/// Encodes pictures.
#[derive(Clone)]
pub struct PictureEncoder {
    tower: Arc<PictureTower>,
    queue: Queue<Pixels>,
}

impl std::fmt::Debug for PictureEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureEncoder").field("tower", &self.tower).finish_non_exhaustive()
    }
}

struct PictureWork {
    tower: Tower,
    spec: Arc<PictureTower>,
    batch: usize,
}

impl Work<Pixels> for PictureWork {
    fn run(&mut self, items: &[&Pixels]) -> Result<Vec<Vec<f32>>> {
        pictures::run(&mut self.tower, &self.spec, items)
    }

    fn size(_: &Pixels) -> usize {
        0
    }

    fn batch(&self, _: usize) -> usize {
        self.tower.batch(self.batch)
    }
}

impl PictureEncoder {
    fn load(
        model: &ModelSpec,
        tower: &PictureTower,
        files: &Files,
        library: &Path,
        options: &EncoderOptions,
    ) -> Result<Self> {
        let loaded = pictures::load(&model.name, model.dim, tower, files, library, options)?;
        let spec = Arc::new(tower.clone());
        let mut work = PictureWork { tower: loaded, spec: Arc::clone(&spec), batch: options.batch };
        // Run once now, rather than fail in the middle of an import.
        let grey = prepare(&Picture::new(1, 1, vec![127; 3])?, tower)?;
        work.run(&[&grey])?;
        Ok(Self { tower: spec, queue: Queue::start("pictures", work)? })
    }

    /// Resizes a picture to what the model takes. Computes: call it on a thread that may.
    pub fn prepare(&self, picture: &Picture) -> Result<Pixels> {
        prepare(picture, &self.tower)
    }

    /// An embedding of dimension [`ModelSpec::dim`] for each picture. Waits while the queue is full.
    pub async fn embed(&self, pictures: Vec<Pixels>) -> Result<Vec<Vec<f32>>> {
        self.queue.embed(pictures).await
    }

    /// [`PictureEncoder::embed`] for threads that may wait; panics on an async executor's.
    pub fn embed_blocking(&self, pictures: Vec<Pixels>) -> Result<Vec<Vec<f32>>> {
        self.queue.embed_blocking(pictures)
    }
}
