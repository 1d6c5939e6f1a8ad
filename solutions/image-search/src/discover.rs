//! Finds pictures, and their labels and captions before they are opened: from a table, from
//! Pascal VOC's XML, from the folder it is in, from a text file beside it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use bootcamp_core::picture::media_type;
use bootcamp_core::{Error, Result};
use bootcamp_kit::named_path;
use bootcamp_kit::source::{
    Places, Skip, Source, Sources, Wanted, caption_beside, files, folder_label, has_namesake, listed, text_beside,
};
use roxmltree::Node;
use serde_json::json;

/// Extensions of what the decoder reads.
const EXTENSIONS: &[&str] = &["bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// What is taken from folders and archives, and that tables name pictures.
const WANTED: Wanted = Wanted {
    by_content: Some(looks_like_a_picture),
    beside: is_beside,
    table: Some(listed),
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
    let has_picture = |name: &Path| has_namesake(name, EXTENSIONS);
    match (path.extension().and_then(OsStr::to_str), path.parent()) {
        (Some("txt"), _) => has_picture(path),
        (Some("xml"), Some(folder)) => {
            folder.ends_with("Annotations")
                && path.file_name().is_some_and(|name| has_picture(&folder.with_file_name("JPEGImages").join(name)))
        }
        _ => false,
    }
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
        } else if let Some(label) = folder_label(&source.name) {
            source.fields.insert("label".to_owned(), json!(label));
        }
    }
    if !source.fields.contains_key("caption")
        && let Some(caption) = caption_beside(&source.name, places).map_err(|error| Skip::new(&source.name, &error))?
    {
        source.fields.insert("caption".to_owned(), json!(caption));
    }
    Ok(source)
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
    Ok(text_beside(&annotation, places)?.and_then(|xml| objects(&xml)))
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
