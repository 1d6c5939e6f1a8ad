//! `recommend-all`: lists for all users, as a file: for mails, or a cache.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bootcamp_core::{Error, Filter, Id, MAX_K, Output, Query, Record, Result, SearchRequest, Vector};
use bootcamp_kit::command::watched;
use bootcamp_kit::{Context, OwnCommand, Printer, Watch};
use clap::{Arg, ArgMatches, Command, value_parser};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{k, with_terms};
use crate::collections::FACTORS;
use crate::model::fit::stopped;
use crate::serving::{Model, Serving};
use crate::truth::events::item_id;
use crate::truth::load::load;

pub const COMMAND: OwnCommand = OwnCommand { define, writes: false, run };

/// Users searched for in one call.
const BATCH: usize = 256;

fn define() -> Command {
    with_terms(Command::new("recommend-all").about("Write the recommendations of all users to a file")).arg(
        Arg::new("file")
            .required(true)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("JSON lines: {\"user\": …, \"items\": […], \"scores\": […]}"),
    )
}

fn run(context: Context, matches: ArgMatches, printer: Printer) -> BoxFuture<'static, Result<ExitCode>> {
    Box::pin(async move {
        let path = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
        let filter = matches.get_one::<String>("filter").map(|text| Filter::parse(text)).transpose()?;
        let watch = Watch::default();
        let writing = write(&context, &path, k(&matches), filter, &watch);
        let users = watched("recommending", &watch, printer, writing).await?;
        if printer.json {
            printer.json(&json!({"users": users, "file": path.display().to_string()}))?;
        } else {
            printer.line(format_args!("{users} users in {}", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The file appears whole or not at all.
async fn write(context: &Context, path: &Path, k: usize, filter: Option<Filter>, watch: &Watch) -> Result<usize> {
    let model = Serving::default().model(context).await?;
    let truth = load(context, model.info.duplicates, watch).await?;
    let mut seen: HashMap<&str, HashSet<Id>> = HashMap::new();
    let ids: Vec<Id> = truth.ratings.items.iter().map(|item| item_id(item)).collect();
    for rating in &truth.ratings.list {
        let user = truth.ratings.users[rating.user as usize].as_str();
        seen.entry(user).or_default().insert(ids[rating.item as usize].clone());
    }
    watch.set_total(truth.ratings.users.len() as u64);
    let failed = |error: std::io::Error| Error::io("cannot write", path, error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = std::io::BufWriter::new(tempfile::NamedTempFile::new_in(folder).map_err(failed)?);
    let mut users = model.users.store.batches(&model.users.collection, None, Output::only([FACTORS, "user"]));
    let mut count = 0;
    while let Some(records) = users.try_next().await? {
        for batch in records.chunks(BATCH) {
            if watch.is_cancelled() {
                return Err(stopped());
            }
            for line in lists(&model, batch, &seen, k, filter.as_ref()).await? {
                writeln!(file, "{line}").map_err(failed)?;
            }
            count += batch.len();
            watch.advance(batch.len() as u64);
        }
    }
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(count)
}

/// The lists of some users, one JSON object each.
async fn lists(
    model: &Model,
    users: &[Record],
    seen: &HashMap<&str, HashSet<Id>>,
    k: usize,
    filter: Option<&Filter>,
) -> Result<Vec<Value>> {
    let name = |record: &Record| record.fields.get("user").and_then(Value::as_str).unwrap_or_default().to_owned();
    let empty = HashSet::new();
    let of = |record: &Record| seen.get(name(record).as_str()).unwrap_or(&empty);
    let most = users.iter().map(|record| of(record).len()).max().unwrap_or_default();
    let vector = |record: &Record| match record.vectors.get(FACTORS) {
        Some(Vector::F32(vector)) => Query::from(vector.clone()),
        _ => Query::from(vec![0.0; model.info.dim]),
    };
    let request = SearchRequest {
        filter: filter.cloned(),
        output: Output::only(["item"]),
        ..SearchRequest::batch(FACTORS, users.iter().map(vector).collect(), (k + most).min(MAX_K))
    };
    let found = model.items.store.search(&model.items.collection, &request).await?;
    let list = |(record, hits): (&Record, Vec<bootcamp_core::Hit>)| {
        let own = of(record);
        let hits: Vec<_> = hits.into_iter().filter(|hit| !own.contains(&hit.id)).take(k).collect();
        let items: Vec<Value> = hits.iter().map(|hit| hit.fields.get("item").cloned().unwrap_or_default()).collect();
        let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
        json!({"user": name(record), "items": items, "scores": scores})
    };
    Ok(users.iter().zip(found).map(list).collect())
}
