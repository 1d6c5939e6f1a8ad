//! `duplicates`

use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Result};
use clap::Args;

use super::score;
use crate::api::GroupBody;
use crate::printer::Printer;
use crate::solution::Solution;
use crate::watch::Watch;

#[derive(Args, Debug)]
pub struct DuplicatesArgs {
    /// The score from which two items are duplicates [default: set by the program]
    #[arg(long, env = "BOOTCAMP_THRESHOLD", value_name = "SCORE", allow_negative_numbers = true)]
    threshold: Option<f32>,
}

pub async fn run(solution: &dyn Solution, args: DuplicatesArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let threshold = args.threshold.or(context.duplicates()).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("{} does not look for duplicates", context.facts.name))
    })?;
    let watch = Watch::default();
    let groups = printer.watch("comparing", &watch, solution.duplicates(threshold, &watch)).await?;
    let groups: Vec<_> = groups.iter().map(|group| GroupBody::new(solution, group)).collect();
    if printer.json {
        printer.json(&serde_json::json!({"threshold": threshold, "groups": groups}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = groups.iter().enumerate().flat_map(|(at, group)| {
        group.items.iter().enumerate().map(move |(n, item)| {
            let first = |text: String| if n == 0 { text } else { String::new() };
            let label = item.label.clone().unwrap_or_default();
            let id = item.id.to_string();
            vec![first((at + 1).to_string()), first(score(group.score)), id, label, item.title.clone()]
        })
    });
    if !groups.is_empty() {
        printer.table(&["", "score", "id", "label", "title"], rows);
    }
    let items: usize = groups.iter().map(|group| group.items.len()).sum();
    printer.line(format_args!("{} groups of {items} items, threshold {threshold}", groups.len()));
    Ok(ExitCode::SUCCESS)
}
