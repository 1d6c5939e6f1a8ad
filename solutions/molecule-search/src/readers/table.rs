//! Rows of CSV, TSV and JSON lines, and which of their columns is what.

use bootcamp_core::{Error, Fields, Result};
use serde_json::Value;

use super::lines::Lines;
use super::{Columns, MAX_RECORD, Record, Records, Structure};

/// What columns of SMILES are called, the likeliest first; after these, whatever has "smiles" in its name.
const SMILES: &[&str] = &["smiles", "canonical_smiles", "isomeric_smiles", "smi", "structure"];
const NAMES: &[&str] = &["name", "title", "pref_name", "iupac", "iupac_name", "compound_name", "molecule_name", "drug"];
const IDS: &[&str] = &["id", "_id", "chembl_id", "molecule_chembl_id", "compound_id", "mol_id", "cid", "zinc_id"];

/// Whether a column of this name holds SMILES.
pub(super) fn is_smiles_column(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SMILES[..4].contains(&name.as_str()) || name.contains("smiles")
}

/// The column that was named, or the first with one of the usual names.
fn find<'a>(names: &[&'a str], told: Option<&str>, usual: &[&str]) -> Option<&'a str> {
    if let Some(told) = told {
        return names.iter().find(|name| name.eq_ignore_ascii_case(told)).copied();
    }
    usual.iter().find_map(|usual| names.iter().find(|name| name.eq_ignore_ascii_case(usual)).copied())
}

/// The names of the three columns in a table or an object with these.
pub(super) struct Found {
    pub(super) smiles: Option<String>,
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
}

impl Found {
    pub(super) fn among(names: &[&str], columns: &Columns) -> Self {
        let usual = || names.iter().find(|name| is_smiles_column(name)).copied();
        let smiles = find(names, columns.smiles.as_deref(), SMILES);
        Self {
            smiles: smiles.or_else(|| usual().filter(|_| columns.smiles.is_none())).map(str::to_owned),
            name: find(names, columns.name.as_deref(), NAMES).map(str::to_owned),
            id: find(names, columns.id.as_deref(), IDS).map(str::to_owned),
        }
    }

    /// # Errors
    /// `InvalidInput` when there is no SMILES.
    fn record(&self, mut fields: Fields) -> Result<Record> {
        let mut take = |name: &Option<String>| {
            let value = fields.remove(name.as_deref()?)?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)).filter(|text| !text.is_empty())
        };
        let (smiles, name, id) = (take(&self.smiles), take(&self.name), take(&self.id));
        let smiles = smiles.ok_or_else(|| Error::invalid("the row has no SMILES"))?;
        Ok(Record { structure: Structure::Smiles(smiles), name, id, extra: fields })
    }
}

fn no_column(what: &str, names: &[&str]) -> Error {
    Error::invalid(format!("there is {what}; the columns are: {}", names.join(", ")))
}

const NAME_IT: &str = "name it with --smiles-column";

