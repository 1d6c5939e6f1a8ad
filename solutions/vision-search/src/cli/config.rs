//! `config`: what is in force, and where each value comes from.

use std::process::ExitCode;

use bootcamp_core::Result;
use serde_json::json;

use super::App;

pub fn run(app: &App) -> Result<ExitCode> {
    let rows = app.brain.stores.config().shown()?;
    if app.printer.json {
        let row = |row: &crate::config::Shown| json!({"key": row.key, "value": row.value, "origin": row.origin.as_ref().map(ToString::to_string)});
        app.printer.json(&rows.iter().map(row).collect::<Vec<_>>())?;
    } else {
        app.printer.table(
            &["setting", "value", "from"],
            rows.into_iter().map(|row| {
                let origin = row.origin.map_or(String::new(), |origin| origin.to_string());
                vec![row.key, row.value.unwrap_or_default(), origin]
            }),
        );
    }
    Ok(ExitCode::SUCCESS)
}
