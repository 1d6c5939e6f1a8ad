//! Payload fields that are never filtered, kept in Redis instead of beside the vectors, as in the original bootcamp
//! (vectors in Milvus, id → path in Redis): the vector database holds only what it searches.
//!
//! [`RedisMetadata`] wraps any store. Of each collection it keeps the fields that can neither be filtered by nor
//! searched by words in Redis; collections without such fields pass through. Keys, with the default prefix:
//!
//! | key | type | holds |
//! |---|---|---|
//! | `bootcamp:next` | string | the last number given to a collection |
//! | `bootcamp:collections` | hash | name → number, owner and whole schema, as JSON |
//! | `bootcamp:records:<number>` | hash | id → milliseconds of writing (Redis's clock), `-`, the write's number, a space, the fields as JSON |
//! | `bootcamp:writes:next` | string | the last number given to a write |
//! | `bootcamp:writes:<number>` | sorted set | the numbers of writes whose vectors may still be on the way, by time |
//!
//! | `bootcamp:board:<owner>:<collection>:next` | string | the last number given to a notice |
//! | `bootcamp:board:<owner>:<collection>:numbers` | sorted set | the numbers of notices, each its own score |
//! | `bootcamp:board:<owner>:<collection>:<number>` | hash | `now` and in the end `last`: the notice; `stop`: it shall |
//! | `bootcamp:board:<owner>:<collection>:<number>:alive` | string | is there while its poster is heard of |
//!
//! The last four belong to a [`Board`], the notices among the servers of a collection, which expire after a
//! week. Servers share one when they name the store by the same URI.
//!
//! A collection's records hang on its number, so renaming it moves one small entry, and removing it unlinks one key.
//! Redis must keep what it is given (`appendonly yes`, `maxmemory-policy noeviction`), and every store needs a Redis
//! database or prefix of its own; Redis Cluster is not supported.
//!
//! **Order.** Metadata is written before its vector and deleted after it, so no hit is ever without its metadata; what
//! a broken-off call leaves behind is metadata without a vector, which [`RedisMetadata::sweep`] removes. Where the
//! store gives the ids they are known only after the insertion: then metadata comes second, and when Redis refuses
//! it the inserted records are deleted again.
//!
//! **Several processes.** One may delete a vector while another writes it anew. So every write has a number, which its
//! values carry and which is listed until its vectors have arrived. Whoever deletes looks at the values before the vectors
//! go, and afterwards removes only those that were not listed then and are still the same.
//!
//! **When Redis is down** writes fail before a vector is touched, and so do reads of fields in Redis. Reads of ids,
//! vectors and fields in the store, and counts, go on.

mod board;
mod catalog;
mod link;
mod store;
mod sweep;
mod values;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;

use crate::Result;
use crate::store::VectorStore;
use catalog::Entry;
use link::Link;

pub use board::{Board, Notice};
pub use sweep::SweepReport;

/// How metadata is kept.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// What every key begins with.
    pub prefix: String,
    /// Names the store whose metadata this is, so that two stores that share a prefix by mistake do not overwrite
    /// each other's collections: its URI, or any name.
    pub owner: String,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer.
    pub response_timeout: Duration,
    /// Metadata younger than this is never swept: its vector may still be on the way.
    pub grace: Duration,
    /// A poster on a [`Board`] that is silent for this long counts as dead.
    pub silence: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "bootcamp:".to_owned(),
            owner: String::new(),
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(600),
            silence: Duration::from_secs(20),
        }
    }
}

/// A store whose fields that are only shown live in Redis. See the module for how.
pub struct RedisMetadata {
    inner: Arc<dyn VectorStore>,
    link: Link,
    options: RedisOptions,
    /// What was last known of collections, for reads while Redis is down.
    remembered: Mutex<HashMap<String, Option<Arc<Entry>>>>,
    /// Writes share it; sweeps and changes of collections hold it alone, so that they do not meet in one process.
    gate: tokio::sync::RwLock<()>,
}

impl std::fmt::Debug for RedisMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisMetadata")
            .field("link", &self.link)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl RedisMetadata {
    /// [`RedisMetadata::connect_with`] the default options.
    ///
    /// # Errors
    /// Those of [`RedisMetadata::connect_with`].
    pub async fn connect(inner: Arc<dyn VectorStore>, url: &SecretString) -> Result<Self> {
        Self::connect_with(inner, url, RedisOptions::default()).await
    }

    /// Keeps the metadata of `inner` in the Redis at `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    /// `InvalidInput` for a bad URL, `Denied` for a wrong password, `Unavailable` when Redis does not answer.
    pub async fn connect_with(inner: Arc<dyn VectorStore>, url: &SecretString, options: RedisOptions) -> Result<Self> {
        let link = Link::new(url, &options)?;
        link.ping().await?;
        Ok(Self { inner, link, options, remembered: Mutex::default(), gate: tokio::sync::RwLock::new(()) })
    }

    /// The store that holds the vectors.
    pub fn inner(&self) -> &Arc<dyn VectorStore> {
        &self.inner
    }
}
