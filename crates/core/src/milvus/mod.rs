//! The store on a Milvus server: Standalone, Distributed, Lite's server or Zilliz Cloud, from version 2.3 on.
//!
//! The parts: [`client`] the connection with its time limits and retries, [`server`] what a version can do,
//! [`collections`] making, loading and indexing, [`schema`] and [`rows`] our words in Milvus's and back, [`read`] answers
//! in parts that fit into messages.

mod client;
mod collections;
mod read;
mod rows;
mod schema;
mod server;
mod session;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use milvus::v2::prelude as sdk;

use crate::config::MilvusConfig;
use crate::filter::Filter;
use crate::record::{Hit, Id, Record};
use crate::request::{Consistency, Output, Page, PageRequest, SearchRequest, Selection};
use crate::schema::{CollectionSpec, IdKind, check_name};
use crate::store::{CollectionInfo, Health, IndexInfo, OnProgress, VectorStore};
use crate::{ErrorKind, Result, validate};
use client::Client;
use collections::{taken, unknown};
use read::Reading;
use server::Server;
use session::Writes;

/// The polling interval of waiting calls.
const LOOK: Duration = Duration::from_millis(300);

/// What is known of a collection.
#[derive(Clone)]
struct Known {
    spec: Arc<CollectionSpec>,
    /// Whether the server has it in memory, which takes it seconds, and which only reading needs.
    is_loaded: bool,
}

/// Collections on a Milvus server.
pub struct MilvusStore {
    client: Client,
    server: Server,
    consistency: Consistency,
    /// Cached schemas: asking before every call would double the time of a search.
    specs: RwLock<HashMap<String, Known>>,
    /// This client's recent writes to collections.
    writes: Mutex<HashMap<String, Writes>>,
    /// A session that has just begun knows nothing of what others wrote; but whoever runs one program after another
    /// expects the second to see what the first wrote.
    opened: Instant,
}

impl std::fmt::Debug for MilvusStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MilvusStore").field("server", &self.server).finish_non_exhaustive()
    }
}

impl MilvusStore {
    /// Connects and asks the server who it is.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` with what to check, `Denied` for a wrong password or token.
    pub async fn connect(config: &MilvusConfig) -> Result<Self> {
        let client = Client::connect(config).await?;
        let server = version(&client).await?;
        Ok(Self {
            client,
            server,
            consistency: config.consistency,
            specs: RwLock::default(),
            writes: Mutex::default(),
            opened: Instant::now(),
        })
    }

    fn known(&self, collection: &str) -> Option<Known> {
        self.specs.read().unwrap_or_else(PoisonError::into_inner).get(collection).cloned()
    }

    fn learn(&self, collection: &str, spec: &Arc<CollectionSpec>, is_loaded: bool) {
        let known = Known { spec: Arc::clone(spec), is_loaded };
        self.specs.write().unwrap_or_else(PoisonError::into_inner).insert(collection.to_owned(), known);
    }

    /// The collection's schema, for writing.
    async fn spec(&self, collection: &str) -> Result<Arc<CollectionSpec>> {
        if let Some(known) = self.known(collection) {
            return Ok(known.spec);
        }
        let spec = Arc::new(self.ask_spec(collection).await?.0);
        self.learn(collection, &spec, false);
        Ok(spec)
    }

    /// The schema of a collection that can be read; on first use it is loaded.
    async fn readable(&self, collection: &str) -> Result<Arc<CollectionSpec>> {
        if let Some(known) = self.known(collection).filter(|known| known.is_loaded) {
            return Ok(known.spec);
        }
        let spec = self.spec(collection).await?;
        let loaded = self.load(collection).await;
        self.noticing(collection, loaded)?;
        self.learn(collection, &spec, true);
        Ok(spec)
    }

    fn forget(&self, collection: &str) {
        self.specs.write().unwrap_or_else(PoisonError::into_inner).remove(collection);
    }

    /// Reads a collection; one that the server turns out not to have in memory is loaded first.
    async fn read<T, F>(&self, collection: &str, read: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let start = Instant::now();
        let mut result = read().await;
        while result.as_ref().is_err_and(client::is_not_loaded) && start.elapsed() < self.client.timeout() {
            self.load(collection).await?;
            result = read().await;
            // A server that comes up again may call a collection loaded before it can be read.
            tokio::time::sleep(LOOK).await;
        }
        self.noticing(collection, result)
    }

