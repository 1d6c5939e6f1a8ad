//! `info` and `drop`: the collection as a whole.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use bootcamp_core::{Error, ErrorKind, Result, VectorKind};
use clap::Args;

use crate::info::InfoBody;
use crate::printer::Printer;
use crate::program::Program;
use crate::solution::Solution;

#[derive(Args, Debug)]
pub struct DropArgs {
    /// Do not ask for confirmation
    #[arg(long, short, env = "BOOTCAMP_YES")]
    yes: bool,
}

pub async fn info(program: &Program, solution: &dyn Solution, printer: Printer) -> Result<ExitCode> {
    let info = InfoBody::new(program, solution, solution.context().limits.bytes, Vec::new()).await?;
    if printer.json {
        printer.json(&info)?;
        return Ok(ExitCode::SUCCESS);
    }
    let index = info.index.map_or("none before the first import".to_owned(), |index| {
        format!("{}, {} of {} items indexed", index.served_by, index.indexed, info.count)
    });
    let vectors = info.vectors.map(|vectors| {
        let unit = if vectors.kind == VectorKind::Binary { "bits" } else { "dimensions" };
        let licence = vectors.licence.map_or(String::new(), |licence| format!("; {licence}"));
        format!("{}: {} ({} {unit}{licence})", vectors.name, vectors.summary, vectors.dim)
    });
    let fields: Vec<_> = info.fields.iter().map(|field| format!("{} ({})", field.name, field.kind)).collect();
    let rows = [
        ("collection", info.collection),
        ("items", info.count.to_string()),
        ("store", format!("{} {}", info.store.server, info.store.version)),
        ("vectors", vectors.unwrap_or("computed by the program".to_owned())),
        ("metric", info.metric),
        ("index", index),
        ("queries", info.accepts.join(", ")),
        ("fields", fields.join(", ")),
        ("program", format!("{} {}", info.name, info.version)),
    ];
    printer.table(&[], rows.map(|(name, value)| vec![name.to_owned(), value]));
    Ok(ExitCode::SUCCESS)
}

pub async fn drop(solution: &dyn Solution, args: DropArgs, printer: Printer) -> Result<ExitCode> {
    let context = solution.context();
    let count = context.existing().await?.count;
    let name = &context.collection;
    let others: Vec<String> = solution.collections().await?.into_iter().filter(|other| other != name).collect();
    let and = if others.is_empty() { String::new() } else { format!(" and {}", others.join(", ")) };
    if !args.yes && !confirmed(&format!("Remove collection '{name}' with {count} items{and}? [y/N] "))? {
        printer.note("nothing removed");
        return Ok(ExitCode::SUCCESS);
    }
    // Its own last: while it is there, the command can be repeated.
    for collection in others.iter().chain([name]) {
        match context.store.remove(collection).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => other?,
        }
    }
    context.media.remove_all()?;
    if printer.json {
        printer.json(&serde_json::json!({"dropped": name, "count": count, "others": others}))?;
    } else {
        printer.line(format_args!("dropped {name} with {count} items{and}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for confirmation on the terminal.
fn confirmed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::invalid("cannot ask for confirmation: there is no terminal").with_hint("pass --yes"));
    }
    let mut answer = String::new();
    let _ = write!(std::io::stderr(), "{question}");
    let _ = std::io::stderr().flush();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
