//! Checks manifest entries when they are read, so that no mistake in one
//! waits until after a long download.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::source::word;
use super::{
    AudioAxis, AudioTower, ClassWords, Edges, Element, FileSpec, Mel, ModelSpec, Output, PairTower, PictureTower,
    Resize, RuntimeSpec, Source, TextInputs, TextTower,
};
use crate::Metric;

const MAX_DIM: usize = 32_768;
const MAX_SIDE: u32 = 4_096;
const MAX_TOKENS: usize = 32_768;
/// Samples a second.
const MAX_RATE: u32 = 768_000;
/// Samples of a window: three minutes at 96 kHz.
const MAX_WINDOW: usize = 1 << 24;
const MAX_FFT: usize = 1 << 16;
const MAX_BANDS: usize = 1024;

/// The wrong field (`picture.size`; empty for the entry itself) and what is wrong with it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) message: String,
}

type Checked = Result<(), Fault>;

fn fault(field: impl Into<String>, message: impl Into<String>) -> Checked {
    Err(Fault { field: field.into(), message: message.into() })
}

pub(super) fn model(spec: &ModelSpec) -> Checked {
    if let Err(why) = word("name", &spec.name, "._-") {
        return fault("", why);
    }
    if spec.makes_vectors() && !(1..=MAX_DIM).contains(&spec.dim) {
        return fault("dim", format!("{} is not within 1 to {MAX_DIM}", spec.dim));
    }
    if matches!(spec.metric, Metric::Hamming | Metric::Jaccard) {
        return fault("metric", format!("{} compares bits, expected L2, IP or COSINE", spec.metric.name()));
    }
    if spec.duplicates.is_some_and(|score| !score.is_finite()) {
        return fault("duplicates", "is not a number");
    }
    if !spec.makes_vectors() && spec.pair.is_none() {
        return fault("", "takes neither pictures, sounds nor text: add a table `picture`, `audio`, `text` or `pair`");
    }
    if spec.picture.is_some() && spec.audio.is_some() {
        return fault("audio", "makes sense only without `picture`");
    }
    spec.picture.as_ref().map_or(Ok(()), picture)?;
    spec.audio.as_ref().map_or(Ok(()), audio)?;
    spec.text.as_ref().map_or(Ok(()), text)?;
    spec.pair.as_ref().map_or(Ok(()), pair)?;
    spec.words.as_ref().map_or(Ok(()), |it| words(spec, it))
}

pub(super) fn runtime(spec: &RuntimeSpec) -> Checked {
    file("file", &spec.file)
}

fn picture(tower: &PictureTower) -> Checked {
    file("picture.file", &tower.file)?;
    weights("picture.weights", tower.weights.as_ref())?;
    filled("picture.input.name", &tower.input.name)?;
    let [width, height] = tower.size;
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return fault("picture.size", format!("[{width}, {height}] is not within 1 to {MAX_SIDE}"));
    }
    if let Resize::Crop(side) = tower.resize {
        let short = width.min(height);
        if !(short..=MAX_SIDE).contains(&side) {
            return fault("picture.resize", format!("a crop of {side} is not within {short} (of size) to {MAX_SIDE}"));
        }
    }
    match (tower.mean, tower.std) {
        (None, None) => {}
        (Some(_), None) => return fault("picture.mean", "is given without std"),
        (None, Some(_)) => return fault("picture.std", "is given without mean"),
        (Some(_), Some(_)) if tower.input.element != Element::F32 => {
            return fault("picture.mean", "makes sense only where input.element is f32");
        }
        (Some(mean), Some(std)) => {
            if !mean.iter().all(|value| value.is_finite()) {
                return fault("picture.mean", "has a value that is not a number");
            }
            if !std.iter().all(|value| value.is_finite() && *value > 0.0) {
                return fault("picture.std", "has a value that is not above 0");
            }
        }
    }
    output("picture.output.tensor", &tower.output)
}

fn audio(tower: &AudioTower) -> Checked {
    file("audio.file", &tower.file)?;
    weights("audio.weights", tower.weights.as_ref())?;
    filled("audio.input.name", &tower.input.name)?;
    within("audio.rate", tower.rate, 1_000..=MAX_RATE)?;
    within("audio.window", tower.window, 1..=MAX_WINDOW)?;
    if !(1..=tower.window).contains(&tower.step) {
        return fault("audio.step", format!("{} is not within 1 to {} (the window)", tower.step, tower.window));
    }
    let mut axes: Vec<_> = tower.input.axes.iter().filter(|axis| **axis != AudioAxis::One).collect();
    axes.sort_by_key(|axis| **axis == AudioAxis::Bands);
    match (&tower.mel, axes.as_slice()) {
        (None, [AudioAxis::Samples]) => {}
        (None, _) => return fault("audio.input.axes", "needs `samples`, since there is no `mel`, and nothing else"),
        (Some(spec), [AudioAxis::Frames, AudioAxis::Bands]) => mel(tower, spec)?,
        (Some(_), _) => return fault("audio.input.axes", "needs `frames` and `bands`, since there is `mel`"),
    }
    output("audio.output.tensor", &tower.output)
}

