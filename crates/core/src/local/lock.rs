//! One process that writes to a folder: two would each believe their own index. The lock file says which process it is,
//! and where it serves, so that others can ask it to write for them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// Held as long as the store is open for writing. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

/// The process that has a store open for writing. The file has it as a line of JSON.
#[derive(Debug, Deserialize, Serialize)]
pub struct Holder {
    pub process: u32,
    /// What it runs: `image-search import`.
    pub program: String,
    #[serde(skip)]
    pub server: Option<Server>,
}

/// Where the process that writes to a store takes requests. The file has it as a second line.
#[derive(Clone, Debug)]
pub struct Server {
    /// `http://127.0.0.1:8080`.
    pub address: String,
    /// What tells a request of the store's owner from others: only they can read it in the file.
    pub secret: SecretString,
}

#[derive(Deserialize, Serialize)]
struct ServerLine {
    address: String,
    secret: String,
}

impl FolderLock {
    /// `program` is what others are told of this process.
    pub(super) fn acquire(folder: &Path, program: &str) -> Result<Self> {
        let path = path(folder);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // It may come to hold a secret.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| Error::io("cannot open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(folder)),
            Err(TryLockError::Error(error)) => return Err(Error::io("cannot lock", &path, error)),
        }
        let holder = Holder { process: std::process::id(), program: program.to_owned(), server: None };
        // Not being able to leave the note (a full disk, say) is no reason to refuse the store.
        let note = line(&holder);
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&note));
        Ok(Self { _file: file })
    }
}

impl Holder {
    /// Who has the store in a folder open for writing, or had it last. Ask after [`ErrorKind::Locked`]. `None` where
    /// that cannot be read.
    pub fn of(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path(folder)).ok()?;
        // A line without its end is just being written.
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let mut holder: Self = serde_json::from_str(lines.next()?).ok()?;
        let server = lines.next().and_then(|line| serde_json::from_str::<ServerLine>(line).ok());
        holder.server = server.map(|server| Server { address: server.address, secret: server.secret.into() });
        Some(holder)
    }
}

/// Tells others where this process, which has the store in a folder open for writing, takes requests.
///
/// # Errors
/// Those of the file system; then nothing is told.
pub fn announce(folder: &Path, server: &Server) -> Result<()> {
    let path = path(folder);
    let server = ServerLine { address: server.address.clone(), secret: server.secret.expose_secret().to_owned() };
    let announce = || {
        let mut file = OpenOptions::new().append(true).open(&path)?;
        // Older versions left it open to everyone.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(&line(&server))
    };
    announce().map_err(|error| Error::io("cannot write", &path, error))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn line(note: &impl Serialize) -> Vec<u8> {
    // Of strings and numbers, which always make JSON.
    let mut line = serde_json::to_vec(note).unwrap_or_default();
    line.push(b'\n');
    line
}

fn locked(folder: &Path) -> Error {
    let folder_name = folder.display();
    let (who, hint) = match Holder::of(folder) {
        Some(Holder { process, program, server: Some(server) }) => (
            format!("`{program}` (process {process}) at {}", server.address),
            "ask that server to write, or stop it first; reading works meanwhile",
        ),
        Some(Holder { process, program, server: None }) => (
            format!("`{program}` (process {process})"),
            "try again when that process has ended; reading works meanwhile",
        ),
        None => ("another process".to_owned(), "try again when that process has ended; reading works meanwhile"),
    };
    Error::new(ErrorKind::Locked, format!("the store {folder_name} is open for writing by {who}")).with_hint(hint)
}