    /// Forgets a collection's schema when the server says that there is no such collection: another client removed it.
    fn noticing<T>(&self, collection: &str, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            if error.kind() != ErrorKind::NotFound || error.to_string().starts_with("there is no record") {
                return error;
            }
            self.forget(collection);
            unknown(collection).with_source(error)
        })
    }

    fn reading<'a>(&'a self, spec: &'a CollectionSpec, consistency: Option<Consistency>) -> Reading<'a> {
        let consistency = match consistency.unwrap_or(self.consistency) {
            Consistency::Strong => sdk::ConsistencyLevel::Strong,
            Consistency::Session => {
                let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
                writes.get(&spec.name).copied().unwrap_or_default().session(self.opened)
            }
            Consistency::Bounded => sdk::ConsistencyLevel::Bounded,
            Consistency::Eventually => sdk::ConsistencyLevel::Eventually,
        };
        Reading { client: &self.client, server: &self.server, spec, consistency }
    }

    fn note_write(&self, collection: &str, seen_by_session: bool) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        // Names come from callers: memory for them has an end.
        writes.retain(|_, writes| writes.session(self.opened) != sdk::ConsistencyLevel::Bounded);
        let entry = writes.entry(collection.to_owned()).or_default();
        *(if seen_by_session { &mut entry.seen } else { &mut entry.unseen }) = Some(Instant::now());
    }

    async fn delete_where(&self, collection: &str, expression: &str) -> Result<()> {
        let delete = sdk::DeleteRequest::builder().collection_name(collection).filter(expression).build();
        let deleted = self.read(collection, || {
            self.client.call("delete", delete.clone(), |sdk, request| async move { sdk.delete(request).await })
        });
        let deleted = deleted.await;
        self.note_write(collection, self.server.sessions_see_deletions());
        deleted.map(drop)
    }

    async fn write(&self, spec: &CollectionSpec, batch: &[Record]) -> Result<Vec<Id>> {
        let columns = rows::to_columns(spec, &self.server, batch)?;
        let insert = sdk::InsertRequest::builder().collection_name(&spec.name).columns(columns).build();
        if spec.id == IdKind::Auto {
            let written =
                self.client.call_once("insert", insert, |sdk, insert| async move { sdk.insert(insert).await });
            let written = written.await;
            self.note_write(&spec.name, true);
            return match written {
                Ok(written) => Ok(rows::from_ids(written.ids())),
                Err(error) if error.kind().is_transient() => Err(error.with_hint(
                    "some of the records may have been written: the server generates the ids, so writing them again would duplicate them",
                )),
                Err(error) => Err(error),
            };
        }
        // The ids are the caller's: writing twice is writing once.
        let upsert = match insert {
            Ok(insert) => sdk::UpsertRequest::builder().insert(insert).build(),
            Err(error) => Err(error),
        };
        self.client.call("upsert", upsert.clone(), |sdk, request| async move { sdk.upsert(request).await }).await?;
        // To replace is to delete and to insert.
        self.note_write(&spec.name, self.server.sessions_see_deletions());
        Ok(batch.iter().filter_map(|record| record.id.clone()).collect())
    }
}

async fn version(client: &Client) -> Result<Server> {
    let ask = sdk::GetServerVersionRequest::builder().build();
    let answer =
        client.call("ask for the version", ask, |sdk, ask| async move { sdk.server_version(ask).await }).await?;
    Ok(Server::new(answer.version()))
}

/// `id in [1, 2]`, `pk in ["a"]`: the client's own way of asking by ids is refused by 2.3 and Lite.
fn id_in(field: &str, ids: &[&Id]) -> String {
    let ids: Vec<String> = ids
        .iter()
        .map(|id| match id {
            Id::Int(id) => id.to_string(),
            Id::String(id) => quoted(id),
        })
        .collect();
    format!("{field} in [{}]", ids.join(", "))
}

