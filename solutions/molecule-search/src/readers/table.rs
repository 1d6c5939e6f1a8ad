//! Rows of CSV, TSV and JSON lines, and which of their columns is what.

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::source::{Lines, Table, json_lines, plain_text};
use serde_json::Value;

use super::{Columns, Record, Records, Structure};

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
        let smiles = self.smiles.as_deref().and_then(|name| fields.remove(name)).as_ref().and_then(plain_text);
        let smiles = smiles.ok_or_else(|| Error::invalid("the row has no SMILES"))?;
        let (name, id) = (take(&mut fields, self.name.as_deref()), take(&mut fields, self.id.as_deref()));
        Ok(Record { structure: Structure::Smiles(smiles), name, id, extra: fields })
    }
}

/// Removes a field that is text or a number; a list or an object, which is no name, stays.
pub(super) fn take(fields: &mut Fields, name: Option<&str>) -> Option<String> {
    let name = name?;
    let text = plain_text(fields.get(name)?);
    if text.is_some() || matches!(fields.get(name), Some(Value::String(_))) {
        fields.remove(name);
    }
    text
}

fn no_column(what: &str, names: &[&str]) -> Error {
    Error::invalid(format!("there is {what}; the columns are: {}", names.join(", ")))
}

const NAME_IT: &str = "name it with --smiles-column";

/// How far the best of these names is from a column of SMILES: 0 for the one that is told or usual, more for those that
/// only have "smiles" in them, where the shortest is best: with a wrong delimiter, two names are one.
fn misfit(names: &[&str], columns: &Columns) -> Option<usize> {
    if find(names, columns.smiles.as_deref(), SMILES).is_some() {
        return Some(0);
    }
    let likely = names.iter().filter(|name| columns.smiles.is_none() && is_smiles_column(name));
    likely.map(|name| name.len()).min()
}

/// A table with a header, its other columns as text.
///
/// # Errors
/// `InvalidInput` for a table without a header or without a column that is needed.
pub(super) fn delimited(lines: Lines, is_tab: bool, columns: &Columns) -> Result<Records> {
    let table = Table::new(lines, is_tab, |names| misfit(names, columns))?;
    let header = table.header.clone();
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
    Ok(Box::new(table.map(move |(line, cells)| {
        let fields = cells.map(|cells| {
            let cells = header.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            cells.map(|(name, cell)| (name.clone(), Value::from(cell))).collect()
        });
        (line, fields.and_then(|fields| found.record(fields)))
    })))
}

/// An object a line.
pub(super) fn objects(lines: Lines, columns: Columns) -> Records {
    Box::new(json_lines(lines).map(move |(line, fields)| {
        let record = fields.and_then(|mut fields| {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            let found = Found::among(&names, &columns);
            if found.smiles.is_none() {
                return Err(no_column("no key with SMILES", &names).with_hint(NAME_IT));
            }
            fields.retain(|_, value| !value.is_null());
            found.record(fields)
        });
        (line, record)
    }))
}
