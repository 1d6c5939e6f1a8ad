//! Rows of CSV and JSON-lines files, one at a time.

mod columns;
mod lines;

use std::fs::File;
use std::path::Path;

use bootcamp_core::{Error, Fields, Result};
use serde_json::Value;

use super::notes::Notes;
use crate::names::path_name;

pub use columns::Types;
pub use lines::Lines;

/// The maximum size of a row with line breaks in it, in bytes.
const MAX_ROW: usize = 8 << 20;

/// Rows as they are read: the line in the file, from 1, and the columns, or why it cannot be read.
pub type Rows = Box<dyn Iterator<Item = (u64, Result<Fields>)> + Send>;

/// The rows of a `.csv`, `.tsv` or `.jsonl` file; `None` for other files. The cells of a column all have one type (see
/// [`Types`]), empty ones and nulls are left out. The delimiter is the one that gives the column `wanted`.
///
/// # Errors
/// `InvalidInput` when a CSV has no header or is in UTF-16; those of the file system.
pub fn rows(path: &Path, wanted: &str, notes: &Notes) -> Result<Option<Rows>> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let name = path_name(path);
    let open = || Lines::new(File::open(path).map_err(|error| Error::io("cannot read", path, error))?);
    let is_tab = match extension.as_deref() {
        Some("csv") => false,
        Some("tsv") => true,
        Some("jsonl" | "ndjson") => {
            return open().map(|lines| Some(without_nulls(json_lines(lines.noting(notes, &name)))));
        }
        _ => return Ok(None),
    };
    let table = |lines: Lines| Table::new(lines, is_tab, |names| names.contains(&wanted).then_some(0));
    let mut types = Types::default();
    let first = table(open()?)?;
    let names = first.header.clone();
    for cells in first.filter_map(|(_, cells)| cells.ok()) {
        names.iter().zip(&cells).for_each(|(name, cell)| types.note(name, cell));
    }
    let typed = move |cells: Vec<String>| {
        let cells = names.iter().zip(cells);
        cells.filter_map(|(name, cell)| Some((name.clone(), types.value(name, cell)?))).collect()
    };
    Ok(Some(Box::new(table(open()?.noting(notes, &name))?.map(move |(line, cells)| (line, cells.map(&typed))))))
}

fn without_nulls(rows: Rows) -> Rows {
    Box::new(rows.map(|(line, fields)| {
        let fields = fields.map(|mut fields| {
            fields.retain(|_, value| !value.is_null());
            fields
        });
        (line, fields)
    }))
}

/// Objects, one a line; blank lines are passed over.
pub fn json_lines(lines: Lines) -> Rows {
    let filled = |(_, line): &(u64, Result<String>)| !matches!(line, Ok(line) if line.trim().is_empty());
    Box::new(lines.filter(filled).map(|(number, line)| {
        let fields = line.and_then(|line| {
            serde_json::from_str(&line)
                .map_err(|error| Error::invalid(format!("the line is not a JSON object: {error}")))
        });
        (number, fields)
    }))
}

/// The rows of a table with a header, as the cells' texts. A bad row costs no other.
#[derive(Debug)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    delimiter: u8,
    rows: Texts,
}

impl Table {
    /// The delimiter is a comma, a tab (first, if `is_tab`), a semicolon or a bar: the one that gives the column that is
    /// wanted. `misfit` tells how far the best of some names is from that; `None` when none of them is it.
    ///
    /// # Errors
    /// `InvalidInput` for a table without a header.
    pub fn new(lines: Lines, is_tab: bool, misfit: impl Fn(&[&str]) -> Option<usize>) -> Result<Self> {
        let mut rows = Texts { lines, waiting: Vec::new() };
        let (_, header) = rows.next().ok_or_else(|| Error::invalid("the table is empty, without a header"))?;
        let header = header?;
        let delimiters = if is_tab { *b"\t,;|" } else { *b",\t;|" };
        let delimiter = columns::delimiter(&header, delimiters, misfit);
        Ok(Self { header: columns::cells(&header, delimiter)?, delimiter, rows })
    }

    fn cells(&self, text: &str) -> Result<Vec<String>> {
        let (cells, wanted) = (columns::cells(text, self.delimiter)?, self.header.len());
        match cells.len() {
            count if count == wanted => Ok(cells),
            count => Err(Error::invalid(format!("the row has {count} cells, but the header has {wanted}"))),
        }
    }
}

impl Iterator for Table {
    type Item = (u64, Result<Vec<String>>);

    fn next(&mut self) -> Option<Self::Item> {
        let (line, text) = self.rows.find(|(_, text)| !matches!(text, Ok(text) if text.trim().is_empty()))?;
        Some((line, text.and_then(|text| self.cells(&text))))
    }
}

/// The texts of rows, some of several lines: a quote that is open at a line's end goes on.
#[derive(Debug)]
struct Texts {
    lines: Lines,
    /// Lines to read again, the last first: those after one whose quote never closed.
    waiting: Vec<(u64, Result<String>)>,
}

impl Texts {
    fn line(&mut self) -> Option<(u64, Result<String>)> {
        self.waiting.pop().or_else(|| self.lines.next())
    }
}

impl Iterator for Texts {
    type Item = (u64, Result<String>);

    fn next(&mut self) -> Option<Self::Item> {
        let (number, line) = self.line()?;
        let Ok(first) = line else { return Some((number, line)) };
        if !is_open(&first) {
            return Some((number, Ok(first)));
        }
        let mut text = first;
        let mut more = Vec::new();
        let mut length = text.len();
        while let Some((at, line)) = self.line() {
            // Many lines without a closing quote are not one row but a row with a quote too many.
            let goes_on = length < MAX_ROW && more.len() < 1000 && line.is_ok();
            length += line.as_ref().map_or(0, String::len);
            let closes = matches!(&line, Ok(line) if is_open(line));
            more.push((at, line));
            if closes || !goes_on {
                break;
            }
        }
        if !matches!(more.last(), Some((_, Ok(line))) if is_open(line)) {
            self.waiting.extend(more.into_iter().rev());
            return Some((number, Err(Error::invalid("the row has a quote that is never closed"))));
        }
        for (_, line) in more {
            text.push('\n');
            text.push_str(&line.unwrap_or_default());
        }
        Some((number, Ok(text)))
    }
}

fn is_open(line: &str) -> bool {
    !line.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2)
}

/// A field's text: of a number, too; a list, an object and null are none.
pub fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