/// A string in Milvus's expressions.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[async_trait]
impl VectorStore for MilvusStore {
    async fn health(&self) -> Result<Health> {
        // A server that starts answers the health endpoint long before it can work: list what there is.
        let server = version(&self.client).await?;
        if server.lists_collections_in_full() {
            self.list().await?;
        }
        Ok(Health { server: server.kind, full_text: server.has_full_text(), version: server.version })
    }

    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        spec.check()?;
        self.server.check(spec)?;
        if self.exists(&spec.name).await? {
            return Err(taken(&spec.name));
        }
        self.make(spec).await?;
        // Whoever writes first need not wait until it is loaded.
        self.begin_loading(&spec.name).await
    }

    async fn describe(&self, collection: &str) -> Result<CollectionInfo> {
        let (spec, indexes) = self.ask_spec(collection).await?;
        let infos = spec.vectors.iter().map(|field| {
            let index = indexes.iter().find(|index| index.get_field_name() == field.name);
            IndexInfo {
                field: field.name.clone(),
                served_by: index.map_or_else(|| "no index".to_owned(), schema::served_by),
                exact: index.is_some_and(schema::is_exact),
                indexed: index.map_or(0, |index| index.get_indexed_rows().max(0) as u64),
            }
        });
        let indexes = infos.collect();
        self.readable(collection).await?;
        let count = self.reading(&spec, None).count("").await?;
        Ok(CollectionInfo { count, indexes, spec })
    }

    async fn list(&self) -> Result<Vec<String>> {
        if !self.server.lists_collections_in_full() {
            let names = self.client.list_names().await?;
            let unsupported = || self.server.unsupported("listing the collections of a database is");
            let mut names = names.ok_or_else(unsupported)?;
            names.sort();
            return Ok(names);
        }
        let list = sdk::ListCollectionsRequest::builder().build();
        let listed =
            self.client.call("list", list.clone(), |sdk, request| async move { sdk.list_collections(request).await });
        let mut names = listed.await?.collection_names().to_vec();
        names.sort();
        Ok(names)
    }

    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        check_name("collection", name)?;
        if !self.exists(collection).await? {
            return Err(unknown(collection));
        }
        if self.exists(name).await? {
            return Err(taken(name));
        }
        let rename = sdk::RenameCollectionRequest::builder().collection_name(collection).new_collection_name(name);
        let rename = rename.build();
        let renamed = self
            .client
            .call("rename", rename.clone(), |sdk, request| async move { sdk.rename_collection(request).await });
        let renamed = renamed.await;
        self.forget(collection);
        self.forget(name);
        // The client knows by the name what its session wrote.
        self.note_write(name, false);
        renamed.map(drop)
    }

    async fn remove(&self, collection: &str) -> Result<()> {
        // Any collection can be removed, also one whose schema we could not use.
        if !self.exists(collection).await? {
            return Err(unknown(collection));
        }
        let dropped = self.drop_collection(collection).await;
        self.forget(collection);
        dropped
    }

    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        let spec = self.spec(collection).await?;
        validate::records(&spec, records)?;
        let mut ids = Vec::with_capacity(records.len());
        for batch in rows::batches(records) {
            let written = self.write(&spec, batch).await;
            if written.as_ref().is_err_and(|error| !error.kind().is_transient()) {
                // The records fit the schema that we know, but not the server's: another client made a new one.
                self.forget(collection);
            }
            ids.extend(self.noticing(collection, written)?);
        }
        Ok(ids)
    }

    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        let spec = self.readable(collection).await?;
        validate::selection(&spec, selection)?;
        match selection {
            Selection::Ids(ids) => {
                let mut rest = ids.as_slice();
                while !rest.is_empty() {
                    let (part, after) = rest.split_at(rows::ids_a_call(rest));
                    self.delete_where(collection, &id_in(&spec.id_field, &part.iter().collect::<Vec<_>>())).await?;
                    rest = after;
                }
                Ok(())
            }
            Selection::Filter(filter) => {
                let reading = self.reading(&spec, None);
                self.delete_where(collection, &reading.expression(filter)?).await
            }
        }
    }

    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        let spec = self.readable(collection).await?;
        validate::ids(&spec, ids)?;
        validate::output(&spec, output)?;
        let reading = self.reading(&spec, None);
        self.read(collection, || reading.get(ids, output)).await
    }

    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        let spec = self.readable(collection).await?;
        validate::search(&spec, request)?;
        let reading = self.reading(&spec, request.consistency);
        self.read(collection, || reading.search(request)).await
    }

    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page> {
        let spec = self.readable(collection).await?;
        validate::page(&spec, request)?;
        let reading = self.reading(&spec, None);
        self.read(collection, || reading.page(request)).await
    }

    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        let spec = self.readable(collection).await?;
        let reading = self.reading(&spec, None);
        let expression = match filter {
            Some(filter) => {
                filter.check(&spec)?;
                reading.expression(filter)?
            }
            None => String::new(),
        };
        self.read(collection, || reading.count(&expression)).await
    }

    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        self.spec(collection).await?;
        self.write_out(collection, on_progress).await?;
        self.load(collection).await
    }
}
