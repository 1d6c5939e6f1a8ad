//! What a reader or a writer met that is worth saying, counted: a dataset of a million samples says it once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// How many remarks are told apart. What a file says can be part of a remark, as the name of a field.
const MAX_KINDS: usize = 1_000;
/// Characters of a name out of a file that are shown.
const MAX_NAME: usize = 64;

/// How often each thing was met, in words: `label tags`, `boxes without a size`. Cheap to clone: clones share the counts.
#[derive(Clone, Default)]
pub struct Remarks(Arc<Mutex<BTreeMap<String, u64>>>);

impl Remarks {
    /// All counts by what was counted.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How often this was met.
    pub fn count(&self, what: &str) -> u64 {
        self.lock().get(what).copied().unwrap_or_default()
    }

    pub(super) fn add(&self, what: &str) {
        self.add_n(what, 1);
    }

    pub(super) fn add_n(&self, what: &str, n: u64) {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(what) {
            *count += n;
        } else if n > 0 {
            let is_one_more = counts.len() < MAX_KINDS;
            *counts.entry(if is_one_more { what } else { "other things" }.to_owned()).or_default() += n;
        }
    }

    /// Counts something that has a name: `field 'weather'`.
    pub(super) fn named(&self, what: &str, name: &str) {
        self.add(&format!("{what} '{}'", shortened(name)));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a name out of a file.
pub(super) fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl fmt::Debug for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}

impl PartialEq for Remarks {
    fn eq(&self, other: &Self) -> bool {
        self.counts() == other.counts()
    }
}

impl Eq for Remarks {}

impl Serialize for Remarks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.counts().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_to_kinds() {
        let remarks = Remarks::default();
        for n in 0..MAX_KINDS + 7 {
            remarks.named("field", &n.to_string());
        }
        remarks.named("field", "0");
        remarks.named("field", &"x".repeat(100));
        assert_eq!((remarks.count("field '0'"), remarks.count("other things")), (2, 8));
        assert_eq!(remarks.counts().len(), MAX_KINDS + 1);
    }
}
