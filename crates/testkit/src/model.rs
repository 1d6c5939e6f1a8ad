//! A store that is right and nothing else: everything in a map, every search a full scan. It is the oracle of
//! property tests, and shows that the conformance suite can be passed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bootcamp_core::{
    CollectionInfo, CollectionSpec, Error, ErrorKind, Filter, GroupBy, Health, Hit, Id, IndexInfo, IndexProgress,
    Metric, OnProgress, Output, Page, PageRequest, Query, Record, Result, SearchRequest, Selection, ServerKind,
    VectorStore, validate,
};
use serde_json::Value;

use crate::truth;

/// The model. It keeps nothing on disk, and knows neither filters nor full text.
#[derive(Debug, Default)]
pub struct ModelStore {
    collections: Mutex<BTreeMap<String, Collection>>,
}

#[derive(Debug)]
struct Collection {
    spec: CollectionSpec,
    records: BTreeMap<Id, Record>,
    next_id: i64,
}

impl ModelStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Collection>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a collection.
    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Collection) -> Result<T>) -> Result<T> {
        self.lock().get_mut(name).ok_or_else(|| unknown(name)).and_then(work)
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no collection '{name}'"))
        .with_hint("use list to see the collections")
}

fn exists(name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("collection '{name}' already exists"))
        .with_hint("choose another name, or remove the existing one first")
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("not supported by the model store: {what}"))
}

fn no_filter(filter: Option<&Filter>) -> Result<()> {
    filter.map_or(Ok(()), |_| Err(unsupported("filters")))
}

/// The record as it is kept: floats are floats, nothing is left out but nulls.
fn kept(spec: &CollectionSpec, mut record: Record) -> Record {
    for field in &spec.scalars {
        let value = record.fields.remove(&field.name).unwrap_or(Value::Null);
        let value = match field.kind {
            bootcamp_core::ScalarKind::Float => value.as_f64().map_or(Value::Null, Value::from),
            _ => value,
        };
        record.fields.insert(field.name.clone(), value);
    }
    record
}

/// The fields of a record that were asked for.
fn chosen(record: &Record, output: &Output) -> Record {
    let mut record = record.clone();
    record.fields.retain(|name, _| output.wants_scalar(name));
    record.vectors.retain(|name, _| output.wants_vector(name));
    record
}

impl Collection {
    fn upsert(&mut self, records: &[Record]) -> Result<Vec<Id>> {
        validate::records(&self.spec, records)?;
        let mut ids = Vec::with_capacity(records.len());
        for record in records {
            let id = match &record.id {
                Some(id) => id.clone(),
                None => {
                    self.next_id += 1;
                    Id::Int(self.next_id)
                }
            };
            let record = Record { id: Some(id.clone()), ..record.clone() };
            self.records.insert(id.clone(), kept(&self.spec, record));
            ids.push(id);
        }
        Ok(ids)
    }

    fn search(&self, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        validate::search(&self.spec, request)?;
        no_filter(request.filter.as_ref())?;
        let mut lists = Vec::with_capacity(request.queries.len());
        for query in &request.queries {
            let vector = match query {
                Query::Vector(vector) => vector,
                Query::Id(id) => {
                    let record = self.records.get(id).ok_or_else(|| {
                        let message = format!("there is no record {id} in collection '{}'", self.spec.name);
                        Error::new(ErrorKind::NotFound, message)
                    })?;
                    &record.vectors[&request.field]
                }
                Query::Text(_) => return Err(unsupported("full text")),
            };
            let metric = self.spec.vector_field(&request.field)?.metric;
            let mut ranking = truth::ranking(metric, self.records.values(), &request.field, vector);
            ranking.retain(|(_, score)| in_range(metric, *score as f32, request));
            match &request.group_by {
                None => ranking.truncate(request.k),
                Some(group_by) => self.group(&mut ranking, request.k, group_by),
            }
            lists.push(ranking.into_iter().map(|(id, score)| self.hit(id, score, &request.output)).collect());
        }
        Ok(lists)
    }

    /// Leaves the first `size` of each of the first `k` groups.
    fn group(&self, ranking: &mut Vec<(Id, f64)>, k: usize, group_by: &GroupBy) {
        let mut sizes: HashMap<String, usize> = HashMap::new();
        ranking.retain(|(id, _)| {
            let group = self.records[id].fields[&group_by.field].to_string();
            if sizes.len() >= k && !sizes.contains_key(&group) {
                return false;
            }
            let size = sizes.entry(group).or_default();
            *size += 1;
            *size <= group_by.size
        });
    }

