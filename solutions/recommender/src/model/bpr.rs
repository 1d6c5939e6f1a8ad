//! Matrix factorisation by Bayesian personalised ranking (Rendle, Freudenthaler, Gantner & Schmidt-Thieme, UAI 2009): of an
//! item that a user has and one that they have not, the first shall score higher. By stochastic gradient descent; the last
//! number of an item's vector is its bias, for which a user's vector has 1.
//!
//! On all cores and yet the same for any number of threads: threads that update shared vectors as they come (Hogwild) would
//! race. Instead, users and items are cut into [`BLOCKS`] blocks each, the items anew in each epoch, and blocks of the
//! diagonal, which share no row, are worked on at the same time (Gemulla, Nijkamp, Haas & Sismanis, "Large-scale matrix
//! factorization with distributed stochastic gradient descent", KDD 2011). The item that the user has not is drawn from the
//! same block as the one that they have.

use bootcamp_core::Result;
use pulp::Arch;
use rayon::prelude::*;

use super::factors::Factors;
use super::fit::{Progress, State, stopped};
use super::kernel::dot;
use super::linear::check_finite;
use super::matrix::Matrix;
use super::random::Random;

/// Blocks of users and of items. Fixed, as the outcome depends on it; no more threads than these can work at once.
const BLOCKS: usize = 8;
/// How often an item is drawn that the user turns out to have before the pair is left out.
const DRAWS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bpr {
    /// Without the bias.
    pub factors: usize,
    pub epochs: usize,
    pub learning_rate: f64,
    pub regularization: f64,
    pub seed: u64,
}

/// A user within their block and an item within its own.
type Pair = (u32, u32);

/// Users and items of one block each, and what the users of the one have of the items of the other.
struct Stratum<'a> {
    users: &'a mut [f32],
    items: &'a mut [f32],
    pairs: Vec<Pair>,
    random: Random,
    first_user: usize,
    /// The numbers of the items of this block, by their place in it.
    numbers: &'a [u32],
}

impl Bpr {
    /// The length of a vector.
    pub fn dim(&self) -> usize {
        self.factors + 1
    }

    /// Users and items as vectors. `start` is where an earlier training stopped.
    ///
    /// # Errors
    /// `InvalidInput` for parameters that lead nowhere, and when `progress` says to stop.
    pub fn train(&self, matrix: &Matrix, start: Option<State>, progress: &dyn Progress) -> Result<(Factors, Factors)> {
        let mut state = start.unwrap_or_else(|| State {
            epoch: 0,
            users: self.first(matrix.rows(), 1, 1.0),
            items: self.first(matrix.columns(), 2, 0.0),
        });
        while state.epoch < self.epochs {
            let loss = self.epoch(matrix, &mut state, progress)?;
            check_finite(&state.items, "items")?;
            state.epoch += 1;
            progress.epoch(&state, self.epochs, loss)?;
        }
        check_finite(&state.users, "users")?;
        Ok((state.users, state.items))
    }

    /// Small numbers around zero; the last of each vector is the one for the bias.
    fn first(&self, rows: usize, side: u64, last: f32) -> Factors {
        let scale = 0.1 / (self.factors.max(1) as f64).sqrt();
        let mut factors = Factors::zeros(rows, self.dim());
        for row in 0..rows {
            let mut random = Random::of(self.seed.wrapping_add(side << 32), row as u64);
            factors.row_mut(row).iter_mut().for_each(|value| *value = (random.normal() * scale) as f32);
            factors.row_mut(row)[self.factors] = last;
        }
        factors
    }

