//! Molecules from files: SMILES in lines, tables and JSON, structures in SDF and molfiles; plain or gzipped.
//!
//! Records are read one at a time, within limits, so that neither a large file nor one line without an end fills the
//! memory. A bad record is an error among the others, with its line; only the file's own end ends them. Structures are
//! left as text: reading them is most of the work, and [`Record::molecule`] does it on whatever thread has time.

mod sdf;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::Content;
use bootcamp_kit::source::{Lines, Notes, Types};
use serde_json::Value;

use crate::cxsmiles;
use crate::molecule::{Limits, Molecule};

/// Bytes of the longest record of an SDF: a structure with its data.
const MAX_RECORD: usize = 8 << 20;
/// Extensions of what can be read, each also with `.gz`.
pub const EXTENSIONS: &[&str] = &["smi", "smiles", "txt", "csv", "tsv", "jsonl", "ndjson", "sdf", "sd", "mol"];

/// A molecule as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub structure: Structure,
    pub name: Option<String>,
    /// What its source calls it: a ChEMBL id, a number.
    pub id: Option<String>,
    /// All other columns.
    pub extra: Fields,
}

/// A structure before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    Smiles(String),
    /// V2000 or V3000, to its `M  END`.
    Molfile(String),
}

/// Records as they are read: the line in the file that each begins in, from 1, and the record or why it cannot be read.
pub type Records = Box<dyn Iterator<Item = (u64, Result<Record>)> + Send>;

/// Which columns (or keys, or data fields) are what. What is not said is found by the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub smiles: Option<String>,
    pub name: Option<String>,
    pub id: Option<String>,
}

impl Structure {
    /// # Errors
    /// Those of [`Molecule::parse`] and [`Molecule::from_molfile`].
    pub fn molecule(&self, limits: &Limits) -> Result<Molecule> {
        match self {
            Self::Smiles(smiles) => Molecule::parse_within(smiles, limits),
            Self::Molfile(molfile) => Molecule::from_molfile(molfile, limits),
        }
    }
}

impl Record {
    /// # Errors
    /// Those of [`Structure::molecule`].
    pub fn molecule(&self, limits: &Limits) -> Result<Molecule> {
        self.structure.molecule(limits)
    }
}

/// The molecules of a file, by its extension.
///
/// # Errors
/// `InvalidInput` for a file of another kind, a table without a column of SMILES (which it has), a column that is not
/// there, text in UTF-16; those of the file system.
pub fn read(path: &Path, columns: &Columns) -> Result<Records> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    read_from(&name, &Content::File(path.to_owned()), columns).map_err(|error| error.context(path.display()))
}

/// The molecules of a file, by the extension of `name`. It is read twice, because the type of a column is that of all
/// its cells.
///
/// # Errors
/// As [`read`].
pub fn read_from(name: &str, content: &Content, columns: &Columns) -> Result<Records> {
    read_noting(name, content, columns, &Notes::default())
}

/// As [`read_from`], with a note of lines that are not UTF-8.
///
/// # Errors
/// As [`read`].
pub fn read_noting(name: &str, content: &Content, columns: &Columns, notes: &Notes) -> Result<Records> {
    if !matches!(extension(name).as_str(), "csv" | "tsv" | "sdf" | "sd" | "mol") {
        return read_untyped(name, content, columns, notes);
    }
    let mut types = Types::default();
    for record in read_untyped(name, content, columns, &Notes::default())?.filter_map(|(_, record)| record.ok()) {
        let cells = record.extra.iter().filter_map(|(name, cell)| Some((name, cell.as_str()?)));
        cells.for_each(|(name, cell)| types.note(name, cell));
    }
    let records = read_untyped(name, content, columns, notes)?;
    Ok(Box::new(records.map(move |(line, record)| (line, record.map(|record| typed(record, &types))))))
}

/// As [`read_from`], but with cells and data fields as text: for those who want structures and names only.
///
/// # Errors
/// As [`read`].
pub fn read_untyped(name: &str, content: &Content, columns: &Columns, notes: &Notes) -> Result<Records> {
    let extension = extension(name);
    let lines = Lines::new(content.open()?)?.noting(notes, name);
    match extension.as_str() {
        "smi" | "smiles" | "txt" => Ok(Box::new(lines.filter_map(smiles_line))),
        "csv" | "tsv" => table::delimited(lines, extension == "tsv", columns),
        "jsonl" | "ndjson" => Ok(table::objects(lines, columns.clone())),
        "sdf" | "sd" | "mol" => Ok(sdf::records(lines, columns.clone())),
        other => {
            let known = EXTENSIONS.join(", ");
            Err(Error::invalid(format!("cannot read molecules from '{other}' files"))
                .with_hint(format!("use one of {known}, each optionally with .gz")))
        }
    }
}

fn typed(mut record: Record, types: &Types) -> Record {
    let cells = std::mem::take(&mut record.extra).into_iter();
    record.extra = cells
        .filter_map(|(name, cell)| match cell {
            Value::String(cell) => types.value(&name, cell).map(|value| (name, value)),
            other => Some((name, other)),
        })
        .collect();
    record
}

/// The extension that tells what is in the file: `sdf` of `a.SDF.gz`.
pub(crate) fn extension(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    plain.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
}

/// `SMILES name of the molecule`; a title line and lines that begin with `#` are passed over.
fn smiles_line((number, line): (u64, Result<String>)) -> Option<(u64, Result<Record>)> {
    let line = match line {
        Ok(line) => line,
        Err(error) => return Some((number, Err(error))),
    };
    let line = line.trim();
    let (smiles, name) = cxsmiles::of_line(line);
    let is_title = number == 1 && table::is_smiles_column(smiles);
    if line.is_empty() || line.starts_with('#') || is_title {
        return None;
    }
    let record = Record {
        structure: Structure::Smiles(smiles.to_owned()),
        name: (!name.is_empty()).then(|| name.to_owned()),
        id: None,
        extra: Fields::new(),
    };
    Some((number, Ok(record)))
}
