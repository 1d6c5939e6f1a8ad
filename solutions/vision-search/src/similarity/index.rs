//! An index that was computed: its entries, what is missing, what is left over, and its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bootcamp_core::{
    CollectionInfo, ErrorKind, Filter, Id, Output, Page, PageRequest, Record, Result, Selection, VectorStore,
};
use bootcamp_core::{Error, Fields};
use bootcamp_kit::{Watch, blocking};

use super::Brain;
use super::layout::{self, Entry, SAMPLE, VECTOR};
use super::run::IndexConfig;
use super::stores::dropped;
use crate::analysis::Vectors;
use crate::library::{Dataset, Run, View};
use crate::sample::ObjectId;

/// Ids in one question to a store.
const IDS: usize = 1000;
/// Entries in one write.
pub const BATCH: usize = 512;

/// An index of a dataset, opened by its key.
#[derive(Clone, Debug)]
pub struct SimilarityIndex {
    pub dataset: Dataset,
    pub key: String,
    pub config: IndexConfig,
    pub(super) brain: Brain,
}

/// What to do with entries that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// They get the new embeddings.
    #[default]
    Overwrite,
    /// They stay as they are.
    Keep,
    /// They are an error, and nothing is written.
    Refuse,
}

/// What became of entries that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Added {
    pub added: u64,
    pub overwritten: u64,
    pub kept: u64,
}

/// Which entries.
#[derive(Clone, Debug)]
pub enum Entries {
    /// These: of samples, or of labels in an index of patches.
    Ids(Vec<ObjectId>),
    /// All entries of these samples: themselves, or their patches.
    OfSamples(Vec<ObjectId>),
}

/// The embeddings of a view.
#[derive(Debug)]
pub struct Loaded {
    pub vectors: Vectors,
    /// The sample of each entry.
    pub samples: HashMap<ObjectId, ObjectId>,
}

/// How many entries there are, and how many there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Entries of the index.
    pub index: u64,
    /// Samples or patches of the view.
    pub view: u64,
    /// Those of the view that the index does not have.
    pub missing: u64,
    /// Entries whose sample or label is no longer in the dataset.
    pub orphaned: u64,
}

impl SimilarityIndex {
    /// The index of a run. Its collection is looked at when it is needed.
    ///
    /// # Errors
    /// `NotFound` for an unknown key; `InvalidInput` for a run of another kind.
    pub async fn open(brain: &Brain, dataset: &Dataset, key: &str) -> Result<Self> {
        let (reading, wanted) = (dataset.clone(), key.to_owned());
        let run = blocking(move || reading.run(&wanted)).await?;
        Self::of(brain, dataset, &run)
    }

    /// The index of a run that was read already, finished or not.
    ///
    /// # Errors
    /// `InvalidInput` for a run of another kind.
    pub fn of(brain: &Brain, dataset: &Dataset, run: &Run) -> Result<Self> {
        let config = IndexConfig::of(run)?;
        Ok(Self { dataset: dataset.clone(), key: run.key.clone(), config, brain: brain.clone() })
    }

    pub(super) fn collection(&self) -> &str {
        &self.config.collection_name
    }

    pub(super) async fn reader(&self) -> Result<Arc<dyn VectorStore>> {
        self.or_dropped(self.brain.stores.reader(self.config.backend).await)
    }

