//! How good a ranking is: recall@k, MRR and nDCG, as TREC and BEIR define them.

use std::collections::HashSet;

use serde::Serialize;

/// Ranks that are looked at.
pub const DEPTH: usize = 10;

/// The mean over some questions. All are from 0 to 1, larger is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    pub questions: usize,
    /// The share of the expected answers among the first 1, 5 and 10.
    #[serde(rename = "recall@1")]
    pub recall_1: f64,
    #[serde(rename = "recall@5")]
    pub recall_5: f64,
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// One over the rank of the first expected answer, 0 where it is not among the first 10.
    #[serde(rename = "mrr@10")]
    pub mrr: f64,
    /// The discounted cumulative gain, over the best possible one: 1 / log2(rank + 1) for each expected answer.
    #[serde(rename = "ndcg@10")]
    pub ndcg: f64,
}

impl Metrics {
    /// The mean of what each question has.
    pub fn mean(each: &[Self]) -> Self {
        let count = each.len().max(1) as f64;
        let mean = |of: fn(&Self) -> f64| each.iter().map(of).sum::<f64>() / count;
        Self {
            questions: each.iter().map(|one| one.questions).sum(),
            recall_1: mean(|one| one.recall_1),
            recall_5: mean(|one| one.recall_5),
            recall_10: mean(|one| one.recall_10),
            mrr: mean(|one| one.mrr),
            ndcg: mean(|one| one.ndcg),
        }
    }

    /// Of one question: what was found, best first and each once, against what was expected, which is at least one.
    pub fn of<T: std::hash::Hash + Eq>(found: &[T], expected: &HashSet<T>) -> Self {
        let found = &found[..found.len().min(DEPTH)];
        let right: Vec<usize> =
            found.iter().zip(1..).filter(|(one, _)| expected.contains(one)).map(|(_, rank)| rank).collect();
        // Of three expected answers at most one can be the first: the best possible recall@1 is one, as in BEIR's capped recall.
        let recall =
            |k: usize| right.iter().filter(|rank| **rank <= k).count() as f64 / expected.len().min(k).max(1) as f64;
        let gain =
            |ranks: &mut dyn Iterator<Item = usize>| ranks.map(|rank| 1.0 / (rank as f64 + 1.0).log2()).sum::<f64>();
        let best = gain(&mut (1..=expected.len().min(DEPTH)));
        Self {
            questions: 1,
            recall_1: recall(1),
            recall_5: recall(5),
            recall_10: recall(10),
            mrr: right.first().map_or(0.0, |rank| 1.0 / *rank as f64),
            ndcg: if best == 0.0 { 0.0 } else { gain(&mut right.iter().copied()) / best },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_those_of_the_textbook() {
        let expected = HashSet::from([1, 2]);
        let of = |found: &[u32]| Metrics::of(found, &expected);
        let all = of(&[2, 1, 3]);
        assert_eq!((all.recall_1, all.recall_5, all.mrr, all.ndcg), (1.0, 1.0, 1.0, 1.0));
        let second = of(&[9, 1, 8, 7, 6, 2]);
        assert_eq!((second.recall_1, second.recall_5, second.recall_10, second.mrr), (0.0, 0.5, 1.0, 0.5));
        // 1/log2(3) + 1/log2(7), over 1 + 1/log2(3).
        assert!((second.ndcg - (0.630_93 + 0.356_207) / 1.630_93).abs() < 1e-5, "{}", second.ndcg);
        let none = of(&[7; 3]);
        assert_eq!((none.recall_10, none.mrr, none.ndcg), (0.0, 0.0, 0.0));
        let eleventh: Vec<u32> = (10..20).chain([1]).collect();
        assert_eq!(of(&eleventh).mrr, 0.0, "beyond the first ten");
        assert_eq!(Metrics::mean(&[all, none]).mrr, 0.5);
        assert_eq!(Metrics::mean(&[]), Metrics::default());
    }
}
