//! Adding samples: new ones, and others in the place of those with the same ids.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use bootcamp_core::documents::{Document, Set, Writing};
use bootcamp_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::field::FieldKind;
use super::stored::{self, LabelBody, SampleBody};
use super::tables::Tables;
use crate::sample::{Field, Label, LabelKind, Labels, Sample};

/// What came of adding samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub added: u64,
    /// Samples of these ids were there, and are now what was given.
    pub replaced: u64,
    /// Samples of these ids were there, and are the same.
    pub unchanged: u64,
}

enum Outcome {
    Added,
    Replaced,
    Unchanged,
}

impl Dataset {
    /// Adds samples in one transaction: all of them, or after an error none. A sample takes the place of the one with its
    /// id, as a whole; but vectors that it does not bring are kept, of itself and of labels that it still has. So what
    /// was read without vectors can be changed and added again.
    ///
    /// A field comes to be when a sample first has it. Values that are null are no values.
    ///
    /// Thousands at a time are fastest: each call waits for the disk once.
    ///
    /// # Errors
    /// `InvalidInput` that names the sample and the field: a field of another kind than before, an impossible name, a
    /// number that is not finite, a vector of another dimension, two labels in a field for one, a label's id that is used
    /// twice. Those of the library's file.
    pub fn add(&self, samples: Vec<Sample>) -> Result<Added> {
        self.write(|writing, tables| {
            let mut all = Added::default();
            for sample in &samples {
                check(sample)?;
                admit(writing, tables, sample)?;
                match add(writing, tables, sample)? {
                    Outcome::Added => all.added += 1,
                    Outcome::Replaced => all.replaced += 1,
                    Outcome::Unchanged => all.unchanged += 1,
                }
            }
            Ok(all)
        })
    }
}

/// Whose fault it is.
struct Who<'a>(&'a Sample);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sample {} ({})", self.0.id, self.0.filepath)
    }
}

/// Takes the sample's fields in.
fn admit(writing: &Writing<'_>, tables: &mut Tables, sample: &Sample) -> Result<()> {
    for (name, field) in &sample.fields {
        let kind = match field {
            Field::Value(value) if value.is_null() => continue,
            Field::Value(value) => FieldKind::of(value)
                .map_err(|message| Error::invalid(format!("{}: field '{name}': {message}", Who(sample))))?,
            Field::Labels(labels) => FieldKind::Labels(labels.kind),
        };
        tables.admit(writing, name, kind, &Who(sample))?;
    }
    for (name, vector) in &sample.vectors {
        check_vector(name, vector, &Who(sample))?;
        tables.admit(writing, name, FieldKind::Vector { dim: vector.len() }, &Who(sample))?;
    }
    Ok(())
}

fn add(writing: &Writing<'_>, tables: &Tables, sample: &Sample) -> Result<Outcome> {
    let id = sample.id.to_string();
    let before = writing.get(&tables.samples, &id)?;
    let document = Document::new(&id, stored::write(&body(sample))?);
    let mut changed = before.as_ref().is_none_or(|before| before.body != document.body);
    if changed {
        writing.put(&tables.samples, &document)?;
    }
    let had: SampleBody = match &before {
        Some(before) => stored::read(&id, &before.body)?,
        None => SampleBody::default(),
    };
    let nothing = Labels { kind: LabelKind::Detections, labels: Vec::new() };
    for (field, set) in &tables.labels {
        let labels = if let Some(Field::Labels(labels)) = sample.fields.get(field) { labels } else { &nothing };
        if !labels.labels.is_empty() || had.labels.contains_key(field) {
            let put = put_labels(writing, set, &id, &labels.labels, before.is_some());
            changed |= put.map_err(|error| error.context(format_args!("{}: field '{field}'", Who(sample))))?;
        }
    }
    for (name, vector) in &sample.vectors {
        let bytes = stored::to_bytes(vector);
        if before.is_none() || writing.blob(&tables.samples, &id, name)?.as_ref() != Some(&bytes) {
            writing.put_blob(&tables.samples, &id, name, Some(&bytes))?;
            changed = true;
        }
    }
    Ok(match (before, changed) {
        (None, _) => Outcome::Added,
        (Some(_), true) => Outcome::Replaced,
        (Some(_), false) => Outcome::Unchanged,
    })
}

fn body(sample: &Sample) -> SampleBody {
    let mut values = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for (name, field) in &sample.fields {
        match field {
            Field::Value(value) if value.is_null() => {}
            Field::Value(value) => drop(values.insert(name.clone(), value.clone())),
            Field::Labels(found) => drop(labels.insert(name.clone(), found.labels.len() as u64)),
        }
    }
    let Sample { filepath, tags, metadata, .. } = sample;
    SampleBody { filepath: filepath.clone(), tags: tags.clone(), metadata: metadata.clone(), values, labels }
}

/// Makes these the labels of a sample's field. Says whether that changed anything.
fn put_labels(writing: &Writing<'_>, set: &Set, sample: &str, labels: &[Label], may_have: bool) -> Result<bool> {
    let owned = if may_have { writing.owned(set, sample)? } else { Vec::new() };
    let mut had: HashMap<String, String> = owned.into_iter().map(|label| (label.id, label.body)).collect();
    let mut changed = false;
    for (at, label) in labels.iter().enumerate() {
        let id = label.id.to_string();
        let body = stored::write(&LabelBody::new(at, label))?;
        if had.remove(&id).is_some_and(|had| had == body) {
            continue;
        }
        changed = true;
        writing.put(set, &Document::owned(id, sample, body)).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::invalid(format!("label {} is already one of another sample", label.id))
                .with_hint("give each label an id of its own"),
            _ => error,
        })?;
    }
    changed |= !had.is_empty();
    for id in had.keys() {
        writing.delete(set, id)?;
    }
    Ok(changed)
}

/// Refuses what could not be kept as it is, or what no sample is.
fn check(sample: &Sample) -> Result<()> {
    let fault = |message: String| Err(Error::invalid(format!("{}: {message}", Who(sample))));
    if sample.filepath.is_empty() {
        return fault("it has no filepath".to_owned());
    }
    for (name, field) in &sample.fields {
        let Field::Labels(Labels { kind, labels }) = field else { continue };
        let singular = matches!(kind, LabelKind::Classification | LabelKind::Detection | LabelKind::Polyline);
        if singular && labels.len() > 1 {
            let class = kind.class();
            return fault(format!("field '{name}' holds one {class}, but here are {} labels", labels.len()));
        }
        let mut seen = HashSet::new();
        for label in labels {
            if !seen.insert(label.id) {
                return fault(format!("field '{name}' has two labels with the id {}", label.id));
            }
            if !is_finite(label) {
                return fault(format!("field '{name}': label {} has a number that is not finite", label.id));
            }
        }
    }
    Ok(())
}

fn is_finite(label: &Label) -> bool {
    let numbers = label.confidence.iter().chain(label.bounding_box.iter().flatten());
    numbers.chain(label.points.iter().flatten().flatten()).all(|number| number.is_finite())
}

/// Refuses a vector that no index could take.
pub(super) fn check_vector(field: &str, vector: &[f32], who: &dyn fmt::Display) -> Result<()> {
    if vector.is_empty() {
        return Err(Error::invalid(format!("{who}: the vector of field '{field}' has no numbers")));
    }
    match vector.iter().position(|number| !number.is_finite()) {
        None => Ok(()),
        Some(at) => {
            Err(Error::invalid(format!("{who}: number {at} of the vector of field '{field}' is {}", vector[at]))
                .with_hint("vectors have finite numbers only; leave out samples that have none"))
        }
    }
}
