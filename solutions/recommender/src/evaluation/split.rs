//! Which ratings are trained on and which are kept to measure with.

use bootcamp_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::model::Matrix;
use crate::model::random::Random;
use crate::ratings::{Liking, NO_TIME, Rating, Ratings};

/// How ratings are split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SplitKind {
    /// Of each user the last one.
    Last,
    /// Of each user a share, at random.
    Random { share: f64 },
    /// Everything after a moment, which is chosen so that it is this share: what a service sees that is trained once.
    Time { share: f64 },
    /// All ratings of a share of the items: how well items are known by their facts alone. Only these are ranked.
    Items { share: f64 },
}

impl SplitKind {
    /// Of an option's value.
    pub fn named(name: Option<&str>, share: f64) -> Self {
        match name {
            Some("random") => Self::Random { share },
            Some("time") => Self::Time { share },
            Some("items") => Self::Items { share },
            _ => Self::Last,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "leave-last-out",
            Self::Random { .. } => "random",
            Self::Time { .. } => "time",
            Self::Items { .. } => "new items",
        }
    }
}

/// Both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What is trained on.
    pub train: Ratings,
    /// Of each user the items that should be found, in ascending order.
    pub test: Vec<Vec<u32>>,
    /// Users of the test side with nothing in training: nobody can know what they like.
    pub newcomers: usize,
    /// With [`SplitKind::Items`], which items have no rating in training: these are ranked, and no others.
    pub new_items: Option<Vec<bool>>,
}

impl Split {
    /// Splits ratings. Only those of at least `relevant` (or, without it, those that are liked) are kept to be found; with
    /// [`SplitKind::Random`] and [`SplitKind::Time`], the others of the test side are in neither.
    ///
    /// # Errors
    /// `InvalidInput` for ratings without times, where times decide, and where there is nothing to measure with.
    pub fn new(ratings: &Ratings, kind: SplitKind, relevant: Option<f32>, liking: &Liking, seed: u64) -> Result<Self> {
        let is_relevant =
            |rating: &Rating| relevant.map_or_else(|| liking.is_liked(rating.value), |least| rating.value >= least);
        if kind_needs_times(kind) && ratings.list.iter().all(|rating| rating.time == NO_TIME) {
            return Err(Error::invalid("the ratings have no times, so none of them is the last")
                .with_hint("use --split random, or import times, too (--time-column)"));
        }
        let is_held = match kind {
            SplitKind::Last => last(ratings, is_relevant),
            SplitKind::Random { share } => random(ratings, share, seed),
            SplitKind::Time { share } => after(ratings, share),
            SplitKind::Items { share } => {
                let is_new = new_items(ratings, share, seed);
                ratings.list.iter().map(|rating| is_new[rating.item as usize]).collect()
            }
        };
        let mut test = vec![Vec::new(); ratings.users.len()];
        let mut train = Vec::with_capacity(ratings.list.len());
        for (rating, is_held) in ratings.list.iter().zip(is_held) {
            match (is_held, is_relevant(rating)) {
                (true, true) => test[rating.user as usize].push(rating.item),
                (true, false) => {}
                (false, _) => train.push(*rating),
            }
        }
        let train = ratings.with(train);
        let known = train.matrix(liking);
        let mut newcomers = 0;
        for (user, items) in test.iter_mut().enumerate() {
            if !items.is_empty() && known.row(user).is_empty() {
                newcomers += 1;
                items.clear();
            }
        }
        if test.iter().all(Vec::is_empty) {
            return Err(Error::invalid("no user has a rating to be found and others to find it by")
                .with_hint("with so few ratings there is nothing to measure; or lower --relevant"));
        }
        let new_items = match kind {
            SplitKind::Items { share } => Some(new_items(ratings, share, seed)),
            _ => None,
        };
        Ok(Self { train, test, newcomers, new_items })
    }

    /// What each user has rated on the training side, liked or not: it is not recommended.
    pub fn seen(&self) -> Matrix {
        if let Some(is_new) = &self.new_items {
            let known = is_new.iter().zip(0..).filter(|(is_new, _)| !**is_new).map(|(_, item)| item);
            let known: Vec<u32> = known.collect();
            let users = 0..self.train.users.len() as u32;
            let entries = users.flat_map(|user| known.iter().map(move |item| (user, *item, 1.0)));
            return Matrix::new(self.train.users.len(), self.train.items.len(), entries);
        }
        let entries = self.train.list.iter().map(|rating| (rating.user, rating.item, 1.0));
        Matrix::new(self.train.users.len(), self.train.items.len(), entries)
    }
}

fn kind_needs_times(kind: SplitKind) -> bool {
    matches!(kind, SplitKind::Last | SplitKind::Time { .. })
}

/// A share of the items.
fn new_items(ratings: &Ratings, share: f64, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..ratings.items.len()).collect();
    Random::of(seed, 33).shuffle(&mut order);
    let mut is_new = vec![false; order.len()];
    order.iter().take((order.len() as f64 * share).round() as usize).for_each(|item| is_new[*item] = true);
    is_new
}

