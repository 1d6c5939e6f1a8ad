//! Which stamps scenes are composed of, and what they show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::{hex, path_name};
use image::RgbaImage;
use walkdir::WalkDir;

/// Labels with fewer stamps are left out: nothing can be said about how well they are found.
const MIN_STAMPS: usize = 4;
/// Folders of what are no objects in a picture, such as letters, or are larger than the scene, such as houses.
const NOT_OBJECTS: [&str; 4] = ["military", "people", "symbols", "town"];
/// The last part of a folder when it says how something is drawn.
const STYLE: &str = "cartoon";

/// A picture of one object, with nothing around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub path: PathBuf,
    /// Its path below the folder of stamps.
    pub name: String,
    pub label: String,
}

/// A picture that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub path: PathBuf,
    pub reason: String,
}

impl LeftOut {
    pub fn new(path: PathBuf, reason: impl ToString) -> Self {
        Self { path, reason: reason.to_string() }
    }
}

/// The stamps to use, each picture once, in the order of their paths, and files that cannot be read.
///
/// # Errors
/// `NotFound` if there is no such folder, or no label in it has enough stamps.
pub fn select(folder: &Path) -> Result<(Vec<Stamp>, Vec<LeftOut>)> {
    let (mut stamps, mut left_out, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let path = match entry {
            Ok(entry) => entry.into_path(),
            Err(error) => {
                left_out.push(LeftOut::new(error.path().unwrap_or(folder).to_owned(), error));
                continue;
            }
        };
        let Some((name, label)) = described(folder, &path) else { continue };
        match fs::read(&path) {
            Ok(bytes) if seen.insert(hex(&bytes)) => stamps.push(Stamp { path, name, label }),
            Ok(_) => {}
            Err(error) => left_out.push(LeftOut::new(path, error)),
        }
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    stamps.iter().for_each(|stamp| *times.entry(stamp.label.clone()).or_default() += 1);
    stamps.retain(|stamp| times.get(&stamp.label).is_some_and(|times| *times >= MIN_STAMPS));
    if stamps.is_empty() {
        let message = format!("no label has {MIN_STAMPS} stamps in {}", folder.display());
        let hint = "stamps are PNG files in folders by what they show, such as animals/birds/emu.png";
        return Err(Error::new(ErrorKind::NotFound, message).with_hint(hint));
    }
    Ok((stamps, left_out))
}

/// The name and label of a stamp; `None` for other files.
fn described(folder: &Path, path: &Path) -> Option<(String, String)> {
    let name = path.strip_prefix(folder).ok().filter(|name| name.extension().is_some_and(|end| end == "png"))?;
    let parts: Vec<&str> = name.parent()?.iter().filter_map(|part| part.to_str()).collect();
    if parts.first().is_none_or(|top| NOT_OBJECTS.contains(top)) {
        return None;
    }
    let label = parts.iter().rfind(|part| **part != STYLE)?;
    Some((path_name(name), (*label).to_owned()))
}

/// Decodes a picture.
///
/// # Errors
/// `NotFound` or `Io` if the file cannot be read, `InvalidInput` if it is no picture.
pub fn read(path: &Path) -> Result<RgbaImage> {
    let bytes = fs::read(path).map_err(|error| Error::io("cannot read", path, error))?;
    let picture = image::load_from_memory(&bytes)
        .map_err(|error| Error::invalid(format!("cannot decode {}: {error}", path.display())))?;
    Ok(picture.into_rgba8())
}
