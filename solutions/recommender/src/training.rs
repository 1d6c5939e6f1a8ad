//! Training as a job: reads the truth, trains with checkpoints, writes the vectors into collections of their own, and only
//! then lets the model count.

use std::time::Instant;

use bootcamp_core::{Error, ErrorKind, Fields, Record, Result};
use bootcamp_kit::{Context, OptionValue, Options, ProgramOption, Watch, Work, blocking, hex};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::collections::{FACTORS, ModelPart};
use crate::model::cold::Cold;
use crate::model::fit::{Progress, State, stopped};
use crate::model::linear::{check_finite, gram};
use crate::model::random::Random;
use crate::model::{Algorithm, Factors, Matrix, Parameters, ease, features, parameters};
use crate::moment;
use crate::ratings::{Duplicates, Liking, Ratings};
use crate::registry::{ModelInfo, Registry, to_bytes, to_bytes_64};
use crate::trials;
use crate::truth::catalogue::learned;
use crate::truth::events::item_id;
use crate::truth::load::{Truth, load};

pub const TRAIN: Work = Work {
    name: "train",
    about: "Trains on all ratings; the new model counts once it is whole, and the old one is kept for rollback",
    options: OPTIONS,
    run: |context, options, watch| Box::pin(train(context, options, watch)) as BoxFuture<'static, Result<Value>>,
    print: None,
};

const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "algorithm",
        "BOOTCAMP_ALGORITHM",
        "als: factors by alternating least squares; bpr: factors by ranking; ease: weights between items, for small catalogues",
        OptionValue::OneOf(&["als", "bpr", "ease"]),
    ),
    parameters::FACTORS,
    parameters::EPOCHS,
    parameters::REGULARIZATION,
    parameters::UNOBSERVED,
    parameters::FREQUENCY,
    parameters::SOLVER,
    parameters::LEARNING_RATE,
    parameters::CONFIDENCE,
    MIN_VALUE,
    DUPLICATES,
    parameters::SEED,
    TUNED,
    ProgramOption::new(
        "afresh",
        "BOOTCAMP_AFRESH",
        "Begin anew even where an interrupted training could go on",
        OptionValue::Switch,
    ),
];

pub const MIN_VALUE: ProgramOption = ProgramOption::new(
    "min-value",
    "BOOTCAMP_MIN_VALUE",
    "Ratings of at least this are likes; lower ones are only known as seen [default: all above 0]",
    OptionValue::Number { least: -1e30, most: 1e30 },
);
pub const DUPLICATES: ProgramOption = ProgramOption::new(
    "duplicates",
    "BOOTCAMP_DUPLICATES",
    "What several ratings of one item by one user come to: the last one, their sum, or the largest",
    OptionValue::OneOf(&["last", "sum", "max"]),
);
pub const TUNED: ProgramOption =
    ProgramOption::new("tuned", "BOOTCAMP_TUNED", "Use the best parameters that `tune` has found", OptionValue::Switch);

/// Items from which the rule for cold ones is learned, at most.
const LEARNED_FROM: usize = 50_000;
/// Items against which BPR folds newcomers in.
const OTHERS: usize = 64;
/// Numbers in the vectors of users, at most, where a vector has a place for each item.
const MAX_DENSE: usize = 200_000_000;
/// Numbers written in one call.
const BATCH_NUMBERS: usize = 1 << 18;

/// What several ratings come to, and what is a like, by these options.
pub fn reading(options: &Options) -> (Duplicates, Option<f32>) {
    (Duplicates::named(options.get("duplicates")), options.number("min-value").map(|value| value as f32))
}

/// Trains, and lets the new model count.
///
/// # Errors
/// `NotFound` where there is nothing to learn from; `InvalidInput` for parameters that lead nowhere; those of the store.
pub async fn train(context: Context, options: Options, watch: Watch) -> Result<Value> {
    let start = Instant::now();
    let algorithm = Algorithm::named(options.get("algorithm").unwrap_or("als"))?;
    let mut parameters = Parameters::chosen(algorithm, &options);
    if options.is_on("tuned") {
        parameters = trials::best(&context, algorithm).await?;
    }
    let (duplicates, least) = reading(&options);
    let truth = load(&context, duplicates, &watch).await?;
    let liking = Liking { least, confidence: parameters.confidence as f32, largest: truth.ratings.largest() };
    truth.ratings.check(&liking)?;
    let fitting = Fitting { parameters, liking, is_afresh: options.is_on("afresh") };
    let folder = context.media.folder().to_owned();
    let (reporting, fitted) = (watch.clone(), fitting.clone());
    let (truth, model) = blocking(move || {
        let model = fitted.fit(&truth, &folder, &reporting)?;
        Ok((truth, model))
    })
    .await?;
    watch.say("writing vectors");
    let info = fitting.info(&truth, &model, duplicates, start.elapsed().as_secs_f64());
    publish(&context, &info, &truth, &model, &watch).await?;
    Checkpoint::new(context.media.folder(), String::new()).remove();
    Ok(report(&info, &truth, model.resumed))
}

