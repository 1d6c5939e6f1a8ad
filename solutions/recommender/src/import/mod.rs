//! Imports tables: of items and users row by row, of ratings file by file.

mod facts;
mod ratings;

use std::collections::BTreeMap;
use std::sync::Arc;

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::ingest::{Import, Prune, ingest};
use bootcamp_kit::source::{Places, Skip, Source, Sources, Wanted, files};
use bootcamp_kit::{Context, Report, Watch, blocking, hex};

use crate::tables::{Kind, Layout, Told, facts as read_facts, join};
use crate::truth::catalogue;
use crate::{collections, moment};
use facts::{FactsOf, Known};
use ratings::Bundles;

/// Extensions of what is taken from folders and archives.
const EXTENSIONS: &[&str] = &["csv", "tsv", "jsonl", "ndjson", "inter", "item", "user", "data", "dat", "gz"];

/// Every table in these places.
///
/// # Errors
/// `NotFound` for a place that is not there.
pub fn discover(places: &Places) -> Result<Sources> {
    files(places, &Wanted::called(EXTENSIONS))
}

/// What an import has found, by kind.
#[derive(Default)]
struct Found {
    ratings: Vec<(Source, Layout)>,
    items: BTreeMap<String, Known>,
    people: BTreeMap<String, Known>,
}

/// Brings tables into the store: facts first, so that a film has its title when its ratings come.
///
/// # Errors
/// What ends the whole import. A table or a row that cannot be read is none; the report lists it.
pub async fn import(context: &Context, import: Import) -> Result<Report> {
    let Import { sources, options, prune, watch, .. } = import;
    let told = Told::of(&options);
    let finding = (told.clone(), watch.clone());
    let Found { ratings, items, people } = blocking(move || Ok(find(sources, &finding.0, &finding.1))).await?;

    let catalogue_spec = collections::catalogue(context);
    let items = FactsOf::Items.sources(context, items).await?;
    let at = collections::people(context);
    let people = FactsOf::People.sources(&at, people).await?;
    let part = |sources: Vec<Source>| Import {
        sources: Box::new(sources.into_iter().map(Ok)),
        names: None,
        options: options.clone(),
        prune: prune.clone(),
        watch: watch.clone(),
    };
    if needs(context, &items, prune.as_ref()).await? {
        ingest(context, &catalogue_spec, FactsOf::Items, part(items)).await?;
    }
    if needs(&at, &people, prune.as_ref()).await? {
        ingest(&at, &collections::people_spec(&at), FactsOf::People, part(people)).await?;
    }
    let at = collections::ratings(context);
    let bundles = Bundles::new(&ratings, watch.clone());
    let met = bundles.met();
    let tables: Vec<Source> = ratings.into_iter().map(|(source, _)| source).collect();
    if needs(&at, &tables, prune.as_ref()).await? {
        ingest(&at, &collections::ratings_spec(&at), bundles, part(tables)).await?;
    }
    let met = std::mem::take(&mut *met.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    if !met.is_empty() {
        let added = catalogue::add_missing(context, &met, moment::now()).await?;
        if added > 0 {
            watch.notes().warn(format!("{added} items have ratings but no facts: they are called by their ids"));
        }
    }
    Ok(watch.report())
}

/// Whether there is anything to do for a collection: to write, or to prune where it exists.
async fn needs(at: &Context, sources: &[Source], prune: Option<&Prune>) -> Result<bool> {
    Ok(!sources.is_empty() || prune.is_some() && at.describe().await?.is_some())
}

/// Looks at every file, and reads those of facts. Blocking.
fn find(sources: Sources, told: &Told, watch: &Watch) -> Found {
    let mut found = Found::default();
    for source in sources {
        if watch.is_cancelled() {
            break;
        }
        let source = match source {
            Ok(source) => source,
            Err(skip) => {
                watch.skip(skip);
                continue;
            }
        };
        let layout = match Layout::of(&source.name, &source.content, told) {
            Ok(Some(layout)) => layout,
            Ok(None) => {
                other(&source, watch);
                continue;
            }
            Err(error) => {
                watch.skip(Skip::new(&source.name, &error));
                continue;
            }
        };
        match layout.kind {
            // How a table is read is part of its version.
            Kind::Ratings => {
                let manner = &hex(format!("{told:?}").as_bytes())[..8];
                found.ratings.push((Source { version: format!("{}-{manner}", source.version), ..source }, layout));
            }
            Kind::Items => take(&mut found.items, &source, &layout, watch),
            Kind::Users => take(&mut found.people, &source, &layout, watch),
        }
    }
    found
}

/// A table that rates nothing: passed over, unless somebody named it.
fn other(source: &Source, watch: &Watch) {
    if !source.origin.place.is_empty() && *source.origin.place != source.name {
        watch.notes().pass_over_file(&source.name);
        return;
    }
    let error = Error::invalid("its rows have no values").with_hint("if each row is an event, say --kind ratings");
    watch.skip(Skip::new(&source.name, &error));
}

fn take(known: &mut BTreeMap<String, Known>, source: &Source, layout: &Layout, watch: &Watch) {
    let read = match read_facts(&source.name, &source.content, layout, watch.notes()) {
        Ok(read) => read,
        Err(error) => return watch.skip(Skip::new(&source.name, &error)),
    };
    for (line, error) in &read.bad {
        watch.skip(Skip::new(format!("{}:{line}", source.name), error));
    }
    if read.of.is_empty() {
        // As if writing it had failed: what it had is not gone.
        watch.notes().empty(&source.name);
    }
    let table: Arc<str> = source.name.as_str().into();
    for (name, fields) in read.of {
        let line = read.lines.get(&name).copied().unwrap_or_default();
        let known =
            known.entry(name).or_insert_with(|| Known { fields: Fields::new(), table: Arc::clone(&table), line });
        join(&mut known.fields, fields);
    }
}
