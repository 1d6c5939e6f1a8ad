//! Structures of SDF and molfiles, each with its title and its data.

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::source::Lines;

use super::table::{Found, take};
use super::{Columns, MAX_RECORD, Record, Records, Structure};

/// Records up to `$$$$` or the file's end.
pub(super) fn records(lines: Lines, columns: Columns) -> Records {
    let mut lines = lines.peekable();
    Box::new(std::iter::from_fn(move || {
        // Blank lines after the last record are none; before a structure, the first may be an empty title.
        loop {
            let (number, text) = block(&mut lines)?;
            match text {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Some((number, record(&text, &columns))),
                Err(error) => return Some((number, Err(error))),
            }
        }
    }))
}

/// The text of a record and the line that it begins in. A bad line spoils its record alone.
fn block(lines: &mut std::iter::Peekable<Lines>) -> Option<(u64, Result<String>)> {
    let (start, _) = lines.peek()?;
    let start = *start;
    let mut text = String::new();
    let mut spoilt = None;
    for (number, line) in lines.by_ref() {
        match line {
            Ok(line) if line.starts_with("$$$$") => break,
            Ok(line) if text.len() + line.len() < MAX_RECORD => {
                text.push_str(&line);
                text.push('\n');
            }
            Ok(_) => {
                spoilt.get_or_insert_with(|| Error::invalid(format!("the record is larger than {MAX_RECORD} bytes")));
            }
            Err(error) => {
                spoilt.get_or_insert_with(|| error.context(format!("line {number}")));
            }
        }
    }
    Some((start, spoilt.map_or(Ok(text), Err)))
}

fn record(text: &str, columns: &Columns) -> Result<Record> {
    let Some(end) = end_of_molfile(text) else {
        return Err(Error::invalid("the record ends before its 'M  END'")
            .with_hint("the file is truncated or not an SDF: fetch or copy it again"));
    };
    let (molfile, rest) = text.split_at(end);
    let mut data = data(rest);
    let names: Vec<&str> = data.keys().map(String::as_str).collect();
    let found = Found::among(&names, columns);
    let title = molfile.lines().next().map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned);
    // What was asked for goes before the title, the title before what is merely found.
    let name = match &columns.name {
        Some(_) => take(&mut data, found.name.as_deref()).or(title),
        None => title.or_else(|| take(&mut data, found.name.as_deref())),
    };
    let id = take(&mut data, found.id.as_deref());
    Ok(Record { structure: Structure::Molfile(molfile.to_owned()), name, id, extra: data })
}

/// The byte after the line `M  END`.
fn end_of_molfile(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "M  END" {
            return Some(at);
        }
    }
    None
}

/// `> 25 <MELTING.POINT>` and the lines after it, to a blank one.
fn data(text: &str) -> Fields {
    let mut fields = Fields::new();
    let mut lines = text.lines();
    while let Some(header) = lines.next() {
        let name = header.strip_prefix('>').and_then(|rest| Some(rest.split_once('<')?.1.rsplit_once('>')?.0.trim()));
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        let values: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().is_empty()).map(str::trim_end).collect();
        if !values.is_empty() {
            fields.insert(name.to_owned(), values.join("\n").into());
        }
    }
    fields
}
