//! `evaluate` as a job: all algorithms on the same split, in one table.

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::{Context, OptionValue, Options, Printer, ProgramOption, Watch, Work, blocking};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::evaluation::metrics::Mean;
use crate::evaluation::split::{Split, SplitKind};
use crate::evaluation::{Scored, evaluate};
use crate::model::fit::{Progress, State, stopped};
use crate::model::{Algorithm, Factors, Parameters, features, parameters};
use crate::ratings::{Liking, Ratings};
use crate::registry::Registry;
use crate::training::{DUPLICATES, MIN_VALUE, TUNED, reading};
use crate::truth::catalogue::learned;
use crate::truth::load::{Truth, load};
use crate::{moment, trials};

pub const EVALUATE: Work = Work {
    name: "evaluate",
    about: "Measures the algorithms on ratings that they have not seen, in one table",
    options: OPTIONS,
    run: |context, options, watch| Box::pin(run(context, options, watch)) as BoxFuture<'static, Result<Value>>,
    print: Some(print),
};

/// The id of the last evaluation.
const LAST: &str = "evaluation";

const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "algorithms",
        "BOOTCAMP_ALGORITHMS",
        "Which ones, with commas between [default: als,bpr,ease,item-knn,popularity]",
        OptionValue::Text("NAMES"),
    ),
    SPLIT,
    SHARE,
    RELEVANT,
    MIN_VALUE,
    DUPLICATES,
    TUNED,
    parameters::FACTORS,
    parameters::EPOCHS,
    parameters::REGULARIZATION,
    parameters::UNOBSERVED,
    parameters::FREQUENCY,
    parameters::SOLVER,
    parameters::LEARNING_RATE,
    parameters::NEIGHBOURS,
    parameters::SHRINKAGE,
    parameters::CONFIDENCE,
    parameters::SEED,
];

pub const SPLIT: ProgramOption = ProgramOption::new(
    "split",
    "BOOTCAMP_SPLIT",
    "Which ratings are kept to measure with: each user's last one, a random share of each user's, all after a moment, or \
     all of a share of the items",
    OptionValue::OneOf(&["last", "random", "time", "items"]),
);
pub const SHARE: ProgramOption = ProgramOption::new(
    "share",
    "BOOTCAMP_SHARE",
    "The share of ratings that is kept to measure with [default: 0.2]",
    OptionValue::Number { least: 0.01, most: 0.9 },
)
.only_with("split", &["random", "time", "items"]);
pub const RELEVANT: ProgramOption = ProgramOption::new(
    "relevant",
    "BOOTCAMP_RELEVANT",
    "Only ratings of at least this are to be found [default: all likes]",
    OptionValue::Number { least: -1e30, most: 1e30 },
);

/// A table of algorithms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Milliseconds since 1970.
    pub at: i64,
    pub split: SplitKind,
    pub relevant: Option<f32>,
    /// Ratings that were trained on, and those that were to be found.
    pub train: usize,
    pub test: usize,
    /// Users who have something to be found but nothing to find it by: they are not measured.
    pub newcomers: usize,
    /// The best first, by NDCG@10.
    pub table: Vec<Scored>,
}

/// What is measured with, by these options.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub kind: SplitKind,
    pub relevant: Option<f32>,
    pub liking: Liking,
    pub seed: u64,
}

impl Setting {
    pub fn of(options: &Options, ratings: &Ratings) -> Self {
        let (_, least) = reading(options);
        Self {
            kind: SplitKind::named(options.get("split"), options.number("share").unwrap_or(0.2)),
            relevant: options.number("relevant").map(|value| value as f32),
            liking: Liking { least, confidence: 0.0, largest: ratings.largest() },
            seed: options.number("seed").map_or(1, |seed| seed as u64),
        }
    }

    /// # Errors
    /// Those of [`Split::new`], and where there is nothing to learn from.
    pub fn split(&self, ratings: &Ratings) -> Result<Split> {
        ratings.check(&self.liking)?;
        Split::new(ratings, self.kind, self.relevant, &self.liking, self.seed)
    }
}

/// Tells how far a training is, within work of several.
#[derive(Debug)]
pub struct Telling<'a> {
    pub watch: &'a Watch,
    pub what: String,
}

impl Progress for Telling<'_> {
    fn is_stopped(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn epoch(&self, state: &State, epochs: usize, _: f64) -> Result<()> {
        self.watch.say(format!("{}, epoch {} of {epochs}", self.what, state.epoch));
        if self.is_stopped() { Err(stopped()) } else { Ok(()) }
    }
}

/// The algorithms that were asked for.
fn algorithms(options: &Options) -> Result<Vec<Algorithm>> {
    let Some(names) = options.get("algorithms") else { return Ok(Algorithm::ALL.to_vec()) };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut algorithms = names.map(Algorithm::named).collect::<Result<Vec<_>>>()?;
    algorithms.dedup();
    if algorithms.is_empty() {
        return Err(Error::invalid("no algorithm is named").with_hint("for one: --algorithms als,popularity"));
    }
    Ok(algorithms)
}

