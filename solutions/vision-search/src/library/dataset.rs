//! Reading a dataset: samples by id, views page by page or as a whole, and the labels of a field as patches.

use std::sync::Arc;

use bootcamp_core::documents::{Condition, Document, Matching, Order, Path, Reading, Select, Set, Writing};
use bootcamp_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Shared;
use super::field::FieldKind;
use super::query::{Query, Start, page};
use super::stored::{self, LabelBody, SampleBody};
use super::tables::Tables;
use super::view::View;
use crate::sample::{Field, Label, Labels, ObjectId, Sample};

/// A dataset of a library: a cheap handle, which stays with the dataset when it is renamed.
///
/// All calls block; each is one transaction, so that it sees all of one moment or changes all at once. When the dataset is
/// deleted, each answers `NotFound`.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
}

/// A label that stands for a part of its sample's picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    pub sample: ObjectId,
    /// The sample's picture.
    pub filepath: String,
    pub label: Label,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    pub value: Value,
    pub count: u64,
}

impl Dataset {
    /// Its name at the moment.
    ///
    /// # Errors
    /// `NotFound` when it was deleted.
    pub fn name(&self) -> Result<String> {
        self.read(|_, tables| Ok(tables.body.name.clone()))
    }

    /// What a field holds.
    ///
    /// # Errors
    /// `InvalidInput` for a field that is not known.
    pub fn kind(&self, field: &str) -> Result<FieldKind> {
        self.read(|_, tables| tables.body.fields.kind(&tables.body.name, field))
    }

    /// All fields, in the order of names.
    ///
    /// # Errors
    /// `NotFound` when the dataset was deleted.
    pub fn fields(&self) -> Result<Vec<(String, FieldKind)>> {
        self.read(|_, tables| Ok(tables.body.fields.0.clone().into_iter().collect()))
    }

