//! Metrics of ranked lists, per user, and their means with bootstrapped intervals.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::random::Random;

/// The list that coverage, novelty and popularity are about.
pub const DEPTH: usize = 10;
/// The longest list that is kept.
const LONGEST: usize = 50;
/// Samples of users with replacement.
const SAMPLES: usize = 1000;

/// The names of the metrics of a user, in the order of [`Measured`].
pub const NAMES: [&str; 9] =
    ["ndcg@10", "ndcg@20", "recall@10", "recall@20", "recall@50", "hit@10", "precision@10", "map", "mrr"];

/// What was measured of one user.
pub type Measured = [f64; NAMES.len()];

/// A mean with the bounds between which 95 % of the bootstrapped ones are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub high: Option<f64>,
}

/// Means by name.
pub type Means = BTreeMap<String, Mean>;

/// What all lists together are measured by.
#[derive(Debug)]
pub struct Lists<'a> {
    /// Users that have each item, in training.
    pub popularity: Vec<u32>,
    /// Users in training.
    pub users: usize,
    /// The first items of each list.
    pub shown: Vec<&'a [u32]>,
    /// What the users of the lists have in training.
    pub histories: Vec<&'a [u32]>,
}

/// The metrics of one user, and the beginning of their list. All items but those that are `seen` are ranked by `scores`,
/// equal ones by their numbers. `relevant` are those that should come first, in ascending order.
pub fn measure(scores: &[f32], seen: &[u32], relevant: &[u32]) -> (Measured, Vec<u32>) {
    let mut is_out = vec![false; scores.len()];
    seen.iter().for_each(|item| is_out[*item as usize] = true);
    // What is to be found is a candidate whatever else is known of it.
    relevant.iter().for_each(|item| is_out[*item as usize] = false);
    let before = |a: &u32, b: &u32| {
        let (x, y) = (scores[*a as usize], scores[*b as usize]);
        y.partial_cmp(&x).unwrap_or(Ordering::Equal).then(a.cmp(b))
    };
    let mut candidates: Vec<u32> = (0..scores.len() as u32).filter(|item| !is_out[*item as usize]).collect();
    // The rank of each relevant item is how many candidates are before it: counted, which is cheaper than sorting all.
    let mut wanted = relevant.to_vec();
    wanted.sort_unstable_by(before);
    let mut steps = vec![0_usize; wanted.len() + 1];
    for item in &candidates {
        steps[wanted.partition_point(|other| before(other, item).is_lt())] += 1;
    }
    let mut total = 0;
    let ranks: Vec<usize> = (0..wanted.len())
        .map(|at| {
            total += steps[at];
            total
        })
        .collect();
    if candidates.len() > LONGEST {
        candidates.select_nth_unstable_by(LONGEST, before);
        candidates.truncate(LONGEST);
    }
    candidates.sort_unstable_by(before);
    (of_ranks(&ranks), candidates)
}

/// The metrics of ranks from 1, in ascending order.
fn of_ranks(ranks: &[usize]) -> Measured {
    let count = ranks.len().max(1) as f64;
    let within = |k: usize| ranks.iter().filter(|rank| **rank <= k).count() as f64;
    let gain = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
    let ndcg = |k: usize| {
        let ideal: f64 = (1..=ranks.len().min(k)).map(gain).sum();
        let found: f64 = ranks.iter().filter(|rank| **rank <= k).map(|rank| gain(*rank)).sum();
        if ideal > 0.0 { found / ideal } else { 0.0 }
    };
    let average: f64 = ranks.iter().enumerate().map(|(at, rank)| (at + 1) as f64 / *rank as f64).sum::<f64>() / count;
    let first = ranks.first().map_or(0.0, |rank| 1.0 / *rank as f64);
    [
        ndcg(10),
        ndcg(20),
        within(10) / count,
        within(20) / count,
        within(50) / count,
        f64::from(u8::from(within(10) > 0.0)),
        within(10) / 10.0,
        average,
        first,
    ]
}

/// The means of all users with intervals, and what their lists are like.
pub fn means(measured: &[(Measured, Vec<u32>)], lists: &Lists<'_>, seed: u64) -> Means {
    let bounds = bootstrap(measured, seed);
    let mut means: Means = NAMES
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let value = mean(measured.iter().map(|(user, _)| user[at]));
            ((*name).to_owned(), Mean { value, low: Some(bounds[at].0), high: Some(bounds[at].1) })
        })
        .collect();
    for (name, value) in
        [("coverage@10", coverage(lists)), ("novelty@10", novelty(lists)), ("popularity-lift@10", lift(lists))]
    {
        means.insert(name.to_owned(), Mean { value, low: None, high: None });
    }
    means
}

