//! One process a folder: two writers would each believe their own index.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::{Error, ErrorKind, Result};

/// Held as long as the store is open. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(super) fn acquire(folder: &Path) -> Result<Self> {
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| Error::io("cannot open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The name only makes the message better; an unreadable one must not hide it.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "another process" } else { holder };
                return Err(Error::new(ErrorKind::Locked, format!("the store {} is in use by {holder}", folder.display()))
                    .with_hint("stop that process, or use another folder; a store that several processes share needs a Milvus server"));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("cannot lock", &path, error)),
        }
        let program =
            std::env::current_exe().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let note = format!("process {} ({})\n", std::process::id(), program.as_deref().unwrap_or("unknown"));
        // Not being able to leave the note (a full disk, say) is no reason to refuse the store.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
        Ok(Self { _file: file })
    }
}