async fn chosen(context: &Context, options: &Options) -> Result<Vec<Parameters>> {
    let algorithms = algorithms(options)?;
    // 200 is a regularization for EASE and none for ALS.
    let is_given = OPTIONS[7..OPTIONS.len() - 1]
        .iter()
        .find(|option| options.get(option.name).is_some_and(|value| option.name != "solver" || value != "cg"));
    if let (Some(option), 2..) = (is_given, algorithms.len()) {
        return Err(Error::invalid(format!("--{} means something else to each algorithm", option.name))
            .with_hint("name one with --algorithms"));
    }
    let mut all = Vec::with_capacity(algorithms.len());
    for algorithm in algorithms {
        all.push(match options.is_on("tuned") {
            true if algorithm != Algorithm::Popularity => trials::best(context, algorithm).await?,
            _ => Parameters::chosen(algorithm, options),
        });
    }
    Ok(all)
}

async fn run(context: Context, options: Options, watch: Watch) -> Result<Value> {
    let parameters = chosen(&context, &options).await?;
    let (duplicates, _) = reading(&options);
    let truth = load(&context, duplicates, &watch).await?;
    let setting = Setting::of(&options, &truth.ratings);
    watch.set_total(parameters.len() as u64);
    let working = watch.clone();
    let evaluation = blocking(move || {
        let split = setting.split(&truth.ratings)?;
        let features = split.new_items.is_some().then(|| features_of(&truth));
        let mut table = Vec::with_capacity(parameters.len());
        for parameters in &parameters {
            let what = parameters.algorithm.name().to_owned();
            working.say(what.clone());
            let telling = Telling { watch: &working, what };
            table.push(evaluate(&split, &setting.liking, parameters, features.as_ref(), &telling)?);
            working.advance(1);
        }
        table.sort_by(|a, b| value(b, "ndcg@10").total_cmp(&value(a, "ndcg@10")));
        Ok(Evaluation {
            at: moment::now(),
            split: setting.kind,
            relevant: setting.relevant,
            train: split.train.list.len(),
            test: split.test.iter().map(Vec::len).sum(),
            newcomers: split.newcomers,
            table,
        })
    })
    .await?;
    let body = json!(evaluation);
    if !context.store.is_read_only() {
        Registry::new(&context).put(LAST, "evaluation", body.clone()).await?;
    }
    Ok(body)
}

/// What the facts of each rated item say.
fn features_of(truth: &Truth) -> Factors {
    let nothing = Fields::new();
    let of = |item: &String| learned(truth.items.get(item).unwrap_or(&nothing));
    Factors::new(features::DIM, truth.ratings.items.iter().flat_map(of).collect())
}

/// The last evaluation.
///
/// # Errors
/// Those of the store.
pub async fn last(context: &Context) -> Result<Option<Evaluation>> {
    Registry::new(context).body(LAST).await
}

fn value(scored: &Scored, metric: &str) -> f64 {
    scored.metrics.get(metric).map_or(0.0, |mean| mean.value)
}

/// The columns that people see; `--json` has all.
const SHOWN: [&str; 9] =
    ["ndcg@10", "ndcg@20", "recall@10", "recall@20", "recall@50", "hit@10", "map", "mrr", "coverage@10"];

fn print(report: &Value, printer: Printer) {
    let Ok(evaluation) = serde_json::from_value::<Evaluation>(report.clone()) else { return printer.line(report) };
    let Evaluation { split, train, test, newcomers, table, .. } = evaluation;
    let users = table.first().map_or(0, |scored| scored.users);
    printer.note(format_args!(
        "{} split: {train} ratings to learn from, {test} to find, {users} users; {}",
        split.name(),
        if matches!(split, SplitKind::Items { .. }) { "new items ranked" } else { "all items ranked" }
    ));
    if newcomers > 0 {
        printer.note(format_args!("left out {newcomers} users who have nothing to learn from"));
    }
    let mut header = vec!["algorithm"];
    header.extend(SHOWN);
    header.extend(["novelty", "popularity lift", "seconds"]);
    let number = |mean: Option<&Mean>| mean.map_or(String::new(), |mean| format!("{:.4}", mean.value));
    let row = |scored: &Scored| {
        let mut row = vec![scored.parameters.algorithm.name().to_owned()];
        row.extend(SHOWN.map(|name| number(scored.metrics.get(name))));
        row.push(number(scored.metrics.get("novelty@10")));
        row.push(number(scored.metrics.get("popularity-lift@10")));
        row.push(format!("{:.2}", scored.seconds));
        row
    };
    printer.table(&header, table.iter().map(row));
    let interval = |scored: &Scored| {
        let mean = scored.metrics.get("ndcg@10")?;
        Some(format!("{} {:.4}–{:.4}", scored.parameters.algorithm.name(), mean.low?, mean.high?))
    };
    let intervals: Vec<String> = table.iter().filter_map(interval).collect();
    printer.note(format_args!("95 % intervals of ndcg@10: {}", intervals.join(", ")));
}
