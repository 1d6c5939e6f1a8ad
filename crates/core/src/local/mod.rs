//! The store in this process: nothing to install, good to about a million vectors.
//!
//! A folder holds `store.sqlite3`, which is the truth; `graphs/`, HNSW graphs that can be thrown away; and `lock`,
//! which keeps a second writer out. One process writes, and any number read beside it. What is written is
//! **acknowledged** after SQLite's commit has reached the disk: it then survives a crash of the program, of the system,
//! and a power cut.
//!
//! The parts, from the disk up: [`db`] the SQLite file, [`table`] a collection's rows, [`graph`] and [`flat`] what is
//! searched, [`field`] a consistent view of both, [`load`] which makes it of what is on the disk, [`indexer`] which moves
//! rows from one to the other in the background, [`collection`] all of it together, [`search`] from a request to hits.

mod collection;
mod db;
mod distance;
mod field;
mod flat;
mod follow;
mod graph;
mod groups;
mod indexer;
mod info;
mod load;
mod lock;
mod nearest;
mod passing;
mod search;
mod snapshot;
mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use rusqlite::{OptionalExtension, params};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use crate::filter::Filter;
use crate::record::{Hit, Id, Record};
use crate::request::{Output, Page, PageRequest, SearchRequest, Selection};
use crate::schema::{CollectionSpec, check_name};
use crate::store::{BATCH, CollectionInfo, Health, OnProgress, ServerKind, VectorStore};
use crate::{Error, ErrorKind, Result, validate};
use collection::Collection;
use db::{Db, failed};
use indexer::Indexer;
use lock::FolderLock;
use table::{Table, unknown};

pub use lock::{Holder, Server, announce};

/// Batches that are read before they are asked for.
const BATCHES_AHEAD: usize = 2;

/// The store in a folder. See the module for what it promises.
///
/// Dropping it ends the indexing thread and saves graphs that grew.
#[derive(Debug)]
pub struct LocalStore {
    // First, so that the thread has ended before the rest goes. None where the store is only read.
    indexer: Option<Indexer>,
    shared: Arc<Shared>,
}

/// How a local store works, where the defaults do not fit.
#[derive(Clone, Copy, Debug)]
pub struct LocalOptions {
    /// Fields with at least this many components (rows × dimension) get an HNSW graph; fewer are searched exactly.
    pub graph_from: usize,
}

impl Default for LocalOptions {
    /// A graph from about two million components on, as many as an exact search looks at in half a millisecond.
    fn default() -> Self {
        Self { graph_from: 1 << 21 }
    }
}

/// What the store and its threads work on.
struct Shared {
    db: Db,
    options: LocalOptions,
    graphs: PathBuf,
    collections: RwLock<HashMap<String, Arc<Collection>>>,
    /// Held while a collection is loaded, made, renamed or removed.
    changing: Mutex<()>,
    /// None where the store is only read.
    _lock: Option<FolderLock>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("db", &self.db).finish_non_exhaustive()
    }
}

