//! Fills an index: from pictures by a model, from a field of embeddings, or from given ones. What the index has already is
//! not made again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_core::encoder::PictureEncoder;
use bootcamp_core::{Error, Result, VectorStore};
use bootcamp_kit::source::Skip;
use bootcamp_kit::{Watch, blocking};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::{Computed, Given};
use crate::backend::Backend;
use crate::library::View;
use crate::sample::{Label, ObjectId, Sample};
use crate::similarity::embed::{Cut, Part, parts};
use crate::similarity::index::{Added, BATCH, Existing, SimilarityIndex, check_vector, named};
use crate::similarity::layout::Entry;
use crate::similarity::run::Embeddings;

/// Samples read from the dataset at a time.
const SAMPLES: usize = 256;
/// Pictures handed to the encoder at a time, unless somebody says otherwise, and at most.
pub(super) const TOGETHER: usize = 64;
pub(super) const MAX_TOGETHER: usize = 4096;

/// How entries are made.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) view: View,
    /// Whether the collection has just been made, so that there is nothing to keep.
    pub(super) is_new: bool,
    pub(super) skip_failures: bool,
    pub(super) workers: usize,
    /// Pictures handed to the encoder at a time.
    pub(super) together: usize,
}

/// What became of the entries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) added: u64,
    pub(super) kept: u64,
    pub(super) skipped: u64,
}

