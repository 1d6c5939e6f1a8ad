//! What was computed on a dataset and can be loaded again by its key: similarity indexes, visualizations, and others.

use bootcamp_core::documents::{Document, Reading, Set};
use bootcamp_core::{Error, ErrorKind, Result, nearest_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dataset::Dataset;
use super::stored;
use super::tables::{pending_name, runs_name};

/// The longest key.
const MAX_KEY: usize = 200;

/// The record of something computed. Secrets do not belong into it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// A letter or underscore, then letters, digits and underscores.
    pub key: String,
    /// `similarity`, `visualization`, `uniqueness`, …
    pub kind: String,
    /// What computed it, or where it is: `milvus`, `local`, `pca`, …
    pub method: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    pub config: Value,
}

impl Dataset {
    /// Keeps a run: a new one, or in the place of the one with its key. What was pending under the key no longer is.
    ///
    /// # Errors
    /// `InvalidInput` for an impossible key.
    pub fn put_run(&self, run: &Run) -> Result<()> {
        check_key(&run.key)?;
        self.write(|writing, tables| {
            writing.put(&writing.set(&runs_name(tables.number))?, &document(run)?)?;
            writing.delete(&writing.set(&pending_name(tables.number))?, &run.key).map(drop)
        })
    }

    /// The run of this key.
    ///
    /// # Errors
    /// `NotFound`, with the nearest key or all keys as the hint.
    pub fn run(&self, key: &str) -> Result<Run> {
        self.read(|reading, tables| {
            let set = reading.set(&runs_name(tables.number))?;
            match reading.get(&set, key)? {
                Some(found) => stored::read(key, &found.body),
                None => Err(unknown(key, &tables.body.name, &list(reading, &set)?)),
            }
        })
    }

    /// All runs, in the order of keys. Pending ones are none.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn runs(&self) -> Result<Vec<Run>> {
        self.read(|reading, tables| list(reading, &reading.set(&runs_name(tables.number))?))
    }

    /// Gives a run another key.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` when another run or a pending one has the new key, and `InvalidInput` for an impossible
    /// one.
    pub fn rename_run(&self, key: &str, new: &str) -> Result<()> {
        check_key(new)?;
        self.write(|writing, tables| {
            let set = writing.set(&runs_name(tables.number))?;
            let found = writing.get(&set, key)?;
            let Some(found) = found else { return Err(unknown(key, &tables.body.name, &list(writing, &set)?)) };
            let is_pending = writing.contains(&writing.set(&pending_name(tables.number))?, new)?;
            if key != new && (is_pending || writing.contains(&set, new)?) {
                return Err(taken(new));
            }
            let run = Run { key: new.to_owned(), ..stored::read(key, &found.body)? };
            writing.delete(&set, key)?;
            writing.put(&set, &document(&run)?)
        })
    }

    /// Forgets a run, finished or pending; returns what was kept of it. What it computed stays where it is.
    ///
    /// # Errors
    /// `NotFound`, with the nearest key or all keys as the hint.
    pub fn delete_run(&self, key: &str) -> Result<Run> {
        self.write(|writing, tables| {
            let runs = writing.set(&runs_name(tables.number))?;
            for set in [&runs, &writing.set(&pending_name(tables.number))?] {
                if let Some(found) = writing.get(set, key)? {
                    writing.delete(set, key)?;
                    return stored::read(key, &found.body);
                }
            }
            Err(unknown(key, &tables.body.name, &list(writing, &runs)?))
        })
    }

    /// Notes a run that is being computed, apart from those that are finished. Another process, or a later one, finds it
    /// by its key and can go on; [`Dataset::put_run`] makes it a run.
    ///
    /// # Errors
    /// `AlreadyExists` when a finished run has the key; `InvalidInput` for an impossible one.
    pub fn put_pending(&self, run: &Run) -> Result<()> {
        check_key(&run.key)?;
        self.write(|writing, tables| {
            if writing.contains(&writing.set(&runs_name(tables.number))?, &run.key)? {
                return Err(taken(&run.key));
            }
            writing.put(&writing.set(&pending_name(tables.number))?, &document(run)?)
        })
    }

    /// What was begun under this key and is not finished.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn pending(&self, key: &str) -> Result<Option<Run>> {
        self.read(|reading, tables| {
            let found = reading.get(&reading.set(&pending_name(tables.number))?, key)?;
            found.map(|found| stored::read(key, &found.body)).transpose()
        })
    }

    /// All that was begun and is not finished, in the order of keys.
    ///
    /// # Errors
    /// Those of the library's file.
    pub fn all_pending(&self) -> Result<Vec<Run>> {
        self.read(|reading, tables| list(reading, &reading.set(&pending_name(tables.number))?))
    }
}

/// The runs of a set, in the order of keys.
pub(super) fn list(reading: &Reading<'_>, set: &Set) -> Result<Vec<Run>> {
    let found = reading.select(set, &Default::default())?;
    found.iter().map(|document| stored::read(&document.id, &document.body)).collect()
}

fn document(run: &Run) -> Result<Document> {
    Ok(Document::new(&run.key, stored::write(run)?))
}

fn check_key(key: &str) -> Result<()> {
    let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && key.len() <= MAX_KEY && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    let shown: String = key.chars().take(64).collect();
    Err(Error::invalid(format!("'{shown}' is not a possible key of a run")).with_hint(
        "a key starts with a letter or underscore and continues with letters, digits and underscores, at most 200 in all",
    ))
}

fn taken(key: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("there is already a run '{key}'"))
        .with_hint("choose another key, or delete that run first")
}

fn unknown(key: &str, dataset: &str, runs: &[Run]) -> Error {
    let keys: Vec<_> = runs.iter().map(|run| run.key.as_str()).collect();
    let hint = match nearest_name(key, keys.iter().copied()) {
        Some(nearest) => format!("did you mean '{nearest}'?"),
        None if keys.is_empty() => "it has no runs yet".to_owned(),
        None => format!("its runs are {}", keys.join(", ")),
    };
    let shown: String = key.chars().take(64).collect();
    Error::new(ErrorKind::NotFound, format!("dataset '{dataset}' has no run '{shown}'")).with_hint(hint)
}
