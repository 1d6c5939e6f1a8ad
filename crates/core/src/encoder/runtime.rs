//! ONNX Runtime in this process: a shared library, loaded once, however many models use it.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::{Error, ErrorKind, Result};

static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// The environment that sessions are made in, from the library at `library` if none is loaded yet.
///
/// # Errors
/// `Unsupported` when the library is too old, cannot be loaded here, or is no ONNX Runtime.
pub(super) fn environment(library: &Path) -> Result<&'static Environment> {
    static LOADING: Mutex<()> = Mutex::new(());
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let builder = ort::init_from(library).map_err(|error| cannot_load(library, error))?;
    let environment = builder
        .with_name("bootcamp")
        .with_telemetry(false)
        .with_logger(Arc::new(|level, _category, _id, place, message| log(level, place, message)))
        .build()
        .map_err(|error| failed("cannot start ONNX Runtime", error))?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

/// One log level lower than the runtime's: its warnings concern the authors of the model or the runtime.
fn log(level: LogLevel, place: &str, message: &str) {
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::warn!(place, "ONNX Runtime: {message}"),
        LogLevel::Warning => tracing::debug!(place, "ONNX Runtime: {message}"),
        _ => tracing::trace!(place, "ONNX Runtime: {message}"),
    }
}

fn cannot_load(library: &Path, error: ort::LoadDynamicError) -> Error {
    let at = library.display();
    let message = match &error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!("ONNX Runtime at {at} is version {version_str}; 1.{} or newer is needed", ort::MINOR_VERSION)
        }
        ort::LoadDynamicError::Dlopen { error, .. } => format!("ONNX Runtime cannot be loaded from {at}: {error}"),
        _ => format!("{at} is not an ONNX Runtime library"),
    };
    Error::new(ErrorKind::Unsupported, message)
        .with_hint("unset ORT_DYLIB_PATH to fetch a suitable library, or point it to one")
        .with_source(error)
}

/// An error of the runtime, in its own words: they tell the model's author more than ours could.
pub(super) fn failed(what: impl std::fmt::Display, error: ort::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("{what}: {}", error.message().trim()))
}
