//! How unlike everything else each sample is.

use bootcamp_core::Result;

use super::Analysis;
use crate::sample::ObjectId;

/// How much each of the nearest distances counts.
const WEIGHTS: [f64; 3] = [0.6, 0.3, 0.1];

impl Analysis<'_> {
    /// FiftyOne's uniqueness, in the order of ids: the weighted mean of the distances to the three nearest, divided by the
    /// largest in the set. 1 is the most unique sample, 0 one with three equals. Of at most three samples, all are unique.
    ///
    /// As fiftyone-brain 0.27 computes it, but for sets in which all samples are equal: there it divides by zero, here
    /// none is unique.
    ///
    /// # Errors
    /// Those of candidates, of which there must be three besides each vector; when it was cancelled.
    pub fn uniqueness(&self) -> Result<Vec<(ObjectId, f32)>> {
        let k = WEIGHTS.len();
        if self.vectors.len() <= k {
            return Ok(self.with_ids(vec![1.0; self.vectors.len()]));
        }
        let mean = |nearest: &[f32]| nearest.iter().zip(WEIGHTS).map(|(x, weight)| f64::from(*x) * weight).sum::<f64>();
        let means: Vec<f64> = self
            .nearest(k)?
            .iter()
            .map(|nearest| mean(&nearest.iter().map(|neighbour| neighbour.distance).collect::<Vec<_>>()))
            .collect();
        let largest = means.iter().copied().fold(0.0, f64::max);
        let scaled = |mean: f64| if largest > 0.0 { (mean / largest) as f32 } else { 0.0 };
        Ok(self.with_ids(means.into_iter().map(scaled).collect()))
    }
}

#[cfg(test)]
mod tests {
    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::Vectors;
    use super::super::fixtures::{assert_near, clustered, id, rows};
    use super::*;

    fn uniqueness(vectors: &Vectors, metric: Metric) -> Vec<(ObjectId, f32)> {
        let watch = Watch::default();
        Analysis::new(vectors, metric, &watch).unwrap().uniqueness().unwrap()
    }

    #[test]
    fn scores_are_fiftyones() {
        for (metric, expected) in [(Metric::Cosine, COSINE), (Metric::InnerProduct, COSINE), (Metric::L2, EUCLIDEAN)] {
            assert_near(&uniqueness(&clustered(30, 4, 8), metric), &expected, 2e-5);
        }
    }

    #[test]
    fn small_sets_and_equal_samples() {
        let all = |vectors: &Vectors| uniqueness(vectors, Metric::L2).iter().map(|score| score.1).collect::<Vec<_>>();
        assert_eq!(all(&rows::<1>(&[])), [0.0; 0]);
        assert_eq!(all(&rows(&[[1.0], [1.0], [2.0]])), [1.0; 3]);
        assert_eq!(all(&rows(&[[1.0]; 5])), [0.0; 5]);
        assert_eq!(all(&rows(&[[1.0], [1.0], [1.0], [1.0], [3.0]])), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn too_few_candidates_are_named() {
        let (vectors, watch) = (clustered(8, 2, 4), Watch::default());
        let two = |_: ObjectId| Ok(vec![id(0), id(1), id(2)]);
        let error = Analysis::new(&vectors, Metric::L2, &watch).unwrap().candidates(&two).uniqueness().unwrap_err();
        assert_eq!(error.to_string(), format!("the index proposes 2 neighbours of {}, expected 3 at least", id(0)));
    }

    const COSINE: [f32; 30] = [
        0.176472, 0.378428, 0.328053, 0.520122, 0.199816, 1.0, 0.488692, 0.617817, 0.225627, 0.759268, 0.423855,
        0.393193, 0.257824, 0.504482, 0.371813, 0.500929, 0.226836, 0.564068, 0.308464, 0.678142, 0.231726, 0.445103,
        0.349216, 0.387132, 0.262965, 0.581279, 0.497728, 0.504059, 0.16501, 0.563482,
    ];
    const EUCLIDEAN: [f32; 30] = [
        0.765632, 0.626138, 0.829278, 0.984642, 0.819933, 0.933742, 1.0, 0.956408, 0.807534, 0.861684, 0.925093,
        0.851639, 0.8866, 0.830652, 0.865468, 0.975684, 0.864903, 0.798716, 0.780535, 0.959831, 0.808512, 0.654056,
        0.821, 0.859758, 0.876684, 0.764302, 0.927471, 0.882383, 0.737148, 0.73587,
    ];
}
