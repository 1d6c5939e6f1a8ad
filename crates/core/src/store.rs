//! The one interface to vectors, wherever they live. What it promises is what testkit's conformance suite checks on
//! every store.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::filter::Filter;
use crate::record::{Hit, Id, Record};
use crate::request::{HybridRequest, Output, Page, PageRequest, SearchRequest, Selection};
use crate::schema::CollectionSpec;
use crate::{Result, rank, validate};

/// Records in a batch of [`VectorStore::batches`]: enough that asking costs little, few enough to be looked at soon.
pub(crate) const BATCH: usize = 512;

/// What answers behind a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    pub server: ServerKind,
    /// The server's own version; for the local store, that of its file format and engines.
    pub version: String,
    /// Whether collections can have full-text fields.
    pub full_text: bool,
}

/// Kinds of servers, which differ in what they can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerKind {
    Local,
    Milvus,
    MilvusLite,
}

/// A collection as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CollectionInfo {
    pub spec: CollectionSpec,
    /// Records in it.
    pub count: u64,
    /// One for each vector field: what really serves it.
    pub indexes: Vec<IndexInfo>,
}

/// What serves a vector field, in honest words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndexInfo {
    pub field: String,
    /// `HNSW (M=24, ef_construction=200)`, `exact scan`, `IVF_SQ8 (nlist=2048)`, …
    pub served_by: String,
    /// Whether results are exact.
    pub exact: bool,
    /// Records in the index; the rest is searched exactly until it gets there.
    pub indexed: u64,
}

/// How far indexing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexProgress {
    pub indexed: u64,
    pub total: u64,
}

/// Is told how far indexing is, a few times a second.
pub type OnProgress = Arc<dyn Fn(IndexProgress) + Send + Sync>;

/// Collections of vectors with fields, in this process or on a server.
///
/// Every call checks its input first and writes nothing when something is wrong; the error and its wording are the
/// same in every store. What a server cannot do ends in `Unsupported`, naming the server and its version.
#[async_trait]
pub trait VectorStore: Send + Sync {
    /// Asks the server something it cannot answer without working.
    async fn health(&self) -> Result<Health>;

    /// Whether it was opened for reading only, so that every write would be refused.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Creates a collection, its indexes included, ready for writing and searching.
    ///
    /// # Errors
    /// `AlreadyExists`, also where the existing collection has the same schema.
    async fn create(&self, spec: &CollectionSpec) -> Result<()>;

    /// The collection's schema, size and what serves it.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection, as in every call below.
    async fn describe(&self, collection: &str) -> Result<CollectionInfo>;

    /// The names of all collections, sorted.
    async fn list(&self) -> Result<Vec<String>>;

    /// Gives a collection another name.
    async fn rename(&self, collection: &str, name: &str) -> Result<()>;

    /// Removes a collection with all that is in it.
    async fn remove(&self, collection: &str) -> Result<()>;

    /// Writes records: those whose id is there replace the old ones whole, the others are new.
    /// Returns their ids in order. When it returns, the records survive what the store survives and every later
    /// search of this client finds them. After an error it may be called again with the same records, unless the
    /// collection gives the ids itself.
    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>>;

    /// Removes records.
    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()>;

    /// The records of these ids in the order asked for; ids that are not there are left out.
    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>>;

    /// The hits of each query, best first; equal scores in any order.
    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>>;

    /// Several searches fused into one list, best first. Scores are fused here, in the client, so that they are the
    /// same on every server.
    async fn hybrid_search(&self, collection: &str, request: &HybridRequest) -> Result<Vec<Hit>> {
        let spec = self.describe(collection).await?.spec;
        validate::hybrid(&spec, request)?;
        let parts: Vec<_> =
            request.searches.iter().map(|part| SearchRequest { output: Output::ids(), ..part.clone() }).collect();
        let lists = futures::future::try_join_all(parts.iter().map(|part| self.search(collection, part))).await?;
        let lists: Vec<Vec<Hit>> = lists.into_iter().flatten().collect();
        let fused = rank::fuse(&spec, request, &lists);
        let ids: Vec<_> = fused.iter().map(|(id, _)| id.clone()).collect();
        Ok(rank::hits(fused, self.get(collection, &ids, &request.output).await?))
    }

    /// One page of records in id order (strings by bytes).
    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page>;

    /// Every record that matches, in whatever order the store reads fastest, in batches of its choice: memory does not
    /// grow with the collection. Each comes once; one that is written or deleted meanwhile as it was, as it is, or not at
    /// all. For id order there is [`scan`].
    fn batches<'a>(
        &'a self,
        collection: &'a str,
        filter: Option<Filter>,
        output: Output,
    ) -> BoxStream<'a, Result<Vec<Record>>> {
        let request = PageRequest { filter, after: None, limit: BATCH, output };
        let pages = futures::stream::try_unfold(Some(request), move |request| next_page(self, collection, request));
        // The last page may be empty.
        pages.try_filter(|records| std::future::ready(!records.is_empty())).boxed()
    }

    /// How many records there are, or for how many the filter holds.
    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64>;

    /// Brings what was written into the index and onto the disk, for the fastest search and the fastest next start.
    /// Never needed for correctness.
    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()>;
}

/// Every record that matches, in id order, page by page: memory does not grow with the collection.
///
/// `request.limit` is the page size.
pub fn scan<'a>(
    store: &'a dyn VectorStore,
    collection: &'a str,
    request: PageRequest,
) -> BoxStream<'a, Result<Record>> {
    let pages = futures::stream::try_unfold(Some(request), move |request| next_page(store, collection, request));
    pages.map_ok(|records| futures::stream::iter(records.into_iter().map(Ok))).try_flatten().boxed()
}

/// The page asked for, and the request for the next one; `None` after the last.
async fn next_page<S: VectorStore + ?Sized>(
    store: &S,
    collection: &str,
    request: Option<PageRequest>,
) -> Result<Option<(Vec<Record>, Option<PageRequest>)>> {
    let Some(request) = request else { return Ok(None) };
    let page = store.page(collection, &request).await?;
    let next = page.next.map(|after| PageRequest { after: Some(after), ..request });
    Ok(Some((page.records, next)))
}
