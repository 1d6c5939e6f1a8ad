//! One error type for the workspace: a person at a terminal, a program reading an exit code and a client
//! reading an HTTP status all learn the same from it: the kind of error, where it happened, and what to do next.

use std::fmt;

use crate::caret;

/// The result of everything fallible in this workspace.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`], on which programs can decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's input is wrong: a dimension, a name, a filter. Nothing was written.
    InvalidInput,
    /// No such collection, record or file.
    NotFound,
    /// A collection of that name already exists.
    AlreadyExists,
    /// This store, or this version of the server, cannot do it.
    Unsupported,
    /// The user, password, token or certificate was refused.
    Denied,
    /// The server does not respond; retrying later may help.
    Unavailable,
    /// The deadline passed before an answer came.
    Timeout,
    /// Another process writes to the store.
    Locked,
    /// The store's folder cannot be written, or the store was opened for reading only.
    ReadOnly,
    /// No space left; nothing of the failed operation was kept.
    StorageFull,
    /// Stored data is damaged and cannot be rebuilt from what is left.
    Corrupt,
    /// Reading or writing a file failed for another reason.
    Io,
    /// A bug in this program, or a nonsensical response of a server.
    Internal,
}

impl ErrorKind {
    /// The HTTP status that answers a request which failed this way.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::Denied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            // Not 501: the server works, but this store or model cannot answer this request.
            Self::Unsupported => 422,
            Self::Unavailable | Self::Locked => 503,
            Self::Timeout => 504,
            Self::StorageFull => 507,
            Self::ReadOnly | Self::Corrupt | Self::Io | Self::Internal => 500,
        }
    }

    /// The exit code of a program that ended this way. 2 is left for "done, but some items were skipped".
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::InvalidInput => 3,
            Self::NotFound | Self::AlreadyExists => 4,
            Self::Unavailable | Self::Timeout => 5,
            Self::Denied => 6,
            Self::Locked | Self::ReadOnly | Self::StorageFull | Self::Corrupt | Self::Io => 7,
            Self::Unsupported => 8,
        }
    }

    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout)
    }
}

/// A failure: its [`ErrorKind`], a message for people, and where we know one, a hint about what to do.
///
/// `Display` is the message alone; [`Error::hint`] is shown on a line of its own, and [`std::error::Error::source`]
/// leads to the cause. No message ever carries a password, a token or a URL's user part.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Short for the most common kind.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Adds what to do about it: one imperative sentence without a full stop.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where in a text that a person typed: the line of byte `at`, and a caret under it, on lines of their own.
    pub fn with_place(mut self, text: &str, at: usize) -> Self {
        self.message = format!("{}\n{}", self.message, caret::draw(text, at));
        self
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says where it happened: `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// A file could not be read or written: picks the kind from the system's error and names the path.
    pub fn io(what: impl fmt::Display, path: &std::path::Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::StorageFull,
            _ => ErrorKind::Io,
        };
        let failure = Self::new(kind, format!("{what} {}: {error}", path.display())).with_source(error);
        match kind {
            ErrorKind::StorageFull => failure.with_hint("free some space and try again; nothing was lost"),
            ErrorKind::ReadOnly => failure.with_hint("check the permissions of the file and its folder"),
            _ => failure,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
