//! From flags, environment and `bootcamp.toml`, in that order, to an open [`Context`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::config::parse_file;
use bootcamp_core::encoder::{Device, EncoderOptions};
use bootcamp_core::models::{ModelSettings, Registry};
use bootcamp_core::picture::Limits;
use bootcamp_core::{
    Access, Error, ErrorKind, Metric, Place, Result, StoreConfig, StoreSettings, VectorStore, open, open_board,
};
use clap::Args;
use serde::Deserialize;
use tokio::sync::{OnceCell, Semaphore};

use crate::context::{Context, OnFetch};
use crate::facts::Facts;
use crate::media::Media;
use crate::spool::Spool;
use crate::vectors::Maker;

const CONFIG: &str = "bootcamp.toml";
/// Below the folder of media, where uploads are moved to from it. No collection has such a name.
const SPOOL: &str = ".spool";

/// Flags of every command. clap falls back to environment variables.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// A folder, or http://host:port or https://host:port of a Milvus server [default: ./data]
    #[arg(long, global = true, env = "MILVUS_URI", value_name = "PLACE")]
    pub store: Option<String>,
    /// The collection within the store
    #[arg(long, global = true, env = "BOOTCAMP_COLLECTION", value_name = "NAME")]
    pub collection: Option<String>,
    /// The embedding model; see the command `models` [default: the collection's model]
    #[arg(long, global = true, env = "BOOTCAMP_MODEL", value_name = "NAME")]
    pub model: Option<String>,
    /// The folder of thumbnails and uploads [default: `media` in the store's folder, or ./data/media]
    #[arg(long, global = true, env = "BOOTCAMP_MEDIA", value_name = "FOLDER")]
    pub media: Option<PathBuf>,
    /// The number of threads for the model; 0 for all cores
    #[arg(long, global = true, env = "BOOTCAMP_THREADS", value_name = "N")]
    pub threads: Option<usize>,
    /// The device that runs the model
    #[arg(long, global = true, env = "BOOTCAMP_DEVICE", value_name = "DEVICE", value_parser = device)]
    pub device: Option<Device>,
    /// The settings file [default: bootcamp.toml, if there is one]
    #[arg(long, global = true, env = "BOOTCAMP_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long, global = true, env = "BOOTCAMP_JSON")]
    pub json: bool,
    /// Do not show progress
    #[arg(long, short, global = true, env = "BOOTCAMP_QUIET")]
    pub quiet: bool,
}

fn device(text: &str) -> Result<Device, String> {
    match text {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Ok(Device::Cuda),
        _ => Err("expected cpu or cuda".to_owned()),
    }
}

/// The settings file. Core reads its table `store`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    store: toml::Table,
    app: AppFile,
    server: ServerFile,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AppFile {
    collection: Option<String>,
    model: Option<String>,
    media: Option<PathBuf>,
    threads: Option<usize>,
    device: Option<Device>,
}

/// The table `server`; the flags of `serve` take precedence.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerFile {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub allowed_hosts: Option<Vec<String>>,
    pub token: Option<secrecy::SecretString>,
    pub import_roots: Option<Vec<PathBuf>>,
    pub max_upload: Option<u64>,
    pub max_searches: Option<usize>,
    pub timeout: Option<f64>,
}

/// All settings, validated and merged, before anything is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    pub store: StoreSettings,
    pub server: ServerFile,
    /// What the store is opened for.
    pub access: Access,
    app: AppFile,
}

