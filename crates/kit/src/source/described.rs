//! What is known of a file before it is opened, in the ways that several solutions share: from a table that lists it, from
//! the folder it is in, from a text file beside it.

use std::io::ErrorKind;
use std::path::Path;

use bootcamp_core::{Error, Result};
use serde_json::Value;

use super::table::{Rows, plain_text};
use super::{Places, Skip, Sources};
use crate::names::{named_path, path_name};

/// The maximum size of a file beside another one, in bytes.
const MAX_BESIDE: u64 = 1 << 20;
/// Letters of a caption that are kept.
const MAX_CAPTION: usize = 2000;

/// The files that a table lists: its column `path` is a file, relative to the table; `label` and `caption` are what they
/// say; all others become the field `extra`. For [`Wanted::table`](super::Wanted::table).
pub fn listed(table: &Path, rows: Rows, places: &Places) -> Sources {
    let (table, places) = (table.to_owned(), places.clone());
    let folder = table.parent().map(Path::to_owned).unwrap_or_default();
    Box::new(rows.map(move |(line, row)| {
        let place = format!("{}:{line}", path_name(&table));
        let mut row = row.map_err(|error| Skip::new(&place, &error))?;
        let path = row.remove("path").and_then(|path| path.as_str().map(|path| folder.join(path)));
        let path = path.ok_or_else(|| {
            let error = Error::invalid("the row has no text in the column 'path'")
                .with_hint("put the path of each file there, relative to the table");
            Skip::new(&place, &error)
        })?;
        let mut source = places.listed(&table, line, &path)?;
        for name in ["label", "caption"] {
            // A number is a label, too; a list is none, and stays among the others.
            if let Some(value) = row.get(name).and_then(plain_text) {
                row.remove(name);
                source.fields.insert(name.to_owned(), value.into());
            }
        }
        if !row.is_empty() {
            source.fields.insert("extra".to_owned(), Value::Object(row));
        }
        Ok(source)
    }))
}

/// The name of the folder that a source is in. Within an archive that may be the archive: `b.zip!` is called `b`.
pub fn folder_label(name: &str) -> Option<String> {
    let path = named_path(name);
    let label = path.parent().and_then(Path::file_name)?.to_string_lossy();
    let archive = label.strip_suffix('!').map(|archive| archive.split('.').next().unwrap_or(archive));
    Some(archive.unwrap_or(&label).to_owned())
}

/// The caption of a file: the first line of the text file of the same name beside it.
///
/// # Errors
/// When that file is there and cannot be read.
pub fn caption_beside(name: &str, places: &Places) -> Result<Option<String>> {
    let text = text_beside(&named_path(name).with_extension("txt"), places)?.unwrap_or_default();
    let caption: String = text.lines().next().unwrap_or_default().trim().chars().take(MAX_CAPTION).collect();
    Ok((!caption.is_empty()).then_some(caption))
}

/// Whether there is a file of the same name with one of these extensions, in lower case or in upper case.
pub fn has_namesake(path: &Path, extensions: &[&str]) -> bool {
    let is_there = |extension: &&str| {
        [(*extension).to_owned(), extension.to_ascii_uppercase()].iter().any(|it| path.with_extension(it).exists())
    };
    extensions.iter().any(is_there)
}

/// A small text file, if it is there and may be looked at. One that is not UTF-8 is Latin-1.
///
/// # Errors
/// When it is there and cannot be read.
pub fn text_beside(path: &Path, places: &Places) -> Result<Option<String>> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let metadata = match path.metadata() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        found => found.map_err(cannot_read)?,
    };
    if !metadata.is_file() || !places.allows(path) {
        return Ok(None);
    }
    if metadata.len() > MAX_BESIDE {
        places.notes.warn(format!("{} is larger than {MAX_BESIDE} bytes and was not read", path_name(path)));
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(cannot_read)?;
    let latin = |error: std::string::FromUtf8Error| error.as_bytes().iter().copied().map(char::from).collect();
    Ok(Some(String::from_utf8(bytes).unwrap_or_else(latin)))
}
