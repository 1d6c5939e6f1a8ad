//! Where the store is and how to reach it: one set of settings, gathered from flags, environment and file in that
//! order, checked once, and never shown with its secrets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::address::{self, Server};
use crate::request::Consistency;
use crate::{Error, ErrorKind, Result};

/// All settings of a store, each optional: one layer of configuration.
///
/// Layers are joined by [`StoreSettings::or`]: `flags.or(environment).or(file)`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// A folder, or `http://host:port` or `https://host:port` of a server, with the database as its path
    /// (`MILVUS_URI`).
    pub uri: Option<String>,
    /// `MILVUS_USER`.
    pub user: Option<String>,
    /// `MILVUS_PASSWORD`.
    pub password: Option<SecretString>,
    /// An API key, or `user:password` (`MILVUS_TOKEN`).
    pub token: Option<SecretString>,
    /// The database within the server (`MILVUS_DB_NAME`).
    pub db_name: Option<String>,
    /// TLS even where the URI says `http` (`MILVUS_SECURE`).
    pub secure: Option<bool>,
    /// The client's private key, PEM (`MILVUS_CLIENT_KEY_PATH`).
    pub client_key_path: Option<PathBuf>,
    /// The client's certificate, PEM (`MILVUS_CLIENT_PEM_PATH`).
    pub client_pem_path: Option<PathBuf>,
    /// The authority that signed the server's certificate, PEM (`MILVUS_CA_PEM_PATH`).
    pub ca_pem_path: Option<PathBuf>,
    /// The server's own certificate, trusted as it is, PEM (`MILVUS_SERVER_PEM_PATH`).
    pub server_pem_path: Option<PathBuf>,
    /// The name the server's certificate must carry, where it differs from the URI's host (`MILVUS_SERVER_NAME`).
    pub server_name: Option<String>,
    /// `MILVUS_CONSISTENCY`: strong, session, bounded or eventually.
    pub consistency: Option<Consistency>,
    /// Seconds a call may take, retries included (`MILVUS_TIMEOUT`).
    pub timeout: Option<f64>,
    /// How often a failed call is retried (`MILVUS_RETRIES`).
    pub retries: Option<u32>,
    /// Where fields that are only shown live instead of the vector store, and where servers share their jobs
    /// (`REDIS_URL`).
    pub redis_url: Option<SecretString>,
}