    /// The samples of these ids, in the order asked, without vectors; those that are not there are left out.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn get(&self, ids: &[ObjectId]) -> Result<Vec<Sample>> {
        self.read(|reading, tables| {
            let found = ids.iter().map(|id| reading.get(&tables.samples, &id.to_string()));
            found.filter_map(Result::transpose).map(|document| sample(reading, tables, &document?)).collect()
        })
    }

    /// The label of this id, with its sample and the name of its field.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn get_label(&self, id: ObjectId) -> Result<Option<(Sample, String, Label)>> {
        self.read(|reading, tables| {
            for (field, set) in &tables.labels {
                let Some(found) = reading.get(set, &id.to_string())? else { continue };
                let (owner, body) = stored::read_label(&found)?;
                let Some(owner) = reading.get(&tables.samples, &owner.to_string())? else { continue };
                return Ok(Some((sample(reading, tables, &owner)?, field.clone(), body.label)));
            }
            Ok(None)
        })
    }

    /// For each id whether it is one of a sample or label of the dataset.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn contains(&self, ids: &[ObjectId]) -> Result<Vec<bool>> {
        self.read(|reading, tables| {
            let sets = || [&tables.samples].into_iter().chain(tables.labels.values());
            let contains = |id: &ObjectId| {
                let id = id.to_string();
                sets().try_fold(false, |found, set| Ok(found || reading.contains(set, &id)?))
            };
            ids.iter().map(contains).collect()
        })
    }

    /// A page of a view's samples, without vectors.
    ///
    /// # Errors
    /// `InvalidInput` for a view that names what the dataset does not have, with a suggestion; `NotFound` when the sample
    /// after which a page of a sorted view begins is gone.
    pub fn page(&self, view: &View, start: Start, limit: u64) -> Result<Vec<Sample>> {
        self.read(|reading, tables| {
            let query = Query::new(tables, view)?;
            let select = page(query.samples()?, view, start, limit)?;
            let found = reading.select(&tables.samples, &select)?;
            found.iter().map(|document| sample(reading, tables, document)).collect()
        })
    }

    /// How many samples a view has.
    ///
    /// # Errors
    /// As [`Dataset::page`].
    pub fn count(&self, view: &View) -> Result<u64> {
        self.read(|reading, tables| reading.count(&tables.samples, &Query::new(tables, view)?.samples()?))
    }

    /// The ids of a view's samples, in its order: twelve bytes each.
    ///
    /// # Errors
    /// As [`Dataset::page`].
    pub fn ids(&self, view: &View) -> Result<Vec<ObjectId>> {
        self.read(|reading, tables| {
            let query = Query::new(tables, view)?;
            ids(reading, &tables.samples, query.samples()?)
        })
    }

    /// A page of a view's patches: the labels of a field, each with its sample.
    ///
    /// # Errors
    /// As [`Dataset::page`], and `InvalidInput` for a field whose labels are not parts of pictures.
    pub fn patches(&self, view: &View, field: &str, start: Start, limit: u64) -> Result<Vec<Patch>> {
        self.read(|reading, tables| {
            let set = patches_of(tables, field)?;
            let query = Query::new(tables, view)?;
            let select = page(query.patches(field)?, view, start, limit)?;
            patches(reading, tables, &reading.select(set, &select)?)
        })
    }

    /// How many patches a view has.
    ///
    /// # Errors
    /// As [`Dataset::patches`].
    pub fn patch_count(&self, view: &View, field: &str) -> Result<u64> {
        self.read(|reading, tables| {
            let set = patches_of(tables, field)?;
            reading.count(set, &Query::new(tables, view)?.patches(field)?)
        })
    }

    /// The ids of a view's patches, in its order.
    ///
    /// # Errors
    /// As [`Dataset::patches`].
    pub fn patch_ids(&self, view: &View, field: &str) -> Result<Vec<ObjectId>> {
        self.read(|reading, tables| {
            let set = patches_of(tables, field)?;
            ids(reading, set, Query::new(tables, view)?.patches(field)?)
        })
    }

    /// The patches of these labels' ids, in the order asked; those that are not there are left out.
    ///
    /// # Errors
    /// As [`Dataset::patches`].
    pub fn get_patches(&self, field: &str, ids: &[ObjectId]) -> Result<Vec<Patch>> {
        self.read(|reading, tables| {
            let set = patches_of(tables, field)?;
            let found = ids.iter().filter_map(|id| reading.get(set, &id.to_string()).transpose());
            patches(reading, tables, &found.collect::<Result<Vec<_>>>()?)
        })
    }

    /// Calls `visit` with all samples of a view in its order, `batch` at a time. Between batches the dataset may be
    /// changed: what is deleted meanwhile is left out. Only the ids are in memory as a whole.
    ///
    /// # Errors
    /// As [`Dataset::page`], and those of `visit`, which end it.
    pub fn visit(&self, view: &View, batch: usize, mut visit: impl FnMut(Vec<Sample>) -> Result<()>) -> Result<()> {
        self.ids(view)?.chunks(batch.max(1)).try_for_each(|ids| visit(self.get(ids)?))
    }

    /// [`Dataset::visit`], with the patches of a view.
    ///
    /// # Errors
    /// As [`Dataset::patches`], and those of `visit`, which end it.
    pub fn visit_patches(
        &self,
        view: &View,
        field: &str,
        batch: usize,
        mut visit: impl FnMut(Vec<Patch>) -> Result<()>,
    ) -> Result<()> {
        self.patch_ids(view, field)?.chunks(batch.max(1)).try_for_each(|ids| visit(self.get_patches(field, ids)?))
    }

    /// The vectors of a field, of samples or labels, one for each id; `None` where there is none.
    ///
    /// # Errors
    /// `InvalidInput` for a field that holds no vectors.
    pub fn vectors(&self, field: &str, ids: &[ObjectId]) -> Result<Vec<Option<Vec<f32>>>> {
        self.read(|reading, tables| {
            tables.body.fields.dim(&tables.body.name, field)?;
            let vector = |id: &ObjectId| {
                let id = id.to_string();
                for set in [&tables.samples].into_iter().chain(tables.labels.values()) {
                    if let Some(bytes) = reading.blob(set, &id, field)? {
                        return Ok(Some(stored::from_bytes(&bytes)));
                    }
                }
                Ok(None)
            };
            ids.iter().map(vector).collect()
        })
    }

    /// How often each class occurs among the labels of a field that are in a view, most frequent first.
    ///
    /// # Errors
    /// As [`Dataset::page`], and `InvalidInput` for a field without labels.
    pub fn label_counts(&self, field: &str, view: &View) -> Result<Vec<Count>> {
        self.read(|reading, tables| {
            let set = tables.labels(field)?;
            let query = Query::new(tables, view)?;
            let select = query.patches(field)?;
            let matching = if view.is_limited() {
                Matching::default().and(Condition::ids(ids(reading, set, select)?))
            } else {
                select.matching
            };
            counts(reading, set, &matching, &Path::of(&["label", "label"]))
        })
    }

    /// How often each value of a field occurs, most frequent first; of lists and `tags`, each of their members.
    ///
    /// # Errors
    /// `InvalidInput` for a field that is not known, or has neither values nor labels.
    pub fn value_counts(&self, field: &str) -> Result<Vec<Count>> {
        self.read(|reading, tables| {
            let path = match field {
                "tags" => Path::of(&["tags"]),
                field => match tables.body.fields.kind(&tables.body.name, field)? {
                    FieldKind::Labels(_) => {
                        let set = tables.labels(field)?;
                        return counts(reading, set, &Matching::default(), &Path::of(&["label", "label"]));
                    }
                    FieldKind::Vector { .. } => {
                        return Err(Error::invalid(format!(
                            "field '{field}' holds vectors, whose values are not counted"
                        )));
                    }
                    FieldKind::Number | FieldKind::String | FieldKind::Bool | FieldKind::List => {
                        stored::value_path(field)
                    }
                },
            };
            counts(reading, &tables.samples, &Matching::default(), &path)
        })
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Reading<'_>, &Tables) -> Result<T>) -> Result<T> {
        self.shared.documents.read(|reading| read(reading, &Tables::load(reading, self.number)?))
    }

    /// Writes, and notes that the dataset changed.
    pub(super) fn write<T>(&self, write: impl FnOnce(&Writing<'_>, &mut Tables) -> Result<T>) -> Result<T> {
        self.shared.documents.write(|writing| {
            let mut tables = Tables::load(writing, self.number)?;
            let answer = write(writing, &mut tables)?;
            tables.touch(writing)?;
            Ok(answer)
        })
    }
}

