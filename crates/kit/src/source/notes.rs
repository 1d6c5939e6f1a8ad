//! What a search for sources meets besides sources: files of other kinds, which are counted, and places that could not
//! be looked at, below which nothing may be taken for gone.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::naming::prefixes;
use crate::names::name_hash;

/// How many warnings are kept.
const MAX_WARNINGS: usize = 10_000;
/// How many kinds of files are told apart.
const MAX_KINDS: usize = 50;
/// Letters of an extension; what is longer is part of a name.
const MAX_EXTENSION: usize = 12;

/// Shared by all that look for sources in an import. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    passed_over: BTreeMap<String, u64>,
    warnings: Vec<String>,
    /// Hashes of the names of what could not be looked at as a whole.
    unread: HashSet<u64>,
    /// Hashes of the names of what has nothing in it.
    empty: HashSet<u64>,
}

/// Why it is not known whether an item's source is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// What it lies in could not be looked at as a whole, or it was passed over itself.
    Unread,
    /// What it lies in is there, and empty: as the mount point of a disk that is missing.
    Empty,
}

impl Notes {
    /// Counts a file that is not taken: `.heic`, `hidden`.
    pub fn pass_over(&self, kind: &str) {
        let mut noted = self.lock();
        let is_known = noted.passed_over.len() < MAX_KINDS || noted.passed_over.contains_key(kind);
        *noted.passed_over.entry(if is_known { kind } else { "other" }.to_owned()).or_default() += 1;
    }

    /// Counts a file that is not taken by its extension. It may have been taken when it was named itself, so it is not
    /// gone.
    pub fn pass_over_file(&self, name: &str) {
        self.unread(name);
        let extension = Path::new(name).extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension {
            Some(extension) if extension.chars().count() <= MAX_EXTENSION => self.pass_over(&format!(".{extension}")),
            _ => self.pass_over("no extension"),
        }
    }

    /// Something that people should know of an import that goes on.
    pub fn warn(&self, text: impl Into<String>) {
        let mut noted = self.lock();
        if noted.warnings.len() < MAX_WARNINGS {
            noted.warnings.push(text.into());
        }
    }

    /// A folder, an archive or a file could not be read as a whole: what it lacks is not gone.
    pub fn unread(&self, name: &str) {
        self.lock().unread.insert(name_hash(name));
    }

    /// There is nothing in a folder, an archive or a file of records: as if a disk were missing, or writing it had failed.
    pub fn empty(&self, name: &str) {
        self.lock().empty.insert(name_hash(name));
    }

    /// Files that were passed over, by kind.
    pub(crate) fn passed_over(&self) -> BTreeMap<String, u64> {
        self.lock().passed_over.clone()
    }

    /// Warnings from the n-th on.
    pub(crate) fn warnings_from(&self, n: usize) -> Vec<String> {
        self.lock().warnings.get(n..).unwrap_or_default().to_vec()
    }

    /// Takes over what another process has noted.
    pub(crate) fn follow(&self, passed_over: &BTreeMap<String, u64>, warnings: &[String]) {
        let mut noted = self.lock();
        noted.passed_over.clone_from(passed_over);
        warnings.clone_into(&mut noted.warnings);
    }

    /// Whether a source of this name may still be there, though it was not found.
    pub(crate) fn doubt(&self, name: &str) -> Option<Doubt> {
        let noted = self.lock();
        let mut around = prefixes(name).map(name_hash);
        around.find_map(|hash| {
            let unread = noted.unread.contains(&hash).then_some(Doubt::Unread);
            unread.or_else(|| noted.empty.contains(&hash).then_some(Doubt::Empty))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