impl StoreSettings {
    /// The layer of the environment; `get` is [`std::env::var`] but for tests.
    ///
    /// # Errors
    /// `InvalidInput` that names the variable whose value does not parse.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| get(name).filter(|value| address::set(value).is_some());
        let secret = |name: &str| get(name).map(SecretString::from);
        let path = |name: &str| get(name).map(PathBuf::from);
        Ok(Self {
            uri: get("MILVUS_URI"),
            user: get("MILVUS_USER"),
            password: secret("MILVUS_PASSWORD"),
            token: secret("MILVUS_TOKEN"),
            db_name: get("MILVUS_DB_NAME"),
            secure: parsed("MILVUS_SECURE", get("MILVUS_SECURE"), "true or false", truth)?,
            client_key_path: path("MILVUS_CLIENT_KEY_PATH"),
            client_pem_path: path("MILVUS_CLIENT_PEM_PATH"),
            ca_pem_path: path("MILVUS_CA_PEM_PATH"),
            server_pem_path: path("MILVUS_SERVER_PEM_PATH"),
            server_name: get("MILVUS_SERVER_NAME"),
            consistency: parsed(
                "MILVUS_CONSISTENCY",
                get("MILVUS_CONSISTENCY"),
                "strong, session, bounded or eventually",
                |text| serde_json::from_value(text.to_ascii_lowercase().into()).ok(),
            )?,
            timeout: parsed("MILVUS_TIMEOUT", get("MILVUS_TIMEOUT"), "a number of seconds", |text| text.parse().ok())?,
            retries: parsed("MILVUS_RETRIES", get("MILVUS_RETRIES"), "a whole number", |text| text.parse().ok())?,
            redis_url: secret("REDIS_URL"),
        })
    }

    /// The layer of a `bootcamp.toml`: its `[store]` table. A file that is not there is an empty layer.
    ///
    /// # Errors
    /// `InvalidInput` that names the file, line and key.
    pub fn from_file(path: &Path) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct File {
            store: StoreSettings,
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("cannot read", path, error)),
        };
        Ok(parse_file::<File>(path, &text)?.store)
    }

    /// These settings, completed by those of the lower layer.
    pub fn or(self, lower: Self) -> Self {
        Self {
            uri: self.uri.filter(|uri| address::set(uri).is_some()).or(lower.uri),
            user: self.user.or(lower.user),
            password: self.password.or(lower.password),
            token: self.token.or(lower.token),
            db_name: self.db_name.or(lower.db_name),
            secure: self.secure.or(lower.secure),
            client_key_path: self.client_key_path.or(lower.client_key_path),
            client_pem_path: self.client_pem_path.or(lower.client_pem_path),
            ca_pem_path: self.ca_pem_path.or(lower.ca_pem_path),
            server_pem_path: self.server_pem_path.or(lower.server_pem_path),
            server_name: self.server_name.or(lower.server_name),
            consistency: self.consistency.or(lower.consistency),
            timeout: self.timeout.or(lower.timeout),
            retries: self.retries.or(lower.retries),
            redis_url: self.redis_url.or(lower.redis_url),
        }
    }

    /// The resulting store. Without a URI it is the folder `./data`.
    ///
    /// # Errors
    /// `InvalidInput` for settings that contradict each other or make no sense.
    pub fn resolve(self) -> Result<StoreConfig> {
        let place = match address::store(self.uri.as_deref().and_then(address::set).unwrap_or("./data"))? {
            address::Store::Folder(folder) => Place::Local(folder),
            address::Store::Server(server) => Place::Milvus(Box::new(self.server(server)?)),
        };
        let redis_url = self.redis_url.as_ref().and_then(|url| address::set(url.expose_secret()));
        let redis_url = redis_url.map(address::redis).transpose()?.map(SecretString::from);
        Ok(StoreConfig { place, redis_url, access: Access::Write })
    }

    fn server(&self, Server { uri, database }: Server) -> Result<MilvusConfig> {
        let db_name = match (self.db_name.as_deref().and_then(address::set), database) {
            (Some(named), Some(database)) if named != database => {
                return Err(Error::invalid(format!(
                    "the Milvus URI names the database '{database}', but '{named}' is set as well"
                ))
                .with_hint("leave the path out of the URI, or MILVUS_DB_NAME unset"));
            }
            (named, database) => named.map(str::to_owned).or(database),
        };
        if self.token.is_some() && (self.user.is_some() || self.password.is_some()) {
            return Err(Error::invalid("both a token and a user or password are set")
                .with_hint("set either MILVUS_TOKEN or MILVUS_USER and MILVUS_PASSWORD"));
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(Error::invalid("a user needs a password, and a password a user")
                .with_hint("set both MILVUS_USER and MILVUS_PASSWORD"));
        }
        if self.client_key_path.is_some() != self.client_pem_path.is_some() {
            return Err(Error::invalid("a client certificate needs its key, and a key its certificate")
                .with_hint("set both MILVUS_CLIENT_KEY_PATH and MILVUS_CLIENT_PEM_PATH"));
        }
        let timeout = self.timeout.unwrap_or(60.0);
        if !(timeout > 0.0 && timeout <= 86_400.0) {
            return Err(Error::invalid(format!(
                "the timeout is {timeout} seconds, expected more than 0 and at most a day"
            )));
        }
        let tls_files = [&self.client_key_path, &self.client_pem_path, &self.ca_pem_path, &self.server_pem_path];
        for path in tls_files.into_iter().flatten() {
            std::fs::File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
        }
        let secure = self.secure.unwrap_or(uri.starts_with("https://"));
        if !secure && (tls_files.iter().any(|path| path.is_some()) || self.server_name.is_some()) {
            return Err(Error::invalid("certificates are set, but the connection is not secure")
                .with_hint("use an https:// URI or set MILVUS_SECURE=true"));
        }
        Ok(MilvusConfig {
            uri,
            user: self.user.clone(),
            password: self.password.clone(),
            token: self.token.clone(),
            db_name,
            secure,
            client_key_path: self.client_key_path.clone(),
            client_pem_path: self.client_pem_path.clone(),
            ca_pem_path: self.ca_pem_path.clone(),
            server_pem_path: self.server_pem_path.clone(),
            server_name: self.server_name.clone(),
            consistency: self.consistency.unwrap_or(Consistency::Session),
            timeout: Duration::from_secs_f64(timeout),
            retries: self.retries.unwrap_or(6),
        })
    }
}

/// Parses a settings file.
///
/// # Errors
/// `InvalidInput` that names file, line and key, and never repeats a value: it may be a secret.
pub fn parse_file<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        // "invalid type: string "…", expected …", and so for values.
        let message = match error.message().split_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => format!("expected {expected}"),
            _ => error.message().to_owned(),
        };
        Error::invalid(format!("{}:{line}: {message}", path.display()))
    })
}

