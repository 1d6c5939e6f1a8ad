//! Checks manifest entries when they are read, so that no mistake in one
//! waits until after a long download.

use super::source::word;
use super::{
    ClassWords, Element, FileSpec, ModelSpec, Output, PairTower, PictureTower, Resize, RuntimeSpec, Source, TextInputs,
    TextTower,
};
use crate::Metric;

const MAX_DIM: usize = 32_768;
const MAX_SIDE: u32 = 4_096;
const MAX_TOKENS: usize = 32_768;

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
        return fault("", "takes neither pictures nor text: add a table `picture`, `text` or `pair`");
    }
    spec.picture.as_ref().map_or(Ok(()), picture)?;
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
