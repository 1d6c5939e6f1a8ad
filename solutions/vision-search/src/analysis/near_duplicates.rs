//! Groups of near-duplicates of which every two are alike, not only neighbours in a chain.

use std::collections::HashMap;

use bootcamp_core::Result;

use super::neighbours::Pair;
use super::{Analysis, Vectors};
use crate::sample::ObjectId;

/// Near-duplicates: every two of them meet the threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct DuplicateGroup {
    /// The one to keep: on average, no other is nearer to the rest.
    pub representative: ObjectId,
    /// The others and how far they are from the representative, nearest first.
    pub others: Vec<(ObjectId, f32)>,
    /// The representative's mean distance to the others.
    pub mean_distance: f32,
    /// How far the two are apart that are least alike.
    pub widest: f32,
}

impl DuplicateGroup {
    /// Why the representative is the one to keep.
    pub fn reason(&self) -> String {
        let (mean, widest) = (self.mean_distance, self.widest);
        match self.others.len() {
            1 => format!("of two {widest:.3} apart, the first by id"),
            others => {
                format!(
                    "nearest to the other {others}: {mean:.3} away on average; no two are more than {widest:.3} apart"
                )
            }
        }
    }
}

impl Analysis<'_> {
    /// Groups of vectors that are at most `threshold` apart, every two of them; FiftyOne's default is
    /// [`DEFAULT_THRESHOLD`](super::DEFAULT_THRESHOLD). Largest groups first, then by the representative's id.
    ///
    /// Joining whatever is near some member would chain unlike pictures together (fastdup issue 302). Instead this is
    /// complete-linkage clustering (Sørensen 1948), cut at the threshold: of all pairs of groups, the one is merged whose
    /// farthest members are nearest, until none is left whose members all meet the threshold. A vector is in one group at
    /// most.
    ///
    /// # Errors
    /// `InvalidInput` for a threshold that is no distance, or that more than 20 million pairs meet; those of candidates;
    /// when it was cancelled.
    pub fn near_duplicates(&self, threshold: f32) -> Result<Vec<DuplicateGroup>> {
        let mut pairs = self.pairs(threshold, |_, _| true)?;
        pairs.sort_unstable_by(|x, y| x.distance.total_cmp(&y.distance).then((x.a, x.b).cmp(&(y.a, y.b))));
        let mut clusters = Clusters::new(self.vectors.len());
        pairs.iter().for_each(|pair| clusters.link(pair.a, pair.b));
        pairs.retain(|pair| clusters.root(pair.a) == clusters.root(pair.b));
        Ok(groups(self.vectors, &pairs, &mut clusters))
    }
}

/// Clusters that grow as pairs come in, nearest first. Two clusters are merged when as many pairs between them have
/// come as there are: this is when their farthest members are near enough, so no distance is ever looked up.
struct Clusters {
    /// Another member, up to the cluster's root.
    parents: Vec<u32>,
    /// Of roots: the number of members.
    sizes: Vec<u32>,
    /// Of roots: how many pairs have come between the cluster and others, by their roots.
    links: Vec<HashMap<u32, u64>>,
}

impl Clusters {
    fn new(rows: usize) -> Self {
        Self { parents: (0..rows as u32).collect(), sizes: vec![1; rows], links: vec![HashMap::new(); rows] }
    }

    fn root(&mut self, row: u32) -> u32 {
        let mut row = row as usize;
        while self.parents[row] as usize != row {
            self.parents[row] = self.parents[self.parents[row] as usize];
            row = self.parents[row] as usize;
        }
        row as u32
    }

    /// A pair of two clusters has come.
    fn link(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        *self.links[b as usize].entry(a).or_default() += 1;
        let count = self.links[a as usize].entry(b).or_default();
        *count += 1;
        if *count == u64::from(self.sizes[a as usize]) * u64::from(self.sizes[b as usize]) {
            self.merge(a, b);
        }
    }

