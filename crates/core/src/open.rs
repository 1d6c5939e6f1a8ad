//! From configuration to a store: the one place that knows all of them.

use std::sync::Arc;

use crate::config::{Access, Place, StoreConfig, StoreSettings};
use crate::local::{LocalOptions, LocalStore};
#[cfg(feature = "redis")]
use crate::metadata::{Board, RedisOptions};
use crate::store::VectorStore;
#[allow(unused_imports, reason = "which of these are needed depends on the features")]
use crate::{Error, ErrorKind, Result};

/// Opens the store that the configuration names: a folder or a Milvus server, with Redis beside it where one is set.
///
/// # Errors
/// Those of [`LocalStore::open`](crate::LocalStore::open) or, for reading only,
/// [`LocalStore::open_read_only`](crate::LocalStore::open_read_only); of connecting to the server, and `Unsupported` for a kind
/// of store this program was built without.
pub async fn open(config: &StoreConfig) -> Result<Arc<dyn VectorStore>> {
    let store: Arc<dyn VectorStore> = match &config.place {
        Place::Local(folder) => {
            let (folder, access) = (folder.clone(), config.access.clone());
            let open = tokio::task::spawn_blocking(move || match access {
                Access::Read => LocalStore::open_read_only(folder),
                Access::Write => LocalStore::open(folder),
                Access::WriteAs(program) => LocalStore::open_as(&folder, LocalOptions::default(), &program),
            });
            Arc::new(open.await.map_err(|error| {
                Error::new(ErrorKind::Internal, "opening the store was aborted").with_source(error)
            })??)
        }
        #[cfg(feature = "milvus")]
        Place::Milvus(server) => Arc::new(crate::milvus::MilvusStore::connect(server).await?),
        #[cfg(not(feature = "milvus"))]
        Place::Milvus(_) => return Err(left_out("Milvus", "milvus")),
    };
    match &config.redis_url {
        None => Ok(store),
        #[cfg(feature = "redis")]
        Some(url) => {
            let options = redis_options(&config.place);
            let store = Arc::new(crate::metadata::RedisMetadata::connect_with(store, url, options).await?);
            if config.access != Access::Read {
                store.sweep_now_and_then();
            }
            Ok(store)
        }
        #[cfg(not(feature = "redis"))]
        Some(_) => Err(left_out("Redis", "redis")),
    }
}

/// The board that servers of a collection share, where a Redis is set. Connects at its first use.
///
/// # Errors
/// Those of [`Board::open`].
#[cfg(feature = "redis")]
pub fn open_board(config: &StoreConfig, collection: &str) -> Result<Option<Board>> {
    let open = |url| Board::open(url, &redis_options(&config.place), collection);
    config.redis_url.as_ref().map(open).transpose()
}

#[cfg(feature = "redis")]
fn redis_options(place: &Place) -> RedisOptions {
    RedisOptions { owner: owner(place), ..RedisOptions::default() }
}

/// What tells this store from others that share a Redis.
#[cfg(feature = "redis")]
fn owner(place: &Place) -> String {
    match place {
        Place::Local(folder) => folder.canonicalize().unwrap_or_else(|_| folder.clone()).display().to_string(),
        Place::Milvus(server) => match &server.db_name {
            Some(database) => format!("{}/{database}", server.uri),
            None => server.uri.clone(),
        },
    }
}

/// Opens the store at a URI, with all else as by default: `./data`, `http://127.0.0.1:19530`, …
///
/// # Errors
/// Those of [`open`], and `InvalidInput` for a URI that is neither.
pub async fn open_uri(uri: &str) -> Result<Arc<dyn VectorStore>> {
    open(&StoreSettings { uri: Some(uri.to_owned()), ..StoreSettings::default() }.resolve()?).await
}

#[cfg(not(all(feature = "milvus", feature = "redis")))]
fn left_out(what: &str, feature: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this program was built without {what}"))
        .with_hint(format!("build it with the feature '{feature}' of bootcamp-core"))
}
