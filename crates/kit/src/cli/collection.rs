//! `info` and `drop`: the collection as a whole.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use bootcamp_core::{Error, Result, VectorKind};
use clap::Args;

use crate::api::InfoBody;
use crate::printer::Printer;
use crate::solution::Solution;

#[derive(Args, Debug)]
pub struct DropArgs {
    /// Do not ask
    #[arg(long, short, env = "BOOTCAMP_YES")]
    yes: bool,
}

pub async fn info(solution: &dyn Solution, printer: Printer) -> Result<ExitCode> {
    let info = InfoBody::new(solution, solution.context().limits.bytes, Vec::new()).await?;
    if printer.json {
        printer.json(&info)?;
        return Ok(ExitCode::SUCCESS);
    }
    let index = info.index.map_or("none before the first import".to_owned(), |index| {
        format!("{}, {} of {} items in it", index.served_by, index.indexed, info.count)
    });
    let model = info.model.map(|model| {
        ("model", format!("{}: {} ({} numbers; {})", model.name, model.summary, model.dim, model.licence))
    });
    let vectors = info.vectors.map(|vectors| {
        let unit = if vectors.kind == VectorKind::Binary { "bits" } else { "numbers" };
        ("vectors", format!("{}: {} ({} {unit})", vectors.name, vectors.summary, vectors.dim))
    });
    let fields: Vec<_> = info.fields.iter().map(|field| format!("{} ({})", field.name, field.kind)).collect();
    let rows = [
        ("collection", info.collection),
        ("items", info.count.to_string()),
        ("store", format!("{} {}", info.store.server, info.store.version)),
        model.or(vectors).unwrap_or(("model", "none".to_owned())),
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
    if !args.yes && !confirmed(&format!("Remove collection '{name}' with {count} items? [y/N] "))? {
        printer.note("nothing was removed");
        return Ok(ExitCode::SUCCESS);
    }
    context.store.remove(name).await?;
    context.media.remove_all()?;
    if printer.json {
        printer.json(&serde_json::json!({"dropped": name, "count": count}))?;
    } else {
        printer.line(format_args!("dropped {name} with {count} items"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks on the terminal.
fn confirmed(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::invalid("nobody is there to confirm it").with_hint("give --yes"));
    }
    let mut answer = String::new();
    let _ = write!(std::io::stderr(), "{question}");
    let _ = std::io::stderr().flush();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
