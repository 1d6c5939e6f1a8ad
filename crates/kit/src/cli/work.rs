//! Commands of a program's own kinds of work, such as `train`.

use std::process::ExitCode;

use bootcamp_core::Result;
use serde_json::Value;

use super::{INTERRUPTED, watched};
use crate::context::Context;
use crate::options::Options;
use crate::printer::Printer;
use crate::program::Work;
use crate::watch::Watch;

pub async fn run(context: Context, work: &Work, options: Options, printer: Printer) -> Result<ExitCode> {
    let watch = Watch::default();
    let done = watched(work.name, &watch, printer, (work.run)(context, options, watch.clone())).await;
    if watch.is_cancelled() {
        printer.note(format_args!("{} was cancelled", work.name));
        return Ok(INTERRUPTED.into());
    }
    finish(work, &done?, printer)
}

/// Prints the result of the work.
pub fn finish(work: &Work, report: &Value, printer: Printer) -> Result<ExitCode> {
    match (report, work.print) {
        _ if printer.json => printer.json(report)?,
        (report, Some(print)) => print(report, printer),
        (Value::Object(fields), None) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            printer.table(&[], fields.iter().map(|(name, value)| vec![name.clone(), text(value)]));
        }
        (other, None) => printer.line(other),
    }
    Ok(ExitCode::SUCCESS)
}
