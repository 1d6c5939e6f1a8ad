//! Which similarity backend is used and how it is reached: flags, then the environment, then FiftyOne's
//! `brain_config.json`, then defaults. Every value remembers where it came from, and secrets are never shown.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use bootcamp_core::{Consistency, Error, Result, StoreConfig, StoreSettings, nearest_name};
use secrecy::{ExposeSecret, SecretString};

use crate::backend::{Backend, SimilarityMetric};

/// The settings of the Milvus backend, by the names that FiftyOne gives them.
pub const MILVUS_KEYS: [&str; 14] = [
    "uri",
    "user",
    "password",
    "secure",
    "token",
    "db_name",
    "client_key_path",
    "client_pem_path",
    "ca_pem_path",
    "server_pem_path",
    "server_name",
    "collection_name",
    "metric",
    "consistency_level",
];
/// Those that are never shown.
const SECRETS: [&str; 2] = ["password", "token"];
const ENVIRONMENT: &str = "FIFTYONE_BRAIN_SIMILARITY_MILVUS_";
const DEFAULT_BACKEND: &str = "FIFTYONE_BRAIN_DEFAULT_SIMILARITY_BACKEND";
const CONFIG_PATH: &str = "FIFTYONE_BRAIN_CONFIG_PATH";
/// Where FiftyOne expects a server if nothing else is said.
const DEFAULT_URI: &str = "http://localhost:19530";

/// Where a value came from, the strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Flag,
    /// This variable.
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::File(path) => write!(f, "file: {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value, as text, and where it came from.
#[derive(Clone, Debug)]
pub struct Setting {
    value: SecretString,
    pub origin: Origin,
}

impl Setting {
    fn new(value: impl Into<String>, origin: Origin) -> Self {
        Self { value: SecretString::from(value.into()), origin }
    }

    fn text(&self) -> &str {
        self.value.expose_secret()
    }
}

/// A row of what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub key: String,
    /// `None`: not set. Secrets are `********`.
    pub value: Option<String>,
    pub origin: Option<Origin>,
}

/// Everything that is set.
#[derive(Clone, Debug, Default)]
pub struct BrainConfig {
    default_backend: Option<Setting>,
    milvus: BTreeMap<&'static str, Setting>,
}

/// What flags may set.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub backend: Option<String>,
    /// By the names of [`MILVUS_KEYS`].
    pub milvus: BTreeMap<&'static str, String>,
}

impl BrainConfig {
    /// Reads all layers; `get` is [`std::env::var`] and `variables` its names, but for tests.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown key, with the one that was probably meant, or a value that makes no sense.
    pub fn read(
        flags: Flags,
        get: &dyn Fn(&str) -> Option<String>,
        variables: impl Iterator<Item = String>,
    ) -> Result<Self> {
        let mut config = Self::from_flags(flags);
        config.complete(Self::from_environment(get, variables)?);
        if let Some((path, is_named)) = file_path(get) {
            config.complete(file::read(&path, is_named)?);
        }
        config.check()?;
        Ok(config)
    }

    fn from_flags(flags: Flags) -> Self {
        let setting = |value: String| Setting::new(value, Origin::Flag);
        let milvus = flags.milvus.into_iter().map(|(key, value)| (key, setting(value))).collect();
        Self { default_backend: flags.backend.map(setting), milvus }
    }