    /// A store's answer; where the collection is gone, the error that says so.
    pub(super) fn or_dropped<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|error| match error.kind() {
            ErrorKind::NotFound => dropped(self.collection(), &self.key).with_source(error),
            _ => error,
        })
    }

    /// The collection as it is, if it still fits the run.
    ///
    /// # Errors
    /// `NotFound` when somebody has dropped it, `Unsupported` when somebody has put another one in its place.
    pub async fn describe(&self) -> Result<CollectionInfo> {
        let store = self.reader().await?;
        let info = self.or_dropped(store.describe(self.collection()).await)?;
        let (dim, metric) = layout::check(&info.spec)?;
        if (dim, metric) != (self.config.dim, self.config.metric) {
            let message = format!(
                "the collection '{}' has dimension {dim} and metric {metric}, but the run '{}' was computed with {} and {}",
                self.collection(),
                self.key,
                self.config.dim,
                self.config.metric
            );
            return Err(Error::new(ErrorKind::AlreadyExists, message)
                .with_hint("somebody has replaced the collection: compute the index again"));
        }
        Ok(info)
    }

    /// Adds entries. Of an id that comes up twice, the last counts.
    ///
    /// # Errors
    /// `InvalidInput` for an embedding of another dimension, or one that is not finite, and for entries that are there when
    /// they are to be refused; nothing is written then. Those of the store.
    pub async fn add(&self, entries: Vec<Entry>, existing: Existing) -> Result<Added> {
        self.check(&entries)?;
        let store = self.brain.stores.writer(self.config.backend).await?;
        let mut last: HashMap<ObjectId, usize> = HashMap::new();
        last.extend(entries.iter().enumerate().map(|(at, entry)| (entry.id, at)));
        let ids: Vec<ObjectId> = last.keys().copied().collect();
        let there = self.there(&*store, &ids).await?;
        if existing == Existing::Refuse && !there.is_empty() {
            let list = named(ids.iter().filter(|id| there.contains(id)));
            return Err(Error::invalid(format!("the index has {list} already")).with_hint("allow existing entries"));
        }
        let mut done = Added::default();
        let mut records = Vec::with_capacity(BATCH);
        for (_, entry) in entries.into_iter().enumerate().filter(|(at, entry)| last[&entry.id] == *at) {
            match (there.contains(&entry.id), existing) {
                (true, Existing::Keep) => {
                    done.kept += 1;
                    continue;
                }
                (true, _) => done.overwritten += 1,
                (false, _) => done.added += 1,
            }
            records.push(entry.record());
            if records.len() == BATCH {
                self.or_dropped(store.upsert(self.collection(), &records).await)?;
                records.clear();
            }
        }
        if !records.is_empty() {
            self.or_dropped(store.upsert(self.collection(), &records).await)?;
        }
        Ok(done)
    }

    fn check(&self, entries: &[Entry]) -> Result<()> {
        entries.iter().try_for_each(|entry| check_vector(&self.config, &entry.id.to_string(), &entry.vector))
    }

    /// Which of these the index has.
    pub(super) async fn there(&self, store: &dyn VectorStore, ids: &[ObjectId]) -> Result<HashSet<ObjectId>> {
        let mut there = HashSet::new();
        for part in ids.chunks(IDS) {
            let ids: Vec<Id> = part.iter().map(|id| Id::String(id.to_string())).collect();
            let found = self.or_dropped(store.get(self.collection(), &ids, &Output::ids()).await)?;
            for record in found {
                there.insert(layout::ids(record.id.as_ref(), &Fields::new())?.0);
            }
        }
        Ok(there)
    }

    /// Removes entries; those that are not there are counted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove(&self, entries: &Entries) -> Result<(u64, u64)> {
        let store = self.brain.stores.writer(self.config.backend).await?;
        let (ids, missing) = match entries {
            Entries::Ids(ids) => {
                let there = self.there(&*store, ids).await?;
                let asked: HashSet<_> = ids.iter().collect();
                let missing = (asked.len() - there.len()) as u64;
                (there.into_iter().collect::<Vec<_>>(), missing)
            }
            Entries::OfSamples(samples) => {
                let mut ids = Vec::new();
                let mut found = HashSet::new();
                for record in self.of_samples(&*store, samples, Output::only([SAMPLE])).await? {
                    let (id, sample) = layout::ids(record.id.as_ref(), &record.fields)?;
                    ids.push(id);
                    found.insert(sample);
                }
                let asked: HashSet<_> = samples.iter().collect();
                (ids, (asked.len() - found.len()) as u64)
            }
        };
        for part in ids.chunks(IDS) {
            let ids = part.iter().map(|id| Id::String(id.to_string())).collect();
            self.or_dropped(store.delete(self.collection(), &Selection::Ids(ids)).await)?;
        }
        Ok((ids.len() as u64, missing))
    }

    /// Removes the entries whose sample or label is no longer in the dataset; returns how many they were.
    ///
    /// # Errors
    /// Those of the store and the dataset.
    pub async fn remove_orphans(&self) -> Result<u64> {
        let store = self.brain.stores.writer(self.config.backend).await?;
        let orphans = self.orphans(&*store).await?;
        Ok(if orphans.is_empty() { 0 } else { self.remove(&Entries::Ids(orphans)).await?.0 })
    }

    async fn orphans(&self, store: &dyn VectorStore) -> Result<Vec<ObjectId>> {
        use futures::TryStreamExt;
        let mut orphans = Vec::new();
        let mut batches = store.batches(self.collection(), None, Output::ids());
        while let Some(batch) = self.or_dropped(batches.try_next().await)? {
            let ids = batch.iter().map(|record| Ok(layout::ids(record.id.as_ref(), &Fields::new())?.0));
            let ids = ids.collect::<Result<Vec<_>>>()?;
            let known = self.known(ids.clone()).await?;
            orphans.extend(ids.into_iter().filter(|id| !known.contains(id)));
        }
        Ok(orphans)
    }

    /// Which of these samples or labels are in the dataset.
    pub(super) async fn known(&self, ids: Vec<ObjectId>) -> Result<HashSet<ObjectId>> {
        let dataset = self.dataset.clone();
        blocking(move || {
            let there = dataset.contains(&ids)?;
            Ok(ids.into_iter().zip(there).filter_map(|(id, there)| there.then_some(id)).collect())
        })
        .await
    }

    /// The embeddings of some entries, in the order asked for; those that are not there are left out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn embeddings(&self, entries: &Entries) -> Result<Vec<Entry>> {
        let store = self.reader().await?;
        let output = Output::only([VECTOR, SAMPLE]);
        let mut records = Vec::new();
        match entries {
            Entries::Ids(ids) => {
                for part in ids.chunks(IDS) {
                    let ids: Vec<Id> = part.iter().map(|id| Id::String(id.to_string())).collect();
                    records.extend(self.or_dropped(store.get(self.collection(), &ids, &output).await)?);
                }
            }
            Entries::OfSamples(samples) => records = self.of_samples(&*store, samples, output).await?,
        }
        records.into_iter().map(Entry::of).collect()
    }

    async fn of_samples(&self, store: &dyn VectorStore, samples: &[ObjectId], output: Output) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for part in samples.chunks(IDS) {
            let filter = Filter::is_in(SAMPLE, part.iter().map(ToString::to_string));
            let mut request =
                PageRequest { filter: Some(filter), limit: IDS, output: output.clone(), ..PageRequest::default() };
            loop {
                let page = self.or_dropped(store.page(self.collection(), &request).await)?;
                records.extend(page.records);
                let Some(after) = page.next else { break };
                request.after = Some(after);
            }
        }
        Ok(records)
    }

    /// A page of all embeddings, by id; `None` at the end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn page(&self, after: Option<ObjectId>, limit: usize) -> Result<(Vec<Entry>, Option<ObjectId>)> {
        let after = after.map(|id| Id::String(id.to_string()));
        let request = PageRequest { filter: None, after, limit, output: Output::only([VECTOR, SAMPLE]) };
        let Page { records, next } = self.or_dropped(self.reader().await?.page(self.collection(), &request).await)?;
        let next = next.map(|id| layout::ids(Some(&id), &Fields::new())).transpose()?;
        let entries = records.into_iter().map(Entry::of).collect::<Result<_>>()?;
        Ok((entries, next.map(|(id, _)| id)))
    }

    /// All embeddings of a view in memory, 4 bytes a number: a million of 512 numbers take 2 GB.
    ///
    /// # Errors
    /// Those of the store; when it was cancelled.
    pub async fn vectors(&self, view: &View, watch: &Watch) -> Result<Loaded> {
        use futures::TryStreamExt;
        let within = match view.is_all() {
            true => None,
            false => Some(self.view_ids(view).await?.into_iter().collect::<HashSet<_>>()),
        };
        let store = self.reader().await?;
        let (mut ids, mut values, mut samples) = (Vec::new(), Vec::new(), HashMap::new());
        let mut batches = store.batches(self.collection(), None, Output::only([VECTOR, SAMPLE]));
        while let Some(batch) = self.or_dropped(batches.try_next().await)? {
            if watch.is_cancelled() {
                return Err(Error::invalid("it was interrupted").with_hint("start it again"));
            }
            let entries = batch.into_iter().map(Entry::of).collect::<Result<Vec<_>>>()?;
            let known = match &within {
                Some(_) => HashSet::new(),
                None => self.known(entries.iter().map(|entry| entry.id).collect()).await?,
            };
            let is_within = |entry: &Entry| within.as_ref().unwrap_or(&known).contains(&entry.id);
            for entry in entries.into_iter().filter(is_within) {
                ids.push(entry.id);
                values.extend(entry.vector);
                samples.insert(entry.id, entry.sample);
            }
        }
        Ok(Loaded { vectors: Vectors::new(ids, self.config.dim, values)?, samples })
    }

    /// How many entries there are, and how many there should be for a view.
    ///
    /// # Errors
    /// Those of the store and the dataset.
    pub async fn counts(&self, view: &View) -> Result<Counts> {
        let store = self.reader().await?;
        let index = self.or_dropped(store.count(self.collection(), None).await)?;
        let ids = self.view_ids(view).await?;
        let there = self.there(&*store, &ids).await?.len();
        let orphaned = self.orphans(&*store).await?.len() as u64;
        Ok(Counts { index, view: ids.len() as u64, missing: (ids.len() - there) as u64, orphaned })
    }

    /// The samples of a view, or their labels in an index of patches.
    pub(super) async fn view_ids(&self, view: &View) -> Result<Vec<ObjectId>> {
        let (dataset, view, field) = (self.dataset.clone(), view.clone(), self.config.patches_field.clone());
        blocking(move || match field {
            Some(field) => dataset.patch_ids(&view, &field),
            None => dataset.ids(&view),
        })
        .await
    }

    /// Drops the collection. `false` when it was gone already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cleanup(&self) -> Result<bool> {
        let dropped = match self.brain.stores.writer(self.config.backend).await {
            Ok(store) => store.remove(self.collection()).await,
            Err(error) => Err(error),
        };
        match dropped {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Refuses an embedding that the index cannot hold.
///
/// # Errors
/// `InvalidInput` that names what it is of.
pub(super) fn check_vector(config: &IndexConfig, of: &str, vector: &[f32]) -> Result<()> {
    if vector.len() != config.dim {
        return Err(Error::invalid(format!(
            "the embedding of {of} has dimension {}, but the index has {}",
            vector.len(),
            config.dim
        )));
    }
    if let Some(at) = vector.iter().position(|value| !value.is_finite()) {
        return Err(Error::invalid(format!("the embedding of {of} is {} at position {at}", vector[at]))
            .with_hint("embeddings are finite numbers"));
    }
    if config.metric == crate::backend::SimilarityMetric::Cosine && vector.iter().all(|value| *value == 0.0) {
        return Err(Error::invalid(format!("the embedding of {of} is zero, which has no cosine similarity")));
    }
    Ok(())
}

/// The first of some ids, and how many more there are: `a, b and 3 others`.
pub(super) fn named<'a>(ids: impl Iterator<Item = &'a ObjectId>) -> String {
    const SHOWN: usize = 3;
    let ids: Vec<String> = ids.map(ToString::to_string).collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => ids.join(", "),
        others => format!("{} and {others} others", ids[..SHOWN].join(", ")),
    }
}
