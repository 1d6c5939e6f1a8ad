//! Molecules from files: SMILES in lines, tables and JSON, structures in SDF and molfiles; plain or gzipped.
//!
//! Records are read one at a time, within limits, so that neither a large file nor one line without an end fills the
//! memory. A bad record is an error among the others, with its line; only the file's own end ends them. Structures are
//! left as text: reading them is most of the work, and [`Record::molecule`] does it on whatever thread has time.

mod lines;
mod sdf;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bootcamp_core::{Error, Fields, Result};
use flate2::bufread::MultiGzDecoder;

use crate::cxsmiles;
use crate::molecule::{Limits, Molecule};
use lines::Lines;

/// The maximum length of a line, in bytes.
const MAX_LINE: usize = 1 << 20;
/// Bytes of the longest record: a row with line breaks in it, an SDF's structure with its data.
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
/// there, text that is no UTF-8 from its beginning; those of the file system.
pub fn read(path: &Path, columns: &Columns) -> Result<Records> {
    let file = File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    read_from(&name, file, columns).map_err(|error| error.context(path.display()))
}

/// The molecules of what is read, by the extension of `name`.
///
/// # Errors
/// As [`read`].
pub fn read_from(name: &str, source: impl Read + Send + 'static, columns: &Columns) -> Result<Records> {
    let extension = extension(name);
    let source = BufReader::with_capacity(1 << 16, source);
    let lines = Lines::new(unpacked(source)?)?;
    match extension.as_str() {
        "smi" | "smiles" | "txt" => Ok(Box::new(lines.filter_map(smiles_line))),
        "csv" => table::delimited(lines, None, columns),
        "tsv" => table::delimited(lines, Some(b'\t'), columns),
        "jsonl" | "ndjson" => Ok(table::json_lines(lines, columns.clone())),
        "sdf" | "sd" | "mol" => Ok(sdf::records(lines, columns.clone())),
        other => {
            let known = EXTENSIONS.join(", ");
            Err(Error::invalid(format!("cannot read molecules from '{other}' files"))
                .with_hint(format!("use one of {known}, each optionally with .gz")))
        }
    }
}

/// The extension that tells what is in the file: `sdf` of `a.SDF.gz`.
pub(crate) fn extension(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    plain.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
}

/// Gzip is detected by the first bytes, because names can be wrong.
fn unpacked(mut source: impl BufRead + Send + 'static) -> Result<Box<dyn BufRead + Send>> {
    let start = source.fill_buf().map_err(|error| Error::invalid(format!("cannot be read: {error}")))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(source))));
    }
    Ok(Box::new(source))
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