    /// Each pair of a user and an item once; the mean of −ln σ.
    fn epoch(
        &self,
        matrix: &Matrix,
        State { epoch, users, items }: &mut State,
        progress: &dyn Progress,
    ) -> Result<f64> {
        let dim = self.dim();
        let mut random = Random::of(self.seed, 1 + *epoch as u64);
        // Items in a new order, so that any two of them meet in a block some time.
        let mut order: Vec<u32> = (0..matrix.columns() as u32).collect();
        random.shuffle(&mut order);
        let mut moved = Factors::zeros(items.rows(), dim);
        order.iter().enumerate().for_each(|(at, item)| moved.row_mut(at).copy_from_slice(items.row(*item as usize)));
        let (user_bounds, item_bounds) = (bounds(matrix.rows()), bounds(matrix.columns()));
        let mut pairs = pairs(matrix, &order, &user_bounds, &item_bounds);
        let mut loss = 0.0;
        for turn in 0..BLOCKS {
            if progress.is_stopped() {
                return Err(stopped());
            }
            let mut item_blocks: Vec<Option<&mut [f32]>> =
                split(moved.data_mut(), &item_bounds, dim).into_iter().map(Some).collect();
            let mut strata = Vec::with_capacity(BLOCKS);
            for (block, users) in split(users.data_mut(), &user_bounds, dim).into_iter().enumerate() {
                let other = (block + turn) % BLOCKS;
                let Some(items) = item_blocks[other].take() else { continue };
                strata.push(Stratum {
                    users,
                    items,
                    pairs: std::mem::take(&mut pairs[block * BLOCKS + other]),
                    random: Random::of(random.next(), block as u64),
                    first_user: user_bounds[block],
                    numbers: &order[item_bounds[other]..item_bounds[other + 1]],
                });
            }
            let losses: Vec<f64> = strata.into_par_iter().map(|stratum| self.work(matrix, stratum)).collect();
            loss += losses.into_iter().sum::<f64>();
        }
        order.iter().enumerate().for_each(|(at, item)| items.row_mut(*item as usize).copy_from_slice(moved.row(at)));
        Ok(loss / matrix.len().max(1) as f64)
    }

    /// The pairs of a stratum, in random order.
    fn work(&self, matrix: &Matrix, mut stratum: Stratum<'_>) -> f64 {
        let dim = self.dim();
        stratum.random.shuffle(&mut stratum.pairs);
        let mut loss = 0.0;
        for (user, item) in std::mem::take(&mut stratum.pairs) {
            let has = matrix.row(stratum.first_user + user as usize).at;
            let drawn = (0..DRAWS).map(|_| stratum.random.below(stratum.numbers.len()));
            let drawn: Vec<usize> = drawn.collect();
            let other = drawn.into_iter().find(|at| has.binary_search(&stratum.numbers[*at]).is_err());
            let Some(other) = other else { continue };
            let x = &mut stratum.users[user as usize * dim..(user as usize + 1) * dim];
            let Some((liked, other)) = two(stratum.items, item as usize, other, dim) else { continue };
            loss += Arch::new().dispatch(
                #[inline(always)]
                || step(x, liked, other, self.learning_rate as f32, self.regularization as f32),
            );
        }
        loss
    }
}

/// One step up the gradient; −ln σ before it.
#[inline(always)]
fn step(x: &mut [f32], liked: &mut [f32], other: &mut [f32], rate: f32, regularization: f32) -> f64 {
    let last = x.len() - 1;
    let difference = dot(x, liked) - dot(x, other);
    let wrong = 1.0 / (1.0 + difference.exp());
    for at in 0..last {
        let (user, yes, no) = (x[at], liked[at], other[at]);
        x[at] += rate * (wrong * (yes - no) - regularization * user);
        liked[at] += rate * (wrong * user - regularization * yes);
        other[at] += rate * (-wrong * user - regularization * no);
    }
    liked[last] += rate * (wrong - regularization * liked[last]);
    other[last] += rate * (-wrong - regularization * other[last]);
    f64::from(-difference).exp().ln_1p()
}