    fn hit(&self, id: Id, score: f64, output: &Output) -> Hit {
        let record = chosen(&self.records[&id], output);
        Hit { id, score: score as f32, vectors: record.vectors, fields: record.fields }
    }
}

/// Nearer than the radius, not nearer than the range filter.
fn in_range(metric: Metric, score: f32, request: &SearchRequest) -> bool {
    request.radius.is_none_or(|radius| metric.nearest_first(score, radius).is_lt())
        && request.range_filter.is_none_or(|inner| metric.nearest_first(score, inner).is_ge())
}

#[async_trait]
impl VectorStore for ModelStore {
    async fn health(&self) -> Result<Health> {
        Ok(Health { server: ServerKind::Local, version: "model 1".to_owned(), full_text: true })
    }

    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        spec.check()?;
        let mut collections = self.lock();
        if collections.contains_key(&spec.name) {
            return Err(exists(&spec.name));
        }
        let collection = Collection { spec: spec.clone(), records: BTreeMap::new(), next_id: 0 };
        collections.insert(spec.name.clone(), collection);
        Ok(())
    }

    async fn describe(&self, collection: &str) -> Result<CollectionInfo> {
        self.with(collection, |collection| {
            let count = collection.records.len() as u64;
            let index = |field: &bootcamp_core::VectorField| IndexInfo {
                field: field.name.clone(),
                served_by: "exact scan".to_owned(),
                exact: true,
                indexed: count,
            };
            let indexes = collection.spec.vectors.iter().map(index).collect();
            Ok(CollectionInfo { spec: collection.spec.clone(), count, indexes })
        })
    }

    async fn list(&self) -> Result<Vec<String>> {
        Ok(self.lock().keys().cloned().collect())
    }

    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        bootcamp_core::check_name("collection", name)?;
        let mut collections = self.lock();
        if !collections.contains_key(collection) {
            return Err(unknown(collection));
        }
        if collections.contains_key(name) {
            return Err(exists(name));
        }
        if let Some(mut moved) = collections.remove(collection) {
            moved.spec.name = name.to_owned();
            collections.insert(name.to_owned(), moved);
        }
        Ok(())
    }

    async fn remove(&self, collection: &str) -> Result<()> {
        self.lock().remove(collection).map(drop).ok_or_else(|| unknown(collection))
    }

    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        self.with(collection, |collection| collection.upsert(records))
    }

    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        self.with(collection, |collection| {
            validate::selection(&collection.spec, selection)?;
            match selection {
                Selection::Ids(ids) => ids.iter().for_each(|id| drop(collection.records.remove(id))),
                Selection::Filter(filter) => no_filter(Some(filter))?,
            }
            Ok(())
        })
    }

    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        self.with(collection, |collection| {
            validate::ids(&collection.spec, ids)?;
            validate::output(&collection.spec, output)?;
            Ok(ids.iter().filter_map(|id| collection.records.get(id)).map(|record| chosen(record, output)).collect())
        })
    }

    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<Hit>>> {
        self.with(collection, |collection| collection.search(request))
    }

    async fn page(&self, collection: &str, request: &PageRequest) -> Result<Page> {
        self.with(collection, |collection| {
            validate::page(&collection.spec, request)?;
            no_filter(request.filter.as_ref())?;
            let after = |id: &Id| request.after.as_ref().is_none_or(|after| id > after);
            let mut rest = collection.records.iter().filter(|(id, _)| after(id)).map(|(_, record)| record).peekable();
            let records: Vec<_> =
                rest.by_ref().take(request.limit).map(|record| chosen(record, &request.output)).collect();
            let next = rest.peek().and_then(|_| records.last().and_then(|record| record.id.clone()));
            Ok(Page { records, next })
        })
    }

    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        self.with(collection, |collection| {
            filter.map_or(Ok(()), |filter| filter.check(&collection.spec))?;
            no_filter(filter)?;
            Ok(collection.records.len() as u64)
        })
    }

    async fn flush(&self, collection: &str, on_progress: Option<OnProgress>) -> Result<()> {
        self.with(collection, |collection| {
            let total = collection.records.len() as u64;
            if let Some(on_progress) = on_progress {
                on_progress(IndexProgress { indexed: total, total });
            }
            Ok(())
        })
    }
}
