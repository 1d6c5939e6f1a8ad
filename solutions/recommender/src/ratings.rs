//! Ratings in memory, numbered and merged: what a training and an evaluation work on.

use std::collections::HashMap;

use bootcamp_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::model::Matrix;

/// The time of a rating that has none.
pub const NO_TIME: i64 = i64::MIN;

/// What several ratings of one item by one user come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// The latest counts: stars.
    #[default]
    Last,
    /// They add up: plays, purchases.
    Sum,
    /// The largest counts.
    Max,
}

impl Duplicates {
    /// Of an option's value.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            Some("sum") => Self::Sum,
            Some("max") => Self::Max,
            _ => Self::Last,
        }
    }

    /// The value of two ratings, of which `next` is the later one.
    pub fn merge(self, value: f32, next: f32) -> f32 {
        match self {
            Self::Last => next,
            Self::Sum => value + next,
            Self::Max => value.max(next),
        }
    }
}

/// What a value says: whether the user likes the item, and how much that weighs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Liking {
    /// Values from here on are likes. `None`: all that are above zero.
    pub least: Option<f32>,
    /// How much more the largest value weighs than one near zero.
    pub confidence: f32,
    /// The largest value.
    pub largest: f32,
}

impl Liking {
    pub fn is_liked(&self, value: f32) -> bool {
        self.least.map_or(value > 0.0, |least| value >= least)
    }

    /// The weight of a value in training.
    pub fn weight(&self, value: f32) -> f32 {
        let share = if self.largest > 0.0 { (value / self.largest).clamp(0.0, 1.0) } else { 0.0 };
        1.0 + self.confidence * share
    }
}

/// A rating or an event, by the numbers of user and item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    pub user: u32,
    pub item: u32,
    pub value: f32,
    /// Milliseconds since 1970, or [`NO_TIME`].
    pub time: i64,
    /// Milliseconds since 1970 at which it was taken in: decides between ratings of the same time.
    pub taken: i64,
}

/// Ratings, one of each pair of a user and an item, ordered by both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratings {
    /// The users' names in ascending order: a user's number is the place here.
    pub users: Vec<String>,
    /// The items' names, likewise.
    pub items: Vec<String>,
    pub list: Vec<Rating>,
}

impl Ratings {
    /// The largest value.
    pub fn largest(&self) -> f32 {
        self.list.iter().map(|rating| rating.value).fold(0.0, f32::max)
    }

    /// What is liked, with its weights: users by items.
    pub fn matrix(&self, liking: &Liking) -> Matrix {
        let liked = self.list.iter().filter(|rating| liking.is_liked(rating.value));
        let entries = liked.map(|rating| (rating.user, rating.item, liking.weight(rating.value)));
        Matrix::new(self.users.len(), self.items.len(), entries)
    }

    /// The same users and items with other ratings.
    #[must_use]
    pub fn with(&self, list: Vec<Rating>) -> Self {
        Self { users: self.users.clone(), items: self.items.clone(), list }
    }

    /// # Errors
    /// `NotFound` where there is nothing to learn from.
    pub fn check(&self, liking: &Liking) -> Result<()> {
        if self.list.iter().any(|rating| liking.is_liked(rating.value)) {
            return Ok(());
        }
        let count = self.list.len();
        let error = |text: String| Error::new(bootcamp_core::ErrorKind::NotFound, text);
        Err(if count == 0 {
            error("there are no ratings to learn from".to_owned())
                .with_hint("import some first: recommender import ratings.csv items.csv")
        } else {
            error(format!("none of {count} ratings is a like")).with_hint("lower --min-value")
        })
    }
}

/// Gathers ratings by names, in any order.
#[derive(Debug)]
pub struct Gathering {
    duplicates: Duplicates,
    users: Names,
    items: Names,
    list: Vec<Rating>,
}