fn report(info: &ModelInfo, truth: &Truth, resumed: usize) -> Value {
    let mut report = json!({
        "model": info.version,
        "algorithm": info.parameters.algorithm.name(),
        "parameters": info.parameters.shown(),
        "users": info.users,
        "items": info.items,
        "cold_items": info.cold,
        "ratings": info.ratings,
        "likes": info.likes,
        "loss": info.loss,
        "seconds": (info.seconds * 100.0).round() / 100.0,
    });
    if let Value::Object(fields) = &mut report {
        if truth.left_out > 0 {
            fields.insert("ratings_of_removed_items".to_owned(), truth.left_out.into());
        }
        if resumed > 0 {
            fields.insert("resumed_after_epoch".to_owned(), resumed.into());
        }
    }
    report
}

/// How a model is fitted.
#[derive(Clone, Debug)]
struct Fitting {
    parameters: Parameters,
    liking: Liking,
    is_afresh: bool,
}

/// A model in memory.
struct Model {
    users: Factors,
    items: Factors,
    /// Which items nobody likes: their vectors come from their facts.
    is_cold: Vec<bool>,
    cold: Option<Cold>,
    /// What folding in needs, by name.
    blobs: Vec<(&'static str, Vec<u8>)>,
    likes: usize,
    loss: Option<f64>,
    /// The epoch after which an interrupted training went on.
    resumed: usize,
}

impl Fitting {
    /// Blocking, on all cores.
    fn fit(&self, truth: &Truth, folder: &std::path::Path, watch: &Watch) -> Result<Model> {
        let matrix = truth.ratings.matrix(&self.liking);
        let checkpoint = Checkpoint::new(folder, self.fingerprint(&truth.ratings));
        let start = if self.is_afresh { None } else { checkpoint.load() };
        let resumed = start.as_ref().map_or(0, |state| state.epoch);
        watch.set_total(self.parameters.epochs as u64);
        watch.advance(resumed as u64);
        let reporter =
            Reporter { watch: watch.clone(), checkpoint, begun: Instant::now(), resumed, loss: Default::default() };
        let (users, mut items, blobs) = self.factors(&matrix, start, &reporter)?;
        let is_cold: Vec<bool> = matrix.counts().iter().map(|count| *count == 0).collect();
        let cold = self.learn_cold(truth, &items, &is_cold)?;
        if let Some(cold) = &cold {
            for (item, _) in is_cold.iter().enumerate().filter(|(_, is_cold)| **is_cold) {
                let facts = truth.items.get(&truth.ratings.items[item]);
                let vector = cold.vector(&learned(facts.unwrap_or(&Fields::new())));
                items.row_mut(item).copy_from_slice(&vector);
            }
        }
        let loss = reporter.loss.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Model { users, items, is_cold, cold, blobs, likes: matrix.len(), loss, resumed })
    }

