//! Changing what is there: values, vectors, tags, where the pictures lie; and removing samples.

use std::path::Path;

use bootcamp_core::documents::{Document, Writing};
use bootcamp_core::{Error, Result};
use bootcamp_kit::{named_path, path_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::add::check_vector;
use super::dataset::{Dataset, ids};
use super::field::FieldKind;
use super::query::Query;
use super::stored::{self, LabelBody, SampleBody};
use super::tables::Tables;
use super::view::View;
use crate::sample::ObjectId;

/// How many names of missing files a report has at most.
const EXAMPLES: usize = 10;

/// What came of setting values or vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Samples and labels that have it now.
    pub changed: u64,
    /// Ids that are neither of a sample nor of a label of the dataset.
    pub missing: Vec<ObjectId>,
}

/// What came of looking for moved pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relocated {
    /// Samples whose pictures are now found in the new place.
    pub changed: u64,
    /// Samples left as they were: there is no file in the new place.
    pub missing: u64,
    /// The first ten of the files that are not there.
    pub examples: Vec<String>,
}

/// A picture that was moved, and its names.
struct Move {
    id: ObjectId,
    before: String,
    after: String,
}

impl Dataset {
    /// Sets a field's values in samples, and an attribute in labels; `None` takes the value away. A field that is new comes
    /// to be.
    ///
    /// # Errors
    /// `InvalidInput` for a value of another kind than the field's; then nothing is changed.
    pub fn set_values(&self, field: &str, values: Vec<(ObjectId, Option<Value>)>) -> Result<Changed> {
        self.write(|writing, tables| {
            let mut all = Changed::default();
            for (id, value) in values {
                if set_value(writing, tables, field, id, value.filter(|value| !value.is_null()))? {
                    all.changed += 1;
                } else {
                    all.missing.push(id);
                }
            }
            Ok(all)
        })
    }

    /// Sets a field's vectors, of samples or labels. A field that is new comes to be, with the dimension of the first.
    ///
    /// # Errors
    /// `InvalidInput` that names the id: for a number that is not finite and for another dimension than the field's; then
    /// nothing is changed.
    pub fn set_vectors(&self, field: &str, vectors: Vec<(ObjectId, Vec<f32>)>) -> Result<Changed> {
        self.write(|writing, tables| {
            let mut all = Changed::default();
            for (id, vector) in vectors {
                check_vector(field, &vector, &id)?;
                tables.admit(writing, field, FieldKind::Vector { dim: vector.len() }, &id)?;
                let (name, bytes) = (id.to_string(), stored::to_bytes(&vector));
                let sets = [&tables.samples].into_iter().chain(tables.labels.values());
                let mut found = false;
                for set in sets {
                    found = found || writing.put_blob(set, &name, field, Some(&bytes))?;
                }
                if found {
                    all.changed += 1;
                } else {
                    all.missing.push(id);
                }
            }
            Ok(all)
        })
    }

    /// Tags the samples of a view; says how many did not have the tag.
    ///
    /// # Errors
    /// As [`Dataset::page`](super::Dataset::page), and `InvalidInput` for an empty tag.
    pub fn tag(&self, view: &View, tag: &str) -> Result<u64> {
        if tag.is_empty() || tag.chars().any(char::is_control) {
            return Err(Error::invalid("a tag is a text without control characters, and not empty"));
        }
        self.change(view, |body| {
            let is_new = body.tags.iter().all(|other| other != tag);
            if is_new {
                body.tags.push(tag.to_owned());
            }
            is_new
        })
    }

    /// Takes a tag from the samples of a view; says how many had it.
    ///
    /// # Errors
    /// As [`Dataset::page`](super::Dataset::page).
    pub fn untag(&self, view: &View, tag: &str) -> Result<u64> {
        self.change(view, |body| {
            let before = body.tags.len();
            body.tags.retain(|other| other != tag);
            body.tags.len() < before
        })
    }

    /// Removes the samples of a view with their labels and vectors; says how many there were. Their files stay, and so does
    /// what indexes have of them until they are told.
    ///
    /// # Errors
    /// As [`Dataset::page`](super::Dataset::page).
    pub fn remove(&self, view: &View) -> Result<u64> {
        self.write(|writing, tables| {
            let query = Query::new(tables, view)?;
            writing.delete_selected(&tables.samples, &query.samples()?)
        })
    }

