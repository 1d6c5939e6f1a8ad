//! Which names an import meets, and how often. A name that comes up several times (places that overlap, a table that
//! lists a file twice) is imported once, as it was met last: the same outcome at every import, whatever threads do.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use crate::names::{hex, name_hash};
use crate::source::{Content, Origin, Source};

/// The names of an import. Eight bytes and a bit each.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Hashes of the names that the first look has found, in order.
    counted: Vec<u64>,
    /// Whether the import has met them.
    met: Vec<bool>,
    /// Names that the first look has found more than once.
    repeated: HashMap<u64, Repeated>,
    /// Names that were not there at the first look.
    late: HashSet<u64>,
    /// Bytes of the contents that wait in memory.
    held: usize,
}

#[derive(Debug)]
struct Repeated {
    /// How often the name is still to come.
    left: u64,
    /// Where it was met last, and in which version.
    before: Option<(Origin, u64)>,
    /// What was met last, in case that none of the others can be read.
    held: Option<Source>,
}

/// Bytes of contents that may wait in memory.
const MAX_HELD: usize = 64 << 20;

/// What to do with a source.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is imported.
    Take,
    /// It is imported in place of an earlier one, met there; they may have been the same.
    Instead { of: Origin, is_same: bool },
    /// One of the same name follows.
    Wait,
    /// Its name was met more often than was counted: files have changed since.
    TooMany,
}

impl Names {
    /// Counts names, or what stands in for sources that cannot be read.
    pub(super) fn count(names: impl Iterator<Item = String>) -> Self {
        let mut counted: Vec<u64> = names.map(|name| name_hash(&name)).collect();
        counted.sort_unstable();
        let repeated = counted.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
        let repeated =
            repeated.map(|same| (same[0], Repeated { left: same.len() as u64, before: None, held: None })).collect();
        counted.dedup();
        Self { met: vec![false; counted.len()], counted, repeated, late: HashSet::new(), held: 0 }
    }

    /// How many different names were counted.
    pub(super) fn len(&self) -> usize {
        self.counted.len()
    }

    /// Meets a name that stands for something that cannot be read. Where it was the last of its name, the one before it
    /// is imported.
    pub(super) fn meet_skipped(&mut self, name: &str) -> Option<Source> {
        let hash = name_hash(name);
        self.see(hash);
        let repeated = self.repeated.get_mut(&hash)?;
        repeated.left = repeated.left.saturating_sub(1);
        if repeated.left > 0 {
            return None;
        }
        let before = repeated.held.take();
        self.held -= before.as_ref().map_or(0, size);
        before
    }

    /// Meets a source.
    pub(super) fn meet(&mut self, source: &Source) -> Turn {
        let hash = name_hash(&source.name);
        let is_first = self.see(hash);
        let Some(repeated) = self.repeated.get_mut(&hash) else {
            return if is_first { Turn::Take } else { Turn::TooMany };
        };
        let version = name_hash(&version(source));
        let before = repeated.before.replace((source.origin.clone(), version));
        self.held -= repeated.held.take().as_ref().map_or(0, size);
        match repeated.left {
            0 => return Turn::TooMany,
            1 => {}
            _ => {
                repeated.left -= 1;
                if self.held + size(source) <= MAX_HELD {
                    self.held += size(source);
                    repeated.held = Some(source.clone());
                }
                return Turn::Wait;
            }
        }
        repeated.left = 0;
        match before {
            Some((of, before)) => Turn::Instead { of, is_same: before == version },
            None => Turn::Take,
        }
    }

    /// Whether a name was met.
    pub(super) fn has(&self, name: &str) -> bool {
        let hash = name_hash(name);
        match self.counted.binary_search(&hash) {
            Ok(at) => self.met[at],
            Err(_) => self.late.contains(&hash),
        }
    }

    /// Where names were met that should have come once more, and did not.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Origin> {
        let waiting = self.repeated.values().filter(|repeated| repeated.left > 0);
        waiting.filter_map(|repeated| repeated.before.as_ref().map(|(origin, _)| origin))
    }

    /// Whether it is the first time.
    fn see(&mut self, hash: u64) -> bool {
        match self.counted.binary_search(&hash) {
            Ok(at) => !std::mem::replace(&mut self.met[at], true),
            Err(_) => self.late.insert(hash),
        }
    }
}

/// Bytes of a source's content in memory.
pub(super) fn size(source: &Source) -> usize {
    if let Content::Bytes(bytes) = &source.content { bytes.len() } else { 0 }
}

/// A source's version as items keep it. What is known of a source (a label, a caption, the table that lists it) is part
/// of it.
pub(super) fn version(source: &Source) -> String {
    let known = json!([source.fields, source.origin.table()]);
    hex(format!("{}\0{known}", source.version).as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, line: u64, version: &str) -> Source {
        let origin = Origin { place: "/t.csv".into(), line: Some(line) };
        Source { origin, ..Source::new(name, Content::Bytes([].into()), version) }
    }

    #[test]
    fn the_last_of_a_name_is_taken() {
        let mut names = Names::count(["a", "b", "a", "a", "c"].map(str::to_owned).into_iter());
        assert_eq!(names.len(), 3);
        assert_eq!(names.meet(&source("a", 1, "x")), Turn::Wait);
        assert_eq!(names.meet(&source("b", 2, "x")), Turn::Take);
        assert_eq!(names.meet(&source("b", 3, "x")), Turn::TooMany);
        assert_eq!(names.meet(&source("a", 4, "y")), Turn::Wait);
        assert_eq!(names.missing().count(), 1);
        let of = source("a", 4, "").origin;
        assert_eq!(names.meet(&source("a", 5, "y")), Turn::Instead { of, is_same: true });
        assert_eq!(names.meet(&source("a", 6, "y")), Turn::TooMany);
        assert_eq!(names.meet(&source("late", 7, "x")), Turn::Take);
        let mut cut = Names::count(["a", "a"].map(str::to_owned).into_iter());
        assert_eq!(cut.meet(&source("a", 1, "x")), Turn::Wait);
        let before = cut.meet_skipped("a").map(|source| source.origin.line);
        assert_eq!(before, Some(Some(1)), "the last that can be read");
        assert!(names.has("a") && names.has("late") && !names.has("c") && !names.has("d"));
        assert_eq!(names.missing().count(), 0);
    }
}
