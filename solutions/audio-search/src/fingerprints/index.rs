//! Fingerprints in a collection of their own, beside the one of the sounds.
//!
//! **What keeps both in step.** A sound's first item is what counts: it says that the sound is there and how many values its
//! fingerprint has. The fingerprint is written before it. So an import that is killed leaves at most vectors without an
//! item, which searches ignore and the next import writes again; and vectors of sounds that were removed, which searches
//! ignore, too, until an import sweeps them. Ids are made of the sound and the place in it, so that a new version of a
//! sound replaces the old one's vectors.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bootcamp_core::{
    CollectionSpec, ErrorKind, Filter, Hit, Id, IdKind, IndexKind, Metric, Output, PageRequest, Record, Result,
    ScalarField, ScalarKind, SearchRequest, Selection, Vector, VectorField,
};
use bootcamp_kit::{Context, SOURCE, hex};
use serde_json::Value;

use super::windows::{BITS, WINDOW, covering, starts, values, vector};
use crate::fields::{FINGERPRINT, text};

/// The vector field.
const FIELD: &str = "chromaprint";
/// The value of the fingerprint at which a vector begins.
const AT: &str = "at";
/// When a vector was written, in milliseconds since 1970.
const WRITTEN: &str = "written_at";
/// Hex digits of an id.
const ID: usize = 20;
/// Records written or read together.
const PAGE: usize = 1000;

/// The fingerprints of a collection of sounds.
#[derive(Clone, Debug)]
pub struct Index {
    sounds: Context,
    /// The name of its collection.
    collection: String,
}

/// Some values of a sound's fingerprint, of which there are `len`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub source: String,
    pub range: Range<usize>,
    pub len: usize,
}

/// A stored vector that is near to one of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub source: String,
    /// The value at which it begins.
    pub at: usize,
    /// The number of bits in which both differ.
    pub distance: f32,
}

impl Index {
    pub fn of(sounds: &Context) -> Self {
        Self { sounds: sounds.clone(), collection: format!("{}_fingerprints", sounds.collection) }
    }

    pub fn collection(&self) -> &str {
        &self.collection
    }

    fn spec(&self) -> CollectionSpec {
        CollectionSpec::new(&self.collection, IdKind::String { max_len: ID })
            .vector(VectorField::binary(FIELD, BITS, Metric::Hamming).index(IndexKind::BinFlat))
            .scalar(ScalarField::new(SOURCE, ScalarKind::String { max_len: ID }))
            .scalar(ScalarField::int(AT))
            .scalar(ScalarField::int(WRITTEN))
    }

