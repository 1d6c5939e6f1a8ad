//! FiftyOne's `brain_config.json`: its keys about similarity. Those about other backends and methods are left alone.

use std::path::Path;

use bootcamp_core::{Error, Result, nearest_name};
use serde_json::{Map, Value};

use super::{BrainConfig, MILVUS_KEYS, Origin, Setting};

/// FiftyOne's own keys.
const KEYS: [&str; 4] =
    ["default_similarity_backend", "default_visualization_method", "similarity_backends", "visualization_methods"];
/// FiftyOne's backends; others name their class.
const BACKENDS: [&str; 11] = [
    "elasticsearch",
    "lancedb",
    "local",
    "milvus",
    "mongodb",
    "mosaic",
    "pgvector",
    "pinecone",
    "qdrant",
    "redis",
    "sklearn",
];

/// The layer of a file. One that nobody named may be missing.
pub fn read(path: &Path, is_named: bool) -> Result<BrainConfig> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return Ok(BrainConfig::default()),
        Err(error) => return Err(Error::io("cannot read", path, error)),
    };
    parse(&text, path).map_err(|error| error.context(path.display()))
}

fn parse(text: &str, path: &Path) -> Result<BrainConfig> {
    // serde's message could repeat a value, which may be a secret.
    let parsed: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Error::invalid(format!("line {} is not valid JSON", error.line())))?;
    let file = object(&parsed, "the file")?;
    check_keys(file, "", |key| KEYS.contains(&key), &KEYS)?;
    let origin = || Origin::File(path.to_owned());
    let mut config = BrainConfig::default();
    if let Some(value) = file.get("default_similarity_backend").filter(|value| !value.is_null()) {
        config.default_backend = Some(Setting::new(string(value, "default_similarity_backend")?, origin()));
    }
    let Some(backends) = file.get("similarity_backends") else { return Ok(config) };
    let backends = object(backends, "similarity_backends")?;
    let is_known = |name: &str| BACKENDS.contains(&name) || backends[name].get("config_cls").is_some();
    check_keys(backends, "similarity_backends.", is_known, &BACKENDS)?;
    let Some(milvus) = backends.get("milvus") else { return Ok(config) };
    let place = "similarity_backends.milvus";
    let milvus = object(milvus, place)?;
    check_keys(milvus, &format!("{place}."), |key| MILVUS_KEYS.contains(&key) || key == "config_cls", &MILVUS_KEYS)?;
    for key in MILVUS_KEYS {
        let Some(value) = milvus.get(key).filter(|value| !value.is_null()) else { continue };
        let text = match value {
            Value::Bool(value) if key == "secure" => value.to_string(),
            value => string(value, &format!("{place}.{key}"))?,
        };
        config.milvus.insert(key, Setting::new(text, origin()));
    }
    Ok(config)
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| Error::invalid(format!("{place} is not an object of keys and values")))
}

fn string(value: &Value, place: &str) -> Result<String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| {
        Error::invalid(format!("{place} is not a string")).with_hint("write it in quotes, also if it is a number")
    })
}

fn check_keys(object: &Map<String, Value>, place: &str, is_known: impl Fn(&str) -> bool, known: &[&str]) -> Result<()> {
    let Some(key) = object.keys().find(|key| !is_known(key)) else { return Ok(()) };
    let error = Error::invalid(format!("unknown key {place}{key}"));
    Err(match nearest_name(key, known.iter().copied()) {
        Some(meant) => error.with_hint(format!("did you mean {place}{meant}?")),
        None => error.with_hint(format!("known keys are {}", known.join(", "))),
    })
}
