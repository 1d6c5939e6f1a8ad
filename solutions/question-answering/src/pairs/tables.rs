//! Rows of CSV, TSV and JSON lines.

use std::io::Read;

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::Content;
use bootcamp_kit::source::{Lines, Table, Types, json_lines};
use encoding_rs::{UTF_8, WINDOWS_1252};
use serde_json::Value;

use super::columns::{Columns, Told};
use super::{Format, Pairs};
use crate::encoding::Encoded;
use crate::reading::Reading;

/// The rows of a table, with the types of its other columns.
pub(super) fn read(name: &str, content: &Content, format: Format, reading: &Reading) -> Result<Pairs> {
    let text = encoded(name, content, reading)?;
    let lines = || -> Result<Lines> {
        match &text {
            Some(text) => Lines::new(text.open()?),
            None => Lines::new(content.open()?),
        }
    };
    let told = Told::of(reading);
    let noting = lines()?.noting(&reading.notes, name);
    if format == Format::JsonLines {
        return Ok(objects(noting, told));
    }
    let table = |lines| Table::new(lines, format == Format::Tsv, |names| told.misfit(names));
    let table_noting = table(noting)?;
    let header = table_noting.header.clone();
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let columns = Columns::among(&names, &told)?;
    let mut types = Types::default();
    if !reading.names_only {
        for cells in table(lines()?)?.filter_map(|(_, cells)| cells.ok()) {
            header.iter().zip(&cells).for_each(|(name, cell)| types.note(name, cell));
        }
    }
    Ok(Box::new(table_noting.map(move |(line, cells)| {
        let entry = cells.and_then(|cells| columns.entry(typed(&columns, &header, cells, &types)));
        (line, entry)
    })))
}

/// What a table is in, unless the kit's reader knows better: it unpacks, and reads what is not UTF-8 line by line.
fn encoded(name: &str, content: &Content, reading: &Reading) -> Result<Option<Encoded>> {
    let mut start = Vec::new();
    let read = content.open()?.take(2).read_to_end(&mut start);
    read.map_err(|error| Error::invalid(format!("cannot read the file: {error}")))?;
    if start == [0x1f, 0x8b] {
        return Ok(None);
    }
    let text = Encoded::of(content, reading.encoding.as_deref(), |_| None)?;
    if text.encoding == UTF_8 || (text.encoding == WINDOWS_1252 && reading.encoding.is_none()) {
        return Ok(None);
    }
    if let Some(note) = &text.note {
        reading.notes.warn(format!("{name}: {note}"));
    }
    Ok(Some(text))
}

/// A row's cells: those that are texts as they are written.
fn typed(columns: &Columns, header: &[String], cells: Vec<String>, types: &Types) -> Fields {
    let cells = header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
    let value = |(name, cell): (&String, String)| match columns.is_text(name) {
        true => Some((name.clone(), Value::from(cell))),
        false => types.value(name, cell).map(|value| (name.clone(), value)),
    };
    cells.filter_map(value).collect()
}

/// An object a line. Once one had a question, the others must have one.
fn objects(lines: Lines, told: Told) -> Pairs {
    let mut asks = false;
    Box::new(json_lines(lines).map(move |(line, fields)| {
        let entry = fields.and_then(|mut fields| {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            let columns = Columns::among(&names, &told)?;
            if asks && !columns.ask() {
                return Err(Error::invalid("the row has no question, but others have one"));
            }
            asks |= columns.ask();
            fields.retain(|_, value| !value.is_null());
            columns.entry(fields)
        });
        (line, entry)
    }))
}