    /// Creates its collection if it is not there. Says whether the store can keep it.
    ///
    /// # Errors
    /// `AlreadyExists` when there is another one of that name; those of the store.
    pub async fn ensure(&self) -> Result<bool> {
        // The checks of the sounds' own collection, on this one.
        let mut own = self.sounds.clone();
        (own.collection, own.field, own.metric) = (self.collection.clone(), FIELD.to_owned(), Metric::Hamming);
        match own.ensure(&self.spec()).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Whether its collection is there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn exists(&self) -> Result<bool> {
        match self.sounds.store.describe(&self.collection).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Writes the fingerprints of sounds, named by their ids, and removes what their last versions had beyond.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn write(&self, fingerprints: &[(String, Vec<u32>)]) -> Result<()> {
        let sources: Vec<&str> = fingerprints.iter().map(|(source, _)| source.as_str()).collect();
        let before = self.lengths(&sources).await?;
        let written = now();
        let row = |source: &str, at: usize, values: &[u32]| {
            let record = Record::new(id(source, at)).vector(FIELD, vector(&values[at..at + WINDOW]));
            record.field(SOURCE, source).field(AT, at as u64).field(WRITTEN, written)
        };
        let all = fingerprints
            .iter()
            .flat_map(|(source, values)| starts(values.len()).map(move |at| row(source, at, values)));
        let mut page = Vec::new();
        for record in all {
            page.push(record);
            if page.len() == PAGE {
                self.sounds.store.upsert(&self.collection, &page).await?;
                page.clear();
            }
        }
        if !page.is_empty() {
            self.sounds.store.upsert(&self.collection, &page).await?;
        }
        for (source, values) in fingerprints {
            let kept: HashSet<usize> = starts(values.len()).collect();
            let beyond = starts(before.get(source).copied().unwrap_or_default()).filter(|at| !kept.contains(at));
            let beyond: Vec<Id> = beyond.map(|at| id(source, at)).collect();
            for page in beyond.chunks(PAGE) {
                self.sounds.store.delete(&self.collection, &Selection::Ids(page.to_vec())).await?;
            }
        }
        Ok(())
    }

    /// How many values the fingerprints of these sounds have; of those that have none or are gone, nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lengths(&self, sources: &[&str]) -> Result<HashMap<String, usize>> {
        let mut lengths = HashMap::new();
        for page in sources.chunks(PAGE) {
            let ids: Vec<Id> = page.iter().map(|source| Id::from(*source)).collect();
            let output = Output::only([FINGERPRINT]);
            for record in self.sounds.store.get(&self.sounds.collection, &ids, &output).await? {
                let length = record.fields.get(FINGERPRINT).and_then(Value::as_u64).filter(|length| *length > 0);
                if let (Some(id), Some(length)) = (record.id, length) {
                    lengths.insert(id.to_string(), usize::try_from(length).unwrap_or(usize::MAX));
                }
            }
        }
        Ok(lengths)
    }

    /// The values of some stretches, in order. `None` for one that is not there as a whole, as while it is being replaced.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn values(&self, wanted: &[Stretch]) -> Result<Vec<Option<Vec<u32>>>> {
        let ids_of = |stretch: &Stretch| {
            let Range { start, end } = stretch.range;
            covering(start, end, stretch.len).map(|at| (at, id(&stretch.source, at))).collect::<Vec<_>>()
        };
        let wanted_ids: HashSet<Id> = wanted.iter().flat_map(ids_of).map(|(_, id)| id).collect();
        let wanted_ids: Vec<Id> = wanted_ids.into_iter().collect();
        let mut found = HashMap::new();
        for page in wanted_ids.chunks(PAGE) {
            for mut record in self.sounds.store.get(&self.collection, page, &Output::only([FIELD])).await? {
                if let (Some(id), Some(vector)) = (record.id, record.vectors.remove(FIELD)) {
                    found.insert(id, values(&vector));
                }
            }
        }
        let stretch = |stretch: &Stretch| {
            let mut all = vec![0; stretch.range.len()];
            for (at, id) in ids_of(stretch) {
                for (place, value) in (at..).zip(found.get(&id)?) {
                    if stretch.range.contains(&place) {
                        all[place - stretch.range.start] = *value;
                    }
                }
            }
            Some(all)
        };
        Ok(wanted.iter().map(stretch).collect())
    }

    /// The stored vectors nearest to each of several, within a distance.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn near(
        &self,
        queries: Vec<Vector>,
        k: usize,
        within: f32,
        without: &[String],
    ) -> Result<Vec<Vec<Near>>> {
        let queries = queries.into_iter().map(Into::into).collect();
        let request = SearchRequest::batch(FIELD, queries, k).radius(within.next_up());
        let filter = without.iter().map(|source| Filter::ne(SOURCE, source.as_str())).reduce(Filter::and);
        let request = request.filter(filter).output(Output::only([SOURCE, AT]));
        let found = self.sounds.store.search(&self.collection, &request).await?;
        Ok(found.into_iter().map(|hits| hits.into_iter().filter_map(near).collect()).collect())
    }

    /// Removes the fingerprints of sounds that are gone, where there are any. Those that were written after `before`, in
    /// milliseconds since 1970, are left: their sounds may be on their way.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sweep(&self, before: i64) -> Result<u64> {
        let store = &self.sounds.store;
        let has_any = Filter::ge(FINGERPRINT, WINDOW as i64);
        let kept = store.count(&self.collection, Some(&Filter::eq(AT, 0))).await?;
        if kept == store.count(&self.sounds.collection, Some(&has_any)).await? {
            return Ok(0);
        }
        let mut swept = 0;
        let mut after = None;
        loop {
            let filter = Some(Filter::eq(AT, 0).and(Filter::lt(WRITTEN, before)));
            let request = PageRequest { filter, after, limit: PAGE, output: Output::only([SOURCE]) };
            let page = store.page(&self.collection, &request).await?;
            let sources: Vec<String> =
                page.records.iter().filter_map(|record| text(&record.fields, SOURCE).map(str::to_owned)).collect();
            let there = self.lengths(&sources.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            let gone: Vec<String> = sources.into_iter().filter(|source| !there.contains_key(source)).collect();
            swept += gone.len() as u64;
            if !gone.is_empty() {
                let gone = Filter::is_in(SOURCE, gone).and(Filter::lt(WRITTEN, before));
                store.delete(&self.collection, &Selection::Filter(gone)).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(swept);
            }
        }
    }
}

fn near(hit: Hit) -> Option<Near> {
    let at = usize::try_from(hit.fields.get(AT)?.as_u64()?).ok()?;
    Some(Near { source: text(&hit.fields, SOURCE)?.to_owned(), at, distance: hit.score })
}

fn id(source: &str, at: usize) -> Id {
    Id::String(hex(format!("{source} {at}").as_bytes())[..ID].to_owned())
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
