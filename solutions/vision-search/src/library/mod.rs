//! Where datasets live: samples, labels, vectors and the records of runs, in one file that any number of processes read and
//! write.
//!
//! ```
//! use serde_json::json;
//! use vision_search::library::{Library, Start, View};
//! use vision_search::sample::{Field, Label, LabelKind, Labels, Sample};
//! # let home = tempfile::tempdir().unwrap();
//! let library = Library::open(home.path());
//! let dataset = library.create("birds")?;
//! let mut sample = Sample::new("/pictures/swan.jpg");
//! let label = Label::detection(Label::id_at(sample.id, "objects", 0), "swan", [0.1, 0.2, 0.5, 0.5]);
//! sample.fields.insert("objects".to_owned(), Field::Labels(Labels { kind: LabelKind::Detections, labels: vec![label] }));
//! sample.fields.insert("weather".to_owned(), Field::Value(json!("sunny")));
//! dataset.add(vec![sample])?;
//!
//! let view = View::new().filter("weather == 'sunny'").labels("objects", "label == 'swan' and area > 0.2");
//! assert_eq!(dataset.count(&view)?, 1);
//! let patches = dataset.patches(&view, "objects", Start::At(0), 10)?;
//! assert_eq!(patches[0].filepath, "/pictures/swan.jpg");
//! # Ok::<(), bootcamp_core::Error>(())
//! ```
//!
//! A dataset is a set of documents for its samples, one for the labels of each field (a label is a document of its own,
//! which belongs to its sample), and two for its runs, finished and pending. Vectors are blobs of samples and labels.
//!
//! The modules, from below: [`field`] the kinds of fields, [`stored`] the documents, [`tables`] a dataset's sets,
//! [`view`](View) and [`query`] what is asked for, [`dataset`], [`add`], [`edit`], [`runs`] and [`info`] what can be done.

mod add;
mod dataset;
mod edit;
mod field;
mod info;
mod query;
mod runs;
mod stored;
mod tables;
#[cfg(test)]
mod tests;
mod view;

use std::path::Path;
use std::sync::Arc;

use bootcamp_core::documents::{Documents, Reading};
use bootcamp_core::{Error, ErrorKind, Result, nearest_name};

use info::Counted;
use tables::{DATASETS, DatasetBody, Tables, runs_name};

pub use add::Added;
pub use dataset::{Count, Dataset, Patch};
pub use edit::{Changed, Relocated};
pub use field::FieldKind;
pub use info::{DatasetInfo, FieldInfo};
pub use query::Start;
pub use runs::Run;
pub use view::{LabelsLike, Sort, View};

/// The longest name of a dataset, in characters.
const MAX_NAME: usize = 200;

/// All datasets of a user: a cheap handle.
#[derive(Clone, Debug)]
pub struct Library {
    shared: Arc<Shared>,
}

/// What the handles of a library and of its datasets share.
#[derive(Debug)]
struct Shared {
    documents: Documents,
    counted: Counted,
}

impl Library {
    /// The library in a folder. Reading makes nothing there; the first write makes the folder and its file.
    pub fn open(home: &Path) -> Self {
        let documents = Documents::at(home.join("datasets.sqlite3"));
        Self { shared: Arc::new(Shared { documents, counted: Counted::default() }) }
    }