impl SimilarityIndex {
    /// Computes the embeddings of the samples or patches of a view that the index does not have, by the model of the run.
    ///
    /// # Errors
    /// `InvalidInput` for an index without a model; those of models and stores.
    pub async fn compute_missing(
        &self,
        view: View,
        workers: Option<usize>,
        skip_failures: bool,
        watch: &Watch,
    ) -> Result<Computed> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = workers.unwrap_or_else(cores).max(1);
        let pass = Pass { view, is_new: false, skip_failures, workers, together: TOGETHER };
        let store = self.brain.stores.writer(self.config.backend).await?;
        let tally = match &self.config.source {
            Embeddings::Model { model } => self.embed(model, &*store, &pass, watch).await?,
            Embeddings::Field { field } => self.take_field(field, &*store, &pass, watch).await?,
            Embeddings::Given | Embeddings::None => {
                return Err(Error::invalid(format!(
                    "the index '{}' was computed without a model, so it cannot embed what is missing",
                    self.key
                )));
            }
        };
        self.settle(&*store).await?;
        Ok(Computed {
            key: self.key.clone(),
            collection_name: self.config.collection_name.clone(),
            backend: self.config.backend,
            metric: self.config.metric,
            dim: self.config.dim,
            added: tally.added,
            kept: tally.kept,
            skipped: tally.skipped,
            warnings: Vec::new(),
        })
    }

    /// Adds given embeddings of these samples or labels, a row for each.
    ///
    /// # Errors
    /// `InvalidInput` for another number of rows, or ids that are not in the dataset, naming them; as
    /// [`SimilarityIndex::add`].
    pub async fn add_given(&self, ids: Vec<ObjectId>, given: &Given, existing: Existing) -> Result<Added> {
        given.check(ids.len(), "ids")?;
        let known = self.known(ids.clone()).await?;
        let unknown: Vec<&ObjectId> = ids.iter().filter(|id| !known.contains(id)).collect();
        if !unknown.is_empty() {
            return Err(Error::invalid(format!("the dataset has no {}", named(unknown.into_iter()))));
        }
        let samples = self.samples_of(&ids).await?;
        let given = given.clone();
        let vectors = blocking(move || given.all()).await?;
        let entries = ids.into_iter().zip(samples).zip(vectors);
        self.add(entries.map(|((id, sample), vector)| Entry { id, sample, vector }).collect(), existing).await
    }

    /// The samples that these entries belong to.
    async fn samples_of(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let Some(field) = self.config.patches_field.clone() else { return Ok(ids.to_vec()) };
        let (dataset, ids) = (self.dataset.clone(), ids.to_vec());
        let patches = blocking(move || Ok((dataset.get_patches(&field, &ids)?, ids, field))).await?;
        let (patches, ids, field) = patches;
        let samples: HashMap<ObjectId, ObjectId> =
            patches.into_iter().map(|patch| (patch.label.id, patch.sample)).collect();
        let sample = |id: &ObjectId| {
            samples.get(id).copied().ok_or_else(|| Error::invalid(format!("{id} is no label of the field '{field}'")))
        };
        ids.iter().map(sample).collect()
    }

    /// The samples and labels of the view that get an entry: of each its own id and that of its sample.
    pub(super) async fn entry_ids(&self, view: &View) -> Result<Vec<(ObjectId, ObjectId)>> {
        let (dataset, view, field) = (self.dataset.clone(), view.clone(), self.config.patches_field.clone());
        blocking(move || match field {
            Some(field) => {
                let mut ids = Vec::new();
                dataset.visit_patches(&view, &field, SAMPLES, |patches| {
                    ids.extend(patches.iter().map(|patch| (patch.label.id, patch.sample)));
                    Ok(())
                })?;
                Ok(ids)
            }
            None => Ok(dataset.ids(&view)?.into_iter().map(|id| (id, id)).collect()),
        })
        .await
    }

    /// Reads pictures on several threads, embeds what is missing, and writes it in the order of the view.
    pub(super) async fn embed(
        &self,
        model: &str,
        store: &dyn VectorStore,
        pass: &Pass,
        watch: &Watch,
    ) -> Result<Tally> {
        let encoder = self.brain.models.encoder(model).await?.pictures()?.clone();
        let mut tally = Tally::default();
        let (samples, wanted) = self.missing(store, pass, &mut tally, watch).await?;
        let skips = Arc::new(Skips::default());
        let mut read = self.read(samples, wanted, encoder.clone(), pass.workers, Arc::clone(&skips));
        let (mut ids, mut pixels) = (Vec::new(), Vec::new());
        loop {
            let next = if watch.is_cancelled() { None } else { read.recv().await };
            skips.tell(pass.skip_failures, watch, &mut tally)?;
            let is_last = next.is_none();
            for part in next.transpose()?.unwrap_or_default() {
                ids.push((part.id, part.sample));
                pixels.push(part.pixels);
            }
            // The patches of a sample arrive together, so those that are averaged are never torn apart.
            if pixels.len() >= pass.together || is_last {
                let vectors = encoder.embed(std::mem::take(&mut pixels)).await?;
                let entries = self.entries(std::mem::take(&mut ids).into_iter().zip(vectors));
                self.put(store, entries, &mut tally, watch).await?;
            }
            if is_last {
                return Ok(tally);
            }
        }
    }

    /// Reads samples and prepares their parts, `workers` at a time and in order, ahead of who receives them.
    fn read(
        &self,
        samples: Vec<ObjectId>,
        wanted: HashSet<ObjectId>,
        encoder: PictureEncoder,
        workers: usize,
        skips: Arc<Skips>,
    ) -> mpsc::Receiver<Result<Vec<Part>>> {
        let (cut, is_roi) = match (&self.config.patches_field, &self.config.roi_field) {
            (Some(field), _) => (Cut::Patches(field.clone(), self.config.crop), false),
            (None, Some(field)) => (Cut::Patches(field.clone(), self.config.crop), true),
            (None, None) => (Cut::Whole, false),
        };
        let reading = Arc::new(move |sample: Sample| {
            let wants = |id: ObjectId| is_roi || wanted.contains(&id);
            let mut skip = |label: &Label, error: Error| {
                skips.push(format!("{}, label {}", sample.filepath, label.id), &error);
            };
            let made = parts(&sample, &cut, &wants, &|picture| encoder.prepare(picture), &mut skip);
            made.unwrap_or_else(|error| {
                skips.push(sample.filepath.clone(), &error);
                Vec::new()
            })
        });
        let (send, receive) = mpsc::channel(2 * TOGETHER);
        let dataset = self.dataset.clone();
        tokio::spawn(async move {
            let mut parts = stream::iter(samples.chunks(SAMPLES).map(<[ObjectId]>::to_vec))
                .then(|ids| {
                    let dataset = dataset.clone();
                    blocking(move || dataset.get(&ids))
                })
                .map_ok(|samples| stream::iter(samples.into_iter().map(Ok::<Sample, Error>)))
                .try_flatten()
                .map_ok(|sample| {
                    let reading = Arc::clone(&reading);
                    blocking(move || Ok(reading(sample)))
                })
                .try_buffered(workers)
                .boxed();
            while let Some(next) = parts.next().await {
                // Who receives has stopped.
                if send.send(next).await.is_err() {
                    return;
                }
            }
        });
        receive
    }

    /// An entry for each part, or the mean of its parts for each sample.
    fn entries(&self, parts: impl Iterator<Item = ((ObjectId, ObjectId), Vec<f32>)>) -> Vec<Entry> {
        if self.config.roi_field.is_none() {
            return parts.map(|((id, sample), vector)| Entry { id, sample, vector }).collect();
        }
        let mut samples: Vec<(ObjectId, Vec<Vec<f32>>)> = Vec::new();
        for ((_, sample), vector) in parts {
            match samples.last_mut().filter(|(last, _)| *last == sample) {
                Some((_, vectors)) => vectors.push(vector),
                None => samples.push((sample, vec![vector])),
            }
        }
        samples.into_iter().map(|(id, vectors)| Entry { id, sample: id, vector: mean(&vectors) }).collect()
    }

    /// The samples of a view of which something is missing, and what that is. What is there counts as kept.
    async fn missing(
        &self,
        store: &dyn VectorStore,
        pass: &Pass,
        tally: &mut Tally,
        watch: &Watch,
    ) -> Result<(Vec<ObjectId>, HashSet<ObjectId>)> {
        let entries = self.entry_ids(&pass.view).await?;
        let ids: Vec<ObjectId> = entries.iter().map(|(id, _)| *id).collect();
        let there = if self.is_empty(store, pass).await? { HashSet::new() } else { self.there(store, &ids).await? };
        tally.kept = there.len() as u64;
        watch.set_total(ids.len() as u64);
        watch.advance(tally.kept);
        let mut samples = Vec::new();
        let mut wanted = HashSet::with_capacity(ids.len() - there.len());
        for (id, sample) in entries.into_iter().filter(|(id, _)| !there.contains(id)) {
            wanted.insert(id);
            if samples.last() != Some(&sample) {
                samples.push(sample);
            }
        }
        let mut seen = HashSet::with_capacity(samples.len());
        samples.retain(|sample| seen.insert(*sample));
        Ok((samples, wanted))
    }

    async fn put(&self, store: &dyn VectorStore, entries: Vec<Entry>, tally: &mut Tally, watch: &Watch) -> Result<()> {
        let count = entries.len() as u64;
        let mut records: Vec<_> = entries.into_iter().map(Entry::record).collect();
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(BATCH));
            self.or_dropped(store.upsert(self.collection(), &records).await)?;
            records = rest;
        }
        tally.added += count;
        watch.advance(count);
        Ok(())
    }

    /// Entries of the samples' own embeddings.
    pub(super) async fn take_field(
        &self,
        field: &str,
        store: &dyn VectorStore,
        pass: &Pass,
        watch: &Watch,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let (samples, _) = self.missing(store, pass, &mut tally, watch).await?;
        for ids in samples.chunks(BATCH) {
            if watch.is_cancelled() {
                break;
            }
            let (dataset, field, asked) = (self.dataset.clone(), field.to_owned(), ids.to_vec());
            let found = blocking(move || dataset.vectors(&field, &asked)).await?;
            let mut entries = Vec::with_capacity(ids.len());
            for (id, vector) in ids.iter().zip(found) {
                match vector {
                    Some(vector) => entries.push((*id, *id, vector)),
                    None => self.skip(pass, watch, &mut tally, *id, &Error::invalid("it has no embedding"))?,
                }
            }
            self.put_checked(store, entries, pass, &mut tally, watch).await?;
        }
        Ok(tally)
    }

    pub(super) async fn take_given(
        &self,
        given: &Given,
        ids: Vec<(ObjectId, ObjectId)>,
        store: &dyn VectorStore,
        pass: &Pass,
        watch: &Watch,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        watch.set_total(ids.len() as u64);
        let mut rows = given.rows()?;
        let is_empty = self.is_empty(store, pass).await?;
        for ids in ids.chunks(BATCH) {
            if watch.is_cancelled() {
                break;
            }
            let (count, mut reading) = (ids.len(), rows);
            let (vectors, back) = blocking(move || {
                let vectors = reading.next(count)?;
                Ok((vectors, reading))
            })
            .await?;
            rows = back;
            let asked: Vec<ObjectId> = ids.iter().map(|(id, _)| *id).collect();
            let there = if is_empty { HashSet::new() } else { self.there(store, &asked).await? };
            tally.kept += there.len() as u64;
            watch.advance(there.len() as u64);
            let entries = ids.iter().zip(vectors).filter(|((id, _), _)| !there.contains(id));
            let entries = entries.map(|((id, sample), vector)| (*id, *sample, vector)).collect();
            self.put_checked(store, entries, pass, &mut tally, watch).await?;
        }
        Ok(tally)
    }

    /// Whether there is nothing to keep: that is at most one question, and what is there of each batch one for each.
    async fn is_empty(&self, store: &dyn VectorStore, pass: &Pass) -> Result<bool> {
        Ok(pass.is_new || self.or_dropped(store.count(self.collection(), None).await)? == 0)
    }

    /// Brings what was written into a local index. A Milvus server indexes by itself, and finds everything before it has:
    /// waiting for that takes longer than writing.
    pub(super) async fn settle(&self, store: &dyn VectorStore) -> Result<()> {
        match self.config.backend {
            Backend::Local => self.or_dropped(store.flush(self.collection(), None).await),
            Backend::Milvus => Ok(()),
        }
    }

    /// Writes those embeddings that the index can hold.
    async fn put_checked(
        &self,
        store: &dyn VectorStore,
        entries: Vec<(ObjectId, ObjectId, Vec<f32>)>,
        pass: &Pass,
        tally: &mut Tally,
        watch: &Watch,
    ) -> Result<()> {
        let mut good = Vec::with_capacity(entries.len());
        for (id, sample, vector) in entries {
            match check_vector(&self.config, &id.to_string(), &vector) {
                Ok(()) => good.push(Entry { id, sample, vector }),
                Err(error) => self.skip(pass, watch, tally, id, &error)?,
            }
        }
        self.put(store, good, tally, watch).await
    }

    fn skip(&self, pass: &Pass, watch: &Watch, tally: &mut Tally, id: ObjectId, error: &Error) -> Result<()> {
        let skips = Skips::default();
        skips.push(id.to_string(), error);
        skips.tell(pass.skip_failures, watch, tally)
    }
}

/// What could not be embedded, gathered from the threads that read.
#[derive(Default)]
struct Skips(Mutex<Vec<Skip>>);

impl Skips {
    fn push(&self, source: String, error: &Error) {
        let skip = Skip { source, reason: error.to_string() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(skip);
    }

    /// Tells the watch; the first one is an error unless failures may be skipped.
    fn tell(&self, may_skip: bool, watch: &Watch, tally: &mut Tally) -> Result<()> {
        for skip in std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            if !may_skip {
                return Err(Error::invalid(format!("{}: {}", skip.source, skip.reason))
                    .with_hint("pass --skip-failures to leave out what cannot be embedded"));
            }
            tally.skipped += 1;
            watch.skip(skip);
        }
        Ok(())
    }
}

fn mean(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / vectors.len() as f32);
    }
    mean
}
