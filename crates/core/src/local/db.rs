//! The SQLite file: how it is opened, by whom, in which version, and what its errors mean.
//!
//! One connection writes, any number read; in WAL mode neither waits for the other. `synchronous=FULL` makes every
//! commit reach the disk before it returns, so an acknowledged write survives a crash of the process, of the system,
//! and a power cut.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::filter;
use crate::{Error, ErrorKind, Result};

/// Marks the file as ours in SQLite's header: `BCMP`.
const APPLICATION_ID: i32 = 0x4243_4D50;

/// How to bring a file from each schema version to the next. A file's version is SQLite's `user_version`; version 0
/// is an empty file. Never edit an entry that was released: add one.
const MIGRATIONS: &[&str] = &["
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
"];

/// The version of files that this program writes.
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Idle reading connections that are kept.
const IDLE_READERS: usize = 16;

#[derive(Debug)]
pub(super) struct Db {
    path: PathBuf,
    /// `None` only while the store is closing.
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Db {
    /// Opens or makes the file, and brings an older one to today's version.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
            .map_err(|error| failed(error).context(format_args!("cannot open {}", path.display())))?;
        prepare(&mut writer).map_err(|error| match error {
            Prepare::Sql(error) => failed(error).context(format_args!("cannot open {}", path.display())),
            Prepare::Other(message) => Error::invalid(format!("{} {message}", path.display())),
        })?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    /// The one writing connection; whoever has it is the one who writes.
    pub(super) fn writer(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for reading, with a transaction begun, so that all that is read through it is of one moment.
    pub(super) fn reader(&self) -> Result<Reader<'_>> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?,
        };
        connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(failed)?;
        Ok(Reader { db: self, connection: Some(connection) })
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

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    // 16 MiB of pages a connection: the inner pages of a million rows, so that a look-up reads one page.
    connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    filter::register(&connection)?;
    Ok(connection)
}

enum Prepare {
    Sql(rusqlite::Error),
    Other(String),
}

impl From<rusqlite::Error> for Prepare {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

fn prepare(connection: &mut Connection) -> Result<(), Prepare> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    if tables > 0 && application != i64::from(APPLICATION_ID) {
        return Err(Prepare::Other("is a SQLite file of another program".into()));
    }
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > VERSION {
        return Err(Prepare::Other(format!(
            "was written by a newer Bootcamp (file version {version}; this program knows {VERSION})"
        )));
    }
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", at + 1))?;
        transaction.commit()?;
    }
    Ok(())
}

/// What SQLite's error means to the caller.
pub(super) fn failed(error: rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    let (kind, message, hint) = match code {
        Some(ErrorCode::DiskFull) => (
            ErrorKind::StorageFull,
            "no space left for the store",
            Some("free some space and try again; nothing was lost"),
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (ErrorKind::ReadOnly, "the store cannot be written", Some("check the folder's permissions"))
        }
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::ReadOnly,
            "the store's file cannot be opened",
            Some("check that the folder exists and may be written"),
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            ErrorKind::Corrupt,
            "the store's file is damaged",
            Some("restore the folder from a backup, or move it away and import again"),
        ),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Io, "reading or writing the store failed", None),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Locked,
            "another program has locked the store's file",
            Some("close programs that have store.sqlite3 open, such as the sqlite3 shell"),
        ),
        _ => (ErrorKind::Internal, "the store's file could not answer", None),
    };
    let mut failure = Error::new(kind, format!("{message} ({error})"));
    if let Some(hint) = hint {
        failure = failure.with_hint(hint);
    }
    failure.with_source(error)
}
