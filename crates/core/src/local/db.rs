//! The SQLite file: how it is opened, and by whom.
//!
//! One connection writes, any number read, in this process and in others; in WAL mode neither waits for the other.
//! `synchronous=FULL` makes every commit reach the disk before it returns, so an acknowledged write survives a crash of
//! the process, of the system, and a power cut.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, FileControl, MAIN_DB, OpenFlags};

use crate::sqlite::{self, Format, PATIENCE};
use crate::{Error, ErrorKind, Result};

const FORMAT: Format = Format {
    // `BCMP`.
    application_id: 0x4243_4D50,
    migrations: &["
    CREATE TABLE collections (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        name     TEXT NOT NULL UNIQUE,
        spec     TEXT NOT NULL,
        next_key INTEGER NOT NULL DEFAULT 1,
        rows     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE graphs (
        collection INTEGER NOT NULL REFERENCES collections (number) ON DELETE CASCADE,
        field      INTEGER NOT NULL,
        file       TEXT NOT NULL,
        upto       INTEGER NOT NULL,
        bytes      INTEGER NOT NULL,
        crc        INTEGER NOT NULL,
        PRIMARY KEY (collection, field)
    ) STRICT, WITHOUT ROWID;
"],
};

/// The version of files that this program writes.
pub(super) const VERSION: usize = FORMAT.version();

/// Idle reading connections that are kept.
const IDLE_READERS: usize = 16;
/// How long a writer waits for readers that still look at what is in the log.
const PATIENCE_WITH_READERS: Duration = Duration::from_millis(500);
/// Bytes by which the log may grow before a writer empties it.
const LOG_STEP: u64 = if cfg!(test) { 2 << 20 } else { 64 << 20 };

#[derive(Debug)]
pub(super) struct Db {
    path: PathBuf,
    /// `None`: opened for reading only.
    writer: Option<Mutex<Connection>>,
    readers: Mutex<Vec<Connection>>,
    /// The length of the log at which it is emptied.
    longest_log: AtomicU64,
}

impl Db {
    /// Opens or makes the file, and brings an older one to today's version.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || -> Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let mut writer = connect(path, flags)?;
            FORMAT.version_of(&writer, path)?;
            FORMAT.migrate(&mut writer).map_err(failed)?;
            // Whoever may read the folder but not write to it finds the log that SQLite wants there.
            writer.file_control(Some(MAIN_DB), FileControl::PersistWal(&mut 1)).map_err(failed)?;
            Ok(writer)
        };
        let writer = open().map_err(|error| error.context(format_args!("cannot open {}", path.display())))?;
        Ok(Self::new(path, Some(Mutex::new(writer))))
    }

    fn new(path: &Path, writer: Option<Mutex<Connection>>) -> Self {
        Self { path: path.to_owned(), writer, readers: Mutex::default(), longest_log: AtomicU64::new(LOG_STEP) }
    }

    /// Opens a file that is there, for reading only. Nothing is made, changed or brought to another version, and whoever
    /// writes to it goes on.
    ///
    /// SQLite still needs the file's log and the log's index beside it, and makes them where no writer has. In a folder
    /// that cannot be written they must be there, which is so after a writer that ended in any way.
    pub(super) fn open_read_only(path: &Path) -> Result<Self> {
        // SQLite itself would not say why.
        let missing = || {
            let folder = path.parent().unwrap_or(path);
            Error::new(ErrorKind::NotFound, format!("there is no store in {}", folder.display()))
                .with_hint("check the folder's name; a store is made when something is written to it")
        };
        match std::fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(Error::io("cannot read", path, error)),
            Ok(_) => {}
        }
        let db = Self::new(path, None);
        let version = FORMAT.version_of(&connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?, path)?;
        match version {
            None => Err(missing()),
            Some(VERSION) => Ok(db),
            Some(older) => Err(Error::invalid(format!(
                "{} was written by an older Bootcamp (file version {older}; this program reads {VERSION})",
                path.display()
            ))
            .with_hint("open the store for writing once, which brings it up to date")),
        }
    }

    /// The one writing connection; whoever has it is the one who writes.
    ///
    /// # Errors
    /// `ReadOnly` where the file was opened for reading only.
    pub(super) fn writer(&self) -> Result<MutexGuard<'_, Connection>> {
        let writer = self.writer.as_ref().ok_or_else(|| {
            let folder = self.path.parent().unwrap_or(&self.path);
            Error::new(ErrorKind::ReadOnly, format!("the store {} was opened for reading only", folder.display()))
        })?;
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Brings what is in the log into the file and empties the log. What a reader still looks at stays there until the
    /// next time, so that no reader holds a writer up for long.
    pub(super) fn empty_log(&self, writer: &Connection) -> Result<()> {
        let empty = || {
            writer.busy_timeout(PATIENCE_WITH_READERS)?;
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        };
        let emptied = empty();
        self.longest_log.store(self.log_len() + LOG_STEP, Ordering::Relaxed);
        writer.busy_timeout(PATIENCE).and(emptied).map_err(failed)
    }

    /// Empties the log if it is long. SQLite itself begins it anew only at a moment without readers, which does not come
    /// while several read all the time.
    pub(super) fn keep_log_short(&self, writer: &Connection) {
        if self.log_len() >= self.longest_log.load(Ordering::Relaxed)
            && let Err(error) = self.empty_log(writer)
        {
            // What was written is safe in the log.
            tracing::warn!(%error, "the store's log cannot be emptied");
        }
    }

    fn log_len(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.writer.is_none()
    }

    /// A connection for reading, with a transaction begun, so that all that is read through it is of one moment.
    pub(super) fn reader(&self) -> Result<Reader<'_>> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(failed)?;
        Ok(Reader { db: self, connection: Some(connection) })
    }
}

impl Drop for Db {
    /// Leaves all in the file and the log empty, where no reader of another process is in the middle of it.
    fn drop(&mut self) {
        self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        if let Ok(writer) = self.writer()
            && let Err(error) = self.empty_log(&writer)
        {
            tracing::debug!(%error, "the store's log cannot be emptied");
        }
    }
}

/// A reading connection on loan.
pub(super) struct Reader<'a> {
    db: &'a Db,
    connection: Option<Connection>,
}

impl Deref for Reader<'_> {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "taken only in drop")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let ended = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).is_ok();
        let mut idle = self.db.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if ended && idle.len() < IDLE_READERS {
            idle.push(connection);
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connect = || {
        let connection = sqlite::connect(path, flags)?;
        connection.execute_batch("PRAGMA temp_store = MEMORY")?;
        Ok(connection)
    };
    connect().map_err(failed)
}

/// What SQLite's error means to the caller.
pub(super) fn failed(error: rusqlite::Error) -> Error {
    // The tables are named by what the collection is called by, which was read just before.
    if error.to_string().contains("no such table") {
        let message = format!("the collection was just removed ({error})");
        return Error::new(ErrorKind::NotFound, message).with_source(error);
    }
    sqlite::failed(error)
}
