//! Threads for what blocks.

use bootcamp_core::{Error, ErrorKind, Result};

/// Runs what blocks on a thread that may.
///
/// # Errors
/// Those of `work`; `Internal` when it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "a worker thread was aborted").with_source(error))?
}
