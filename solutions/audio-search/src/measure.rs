//! How good a ranking of sounds is, where sounds of the same label are what should be found.

use serde::Serialize;

/// The mean over some queries. All are from 0 to 1, larger is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    pub queries: usize,
    /// The share of queries whose first answer is right.
    #[serde(rename = "precision@1")]
    pub precision_1: f64,
    /// The share of right ones among the first five answers.
    #[serde(rename = "precision@5")]
    pub precision_5: f64,
    /// The mean average precision over all answers.
    #[serde(rename = "map")]
    pub map: f64,
}

impl Quality {
    /// Of one query: whether each answer is right, best first, where `expected` would be.
    pub fn of(right: &[bool], expected: usize) -> Self {
        let among = |k: usize| right.iter().take(k).filter(|right| **right).count() as f64 / k as f64;
        let precisions = right.iter().enumerate().filter(|(_, right)| **right).zip(1..);
        let sum: f64 = precisions.map(|((at, _), found)| f64::from(found) / (at + 1) as f64).sum();
        let map = if expected == 0 { 0.0 } else { sum / expected as f64 };
        Self { queries: 1, precision_1: among(1), precision_5: among(5), map }
    }

    /// The mean of what each query has.
    pub fn mean(each: &[Self]) -> Self {
        let count = each.len().max(1) as f64;
        let mean = |of: fn(&Self) -> f64| each.iter().map(of).sum::<f64>() / count;
        Self {
            queries: each.iter().map(|one| one.queries).sum(),
            precision_1: mean(|one| one.precision_1),
            precision_5: mean(|one| one.precision_5),
            map: mean(|one| one.map),
        }
    }
}

/// The middle one; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_that_of_the_textbook() {
        let quality = Quality::of(&[true, false, true, false, false, false], 2);
        assert_eq!((quality.precision_1, quality.precision_5), (1.0, 0.4));
        assert!((quality.map - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12, "{}", quality.map);
        let missed = Quality::of(&[false, true], 3);
        assert_eq!((missed.precision_1, missed.precision_5), (0.0, 0.2));
        assert!((missed.map - 0.5 / 3.0).abs() < 1e-12);
        assert_eq!(Quality::mean(&[quality, missed]).precision_1, 0.5);
        assert_eq!(Quality::mean(&[]), Quality::default());
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(Vec::new())), (2.0, 0.0));
    }
}
