//! A picture of the embeddings: where each lies on a plane.

use bhtsne::{Neighbor, tSNE};
use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::map::principal_plane;

use super::Analysis;
use super::parallel::check;
use crate::sample::ObjectId;

/// Neighbours that t-SNE tries to keep near, about: scikit-learn's default.
const PERPLEXITY: usize = 30;
/// Below this many vectors, there are too few neighbours to keep; van der Maaten's advice is a perplexity of 5 at least.
const MIN_TSNE: usize = 3 * 5 + 1;
/// How roughly Barnes-Hut sums up what is far away; the paper's choice.
const THETA: f32 = 0.5;
/// T-SNE's 1,000 epochs, the first 250 with exaggerated attraction, in stages: between them, progress is told and
/// cancelling is seen.
const EPOCHS_A_STAGE: usize = 50;
const STAGES: usize = 20;
const EXAGGERATED: usize = 5;
const EARLY_MOMENTUM: f32 = 0.5;
const MOMENTUM: f32 = 0.8;
/// The spread of the places to begin with, as in scikit-learn.
const SPREAD: f32 = 1e-4;

/// How vectors become places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Projection {
    /// Along the two directions of largest variance: quick, and distances on the plane mean something.
    Pca,
    /// T-SNE keeps neighbours together: groups are seen that PCA lays over each other, but distances between groups, and
    /// their sizes, mean nothing.
    Tsne,
}

/// Vectors on a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Map2d {
    /// The one that was used: PCA for fewer than 16 vectors, or only equal ones, whatever was asked for.
    pub projection: Projection,
    /// In the order of ids; coordinates are −1 to 1, with the farthest at ±1.
    pub points: Vec<(ObjectId, [f32; 2])>,
    /// The shares of the variance along the two axes, for PCA.
    pub explained: Option<[f32; 2]>,
    /// How many vectors there are; those that are not among the points were left out evenly.
    pub total: usize,
}

impl Analysis<'_> {
    /// The places of at most `limit` vectors, the same ones every time. For the cosine, vectors are taken at length one.
    /// On one core, t-SNE (Barnes-Hut; van der Maaten, JMLR 15, 2014) takes 1 s for 800 vectors of 1280 components; PCA
    /// 0.2 s.
    ///
    /// # Errors
    /// Those of candidates; when it was cancelled.
    pub fn map_2d(&self, projection: Projection, limit: usize) -> Result<Map2d> {
        let total = self.vectors.len();
        if total > limit {
            let sample = self.vectors.sample(limit);
            // Few of an index's proposals would be in the sample, which is small enough to compare all.
            let sampled = Analysis { vectors: &sample, candidates: None, ..*self };
            return Ok(Map2d { total, ..sampled.map_2d(projection, limit)? });
        }
        let points: Vec<Vec<f32>> = (0..total).map(|row| self.point(row)).collect();
        let (plane, explained) = principal_plane(&points);
        drop(points);
        check(self.watch)?;
        // Where all are equal, there is nothing to move apart.
        let flat = total < MIN_TSNE || explained == [0.0; 2];
        let projection = if flat { Projection::Pca } else { projection };
        let (places, explained) = match projection {
            Projection::Pca => (plane, Some(explained)),
            Projection::Tsne => (self.tsne(&plane)?, None),
        };
        Ok(Map2d { projection, points: self.vectors.ids().iter().copied().zip(places).collect(), explained, total })
    }

    /// T-SNE from where PCA puts things: it keeps more of the whole's shape than a random start (Kobak & Berens, Nature
    /// Communications 10, 2019), and is the same every time.
    fn tsne(&self, plane: &[[f32; 2]]) -> Result<Vec<[f32; 2]>> {
        let perplexity = PERPLEXITY.min((self.vectors.len() - 1) / 3);
        let neighbours: Vec<Vec<Neighbor<f32>>> = self
            .nearest(3 * perplexity)?
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|one| Neighbor { index: one.row as usize, distance: self.straight(one.distance) })
                    .collect()
            })
            .collect();
        self.watch.set_total((self.vectors.len() + STAGES * EPOCHS_A_STAGE) as u64);
        // The sums of several threads depend on who was first, and t-SNE makes much of the last bit.
        let one_thread = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot start a thread").with_source(error))?;
        let places = one_thread.install(|| self.move_together(&neighbours, perplexity, start(plane)))?;
        Ok(scaled(&places))
    }

    /// Moves neighbours together and the others apart, stage by stage.
    fn move_together(
        &self,
        neighbours: &[Vec<Neighbor<f32>>],
        perplexity: usize,
        mut places: Vec<f32>,
    ) -> Result<Vec<f32>> {
        // What the vectors are does not matter beyond their number: neighbours are given.
        let vectors = vec![(); neighbours.len()];
        let mut tsne: tSNE<'_, f32, ()> = tSNE::new(&vectors);
        tsne.perplexity(perplexity as f32).epochs(EPOCHS_A_STAGE);
        for stage in 0..STAGES {
            check(self.watch)?;
            tsne.initial_embedding(places);
            if stage < EXAGGERATED {
                tsne.stop_lying_epoch(usize::MAX).momentum(EARLY_MOMENTUM);
            } else {
                tsne.stop_lying_epoch(0).momentum(MOMENTUM);
            }
            match stage {
                0 => tsne.barnes_hut_with_neighbors(THETA, neighbours),
                // From the second stage on, neighbours are known, and nothing is measured.
                _ => tsne.barnes_hut(THETA, |(), ()| 0.0),
            };
            places = tsne.embedding();
            self.watch.advance(EPOCHS_A_STAGE as u64);
        }
        Ok(places)
    }

    /// The length of the straight line between two vectors, at length one for the cosine: that is the distance whose
    /// square t-SNE's Gaussians take.
    fn straight(&self, distance: f32) -> f32 {
        match self.measure {
            super::Measure::Cosine => (2.0 * distance).sqrt(),
            super::Measure::Euclidean => distance,
        }
    }
}

