//! `list`, `show`, `remove` and `count`: the items of a collection.

use std::path::Path;
use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Filter, Id, Output, PageRequest, Result, scan};
use clap::Args;
use futures::{StreamExt, TryStreamExt};

use crate::api::ItemBody;
use crate::ingest::source_id;
use crate::items::{looks_like_id, narrowed, no_item, remove as remove_items, remove_where};
use crate::printer::Printer;
use crate::solution::Solution;
use crate::source::place_name;

/// Items read per request.
const PAGE: usize = 1000;

#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only items that match this filter
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
    /// The maximum number of items; 0 for all
    #[arg(long, env = "BOOTCAMP_LIMIT", value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only items after this id
    #[arg(long, env = "BOOTCAMP_AFTER", value_name = "ID")]
    after: Option<String>,
    /// Only items of this source: a file, or a source's id
    #[arg(long, env = "BOOTCAMP_SOURCE", value_name = "SOURCE")]
    source: Option<String>,
}

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The item's id, or the file it came from
    id: String,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub struct RemoveArgs {
    /// The items' ids
    #[arg(value_name = "ID", group = "what")]
    pub ids: Vec<String>,
    /// All items that match this filter
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION", group = "what")]
    pub filter: Option<String>,
    /// All items of this source: a file, or a source's id
    #[arg(long, env = "BOOTCAMP_SOURCE", value_name = "SOURCE", group = "what")]
    pub source: Option<String>,
}

#[derive(Args, Debug)]
pub struct CountArgs {
    /// Only items that match this filter
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Only items of this source: a file, or a source's id
    #[arg(long, env = "BOOTCAMP_SOURCE", value_name = "SOURCE")]
    source: Option<String>,
}

/// Resolves a source's id from an argument: the id itself, a file, or a `path` of items.
pub fn source(text: &str) -> String {
    if looks_like_id(text) {
        return text.to_owned();
    }
    let path = place_name(Path::new(text));
    source_id(path.as_deref().unwrap_or(text)).to_string()
}

fn filter(filter: Option<&str>, source_name: Option<&str>) -> Result<Option<Filter>> {
    narrowed(filter, source_name.map(source).as_deref())
}

pub async fn list(solution: &dyn Solution, args: ListArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    context.existing().await?;
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let request = PageRequest {
        filter: filter(args.filter.as_deref(), args.source.as_deref())?,
        after: args.after.map(Id::from),
        limit: PAGE.min(limit),
        output: context.output(&solution.collection()),
    };
    let mut items = scan(&*context.store, &context.collection, request).take(limit);
    let spans = context.facts.spans;
    let header: Vec<_> =
        ["id"].into_iter().chain(spans.then_some("span")).chain(["label", "title", "caption"]).collect();
    let mut rows = Vec::new();
    while let Some(record) = items.try_next().await? {
        let Some(id) = record.id else { continue };
        let item = ItemBody::new(solution, id, record.fields);
        if printer.json {
            printer.json(&item)?;
        } else {
            let mut row = vec![item.id.to_string()];
            row.extend(spans.then(|| item.span.map(|span| span.to_string()).unwrap_or_default()));
            row.extend([item.label.unwrap_or_default(), item.title, item.caption.unwrap_or_default()]);
            rows.push(row);
        }
        // Printed in parts, because column widths depend on all rows.
        if rows.len() == PAGE {
            printer.table(&header, rows.drain(..));
        }
    }
    if !rows.is_empty() {
        printer.table(&header, rows);
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(solution: &dyn Solution, args: ShowArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let output = context.output(&solution.collection());
    // A source has the id of its first item.
    let id = Id::from(source(&args.id));
    let found = context.store.get(&context.collection, std::slice::from_ref(&id), &output).await;
    let record = context.or_missing(found).await?.into_iter().next();
    let record = record.ok_or_else(|| no_item(&Id::from(args.id)))?;
    let item = ItemBody::new(solution, id, record.fields);
    if printer.json {
        printer.json(&item)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![vec!["id".to_owned(), item.id.to_string()], vec!["title".to_owned(), item.title]];
    rows.extend(item.span.map(|span| vec!["span".to_owned(), span.to_string()]));
    rows.extend(
        item.fields
            .iter()
            .map(|(name, value)| vec![name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]),
    );
    printer.table(&["field", "value"], rows);
    if let Some(source) = item.source {
        let of_source = narrowed(None, Some(&source))?;
        let count = context.store.count(&context.collection, of_source.as_ref()).await?;
        if count > 1 {
            printer.note(format_args!("one of {count} items of its source; list all with: list --source {source}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn remove(solution: &dyn Solution, args: RemoveArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    context.existing().await?;
    let ids: Vec<Id> = args.ids.into_iter().map(Id::from).collect();
    let wanted = filter(args.filter.as_deref(), args.source.as_deref())?;
    let removed;
    if wanted.is_some() {
        removed = remove_where(context, &wanted).await?;
        if let (0, Some(source)) = (removed, &args.source) {
            return Err(Error::new(ErrorKind::NotFound, format!("there are no items of {source}")));
        }
    } else {
        let found = context.store.get(&context.collection, &ids, &Output::ids()).await?;
        if let Some(missing) = ids.iter().find(|id| !found.iter().any(|record| record.id.as_ref() == Some(id))) {
            return Err(no_item(missing).with_hint("nothing removed"));
        }
        removed = ids.len() as u64;
        remove_items(context, ids).await?;
    }
    print_removed(removed, printer)
}

/// Says how many items were removed.
pub fn print_removed(removed: u64, printer: Printer) -> Result<ExitCode> {
    if printer.json {
        printer.json(&serde_json::json!({"removed": removed}))?
    } else {
        printer.line(format_args!("{removed} removed"))
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn count(solution: &dyn Solution, args: CountArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let filter = filter(args.filter.as_deref(), args.source.as_deref())?;
    let counted = context.store.count(&context.collection, filter.as_ref()).await;
    let count = context.or_missing(counted).await?;
    if printer.json {
        printer.json(&serde_json::json!({"count": count}))?
    } else {
        printer.line(count)
    }
    Ok(ExitCode::SUCCESS)
}
