//! Patterns like `photos/**/*.jpg`, matched while folders are walked, so that nothing on the way is passed over silently.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use bootcamp_core::{Error, Result};
use glob::MatchOptions;

use crate::names::path_name;

/// As shells match: a wildcard stops at a slash and does not stand for the dot of a hidden file.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
pub(super) const WILDCARDS: [char; 3] = ['*', '?', '['];

/// A pattern, parsed.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Where to begin: the folder before the first wildcard.
    pub folder: PathBuf,
    /// Of whole names.
    pub whole: glob::Pattern,
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

pub(super) fn wrong(pattern: &str, error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("pattern '{pattern}': {error}"))
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
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

    pub(super) fn matches_name(&self, name: &str) -> bool {
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
