//! The wrapped store's operations: what belongs to the store goes to the store, the rest to Redis, in the order that
//! the module promises.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::RedisMetadata;
use super::catalog::Entry;
use super::values::{chosen, inside_part};
use crate::filter::Filter;
use crate::record::{Fields, Hit, Id, Record};
use crate::request::{Output, Page, PageRequest, SearchRequest, Selection};
use crate::schema::{CollectionSpec, IdKind};
use crate::store::{CollectionInfo, Health, OnProgress, VectorStore};
use crate::{Result, validate};

/// Records looked up at a time when those to delete are found by a filter.
const DELETE_PAGE: usize = 2000;

impl RedisMetadata {
    /// Adds the outside fields to what the store gave. What has no metadata because it was deleted meanwhile is taken
    /// out; what lost its metadata otherwise stays, with nulls.
    async fn join<T>(
        &self,
        entry: &Entry,
        output: &Output,
        items: Vec<T>,
        parts: impl Fn(&mut T) -> (Option<Id>, &mut Fields),
    ) -> Result<Vec<T>> {
        let names = entry.outside_of(output);
        if names.is_empty() || items.is_empty() {
            return Ok(items);
        }
        let mut items = items;
        let ids: Vec<Id> = items.iter_mut().filter_map(|item| parts(item).0).collect();
        let values = self.read(entry, &ids, &names).await?;
        let lacking: Vec<Id> = ids.iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(id, _)| id.clone()).collect();
        let still_there = self.existing(&entry.spec.name, &lacking).await?;
        let mut joined = Vec::with_capacity(items.len());
        for ((mut item, id), value) in items.into_iter().zip(ids).zip(values) {
            if value.is_none() && !still_there.contains(&id) {
                continue;
            }
            parts(&mut item).1.extend(value.unwrap_or_else(|| chosen(Fields::new(), &names)));
            joined.push(item);
        }
        Ok(joined)
    }

    /// Those of the ids that the store has.
    pub(super) async fn existing(&self, collection: &str, ids: &[Id]) -> Result<HashSet<Id>> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let found = self.inner.get(collection, ids, &Output::ids()).await?;
        Ok(found.into_iter().filter_map(|record| record.id).collect())
    }

    async fn upsert_split(&self, entry: &Entry, records: &[Record]) -> Result<Vec<Id>> {
        let inside: Vec<Record> = records.iter().map(|record| inside_part(entry, record)).collect();
        let name = &entry.spec.name;
        if entry.spec.id != IdKind::Auto {
            let ids: Vec<Id> = records.iter().filter_map(|record| record.id.clone()).collect();
            let write = self.write(entry, &ids, records).await?;
            let ids = self.inner.upsert(name, &inside).await?;
            self.settle(entry, write).await;
            return Ok(ids);
        }
        let ids = self.inner.upsert(name, &inside).await?;
        match self.write(entry, &ids, records).await {
            Ok(write) => {
                self.settle(entry, write).await;
                Ok(ids)
            }
            Err(error) => {
                // As if nothing had been written, so that the caller may try again.
                if let Err(undo) = self.inner.delete(name, &Selection::Ids(ids)).await {
                    tracing::warn!(collection = name, error = %undo, "could not remove records without metadata");
                    return Err(error.context("records were inserted without their metadata"));
                }
                Err(error)
            }
        }
    }

    /// Metadata goes after its vector, and only if it is still what it was before the vector went: another process may
    /// have written the record anew in between.
    async fn delete_ids(&self, entry: &Entry, ids: &[Id]) -> Result<()> {
        let stamps = self.settled(entry, ids).await?;
        self.inner.delete(&entry.spec.name, &Selection::Ids(ids.to_vec())).await?;
        self.erase(entry, &stamps).await.map(drop)
    }

    /// Page by page, so that memory does not grow with what is deleted.
    async fn delete_where(&self, entry: &Entry, filter: &Filter) -> Result<()> {
        let name = &entry.spec.name;
        let mut request =
            PageRequest { filter: Some(filter.clone()), after: None, limit: DELETE_PAGE, output: Output::ids() };
        loop {
            let page = self.inner.page(name, &request).await?;
            let ids: Vec<Id> = page.records.into_iter().filter_map(|record| record.id).collect();
            if !ids.is_empty() {
                self.delete_ids(entry, &ids).await?;
            }
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn record_parts(record: &mut Record) -> (Option<Id>, &mut Fields) {
    (record.id.clone(), &mut record.fields)
}

/// Hits with the number of the query that they answer, so that all are joined at once.
fn hit_parts((_, hit): &mut (usize, Hit)) -> (Option<Id>, &mut Fields) {
    (Some(hit.id.clone()), &mut hit.fields)
}

#[async_trait]
impl VectorStore for RedisMetadata {
    async fn health(&self) -> Result<Health> {
        self.link.ping().await?;
        self.inner.health().await
    }

    fn is_read_only(&self) -> bool {
        self.inner.is_read_only()
    }

    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        self.create_collection(spec).await
    }

    async fn describe(&self, collection: &str) -> Result<CollectionInfo> {
        let entry = self.entry_for_reading(collection, &Output::Everything).await?;
        let info = self.inner.describe(collection).await?;
        Ok(match entry {
            Some(entry) => CollectionInfo { spec: entry.spec.clone(), ..info },
            None => info,
        })
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.inner.list().await
    }

    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        self.rename_collection(collection, name).await
    }

    async fn remove(&self, collection: &str) -> Result<()> {
        self.remove_collection(collection).await
    }

    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        let _shared = self.gate.read().await;
        match self.entry(collection).await? {
            None => self.inner.upsert(collection, records).await,
            Some(entry) => {
                validate::records(&entry.spec, records)?;
                if self.inner.is_read_only() {
                    // The store refuses in its words, before Redis is written to.
                    let inside: Vec<Record> = records.iter().map(|record| inside_part(&entry, record)).collect();
                    return self.inner.upsert(collection, &inside).await;
                }
                self.upsert_split(&entry, records).await
            }
        }
    }

    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        let _shared = self.gate.read().await;
        let Some(entry) = self.entry(collection).await? else {
            return self.inner.delete(collection, selection).await;
        };
        validate::selection(&entry.spec, selection)?;
        match selection {
            Selection::Ids(ids) => self.delete_ids(&entry, ids).await,
            Selection::Filter(filter) => self.delete_where(&entry, filter).await,
        }
    }

    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        let Some(entry) = self.entry_for_reading(collection, output).await? else {
            return self.inner.get(collection, ids, output).await;
        };
        validate::ids(&entry.spec, ids)?;
        validate::output(&entry.spec, output)?;
        let records = self.inner.get(collection, ids, &entry.inside_of(output)).await?;
        self.join(&entry, output, records, record_parts).await
    }

    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        let Some(entry) = self.entry_for_reading(collection, &request.output).await? else {
            return self.inner.search(collection, request).await;
        };
        validate::search(&entry.spec, request)?;
        let inside = SearchRequest { output: entry.inside_of(&request.output), ..request.clone() };
        let lists = self.inner.search(collection, &inside).await?;
        let mut joined: Vec<Vec<Hit>> = lists.iter().map(|list| Vec::with_capacity(list.len())).collect();
        let hits =
            lists.into_iter().enumerate().flat_map(|(query, hits)| hits.into_iter().map(move |hit| (query, hit)));
        for (query, hit) in self.join(&entry, &request.output, hits.collect(), hit_parts).await? {
            joined[query].push(hit);
        }
        Ok(joined)
    }

    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page> {
        let Some(entry) = self.entry_for_reading(collection, &request.output).await? else {
            return self.inner.page(collection, request).await;
        };
        validate::page(&entry.spec, request)?;
        let inside = PageRequest { output: entry.inside_of(&request.output), ..request.clone() };
        let page = self.inner.page(collection, &inside).await?;
        let records = self.join(&entry, &request.output, page.records, record_parts).await?;
        Ok(Page { records, next: page.next })
    }

    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        if let Some(filter) = filter {
            // Says of a field in Redis that it cannot be filtered by, which the store does not know.
            let entry: Option<Arc<Entry>> = self.entry_for_reading(collection, &Output::ids()).await?;
            entry.map_or(Ok(()), |entry| filter.check(&entry.spec))?;
        }
        self.inner.count(collection, filter).await
    }

    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        self.inner.flush(collection, on_progress).await
    }
}