    #[allow(clippy::type_complexity, reason = "read once, one line below")]
    fn factors(
        &self,
        matrix: &Matrix,
        start: Option<State>,
        progress: &Reporter,
    ) -> Result<(Factors, Factors, Vec<(&'static str, Vec<u8>)>)> {
        match self.parameters.algorithm {
            Algorithm::Als => {
                let (users, items) = self.parameters.als().train(matrix, start, progress)?;
                let gram = to_bytes_64(&gram(&items));
                Ok((users, items, vec![("gram", gram)]))
            }
            Algorithm::Bpr => {
                let (users, items) = self.parameters.bpr().train(matrix, start, progress)?;
                let mut random = Random::of(self.parameters.seed, 99);
                let others = (0..OTHERS).map(|_| random.below(items.rows()));
                let others: Vec<f32> = others.flat_map(|item| items.row(item).to_vec()).collect();
                Ok((users, items, vec![("others", to_bytes(&others))]))
            }
            Algorithm::Ease => {
                let numbers = matrix.rows().saturating_mul(matrix.columns());
                if numbers > MAX_DENSE {
                    return Err(Error::invalid(format!(
                        "with EASE a user's vector has a place for each item: {} users and {} items are too many",
                        matrix.rows(),
                        matrix.columns()
                    ))
                    .with_hint("use --algorithm als"));
                }
                let weights = ease::train(matrix, self.parameters.regularization, progress)?;
                check_finite(&weights, "items")?;
                Ok((dense(matrix), turned(&weights), Vec::new()))
            }
            other => Err(Error::new(ErrorKind::Unsupported, format!("{} has no vectors to serve", other.name()))
                .with_hint("use als, bpr or ease; evaluate compares all")),
        }
    }

    /// Learns how facts lead to vectors from the items that are liked.
    fn learn_cold(&self, truth: &Truth, items: &Factors, is_cold: &[bool]) -> Result<Option<Cold>> {
        let mut known: Vec<usize> = (0..items.rows()).filter(|item| !is_cold[*item]).collect();
        if known.is_empty() {
            return Ok(None);
        }
        if known.len() > LEARNED_FROM {
            Random::of(self.parameters.seed, 55).shuffle(&mut known);
            known.truncate(LEARNED_FROM);
        }
        let facts = known.iter().map(|item| truth.items.get(&truth.ratings.items[*item]));
        let vectors = facts.flat_map(|facts| learned(facts.unwrap_or(&Fields::new())));
        let inputs = Factors::new(features::DIM, vectors.collect());
        let outputs = known.iter().flat_map(|item| items.row(*item).to_vec()).collect();
        let outputs = Factors::new(items.dim(), outputs);
        let all: Vec<usize> = (0..known.len()).collect();
        Cold::train(&inputs, &outputs, &all).map(Some)
    }

    /// Of all that the outcome depends on.
    fn fingerprint(&self, ratings: &Ratings) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{:?} {:?}", self.parameters, self.liking));
        for name in ratings.users.iter().chain(&ratings.items) {
            hash.update(name);
            hash.update([0]);
        }
        for rating in &ratings.list {
            hash.update(rating.user.to_le_bytes());
            hash.update(rating.item.to_le_bytes());
            hash.update(rating.value.to_le_bytes());
        }
        hex(&hash.finalize())
    }

    fn info(&self, truth: &Truth, model: &Model, duplicates: Duplicates, seconds: f64) -> ModelInfo {
        let now = moment::now();
        let mut blobs: std::collections::BTreeMap<String, usize> =
            model.blobs.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.len())).collect();
        if let Some(cold) = &model.cold {
            blobs.insert("cold".to_owned(), cold.weights().data().len() * 4);
        }
        let liked = model.is_cold.iter().filter(|is_cold| !**is_cold).count();
        ModelInfo {
            version: now.to_string(),
            created_at: now,
            is_whole: false,
            parameters: self.parameters.clone(),
            duplicates,
            liking: self.liking,
            users: truth.ratings.users.len(),
            items: liked,
            rated_items: truth.ratings.items.len(),
            cold: truth.items.len() - liked,
            ratings: truth.ratings.list.len(),
            likes: model.likes,
            dim: model.items.dim(),
            loss: model.loss,
            seconds,
            blobs,
        }
    }
}

/// Each row as a vector.
fn dense(matrix: &Matrix) -> Factors {
    let mut factors = Factors::zeros(matrix.rows(), matrix.columns());
    for (row, column, value) in matrix.iter() {
        factors.row_mut(row as usize)[column as usize] = value;
    }
    factors
}

/// Columns become rows.
fn turned(factors: &Factors) -> Factors {
    let mut turned = Factors::zeros(factors.dim(), factors.rows());
    for row in 0..factors.rows() {
        for (column, value) in factors.row(row).iter().enumerate() {
            turned.row_mut(column)[row] = *value;
        }
    }
    turned
}

/// Tells how the training goes, and keeps where it stands.
struct Reporter {
    watch: Watch,
    checkpoint: Checkpoint,
    begun: Instant,
    /// Epochs that were done before.
    resumed: usize,
    loss: std::sync::Mutex<Option<f64>>,
}

impl Progress for Reporter {
    fn is_stopped(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn epoch(&self, state: &State, epochs: usize, loss: f64) -> Result<()> {
        let done = state.epoch.saturating_sub(self.resumed).max(1) as f64;
        let left = self.begun.elapsed().as_secs_f64() / done * (epochs - state.epoch) as f64;
        self.watch.advance(1);
        self.watch.say(format!("epoch {} of {epochs}, loss {loss:.4}, {left:.0} s left", state.epoch));
        *self.loss.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(loss);
        if state.epoch < epochs {
            self.checkpoint.save(state)?;
        }
        if self.is_stopped() { Err(stopped()) } else { Ok(()) }
    }
}

/// Writes all that is of the model, and lets it count.
async fn publish(context: &Context, info: &ModelInfo, truth: &Truth, model: &Model, watch: &Watch) -> Result<()> {
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
    let dim = records.peek().and_then(|record| record.vectors.get(FACTORS)).map_or(1, bootcamp_core::Vector::dim);
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
    model: &'a Model,
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

fn users<'a>(truth: &'a Truth, model: &'a Model) -> impl Iterator<Item = Record> + 'a {
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
