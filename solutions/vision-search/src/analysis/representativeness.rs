//! How well each sample stands for others.

use bootcamp_core::Result;

use super::Analysis;
use crate::sample::ObjectId;

/// As in fiftyone-brain.
const CLUSTERS: usize = 20;
const SEED: u64 = 1234;

impl Analysis<'_> {
    /// How near each sample is to the centre of its cluster, of at most 20 by k-means, in the order of ids: 1 at the
    /// centre, 0 for the cluster's farthest sample. All are 1 in a cluster of equal samples.
    ///
    /// The method `cluster-center` of fiftyone-brain the right way round: there the value is the distance itself, so that
    /// outliers count as representative (fiftyone issue 8351), and clusters of one sample have none.
    ///
    /// # Errors
    /// When it was cancelled.
    pub fn representativeness(&self) -> Result<Vec<(ObjectId, f32)>> {
        let rows = self.vectors.len();
        self.watch.set_total(rows as u64);
        let clusters = self.clusters(CLUSTERS.min(rows), SEED)?;
        let mut radii = vec![0.0_f32; clusters.centres.len()];
        let each = || clusters.labels.iter().map(|label| *label as usize).zip(&clusters.distances);
        each().for_each(|(label, distance)| radii[label] = radii[label].max(*distance));
        let nearness = |(label, distance): (usize, &f32)| {
            if radii[label] > 0.0 { 1.0 - distance / radii[label] } else { 1.0 }
        };
        let values = each().map(nearness).collect();
        self.watch.advance(rows as u64);
        Ok(self.with_ids(values))
    }
}

#[cfg(test)]
mod tests {
    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::Vectors;
    use super::super::fixtures::{assert_near, clustered, rows};
    use super::*;

    fn representativeness(vectors: &Vectors, metric: Metric) -> Vec<(ObjectId, f32)> {
        let watch = Watch::default();
        Analysis::new(vectors, metric, &watch).unwrap().representativeness().unwrap()
    }

    /// 1 − what fiftyone-brain's `_cluster_ranker` gives (with scikit-learn 1.9's KMeans), of clusters that lie so far
    /// apart that both find the same.
    #[test]
    fn scores_are_fiftyones_turned_round() {
        let vectors = clustered(100, 20, 32);
        assert_near(&representativeness(&vectors, Metric::L2)[..40], &EUCLIDEAN, 1e-5);
        assert_near(&representativeness(&vectors, Metric::Cosine)[..40], &COSINE, 1e-5);
    }

    #[test]
    fn small_sets_and_equal_samples() {
        let all =
            |vectors: &Vectors| representativeness(vectors, Metric::L2).iter().map(|score| score.1).collect::<Vec<_>>();
        assert_eq!(all(&rows::<1>(&[])), [0.0; 0]);
        assert_eq!(all(&rows(&[[1.0], [7.0]])), [1.0; 2]);
        assert_eq!(all(&rows(&[[1.0]; 30])), [1.0; 30]);
    }

    const EUCLIDEAN: [f32; 40] = [
        0.13917, 0.110959, 0.0842752, 0.128379, 0.165306, 0.0, 0.219578, 0.195575, 0.0, 0.169139, 0.0979131, 0.0671591,
        0.0535389, 0.10708, 0.120828, 0.118669, 0.147295, 0.202669, 0.0, 0.0, 0.0, 0.26107, 0.0032129, 0.0, 0.0,
        0.120075, 0.0804991, 0.166588, 0.18131, 0.187321, 0.0, 0.208485, 0.0, 0.0, 0.0, 0.0, 0.0, 0.037963, 0.175645,
        0.0453131,
    ];
    const COSINE: [f32; 40] = [
        0.198001, 0.0989461, 0.166436, 0.15885, 0.117035, 0.0, 0.177503, 0.212085, 0.0, 0.172408, 0.118733, 0.0716921,
        0.0457952, 0.10538, 0.118185, 0.138818, 0.21698, 0.209687, 0.00240617, 0.0, 0.0, 0.275523, 0.0039335,
        0.0143345, 0.00883591, 0.113599, 0.0269377, 0.191642, 0.186703, 0.211316, 0.0, 0.195183, 0.0, 0.00212989,
        0.00552853, 0.0, 0.0, 0.158114, 0.109247, 0.0427992,
    ];
}
