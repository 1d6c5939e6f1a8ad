//! What every SQLite file of ours has in common: how a connection is prepared, whose file it is and in which version,
//! and what SQLite's errors mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::filter;
use crate::{Error, ErrorKind, Result};

/// How long a connection waits for a lock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A kind of file.
#[derive(Debug)]
pub(crate) struct Format {
    /// Marks the file as ours in SQLite's header.
    pub(crate) application_id: i32,
    /// How to bring a file from each schema version to the next. A file's version is SQLite's `user_version`; version 0
    /// is an empty file. Never edit an entry that was released: add one.
    pub(crate) migrations: &'static [&'static str],
}

impl Format {
    /// The version of files that this program writes.
    pub(crate) const fn version(&self) -> usize {
        self.migrations.len()
    }

    /// The version of a file; `None` for an empty one.
    ///
    /// # Errors
    /// `InvalidInput` for a file of another kind, or of a newer program.
    pub(crate) fn version_of(&self, connection: &Connection, path: &Path) -> Result<Option<usize>> {
        // All of one moment: another process may be making the file.
        let moment = connection.unchecked_transaction().map_err(failed)?;
        let number = |sql: &str| moment.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
        let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
        if number("SELECT count(*) FROM sqlite_schema")? == 0 {
            return Ok(None);
        }
        if application != i64::from(self.application_id) {
            return Err(Error::invalid(format!("{} is a SQLite file of another program", path.display())));
        }
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        if version > self.version() {
            return Err(Error::invalid(format!(
                "{} was written by a newer Bootcamp (file version {version}; this program knows {})",
                path.display(),
                self.version()
            )));
        }
        Ok(Some(version))
    }

    /// Brings a file to today's version; another process may do the same. This connection's commits reach the disk
    /// before they return.
    pub(crate) fn migrate(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let version_of = |connection: &Connection| {
            let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
            version.map(|version| usize::try_from(version).unwrap_or_default())
        };
        if version_of(connection)? == self.version() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for migration in self.migrations.iter().skip(version_of(&transaction)?) {
            transaction.execute_batch(migration)?;
        }
        let (id, version) = (self.application_id, self.version());
        transaction.execute_batch(&format!("PRAGMA application_id = {id}; PRAGMA user_version = {version}"))?;
        transaction.commit()
    }
}

/// A connection that waits for locks, keeps foreign keys, and knows the functions that filters call.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // 16 MiB of pages a connection: the inner pages of a million rows, so that a look-up reads one page.
    connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA foreign_keys = ON;")?;
    filter::register(&connection)?;
    Ok(connection)
}

/// What SQLite's error means to the caller.
pub(crate) fn failed(error: rusqlite::Error) -> Error {
    let (kind, message, hint) = match error.sqlite_error_code() {
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
            Some("close programs that have the file open, such as the sqlite3 shell"),
        ),
        _ => (ErrorKind::Internal, "the store's file could not answer", None),
    };
    let failure = Error::new(kind, format!("{message} ({error})")).with_source(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
