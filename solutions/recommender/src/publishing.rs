//! Writes a model into collections of its own, and only then lets it count.

use bootcamp_core::{Record, Result, Vector};
use bootcamp_kit::{Context, Watch};
use serde_json::{Value, json};

use crate::collections::{FACTORS, ModelPart};
use crate::fitting::Fitted;
use crate::model::Algorithm;
use crate::model::fit::stopped;
use crate::registry::{ModelInfo, Registry, to_bytes};
use crate::truth::catalogue::learned;
use crate::truth::events::item_id;
use crate::truth::load::Truth;

/// Numbers written in one call.
const BATCH_NUMBERS: usize = 1 << 18;

/// Writes all that is of the model, and lets it count.
///
/// # Errors
/// Those of the store; when the watch says to stop, before the model counts.
pub async fn publish(context: &Context, info: &ModelInfo, truth: &Truth, model: &Fitted, watch: &Watch) -> Result<()> {
    let registry = Registry::new(context);
    registry.begin(info).await?;
    for (name, bytes) in &model.blobs {
        registry.put_blob(&info.version, name, bytes).await?;
    }
    if let Some(cold) = &model.cold {
        registry.put_blob(&info.version, "cold", &to_bytes(cold.weights().data())).await?;
    }
    for part in [ModelPart::Items, ModelPart::Alike] {
        let at = part.of(context, &info.version);
        at.store.create(&part.spec(&at, info.dim)).await?;
        write(&at, items(truth, model, info, part), watch).await?;
    }
    let at = ModelPart::Users.of(context, &info.version);
    at.store.create(&ModelPart::Users.spec(&at, info.dim)).await?;
    write(&at, users(truth, model), watch).await?;
    if watch.is_cancelled() {
        return Err(stopped());
    }
    registry.publish(info).await
}

async fn write(at: &Context, records: impl Iterator<Item = Record>, watch: &Watch) -> Result<()> {
    let mut records = records.peekable();
    let dim = records.peek().and_then(|record| record.vectors.get(FACTORS)).map_or(1, Vector::dim);
    let size = (BATCH_NUMBERS / dim.max(1)).clamp(16, 2000);
    loop {
        if watch.is_cancelled() {
            return Err(stopped());
        }
        let batch: Vec<Record> = records.by_ref().take(size).collect();
        if batch.is_empty() {
            break;
        }
        at.store.upsert(&at.collection, &batch).await?;
        watch.wrote(batch.len() as u64);
    }
    at.store.flush(&at.collection, None).await
}

/// Every item of the catalogue: with the vector of its ratings, or else of its facts.
fn items<'a>(
    truth: &'a Truth,
    model: &'a Fitted,
    info: &'a ModelInfo,
    part: ModelPart,
) -> impl Iterator<Item = Record> + 'a {
    let mut counts = vec![0_i64; truth.ratings.items.len()];
    truth.ratings.list.iter().for_each(|rating| counts[rating.item as usize] += 1);
    truth.items.iter().filter_map(move |(name, facts)| {
        let number = truth.ratings.items.binary_search(name).ok();
        let mut vector = match (number, &model.cold) {
            (Some(number), _) => model.items.row(number).to_vec(),
            (None, Some(cold)) => cold.vector(&learned(facts)),
            (None, None) => return None,
        };
        // Of BPR the bias says how popular an item is, not what it is like.
        if part == ModelPart::Alike && info.parameters.algorithm == Algorithm::Bpr {
            vector.pop();
            vector.push(0.0);
        }
        // Without a direction an item is like none.
        if part == ModelPart::Alike && vector.iter().all(|x| x.abs() < 1e-20) {
            return None;
        }
        let mut record = Record::new(item_id(name)).vector(FACTORS, vector);
        record.fields = facts.clone();
        Some(
            record
                .field("ratings", number.map_or(0, |number| counts[number]))
                .field("cold", number.is_none_or(|number| model.is_cold[number]))
                .field("number", number.map_or(-1, |number| number as i64)),
        )
    })
}

fn users<'a>(truth: &'a Truth, model: &'a Fitted) -> impl Iterator<Item = Record> + 'a {
    let mut counts = vec![0_i64; truth.ratings.users.len()];
    truth.ratings.list.iter().for_each(|rating| counts[rating.user as usize] += 1);
    truth.ratings.users.iter().enumerate().map(move |(number, name)| {
        let facts = truth.people.get(name).cloned().unwrap_or_else(|| json!({}));
        user(name, model.users.row(number).to_vec(), counts[number], facts)
    })
}

/// A user as a record of a model.
pub fn user(name: &str, vector: Vec<f32>, ratings: i64, facts: Value) -> Record {
    Record::new(item_id(name))
        .vector(FACTORS, vector)
        .field("user", name)
        .field("ratings", ratings)
        .field("facts", facts)
}
