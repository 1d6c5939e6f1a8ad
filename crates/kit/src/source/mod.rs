//! Where items come from: files in folders, members of archives, rows of tables. A solution says which of them it
//! wants; here is how they are found and read.

mod archive;
mod described;
mod files;
mod naming;
mod notes;
mod pattern;
mod places;
mod table;
mod walk;
mod wanted;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Fields, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::content::ContentPath;
use crate::names::{file_name, named_path, path_name};
use crate::options::Options;
use crate::receive::Received;
use crate::spool::Spool;

pub use crate::content::Content;
pub(crate) use archive::unpack;
pub use described::{caption_beside, folder_label, has_namesake, listed, text_beside};
pub use files::files;
pub(crate) use naming::container;
pub(crate) use notes::Doubt;
pub use notes::Notes;
pub(crate) use places::future_path;
pub use places::{Scopes, place_name};
pub use table::{Lines, Rows, Table, Types, json_lines, plain_text, rows};
pub use wanted::Wanted;

/// What stands between an archive's path and the name of its member.
const MEMBER: &str = "!/";

/// One thing to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from, the same at every import: an absolute path, `/a/b.zip!/c/d.png`, or what else the solution
    /// chooses. Ids are made of it, and items show it as `path`. Paths become names by [`path_name`].
    pub name: String,
    pub content: Content,
    /// Changes when the content does: size and time of a file, a checksum.
    pub version: String,
    /// What is known of it before it is read: a label, a caption, columns of a table.
    pub fields: Fields,
    pub origin: Origin,
}

/// Where an import met a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of the place that was imported: a folder, a file, a pattern; or of the table that lists the source.
    pub place: Arc<str>,
    /// The row, where it is a table.
    pub line: Option<u64>,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

impl Origin {
    /// The table that lists the source, if one does.
    pub fn table(&self) -> Option<&str> {
        self.line.map(|_| &*self.place)
    }
}

/// What could not be imported, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skip {
    /// Its name.
    #[schema(example = "/srv/pictures/broken.png")]
    pub source: String,
    #[schema(example = "the file is truncated")]
    pub reason: String,
}

impl Skip {
    pub fn new(source: impl Into<String>, error: &Error) -> Self {
        let reason = error.hint().map_or(error.to_string(), |hint| format!("{error} ({hint})"));
        Self { source: source.into(), reason }
    }
}

/// Sources as they are found, with those that could not even be looked at.
pub type Sources = Box<dyn Iterator<Item = Result<Source, Skip>> + Send>;

/// Where to look for sources.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Files, folders, archives, tables, or patterns like `photos/**/*.jpg`.
    pub paths: Vec<PathBuf>,
    /// Fields that every source gets, unless it knows better.
    pub fields: Fields,
    /// The program's import options.
    pub options: Options,
    /// Only the names count: members of archives need not be unpacked.
    pub names_only: bool,
    /// Bytes of the largest file that is read.
    pub max_bytes: u64,
    /// Where large members of archives go; in memory, if left out.
    pub spool: Option<Spool>,
    /// Folders of the program's own, which are passed over: thumbnails are no pictures of the user's.
    pub own_folders: Vec<PathBuf>,
    /// Where set, nothing outside these folders is looked at, links followed.
    pub roots: Option<Vec<PathBuf>>,
    /// Whether a pattern may match nothing.
    pub allow_empty: bool,
    /// What was met besides sources.
    pub notes: Notes,
}

impl Places {
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, max_bytes: u64::MAX, ..Self::default() }
    }

    /// A source from a file that a table lists in this row.
    ///
    /// # Errors
    /// When it is not there, or not below an import root: where there are roots, one cannot be told from the other.
    pub fn listed(&self, table: &Path, line: u64, path: &Path) -> Result<Source, Skip> {
        let origin = Origin { place: path_name(table).into(), line: Some(line) };
        let place = origin.to_string();
        let skip = |error: &Error| Skip::new(&place, error);
        if !self.allows(path) {
            return Err(skip(&outside(path)));
        }
        let found = places::settled(path).map_err(|error| skip(&Error::io("cannot find", path, error)))?;
        if self.is_own(&found) {
            return Err(skip(&Error::invalid(format!("{} is a file of this program's own", found.display()))));
        }
        Source::file(&found).map(|source| Source { fields: self.fields.clone(), origin, ..source })
    }

    /// Whether a path leads to something that may be looked at.
    pub fn allows(&self, path: &Path) -> bool {
        self.roots.as_ref().is_none_or(|roots| is_within(path, roots))
    }
}

/// A path leads out of the import roots, or nowhere.
fn outside(path: &Path) -> Error {
    Error::invalid(format!("{} is not below an import root of this server", path.display()))
}

impl Source {
    /// One without fields.
    pub fn new(name: impl Into<String>, content: Content, version: impl Into<String>) -> Self {
        let (name, version) = (name.into(), version.into());
        Self { name, content, version, fields: Fields::new(), origin: Origin::default() }
    }

    /// A file; its version is its size and time. Without fields.
    ///
    /// # Errors
    /// When it cannot be looked at, or is no regular file: reading a pipe may wait for ever.
    pub fn file(path: &Path) -> Result<Self, Skip> {
        let name = path_name(path);
        let metadata = match path.metadata() {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Err(Skip { source: name, reason: "it is not a regular file (save it as one)".to_owned() }),
            Err(error) => return Err(Skip { source: name, reason: error.to_string() }),
        };
        let modified = metadata.modified().map(|time| match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => since.as_nanos().to_string(),
            Err(before) => format!("-{}", before.duration().as_nanos()),
        });
        let version = format!("{}-{}", metadata.len(), modified.unwrap_or_default());
        Ok(Self::new(name, Content::File(path.to_owned()), version))
    }

    /// A file that somebody sent and nobody keeps. Named by what is in it, so that the same file again is the same source.
    pub fn upload(name: &str, file: Received) -> Self {
        let version = file.sha256[..20].to_owned();
        let name = format!("upload/{version}/{}", file_name(name));
        Self::new(name, file.content, version)
    }

    /// The bytes, at most `max` of them. Blocking.
    ///
    /// # Errors
    /// Those of [`Content::read`].
    pub fn read(&self, max: u64) -> Result<Arc<[u8]>> {
        self.content.read(max)
    }

    /// Its file, for decoders that need one. Blocking.
    ///
    /// # Errors
    /// Those of [`Content::path`].
    pub fn path(&self, spool: &Spool) -> Result<ContentPath> {
        self.content.path(spool)
    }
}

/// Whether a path leads below one of these folders, links followed.
pub fn is_within(path: &Path, roots: &[PathBuf]) -> bool {
    path.canonicalize().is_ok_and(|path| roots.iter().any(|root| path.starts_with(root)))
}

/// The archive that a source's name leads to, and the member in it.
pub(crate) fn in_archive(name: &str) -> Option<(PathBuf, &str)> {
    let archive = container(name);
    let member = name.strip_prefix(archive)?.strip_prefix(MEMBER)?;
    (!named_path(name).exists()).then_some((named_path(archive), member))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

#[cfg(test)]
mod tests;
