//! Archive members that are viewed: unpacked once and cached on disk within bounds, so that neither a
//! range of a video nor the next visitor reads the archive again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bootcamp_core::{Error, Result};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::content::ContentPath;
use crate::source;
use crate::spool::Spool;
use crate::threads::blocking;

/// Bytes of unpacked members that are kept.
const MAX_BYTES: u64 = 1 << 30;
/// How many are kept.
const MAX_MEMBERS: usize = 256;
/// Archives that are read at the same time.
const MAX_READERS: usize = 2;

/// Unpacked members, the one that was asked for last at the end.
#[derive(Clone, Debug)]
pub(super) struct Members {
    kept: Arc<Mutex<Vec<(Key, Slot)>>>,
    readers: Arc<Semaphore>,
    spool: Spool,
}

/// An archive that has changed has other members.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    archive: PathBuf,
    modified: Option<SystemTime>,
    archive_size: u64,
    member: String,
}

/// Empty while the member is being unpacked: others who want it wait for that.
type Slot = Arc<OnceCell<Unpacked>>;

#[derive(Debug)]
struct Unpacked {
    path: ContentPath,
    size: u64,
}

impl Members {
    pub(super) fn new(spool: Spool) -> Self {
        Self { kept: Arc::default(), readers: Arc::new(Semaphore::new(MAX_READERS)), spool }
    }

    /// A member's file. Reading the archive stops when no caller waits for it any more.
    ///
    /// # Errors
    /// `NotFound` when archive or member are gone, `InvalidInput` for a member of over `max` bytes.
    pub(super) async fn get(&self, archive: &Path, member: &str, max: u64) -> Result<ContentPath> {
        let metadata = tokio::fs::metadata(archive).await.map_err(|error| Error::io("cannot read", archive, error))?;
        let key = Key {
            archive: archive.to_owned(),
            modified: metadata.modified().ok(),
            archive_size: metadata.len(),
            member: member.to_owned(),
        };
        let slot = self.slot(&key);
        let path = slot.get_or_try_init(|| self.unpack(key, max)).await?.path.clone();
        self.shrink();
        Ok(path)
    }

    async fn unpack(&self, key: Key, max: u64) -> Result<Unpacked> {
        let _permit = self.readers.acquire().await;
        let stop = CancellationToken::new();
        let _stops_when_dropped = stop.clone().drop_guard();
        let spool = self.spool.clone();
        blocking(move || {
            let received = source::unpack(&key.archive, &key.member, max, &spool, &stop)?;
            let path = received.content.path(&spool)?;
            // So that a member unpacked again has the same ETag for a browser that has part of it.
            if let Some(modified) = key.modified {
                let _ = File::options().write(true).open(&*path).and_then(|file| file.set_modified(modified));
            }
            Ok(Unpacked { path, size: received.size })
        })
        .await
    }

    fn slot(&self, key: &Key) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key);
        let entry = at.map_or_else(|| (key.clone(), Slot::default()), |at| kept.remove(at));
        let slot = Arc::clone(&entry.1);
        kept.push(entry);
        slot
    }

    /// Evicts the least recently used members; open readers keep theirs.
    fn shrink(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |(_, slot): &(Key, Slot)| slot.get().map_or(0, |unpacked| unpacked.size);
        let mut bytes: u64 = kept.iter().map(size).sum();
        while kept.len() > 1 && (kept.len() > MAX_MEMBERS || bytes > MAX_BYTES) {
            bytes -= size(&kept.remove(0));
        }
    }
}