/// The last relevant rating of each user who has more than one rating; of the same moment that of the highest number.
fn last(ratings: &Ratings, is_relevant: impl Fn(&Rating) -> bool) -> Vec<bool> {
    let mut is_held = vec![false; ratings.list.len()];
    let mut from = 0;
    for of_user in ratings.list.chunk_by(|a, b| a.user == b.user) {
        let relevant = of_user.iter().enumerate().filter(|(_, rating)| is_relevant(rating));
        let last = relevant.max_by_key(|(at, rating)| (rating.time, rating.taken, *at));
        if let (Some((at, _)), true) = (last, of_user.len() > 1) {
            is_held[from + at] = true;
        }
        from += of_user.len();
    }
    is_held
}

/// A share of each user's ratings, rounded; at least one stays.
fn random(ratings: &Ratings, share: f64, seed: u64) -> Vec<bool> {
    let mut is_held = vec![false; ratings.list.len()];
    let mut from = 0;
    for of_user in ratings.list.chunk_by(|a, b| a.user == b.user) {
        let user = of_user.first().map_or(0, |rating| u64::from(rating.user));
        let mut order: Vec<usize> = (0..of_user.len()).collect();
        Random::of(seed, user).shuffle(&mut order);
        let held = ((of_user.len() as f64 * share).round() as usize).min(of_user.len() - 1);
        order.iter().take(held).for_each(|at| is_held[from + at] = true);
        from += of_user.len();
    }
    is_held
}

/// Everything after the moment before which the other share lies.
fn after(ratings: &Ratings, share: f64) -> Vec<bool> {
    let mut times: Vec<i64> = ratings.list.iter().map(|rating| rating.time).collect();
    times.sort_unstable();
    let at = ((times.len() as f64 * (1.0 - share)) as usize).min(times.len().saturating_sub(1));
    let moment = times.get(at).copied().unwrap_or(NO_TIME);
    ratings.list.iter().map(|rating| rating.time > moment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::{Duplicates, Gathering};

    const LIKING: Liking = Liking { least: None, confidence: 0.0, largest: 5.0 };

    fn ratings() -> Ratings {
        let mut gathering = Gathering::new(Duplicates::Last);
        for (user, item, value, time) in [
            ("a", "1", 5.0, 10),
            ("a", "2", 4.0, 30),
            ("a", "3", 2.0, 40),
            ("b", "1", 4.0, 20),
            ("b", "2", 3.0, 50),
            ("c", "3", 5.0, 60),
        ] {
            gathering.add(user, item, value, time, 0);
        }
        gathering.finish()
    }

    #[test]
    fn the_last_good_rating_is_left_out() {
        let split = Split::new(&ratings(), SplitKind::Last, Some(4.0), &LIKING, 1).unwrap();
        assert_eq!(split.test, [vec![1], vec![0], vec![]], "c has one rating only, which stays");
        assert_eq!(split.train.list.len(), 4);
        assert_eq!(split.seen().row(0).at, [0, 2], "what is rated low is seen, too");
        let all = Split::new(&ratings(), SplitKind::Last, None, &LIKING, 1).unwrap();
        assert_eq!(all.test, [vec![2], vec![1], vec![]]);
    }

    #[test]
    fn what_comes_after_a_moment_is_left_out() {
        let split = Split::new(&ratings(), SplitKind::Time { share: 0.4 }, None, &LIKING, 1).unwrap();
        assert_eq!(split.test, [vec![], vec![1], vec![]]);
        assert_eq!((split.newcomers, split.train.list.len()), (1, 4));
    }

    #[test]
    fn a_random_share_is_the_same_for_the_same_seed() {
        let kind = SplitKind::Random { share: 0.34 };
        let split = |seed| Split::new(&ratings(), kind, None, &LIKING, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert!((1..20).any(|seed| split(seed) != split(1)));
        assert_eq!(split(1).test.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
    }

    #[test]
    fn new_items_have_no_rating_to_learn_from_and_are_the_only_ones_ranked() {
        let split = Split::new(&ratings(), SplitKind::Items { share: 0.34 }, None, &LIKING, 1).unwrap();
        let is_new = split.new_items.clone().unwrap();
        assert_eq!(is_new.iter().filter(|is_new| **is_new).count(), 1);
        assert!(split.train.list.iter().all(|rating| !is_new[rating.item as usize]));
        assert!(split.test.iter().flatten().all(|item| is_new[*item as usize]));
        assert!(split.seen().row(0).at.iter().all(|item| !is_new[*item as usize]) && split.seen().row(0).len() == 2);
    }

    #[test]
    fn what_cannot_be_measured_says_why() {
        let refused = |ratings: &Ratings, relevant| {
            Split::new(ratings, SplitKind::Last, relevant, &LIKING, 1).unwrap_err().to_string()
        };
        let mut timeless = ratings();
        timeless.list.iter_mut().for_each(|rating| rating.time = NO_TIME);
        assert!(refused(&timeless, None).starts_with("the ratings have no times"));
        assert!(refused(&ratings(), Some(6.0)).starts_with("no user has a rating to be found"));
    }
}
