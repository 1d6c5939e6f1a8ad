//! The SQLite file: made when something is first written, with one connection that writes in a process and several that
//! read. In WAL mode neither waits for the other, in this process and in others.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, FileControl, MAIN_DB, OpenFlags, TransactionBehavior};

use crate::sqlite::{self, Format, PATIENCE, failed};
use crate::{Error, ErrorKind, Result};

const FORMAT: Format = Format {
    // `BCMD`.
    application_id: 0x4243_4D44,
    migrations: &["
    CREATE TABLE sets (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        name    TEXT NOT NULL UNIQUE,
        owner   INTEGER REFERENCES sets (number),
        indexes TEXT NOT NULL
    ) STRICT;
"],
};

/// Idle reading connections that are kept.
const IDLE_READERS: usize = 8;
/// How long the last writer of a process waits for readers before it leaves the log as it is.
const PATIENCE_AT_THE_END: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// None until something is written. Whoever has it is the one in this process who writes.
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, writer: Mutex::default(), readers: Mutex::default() }
    }

    pub(super) fn exists(&self) -> Result<bool> {
        self.path.try_exists().map_err(|error| Error::io("cannot look for", &self.path, error))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect_to_read()?,
        };
        let moment = connection.unchecked_transaction().map_err(failed)?;
        let answer = read(&moment);
        let ended = moment.finish();
        let mut idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.is_ok() && idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }

    pub(super) fn write<T>(&self, write: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *writer {
            Some(connection) => connection,
            none => none.insert(self.connect_to_write()?),
        };
        // At once, not at the first change: two that read and then write would else be in each other's way.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Dropped without a commit, it is undone.
        let answer = write(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(answer)
    }

    fn connect_to_read(&self) -> Result<Connection> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("there is no file {}", self.path.display()))
                .with_hint("check the folder's name; the file is made when something is first written")
        };
        // SQLite itself would not say why.
        match std::fs::File::open(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(Error::io("cannot read", &self.path, error)),
            Ok(_) => {}
        }
        let connection = sqlite::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        match FORMAT.version_of(&connection, &self.path)? {
            None => Err(missing()),
            Some(version) if version == FORMAT.version() => Ok(connection),
            Some(older) => {
                let path = self.path.display();
                let message = format!("{path} was written by an older Bootcamp (file version {older})");
                Err(Error::invalid(message).with_hint("write something to it once, which brings it up to date"))
            }
        }
    }

    fn connect_to_write(&self) -> Result<Connection> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Error::io("cannot make the folder", folder, error))?;
        }
        let connect = || -> Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let mut connection = sqlite::connect(&self.path, flags).map_err(failed)?;
            FORMAT.version_of(&connection, &self.path)?;
            patiently(|| FORMAT.migrate(&mut connection)).map_err(failed)?;
            // Whoever may read the folder but not write to it finds the log that SQLite wants there.
            connection.file_control(Some(MAIN_DB), FileControl::PersistWal(&mut 1)).map_err(failed)?;
            // Ids are in no order, so a batch changes pages everywhere in their index: 128 MiB keep that of a million, and
            // the log is brought into the file only after 64 MiB, when many changes have met on the same pages.
            connection
                .execute_batch(
                    "PRAGMA cache_size = -131072; PRAGMA wal_autocheckpoint = 16384; \
                     PRAGMA journal_size_limit = 67108864;",
                )
                .map_err(failed)?;
            Ok(connection)
        };
        connect().map_err(|error| error.context(format_args!("cannot open {}", self.path.display())))
    }
}

impl Drop for File {
    /// Leaves all in the file and the log empty, unless someone still reads.
    fn drop(&mut self) {
        self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner) else { return };
        let empty = writer
            .busy_timeout(PATIENCE_AT_THE_END)
            .and_then(|()| writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        if let Err(error) = empty {
            tracing::debug!(%error, "the log of a document file cannot be emptied");
        }
    }
}

/// Tries again while another process makes the same file: SQLite does not wait by itself to change the kind of log.
fn patiently(mut make: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match make() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            made => return made,
        }
    }
}
