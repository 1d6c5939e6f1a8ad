//! When there is no good answer: a similarity below which even the nearest entry is about something else.
//!
//! It tells topics apart, not what is missing within one. With MiniLM, 96 % of questions about other topics are refused, and
//! of those that have an answer 4 % (`make bench-qa`).

use bootcamp_core::{Output, Result};
use bootcamp_kit::Context;

use crate::calibration::{Calibration, Threshold};
use crate::ranking::Found;

/// Why what was found is no good answer; `None` where it may be one, or the model was not calibrated. `given` replaces the
/// threshold.
///
/// # Errors
/// Those of the store.
pub async fn refuse(context: &Context, found: &[Found], given: Option<f64>) -> Result<Option<String>> {
    let nearest = found
        .iter()
        .filter(|one| one.dense.is_some())
        .max_by(|a, b| a.dense.partial_cmp(&b.dense).unwrap_or(std::cmp::Ordering::Equal));
    let Some((nearest, similarity)) = nearest.and_then(|one| Some((one, one.dense?))) else { return Ok(None) };
    let threshold = match (given, Calibration::of(context).threshold) {
        (Some(given), _) => given as f32,
        (None, None) => return Ok(None),
        (None, Some(Threshold { pair, passage })) => {
            // Most often it is clear without looking.
            let is_between = similarity < pair.max(passage) && similarity >= pair.min(passage);
            if is_between && !has_question(context, nearest).await? { passage } else { pair }
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
