//! Downloaded files, each in a folder named by its checksum, so that a file with the right name has the right content.
//!
//! A file is written beside its place, made durable, compared with its checksum and only then renamed. So a file that
//! is there under its name, with the size that the manifest says, is used without being read through at every start;
//! what happens to it afterwards is for [`Registry::verify`](super::Registry::verify) to find.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::FileSpec;
use crate::{Error, ErrorKind, Result};

/// A file's place in the cache.
#[derive(Debug)]
pub(super) struct Slot {
    folder: PathBuf,
    name: String,
    pub(super) sha256: String,
    /// Its size, where the manifest says it.
    pub(super) bytes: Option<u64>,
}

impl Slot {
    pub(super) fn new(cache: &Path, file: &FileSpec) -> Result<Self> {
        let Some(sha256) = file.sha256.clone() else {
            return Err(Error::invalid(format!("{} has no sha256, which fetching needs", file.source)));
        };
        Ok(Self { folder: cache.join(&sha256), name: file.source.file_name().to_owned(), sha256, bytes: file.bytes })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the file is, or will be.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Where it grows; one that a dead process left behind may be continued.
    pub(super) fn part(&self) -> PathBuf {
        self.folder.join(format!("{}.part", self.name))
    }

    pub(super) fn is_filled(&self) -> bool {
        let path = self.path();
        let Ok(found) = path.metadata() else { return false };
        let fits = found.is_file() && self.bytes.is_none_or(|bytes| bytes == found.len());
        if !fits {
            tracing::warn!(path = %path.display(), bytes = found.len(), expected = self.bytes, "a model file is damaged");
        }
        fits
    }

    /// Waits until no other process fetches this file. The system lets go when the process ends, however it ends.
    pub(super) fn lock(&self) -> Result<File> {
        std::fs::create_dir_all(&self.folder).map_err(|error| Error::io("cannot create", &self.folder, error))?;
        let path = self.folder.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| Error::io("cannot open", &path, error))?;
        let locked = match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                tracing::info!(file = self.name, "waiting for another process that fetches this file");
                file.lock()
            }
            Err(TryLockError::Error(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        locked.map_err(|error| Error::io("cannot lock", &path, error))?;
        Ok(file)
    }

    /// Takes the part as the file if it is what it should be, and removes it if it is not.
    pub(super) fn keep(&self, source: &super::Source) -> Result<()> {
        let (part, path) = (self.part(), self.path());
        let file = File::options().write(true).open(&part);
        let length = file.and_then(|file| file.sync_all().and_then(|()| file.metadata())).map(|found| found.len());
        let length = length.map_err(|error| Error::io("cannot write", &part, error))?;
        let found = sha256_of(&part)?;
        if found != self.sha256 || self.bytes.is_some_and(|bytes| bytes != length) {
            // It stays out of use in any case; what cannot be removed is overwritten next time.
            let _ = std::fs::remove_file(&part);
            let expected = self.bytes.map_or(String::new(), |bytes| format!(" of {bytes} bytes"));
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "{source} does not match the manifest: sha256 {found} of {length} bytes, expected {}{expected}",
                    self.sha256
                ),
            )
            .with_hint(
                "try again; if it still fails, the file has changed at its source: check the manifest's sha256 and bytes",
            ));
        }
        std::fs::rename(&part, &path).map_err(|error| Error::io("cannot write", &path, error))?;
        // The name itself is durable only once its folder is. Not every system can sync a folder.
        let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

/// The SHA-256 of a file's contents, in small hexadecimal digits.
pub(super) fn sha256_of(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher));
    copied.map_err(|error| Error::io("cannot read", path, error))?;
    Ok(format!("{:x}", hasher.finalize()))
}