/// A table with a header. Its delimiter is the one that the header has most of, unless it is known.
///
/// # Errors
/// `InvalidInput` for a table without a header or without a column that is needed.
pub(super) fn delimited(lines: Lines, delimiter: Option<u8>, columns: &Columns) -> Result<Records> {
    let mut rows = Rows { lines, delimiter: delimiter.unwrap_or(b','), waiting: Vec::new() };
    let (_, header) = rows.text().ok_or_else(|| Error::invalid("the table is empty"))?;
    let header = header?;
    if delimiter.is_none() {
        let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
        // The last of equals wins: a comma.
        rows.delimiter = [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',');
    }
    let header = cells(&header, rows.delimiter)?;
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let found = Found::among(&names, columns);
    let missing = |told: &Option<String>, found: &Option<String>| told.clone().filter(|_| found.is_none());
    let told = missing(&columns.smiles, &found.smiles)
        .or_else(|| missing(&columns.name, &found.name))
        .or_else(|| missing(&columns.id, &found.id));
    if let Some(told) = told {
        return Err(no_column(&format!("no column '{told}'"), &names));
    }
    if found.smiles.is_none() {
        return Err(no_column("no column with SMILES", &names).with_hint(NAME_IT));
    }
    let delimiter = rows.delimiter;
    Ok(Box::new(rows.filter(|(_, text)| !matches!(text, Ok(text) if text.trim().is_empty())).map(
        move |(line, text)| {
            let record = text.and_then(|text| {
                let cells = cells(&text, delimiter)?;
                if cells.len() != header.len() {
                    let message = format!("the row has {} cells, but the header has {}", cells.len(), header.len());
                    return Err(Error::invalid(message));
                }
                let cells = header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
                let keep =
                    |name: &str| [&found.smiles, &found.name, &found.id].iter().any(|n| n.as_deref() == Some(name));
                let typed = |name: &str, cell: String| if keep(name) { cell.into() } else { value(cell) };
                found.record(cells.map(|(name, cell)| (name.clone(), typed(name, cell))).collect())
            });
            (line, record)
        },
    )))
}

/// The texts of rows, some of several lines: a quote that is open at a line's end goes on.
struct Rows {
    lines: Lines,
    delimiter: u8,
    /// Lines to read again, the last first: those after one whose quote never closed.
    waiting: Vec<(u64, Result<String>)>,
}

impl Rows {
    fn line(&mut self) -> Option<(u64, Result<String>)> {
        self.waiting.pop().or_else(|| self.lines.next())
    }

    fn text(&mut self) -> Option<(u64, Result<String>)> {
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
            let goes_on = length < MAX_RECORD && more.len() < 1000 && line.is_ok();
            length += line.as_ref().map_or(0, String::len);
            let closes = matches!(&line, Ok(line) if !line.matches('"').count().is_multiple_of(2));
            more.push((at, line));
            if closes || !goes_on {
                break;
            }
        }
        let closes = matches!(more.last(), Some((_, Ok(line))) if !line.matches('"').count().is_multiple_of(2));
        if !closes {
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

impl Iterator for Rows {
    type Item = (u64, Result<String>);

    fn next(&mut self) -> Option<Self::Item> {
        self.text()
    }
}

fn is_open(line: &str) -> bool {
    !line.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2)
}

/// The cells of one row, without blanks around them.
fn cells(row: &str, delimiter: u8) -> Result<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(row.len().clamp(64, 1 << 16))
        .from_reader(row.as_bytes());
    let mut cells = csv::StringRecord::new();
    reader.read_record(&mut cells).map_err(|error| Error::invalid(format!("cannot read the row: {error}")))?;
    Ok(cells.iter().map(str::to_owned).collect())
}

/// A cell that looks like a number or a truth value becomes one; `007` and `1e5` stay text.
pub(super) fn value(cell: String) -> Value {
    let parsed: Option<Value> = serde_json::from_str(&cell).ok();
    let value = parsed.filter(|value| value.is_boolean() || value.is_number());
    let written = value.as_ref().map(Value::to_string);
    value.filter(|_| written.as_deref() == Some(cell.as_str())).unwrap_or_else(|| cell.into())
}

/// An object a line.
pub(super) fn json_lines(lines: Lines, columns: Columns) -> Records {
    let filled = |(_, line): &(u64, Result<String>)| !matches!(line, Ok(line) if line.trim().is_empty());
    Box::new(lines.filter(filled).map(move |(number, line)| {
        let record = line.and_then(|line| {
            let fields: Fields = serde_json::from_str(&line)
                .map_err(|error| Error::invalid(format!("the line is not a JSON object: {error}")))?;
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            let found = Found::among(&names, &columns);
            if found.smiles.is_none() {
                return Err(no_column("no key with SMILES", &names).with_hint(NAME_IT));
            }
            found.record(fields)
        });
        (number, record)
    }))
}