/// Of each metric the bounds of 95 % of the means of samples of users, drawn with replacement (Efron 1979).
fn bootstrap(measured: &[(Measured, Vec<u32>)], seed: u64) -> Vec<(f64, f64)> {
    let sample = |number: usize| {
        let mut random = Random::of(seed, 1000 + number as u64);
        let mut sums = [0.0; NAMES.len()];
        for _ in 0..measured.len() {
            let (user, _) = &measured[random.below(measured.len())];
            sums.iter_mut().zip(user).for_each(|(sum, value)| *sum += value);
        }
        sums.map(|sum| sum / measured.len().max(1) as f64)
    };
    let samples: Vec<Measured> = (0..SAMPLES).into_par_iter().map(sample).collect();
    (0..NAMES.len())
        .map(|at| {
            let mut values: Vec<f64> = samples.iter().map(|sample| sample[at]).collect();
            values.sort_unstable_by(f64::total_cmp);
            (values[SAMPLES / 40], values[SAMPLES - 1 - SAMPLES / 40])
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

/// The share of the items that somebody is shown.
fn coverage(lists: &Lists<'_>) -> f64 {
    let shown: HashSet<u32> = lists.shown.iter().flat_map(|list| list.iter().copied()).collect();
    shown.len() as f64 / lists.popularity.len().max(1) as f64
}

/// The mean information of what is shown, in bits: −log₂ of the share of users that have it (Zhou et al., PNAS 2010).
fn novelty(lists: &Lists<'_>) -> f64 {
    let users = lists.users.max(1) as f64;
    let bits = |item: &u32| -(f64::from(lists.popularity[*item as usize].max(1)) / users).log2();
    mean(lists.shown.iter().flat_map(|list| list.iter().map(bits)))
}

/// How much more popular what is shown is than what its users have, as a share of the latter (Abdollahpouri, Mansoury, Burke
/// & Mobasher, "The unfairness of popularity bias in recommendation", 2019): 0 is no bias.
fn lift(lists: &Lists<'_>) -> f64 {
    let of_items = |items: &[u32]| mean(items.iter().map(|item| f64::from(lists.popularity[*item as usize])));
    let pairs =
        lists.shown.iter().zip(&lists.histories).filter(|(list, history)| !list.is_empty() && !history.is_empty());
    let lifts = pairs.filter_map(|(list, history)| {
        let own = of_items(history);
        (own > 0.0).then(|| of_items(list) / own - 1.0)
    });
    mean(lifts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(measured: &Measured, name: &str) -> f64 {
        measured[NAMES.iter().position(|known| *known == name).unwrap()]
    }

    /// Items in the order 3, 0, 4, (1 is seen), 2, 5; relevant are 0 and 5, at ranks 2 and 5.
    #[test]
    fn metrics_are_those_computed_by_hand() {
        let scores = [0.8, 0.7, 0.3, 0.9, 0.8, -1.0];
        let (measured, list) = measure(&scores, &[1], &[0, 5]);
        assert_eq!(list, [3, 0, 4, 2, 5]);
        let ideal = 1.0 + 1.0 / 3.0_f64.log2();
        let ndcg = (1.0 / 3.0_f64.log2() + 1.0 / 6.0_f64.log2()) / ideal;
        for (name, expected) in [
            ("ndcg@10", ndcg),
            ("ndcg@20", ndcg),
            ("recall@10", 1.0),
            ("hit@10", 1.0),
            ("precision@10", 0.2),
            ("map", (1.0 / 2.0 + 2.0 / 5.0) / 2.0),
            ("mrr", 0.5),
        ] {
            assert!((value(&measured, name) - expected).abs() < 1e-12, "{name}");
        }
    }

    #[test]
    fn what_is_beyond_the_list_is_not_found_but_has_its_rank() {
        let scores: Vec<f32> = (0..200).map(|item| -(item as f32)).collect();
        let (measured, list) = measure(&scores, &[], &[0, 30, 120]);
        assert_eq!((list.len(), list[49]), (50, 49));
        assert!((value(&measured, "recall@20") - 1.0 / 3.0).abs() < 1e-12);
        assert!((value(&measured, "recall@50") - 2.0 / 3.0).abs() < 1e-12);
        assert!((value(&measured, "map") - (1.0 + 2.0 / 31.0 + 3.0 / 121.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn lists_are_measured_as_a_whole() {
        let lists = Lists {
            popularity: vec![8, 4, 2, 0],
            users: 8,
            shown: vec![&[0, 1], &[0, 3]],
            histories: vec![&[1, 2], &[0]],
        };
        assert!((coverage(&lists) - 0.75).abs() < 1e-12);
        assert!((novelty(&lists) - (0.0 + 1.0 + 0.0 + 3.0) / 4.0).abs() < 1e-12);
        assert!((lift(&lists) - ((6.0 / 3.0 - 1.0) + (4.0 / 8.0 - 1.0)) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_mean_and_repeat() {
        let measured: Vec<(Measured, Vec<u32>)> =
            (0..400).map(|user| ([f64::from(user % 5) / 4.0; NAMES.len()], Vec::new())).collect();
        let lists = Lists { popularity: vec![1], users: 1, shown: Vec::new(), histories: Vec::new() };
        let means = means(&measured, &lists, 3);
        let Mean { value, low, high } = means["mrr"];
        let (low, high) = (low.unwrap(), high.unwrap());
        // The standard error of 400 values with variance 1/8.
        let error = (0.125_f64 / 400.0).sqrt();
        assert!((value - 0.5).abs() < 1e-12 && low < 0.5 && high > 0.5);
        assert!(((high - low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.15, "{low} {high}");
        assert_eq!(means, super::means(&measured, &lists, 3));
    }
}
