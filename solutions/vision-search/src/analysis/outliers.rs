//! Samples that lie far from all others.

use bootcamp_core::{Error, Result};

use super::Analysis;
use crate::sample::ObjectId;

impl Analysis<'_> {
    /// All samples with their mean distance to the `k` nearest, the most outlying first, then by id; 10 is a good `k`. In
    /// sets of no more than `k`, to all others.
    ///
    /// The mean distance to neighbours (Angiulli & Pizzuti 2002) and not the local outlier factor: over many datasets
    /// neighbours' distances are as good or better, vary less with `k`, and do not take the borders of dense clusters for
    /// outliers (Campos et al., DMKD 30, 2016; Goldstein & Uchida, PLoS ONE 11, 2016); and a distance can be explained.
    ///
    /// # Errors
    /// `InvalidInput` if `k` is 0, or there are fewer candidates; those of candidates; when it was cancelled.
    pub fn outliers(&self, k: usize) -> Result<Vec<(ObjectId, f32)>> {
        if k == 0 {
            return Err(Error::invalid("outliers have no neighbours with k = 0").with_hint("choose a k such as 10"));
        }
        let k = k.min(self.vectors.len().saturating_sub(1));
        let mean = |sum: f64| if k > 0 { (sum / k as f64) as f32 } else { 0.0 };
        let nearest = self.nearest(k)?;
        let sums = nearest.iter().map(|near| near.iter().map(|neighbour| f64::from(neighbour.distance)).sum());
        let mut outliers = self.with_ids(sums.map(mean).collect());
        // They are in the order of ids, which a stable sort keeps among equals.
        outliers.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(outliers)
    }
}

#[cfg(test)]
mod tests {
    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::fixtures::{clustered, id, rows};
    use super::*;

    #[test]
    fn scores_are_mean_distances() {
        let (vectors, watch) = (clustered(50, 4, 12), Watch::default());
        let found = Analysis::new(&vectors, Metric::L2, &watch).unwrap().outliers(6).unwrap();
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
        for (id, score) in found {
            let row = vectors.index(id).unwrap();
            let distance = |other: usize| {
                let squares = vectors.row(row).iter().zip(vectors.row(other)).map(|(a, b)| f64::from(a - b).powi(2));
                squares.sum::<f64>().sqrt()
            };
            let mut distances: Vec<f64> = (0..50).filter(|other| *other != row).map(distance).collect();
            distances.sort_by(f64::total_cmp);
            assert!((distances[..6].iter().sum::<f64>() / 6.0 - f64::from(score)).abs() < 1e-5);
        }
    }

    #[test]
    fn what_lies_apart_comes_first() {
        let watch = Watch::default();
        let line = rows(&[[1.0], [2.0], [9.0], [1.5], [2.5]]);
        let outliers = |k| Analysis::new(&line, Metric::L2, &watch).unwrap().outliers(k);
        assert_eq!(outliers(2).unwrap()[0], (id(2), 6.75));
        assert_eq!(outliers(99).unwrap(), outliers(4).unwrap());
        assert!(outliers(0).is_err());
        let alone = rows(&[[1.0]]);
        assert_eq!(Analysis::new(&alone, Metric::L2, &watch).unwrap().outliers(3).unwrap(), [(id(0), 0.0)]);
    }
}
