//! The places that an import names: files, folders and patterns; and which items came from them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use glob::MatchOptions;

use super::archive::is_archive;
use super::walk::Walk;
use super::{MEMBER, Notes, Origin, Places};
use crate::names::path_name;

/// As shells match: a wildcard stops at a slash and does not stand for the dot of a hidden file.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
const WILDCARDS: [char; 3] = ['*', '?', '['];

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

/// A pattern like `photos/**/*.jpg`. Matched while folders are walked, so that nothing on the way is passed over silently.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Where to begin: the folder before the first wildcard.
    pub folder: PathBuf,
    /// Of whole names.
    whole: glob::Pattern,
    /// Of each part below the folder, up to a `**`.
    parts: Vec<glob::Pattern>,
    /// Whether there is a `**`.
    is_deep: bool,
    /// Whether it names an extension: a file that it matches is taken as if it had been named itself.
    pub names_extension: bool,
}

/// What a pattern says of an entry of a folder that is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Not what it asks for.
    No,
    /// It is hidden, and would be what it asks for.
    Hidden,
    /// What it asks for, or on the way there.
    Yes,
    /// Deeper than the pattern goes, or below its `**`.
    Below,
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

fn wrong(pattern: &str, error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("pattern '{pattern}': {error}"))
}

impl Pattern {
    fn parse(text: &str) -> Result<Self> {
        let (folder, rest) = folder_and_rest(text);
        let folder = folder.canonicalize().map_err(|error| Error::io("cannot find", &folder, error))?;
        let name = path_name(&folder);
        let whole = format!("{}/{rest}", glob::Pattern::escape(name.trim_end_matches('/')));
        let matcher = |text: &str| glob::Pattern::new(text).map_err(|error| wrong(text, error));
        let parts = rest.split('/').take_while(|part| *part != "**").map(matcher).collect::<Result<_>>()?;
        let last = rest.rsplit('/').next().unwrap_or_default();
        let names_extension = last.rsplit_once('.').is_some_and(|(_, end)| !end.is_empty() && !end.contains(WILDCARDS));
        let is_deep = rest.split('/').any(|part| part == "**");
        Ok(Self { folder, whole: matcher(&whole)?, parts, is_deep, names_extension })
    }

    /// Looks at an entry at this depth below the folder, 1 for what is in the folder itself.
    pub(super) fn look(&self, name: &OsStr, depth: usize, is_dir: bool) -> Match {
        let Some(part) = self.parts.get(depth - 1) else { return Match::Below };
        let name = path_name(Path::new(name));
        let any_dot = MatchOptions { require_literal_leading_dot: false, ..MATCHING };
        match () {
            () if !is_dir && depth < self.parts.len() + usize::from(self.is_deep) => Match::No,
            () if part.matches_with(&name, MATCHING) => Match::Yes,
            () if part.matches_with(&name, any_dot) => Match::Hidden,
            () => Match::No,
        }
    }

    /// Whether it asks for this file, or for a folder that the file is in.
    pub(super) fn asks_for(&self, file: &Path) -> bool {
        let inner = file.ancestors().take_while(|path| *path != self.folder);
        !self.is_deep || inner.into_iter().any(|path| self.matches(path))
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        self.matches_name(&path_name(path))
    }

    fn matches_name(&self, name: &str) -> bool {
        self.whole.matches_with(name, MATCHING)
    }
}

/// The folder before the first wildcard, and the rest.
fn folder_and_rest(pattern: &str) -> (PathBuf, String) {
    let mut components = Path::new(pattern).components().peekable();
    let mut folder = PathBuf::new();
    while let Some(part) = components.next_if(|part| !part.as_os_str().to_string_lossy().contains(WILDCARDS)) {
        folder.push(part);
    }
    let parts = components.filter(|part| !matches!(part, Component::CurDir));
    let rest: Vec<_> = parts.map(|part| path_name(Path::new(part.as_os_str()))).collect();
    (if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder }, rest.join("/"))
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

/// A name, and the names of what it lies in, from the inside out: of `/a/b.zip!/c/d.smi:7` there are `/a/b.zip!/c/d.smi`,
/// `/a/b.zip!/c`, `/a/b.zip`, `/a` and the empty name of the root.
pub(crate) fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    let line = without_line(name);
    let folders = line.rmatch_indices('/').map(move |(at, _)| {
        let folder = &line[..at];
        folder.strip_suffix('!').filter(|archive| is_archive(Path::new(archive))).unwrap_or(folder)
    });
    std::iter::once(name).chain((line != name).then_some(line)).chain(folders)
}

/// What is read as one: the archive that a member is in, the file that a line is of.
pub(crate) fn container(name: &str) -> &str {
    let archive = name.match_indices(MEMBER).map(|(at, _)| &name[..at]).find(|archive| is_archive(Path::new(archive)));
    archive.unwrap_or_else(|| without_line(name))
}

fn without_line(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((file, line)) if !line.is_empty() && line.bytes().all(|digit| digit.is_ascii_digit()) => file,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_lies_in_its_file_archive_and_folders() {
        let around = |name| prefixes(name).collect::<Vec<_>>();
        assert_eq!(
            around("/a/b.zip!/c/d.smi:7"),
            ["/a/b.zip!/c/d.smi:7", "/a/b.zip!/c/d.smi", "/a/b.zip!/c", "/a/b.zip", "/a", ""]
        );
        assert_eq!(around("/a/b!/c"), ["/a/b!/c", "/a/b!", "/a", ""], "a folder of that name");
        assert_eq!(container("/a/b.zip!/c.smi:7"), "/a/b.zip");
        assert_eq!(container("/a/c.smi:7"), "/a/c.smi");
        assert_eq!(container("/a/c:d.png"), "/a/c:d.png");
    }

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
