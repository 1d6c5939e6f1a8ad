//! When there is no good answer: a similarity below which even the nearest entry is about something else.
//!
//! Calibrated with `make bench-qa` on one half of the questions in `eval/`, and measured on the other: of questions about
//! other topics 96 % are refused, and of those that have an answer 4 %. It tells topics apart, not what is missing within
//! one.

use bootcamp_core::{Output, Result};
use bootcamp_kit::Context;

use crate::ranking::Found;

/// Of a model: for entries with a question, and for answers or passages alone, which are less similar to questions.
const THRESHOLDS: &[(&str, f32, f32)] = &[("all-minilm-l6-v2", 0.45, 0.40), ("all-minilm-l6-v2-f32", 0.45, 0.40)];

/// Why what was found is no good answer; `None` where it may be one, or the model was not calibrated. `given` replaces the
/// threshold.
///
/// # Errors
/// Those of the store.
pub async fn refuse(context: &Context, found: &[Found], given: Option<f64>) -> Result<Option<String>> {
    let known = THRESHOLDS.iter().find(|(model, ..)| context.maker.name() == Some(model));
    let nearest = found
        .iter()
        .filter(|one| one.dense.is_some())
        .max_by(|a, b| a.dense.partial_cmp(&b.dense).unwrap_or(std::cmp::Ordering::Equal));
    let Some((nearest, similarity)) = nearest.and_then(|one| Some((one, one.dense?))) else { return Ok(None) };
    let threshold = match (given, known) {
        (Some(given), _) => given as f32,
        (None, None) => return Ok(None),
        (None, Some((_, pair, passage))) => {
            // Most often it is clear without looking.
            let is_between = similarity < pair.max(*passage) && similarity >= pair.min(*passage);
            if is_between && !has_question(context, nearest).await? { *passage } else { *pair }
        }
    };
    Ok((similarity < threshold).then(|| {
        format!(
            "no good answer: the nearest entry has a similarity of {similarity:.2}, below {threshold:.2}; a threshold of 0 shows it"
        )
    }))
}

async fn has_question(context: &Context, found: &Found) -> Result<bool> {
    let output = Output::only(["question"]);
    let records = context.store.get(&context.collection, std::slice::from_ref(&found.id), &output).await?;
    Ok(records.first().and_then(|record| record.fields.get("question")).is_some_and(|question| !question.is_null()))
}
