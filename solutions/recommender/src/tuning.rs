//! `tune` as a job: searches for the best hyper-parameters of an algorithm on a validation split.

use bootcamp_core::{Error, Result};
use bootcamp_kit::{Context, OptionValue, Options, Printer, ProgramOption, Watch, Work, blocking, hex};
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::evaluation::metrics::NAMES;
use crate::evaluation::split::Split;
use crate::evaluation::{Scored, evaluate, tune};
use crate::measuring::{RELEVANT, SHARE, SPLIT, Setting, Telling};
use crate::model::fit::stopped;
use crate::model::{Algorithm, Parameters, parameters};
use crate::moment;
use crate::ratings::{Duplicates, Ratings};
use crate::registry::Registry;
use crate::training::{DUPLICATES, MIN_VALUE, reading};
use crate::trials::{Trial, find, keep};
use crate::truth::load::load;

pub const TUNE: Work = Work {
    name: "tune",
    about: "Searches for the best parameters of an algorithm; goes on where it was interrupted",
    options: OPTIONS,
    run: |context, options, watch| Box::pin(run(context, options, watch)) as BoxFuture<'static, Result<Value>>,
    print: Some(print),
};

/// Trials, unless an option says otherwise.
const TRIALS: usize = 20;

const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "algorithm",
        "BOOTCAMP_ALGORITHM",
        "The algorithm",
        OptionValue::OneOf(&["als", "bpr", "ease", "item-knn"]),
    ),
    ProgramOption::new(
        "trials",
        "BOOTCAMP_TRIALS",
        "How many sets of parameters are tried [default: 20]",
        OptionValue::Number { least: 1.0, most: 10_000.0 },
    ),
    ProgramOption::new(
        "metric",
        "BOOTCAMP_METRIC",
        "What is best",
        OptionValue::OneOf(&["ndcg@10", "ndcg@20", "recall@10", "recall@20", "recall@50", "map", "mrr"]),
    ),
    SPLIT,
    SHARE,
    RELEVANT,
    MIN_VALUE,
    DUPLICATES,
    parameters::SEED,
];

/// What trials are compared in.
fn setting(measure: &Setting, duplicates: Duplicates, ratings: &Ratings) -> String {
    let mut sum = 0_u64;
    for rating in &ratings.list {
        let parts = u64::from(rating.user) << 32 | u64::from(rating.item);
        sum = sum.rotate_left(7) ^ parts.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(rating.value.to_bits());
    }
    hex(format!("{measure:?} {duplicates:?} {} {sum}", ratings.list.len()).as_bytes())[..20].to_owned()
}

async fn run(context: Context, options: Options, watch: Watch) -> Result<Value> {
    let algorithm = Algorithm::named(options.get("algorithm").unwrap_or("als"))?;
    let count = options.number("trials").map_or(TRIALS, |count| count as usize);
    let metric = options.get("metric").unwrap_or("ndcg@10").to_owned();
    if !NAMES.contains(&&*metric) {
        return Err(Error::invalid(format!("there is no metric '{metric}'")));
    }
    let (duplicates, _) = reading(&options);
    let truth = load(&context, duplicates, &watch).await?;
    let measure = Setting::of(&options, &truth.ratings);
    let setting = setting(&measure, duplicates, &truth.ratings);
    let split = blocking(move || {
        // What `evaluate` measures with stays unseen: trials are compared on another part, of the same kind.
        let outer = measure.split(&truth.ratings)?;
        Split::new(&outer.train, measure.kind, measure.relevant, &measure.liking, measure.seed)
    })
    .await?;
    let split = std::sync::Arc::new(split);
    let registry = Registry::new(&context);
    watch.set_total(count as u64);
    let mut trials: Vec<Trial> = Vec::with_capacity(count);
    let mut before = 0;
    for number in 0..count {
        let parameters = tune::trial(algorithm, &Parameters::of(algorithm), measure.seed, number);
        let trial = match find(&registry, &setting, &parameters).await? {
            Some(known) => {
                before += 1;
                Trial { metric: metric.clone(), ..known }
            }
            None => {
                if watch.is_cancelled() {
                    return Err(stopped());
                }
                let (split, watch, tried) = (std::sync::Arc::clone(&split), watch.clone(), parameters.clone());
                let scored = blocking(move || {
                    let what = format!("trial {} of {count}: {}", number + 1, tried.shown());
                    watch.say(what.clone());
                    evaluate(&split, &measure.liking, &tried, None, &Telling { watch: &watch, what })
                })
                .await?;
                let trial = Trial { setting: setting.clone(), metric: metric.clone(), at: moment::now(), scored };
                keep(&registry, &trial).await?;
                trial
            }
        };
        watch.advance(1);
        trials.push(trial);
    }
    trials.sort_by(|a, b| b.value().total_cmp(&a.value()));
    let best = trials.first().map(|trial| trial.scored.parameters.clone());
    if let Some(best) = trials.first() {
        // Looked for by its time: the setting that was tuned last is the one that `--tuned` means.
        keep(&registry, &Trial { at: moment::now(), ..best.clone() }).await?;
    }
    Ok(json!({
        "algorithm": algorithm.name(), "metric": metric, "trials": trials, "known_before": before,
        "best": best, "use": format!("train --algorithm {} --tuned", algorithm.name()),
    }))
}

fn print(report: &Value, printer: Printer) {
    let trials: Vec<Trial> = serde_json::from_value(report["trials"].clone()).unwrap_or_default();
    let metric = report["metric"].as_str().unwrap_or_default();
    let row = |trial: &Trial| {
        let Scored { parameters, seconds, .. } = &trial.scored;
        vec![format!("{:.4}", trial.value()), format!("{seconds:.2}"), parameters.shown()]
    };
    printer.table(&[metric, "seconds", "parameters"], trials.iter().map(row));
    if let Some(known @ 1..) = report["known_before"].as_u64() {
        printer.note(format_args!("{known} of these trials were made before"));
    }
    if let Some(how) = report["use"].as_str() {
        printer.note(format_args!("to use the best: recommender {how}"));
    }
}
