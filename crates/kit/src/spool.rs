//! Temporary files for data too large for memory, such as the body of a request while it is handled.
//!
//! Each process has a folder of its own below the spool's and holds a lock in it as long as it lives. A folder whose lock
//! nobody holds was left by a crash, and whoever comes next removes it; several servers can share one spool.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_core::{Error, Result};
use tempfile::{TempDir, TempPath};

/// How the folders of processes begin.
const PROCESS: &str = "process-";
const LOCK: &str = "lock";
/// How often a process tries to get a folder that nobody sweeps away before it is locked.
const ATTEMPTS: usize = 10;

/// A folder of temporary files, each removed with its last user. It is created with the first file.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
    own: Arc<Mutex<Option<Arc<Own>>>>,
}

/// A process's folder.
#[derive(Debug)]
struct Own {
    folder: TempDir,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

/// A file in the spool, removed with this value.
#[derive(Debug)]
pub struct SpoolFile {
    path: TempPath,
    _own: Arc<Own>,
}

impl SpoolFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to where it is kept; gives it back where it cannot, as from one file system to another.
    pub(crate) fn keep(self, to: &Path) -> Result<(), Self> {
        let Self { path, _own } = self;
        path.persist(to).map_err(|error| Self { path: error.path, _own })
    }
}

impl Spool {
    /// A spool below this folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root, own: Arc::default() }
    }

    /// Removes what dead processes left behind. What cannot be removed only wastes space.
    pub fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(PROCESS.as_bytes()) {
                sweep(&entry.path());
            }
        }
    }

    /// Writes bytes to a file of their own, open for more.
    pub(crate) fn store(&self, bytes: &[u8]) -> Result<(File, SpoolFile)> {
        let own = self.own()?;
        let file = tempfile::Builder::new().prefix("file-").tempfile_in(own.folder.path());
        let (mut file, path) =
            file.map_err(|error| Error::io("cannot write to", own.folder.path(), error))?.into_parts();
        file.write_all(bytes).map_err(|error| Error::io("cannot write to", &path, error))?;
        Ok((file, SpoolFile { path, _own: own }))
    }

    /// Removes a folder at once, even while another process writes to it: it is moved here first. One that is not there
    /// is none.
    pub(crate) fn discard(&self, folder: &Path) -> Result<()> {
        let cannot_remove = |error| Error::io("cannot remove", folder, error);
        if !folder.exists() {
            return Ok(());
        }
        let own = self.own()?;
        let place = tempfile::Builder::new().prefix("folder-").tempdir_in(own.folder.path()).map_err(cannot_remove)?;
        // `place` is removed with all that is in it; what cannot be removed goes with this process's folder.
        match std::fs::rename(folder, place.path().join("discarded")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot_remove(error)),
            _ => Ok(()),
        }
    }

    /// This process's folder, which is made at the first call.
    fn own(&self) -> Result<Arc<Own>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = &*own {
            return Ok(Arc::clone(own));
        }
        self.sweep();
        let made = Arc::new(Own::new(&self.root).map_err(|error| Error::io("cannot write to", &self.root, error))?);
        *own = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl Own {
    fn new(root: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let mut attempt = 1;
        loop {
            match Self::locked(root) {
                // Another process took it for a leftover before it was locked.
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    fn locked(root: &Path) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PROCESS).tempdir_in(root)?;
        let path = folder.path().join(LOCK);
        let lock = OpenOptions::new().write(true).create_new(true).open(&path)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(ErrorKind::NotFound.into()),
            // Where there are no locks, nobody gets one, and nothing is swept.
            Ok(()) | Err(TryLockError::Error(_)) => path.metadata().map(|_| Self { folder, _lock: lock }),
        }
    }
}

/// Removes a process's folder if the process is no more.
fn sweep(folder: &Path) {
    match File::open(folder.join(LOCK)) {
        Ok(lock) if lock.try_lock().is_ok() => {
            let _ = std::fs::remove_dir_all(folder);
        }
        Ok(_) => {}
        // It ended before it had a lock, so it contains no items; or it is just about to have one, and tries again.
        Err(_) => {
            let _ = std::fs::remove_dir(folder);
        }
    }
}
