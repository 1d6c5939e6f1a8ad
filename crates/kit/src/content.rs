//! Bytes, wherever they are: in a file, in memory, or in the spool.

use std::fs::File;
use std::io::{Cursor, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Result};

use crate::spool::{Spool, SpoolFile};

/// The bytes of a source, or of a file in a query. Cheap to clone.
#[derive(Clone)]
pub enum Content {
    /// A file that is not ours, such as one in an imported folder.
    File(PathBuf),
    Bytes(Arc<[u8]>),
    /// A temporary file, removed with its last user.
    Spooled(Arc<SpoolFile>),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Bytes(bytes) => write!(f, "Bytes[{}]", bytes.len()),
            Self::Spooled(file) => write!(f, "Spooled({})", file.path().display()),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<ContentPath> for Content {
    fn from(path: ContentPath) -> Self {
        match path {
            ContentPath::File(path) => Self::File(path),
            ContentPath::Spooled(file) => Self::Spooled(file),
        }
    }
}

/// Content as a file on disk. A file that was written only for this is removed with it.
#[derive(Clone, Debug)]
pub enum ContentPath {
    File(PathBuf),
    Spooled(Arc<SpoolFile>),
}

impl Deref for ContentPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Spooled(file) => file.path(),
        }
    }
}

impl Content {
    /// All bytes, at most `max` of them. Blocking.
    ///
    /// # Errors
    /// `InvalidInput` when a file has more; those of the file system.
    pub fn read(&self, max: u64) -> Result<Arc<[u8]>> {
        match self.on_disk() {
            Ok(path) => read_file(&path, max).map(Into::into),
            Err(bytes) => Ok(Arc::clone(bytes)),
        }
    }

    /// A reader of the bytes, which does not load them all. Blocking.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        match self.on_disk() {
            Ok(path) => Ok(Box::new(File::open(&*path).map_err(|error| Error::io("cannot read", &path, error))?)),
            Err(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
        }
    }

    /// A path for decoders that need one; bytes in memory are written to the spool. Blocking.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn path(&self, spool: &Spool) -> Result<ContentPath> {
        match self.on_disk() {
            Ok(path) => Ok(path),
            Err(bytes) => spool.store(bytes).map(|(_, file)| ContentPath::Spooled(Arc::new(file))),
        }
    }

    /// Where it is, or the bytes where it is in memory.
    fn on_disk(&self) -> Result<ContentPath, &Arc<[u8]>> {
        match self {
            Self::File(path) => Ok(ContentPath::File(path.clone())),
            Self::Spooled(file) => Ok(ContentPath::Spooled(Arc::clone(file))),
            Self::Bytes(bytes) => Err(bytes),
        }
    }
}

/// A regular file's bytes.
fn read_file(path: &Path, max: u64) -> Result<Vec<u8>> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let metadata = path.metadata().map_err(cannot_read)?;
    if !metadata.is_file() {
        return Err(Error::invalid(format!("{} is not a file", path.display())));
    }
    if metadata.len() > max {
        return Err(Error::invalid(format!("the file is {} bytes; the limit is {max}", metadata.len())));
    }
    std::fs::read(path).map_err(cannot_read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_get_a_path_for_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("spool"));
        let content = Content::from(b"abc".to_vec());
        let path = content.path(&spool).unwrap();
        assert_eq!(std::fs::read(&*path).unwrap(), b"abc");
        let place = path.to_path_buf();
        drop(path);
        assert!(!place.exists());
        let mut text = String::new();
        content.open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[test]
    fn a_files_limit_is_checked_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, b"12345").unwrap();
        let content = Content::File(file.clone());
        assert_eq!(*content.read(5).unwrap(), *b"12345");
        assert_eq!(content.read(4).unwrap_err().to_string(), "the file is 5 bytes; the limit is 4");
        let spool = Spool::new(folder.path().join("spool"));
        assert_eq!(&*content.path(&spool).unwrap(), &*file);
        assert!(Content::File(folder.path().to_owned()).read(5).is_err(), "a folder");
    }
}