/// Names with numbers, in the order in which they came.
#[derive(Debug, Default)]
struct Names(HashMap<String, u32>);

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(name.to_owned(), number);
        number
    }

    /// The names in ascending order, and the new number of each old one.
    fn sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut named: Vec<(String, u32)> = self.0.into_iter().collect();
        named.sort_unstable();
        let mut numbers = vec![0; named.len()];
        named.iter().enumerate().for_each(|(new, (_, old))| numbers[*old as usize] = new as u32);
        (named.into_iter().map(|(name, _)| name).collect(), numbers)
    }
}

impl Gathering {
    pub fn new(duplicates: Duplicates) -> Self {
        Self { duplicates, users: Names::default(), items: Names::default(), list: Vec::new() }
    }

    pub fn add(&mut self, user: &str, item: &str, value: f32, time: i64, taken: i64) {
        let (user, item) = (self.users.number(user), self.items.number(item));
        self.list.push(Rating { user, item, value, time, taken });
    }

    /// Numbers everything in the order of its names and merges duplicates, so that the outcome does not depend on the order
    /// in which ratings came.
    pub fn finish(self) -> Ratings {
        let Self { duplicates, users, items, mut list } = self;
        let ((users, user_numbers), (items, item_numbers)) = (users.sorted(), items.sorted());
        for rating in &mut list {
            rating.user = user_numbers[rating.user as usize];
            rating.item = item_numbers[rating.item as usize];
        }
        // Stable: ratings of the same moment keep the order of their lines.
        list.sort_by_key(|rating| (rating.user, rating.item, rating.time, rating.taken));
        list.dedup_by(|next, kept| {
            let is_same = (next.user, next.item) == (kept.user, kept.item);
            if is_same {
                let value = duplicates.merge(kept.value, next.value);
                *kept = Rating { value, ..*next };
            }
            is_same
        });
        Ratings { users, items, list }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(duplicates: Duplicates, order: &[usize]) -> Ratings {
        let all =
            [("b", "x", 3.0, 20, 0), ("a", "y", 1.0, NO_TIME, 0), ("b", "x", 5.0, 10, 9), ("ü b", "x", -1.0, 5, 0)];
        let mut gathering = Gathering::new(duplicates);
        for at in order {
            let (user, item, value, time, taken) = all[*at];
            gathering.add(user, item, value, time, taken);
        }
        gathering.finish()
    }

    #[test]
    fn the_order_in_which_ratings_come_changes_nothing() {
        for (duplicates, value) in [(Duplicates::Last, 3.0), (Duplicates::Sum, 8.0), (Duplicates::Max, 5.0)] {
            let ratings = gathered(duplicates, &[0, 1, 2, 3]);
            assert_eq!(ratings, gathered(duplicates, &[3, 2, 1, 0]));
            assert_eq!(
                (&ratings.users[..], &ratings.items[..]),
                (&["a", "b", "ü b"].map(String::from)[..], &["x", "y"].map(String::from)[..])
            );
            let of_b = ratings.list.iter().find(|rating| rating.user == 1).unwrap();
            assert_eq!((of_b.value, of_b.time, ratings.list.len()), (value, 20, 3));
        }
    }

    #[test]
    fn what_is_not_liked_is_not_learned_from() {
        let ratings = gathered(Duplicates::Last, &[0, 1, 3]);
        let liking = Liking { least: None, confidence: 2.0, largest: ratings.largest() };
        let matrix = ratings.matrix(&liking);
        assert_eq!(matrix.iter().collect::<Vec<_>>(), [(0, 1, 1.0 + 2.0 / 3.0), (1, 0, 3.0)]);
        ratings.check(&liking).unwrap();
        let error = ratings.check(&Liking { least: Some(9.0), ..liking }).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.hint()),
            ("none of 3 ratings is a like", Some("lower --min-value"))
        );
        assert!(Ratings::default().check(&liking).unwrap_err().to_string().starts_with("there are no ratings"));
    }
}
