//! Files received in chunks: in memory while small, in the spool beyond that, hashed as they arrive.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::names::digits;
use crate::spool::{Spool, SpoolFile};

/// Bytes up to which a file stays in memory.
const IN_MEMORY: usize = 1 << 20;

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
    /// One that goes to the spool when it grows. Nothing is written before.
    pub fn new(spool: &Spool) -> Self {
        Self { spool: Some(spool.clone()), ..Self::in_memory() }
    }

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
        let mut writer = Writer::new(spool);
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
        let place = path.to_path_buf();
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