fn mel(tower: &AudioTower, mel: &Mel) -> Checked {
    within("audio.mel.fft", mel.fft, 2..=MAX_FFT)?;
    if mel.fft % 2 == 1 {
        return fault("audio.mel.fft", format!("{} is odd", mel.fft));
    }
    within("audio.mel.hop", mel.hop, 1..=mel.fft)?;
    within("audio.mel.bands", mel.bands, 1..=MAX_BANDS)?;
    within("audio.mel.power", mel.power, 1..=2)?;
    if let Some(length) = mel.taper_length {
        within("audio.mel.taper_length", length, 1..=mel.fft)?;
    }
    let highest = tower.rate as f32 / 2.0;
    if !(mel.high > 0.0 && mel.high <= highest) {
        return fault("audio.mel.high", format!("{} is not within 0 to {highest} (half the rate)", mel.high));
    }
    if !(mel.low >= 0.0 && mel.low < mel.high) {
        return fault("audio.mel.low", format!("{} is not within 0 to {} (`high`)", mel.low, mel.high));
    }
    let needed = match mel.edges {
        Edges::Zero => 1,
        Edges::Reflect => mel.fft / 2 + 1,
        Edges::None => mel.frame(),
    };
    if tower.window < needed {
        return fault("audio.window", format!("{} is too short for `mel`, which needs {needed} samples", tower.window));
    }
    let there = mel.frames_of(tower.window);
    if let Some(frames) = mel.frames {
        within("audio.mel.frames", frames, 1..=there)?;
    }
    let log = &mel.log;
    if ![log.scale, log.add, log.floor, log.times, log.plus].iter().all(|value| value.is_finite()) {
        return fault("audio.mel.log", "has a value that is not a number");
    }
    if !(log.scale > 0.0 && log.add >= 0.0 && log.floor >= 0.0 && log.add.max(log.floor) > 0.0) {
        return fault(
            "audio.mel.log",
            "needs a `scale` above 0, and `add` or `floor` above 0: silence has a logarithm, too",
        );
    }
    Ok(())
}

fn within<T: PartialOrd + Display>(field: &str, value: T, range: RangeInclusive<T>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    fault(field, format!("{value} is not within {} to {}", range.start(), range.end()))
}

fn text(tower: &TextTower) -> Checked {
    file("text.file", &tower.file)?;
    weights("text.weights", tower.weights.as_ref())?;
    file("text.tokenizer", &tower.tokenizer)?;
    tokens("text", &tower.inputs, tower.max_tokens)?;
    filled("text.query_prefix", tower.query_prefix.as_deref().unwrap_or("-"))?;
    filled("text.passage_prefix", tower.passage_prefix.as_deref().unwrap_or("-"))?;
    output("text.output.tensor", &tower.output)
}

fn pair(tower: &PairTower) -> Checked {
    file("pair.file", &tower.file)?;
    weights("pair.weights", tower.weights.as_ref())?;
    file("pair.tokenizer", &tower.tokenizer)?;
    tokens("pair", &tower.inputs, tower.max_tokens)?;
    filled("pair.output.tensor", &tower.output.tensor)
}

fn tokens(tower: &str, inputs: &TextInputs, max_tokens: usize) -> Checked {
    filled(&format!("{tower}.inputs.ids"), &inputs.ids)?;
    filled(&format!("{tower}.inputs.mask"), inputs.mask.as_deref().unwrap_or("-"))?;
    filled(&format!("{tower}.inputs.types"), inputs.types.as_deref().unwrap_or("-"))?;
    if !(2..=MAX_TOKENS).contains(&max_tokens) {
        return fault(format!("{tower}.max_tokens"), format!("{max_tokens} is not within 2 to {MAX_TOKENS}"));
    }
    Ok(())
}

fn words(spec: &ModelSpec, words: &ClassWords) -> Checked {
    if spec.picture.is_none() || spec.text.is_some() {
        return fault("words", "makes sense only beside `picture` and without `text`");
    }
    file("words.names", &words.names)?;
    filled("words.classes", &words.classes)?;
    if !(words.temperature.is_finite() && words.temperature > 0.0) {
        return fault("words.temperature", format!("{} is not above 0", words.temperature));
    }
    Ok(())
}

fn output(field: &str, output: &Output) -> Checked {
    filled(field, &output.tensor)
}

fn filled(field: &str, value: &str) -> Checked {
    if value.is_empty() { fault(field, "is empty") } else { Ok(()) }
}

fn weights(field: &str, weights: Option<&FileSpec>) -> Checked {
    match weights {
        Some(FileSpec { source: Source::BuiltIn(_), .. }) => {
            fault(format!("{field}.source"), "is a graph, which has no weights")
        }
        Some(weights) => file(field, weights),
        None => Ok(()),
    }
}

fn file(field: &str, file: &FileSpec) -> Checked {
    match &file.sha256 {
        Some(sum) if sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit()) => {
            return fault(format!("{field}.sha256"), format!("'{sum}' is not 64 hexadecimal digits"));
        }
        None if !matches!(file.source, Source::File(_)) => {
            return fault(format!("{field}.sha256"), format!("is missing; {} needs one", file.source));
        }
        _ => {}
    }
    if file.bytes == Some(0) {
        return fault(format!("{field}.bytes"), "is 0");
    }
    let Some(platform) = &file.platform else { return Ok(()) };
    if !matches!(file.source, Source::Pypi { .. }) {
        return fault(format!("{field}.platform"), "makes sense only for a pypi: source");
    }
    word("platform", platform, "._-").or_else(|why| fault(format!("{field}.platform"), why))
}
