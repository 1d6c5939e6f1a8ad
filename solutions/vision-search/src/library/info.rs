//! What there is to say about a dataset as a whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bootcamp_core::Result;
use bootcamp_core::documents::{Order, Reading, Select};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::field::FieldKind;
use super::stored;
use super::tables::Tables;

/// A dataset at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    pub name: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub modified_at: u64,
    pub samples: u64,
    /// Tags with the number of samples that have them, in the order of names.
    pub tags: Vec<(String, u64)>,
    /// In the order of names.
    pub fields: Vec<FieldInfo>,
}

/// A field at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldInfo {
    pub name: String,
    /// With `dim` beside it where it is `vector`.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// Samples that have something in it.
    pub samples: u64,
    /// Labels in it; where it holds vectors, labels that have one.
    pub labels: u64,
}

/// What was counted in a dataset's revision: a million samples take a second.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<HashMap<u64, (u64, DatasetInfo)>>);

impl Counted {
    pub(super) fn info(&self, reading: &Reading<'_>, tables: &Tables) -> Result<DatasetInfo> {
        let counted = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counted().get(&tables.number).cloned();
        if let Some((revision, info)) = known
            && revision == tables.body.revision
        {
            return Ok(info);
        }
        let info = count(reading, tables)?;
        counted().insert(tables.number, (tables.body.revision, info.clone()));
        Ok(info)
    }

    pub(super) fn forget(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

impl Dataset {
    /// What there is to say about the dataset. Counted once for each change.
    ///
    /// # Errors
    /// `NotFound` when it was deleted.
    pub fn info(&self) -> Result<DatasetInfo> {
        self.read(|reading, tables| self.shared.counted.info(reading, tables))
    }
}

/// What is read of a sample.
#[derive(Deserialize)]
struct Has<'a> {
    #[serde(borrow)]
    tags: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    values: HashMap<Cow<'a, str>, IgnoredAny>,
    #[serde(borrow, default)]
    labels: HashMap<Cow<'a, str>, u64>,
}

fn count(reading: &Reading<'_>, tables: &Tables) -> Result<DatasetInfo> {
    let body = &tables.body;
    let (mut samples, mut tags) = (0, BTreeMap::<String, u64>::new());
    let mut fields: HashMap<&str, (u64, u64)> = body.fields.0.keys().map(|name| (name.as_str(), (0, 0))).collect();
    let all = Select { order: Order::Any, ..Select::default() };
    reading.visit(&tables.samples, &all, |id, body| {
        let has: Has<'_> = serde_json::from_str(body).map_err(|error| stored::damaged(id).with_source(error))?;
        samples += 1;
        for tag in has.tags {
            match tags.get_mut(tag.as_ref()) {
                Some(count) => *count += 1,
                None => drop(tags.insert(tag.into_owned(), 1)),
            }
        }
        let labels = has.labels.iter().map(|(name, count)| (name, *count));
        for (name, labels) in has.values.keys().map(|name| (name, 0)).chain(labels) {
            if let Some((with, all)) = fields.get_mut(name.as_ref()) {
                *with += 1;
                *all += labels;
            }
        }
        Ok(())
    })?;
    let field = |(name, kind): (&String, &FieldKind)| {
        let (mut samples, mut labels) = fields.get(name.as_str()).copied().unwrap_or_default();
        if let FieldKind::Vector { .. } = kind {
            samples = reading.blobs(&tables.samples, name)?;
            labels = tables.labels.values().try_fold(0, |sum, set| Ok(sum + reading.blobs(set, name)?))?;
        }
        Ok(FieldInfo { name: name.clone(), kind: *kind, samples, labels })
    };
    Ok(DatasetInfo {
        name: body.name.clone(),
        created_at: body.created_at,
        modified_at: body.modified_at,
        samples,
        tags: tags.into_iter().collect(),
        fields: body.fields.0.iter().map(field).collect::<Result<_>>()?,
    })
}
