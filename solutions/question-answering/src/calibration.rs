//! What the cosines of a model mean: how similar texts are that have nothing to do with each other, and from where on an
//! entry may be an answer. Models differ: a question and an entry about something else have a cosine of about 0 with MiniLM
//! and of 0.8 with e5.
//!
//! Chosen on one half of the questions in `eval/` and measured on the other (`make bench-qa`). The floor of e5 is the mean
//! cosine of questions and the hundred best entries about other topics. Its thresholds are low: questions in another language
//! than the entries are less similar to them, above all to passages alone, and a wrong refusal is worse than a poor answer.

use bootcamp_kit::Context;

/// Of one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// The cosine of unrelated texts, at which embeddings say nothing.
    pub floor: f32,
    /// The threshold below which there is no good answer; `None` where it is not known.
    pub threshold: Option<Threshold>,
}

/// The cosine of the nearest entry below which the question is about something else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// For entries with a question.
    pub pair: f32,
    /// For answers and passages alone, which are less similar to questions.
    pub passage: f32,
}

const MINILM: Calibration = Calibration { floor: 0.0, threshold: Some(Threshold { pair: 0.45, passage: 0.40 }) };

/// Other models have none, and their cosines are taken as they are.
const KNOWN: &[(&str, Calibration)] = &[
    ("all-minilm-l6-v2", MINILM),
    ("all-minilm-l6-v2-f32", MINILM),
    ("multilingual-e5-small", Calibration { floor: 0.8, threshold: Some(Threshold { pair: 0.845, passage: 0.82 }) }),
];

impl Calibration {
    /// Of the model that a collection's embeddings are made with.
    pub fn of(context: &Context) -> Self {
        let name = context.maker.name();
        let known = KNOWN.iter().find(|(model, _)| name == Some(model));
        known.map_or(Self { floor: 0.0, threshold: None }, |(_, calibration)| *calibration)
    }

    /// A cosine on a scale from 0, unrelated, to 1.
    pub fn similarity(&self, cosine: f32) -> f32 {
        (cosine - self.floor).max(0.0) / (1.0 - self.floor)
    }
}