/// The set of a field's labels, which must be parts of pictures.
fn patches_of<'a>(tables: &'a Tables, field: &str) -> Result<&'a Set> {
    let kind = tables.body.fields.labels(&tables.body.name, field)?;
    if !kind.has_patches() {
        let message =
            format!("the labels of field '{field}' are {}, which have no patches", FieldKind::Labels(kind).name());
        return Err(Error::invalid(message).with_hint("name a field of detections or polylines"));
    }
    tables.labels(field)
}

/// Puts a sample together.
pub(super) fn sample(reading: &Reading<'_>, tables: &Tables, document: &Document) -> Result<Sample> {
    let body: SampleBody = stored::read(&document.id, &document.body)?;
    let mut fields: std::collections::BTreeMap<String, Field> =
        body.values.into_iter().map(|(name, value)| (name, Field::Value(value))).collect();
    for (field, count) in body.labels {
        let set = tables.labels(&field)?;
        let kind = tables.body.fields.labels(&tables.body.name, &field)?;
        let mut labels = Vec::new();
        if count > 0 {
            let read = |document: &Document| stored::read::<LabelBody>(&document.id, &document.body);
            labels = reading.owned(set, &document.id)?.iter().map(read).collect::<Result<Vec<_>>>()?;
            labels.sort_by_key(|label| label.at);
        }
        let labels = labels.into_iter().map(|body| body.label).collect();
        fields.insert(field, Field::Labels(Labels { kind, labels }));
    }
    Ok(Sample {
        id: stored::object_id(&document.id)?,
        filepath: body.filepath,
        tags: body.tags,
        metadata: body.metadata,
        fields,
        vectors: Default::default(),
    })
}

fn patches(reading: &Reading<'_>, tables: &Tables, labels: &[Document]) -> Result<Vec<Patch>> {
    /// What is read of the sample.
    #[derive(Deserialize)]
    struct Picture {
        filepath: String,
    }
    let patch = |document: &Document| {
        let (sample, body) = stored::read_label(document)?;
        let owner = reading.get(&tables.samples, &sample.to_string())?;
        let owner = owner.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, format!("the sample of label '{}' is missing", document.id))
        })?;
        let Picture { filepath } = stored::read(&owner.id, &owner.body)?;
        Ok(Patch { sample, filepath, label: body.label })
    };
    labels.iter().map(patch).collect()
}

pub(super) fn ids(reading: &Reading<'_>, set: &Set, mut select: Select<'_>) -> Result<Vec<ObjectId>> {
    // Sorting twelve bytes each here is quicker than to have the database sort texts.
    let sort_here = select.order == Order::Id && select.skip == 0 && select.take.is_none();
    if sort_here {
        select.order = Order::Any;
    }
    let mut ids = Vec::new();
    reading.ids(set, &select, |id| {
        ids.push(stored::object_id(id)?);
        Ok(())
    })?;
    if sort_here {
        ids.sort_unstable();
    }
    Ok(ids)
}

fn counts(reading: &Reading<'_>, set: &Set, matching: &Matching<'_>, path: &Path) -> Result<Vec<Count>> {
    let groups = reading.groups(set, matching, path)?;
    Ok(groups.into_iter().map(|group| Count { value: group.value, count: group.count }).collect())
}
