//! Samples of one split that are in another, too, in nearly the same form: results on the second are too good then.

use std::collections::{BTreeMap, BTreeSet};

use bootcamp_core::Result;

use super::Analysis;
use crate::sample::ObjectId;

/// Two samples of different splits that are nearly the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Leak {
    /// Of the two, the one whose removal is suggested.
    pub remove: ObjectId,
    pub keep: ObjectId,
    pub distance: f32,
}

/// What leaks between splits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeakySplits {
    /// The nearest first, then by ids.
    pub leaks: Vec<Leak>,
    /// Without these samples, no pair is left that leaks. In order of ids.
    pub remove: Vec<ObjectId>,
    /// Samples that are in several splits themselves.
    pub in_several: Vec<ObjectId>,
    /// Samples without a vector, which were not looked at.
    pub without_vector: Vec<ObjectId>,
    /// Vectors of samples that are in no split, which were not looked at.
    pub without_split: usize,
}

impl Analysis<'_> {
    /// Pairs of samples at most `threshold` apart of which each is in a split where the other is not. FiftyOne's default
    /// is [`DEFAULT_THRESHOLD`](super::DEFAULT_THRESHOLD). `splits` names each sample's splits; a split is any tag.
    ///
    /// Of a pair, the sample of the larger split is to go, usually that for training: it loses least, and numbers on test
    /// data stay comparable with earlier ones. Of equally large splits, the one whose name comes later loses it.
    ///
    /// # Errors
    /// As [`Analysis::near_duplicates`]'s; only pairs that leak count towards the limit.
    pub fn leaky_splits(&self, splits: &BTreeMap<ObjectId, BTreeSet<String>>, threshold: f32) -> Result<LeakySplits> {
        let ranks = ranks(splits);
        let none = BTreeSet::new();
        // Of each row: its splits by rank.
        let of_rows: Vec<BTreeSet<usize>> = self
            .vectors
            .ids()
            .iter()
            .map(|id| {
                splits.get(id).unwrap_or(&none).iter().filter_map(|name| ranks.get(name.as_str()).copied()).collect()
            })
            .collect();
        let leaks_between = |a: usize, b: usize| {
            let (a, b) = (&of_rows[a], &of_rows[b]);
            !a.is_empty() && !b.is_empty() && a != b
        };
        let ids = self.vectors.ids();
        let mut leaks: Vec<Leak> = self
            .pairs(threshold, leaks_between)?
            .into_iter()
            .map(|pair| {
                let (a, b) = (pair.a as usize, pair.b as usize);
                // The smallest split a sample is in is what it is kept for.
                let precious = |row: usize| of_rows[row].first();
                let (remove, keep) = if precious(a) > precious(b) { (a, b) } else { (b, a) };
                Leak { remove: ids[remove], keep: ids[keep], distance: pair.distance }
            })
            .collect();
        leaks.sort_by(|x, y| x.distance.total_cmp(&y.distance).then((x.keep, x.remove).cmp(&(y.keep, y.remove))));
        let remove: BTreeSet<ObjectId> = leaks.iter().map(|leak| leak.remove).collect();
        let several = splits.iter().filter(|(_, names)| names.len() > 1);
        Ok(LeakySplits {
            leaks,
            remove: remove.into_iter().collect(),
            in_several: several.map(|(id, _)| *id).collect(),
            without_vector: splits.keys().filter(|id| self.vectors.index(**id).is_none()).copied().collect(),
            without_split: of_rows.iter().filter(|splits| splits.is_empty()).count(),
        })
    }
}

/// Splits from the smallest to the largest, then by name.
fn ranks(splits: &BTreeMap<ObjectId, BTreeSet<String>>) -> BTreeMap<&str, usize> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    splits.values().flatten().for_each(|name| *sizes.entry(name).or_default() += 1);
    let mut order: Vec<(usize, &str)> = sizes.into_iter().map(|(name, size)| (size, name)).collect();
    order.sort_unstable();
    order.into_iter().enumerate().map(|(rank, (_, name))| (name, rank)).collect()
}

#[cfg(test)]
mod tests {
    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::fixtures::{clustered, id, rows};
    use super::super::{DEFAULT_THRESHOLD, Vectors};
    use super::*;

    fn splits<'a>(of: impl IntoIterator<Item = (u64, &'a [&'a str])>) -> BTreeMap<ObjectId, BTreeSet<String>> {
        of.into_iter().map(|(at, names)| (id(at), names.iter().map(|name| (*name).to_owned()).collect())).collect()
    }

    fn leaky(vectors: &Vectors, splits: &BTreeMap<ObjectId, BTreeSet<String>>, threshold: f32) -> LeakySplits {
        let watch = Watch::default();
        Analysis::new(vectors, Metric::L2, &watch).unwrap().leaky_splits(splits, threshold).unwrap()
    }

    #[test]
    fn the_larger_split_gives_way() {
        let vectors = rows(&[[0.0], [0.125], [0.25], [5.0], [5.0], [9.0], [9.1], [9.2]]);
        let of = splits([
            (0, &["train"][..]),
            (1, &["test"]),
            (2, &["train"]),
            (3, &["train"]),
            (4, &["train", "val"]),
            (5, &["test"]),
            (6, &[]),
            (99, &["train"]),
        ]);
        let found = leaky(&vectors, &of, DEFAULT_THRESHOLD);
        let leak = |remove, keep, distance| Leak { remove: id(remove), keep: id(keep), distance };
        // `val` has one sample, `test` two, `train` five.
        let expected = LeakySplits {
            leaks: vec![leak(3, 4, 0.0), leak(0, 1, 0.125), leak(2, 1, 0.125)],
            remove: vec![id(0), id(2), id(3)],
            in_several: vec![id(4)],
            without_vector: vec![id(99)],
            without_split: 2,
        };
        assert_eq!(found, expected);
        assert_eq!(leaky(&vectors, &BTreeMap::new(), 9.0).without_split, 8);
        assert_eq!(leaky(&vectors, &splits([(0, &["a"][..]), (1, &["b"])]), 0.2).remove, [id(1)]);
    }

    #[test]
    fn leaks_are_those_of_the_definition_and_removing_them_ends_them() {
        let vectors = clustered(80, 12, 6);
        let names = |row: u64| [["train"], ["train"], ["train"], ["test"], ["val"]][row as usize % 5];
        let all: Vec<_> = (0..80).map(|row| (row, names(row))).collect();
        let of = splits(all.iter().map(|(row, names)| (*row, names.as_slice())));
        let found = leaky(&vectors, &of, 0.5);
        let mut expected = BTreeSet::new();
        for a in 0..80 {
            for b in 0..a {
                let squares = vectors.row(a).iter().zip(vectors.row(b)).map(|(x, y)| f64::from(x - y).powi(2));
                if squares.sum::<f64>().sqrt() <= 0.5 && names(a as u64) != names(b as u64) {
                    expected.insert((id(b as u64), id(a as u64)));
                }
            }
        }
        let ends = |leak: &Leak| (leak.remove.min(leak.keep), leak.remove.max(leak.keep));
        assert_eq!(found.leaks.iter().map(ends).collect::<BTreeSet<_>>(), expected);
        assert!(expected.len() > 20, "{}", expected.len());
        assert!(found.leaks.is_sorted_by(|a, b| a.distance <= b.distance));
        let mut cleaned = of.clone();
        cleaned.retain(|id, _| !found.remove.contains(id));
        assert_eq!(leaky(&vectors, &cleaned, 0.5).leaks, []);
    }
}