    fn merge(&mut self, a: u32, b: u32) {
        let more = self.links[a as usize].len() >= self.links[b as usize].len();
        let (stays, goes) = if more { (a, b) } else { (b, a) };
        for (other, count) in std::mem::take(&mut self.links[goes as usize]) {
            if other == stays {
                self.links[stays as usize].remove(&goes);
                continue;
            }
            *self.links[stays as usize].entry(other).or_default() += count;
            let others = &mut self.links[other as usize];
            others.remove(&goes);
            *others.entry(stays).or_default() += count;
        }
        self.parents[goes as usize] = stays;
        self.sizes[stays as usize] += self.sizes[goes as usize];
    }
}

/// The groups, from all pairs within them.
fn groups(vectors: &Vectors, pairs: &[Pair], clusters: &mut Clusters) -> Vec<DuplicateGroup> {
    // The sum of a row's distances to the rest of its group. Pairs come in the same order every time, and so do sums.
    let mut sums: HashMap<u32, f64> = HashMap::new();
    for pair in pairs {
        for row in [pair.a, pair.b] {
            *sums.entry(row).or_default() += f64::from(pair.distance);
        }
    }
    let mut representatives: HashMap<u32, (f64, u32)> = HashMap::new();
    for (&row, &sum) in &sums {
        let best = representatives.entry(clusters.root(row)).or_insert((sum, row));
        if sum.total_cmp(&best.0).then(row.cmp(&best.1)).is_lt() {
            *best = (sum, row);
        }
    }
    let mut groups: HashMap<u32, DuplicateGroup> = HashMap::new();
    for pair in pairs {
        let Some(&(sum, representative)) = representatives.get(&clusters.root(pair.a)) else { continue };
        let group = groups.entry(representative).or_insert_with(|| DuplicateGroup {
            representative: vectors.ids()[representative as usize],
            others: Vec::new(),
            mean_distance: sum as f32,
            widest: 0.0,
        });
        group.widest = group.widest.max(pair.distance);
        let other = if pair.a == representative { pair.b } else { pair.a };
        if pair.a == representative || pair.b == representative {
            group.others.push((vectors.ids()[other as usize], pair.distance));
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.mean_distance /= group.others.len() as f32;
    }
    groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.others.len()), group.representative));
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::fixtures::{clustered, id, rows};
    use super::*;

    fn groups_of(vectors: &Vectors, metric: Metric, threshold: f32) -> Vec<DuplicateGroup> {
        let watch = Watch::default();
        Analysis::new(vectors, metric, &watch).unwrap().near_duplicates(threshold).unwrap()
    }

    #[test]
    fn chains_are_not_groups() {
        // Each is near the next one only.
        let line = rows(&[[0.0], [0.9], [1.9], [3.0], [9.0]]);
        let groups = groups_of(&line, Metric::L2, 1.1);
        let members = |group: &DuplicateGroup| (group.representative, group.others[0].0, group.others.len());
        assert_eq!(groups.iter().map(members).collect::<Vec<_>>(), [(id(0), id(1), 1), (id(2), id(3), 1)]);
        assert_eq!(groups[0].reason(), "of two 0.900 apart, the first by id");
        assert_eq!(groups_of(&line, Metric::L2, 0.5), []);
    }

    #[test]
    fn the_one_in_the_middle_stands_for_the_others() {
        let groups = groups_of(&rows(&[[0.0], [1.5], [1.0], [1.0], [20.0]]), Metric::L2, 2.0);
        assert_eq!(groups.len(), 1);
        let expected = DuplicateGroup {
            representative: id(2),
            others: vec![(id(3), 0.0), (id(1), 0.5), (id(0), 1.0)],
            mean_distance: 0.5,
            widest: 1.5,
        };
        assert_eq!(groups[0], expected);
        let reason = "nearest to the other 3: 0.500 away on average; no two are more than 1.500 apart";
        assert_eq!(groups[0].reason(), reason);
    }

    /// Sizes of the groups as SciPy 1.17.1 finds them, and the ids of the largest:
    /// `fcluster(linkage(pdist(x, 'cosine'), 'complete'), threshold, 'distance')` of `fixtures::clustered(60, 5, 16)`
    /// (see there), which has no two pairs at the same distance.
    #[test]
    fn groups_are_scipys() {
        for (threshold, sizes, largest) in SCIPY {
            let groups = groups_of(&clustered(60, 5, 16), Metric::Cosine, threshold);
            assert_eq!(groups.iter().map(|group| group.others.len() + 1).collect::<Vec<_>>(), sizes, "{threshold}");
            let mut members: Vec<_> = groups[0].others.iter().map(|other| other.0).collect();
            members.push(groups[0].representative);
            members.sort_unstable();
            assert_eq!(members, largest.iter().copied().map(id).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_index_may_propose_neighbours() {
        let vectors = clustered(60, 5, 16);
        let watch = Watch::default();
        // All others of the same cluster, and ids of which nothing is known.
        let candidates = |of: ObjectId| {
            let row = vectors.index(of).unwrap() as u64;
            Ok((0..80).map(|at| at * 5 + row % 5).map(id).collect())
        };
        let analysis = Analysis::new(&vectors, Metric::Cosine, &watch).unwrap();
        let within: Vec<_> = analysis.near_duplicates(0.05).unwrap();
        assert_eq!(analysis.candidates(&candidates).near_duplicates(0.05).unwrap(), within);
        let none = |_: ObjectId| Ok(vec![]);
        assert_eq!(analysis.candidates(&none).near_duplicates(0.05).unwrap(), []);
    }

    #[test]
    fn thresholds_must_be_distances_and_work_can_be_cancelled() {
        let (vectors, watch) = (clustered(20, 2, 4), Watch::default());
        let analysis = Analysis::new(&vectors, Metric::Cosine, &watch).unwrap();
        for wrong in [f32::NAN, -0.1, f32::INFINITY] {
            assert!(analysis.near_duplicates(wrong).unwrap_err().to_string().contains("expected a distance"));
        }
        analysis.near_duplicates(0.1).unwrap();
        let snapshot = watch.snapshot();
        assert_eq!((snapshot.done, snapshot.total), (20, Some(20)));
        watch.cancel();
        assert!(analysis.near_duplicates(0.1).is_err());
    }

    /// Complete linkage by its definition: merge the two nearest groups by their farthest members, again and again.
    fn by_definition(vectors: &Vectors, threshold: f32) -> BTreeSet<BTreeSet<ObjectId>> {
        let mut distances: BTreeMap<(ObjectId, ObjectId), f32> = BTreeMap::new();
        for (a, id_a) in vectors.ids().iter().enumerate() {
            for (b, id_b) in vectors.ids().iter().enumerate() {
                let distance: f64 =
                    vectors.row(a).iter().zip(vectors.row(b)).map(|(x, y)| f64::from(x - y).powi(2)).sum();
                distances.insert((*id_a, *id_b), distance.sqrt() as f32);
            }
        }
        let mut groups: Vec<BTreeSet<ObjectId>> = vectors.ids().iter().map(|id| [*id].into()).collect();
        loop {
            let width = |a: usize, b: usize| {
                let pairs = groups[a].iter().flat_map(|x| groups[b].iter().map(|y| distances[&(*x, *y)]));
                pairs.fold(0.0_f32, f32::max)
            };
            let pairs = (0..groups.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let best = pairs.min_by(|x, y| width(x.0, x.1).total_cmp(&width(y.0, y.1)));
            let Some((a, b)) = best.filter(|(a, b)| width(*a, *b) <= threshold) else { break };
            let moved = groups.swap_remove(a);
            groups[b].extend(moved);
        }
        groups.into_iter().filter(|group| group.len() > 1).collect()
    }

    #[test]
    fn groups_are_those_of_the_definition() {
        for (count, threshold) in [(30, 0.6), (41, 1.0), (64, 1.6), (64, 9.0)] {
            let vectors = clustered(count, 7, 6);
            let found: BTreeSet<BTreeSet<ObjectId>> = groups_of(&vectors, Metric::L2, threshold)
                .iter()
                .map(|group| group.others.iter().map(|other| other.0).chain([group.representative]).collect())
                .collect();
            assert_eq!(found, by_definition(&vectors, threshold));
        }
    }

    const SCIPY: [(f32, &[usize], &[u64]); 2] = [
        (0.1, &[6, 4, 4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], &[0, 15, 40, 45, 50, 55]),
        (0.2, &[12, 12, 12, 9, 6, 6, 3], &[1, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 56]),
    ];
}