impl LocalStore {
    /// Opens the store in a folder for reading and writing, making it if it is not there. Collections are loaded when
    /// they are first used.
    ///
    /// # Errors
    /// `Locked` when another process writes to it, `ReadOnly`, `StorageFull` or `Corrupt` as the folder is.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(folder, LocalOptions::default())
    }

    /// [`LocalStore::open`] with other options.
    ///
    /// # Errors
    /// Those of [`LocalStore::open`].
    pub fn open_with(folder: impl AsRef<Path>, options: LocalOptions) -> Result<Self> {
        let executable = std::env::current_exe().ok();
        let name = executable.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
        Self::open_as(folder.as_ref(), options, name.as_deref().unwrap_or("unknown"))
    }

    /// `program` is what others are told of this process.
    pub(crate) fn open_as(folder: &Path, options: LocalOptions, program: &str) -> Result<Self> {
        let graphs = folder.join("graphs");
        std::fs::create_dir_all(&graphs).map_err(|error| Error::io("cannot create", &graphs, error))?;
        let lock = FolderLock::acquire(folder, program)?;
        let db = Db::open(&folder.join("store.sqlite3"))?;
        snapshot::sweep(&*db.writer()?, &graphs)?;
        let shared = Arc::new(Shared::new(db, options, graphs, Some(lock)));
        Ok(Self { indexer: Some(Indexer::start(Arc::clone(&shared))?), shared })
    }

    /// Opens the store in a folder for reading only, while no process or another one writes to it. Any number may.
    ///
    /// Every call sees all that was acknowledged before it began. A field is loaded by the first search of it; later
    /// ones load what was written since. `describe` tells of the index on the disk. Writing is refused (`ReadOnly`), and nothing is made where there is no store. In
    /// a folder that cannot be written, reading works once a process that may has written there.
    ///
    /// # Errors
    /// `NotFound` when there is no store, `InvalidInput` for one of an older or newer program, `Corrupt`, `ReadOnly` or
    /// `Io` when it cannot be read.
    pub fn open_read_only(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let db = Db::open_read_only(&folder.join("store.sqlite3"))?;
        let shared = Shared::new(db, LocalOptions::default(), folder.join("graphs"), None);
        Ok(Self { indexer: None, shared: Arc::new(shared) })
    }

    /// Runs blocking work where it does not hold up the async executor.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared)).await.unwrap_or_else(|error| Err(broken_off(error)))
    }

    /// Runs work that takes about as long as handing it to another thread and back: here, where the executor has
    /// other threads to go on with.
    async fn run_quickly<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match tokio::runtime::Handle::current().runtime_flavor() {
            tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| work(&self.shared)),
            _ => self.run(work).await,
        }
    }

    /// Runs work on a collection, and lets the indexer know of what it wrote.
    async fn run_on<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Shared, &Collection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = name.to_owned();
        let (collection, result) = self
            .run(move |shared| {
                let collection = shared.collection(&name)?;
                let result = work(shared, &collection)?;
                Ok((collection, result))
            })
            .await?;
        if let Some(indexer) = &self.indexer {
            indexer.wake(&collection);
        }
        Ok(result)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let collections = self.collections.get_mut().unwrap_or_else(PoisonError::into_inner);
        for collection in std::mem::take(collections).into_values().filter(|_| !self.db.is_read_only()) {
            if let Err(error) = indexer::save_before_closing(self, &collection) {
                // The next start catches up from the rows.
                tracing::warn!(collection = collection.spec().name, %error, "the index could not be saved");
            }
        }
    }
}

impl Shared {
    fn new(db: Db, options: LocalOptions, graphs: PathBuf, lock: Option<FolderLock>) -> Self {
        let (collections, changing) = (RwLock::default(), Mutex::new(()));
        Self { db, options, graphs, collections, changing, _lock: lock }
    }

    /// The collection of that name, loaded if need be.
    fn collection(&self, name: &str) -> Result<Arc<Collection>> {
        if let Some(collection) = self.known(name)? {
            return Ok(collection);
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(collection) = self.known(name)? {
            return Ok(collection);
        }
        let reader = self.db.reader()?;
        let table = self.table(&reader, name)?;
        let (graphs, graph_from) = (self.graphs.clone(), self.options.graph_from);
        let collection = Arc::new(if self.db.is_read_only() {
            Collection::unloaded(table, graphs, graph_from)
        } else {
            Collection::load(&reader, table, graphs, graph_from)?
        });
        self.collections
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Arc::clone(&collection));
        Ok(collection)
    }

