//! Rows of CSV and JSON-lines files, one at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use bootcamp_core::{Error, Fields, Result};
use serde_json::Value;

/// Rows as they are read: the line in the file, from 1, and the columns, or why it cannot be read.
pub type Rows = Box<dyn Iterator<Item = (u64, Result<Fields>)> + Send>;

/// The rows of a `.csv`, `.tsv` or `.jsonl` file; `None` for other files. Cells of a CSV that read as numbers or truth
/// values become such, empty ones are left out.
///
/// # Errors
/// `InvalidInput` when a CSV has no header; those of the file system.
pub fn rows(path: &Path) -> Result<Option<Rows>> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let open = || File::open(path).map_err(|error| Error::io("cannot read", path, error));
    match extension.as_deref() {
        Some("csv") => csv(open()?, b',').map(Some),
        Some("tsv") => csv(open()?, b'\t').map(Some),
        Some("jsonl" | "ndjson") => Ok(Some(json_lines(open()?))),
        _ => Ok(None),
    }
}

fn csv(file: File, delimiter: u8) -> Result<Rows> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(|error| Error::invalid(format!("it has no header: {error}")))?;
    let names: Vec<String> = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    Ok(Box::new(reader.into_records().map(move |record| match record {
        Ok(record) => {
            let cells = names.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
            let fields = cells.map(|(name, cell)| (name.clone(), value(cell))).collect();
            (record.position().map_or(0, csv::Position::line), Ok(fields))
        }
        Err(error) => {
            let line = error.position().map_or(0, csv::Position::line);
            (line, Err(Error::invalid(format!("cannot read the row: {error}"))))
        }
    })))
}

/// `007` and `1e5` stay text: what does not look the same as a number is none.
fn value(cell: &str) -> Value {
    let parsed: Option<Value> = serde_json::from_str(cell).ok();
    let value = parsed.filter(|value| value.is_boolean() || value.is_number());
    let written = value.as_ref().map(Value::to_string);
    value.filter(|_| written.as_deref() == Some(cell)).unwrap_or_else(|| cell.into())
}

fn json_lines(file: File) -> Rows {
    let lines = BufReader::new(file).lines().zip(1..);
    Box::new(lines.filter(|(line, _)| !line.as_ref().is_ok_and(|line| line.trim().is_empty())).map(|(line, number)| {
        let fields = line.map_err(|error| Error::invalid(format!("cannot read the line: {error}")));
        let fields = fields.and_then(|line| {
            serde_json::from_str(&line)
                .map_err(|error| Error::invalid(format!("the line is not a JSON object: {error}")))
        });
        (number, fields)
    }))
}
