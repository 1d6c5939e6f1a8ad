//! Training as a job: reads the truth, fits a model, publishes it.

use std::time::Instant;

use bootcamp_core::Result;
use bootcamp_kit::{Context, OptionValue, Options, ProgramOption, Watch, Work, blocking};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::checkpoint::Checkpoint;
use crate::fitting::Fitting;
use crate::model::{Algorithm, Parameters, parameters};
use crate::publishing::publish;
use crate::ratings::{Duplicates, Liking};
use crate::registry::ModelInfo;
use crate::trials;
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