    /// A collection that is loaded; not if another process has renamed or removed it since.
    fn known(&self, name: &str) -> Result<Option<Arc<Collection>>> {
        let known = self.collections.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone);
        let Some(collection) = &known else { return Ok(None) };
        if !self.db.is_read_only() || number_of(&*self.db.reader()?, name)? == Some(collection.table.number) {
            return Ok(known);
        }
        self.collections.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(None)
    }

    fn table(&self, connection: &rusqlite::Connection, name: &str) -> Result<Table> {
        let row = connection
            .query_row("SELECT number, spec FROM collections WHERE name = ?", [name], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .optional()
            .map_err(failed)?;
        let (number, spec) = row.ok_or_else(|| unknown(name))?;
        let spec: CollectionSpec = serde_json::from_str(&spec).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the schema of collection '{name}' cannot be read"))
                .with_source(error)
        })?;
        Ok(Table { number, spec: CollectionSpec { name: name.to_owned(), ..spec } })
    }

    fn create(&self, spec: &CollectionSpec) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.db.writer()?;
        let transaction = writer.transaction().map_err(failed)?;
        refuse_existing(&transaction, &spec.name)?;
        let json = serde_json::to_string(spec)
            .map_err(|error| Error::new(ErrorKind::Internal, "the schema cannot be written").with_source(error))?;
        transaction
            .execute("INSERT INTO collections (name, spec) VALUES (?, ?)", params![spec.name, json])
            .map_err(failed)?;
        let table = Table { number: transaction.last_insert_rowid(), spec: spec.clone() };
        transaction.execute_batch(&table.create()).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.db.writer()?;
        let transaction = writer.transaction().map_err(failed)?;
        self.table(&transaction, from)?;
        refuse_existing(&transaction, to)?;
        transaction.execute("UPDATE collections SET name = ? WHERE name = ?", [to, from]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        // Loaded anew under its new name.
        self.forget(from);
        Ok(())
    }

    /// Lets go of a collection that no longer has this name. The writer's lock is held: a write that waits for it was
    /// given the old name, and must not go to a memory that nobody searches any more.
    fn forget(&self, name: &str) {
        let collection = self.collections.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(collection) = collection {
            collection.lose_name();
        }
    }

    fn remove(&self, name: &str) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = self.db.writer()?;
        let transaction = writer.transaction().map_err(failed)?;
        let table = self.table(&transaction, name)?;
        transaction.execute_batch(&table.drop()).map_err(failed)?;
        transaction.execute("DELETE FROM collections WHERE number = ?", [table.number]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.forget(name);
        // Files that no row names any more.
        snapshot::sweep(&writer, &self.graphs)
    }
}

fn broken_off(error: JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the store's work was broken off").with_source(error)
}

