//! What holds for any vectors.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use bootcamp_core::{Metric, Result};
use bootcamp_kit::Watch;
use proptest::prelude::*;

use super::fixtures::id;
use super::{Analysis, Vectors};

const DIM: usize = 3;

/// Some vectors on a coarse grid, so that there are equal ones and equal distances, and an order to shuffle them into.
fn vectors() -> impl Strategy<Value = (Vec<[i8; DIM]>, Vec<usize>)> {
    proptest::collection::vec(proptest::array::uniform3(-4_i8..5), 0..40).prop_flat_map(|rows| {
        let order = Just((0..rows.len()).collect::<Vec<_>>()).prop_shuffle();
        (Just(rows), order)
    })
}

fn in_order(rows: &[[i8; DIM]], order: impl IntoIterator<Item = usize> + Clone) -> Vectors {
    let ids = order.clone().into_iter().map(|row| id(row as u64)).collect();
    Vectors::new(ids, DIM, order.into_iter().flat_map(|row| rows[row].map(f32::from)).collect()).unwrap()
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    match metric {
        Metric::L2 => a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>().sqrt(),
        _ => {
            let lengths = (product(a, a) * product(b, b)).sqrt();
            if lengths > 0.0 { 1.0 - product(a, b) / lengths } else { 1.0 }
        }
    }
}

proptest! {
    #[test]
    fn every_two_of_a_group_meet_the_threshold((rows, _) in vectors(), threshold in 0.0_f32..3.0, cosine: bool) {
        let metric = if cosine { Metric::Cosine } else { Metric::L2 };
        let (vectors, watch) = (in_order(&rows, 0..rows.len()), Watch::default());
        let groups = Analysis::new(&vectors, metric, &watch).unwrap().near_duplicates(threshold).unwrap();
        let mut seen = BTreeSet::new();
        for group in &groups {
            let members: Vec<_> =
                group.others.iter().map(|other| other.0).chain([group.representative]).map(|id| vectors.index(id).unwrap()).collect();
            prop_assert!(members.len() > 1 && members.iter().all(|row| seen.insert(*row)));
            let mean = |row: usize| {
                let others = members.iter().filter(|other| **other != row);
                others.map(|other| distance(metric, vectors.row(row), vectors.row(*other))).sum::<f64>() / (members.len() - 1) as f64
            };
            let best = mean(vectors.index(group.representative).unwrap());
            prop_assert!((best - f64::from(group.mean_distance)).abs() < 1e-5);
            for a in &members {
                prop_assert!(mean(*a) > best - 1e-5);
                for b in &members {
                    let apart = distance(metric, vectors.row(*a), vectors.row(*b));
                    prop_assert!(a == b || apart <= f64::from(threshold.min(group.widest)) + 1e-5, "{apart}");
                }
            }
        }
        // Two groups that could be one would have been merged; nor is a near pair left alone.
        let alone = (0..rows.len()).filter(|row| !seen.contains(row)).collect::<Vec<_>>();
        for a in &alone {
            for b in alone.iter().filter(|b| *b > a) {
                prop_assert!(distance(metric, vectors.row(*a), vectors.row(*b)) > f64::from(threshold) - 1e-5);
            }
        }
    }

    #[test]
    fn neither_order_nor_threads_change_an_answer((rows, order) in vectors(), cosine: bool) {
        let metric = if cosine { Metric::Cosine } else { Metric::L2 };
        let all = |vectors: &Vectors, threads: usize| -> Result<_> {
            let watch = Watch::default();
            let analysis = Analysis::new(vectors, metric, &watch)?.threads(NonZeroUsize::new(threads).unwrap());
            let groups = analysis.near_duplicates(0.7)?;
            Ok((groups, analysis.uniqueness()?, analysis.representativeness()?, analysis.outliers(4)?))
        };
        prop_assert_eq!(all(&in_order(&rows, 0..rows.len()), 1).unwrap(), all(&in_order(&rows, order), 3).unwrap());
    }

    #[test]
    fn scores_are_shares((rows, _) in vectors()) {
        let (vectors, watch) = (in_order(&rows, 0..rows.len()), Watch::default());
        let analysis = Analysis::new(&vectors, Metric::Cosine, &watch).unwrap();
        for scores in [analysis.uniqueness().unwrap(), analysis.representativeness().unwrap()] {
            prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(&score.1)), "{scores:?}");
        }
    }
}
