//! Files in places: folders are walked, archives opened.

use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};

use super::{Places, Skip, Source, Sources, archive, has_extension, with_fields};

/// Every file in these places whose extension is among `extensions` (in lower case), in name order, and every such
/// member of archives. Hidden files and folders are passed over, links within folders too. A file that was named itself
/// is taken whatever it is called.
///
/// # Errors
/// Those of [`Places::resolve`].
pub fn files(places: &Places, extensions: &'static [&'static str]) -> Result<Sources> {
    let places = places.clone();
    let found = places.resolve()?.into_iter().flat_map(move |path| in_place(path, &places, extensions));
    Ok(Box::new(found))
}

fn in_place(path: PathBuf, places: &Places, extensions: &'static [&'static str]) -> Sources {
    if path.is_dir() {
        let places = places.clone();
        return Box::new(walk(&path).flat_map(move |found| match found {
            Err(skip) => one(Err(skip)),
            Ok(path) if archive::is_archive(&path) => archive::members(&path, &places, extensions),
            Ok(path) if has_extension(&path, extensions) => one(with_fields(Source::file(&path), &places)),
            Ok(_) => Box::new(std::iter::empty()),
        }));
    }
    if archive::is_archive(&path) {
        return archive::members(&path, places, extensions);
    }
    one(with_fields(Source::file(&path), places))
}

fn one(found: Result<Source, Skip>) -> Sources {
    Box::new(std::iter::once(found))
}

fn walk(folder: &Path) -> impl Iterator<Item = Result<PathBuf, Skip>> + Send + use<> {
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(move |e| !is_hidden(e));
    entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file_type().is_file().then(|| Ok(entry.into_path())),
        Err(error) => {
            let name = error.path().unwrap_or(Path::new("?")).display().to_string();
            Some(Err(Skip::new(name, &Error::invalid(error.to_string()))))
        }
    })
}