    fn from_environment(get: &dyn Fn(&str) -> Option<String>, variables: impl Iterator<Item = String>) -> Result<Self> {
        for name in variables {
            let Some(key) = name.strip_prefix(ENVIRONMENT) else { continue };
            if !MILVUS_KEYS.contains(&key.to_lowercase().as_str()) {
                return Err(unknown(&name, key, &MILVUS_KEYS, |key| format!("{ENVIRONMENT}{}", key.to_uppercase())));
            }
        }
        let set = |name: String| {
            let value = get(&name).filter(|value| !value.trim().is_empty())?;
            Some(Setting::new(value, Origin::Environment(name)))
        };
        let of_key = |key: &&'static str| {
            let name = key.to_uppercase();
            let own = if *key == "consistency_level" { "CONSISTENCY" } else { &name };
            // A folder in MILVUS_URI is a store of the other programs, not a server.
            let is_ours = |setting: &Setting| *key != "uri" || is_server(setting.text());
            let ours = || set(format!("MILVUS_{own}")).filter(is_ours);
            Some((*key, set(format!("{ENVIRONMENT}{name}")).or_else(ours)?))
        };
        let milvus = MILVUS_KEYS.iter().filter_map(of_key).collect();
        Ok(Self { default_backend: set(DEFAULT_BACKEND.to_owned()), milvus })
    }

    /// Fills in what a weaker layer sets. Somebody who is named in a stronger one is not mixed with a token of a weaker
    /// one, nor the other way round.
    fn complete(&mut self, weaker: Self) {
        self.default_backend = self.default_backend.take().or(weaker.default_backend);
        let [by_token, by_name] = [self.milvus.contains_key("token"), self.milvus.contains_key("user")];
        for (key, setting) in weaker.milvus {
            let is_other_way = match key {
                "token" => by_name,
                "user" | "password" => by_token,
                _ => false,
            };
            if !is_other_way {
                self.milvus.entry(key).or_insert(setting);
            }
        }
    }

    fn check(&self) -> Result<()> {
        self.backend()?;
        self.metric()?;
        self.consistency()?;
        self.secure()?;
        Ok(())
    }

    /// The backend of indexes that do not name one: what is set, or Milvus where its address is set, or the local one.
    ///
    /// # Errors
    /// `InvalidInput` for a backend that is neither.
    pub fn backend(&self) -> Result<Backend> {
        match &self.default_backend {
            Some(setting) => setting.text().parse().map_err(|error: Error| error.context(&setting.origin)),
            None if self.milvus.contains_key("uri") => Ok(Backend::Milvus),
            None => Ok(Backend::Local),
        }
    }

    /// The metric of new indexes.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown one.
    pub fn metric(&self) -> Result<Option<SimilarityMetric>> {
        self.parsed("metric", str::parse)
    }

    /// The collection of new indexes.
    pub fn collection_name(&self) -> Option<&str> {
        self.milvus.get("collection_name").map(Setting::text)
    }

    fn consistency(&self) -> Result<Option<Consistency>> {
        self.parsed("consistency_level", |text| {
            serde_json::from_value(text.to_ascii_lowercase().into()).map_err(|_| {
                Error::invalid(format!(
                    "the consistency level is '{text}', expected Strong, Session, Bounded or Eventually"
                ))
            })
        })
    }

    fn secure(&self) -> Result<Option<bool>> {
        self.parsed("secure", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Error::invalid(format!("secure is '{text}', expected true or false"))),
        })
    }

    fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
        let Some(setting) = self.milvus.get(key) else { return Ok(None) };
        parse(setting.text()).map(Some).map_err(|error| error.context(&setting.origin))
    }

    /// How to reach the Milvus server.
    ///
    /// # Errors
    /// `InvalidInput` for settings that contradict each other, and for a folder in place of a server.
    pub fn milvus(&self) -> Result<StoreConfig> {
        let text = |key: &str| self.milvus.get(key).map(|setting| setting.text().to_owned());
        let secret = |key: &str| text(key).map(SecretString::from);
        let path = |key: &str| text(key).map(PathBuf::from);
        let uri = text("uri").unwrap_or_else(|| DEFAULT_URI.to_owned());
        if !is_server(&uri) {
            return Err(Error::invalid(format!("'{uri}' is not the address of a Milvus server")).with_hint(
                "give http://host:port or https://host:port; for an index on this machine use the backend local",
            ));
        }
        let settings = StoreSettings {
            uri: Some(uri),
            user: text("user"),
            password: secret("password"),
            token: secret("token"),
            db_name: text("db_name"),
            secure: self.secure()?,
            client_key_path: path("client_key_path"),
            client_pem_path: path("client_pem_path"),
            ca_pem_path: path("ca_pem_path"),
            server_pem_path: path("server_pem_path"),
            server_name: text("server_name"),
            consistency: self.consistency()?,
            ..StoreSettings::default()
        };
        settings.resolve()
    }

    /// All settings with their values and origins, secrets masked; what is not set, too.
    ///
    /// # Errors
    /// As [`BrainConfig::backend`].
    pub fn shown(&self) -> Result<Vec<Shown>> {
        let backend = self.backend()?.to_string();
        let origin = self.default_backend.as_ref().map_or(Origin::Default, |setting| setting.origin.clone());
        let mut rows =
            vec![Shown { key: "default_similarity_backend".to_owned(), value: Some(backend), origin: Some(origin) }];
        for key in MILVUS_KEYS {
            let setting = self.milvus.get(key);
            let (value, origin) = match (setting, key) {
                (Some(setting), _) if SECRETS.contains(&key) => (Some("********".to_owned()), Some(&setting.origin)),
                (Some(setting), _) => (Some(without_credentials(setting.text())), Some(&setting.origin)),
                (None, "uri") => (Some(DEFAULT_URI.to_owned()), Some(&Origin::Default)),
                (None, "consistency_level") => (Some("Session".to_owned()), Some(&Origin::Default)),
                (None, "metric") => (Some(SimilarityMetric::default().to_string()), Some(&Origin::Default)),
                (None, _) => (None, None),
            };
            rows.push(Shown { key: format!("milvus.{key}"), value, origin: origin.cloned() });
        }
        Ok(rows)
    }
}

/// The file to read, and whether somebody named it: one that nobody named need not be there.
fn file_path(get: &dyn Fn(&str) -> Option<String>) -> Option<(PathBuf, bool)> {
    if let Some(path) = get(CONFIG_PATH).filter(|path| !path.is_empty()) {
        return Some((PathBuf::from(path), true));
    }
    Some((Path::new(&get("HOME")?).join(".fiftyone/brain_config.json"), false))
}

fn is_server(uri: &str) -> bool {
    uri.contains("://")
}

/// An address without what stands before its `@`.
fn without_credentials(value: &str) -> String {
    match value.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://********@{rest}"),
        None => value.to_owned(),
    }
}

/// The error for a key that nobody knows.
fn unknown(place: &str, key: &str, known: &[&str], spelled: impl Fn(&str) -> String) -> Error {
    let error = Error::invalid(format!("{place} is not a setting of the Milvus backend"));
    match nearest_name(&key.to_lowercase(), known.iter().copied()) {
        Some(meant) => error.with_hint(format!("did you mean {}?", spelled(meant))),
        None => error.with_hint(format!("its settings are {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests;
