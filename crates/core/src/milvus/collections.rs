//! The life of a collection on a server: creating, indexing, loading into memory.

use std::collections::HashMap;
use std::time::Instant;

use milvus::v2::prelude as sdk;

use super::{LOOK, MilvusStore, schema};
use crate::request::Consistency;
use crate::schema::{CollectionSpec, check_name};
use crate::store::{IndexProgress, OnProgress};
use crate::{Error, ErrorKind, Result};

impl MilvusStore {
    pub(super) async fn exists(&self, collection: &str) -> Result<bool> {
        if check_name("collection", collection).is_err() {
            return Ok(false);
        }
        let has = sdk::HasCollectionRequest::builder().collection_name(collection).build();
        let has = self.client.call("look for the collection", has.clone(), |sdk, request| async move {
            sdk.has_collection(request).await
        });
        Ok(has.await?.exists())
    }

    pub(super) async fn ask_spec(&self, collection: &str) -> Result<(CollectionSpec, Vec<sdk::IndexDesc>)> {
        if check_name("collection", collection).is_err() {
            return Err(unknown(collection));
        }
        let describe = sdk::DescribeCollectionRequest::builder().collection_name(collection).build();
        let described = self
            .client
            .call("describe", describe.clone(), |sdk, request| async move { sdk.describe_collection(request).await });
        let described = self.noticing(collection, described.await)?;
        let mut indexes = Vec::new();
        for field in described.description().get_vector_field_names() {
            let describe = sdk::DescribeIndexRequest::builder().collection_name(collection).field_name(field).build();
            let index = self
                .client
                .call("describe index", describe, |sdk, request| async move { sdk.describe_index(request).await })
                .await;
            // A vector field without an index makes servers say "not found".
            indexes.extend(index.map(|index| index.indexes().to_vec()).unwrap_or_default());
        }
        let mut spec = schema::from_server(collection, described.description(), &indexes)?;
        collection.clone_into(&mut spec.name);
        Ok((spec, indexes))
    }

    /// Has the server load it. Loading what is loaded is quick and no error.
    pub(super) async fn begin_loading(&self, collection: &str) -> Result<()> {
        let load = sdk::LoadCollectionRequest::builder().collection_name(collection).sync(false).build();
        self.client
            .call("load", load.clone(), |sdk, request| async move { sdk.load_collection(request).await })
            .await
            .map(drop)
    }

    /// Waits as long as loading goes on, but not longer than a call may take without any progress.
    pub(super) async fn load(&self, collection: &str) -> Result<()> {
        self.begin_loading(collection).await?;
        let state = sdk::GetLoadStateRequest::builder().collection_name(collection).build();
        let mut last = (-1, Instant::now());
        loop {
            let state = self
                .client
                .call("ask whether it is loaded", state.clone(), |sdk, request| async move {
                    sdk.get_load_state(request).await
                })
                .await?;
            if state.state() == sdk::LoadState::Loaded {
                return Ok(());
            }
            if state.progress() != last.0 {
                last = (state.progress(), Instant::now());
            } else if last.1.elapsed() > self.client.timeout() {
                return Err(self.client.stuck(&format!("loading collection '{collection}'"), &format!("{} %", last.0)));
            }
            tracing::debug!(collection, percent = state.progress(), "loading");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Makes the collection and its indexes, or nothing.
    pub(super) async fn make(&self, spec: &CollectionSpec) -> Result<()> {
        let schema = schema::to_server(spec, &self.server)?;
        // For other programs: what we read says which consistency it wants.
        let level = match self.consistency {
            Consistency::Strong => sdk::ConsistencyLevel::Strong,
            Consistency::Session => sdk::ConsistencyLevel::Session,
            Consistency::Bounded => sdk::ConsistencyLevel::Bounded,
            Consistency::Eventually => sdk::ConsistencyLevel::Eventually,
        };
        let create = sdk::CreateCollectionRequest::builder().collection_name(&spec.name).consistency_level(level);
        let words = schema::to_words(spec)?;
        let properties: HashMap<_, _> =
            words.map(|words| (schema::SPEC_PROPERTY.to_owned(), words)).into_iter().collect();
        let create = create.schema(schema).properties(properties).build();
        self.client
            .call("create", create.clone(), |sdk, request| async move { sdk.create_collection(request).await })
            .await?;
        for index in schema::indexes(spec, &self.server) {
            let index = sdk::CreateIndexRequest::builder().collection_name(&spec.name).index_param(index).sync(false);
            let index = index.build();
            let created = self
                .client
                .call("create index", index.clone(), |sdk, request| async move { sdk.create_index(request).await });
            if let Err(error) = created.await {
                // Nothing half-made is left behind.
                let _ = self.drop_collection(&spec.name).await;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Drops the collection, whatever it is.
    pub(super) async fn drop_collection(&self, collection: &str) -> Result<()> {
        let drop_it = sdk::DropCollectionRequest::builder().collection_name(collection).build();
        let dropped = self
            .client
            .call("remove", drop_it.clone(), |sdk, request| async move { sdk.drop_collection(request).await });
        dropped.await.map(drop)
    }

    /// Has the server write what it got to its disk, and waits until that is indexed.
    pub(super) async fn write_out(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        let flush = sdk::FlushRequest::builder().collection_names([collection]).build();
        let flushed = self.client.call("flush", flush.clone(), |sdk, request| async move { sdk.flush(request).await });
        flushed.await?;
        let mut last = (IndexProgress { indexed: 0, total: 0 }, Instant::now());
        loop {
            let progress = self.indexed(collection).await?;
            if let Some(on_progress) = &on_progress {
                on_progress(progress);
            }
            if progress.indexed >= progress.total {
                return Ok(());
            }
            if progress != last.0 {
                last = (progress, Instant::now());
            } else if last.1.elapsed() > self.client.timeout() {
                let at = format!("{} of {} records", progress.indexed, progress.total);
                return Err(self.client.stuck(&format!("indexing collection '{collection}'"), &at));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many rows are in the indexes, of how many. Servers count segments too small for an index as indexed.
    async fn indexed(&self, collection: &str) -> Result<IndexProgress> {
        let (_, indexes) = self.ask_spec(collection).await?;
        if let Some(failed) = indexes.iter().find(|index| index.get_state() == sdk::IndexStateCode::Failed) {
            let (field, reason) = (failed.get_field_name(), failed.get_failure_reason());
            return Err(Error::new(ErrorKind::Internal, format!("the server cannot index field '{field}': {reason}")));
        }
        let rows = |count: fn(&sdk::IndexDesc) -> i64| indexes.iter().map(count).min().unwrap_or(0).max(0) as u64;
        Ok(IndexProgress {
            indexed: rows(sdk::IndexDesc::get_indexed_rows),
            total: rows(sdk::IndexDesc::get_total_rows),
        })
    }
}

pub(super) fn unknown(collection: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no collection '{collection}'"))
        .with_hint("use list to see the collections")
}

pub(super) fn taken(name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("collection '{name}' already exists"))
        .with_hint("choose another name, or remove the existing one first")
}