/// The spellings of true and false in the environment.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn parsed<T>(
    name: &str,
    value: Option<String>,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let Some(value) = value else { return Ok(None) };
    match parse(&value) {
        Some(value) => Ok(Some(value)),
        None => Err(Error::new(ErrorKind::InvalidInput, format!("{name} is '{value}', expected {expected}"))),
    }
}

/// Checked settings of one store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub place: Place,
    /// Set: fields that cannot be filtered by live in this Redis, and what servers tell each other of their jobs.
    pub redis_url: Option<SecretString>,
    pub access: Access,
}

/// What a store is opened for. A folder has one process that writes and any number that read; servers do not ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Reading, in a store that is there.
    Read,
    /// Reading and writing.
    #[default]
    Write,
    /// The same, by a process that others know under this name, such as `image-search import`, when they find the store
    /// locked.
    WriteAs(String),
}

/// Where vectors live.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this process, in a folder.
    Local(PathBuf),
    Milvus(Box<MilvusConfig>),
}

/// How to reach a Milvus server.
#[derive(Clone, Debug)]
pub struct MilvusConfig {
    pub uri: String,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub token: Option<SecretString>,
    pub db_name: Option<String>,
    pub secure: bool,
    pub client_key_path: Option<PathBuf>,
    pub client_pem_path: Option<PathBuf>,
    pub ca_pem_path: Option<PathBuf>,
    pub server_pem_path: Option<PathBuf>,
    pub server_name: Option<String>,
    pub consistency: Consistency,
    /// For one call, retries included.
    pub timeout: Duration,
    pub retries: u32,
}

