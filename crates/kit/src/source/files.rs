//! Files in places: folders are walked, archives opened. What is not taken is counted by kind.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Fields, Result};

use super::naming::is_archive;
use super::pattern::Pattern;
use super::places::{Place, PlaceKind};
use super::walk::Walk;
use super::wanted::{HEAD, Wanted};
use super::{Origin, Places, Skip, Source, Sources, archive, rows};
use crate::names::path_name;

/// The column in which tables list files.
const LISTED: &str = "path";

/// Every wanted file in these places, in name order, and every wanted member of archives. Hidden files and folders are
/// passed over. Links are followed; what they lead to is named as the link is.
///
/// # Errors
/// `NotFound` for what is not there, `InvalidInput` for a broken pattern, one that matches nothing, and for the
/// program's own folders.
pub fn files(places: &Places, wanted: &Wanted) -> Result<Sources> {
    let (places, wanted) = (places.clone(), *wanted);
    let found = places.resolve()?;
    Ok(Box::new(found.into_iter().flat_map(move |place| in_place(place, &places, wanted))))
}

fn in_place(place: Place, places: &Places, wanted: Wanted) -> Sources {
    let Place { origin, kind } = place;
    let sources: Sources = match kind {
        PlaceKind::Path(path) if path.is_dir() => in_folder(&path, places, wanted),
        PlaceKind::Path(path) => named(&path, places, wanted),
        PlaceKind::Pattern(pattern) => in_pattern(&pattern, places, wanted),
    };
    let of_place = move |source: Source| match source.origin.line {
        Some(_) => source,
        None => Source { origin: origin.clone(), ..source },
    };
    Box::new(sources.map(move |found| found.map(&of_place)))
}

fn in_pattern(pattern: &Arc<Pattern>, places: &Places, wanted: Wanted) -> Sources {
    let (pattern, places) = (Arc::clone(pattern), places.clone());
    Box::new(Walk::matching(&pattern, &places).flat_map(move |found| match found {
        Ok(file) if pattern.names_extension && pattern.matches(&file) => named(&file, &places, wanted),
        found => each(found, &places, wanted),
    }))
}

fn in_folder(folder: &Path, places: &Places, wanted: Wanted) -> Sources {
    let places = places.clone();
    Box::new(Walk::new(folder, &places).flat_map(move |found| each(found, &places, wanted)))
}

/// A file that was named itself.
fn named(path: &Path, places: &Places, wanted: Wanted) -> Sources {
    if is_archive(path) {
        return archive::members(path, places, wanted);
    }
    let file = match Source::file(path) {
        Ok(file) => file,
        Err(skip) => return one(Err(skip)),
    };
    match wanted.table.map(|table| (table, rows(path, LISTED, &places.notes))) {
        Some((table, Ok(Some(rows)))) => table(path, rows, places),
        Some((_, Err(error))) => one(Err(Skip::new(path_name(path), &error))),
        _ => one(Ok(with_fields(file, &places.fields))),
    }
}

/// A file that was found: taken, opened or passed over.
fn each(found: Result<PathBuf, Skip>, places: &Places, wanted: Wanted) -> Sources {
    let path = match found {
        Ok(path) => path,
        Err(skip) => return one(Err(skip)),
    };
    if is_archive(&path) {
        return archive::members(&path, places, wanted);
    }
    match wanted.takes(&path, || head(&path)) {
        Ok(true) => one(Source::file(&path).map(|file| with_fields(file, &places.fields))),
        Ok(false) => {
            if !(wanted.beside)(&path) {
                places.notes.pass_over_file(&path_name(&path));
            }
            Box::new(std::iter::empty())
        }
        Err(error) => one(Err(Skip::new(path_name(&path), &error))),
    }
}

fn one(found: Result<Source, Skip>) -> Sources {
    Box::new(std::iter::once(found))
}

fn with_fields(file: Source, fields: &Fields) -> Source {
    Source { fields: fields.clone(), origin: Origin::default(), ..file }
}

fn head(path: &Path) -> Result<Vec<u8>> {
    if !path.is_file() {
        // Reading a pipe may wait for ever.
        return Err(Error::invalid("it is not a regular file"));
    }
    let mut head = Vec::with_capacity(HEAD);
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.map(|_| head).map_err(|error| Error::invalid(format!("cannot read it: {error}")))
}