    /// Follows pictures that were moved from one folder to another: samples below `from` get the path below `to`, where
    /// there is a file. Ids stay.
    ///
    /// # Errors
    /// `InvalidInput` when no sample lies below `from`, or `to` is no absolute path.
    pub fn relocate(&self, from: &Path, to: &Path) -> Result<Relocated> {
        if !to.is_absolute() {
            return Err(Error::invalid(format!("{} is not an absolute path", to.display()))
                .with_hint("paths of samples do not depend on the current folder"));
        }
        let (moves, report) = self.moves(from, to)?;
        if moves.is_empty() && report.missing == 0 {
            return Err(Error::invalid(format!("no sample lies in {}", from.display()))
                .with_hint("the first samples' paths show which folder they lie in"));
        }
        let changed = self.write(|writing, tables| {
            let mut changed = 0;
            for Move { id, before, after } in &moves {
                let moved = |body: &mut SampleBody| {
                    // Another program may have been quicker.
                    let same = body.filepath == *before;
                    if same {
                        after.clone_into(&mut body.filepath);
                    }
                    same
                };
                changed += u64::from(change(writing, tables, *id, moved)? == Some(true));
            }
            Ok(changed)
        })?;
        Ok(Relocated { changed, ..report })
    }

    /// The samples below `from` that have a file below `to`, with their paths before and after; and what is said of others.
    fn moves(&self, from: &Path, to: &Path) -> Result<(Vec<Move>, Relocated)> {
        #[derive(Deserialize)]
        struct Place {
            filepath: String,
        }
        let (mut found, mut report) = (Vec::new(), Relocated::default());
        self.read(|reading, tables| {
            reading.visit(&tables.samples, &Default::default(), |id, body| {
                let Place { filepath } = stored::read(id, body)?;
                if let Ok(rest) = named_path(&filepath).strip_prefix(from) {
                    found.push((stored::object_id(id)?, filepath, to.join(rest)));
                }
                Ok(())
            })
        })?;
        let mut moves = Vec::new();
        for (id, before, after) in found {
            let name = path_name(&after);
            if after.is_file() {
                moves.push(Move { id, before, after: name });
                continue;
            }
            report.missing += 1;
            if report.examples.len() < EXAMPLES {
                report.examples.push(name);
            }
        }
        Ok((moves, report))
    }

    /// Changes the samples of a view; says how many were changed.
    fn change(&self, view: &View, mut with: impl FnMut(&mut SampleBody) -> bool) -> Result<u64> {
        self.write(|writing, tables| {
            let ids = ids(writing, &tables.samples, Query::new(tables, view)?.samples()?)?;
            let mut changed = 0;
            for id in ids {
                changed += u64::from(change(writing, tables, id, &mut with)? == Some(true));
            }
            Ok(changed)
        })
    }
}

/// Changes a sample's document; says whether it did, or that there is none.
fn change(
    writing: &Writing<'_>,
    tables: &Tables,
    id: ObjectId,
    with: impl FnOnce(&mut SampleBody) -> bool,
) -> Result<Option<bool>> {
    let Some(document) = writing.get(&tables.samples, &id.to_string())? else { return Ok(None) };
    let mut body: SampleBody = stored::read(&document.id, &document.body)?;
    let changed = with(&mut body);
    if changed {
        writing.put(&tables.samples, &Document::new(document.id, stored::write(&body)?))?;
    }
    Ok(Some(changed))
}

/// Sets a value of a sample or label; false where there is none of that id.
fn set_value(
    writing: &Writing<'_>,
    tables: &mut Tables,
    field: &str,
    id: ObjectId,
    value: Option<Value>,
) -> Result<bool> {
    let name = id.to_string();
    if writing.contains(&tables.samples, &name)? {
        if let Some(value) = &value {
            let kind = FieldKind::of(value).map_err(|message| Error::invalid(format!("{id}: {message}")))?;
            tables.admit(writing, field, kind, &format_args!("sample {id}"))?;
        }
        let set = |body: &mut SampleBody| match value {
            Some(value) => {
                body.values.insert(field.to_owned(), value);
                true
            }
            None => body.values.remove(field).is_some(),
        };
        return Ok(change(writing, tables, id, set)?.is_some());
    }
    for set in tables.labels.values() {
        let Some(document) = writing.get(set, &name)? else { continue };
        let (sample, mut body): (ObjectId, LabelBody) = stored::read_label(&document)?;
        match value {
            Some(value) => drop(body.label.attributes.insert(field.to_owned(), value)),
            None => drop(body.label.attributes.remove(field)),
        }
        writing.put(set, &Document::owned(name, sample.to_string(), stored::write(&body)?))?;
        return Ok(true);
    }
    Ok(false)
}
