//! Where items come from: files in folders, members of archives, rows of tables. A solution says which of them it
//! wants; here is how they are found and read.

mod archive;
mod files;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Fields, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::content::ContentPath;
use crate::names::file_name;
use crate::options::Options;
use crate::receive::Received;
use crate::spool::Spool;

pub use crate::content::Content;
pub(crate) use archive::unpack;
pub use files::files;
pub use table::{Rows, rows};

/// What stands between an archive's path and the name of its member.
const MEMBER: &str = "!/";

/// One thing to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from, the same at every import: an absolute path, `/a/b.zip!/c/d.png`, or what else the solution
    /// chooses. Ids are made of it, and items show it as `path`.
    pub name: String,
    pub content: Content,
    /// Changes when the content does: size and time of a file, a checksum.
    pub version: String,
    /// What is known of it before it is read: a label, a caption, columns of a table.
    pub fields: Fields,
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
}

impl Places {
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, max_bytes: u64::MAX, ..Self::default() }
    }

    /// The places with patterns resolved, absolute and free of links, so that the same file has the same name however
    /// it is asked for.
    ///
    /// # Errors
    /// `NotFound` for what is not there, `InvalidInput` for a broken pattern.
    pub fn resolve(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in &self.paths {
            match path.canonicalize() {
                Ok(path) => found.push(path),
                Err(error) => match path.to_str().filter(|text| text.contains(['*', '?', '['])) {
                    Some(pattern) => found.extend(resolve_pattern(pattern)?),
                    None => return Err(Error::io("cannot find", path, error)),
                },
            }
        }
        Ok(found)
    }

    /// Beginnings of the names that sources from these places have: the folders, the files themselves.
    ///
    /// # Errors
    /// Those of [`Places::resolve`].
    pub fn scopes(&self) -> Result<Vec<String>> {
        Ok(self.resolve()?.into_iter().map(|path| path.to_string_lossy().into_owned()).collect())
    }
}

fn resolve_pattern(pattern: &str) -> Result<Vec<PathBuf>> {
    let wrong = |error: &dyn std::fmt::Display| Error::invalid(format!("pattern '{pattern}': {error}"));
    let paths: Vec<PathBuf> = glob::glob(pattern)
        .map_err(|error| wrong(&error))?
        .flatten()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    if paths.is_empty() { Err(wrong(&"no file matches")) } else { Ok(paths) }
}

impl Source {
    /// A file; its version is its size and time. Without `fields`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn file(path: &Path) -> Result<Self, Skip> {
        let name = path.to_string_lossy().into_owned();
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return Err(Skip { source: name, reason: error.to_string() }),
        };
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let version = format!("{}-{}", metadata.len(), modified.unwrap_or_default().as_nanos());
        Ok(Self { name, content: Content::File(path.to_owned()), version, fields: Fields::new() })
    }

    /// A file that somebody sent and nobody keeps. Named by what is in it, so that the same file again is the same source.
    pub fn upload(name: &str, file: Received) -> Self {
        let version = file.sha256[..20].to_owned();
        let name = format!("upload/{version}/{}", file_name(name));
        Self { name, content: file.content, version, fields: Fields::new() }
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

    /// Whether the content is a file below one of these folders, links followed; content that was read already came
    /// from such a file.
    pub fn is_within(&self, roots: &[PathBuf]) -> bool {
        match &self.content {
            Content::Bytes(_) | Content::Spooled(_) => true,
            Content::File(path) => is_within(path, roots),
        }
    }
}

/// Whether a path leads below one of these folders, links followed.
pub fn is_within(path: &Path, roots: &[PathBuf]) -> bool {
    path.canonicalize().is_ok_and(|path| roots.iter().any(|root| path.starts_with(root)))
}

/// The archive that a source's name leads to, and the member in it.
pub(crate) fn in_archive(name: &str) -> Option<(&Path, &str)> {
    let (archive, member) = name.split_once(MEMBER)?;
    (!Path::new(name).exists()).then_some((Path::new(archive), member))
}

fn with_fields(found: Result<Source, Skip>, places: &Places) -> Result<Source, Skip> {
    found.map(|source| Source { fields: places.fields.clone(), ..source })
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

#[cfg(test)]
mod tests;