/// Cores this process may use. Asked once: the answer is read from files, which takes longer than some searches.
fn cores() -> usize {
    static CORES: std::sync::LazyLock<usize> =
        std::sync::LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

fn refuse_existing(connection: &rusqlite::Connection, name: &str) -> Result<()> {
    match number_of(connection, name)? {
        Some(_) => Err(Error::new(ErrorKind::AlreadyExists, format!("collection '{name}' already exists"))
            .with_hint("choose another name, or remove the existing one first")),
        None => Ok(()),
    }
}

/// What the tables of a collection are called by, which is never used again.
fn number_of(connection: &rusqlite::Connection, name: &str) -> Result<Option<i64>> {
    let select = || {
        let mut statement = connection.prepare_cached("SELECT number FROM collections WHERE name = ?")?;
        statement.query_row([name], |row| row.get(0)).optional()
    };
    select().map_err(failed)
}

#[async_trait]
impl VectorStore for LocalStore {
    async fn health(&self) -> Result<Health> {
        let check = |shared: &Shared| {
            let reader = shared.db.reader()?;
            reader.query_row("SELECT count(*) FROM collections", [], |row| row.get::<_, i64>(0)).map_err(failed)
        };
        self.run(check).await?;
        let (sqlite, index) = (rusqlite::version(), bootcamp_hnsw::VERSION);
        let version = format!("format {}, SQLite {sqlite}, index format {index}", db::VERSION);
        Ok(Health { server: ServerKind::Local, version, full_text: true })
    }

    fn is_read_only(&self) -> bool {
        self.shared.db.is_read_only()
    }

    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        spec.check()?;
        let spec = spec.clone();
        self.run(move |shared| shared.create(&spec)).await
    }

    async fn describe(&self, collection: &str) -> Result<CollectionInfo> {
        let describe = |shared: &Shared, collection: &Collection| {
            let reader = shared.db.reader()?;
            let indexes = if shared.db.is_read_only() {
                (0..collection.fields.len()).map(|at| info::saved(&reader, collection, at)).collect::<Result<_>>()?
            } else {
                collection.fields.iter().map(info::loaded).collect()
            };
            Ok(CollectionInfo { spec: collection.spec().clone(), count: collection.count(&reader)?, indexes })
        };
        self.run_on(collection, describe).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        let list = |shared: &Shared| {
            let reader = shared.db.reader()?;
            let mut statement = reader.prepare("SELECT name FROM collections ORDER BY name").map_err(failed)?;
            let names = statement.query_map([], |row| row.get(0)).map_err(failed)?;
            names.collect::<rusqlite::Result<Vec<String>>>().map_err(failed)
        };
        self.run(list).await
    }

    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        check_name("collection", name)?;
        let (from, to) = (collection.to_owned(), name.to_owned());
        self.run(move |shared| shared.rename(&from, &to)).await
    }

    async fn remove(&self, collection: &str) -> Result<()> {
        let name = collection.to_owned();
        self.run(move |shared| shared.remove(&name)).await
    }

    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        let records = records.to_vec();
        let upsert = move |shared: &Shared, collection: &Collection| {
            validate::records(collection.spec(), &records)?;
            collection.upsert(&shared.db, &records)
        };
        self.run_on(collection, upsert).await
    }

    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        let selection = selection.clone();
        let delete = move |shared: &Shared, collection: &Collection| {
            validate::selection(collection.spec(), &selection)?;
            collection.delete(&shared.db, &selection)
        };
        self.run_on(collection, delete).await
    }

    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        let (ids, output) = (ids.to_vec(), output.clone());
        let name = collection.to_owned();
        let get = move |shared: &Shared| {
            let collection = shared.collection(&name)?;
            validate::ids(collection.spec(), &ids)?;
            validate::output(collection.spec(), &output)?;
            let found = collection.table.by_ids(&*shared.db.reader()?, &ids, &output)?;
            Ok(found.into_iter().map(|found| found.record).collect())
        };
        self.run_quickly(get).await
    }

    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        let request = request.clone();
        let name = collection.to_owned();
        let search = move |shared: &Shared| {
            let collection = shared.collection(&name)?;
            validate::search(collection.spec(), &request)?;
            search::run(&shared.db, &collection, &request)
        };
        self.run_quickly(search).await
    }

    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page> {
        let request = request.clone();
        let page = move |shared: &Shared, collection: &Collection| {
            validate::page(collection.spec(), &request)?;
            let records = collection.table.page(&*shared.db.reader()?, &request)?;
            let next = if records.len() < request.limit { None } else { records.last().and_then(|r| r.id.clone()) };
            Ok(Page { records, next })
        };
        self.run_on(collection, page).await
    }

    /// Of one moment, the first: all are read in one transaction.
    fn batches<'a>(
        &'a self,
        collection: &'a str,
        filter: Option<Filter>,
        output: Output,
    ) -> BoxStream<'a, Result<Vec<Record>>> {
        let start = async move {
            let (shared, name) = (Arc::clone(&self.shared), collection.to_owned());
            let (send, receive) = mpsc::channel(BATCHES_AHEAD);
            // It ends by itself when nobody receives any more.
            let reading = tokio::task::spawn_blocking(move || {
                let collection = shared.collection(&name)?;
                validate::output(collection.spec(), &output)?;
                if let Some(filter) = &filter {
                    filter.check(collection.spec())?;
                }
                let visit = |batch| send.blocking_send(batch).is_ok();
                collection.table.batches(&*shared.db.reader()?, filter.as_ref(), &output, BATCH, visit)
            });
            Ok((receive, reading))
        };
        let batches = |(mut receive, reading): (mpsc::Receiver<Vec<Record>>, JoinHandle<Result<()>>)| async move {
            match receive.recv().await {
                Some(batch) => Ok(Some((batch, (receive, reading)))),
                None => reading.await.unwrap_or_else(|error| Err(broken_off(error))).map(|()| None),
            }
        };
        stream::once(start).map_ok(move |state| stream::try_unfold(state, batches)).try_flatten().boxed()
    }

    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        let filter = filter.cloned();
        let count = move |shared: &Shared, collection: &Collection| {
            let reader = shared.db.reader()?;
            match filter {
                None => collection.count(&reader),
                Some(filter) => {
                    filter.check(collection.spec())?;
                    collection.table.count_where(&reader, &filter)
                }
            }
        };
        self.run_on(collection, count).await
    }

    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        let flush = move |shared: &Shared, collection: &Collection| {
            drop(shared.db.writer()?);
            indexer::flush(shared, collection, on_progress.as_ref())?;
            shared.db.empty_log(&*shared.db.writer()?)
        };
        self.run_on(collection, flush).await
    }
}

#[cfg(test)]
mod changing_tests;
#[cfg(test)]
mod reading_tests;
#[cfg(test)]
mod tests;
