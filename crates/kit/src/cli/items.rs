//! `list`, `show`, `remove` and `count`: the items of a collection.

use std::process::ExitCode;

use bootcamp_core::{Filter, Id, Output, PageRequest, Result, scan};
use clap::Args;
use futures::{StreamExt, TryStreamExt};

use crate::api::ItemBody;
use crate::printer::Printer;
use crate::query::{no_item, remove as remove_items};
use crate::solution::Solution;

/// Items that are removed together.
const PAGE: usize = 1000;

#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only items for which this holds
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Most items; 0 for all
    #[arg(long, env = "BOOTCAMP_LIMIT", value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only items after this id
    #[arg(long, env = "BOOTCAMP_AFTER", value_name = "ID")]
    after: Option<String>,
}

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Its id
    id: String,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub struct RemoveArgs {
    /// Their ids
    #[arg(value_name = "ID", group = "what")]
    pub ids: Vec<String>,
    /// All items for which this holds
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION", group = "what")]
    pub filter: Option<String>,
}

#[derive(Args, Debug)]
pub struct CountArgs {
    /// Only items for which this holds
    #[arg(long, env = "BOOTCAMP_FILTER", value_name = "EXPRESSION")]
    filter: Option<String>,
}

fn filter(text: Option<&str>) -> Result<Option<Filter>> {
    text.map(Filter::parse).transpose()
}

pub async fn list(solution: &dyn Solution, args: ListArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    context.existing().await?;
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let request = PageRequest {
        filter: filter(args.filter.as_deref())?,
        after: args.after.map(Id::from),
        limit: PAGE.min(limit),
        output: context.output(&solution.collection()),
    };
    let mut items = scan(&*context.store, &context.collection, request).take(limit);
    let mut rows = Vec::new();
    while let Some(record) = items.try_next().await? {
        let Some(id) = record.id else { continue };
        let item = ItemBody::new(solution, id, record.fields);
        if printer.json {
            printer.json(&item)?;
        } else {
            let (id, label) = (item.id.to_string(), item.label.unwrap_or_default());
            rows.push(vec![id, label, item.title, item.caption.unwrap_or_default()]);
        }
        // A table is as wide as its widest row, so it comes in parts.
        if rows.len() == PAGE {
            printer.table(&["id", "label", "title", "caption"], rows.drain(..));
        }
    }
    if !rows.is_empty() {
        printer.table(&["id", "label", "title", "caption"], rows);
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(solution: &dyn Solution, args: ShowArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let (id, output) = (Id::from(args.id), context.output(&solution.collection()));
    let found = context.store.get(&context.collection, std::slice::from_ref(&id), &output).await;
    let record = context.or_missing(found).await?.into_iter().next().ok_or_else(|| no_item(&id))?;
    let item = ItemBody::new(solution, id, record.fields);
    if printer.json {
        printer.json(&item)?;
    } else {
        let mut rows = vec![vec!["id".to_owned(), item.id.to_string()], vec!["title".to_owned(), item.title]];
        rows.extend(
            item.fields.iter().map(|(name, value)| {
                vec![name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]
            }),
        );
        printer.table(&["field", "value"], rows);
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn remove(solution: &dyn Solution, args: RemoveArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    context.existing().await?;
    let ids: Vec<Id> = args.ids.into_iter().map(Id::from).collect();
    let mut removed = 0;
    if let Some(filter) = filter(args.filter.as_deref())? {
        loop {
            // From the beginning each time: what was there is gone.
            let request = PageRequest {
                filter: Some(filter.clone()),
                limit: PAGE,
                output: Output::ids(),
                ..PageRequest::default()
            };
            let page = context.store.page(&context.collection, &request).await?;
            let ids: Vec<Id> = page.records.into_iter().filter_map(|record| record.id).collect();
            if ids.is_empty() {
                break;
            }
            removed += ids.len();
            remove_items(context, ids).await?;
        }
    } else {
        let found = context.store.get(&context.collection, &ids, &Output::ids()).await?;
        if let Some(missing) = ids.iter().find(|id| !found.iter().any(|record| record.id.as_ref() == Some(id))) {
            return Err(no_item(missing).with_hint("nothing was removed"));
        }
        removed = ids.len();
        remove_items(context, ids).await?;
    }
    print_removed(removed, printer)
}

pub fn print_removed(removed: usize, printer: Printer) -> Result<ExitCode> {
    if printer.json {
        printer.json(&serde_json::json!({"removed": removed}))?
    } else {
        printer.line(format_args!("{removed} removed"))
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn count(solution: &dyn Solution, args: CountArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let filter = filter(args.filter.as_deref())?;
    let counted = context.store.count(&context.collection, filter.as_ref()).await;
    let count = context.or_missing(counted).await?;
    if printer.json {
        printer.json(&serde_json::json!({"count": count}))?
    } else {
        printer.line(count)
    }
    Ok(ExitCode::SUCCESS)
}
