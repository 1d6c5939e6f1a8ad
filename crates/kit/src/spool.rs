//! Files that are too large for memory and that nobody keeps: what came with a request, until the request is over.
//!
//! Each process has a folder of its own below the spool's and holds a lock in it as long as it lives. A folder whose lock
//! nobody holds was left by a crash, and whoever comes next removes it; several servers can share one spool.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_core::{Error, Result};
use sha2::{Digest, Sha256};
use tempfile::{TempDir, TempPath};

use crate::content::Content;
use crate::names::digits;

/// Bytes up to which a file stays in memory.
const IN_MEMORY: usize = 1 << 20;
/// How the folders of processes begin.
const PROCESS: &str = "process-";
const LOCK: &str = "lock";
/// How often a process tries to get a folder that nobody sweeps away before it is locked.
const ATTEMPTS: usize = 10;

/// Where files go that are removed when nobody needs them any more. Nothing is made before the first of them.
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

    /// A file of this spool, to be written.
    pub fn writer(&self) -> Writer {
        Writer { spool: Some(self.clone()), ..Writer::in_memory() }
    }

    /// Removes what processes left that are no more. What cannot be removed is only space lost.
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
        // It ended before it had a lock, so there is nothing in it; or it is just about to have one, and tries again.
        Err(_) => {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// A file that is being received: in memory at first, on the disk when it grows. Hashed on the way.
pub struct Writer {
    /// None where everything stays in memory.
    spool: Option<Spool>,
    memory: Vec<u8>,
    file: Option<(File, SpoolFile)>,
    hash: Sha256,
    size: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("size", &self.size).finish_non_exhaustive()
    }
}

/// A file that was received.
#[derive(Clone, Debug)]
pub struct Received {
    pub content: Content,
    /// In hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Writer {
    /// One that writes to no disk.
    pub fn in_memory() -> Self {
        Self { spool: None, memory: Vec::new(), file: None, hash: Sha256::new(), size: 0 }
    }

    /// Appends bytes. Blocking.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        if self.file.is_none() {
            self.memory.extend_from_slice(bytes);
            let Some(spool) = self.spool.as_ref().filter(|_| self.memory.len() > IN_MEMORY) else { return Ok(()) };
            let memory = std::mem::take(&mut self.memory);
            self.file = Some(spool.store(&memory)?);
            return Ok(());
        }
        if let Some((file, held)) = &mut self.file {
            file.write_all(bytes).map_err(|error| Error::io("cannot write to", held.path(), error))?;
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What was received.
    pub fn finish(self) -> Received {
        let content = match self.file {
            Some((_, file)) => Content::Spooled(Arc::new(file)),
            None => Content::Bytes(self.memory.into()),
        };
        Received { content, sha256: digits(&self.hash.finalize()), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::hex;

    fn received(spool: &Spool, bytes: &[u8]) -> Received {
        let mut writer = spool.writer();
        for chunk in bytes.chunks(60_000) {
            writer.write(chunk).unwrap();
        }
        writer.finish()
    }

    #[test]
    fn what_is_small_stays_in_memory_and_the_rest_is_gone_with_its_last_user() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("spool"));
        let small = received(&spool, &[7; IN_MEMORY]);
        assert!(matches!(&small.content, Content::Bytes(bytes) if bytes.len() == IN_MEMORY));
        assert!(!folder.path().join("spool").exists(), "nothing is made before it is needed");
        let bytes: Vec<u8> = (0..=IN_MEMORY as u32).map(|at| (at % 251) as u8).collect();
        let large = received(&spool, &bytes);
        assert_eq!((&large.sha256, large.size), (&hex(&bytes), bytes.len() as u64));
        assert_eq!(large.content.read(u64::MAX).unwrap()[..], bytes[..]);
        let path = large.content.path(&spool).unwrap();
        drop(large);
        assert!(path.exists(), "a user is left");
        let place = path.to_owned();
        drop(path);
        assert!(!place.exists());
        let own = place.parent().unwrap().to_owned();
        assert!(own.exists());
        drop(spool);
        assert!(!own.exists(), "the folder goes with the process");
    }

    #[test]
    fn a_file_outlives_its_spool() {
        let folder = tempfile::tempdir().unwrap();
        let file = received(&Spool::new(folder.path().to_owned()), &[1; IN_MEMORY + 1]);
        assert_eq!(file.content.read(u64::MAX).unwrap().len(), IN_MEMORY + 1);
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_a_crash_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, files: &[&str]| {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            files.iter().for_each(|file| std::fs::write(folder.path().join(name).join(file), b"x").unwrap());
        };
        make("process-crashed", &["lock", "file-a", "file-b"]);
        make("process-unlocked", &[]);
        make("somebody-else", &["lock"]);
        let spools = [(); 2].map(|()| Spool::new(folder.path().to_owned()));
        let alive = spools.each_ref().map(|spool| received(spool, &[0; IN_MEMORY + 1]));
        make("process-crashed-later", &["lock", "file-c"]);
        spools.iter().for_each(Spool::sweep);
        for file in &alive {
            assert_eq!(file.content.read(u64::MAX).unwrap().len(), IN_MEMORY + 1);
        }
        let left = std::fs::read_dir(folder.path()).unwrap().flatten();
        let mut left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
        left.sort();
        assert!(left.len() == 3 && left[2] == "somebody-else", "{left:?}");
    }
}
