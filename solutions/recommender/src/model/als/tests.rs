//! Against what is known of the optimum: its gradient is zero, and of data of low rank it finds the rank.

use super::*;
use crate::model::fit::Quiet;

const ALS: Als = Als {
    factors: 4,
    epochs: 20,
    regularization: 0.01,
    unobserved: 0.2,
    frequency: 1.0,
    solver: Solver::Cholesky,
    seed: 1,
};

/// Users of several tastes, each with some of the items of their taste, and weights.
fn matrix(users: u32, items: u32) -> Matrix {
    let mut random = Random::new(7);
    let entries: Vec<(u32, u32, f32)> = (0..users)
        .flat_map(|user| (0..items).filter(move |item| item % 3 == user % 3).map(move |item| (user, item)))
        .filter(|_| random.share() < 0.6)
        .map(|(user, item)| (user, item, 1.0 + (user % 2) as f32))
        .collect();
    Matrix::new(users as usize, items as usize, entries)
}

/// The objective of one user, written out over all items.
fn objective(als: &Als, row: Row<'_>, items: &Factors, x: &[f64]) -> f64 {
    let score = |item: usize| -> f64 { items.row(item).iter().zip(x).map(|(y, x)| f64::from(*y) * x).sum() };
    let observed: f64 = row.iter().map(|(at, weight)| f64::from(weight) * (score(at) - 1.0).powi(2)).sum();
    let all: f64 = (0..items.rows()).map(|item| score(item).powi(2)).sum();
    let weights: f64 = row.values.iter().map(|weight| f64::from(*weight)).sum();
    let ridge = als.regularization * (weights + als.unobserved * items.rows() as f64).powf(als.frequency);
    observed + als.unobserved * all + ridge * x.iter().map(|x| x * x).sum::<f64>()
}

#[test]
fn at_the_end_no_user_can_move_to_a_better_place() {
    let matrix = matrix(30, 24);
    let (users, items) = ALS.train(&matrix, None, &Quiet).unwrap();
    for user in 0..matrix.rows() {
        let at = |x: &[f64]| objective(&ALS, matrix.row(user), &items, x);
        let x: Vec<f64> = users.row(user).iter().map(|x| f64::from(*x)).collect();
        for axis in 0..4 {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[axis] += by;
                at(&x)
            };
            let gradient = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert!(gradient.abs() < 1e-5 * (1.0 + at(&x)), "user {user}, axis {axis}: {gradient}");
        }
    }
}

#[test]
fn gradients_come_to_where_cholesky_is() {
    let matrix = matrix(30, 24);
    let (_, items) = ALS.train(&matrix, None, &Quiet).unwrap();
    let exact = Half::new(ALS, &items, gram(&items), matrix.columns());
    let base: Vec<f32> = exact.base.iter().map(|value| *value as f32).collect();
    for user in 0..matrix.rows() {
        let mut near = vec![0.0; 4];
        exact.approach(matrix.row(user), &base, 20, &mut near, &mut Memory::new(4));
        let solved = exact.solve(matrix.row(user)).unwrap();
        assert!(near.iter().zip(&solved).all(|(a, b)| (a - b).abs() < 1e-4), "{near:?} {solved:?}");
    }
}

#[test]
fn the_loss_only_falls() {
    struct Losses(std::sync::Mutex<Vec<f64>>);
    impl Progress for Losses {
        fn epoch(&self, _: &State, _: usize, loss: f64) -> Result<()> {
            self.0.lock().unwrap().push(loss);
            Ok(())
        }
    }
    let losses = Losses(std::sync::Mutex::default());
    ALS.train(&matrix(40, 30), None, &losses).unwrap();
    let losses = losses.0.into_inner().unwrap();
    assert_eq!(losses.len(), 20);
    assert!(losses.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-6)), "{losses:?}");
}

/// Three tastes: every item of a user's own taste is above every other one, also those that the user has not seen.
#[test]
fn data_of_low_rank_is_recovered() {
    let matrix = matrix(60, 45);
    for solver in [Solver::Cholesky, Solver::Gradients(3)] {
        let (users, items) = Als { factors: 3, solver, ..ALS }.train(&matrix, None, &Quiet).unwrap();
        for user in 0..60 {
            let score = |item: usize| dot(users.row(user), items.row(item));
            let own = (0..45).filter(|item| item % 3 == user % 3).map(score).fold(f32::MAX, f32::min);
            let other = (0..45).filter(|item| item % 3 != user % 3).map(score).fold(f32::MIN, f32::max);
            assert!(own > other + 0.2, "user {user}: {own} {other}");
        }
    }
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    struct StopAt(usize, std::sync::Mutex<Option<State>>);
    impl Progress for StopAt {
        fn epoch(&self, state: &State, _: usize, _: f64) -> Result<()> {
            *self.1.lock().unwrap() = Some(state.clone());
            if state.epoch == self.0 { Err(stopped()) } else { Ok(()) }
        }
    }
    let matrix = matrix(300, 90);
    let als = Als { factors: 7, epochs: 5, solver: Solver::Gradients(3), ..ALS };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| als.train(&matrix, None, &Quiet).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(3));
    let stop = StopAt(2, std::sync::Mutex::default());
    als.train(&matrix, None, &stop).unwrap_err();
    let state = stop.1.into_inner().unwrap();
    assert_eq!(als.train(&matrix, state, &Quiet).unwrap(), one);
}

#[test]
fn one_user_and_one_item_are_enough_and_nothing_is_nothing() {
    let (users, items) = ALS.train(&Matrix::new(1, 1, [(0, 0, 1.0)]), None, &Quiet).unwrap();
    assert!(dot(users.row(0), items.row(0)) > 0.5);
    let (users, items) = ALS.train(&Matrix::new(2, 2, []), None, &Quiet).unwrap();
    assert!(users.data().iter().chain(items.data()).all(|x| *x == 0.0));
}
