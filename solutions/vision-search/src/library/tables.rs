//! What the library has of a dataset: its own document, its fields, and the sets of its samples, labels and runs.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bootcamp_core::documents::{Document, Path, Reading, Set, SetSpec, Writing};
use bootcamp_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::field::{FieldKind, Schema};
use super::stored;

/// The set of the datasets themselves. A dataset's document has its number as the id, which is never used again.
pub(super) const DATASETS: &str = "datasets";
/// The set of what the library itself must remember.
pub(super) const LIBRARY: &str = "library";

/// A dataset's document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DatasetBody {
    pub(super) name: String,
    /// Milliseconds since 1970.
    pub(super) created_at: u64,
    pub(super) modified_at: u64,
    /// Grows with every change, so that what was counted before is known to be still true.
    pub(super) revision: u64,
    pub(super) fields: Schema,
}

/// A dataset in a transaction.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) number: u64,
    pub(super) body: DatasetBody,
    pub(super) samples: Set,
    /// By the names of the fields.
    pub(super) labels: BTreeMap<String, Set>,
}

impl Tables {
    /// # Errors
    /// `NotFound` when the dataset was deleted.
    pub(super) fn load(reading: &Reading<'_>, number: u64) -> Result<Self> {
        let datasets = reading.find_set(DATASETS)?;
        let document = datasets.map(|set| reading.get(&set, &number.to_string())).transpose()?.flatten();
        let document = document.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the dataset was deleted").with_hint("list the datasets that there are")
        })?;
        let body: DatasetBody = stored::read(&document.id, &document.body)?;
        let labels = |field: &str| Ok((field.to_owned(), reading.set(&labels_name(number, field))?));
        let labels = body.fields.label_fields().map(labels).collect::<Result<_>>()?;
        Ok(Self { number, samples: reading.set(&samples_name(number))?, labels, body })
    }

    /// Makes the sets of a new dataset.
    pub(super) fn create(writing: &Writing<'_>, name: &str) -> Result<Self> {
        let number = next_number(writing)?;
        let now = now();
        let fields = Schema::default();
        let body = DatasetBody { name: name.to_owned(), created_at: now, modified_at: now, revision: 0, fields };
        let samples = writing.create(&samples_name(number), &SetSpec::default())?;
        for runs in [runs_name(number), pending_name(number)] {
            writing.create(&runs, &SetSpec::default())?;
        }
        let tables = Self { number, body, samples, labels: BTreeMap::new() };
        tables.write(writing)?;
        Ok(tables)
    }

    /// A copy under another name, without runs.
    pub(super) fn copy(&self, writing: &Writing<'_>, name: &str) -> Result<Self> {
        let number = next_number(writing)?;
        let samples = writing.copy(&self.samples, &samples_name(number), None)?;
        let mut labels = BTreeMap::new();
        for (field, set) in &self.labels {
            labels.insert(field.clone(), writing.copy(set, &labels_name(number, field), Some(&samples))?);
        }
        for runs in [runs_name(number), pending_name(number)] {
            writing.create(&runs, &SetSpec::default())?;
        }
        let now = now();
        let body = DatasetBody { name: name.to_owned(), created_at: now, modified_at: now, ..self.body.clone() };
        let tables = Self { number, body, samples, labels };
        tables.write(writing)?;
        Ok(tables)
    }

    /// Removes all that there is of the dataset.
    pub(super) fn drop_all(&self, writing: &Writing<'_>) -> Result<()> {
        writing.drop_set(&self.samples)?;
        for runs in [runs_name(self.number), pending_name(self.number)] {
            writing.drop_set(&writing.set(&runs)?)?;
        }
        writing.delete(&writing.set(DATASETS)?, &self.number.to_string())?;
        Ok(())
    }

    /// Notes that the dataset changed, and its fields.
    pub(super) fn touch(&mut self, writing: &Writing<'_>) -> Result<()> {
        self.body.modified_at = now();
        self.body.revision += 1;
        self.write(writing)
    }

    pub(super) fn write(&self, writing: &Writing<'_>) -> Result<()> {
        let document = Document::new(self.number.to_string(), stored::write(&self.body)?);
        writing.put(&writing.set(DATASETS)?, &document)
    }

    /// Takes a field in, and makes the set of its labels.
    pub(super) fn admit(
        &mut self,
        writing: &Writing<'_>,
        field: &str,
        kind: FieldKind,
        who: &dyn std::fmt::Display,
    ) -> Result<()> {
        self.body.fields.admit(field, kind, who)?;
        if matches!(kind, FieldKind::Labels(_)) && !self.labels.contains_key(field) {
            let spec = SetSpec {
                owner: Some(self.samples.name().to_owned()),
                indexes: vec![vec![Path::of(&["label", "label"]), Path::of(&["label", "confidence"])]],
            };
            let set = writing.create(&labels_name(self.number, field), &spec)?;
            self.labels.insert(field.to_owned(), set);
        }
        Ok(())
    }

    /// The set of a field's labels.
    ///
    /// # Errors
    /// `InvalidInput` when it is no field of labels.
    pub(super) fn labels(&self, field: &str) -> Result<&Set> {
        self.body.fields.labels(&self.body.name, field)?;
        let missing = || Error::new(ErrorKind::Corrupt, format!("the labels of field '{field}' are missing"));
        self.labels.get(field).ok_or_else(missing)
    }
}

pub(super) fn runs_name(number: u64) -> String {
    format!("{number}/runs")
}

pub(super) fn pending_name(number: u64) -> String {
    format!("{number}/pending")
}

fn samples_name(number: u64) -> String {
    format!("{number}/samples")
}

fn labels_name(number: u64, field: &str) -> String {
    format!("{number}/labels/{field}")
}

/// A number that no dataset had before.
fn next_number(writing: &Writing<'_>) -> Result<u64> {
    const LAST: &str = "last dataset";
    for name in [LIBRARY, DATASETS] {
        if writing.find_set(name)?.is_none() {
            writing.create(name, &SetSpec::default())?;
        }
    }
    let library = writing.set(LIBRARY)?;
    let last: u64 = writing.get(&library, LAST)?.map_or(Ok(0), |last| stored::read(LAST, &last.body))?;
    writing.put(&library, &Document::new(LAST, (last + 1).to_string()))?;
    Ok(last + 1)
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
