//! Walks folders: every file in name order, with links followed, and a count of what is passed over.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pattern::{Match, Pattern};
use super::wanted::HIDDEN;
use super::{Places, Skip, outside};
use crate::names::path_name;

/// How the program's own files are counted.
const OWN: &str = "this program's own";

/// The files below a folder, or those that a pattern asks for.
pub(super) struct Walk {
    folder: PathBuf,
    entries: walkdir::IntoIter,
    pattern: Option<Arc<Pattern>>,
    places: Places,
}

impl Walk {
    pub(super) fn new(folder: &Path, places: &Places) -> Self {
        let entries = walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
        Self { folder: folder.to_owned(), entries, pattern: None, places: places.clone() }
    }

    pub(super) fn matching(pattern: &Arc<Pattern>, places: &Places) -> Self {
        Self { pattern: Some(Arc::clone(pattern)), ..Self::new(&pattern.folder, places) }
    }

    /// Whether to pass over an entry, and as what it counts, if it does.
    fn passes_over(&self, path: &Path, depth: usize, is_dir: bool, is_link: bool) -> Option<Option<&'static str>> {
        let name = path.file_name().unwrap_or_default();
        let asked = self.pattern.as_ref().map_or(Match::Below, |pattern| pattern.look(name, depth, is_dir));
        let is_own = || match is_link {
            true => path.canonicalize().is_ok_and(|path| self.places.is_own(&path)),
            false => self.places.is_own(path),
        };
        match asked {
            Match::No => Some(None),
            Match::Hidden => Some(Some(HIDDEN)),
            Match::Below if name.as_encoded_bytes().starts_with(b".") => Some(Some(HIDDEN)),
            Match::Yes | Match::Below => is_own().then_some(Some(OWN)),
        }
    }

    /// Whether it is not this, but what leads here that was asked for.
    fn is_other(&self, file: &Path) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| !pattern.asks_for(file))
    }

    /// Counts what is passed over. It may have been named itself once, so it is not gone.
    fn pass_over(&self, path: &Path, kind: Option<&str>) {
        if let Some(kind) = kind {
            self.places.notes.pass_over(kind);
            self.places.notes.unread(&path_name(path));
        }
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, Skip>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.entries.next()? {
                Ok(entry) => entry,
                Err(error) if error.loop_ancestor().is_some() => {
                    // Nothing is lost: the folder it leads to is being walked.
                    self.places.notes.pass_over("links to a folder above");
                    continue;
                }
                Err(error) => {
                    // Where it is not known which, it may be any.
                    let path = error.path().unwrap_or(&self.folder);
                    // It may be hidden, as a link of an editor that leads nowhere. A link may lead to a folder.
                    let kind = (error.depth() > 0)
                        .then(|| self.passes_over(path, error.depth(), true, path.is_symlink()))
                        .flatten();
                    if kind.is_some() {
                        self.pass_over(path, kind.flatten());
                        continue;
                    }
                    let unknown = std::io::Error::other("it cannot be looked at");
                    let reason = format!("cannot read it: {}", error.io_error().unwrap_or(&unknown));
                    return Some(Err(Skip { source: path_name(path), reason }));
                }
            };
            let (is_inner, is_dir) = (entry.depth() > 0, entry.file_type().is_dir());
            if is_inner
                && let Some(kind) = self.passes_over(entry.path(), entry.depth(), is_dir, entry.path_is_symlink())
            {
                self.pass_over(entry.path(), kind);
                if is_dir {
                    self.entries.skip_current_dir();
                }
                continue;
            }
            if is_inner && entry.path_is_symlink() && !self.places.allows(entry.path()) {
                if is_dir {
                    self.entries.skip_current_dir();
                }
                return Some(Err(Skip::new(path_name(entry.path()), &outside(entry.path()))));
            }
            if is_dir {
                if is_inner && is_empty(entry.path()) {
                    self.places.notes.empty(&path_name(entry.path()));
                }
                continue;
            }
            if self.is_other(entry.path()) {
                continue;
            }
            if !entry.file_type().is_file() {
                self.pass_over(entry.path(), Some("pipes and devices"));
                continue;
            }
            return Some(Ok(entry.into_path()));
        }
    }
}

/// Whether nothing is in a folder, or only what hides and what a file system has of itself.
fn is_empty(folder: &Path) -> bool {
    let is_nothing = |name: &OsStr| name.as_encoded_bytes().starts_with(b".") || name == "lost+found";
    std::fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| is_nothing(&entry.file_name()))))
}
