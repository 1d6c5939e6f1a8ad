//! A local store that is written through one handle and read through another, which is read-only: what the suite says
//! of one store must hold of the two.

use std::path::Path;

use async_trait::async_trait;
use bootcamp_core::{
    CollectionInfo, CollectionSpec, Filter, Health, Hit, Id, LocalOptions, LocalStore, OnProgress, Output, Page,
    PageRequest, Record, Result, SearchRequest, Selection, VectorStore,
};
use futures::stream::BoxStream;

/// The two handles.
#[derive(Debug)]
pub struct Beside {
    writer: LocalStore,
    reader: LocalStore,
}

impl Beside {
    /// Opens a folder twice, making the store if it is not there.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open(folder: &Path, options: LocalOptions) -> Result<Self> {
        let writer = LocalStore::open_with(folder, options)?;
        Ok(Self { writer, reader: LocalStore::open_read_only(folder)? })
    }
}

#[async_trait]
impl VectorStore for Beside {
    async fn health(&self) -> Result<Health> {
        self.reader.health().await
    }

    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        self.writer.create(spec).await
    }

    async fn describe(&self, collection: &str) -> Result<CollectionInfo> {
        self.reader.describe(collection).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.reader.list().await
    }

    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        self.writer.rename(collection, name).await
    }

    async fn remove(&self, collection: &str) -> Result<()> {
        self.writer.remove(collection).await
    }

    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        self.writer.upsert(collection, records).await
    }

    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        self.writer.delete(collection, selection).await
    }

    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        self.reader.get(collection, ids, output).await
    }

    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        self.reader.search(collection, request).await
    }

    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page> {
        self.reader.page(collection, request).await
    }

    fn batches<'a>(
        &'a self,
        collection: &'a str,
        filter: Option<Filter>,
        output: Output,
    ) -> BoxStream<'a, Result<Vec<Record>>> {
        self.reader.batches(collection, filter, output)
    }

    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        self.reader.count(collection, filter).await
    }

    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        self.writer.flush(collection, on_progress).await
    }
}