/// The plane, drawn together.
fn start(plane: &[[f32; 2]]) -> Vec<f32> {
    let square: f32 = plane.iter().map(|[x, _]| x * x).sum();
    let deviation = (square / plane.len() as f32).sqrt().max(f32::MIN_POSITIVE);
    plane.iter().flatten().map(|x| x / deviation * SPREAD).collect()
}

/// Both axes alike, so that the farthest is at ±1.
fn scaled(places: &[f32]) -> Vec<[f32; 2]> {
    let extent = places.iter().map(|x| x.abs()).fold(f32::MIN_POSITIVE, f32::max);
    places.as_chunks().0.iter().map(|place: &[f32; 2]| place.map(|x| x / extent)).collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use bootcamp_core::Metric;
    use bootcamp_kit::Watch;

    use super::super::Vectors;
    use super::super::fixtures::{clustered, id, rows};
    use super::*;

    fn map(vectors: &Vectors, metric: Metric, projection: Projection) -> Map2d {
        let watch = Watch::default();
        Analysis::new(vectors, metric, &watch).unwrap().map_2d(projection, 1000).unwrap()
    }

    fn extent(map: &Map2d) -> f32 {
        map.points.iter().flat_map(|point| point.1).map(f32::abs).fold(0.0, f32::max)
    }

    /// The share of points whose nearest on the plane is of the same cluster.
    fn kept_together(map: &Map2d, clusters: usize) -> f64 {
        let apart = |a: usize, b: usize| {
            let ([xa, ya], [xb, yb]) = (map.points[a].1, map.points[b].1);
            (xa - xb).hypot(ya - yb)
        };
        let nearest = |a: usize| {
            (0..map.points.len()).filter(|b| *b != a).min_by(|b, c| apart(a, *b).total_cmp(&apart(a, *c))).unwrap()
        };
        let kept = (0..map.points.len()).filter(|a| nearest(*a) % clusters == a % clusters).count();
        kept as f64 / map.points.len() as f64
    }

    #[test]
    fn tsne_keeps_clusters_together_that_pca_lays_over_each_other() {
        let vectors = clustered(160, 16, 24);
        let (pca, tsne) =
            (map(&vectors, Metric::Cosine, Projection::Pca), map(&vectors, Metric::Cosine, Projection::Tsne));
        assert_eq!((pca.projection, tsne.projection), (Projection::Pca, Projection::Tsne));
        let (flat, kept) = (kept_together(&pca, 16), kept_together(&tsne, 16));
        assert!(kept > 0.98 && flat < 0.9, "PCA {flat}, t-SNE {kept}");
        for map in [&pca, &tsne] {
            assert_eq!(extent(map), 1.0);
            assert_eq!((map.points.len(), map.total, map.points[7].0), (160, 160, id(7)));
        }
        assert!(pca.explained.is_some_and(|[first, second]| first >= second) && tsne.explained.is_none());
    }

    #[test]
    fn maps_are_the_same_whatever_the_number_of_threads() {
        let (vectors, watch) = (clustered(120, 5, 12), Watch::default());
        let analysis = Analysis::new(&vectors, Metric::L2, &watch).unwrap();
        let with = |threads: usize| {
            analysis.threads(NonZeroUsize::new(threads).unwrap()).map_2d(Projection::Tsne, 100).unwrap()
        };
        let one = with(1);
        assert_eq!((one.points.len(), one.total), (100, 120));
        assert!(one.points.is_sorted());
        assert_eq!(with(3), one);
        watch.cancel();
        assert!(analysis.map_2d(Projection::Tsne, 100).is_err());
    }

    #[test]
    fn few_and_equal_vectors_are_no_trouble() {
        for vectors in [rows::<1>(&[]), rows(&[[1.0, 2.0]]), clustered(15, 3, 4)] {
            let map = map(&vectors, Metric::L2, Projection::Tsne);
            assert_eq!((map.projection, map.points.len()), (Projection::Pca, vectors.len()));
        }
        for (vectors, metric) in [(rows(&[[1.0, 2.0]; 40]), Metric::L2), (rows(&[[0.0, 0.0]; 16]), Metric::Cosine)] {
            assert!(map(&vectors, metric, Projection::Tsne).points.iter().all(|point| point.1 == [0.0; 2]));
        }
        // On a line, and only at two places.
        for vectors in [clustered(40, 6, 1), rows(&[[1.0, 2.0], [0.0, 1.0]].repeat(20))] {
            let map = map(&vectors, Metric::L2, Projection::Tsne);
            assert_eq!((map.projection, extent(&map)), (Projection::Tsne, 1.0));
            assert!(map.points.iter().flat_map(|point| point.1).all(f32::is_finite), "{:?}", map.points);
        }
    }
}