impl Settings {
    /// # Errors
    /// `InvalidInput` that names the variable, or file, line and key; `NotFound` for a settings file that was named and
    /// is not there.
    pub fn read(args: &GlobalArgs) -> Result<Self> {
        let path = args.config.as_deref().unwrap_or(Path::new(CONFIG));
        let file = match std::fs::read_to_string(path) {
            Ok(text) => parse_file(path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.config.is_none() => File::default(),
            Err(error) => return Err(Error::io("cannot read", path, error)),
        };
        let environment = StoreSettings::from_env(|name| std::env::var(name).ok())?;
        let flags = StoreSettings { uri: args.store.clone(), ..StoreSettings::default() };
        let app = AppFile {
            collection: args.collection.clone().or(file.app.collection),
            model: args.model.clone().or(file.app.model),
            media: args.media.clone().or(file.app.media),
            threads: args.threads.or(file.app.threads),
            device: args.device.or(file.app.device),
        };
        let store = flags.or(environment).or(StoreSettings::from_file(path)?);
        Ok(Self { store, server: file.server, access: Access::Write, app })
    }

    /// The folder of a local store.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self.store.clone().resolve().ok()?.place {
            Place::Local(folder) => Some(folder),
            Place::Milvus(_) => None,
        }
    }

    pub(crate) fn collection(&self, facts: &Facts) -> String {
        self.app.collection.clone().unwrap_or_else(|| facts.collection.to_owned())
    }

    /// The model that was asked for.
    pub(crate) fn model(&self) -> Option<&str> {
        self.app.model.as_deref()
    }

    /// Opens the store and finds out which collection and model this is about. Loads no model.
    ///
    /// # Errors
    /// Those of the store and the registry; `InvalidInput` when the collection holds vectors of another model.
    pub async fn open(self, facts: &'static Facts, on_fetch: OnFetch) -> Result<Context> {
        let registry = Registry::open(ModelSettings::from_env(|name| std::env::var(name).ok())?)?;
        let (folder, collection) = (self.folder(), self.collection(facts));
        let config = StoreConfig { access: self.access, ..self.store.resolve()? };
        bootcamp_core::check_name("collection", &collection)?;
        let media = self.app.media.unwrap_or_else(|| match &config.place {
            Place::Local(folder) => folder.join("media"),
            Place::Milvus(_) => PathBuf::from("data/media"),
        });
        let spool = Spool::new(media.join(SPOOL));
        let base = Context {
            facts,
            store: open_store(facts, &config).await?,
            folder,
            board: open_board(&config, &collection)?.map(Arc::new),
            media: Media::new(media.join(&collection), spool.clone()),
            media_root: media,
            spool,
            collection: collection.clone(),
            field: String::new(),
            metric: Metric::Cosine,
            maker: Maker::Computed,
            limits: Limits::default(),
            registry: Arc::new(registry),
            encoder_options: EncoderOptions {
                threads: self.app.threads.unwrap_or_default(),
                device: self.app.device.unwrap_or_default(),
                ..EncoderOptions::default()
            },
            on_fetch,
            encoder: Arc::new(OnceCell::new()),
            metadata_apart: config.redis_url.is_some(),
            decoders: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
        };
        base.at(&collection, self.app.model.as_deref()).await
    }
}

async fn open_store(facts: &Facts, config: &StoreConfig) -> Result<Arc<dyn VectorStore>> {
    open(config).await.map_err(|error| match config.access {
        Access::Read if error.kind() == ErrorKind::NotFound => error
            .with_hint(format!("import something first: {} import PATH; or choose a different --store", facts.name)),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_checked_as_a_whole() {
        let parsed = |text: &str| parse_file::<File>(Path::new("bootcamp.toml"), text);
        let file = parsed("[store]\nuri = 'x'\n[app]\nmodel = 'sscd'\n[server]\nport = 9000\n").unwrap();
        assert_eq!((file.app.model.as_deref(), file.server.port), (Some("sscd"), Some(9000)));
        let error = parsed("[servr]\nport = 1\n").unwrap_err().to_string();
        assert!(error.starts_with("bootcamp.toml:1: unknown field `servr`"), "{error}");
        let error = parsed("[server]\nport = 80\ntoken = 12345\n").unwrap_err().to_string();
        assert!(error.starts_with("bootcamp.toml:3: expected a") && !error.contains("12345"), "{error}");
    }
}
