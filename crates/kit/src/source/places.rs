//! The places that an import names: files, folders and patterns; and which items came from them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Result};

use super::naming::prefixes;
use super::pattern::{Pattern, WILDCARDS, wrong};
use super::walk::Walk;
use super::{Notes, Origin, Places};
use crate::names::path_name;

/// A place of an import, found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What sources from it tell as theirs.
    pub origin: Origin,
    pub kind: PlaceKind,
}

#[derive(Clone, Debug)]
pub(super) enum PlaceKind {
    Path(PathBuf),
    Pattern(Arc<Pattern>),
}

impl Places {
    /// The places, absolute, so that the same file has the same name however it is asked for: the links that lead to
    /// its folder are followed, while the file has the name that it was given there.
    ///
    /// # Errors
    /// `NotFound` for what is not there, `InvalidInput` for a broken pattern, one that matches nothing, and for the
    /// program's own folders.
    pub(super) fn resolve(&self) -> Result<Vec<Place>> {
        self.paths.iter().map(|path| self.resolve_one(path)).collect()
    }

    fn resolve_one(&self, path: &Path) -> Result<Place> {
        let kind = match settled(path) {
            Ok(path) => PlaceKind::Path(path),
            Err(error) => match path.to_str().filter(|text| text.contains(WILDCARDS)) {
                Some(text) => PlaceKind::Pattern(self.pattern(text)?),
                None => return Err(Error::io("cannot find", path, error)),
            },
        };
        let name = match &kind {
            PlaceKind::Path(path) if self.is_own(path) => {
                let message = format!("{} is a folder in which this program keeps its own files", path.display());
                return Err(Error::invalid(message).with_hint("import the folder that the files came from"));
            }
            PlaceKind::Path(path) => path_name(path),
            PlaceKind::Pattern(pattern) => pattern.whole.as_str().to_owned(),
        };
        Ok(Place { origin: Origin { place: name.into(), line: None }, kind })
    }

    fn pattern(&self, text: &str) -> Result<Arc<Pattern>> {
        let pattern = Arc::new(Pattern::parse(text)?);
        let looking = Self { notes: Notes::default(), ..self.clone() };
        // Anything but nothing: what cannot be read is told when the import looks at it.
        if !self.allow_empty && Walk::matching(&pattern, &looking).next().is_none() {
            return Err(wrong(text, "no file matches"));
        }
        Ok(pattern)
    }

    /// The items that came from these places.
    ///
    /// # Errors
    /// `NotFound` for what is not there, `InvalidInput` for a broken pattern.
    pub fn scopes(&self) -> Result<Scopes> {
        let mut scopes = Scopes::default();
        for place in self.resolve()? {
            match place.kind {
                PlaceKind::Path(_) => scopes.add(&place.origin.place),
                PlaceKind::Pattern(pattern) => scopes.patterns.push(pattern),
            }
        }
        Ok(scopes)
    }

    /// Whether it lies in one of the program's own folders.
    pub(super) fn is_own(&self, path: &Path) -> bool {
        self.own_folders.iter().any(|own| path.starts_with(own))
    }
}

/// An absolute path: a folder's without links, a file's with the links followed that lead to it.
pub(super) fn settled(path: &Path) -> std::io::Result<PathBuf> {
    match (path.metadata()?.is_dir(), path.file_name(), path.parent()) {
        (false, Some(name), Some(parent)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Ok(parent.canonicalize()?.join(name))
        }
        _ => path.canonicalize(),
    }
}

/// The name of a file or folder, as imports name it, if it is there.
pub fn place_name(path: &Path) -> Option<String> {
    settled(path).ok().map(|path| path_name(&path))
}

/// An absolute path with links followed as far as there is something; the rest may come later.
pub(crate) fn future_path(path: &Path) -> PathBuf {
    let Ok(absolute) = std::path::absolute(path) else { return path.to_owned() };
    let found = absolute.ancestors().find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match found {
        Some((folder, real)) => absolute.strip_prefix(folder).map_or(real.clone(), |rest| real.join(rest)),
        None => absolute,
    }
}

/// Which items came from an import's places.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    names: HashSet<String>,
    patterns: Vec<Arc<Pattern>>,
}

impl Scopes {
    /// Adds a place by its name.
    pub fn add(&mut self, name: &str) {
        self.names.insert(name.trim_end_matches('/').to_owned());
    }

    /// The place that an item came from, given its source's name and the table that listed it. A table is read where it
    /// is named itself, not where its folder is.
    pub(crate) fn find(&self, name: &str, table: Option<&str>) -> Option<&str> {
        let find = |name: &str, wanted: fn(&Pattern) -> bool| {
            let named = self.names.get(name).map(String::as_str);
            named.or_else(|| {
                let mut patterns = self.patterns.iter().filter(|pattern| wanted(pattern));
                patterns.find(|pattern| pattern.matches_name(name)).map(|pattern| pattern.whole.as_str())
            })
        };
        let by_name = prefixes(name).find_map(|name| find(name, |_| true));
        by_name.or_else(|| table.and_then(|table| find(table, |pattern| pattern.names_extension)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_known_by_their_places() {
        let mut scopes = Scopes::default();
        scopes.add("/p");
        scopes.add("/t.csv");
        scopes.patterns.push(Arc::new(Pattern::parse("/**/x*.zip").unwrap()));
        for (name, table, place) in [
            ("/p", None, Some("/p")),
            ("/p/a", None, Some("/p")),
            ("/pq", None, None),
            ("/p!/a", None, None),
            ("/q/a.png", Some("/t.csv"), Some("/t.csv")),
            ("/q/a.png", Some("/p/t.csv"), None),
            ("/q/a.png", Some("/d/x1.zip"), Some("/**/x*.zip")),
            ("/t.csv:7", None, Some("/t.csv")),
            ("/q/x1.zip!/a.png", None, Some("/**/x*.zip")),
            ("/q/y1.zip!/a.png", None, None),
        ] {
            assert_eq!(scopes.find(name, table), place, "{name}");
        }
    }
}
