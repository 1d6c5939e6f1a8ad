//! The stores that indexes live in, opened when the first index needs them: the local one in the folder of the datasets,
//! and the Milvus server of the configuration.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bootcamp_core::{Access, Error, ErrorKind, Place, Result, StoreConfig, VectorStore, open};
use tokio::sync::{Mutex, OnceCell};

use crate::backend::Backend;
use crate::config::BrainConfig;

/// The local store's folder, in that of the datasets.
const LOCAL: &str = "similarity";

/// Opens stores, each at most once.
#[derive(Clone)]
pub struct Stores {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    config: BrainConfig,
    /// What others see when the local store is locked: `vision-search serve`.
    program: String,
    reader: Mutex<Option<Arc<dyn VectorStore>>>,
    /// Open as long as somebody writes: other processes can write in between.
    writer: Mutex<Weak<dyn VectorStore>>,
    milvus: OnceCell<Arc<dyn VectorStore>>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("folder", &self.inner.folder).finish_non_exhaustive()
    }
}

impl Stores {
    /// `home` is the folder of the datasets, `program` the command that others are told of while it writes.
    pub fn new(home: &std::path::Path, config: BrainConfig, program: &str) -> Self {
        let inner = Inner {
            folder: home.join(LOCAL),
            config,
            program: program.to_owned(),
            reader: Mutex::default(),
            writer: Mutex::new(Weak::<bootcamp_core::LocalStore>::new()),
            milvus: OnceCell::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    pub fn config(&self) -> &BrainConfig {
        &self.inner.config
    }

    /// A store to read from.
    ///
    /// # Errors
    /// `NotFound` for a local store before there is any index; those of opening it.
    pub async fn reader(&self, backend: Backend) -> Result<Arc<dyn VectorStore>> {
        if backend == Backend::Milvus {
            return self.milvus().await;
        }
        let mut reader = self.inner.reader.lock().await;
        if let Some(store) = &*reader {
            return Ok(Arc::clone(store));
        }
        let store = open(&self.local(Access::Read)).await?;
        *reader = Some(Arc::clone(&store));
        Ok(store)
    }

    /// A store to write to. A local one is locked until the last user of it is done.
    ///
    /// # Errors
    /// `Locked` while another process writes; those of opening it.
    pub async fn writer(&self, backend: Backend) -> Result<Arc<dyn VectorStore>> {
        if backend == Backend::Milvus {
            return self.milvus().await;
        }
        let mut writer = self.inner.writer.lock().await;
        if let Some(store) = writer.upgrade() {
            return Ok(store);
        }
        let store = open(&self.local(Access::WriteAs(self.inner.program.clone()))).await?;
        *writer = Arc::downgrade(&store);
        Ok(store)
    }

    async fn milvus(&self) -> Result<Arc<dyn VectorStore>> {
        let connect = || async {
            let config = self.inner.config.milvus()?;
            open(&config).await.map_err(|error| match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Timeout if error.hint().is_none() => {
                    error.with_hint("check the address with: vision-search config")
                }
                _ => error,
            })
        };
        self.inner.milvus.get_or_try_init(connect).await.cloned()
    }

    fn local(&self, access: Access) -> StoreConfig {
        StoreConfig { place: Place::Local(self.inner.folder.clone()), redis_url: None, access }
    }
}

/// The error for an index whose collection is gone.
pub fn dropped(collection: &str, key: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the collection '{collection}' of the run '{key}' does not exist any more"))
        .with_hint(format!(
            "somebody has dropped it: delete the run with `runs delete DATASET {key}`, or compute the index again"
        ))
}