    /// All datasets, in the order of names. What has changed is counted again: a second for a million samples.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn datasets(&self) -> Result<Vec<DatasetInfo>> {
        self.read(|reading| {
            let info = |(number, _)| self.shared.counted.info(reading, &Tables::load(reading, number)?);
            list(reading)?.into_iter().map(info).collect()
        })
        .map(Option::unwrap_or_default)
    }

    /// The names of all datasets, in their order.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = self.read(|reading| Ok(list(reading)?.into_iter().map(|(_, body)| body.name).collect()));
        names.map(Option::unwrap_or_default)
    }

    /// Makes an empty dataset. Its name has 1 to 200 characters, of which none is a slash or a control character.
    ///
    /// # Errors
    /// `AlreadyExists`, and `InvalidInput` for an impossible name.
    pub fn create(&self, name: &str) -> Result<Dataset> {
        check_name(name)?;
        let number = self.shared.documents.write(|writing| {
            check_free(writing, name)?;
            Ok(Tables::create(writing, name)?.number)
        })?;
        Ok(self.dataset(number))
    }

    /// The dataset of this name.
    ///
    /// # Errors
    /// `NotFound`, with the nearest name or all names as the hint.
    pub fn get(&self, name: &str) -> Result<Dataset> {
        match self.read(|reading| number_of(reading, name))? {
            Some(number) => Ok(self.dataset(number)),
            None => Err(unknown(name, &[])),
        }
    }

    /// Gives a dataset another name. Its handles stay with it.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, and `InvalidInput` for an impossible name.
    pub fn rename(&self, name: &str, new: &str) -> Result<()> {
        check_name(new)?;
        self.get(name)?.write(|writing, tables| {
            if new != tables.body.name {
                check_free(writing, new)?;
            }
            new.clone_into(&mut tables.body.name);
            Ok(())
        })
    }

    /// Copies a dataset with its samples, labels and vectors. Its runs are not copied, because two datasets would then share
    /// what they computed, and one could remove it under the other: they are returned.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists`, and `InvalidInput` for an impossible name.
    pub fn clone_as(&self, name: &str, new: &str) -> Result<(Dataset, Vec<Run>)> {
        check_name(new)?;
        let Dataset { number, .. } = self.get(name)?;
        let (number, runs) = self.shared.documents.write(|writing| {
            check_free(writing, new)?;
            let copy = Tables::load(writing, number)?.copy(writing, new)?;
            Ok((copy.number, runs::list(writing, &writing.set(&runs_name(number))?)?))
        })?;
        Ok((self.dataset(number), runs))
    }

    /// Deletes a dataset with all that the library has of it, and returns its runs: what they computed stays where it is.
    /// The pictures are not touched.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&self, name: &str) -> Result<Vec<Run>> {
        let Dataset { number, .. } = self.get(name)?;
        let runs = self.shared.documents.write(|writing| {
            let tables = Tables::load(writing, number)?;
            let runs = runs::list(writing, &writing.set(&runs_name(number))?)?;
            tables.drop_all(writing)?;
            Ok(runs)
        })?;
        self.shared.counted.forget(number);
        Ok(runs)
    }

    fn dataset(&self, number: u64) -> Dataset {
        Dataset { shared: Arc::clone(&self.shared), number }
    }

    /// `None` where nothing was ever written.
    fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T>) -> Result<Option<T>> {
        if !self.shared.documents.exists()? {
            return Ok(None);
        }
        self.shared.documents.read(read).map(Some)
    }
}

/// All datasets with their numbers, in the order of names.
fn list(reading: &Reading<'_>) -> Result<Vec<(u64, DatasetBody)>> {
    let Some(set) = reading.find_set(DATASETS)? else { return Ok(Vec::new()) };
    let mut datasets = Vec::new();
    reading.visit(&set, &Default::default(), |id, body| {
        let number = id.parse().map_err(|_| stored::damaged(id))?;
        datasets.push((number, stored::read::<DatasetBody>(id, body)?));
        Ok(())
    })?;
    datasets.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    Ok(datasets)
}

fn number_of(reading: &Reading<'_>, name: &str) -> Result<u64> {
    let datasets = list(reading)?;
    let found = datasets.iter().find(|(_, body)| body.name == name).map(|(number, _)| *number);
    found.ok_or_else(|| {
        let names: Vec<_> = datasets.iter().map(|(_, body)| body.name.as_str()).collect();
        unknown(name, &names)
    })
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let shown: String = name.chars().take(64).collect();
    let hint = match nearest_name(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None if known.is_empty() => "there are no datasets yet".to_owned(),
        None => format!("there are {}", known.join(", ")),
    };
    Error::new(ErrorKind::NotFound, format!("there is no dataset '{shown}'")).with_hint(hint)
}

fn check_free(reading: &Reading<'_>, name: &str) -> Result<()> {
    if list(reading)?.iter().any(|(_, body)| body.name == name) {
        return Err(Error::new(ErrorKind::AlreadyExists, format!("there is already a dataset '{name}'"))
            .with_hint("choose another name, or delete that dataset first"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if (1..=MAX_NAME).contains(&length) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    Err(Error::invalid(format!("'{shown}' is not a possible name of a dataset"))
        .with_hint(format!("a name has 1 to {MAX_NAME} characters, without slashes and control characters")))
}
