//! Where models are kept and how they are fetched, as the environment says it.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::truth;
use crate::{Error, Result};

/// Everything that can be said about models, each part optional.
#[derive(Clone, Debug, Default)]
pub struct ModelSettings {
    /// The folder of fetched files (`BOOTCAMP_MODELS`, else `bootcamp/models` in the user's cache folder).
    pub cache: Option<PathBuf>,
    /// The user's own manifest (`BOOTCAMP_MODELS_FILE`). Unset: `./models.toml`, if there is one.
    pub manifest: Option<PathBuf>,
    /// Never use the network (`BOOTCAMP_OFFLINE`).
    pub offline: bool,
    /// The program that runs pip (`BOOTCAMP_PYTHON`). Unset: `python3`.
    pub python: Option<PathBuf>,
    /// `http://…` or `https://…` of the hub or a mirror (`HF_ENDPOINT`).
    pub hf_endpoint: Option<String>,
    /// Goes to the endpoint's own host only (`HF_TOKEN`, else the file `token` in `hf_home`).
    pub hf_token: Option<SecretString>,
    /// Where the hub's own tools keep things (`HF_HOME`, else `huggingface` in the user's cache folder).
    pub hf_home: Option<PathBuf>,
    /// What the hub's own tools have fetched (`HF_HUB_CACHE`, else `hub` in `hf_home`).
    pub hf_hub_cache: Option<PathBuf>,
    /// ONNX Runtime's shared library (`ORT_DYLIB_PATH`).
    pub ort_dylib: Option<PathBuf>,
}

impl ModelSettings {
    /// What the environment says; `get` is [`std::env::var`] but for tests.
    ///
    /// # Errors
    /// `InvalidInput` that names the variable whose value does not parse.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let path = |name: &str| get(name).map(PathBuf::from);
        // The XDG base directory specification has relative paths ignored.
        let xdg = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let caches = xdg.or_else(|| Some(path("HOME")?.join(".cache")));
        let cached = |below: &str| Some(caches.as_ref()?.join(below));
        let hf_home = path("HF_HOME").or_else(|| cached("huggingface"));
        Ok(Self {
            cache: path("BOOTCAMP_MODELS").or_else(|| cached("bootcamp/models")),
            manifest: path("BOOTCAMP_MODELS_FILE"),
            offline: match get("BOOTCAMP_OFFLINE") {
                None => false,
                Some(text) => truth(&text).ok_or_else(|| {
                    Error::invalid(format!(
                        "BOOTCAMP_OFFLINE is '{}', expected true or false",
                        text.to_ascii_lowercase()
                    ))
                })?,
            },
            python: path("BOOTCAMP_PYTHON"),
            hf_endpoint: get("HF_ENDPOINT"),
            hf_token: get("HF_TOKEN").map(SecretString::from),
            hf_hub_cache: path("HF_HUB_CACHE").or_else(|| Some(hf_home.as_ref()?.join("hub"))),
            hf_home,
            ort_dylib: path("ORT_DYLIB_PATH"),
        })
    }

    pub(super) fn cache(&self) -> Result<&Path> {
        self.cache.as_deref().ok_or_else(|| {
            Error::invalid("there is no folder for models: neither HOME nor XDG_CACHE_HOME is set")
                .with_hint("set BOOTCAMP_MODELS to a folder")
        })
    }
}
