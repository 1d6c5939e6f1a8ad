//! Finds pictures, and their labels and captions before they are opened: from a table, from
//! Pascal VOC's XML, from the folder it is in, from a text file beside it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;

use bootcamp_core::picture::media_type;
use bootcamp_core::{Error, Result};
use bootcamp_kit::source::{Places, Rows, Skip, Source, Sources, Wanted, files, plain_text};
use bootcamp_kit::{named_path, path_name};
use roxmltree::Node;
use serde_json::{Value, json};

/// Extensions of what the decoder reads.
const EXTENSIONS: &[&str] = &["bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];
/// The maximum size of a sidecar file, in bytes.
const MAX_SIDECAR: u64 = 1 << 20;
/// Letters of a caption that are kept.
const MAX_CAPTION: usize = 2000;

/// What is taken from folders and archives, and that tables name pictures.
const WANTED: Wanted = Wanted {
    by_content: Some(looks_like_a_picture),
    beside: is_beside,
    table: Some(in_table),
    ..Wanted::called(EXTENSIONS)
};

/// Every picture in these places. A table (`.csv`, `.tsv`, `.jsonl`) names pictures itself: its column `path` is a file,
/// relative to the table; `label` and `caption` are what they say; all others become the field `extra`.
///
/// # Errors
/// Those of [`files`].
pub fn discover(places: &Places) -> Result<Sources> {
    let may_look = places.clone();
    Ok(Box::new(files(places, &WANTED)?.map(move |found| describe(found?, &may_look))))
}

/// Whether a file of any name is a picture that can be read, by its first bytes.
fn looks_like_a_picture(head: &[u8]) -> bool {
    match media_type(head) {
        // Two letters, with which texts begin, too; the size of a header follows that has few values.
        Some("image/bmp") => head.get(14..18).is_some_and(|size| matches!(size, [12..=124, 0, 0, 0])),
        kind => kind.is_some(),
    }
}

/// Whether a file says something of a picture beside it, and is read with that.
fn is_beside(path: &Path) -> bool {
    let has_picture = |name: &Path| {
        let is_there = |extension: &&str| {
            [(*extension).to_owned(), extension.to_ascii_uppercase()].iter().any(|it| name.with_extension(it).exists())
        };
        EXTENSIONS.iter().any(is_there)
    };
    match (path.extension().and_then(OsStr::to_str), path.parent()) {
        (Some("txt"), _) => has_picture(path),
        (Some("xml"), Some(folder)) => {
            folder.ends_with("Annotations")
                && path.file_name().is_some_and(|name| has_picture(&folder.with_file_name("JPEGImages").join(name)))
        }
        _ => false,
    }
}

fn in_table(table: &Path, rows: Rows, places: &Places) -> Sources {
    let (table, places) = (table.to_owned(), places.clone());
    let folder = table.parent().map(Path::to_owned).unwrap_or_default();
    Box::new(rows.map(move |(line, row)| {
        let place = format!("{}:{line}", path_name(&table));
        let mut row = row.map_err(|error| Skip::new(&place, &error))?;
        let path = row.remove("path").and_then(|path| path.as_str().map(|path| folder.join(path)));
        let path = path.ok_or_else(|| {
            let error = Error::invalid("the row has no text in the column 'path'")
                .with_hint("put the path of each picture there, relative to the table");
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

/// Adds the label and caption from the picture's folder and sidecar files.
///
/// # Errors
/// When one of these files is there and cannot be read: without it, the picture would lose what is known of it.
fn describe(mut source: Source, places: &Places) -> Result<Source, Skip> {
    let path = named_path(&source.name);
    if !source.fields.contains_key("label") {
        let skip = |error: Error| Skip::new(&source.name, &error);
        if let Some(objects) = voc_objects(&path, places).map_err(skip)? {
            source.fields.insert("label".to_owned(), json!(objects.main));
            source.fields.entry("extra").or_insert_with(|| json!({"objects": objects.all}));
        } else if let Some(label) = path.parent().and_then(Path::file_name) {
            // Within an archive the parent may be the archive itself: `b.zip!` is called `b`.
            let label = label.to_string_lossy();
            let label = label.strip_suffix('!').map_or(&*label, |archive| archive.split('.').next().unwrap_or(archive));
            source.fields.insert("label".to_owned(), json!(label));
        }
    }
    if !source.fields.contains_key("caption")
        && let Some(caption) =
            sidecar(&path.with_extension("txt"), places).map_err(|error| Skip::new(&source.name, &error))?
    {
        let caption: String = caption.lines().next().unwrap_or_default().trim().chars().take(MAX_CAPTION).collect();
        if !caption.is_empty() {
            source.fields.insert("caption".to_owned(), json!(caption));
        }
    }
    Ok(source)
}

/// A small text file, if it is there and may be looked at. One that is not UTF-8 is Latin-1.
fn sidecar(path: &Path, places: &Places) -> Result<Option<String>> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let metadata = match path.metadata() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        found => found.map_err(cannot_read)?,
    };
    if !metadata.is_file() || !places.allows(path) {
        return Ok(None);
    }
    if metadata.len() > MAX_SIDECAR {
        places.notes.warn(format!("{} is larger than {MAX_SIDECAR} bytes and was not read", path_name(path)));
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(cannot_read)?;
    Ok(Some(
        String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect()),
    ))
}

#[derive(Debug, PartialEq)]
struct Objects {
    /// The name of the largest.
    main: String,
    /// All names.
    all: BTreeSet<String>,
}

/// What Pascal VOC's `Annotations/NAME.xml` says of `JPEGImages/NAME.jpg`.
fn voc_objects(picture: &Path, places: &Places) -> Result<Option<Objects>> {
    let (Some(folder), Some(name)) = (picture.parent(), picture.file_stem()) else { return Ok(None) };
    if !folder.ends_with("JPEGImages") {
        return Ok(None);
    }
    let annotation = folder.with_file_name("Annotations").join(Path::new(name).with_extension("xml"));
    Ok(sidecar(&annotation, places)?.and_then(|xml| objects(&xml)))
}

fn objects(xml: &str) -> Option<Objects> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let named: Vec<(String, f64)> = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("object"))
        .filter_map(|object| {
            let name = child(object, "name")?.text()?.trim().to_owned();
            let side = |from: &str, to: &str| {
                let edge = |name: &str| child(child(object, "bndbox")?, name)?.text()?.trim().parse::<f64>().ok();
                Some(edge(to)? - edge(from)?)
            };
            let area = side("xmin", "xmax").unwrap_or_default() * side("ymin", "ymax").unwrap_or_default();
            Some((name, area))
        })
        .collect();
    let (main, _) = named.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Objects { main: main.clone(), all: named.iter().map(|(name, _)| name.clone()).collect() })
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests;