/// Two different rows at once.
fn two(items: &mut [f32], one: usize, other: usize, dim: usize) -> Option<(&mut [f32], &mut [f32])> {
    let [first, second] = items.get_disjoint_mut([one * dim..(one + 1) * dim, other * dim..(other + 1) * dim]).ok()?;
    Some((first, second))
}

/// Where each of [`BLOCKS`] blocks of so many rows begins, and the end of the last.
fn bounds(rows: usize) -> Vec<usize> {
    (0..=BLOCKS).map(|block| rows * block / BLOCKS).collect()
}

/// The blocks of some rows.
fn split<'a>(mut data: &'a mut [f32], bounds: &[usize], dim: usize) -> Vec<&'a mut [f32]> {
    let mut blocks = Vec::with_capacity(BLOCKS);
    for ends in bounds.windows(2) {
        let (block, rest) = data.split_at_mut((ends[1] - ends[0]) * dim);
        blocks.push(block);
        data = rest;
    }
    blocks
}

/// The pairs of each block of users and block of items, as `user block · BLOCKS + item block`.
fn pairs(matrix: &Matrix, order: &[u32], users: &[usize], items: &[usize]) -> Vec<Vec<Pair>> {
    let mut places = vec![(0_u32, 0_u32); order.len()];
    for (block, ends) in items.windows(2).enumerate() {
        for (at, item) in order[ends[0]..ends[1]].iter().enumerate() {
            places[*item as usize] = (block as u32, at as u32);
        }
    }
    let mut pairs = vec![Vec::new(); BLOCKS * BLOCKS];
    for (block, ends) in users.windows(2).enumerate() {
        for user in ends[0]..ends[1] {
            for item in matrix.row(user).at {
                let (item_block, at) = places[*item as usize];
                pairs[block * BLOCKS + item_block as usize].push(((user - ends[0]) as u32, at));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fit::Quiet;

    const BPR: Bpr = Bpr { factors: 6, epochs: 40, learning_rate: 0.1, regularization: 0.002, seed: 4 };

    fn matrix() -> Matrix {
        let mut random = Random::new(9);
        let pairs =
            (0..80_u32).flat_map(|user| (0..60).filter(move |item| item % 4 == user % 4).map(move |at| (user, at)));
        let kept: Vec<_> = pairs.filter(|_| random.share() < 0.7).map(|(user, item)| (user, item, 1.0)).collect();
        Matrix::new(80, 60, kept)
    }

    #[test]
    fn what_users_have_comes_first_also_where_they_do_not_know_it() {
        let matrix = matrix();
        let (users, items) = BPR.train(&matrix, None, &Quiet).unwrap();
        let (mut right, mut all) = (0, 0);
        for user in 0..80 {
            let score = |item: usize| dot(users.row(user), items.row(item));
            for own in (0..60).filter(|item| item % 4 == user % 4 && !matrix.row(user).at.contains(&(*item as u32))) {
                let others = (0..60).filter(|item| item % 4 != user % 4);
                let above = others.map(|other| usize::from(score(own) > score(other)));
                let above: Vec<usize> = above.collect();
                right += above.iter().sum::<usize>();
                all += above.len();
            }
        }
        assert!(right as f64 > 0.97 * all as f64, "{right} of {all}");
        assert!((0..80).all(|user| users.row(user)[6] == 1.0), "what multiplies the bias stays as it is");
    }

    #[test]
    fn the_same_for_any_number_of_threads() {
        let matrix = matrix();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bpr { epochs: 3, ..BPR }.train(&matrix, None, &Quiet).unwrap())
        };
        assert_eq!(on(1), on(4));
    }

    #[test]
    fn tiny_data_is_no_trouble() {
        for (rows, columns) in [(1, 1), (1, 5), (5, 1), (3, 3)] {
            let matrix = Matrix::new(rows, columns, [(0, 0, 1.0)]);
            let (users, items) = BPR.train(&matrix, None, &Quiet).unwrap();
            assert!(users.is_finite() && items.is_finite());
        }
    }
}
