//! Which format a dataset has, by what lies in its folder.

use std::path::Path;

use bootcamp_core::{Error, ErrorKind, Result};

use super::json::JsonFile;
use super::labels_json::{self, Task};
use super::{Format, Remarks, coco, folder, table, voc, yolo};

/// The one format that a folder or file looks like.
///
/// # Errors
/// `NotFound` when nothing is there, and `InvalidInput` when it looks like none or like several, naming those.
pub fn detect(path: &Path) -> Result<Format> {
    let root = folder::absolute(path)?;
    let mut found = if root.is_file() { of_file(&root) } else { of_folder(&root)? };
    if found.is_empty() && root.is_dir() {
        found = of_pictures(&root);
    }
    match found.as_slice() {
        [format] => Ok(*format),
        [] => Err(Error::new(ErrorKind::InvalidInput, format!("{} looks like no dataset", path.display()))
            .with_hint("name its format, or a folder with pictures in it")),
        several => {
            let names: Vec<&str> = several.iter().map(|format| format.name()).collect();
            Err(Error::invalid(format!("{} may be of format {}", path.display(), names.join(" or ")))
                .with_hint("name its format"))
        }
    }
}

fn of_file(file: &Path) -> Vec<Format> {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "csv" => vec![Format::Csv],
        "yaml" | "yml" => vec![Format::Yolov5],
        "json" if coco::has_coco_lists(file) => vec![Format::Coco],
        _ => Vec::new(),
    }
}

/// What the files say that name labels.
fn of_folder(root: &Path) -> Result<Vec<Format>> {
    let mut found = Vec::new();
    let has_samples = root.join("samples.json").is_file() || root.join("samples").is_dir();
    if root.join("metadata.json").is_file() && has_samples {
        found.push(Format::FiftyOneDataset);
    }
    if yolo::yaml_file(root).is_some() {
        found.push(Format::Yolov5);
    }
    if coco::has_coco_lists(root) {
        found.push(Format::Coco);
    } else if root.join("labels.json").is_file() {
        match labels_json::task(&JsonFile::open(&root.join("labels.json"))?)? {
            Some(Task::Classification) => found.push(Format::FiftyOneImageClassification),
            Some(Task::Detection) => found.push(Format::FiftyOneImageDetection),
            None => found.extend([Format::FiftyOneImageClassification, Format::FiftyOneImageDetection]),
        }
    }
    if voc::FOLDERS.iter().any(|(_, labels)| has_xml(&root.join(labels))) {
        found.push(Format::Voc);
    }
    if table::file(root).is_some() {
        found.push(Format::Csv);
    }
    Ok(found)
}

fn has_xml(folder: &Path) -> bool {
    let is_xml = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    folder.is_dir() && folder::files(folder).flatten().any(|path| is_xml(&path))
}

/// A folder of pictures alone: a tree of classes if all lie in folders of the first level, and there are several. Where
/// folders are deeper, they may be classes or not.
fn of_pictures(root: &Path) -> Vec<Format> {
    let mut folders = std::collections::BTreeSet::new();
    let mut depths = [false; 3];
    for path in folder::pictures(root, &Remarks::default()).flatten() {
        let below = path.strip_prefix(root).unwrap_or(&path);
        depths[(below.components().count() - 1).min(2)] = true;
        if let Some(first) = below.parent().and_then(|parent| parent.components().next()) {
            folders.insert(first.as_os_str().to_owned());
        }
    }
    match depths {
        [false, false, false] => Vec::new(),
        [true, _, _] => vec![Format::ImageFolder],
        [false, true, false] if folders.len() > 1 => vec![Format::ClassificationTree],
        [false, ..] => vec![Format::ImageFolder, Format::ClassificationTree],
    }
}
