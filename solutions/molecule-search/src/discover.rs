//! Finds what to import: each record of a file is its own source, named by the file and its line, so that an
//! invalid one costs no other and an unchanged one is not read again.

use bootcamp_core::{Error, Fields, MAX_JSON, Result};
use bootcamp_kit::source::{Content, Notes, Origin, Places, Skip, Source, Sources, Wanted, files};
use bootcamp_kit::{Options, hex};
use serde_json::Value;

use crate::readers::{Columns, Record, Records, Structure, read_noting, read_untyped};

/// Extensions of what is taken from folders and archives. A text there is a description rather than molecules; one that
/// is named itself is read.
const EXTENSIONS: &[&str] = &["smi", "smiles", "csv", "tsv", "jsonl", "ndjson", "sdf", "sd", "mol", "gz"];

/// How files are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub columns: Columns,
    /// Keep only the largest fragment of a salt or a mixture.
    pub largest_fragment: bool,
    /// Only the names count, not what the columns hold.
    pub names_only: bool,
    pub notes: Notes,
}

impl Reading {
    /// The program's import options.
    pub fn of(options: &Options) -> Self {
        let column = |name| options.get(name).map(str::to_owned);
        let columns = Columns { smiles: column("smiles-column"), name: column("name-column"), id: column("id-column") };
        Self { columns, largest_fragment: options.is_on("largest-fragment"), ..Self::default() }
    }
}

/// Every record in these places.
///
/// # Errors
/// `NotFound` for a place that is not there.
pub fn discover(places: &Places) -> Result<Sources> {
    let reading =
        Reading { names_only: places.names_only, notes: places.notes.clone(), ..Reading::of(&places.options) };
    // Records are named by their lines, so that names alone need the content, too.
    let places = Places { names_only: false, ..places.clone() };
    Ok(records(files(&places, &Wanted::called(EXTENSIONS))?, reading))
}

/// The records of those sources that are files; uploads come here, too.
pub fn records(sources: Sources, reading: Reading) -> Sources {
    Box::new(sources.flat_map(move |source| match source {
        Ok(source) if !is_record(&source) => in_file(source, &reading),
        other => Box::new(std::iter::once(other)),
    }))
}

/// Whether it is a record already: such a source has its bytes, and its name ends in its line.
fn is_record(source: &Source) -> bool {
    let line = source.name.rsplit_once(':').map(|(_, line)| line);
    matches!(source.content, Content::Bytes(_)) && line.is_some_and(|line| line.parse::<u64>().is_ok())
}

fn in_file(file: Source, reading: &Reading) -> Sources {
    let Source { name, content, fields, origin, .. } = file;
    let read = if reading.names_only { read_untyped } else { read_noting };
    match read(&name, &content, &reading.columns, &reading.notes) {
        Ok(records) => {
            let mut records = records.peekable();
            if records.peek().is_none() {
                // As if writing it had failed: what it had is not gone.
                reading.notes.empty(&name);
            }
            in_records(name, Box::new(records), fields, origin, reading.largest_fragment)
        }
        Err(error) => Box::new(std::iter::once(Err(Skip::new(name, &error)))),
    }
}

fn in_records(file: String, records: Records, fields: Fields, origin: Origin, largest_fragment: bool) -> Sources {
    Box::new(records.map(move |(line, record)| {
        let name = format!("{file}:{line}");
        let source = record.and_then(|record| source(&name, record, &fields, largest_fragment));
        let source = source.map(|source| Source { origin: origin.clone(), ..source });
        source.map_err(|error| Skip::new(name, &error))
    }))
}

fn source(name: &str, record: Record, fields: &Fields, largest_fragment: bool) -> Result<Source> {
    let Record { structure, name: title, id, extra } = record;
    let (Structure::Smiles(text) | Structure::Molfile(text)) = structure;
    let mut said = Fields::new();
    said.extend(fields.get("label").map(|label| ("label".to_owned(), label.clone())));
    said.extend(title.map(|title| ("name".to_owned(), title.into())));
    said.extend(id.map(|id| ("source_id".to_owned(), id.into())));
    if !extra.is_empty() {
        let extra = Value::Object(extra);
        // Checked here, because an error in the store would end the import.
        if extra.to_string().len() > MAX_JSON {
            return Err(Error::invalid(format!("its other columns are larger than {MAX_JSON} bytes")));
        }
        said.insert("extra".to_owned(), extra);
    }
    // The option changes the molecule, so it is part of the version.
    let fragment = if largest_fragment { "-fragment" } else { "" };
    let version = format!("{}{fragment}", &hex(text.as_bytes())[..16]);
    Ok(Source { fields: said, ..Source::new(name, Content::Bytes(text.into_bytes().into()), version) })
}

/// The structure of a source that [`records`] made: only a molfile has lines.
pub fn structure(source: &Source) -> Result<Structure> {
    let bytes = source.read(u64::MAX)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::invalid("the structure is not valid UTF-8"))?.to_owned();
    Ok(if text.contains('\n') { Structure::Molfile(text) } else { Structure::Smiles(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_named_by_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.csv", "smiles,name,cid,tested\nCCO,ethanol,7,true\n,nothing,8,\n");
        write("b.smi", "c1ccccc1 benzene\n");
        write("notes.txt", "no molecules here\n");
        write("c.csv", "compound,mass\nx,1\n");
        let root = folder.path().canonicalize().unwrap().display().to_string();
        let places = Places::new(vec![folder.path().to_owned()]);
        let found: Vec<String> = discover(&places)
            .unwrap()
            .map(|found| match found {
                Ok(source) => format!("{} {}", source.name, Value::Object(source.fields)),
                Err(skip) => format!("{} ! {}", skip.source, skip.reason),
            })
            .map(|line| line.replace(&root, ""))
            .collect();
        assert_eq!(
            found,
            [
                r#"/a.csv:2 {"extra":{"tested":true},"name":"ethanol","source_id":"7"}"#,
                "/a.csv:3 ! the row has no SMILES",
                r#"/b.smi:1 {"name":"benzene"}"#,
                "/c.csv ! there is no column with SMILES; the columns are: compound, mass (name it with --smiles-column)",
            ]
        );
        let records = discover(&places).unwrap();
        assert_eq!(
            super::records(records, Reading::default()).filter(Result::is_ok).count(),
            2,
            "records stay what they are"
        );
    }
}
