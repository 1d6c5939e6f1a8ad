//! Finds ONNX Runtime, which is loaded when the first model is: building and listing need none of it.

use std::path::{Path, PathBuf};

use super::{OnFetch, Registry};
use crate::{Error, ErrorKind, Result};

impl Registry {
    /// ONNX Runtime's shared library: the one of `ORT_DYLIB_PATH`, beside the running program, in the cache, or fetched
    /// from the source that the manifest names for this system.
    ///
    /// # Errors
    /// `NotFound` when `ORT_DYLIB_PATH` names no file; `Unsupported` when no manifest knows this system; those of
    /// [`Registry::file`].
    pub fn runtime(&self, on_progress: &OnFetch) -> Result<PathBuf> {
        if let Some(path) = &self.settings.ort_dylib {
            if path.is_file() {
                return Ok(path.clone());
            }
            let message = format!("ORT_DYLIB_PATH is '{}', but there is no such file", path.display());
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("set it to ONNX Runtime's shared library, or unset it to fetch one"));
        }
        if let Some(path) = std::env::current_exe().ok().and_then(|program| library_in(program.parent()?)) {
            return Ok(path);
        }
        let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let Some(runtime) = self.manifest.runtimes.get(&system) else {
            return Err(Error::new(ErrorKind::Unsupported, format!("no manifest provides ONNX Runtime for {system}"))
                .with_hint("install ONNX Runtime and set ORT_DYLIB_PATH to its shared library"));
        };
        self.file(&runtime.file, on_progress)
    }
}

/// The library in this folder; of several, the one whose name is last.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        // Beside it lie parts that cannot be loaded on their own: libonnxruntime_providers_shared.so.
        let unix = name.strip_prefix("libonnxruntime.");
        unix.is_some_and(|rest| rest.split('.').any(|part| matches!(part, "so" | "dylib"))) || name == "onnxruntime.dll"
    };
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    files.filter(|path| path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_library)).max()
}