impl MilvusConfig {
    /// A server without TLS or password, everything else as by default.
    ///
    /// # Errors
    /// `InvalidInput` for a URI that is not a server's.
    pub fn new(uri: impl Into<String>) -> Result<Self> {
        match (StoreSettings { uri: Some(uri.into()), ..StoreSettings::default() }).resolve()?.place {
            Place::Milvus(server) => Ok(*server),
            Place::Local(folder) => Err(Error::invalid(format!("'{}' is a folder", folder.display()))
                .with_hint("give http://host:port or https://host:port of a Milvus server")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> Result<StoreSettings> {
        StoreSettings::from_env(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn file(text: &str) -> Result<StoreSettings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootcamp.toml");
        std::fs::write(&path, text).unwrap();
        StoreSettings::from_file(&path)
    }

    fn server(settings: StoreSettings) -> MilvusConfig {
        match settings.resolve().unwrap().place {
            Place::Milvus(server) => *server,
            Place::Local(folder) => panic!("a folder: {}", folder.display()),
        }
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let flags = StoreSettings { db_name: Some("flag".into()), ..StoreSettings::default() };
        let env =
            env(&[("MILVUS_DB_NAME", "env"), ("MILVUS_USER", "env"), ("MILVUS_PASSWORD", "p"), ("MILVUS_URI", "")]);
        let file =
            file("[store]\nuri = 'https://file:19530'\nuser = 'file'\ndb_name = 'file'\ntimeout = 3\n[other]\nx = 1\n");
        let server = server(flags.or(env.unwrap()).or(file.unwrap()));
        assert_eq!(server.uri, "https://file:19530", "an empty variable says nothing");
        assert_eq!(server.user.as_deref(), Some("env"));
        assert_eq!(server.db_name.as_deref(), Some("flag"));
        assert_eq!(server.timeout, Duration::from_secs(3));
        assert!(server.secure, "https is secure unless something else is said");
    }

    #[test]
    fn without_settings_the_store_is_the_data_folder() {
        let config = StoreSettings::from_file(Path::new("no/such/file")).unwrap().resolve().unwrap();
        assert!(matches!(config.place, Place::Local(folder) if folder == Path::new("./data")));
    }

    #[test]
    fn what_is_blank_is_not_set() {
        let blank = env(&[("MILVUS_URI", " \n"), ("MILVUS_DB_NAME", " "), ("REDIS_URL", " ")]).unwrap();
        let flags = StoreSettings { uri: Some(String::new()), redis_url: Some(" ".into()), ..StoreSettings::default() };
        let lower = StoreSettings { uri: Some("http://host".into()), ..StoreSettings::default() };
        assert_eq!(server(flags.clone().or(blank.clone()).or(lower)).uri, "http://host");
        let config = flags.or(blank).resolve().unwrap();
        assert!(matches!(config.place, Place::Local(folder) if folder == Path::new("./data")));
        assert!(config.redis_url.is_none());
    }

    #[test]
    fn the_path_of_a_uri_is_the_database() {
        let at = |uri: &str, db_name: Option<&str>| {
            let db_name = db_name.map(str::to_owned);
            StoreSettings { uri: Some(uri.to_owned()), db_name, ..StoreSettings::default() }.resolve()
        };
        let database = |uri: &str, db_name| match at(uri, db_name).unwrap().place {
            Place::Milvus(server) => (server.uri, server.db_name),
            Place::Local(folder) => panic!("a folder: {}", folder.display()),
        };
        let both = |database: Option<&str>| ("http://host:19530".to_owned(), database.map(str::to_owned));
        assert_eq!(database("http://host:19530/mydb", None), both(Some("mydb")));
        assert_eq!(database("http://host:19530/mydb/", Some("mydb")), both(Some("mydb")));
        assert_eq!(database("http://host:19530/", Some("mydb")), both(Some("mydb")));
        assert_eq!(database("http://host:19530", None), both(None));
        let error = at("http://host:19530/mydb", Some("other")).unwrap_err();
        assert_eq!(error.to_string(), "the Milvus URI names the database 'mydb', but 'other' is set as well");
        assert!(MilvusConfig::new("./data").unwrap_err().to_string().contains("'./data' is a folder"));
    }

    #[test]
    fn a_wrong_redis_is_refused_before_anything_is_opened() {
        let error = env(&[("REDIS_URL", "redis:6379")]).unwrap().resolve().unwrap_err();
        assert_eq!(error.hint(), Some("write redis://redis:6379"));
    }

    #[test]
    fn errors_name_the_variable_file_line_and_key() {
        let message = |result: Result<StoreSettings>| result.unwrap_err().to_string();
        assert_eq!(message(env(&[("MILVUS_SECURE", "perhaps")])), "MILVUS_SECURE is 'perhaps', expected true or false");
        assert_eq!(
            message(env(&[("MILVUS_CONSISTENCY", "weak")])),
            "MILVUS_CONSISTENCY is 'weak', expected strong, session, bounded or eventually"
        );
        let error = message(file("[store]\nuri = 'x'\npasword = 'hunter2'\n"));
        assert!(error.contains("bootcamp.toml:3: unknown field `pasword`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let error = message(file("[store]\npassword = 12345\n"));
        assert!(error.contains("bootcamp.toml:2: expected a") && !error.contains("12345"), "{error}");
        let error = message(file("[store]\npassword = hunter2\n"));
        assert!(error.contains("bootcamp.toml:2:") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |pairs: &'static [(&'static str, &'static str)]| env(pairs).unwrap().resolve().unwrap_err();
        const URI: (&str, &str) = ("MILVUS_URI", "http://host:19530");
        assert!(refused(&[("MILVUS_URI", "redis://host")]).to_string().contains("'redis://' is not a kind of store"));
        assert!(refused(&[("MILVUS_URI", "http://")]).to_string().contains("has no host"));
        assert!(refused(&[URI, ("MILVUS_USER", "root")]).to_string().contains("needs a password"));
        assert!(refused(&[URI, ("MILVUS_TOKEN", "t"), ("MILVUS_USER", "u")]).to_string().contains("both a token"));
        assert!(refused(&[URI, ("MILVUS_SERVER_NAME", "x")]).to_string().contains("not secure"));
        assert!(refused(&[URI, ("MILVUS_TIMEOUT", "-1")]).to_string().contains("timeout is -1"));
        let error = refused(&[URI, ("MILVUS_SECURE", "true"), ("MILVUS_CA_PEM_PATH", "/no/such.pem")]);
        assert!(error.to_string().contains("/no/such.pem"), "{error}");
        let error = refused(&[("MILVUS_URI", "https://user:hunter2@host:1")]);
        assert!(error.hint().is_some_and(|hint| hint.contains("MILVUS_PASSWORD")));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn secrets_are_never_shown() {
        let settings = env(&[
            ("MILVUS_URI", "http://host:19530"),
            ("MILVUS_USER", "root"),
            ("MILVUS_PASSWORD", "hunter2"),
            ("REDIS_URL", "redis://:hunter2@host"),
        ])
        .unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let config = settings.resolve().unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let Place::Milvus(server) = config.place else { panic!() };
        assert_eq!(server.password.unwrap().expose_secret(), "hunter2");
    }
}
