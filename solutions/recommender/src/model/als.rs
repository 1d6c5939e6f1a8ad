//! Matrix factorisation for implicit feedback by alternating least squares (Hu, Koren & Volinsky, "Collaborative filtering
//! for implicit feedback datasets", ICDM 2008), with the regularisation and the objective of Rendle, Krichene, Zhang &
//! Koren, "Revisiting the performance of iALS on item recommendation benchmarks", RecSys 2022:
//!
//! `Σ_S w (x·y − 1)² + α₀ Σ_all (x·y)² + λ Σ_u (Σ_S w + α₀|I|)^ν |x_u|² + λ Σ_i (Σ_S w + α₀|U|)^ν |y_i|²`
//!
//! where S are the pairs that were observed and w their weights. A half-step fixes one side, and each row of the other is a
//! system of its own.

use bootcamp_core::Result;
use pulp::Arch;
use rayon::prelude::*;

use super::factors::Factors;
use super::fit::{Progress, State, stopped};
use super::kernel::{add, dot, times};
use super::linear::{Cholesky, add_outer, check_finite, gram};
use super::matrix::{Matrix, Row};
use super::random::Random;

/// Rows that one thread solves before it takes others; they share its working memory.
const ROWS: usize = 64;
/// Where conjugate gradients are near enough, relative to the right side.
const NEAR: f32 = 1e-10;

/// How the systems of a half-step are solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Solver {
    /// So many steps of conjugate gradients from the last epoch's solution (Takács, Pilászy & Tikk, "Applications of the
    /// conjugate gradient method for implicit feedback collaborative filtering", RecSys 2011).
    Gradients(usize),
    /// Exactly.
    Cholesky,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Als {
    pub factors: usize,
    pub epochs: usize,
    /// λ.
    pub regularization: f64,
    /// α₀: the weight of pairs that were not observed.
    pub unobserved: f64,
    /// ν: 1 scales the regularisation with the number of observations, 0 does not.
    pub frequency: f64,
    pub solver: Solver,
    pub seed: u64,
}

/// What all rows of a half-step share: the other side, its Gram matrix, and what regularises.
#[derive(Debug)]
pub struct Half<'a> {
    other: &'a Factors,
    /// α₀ · Gram, of which the lower triangle counts.
    base: Vec<f64>,
    als: Als,
    /// Rows of the other side.
    count: usize,
}

impl Als {
    /// Users and items as vectors. `start` is where an earlier training stopped.
    ///
    /// # Errors
    /// `InvalidInput` for parameters that lead nowhere, and when `progress` says to stop.
    pub fn train(&self, matrix: &Matrix, start: Option<State>, progress: &dyn Progress) -> Result<(Factors, Factors)> {
        let turned = matrix.transpose();
        let mut state = start.unwrap_or_else(|| State {
            epoch: 0,
            users: Factors::zeros(matrix.rows(), self.factors),
            items: self.first(matrix.columns()),
        });
        while state.epoch < self.epochs {
            let State { users, items, .. } = &mut state;
            self.half_step(matrix, items, users, self.solver, progress)?;
            self.half_step(&turned, users, items, self.solver, progress)?;
            check_finite(items, "items")?;
            state.epoch += 1;
            progress.epoch(&state, self.epochs, self.loss(matrix, &turned, &state))?;
        }
        let State { mut users, items, .. } = state;
        // Exactly, so that folding a user in from the same ratings gives the same vector.
        self.half_step(matrix, &items, &mut users, Solver::Cholesky, progress)?;
        check_finite(&users, "users")?;
        Ok((users, items))
    }

    /// Small numbers around zero, as the paper begins.
    fn first(&self, rows: usize) -> Factors {
        let scale = 0.1 / (self.factors.max(1) as f64).sqrt();
        let mut factors = Factors::zeros(rows, self.factors);
        for row in 0..rows {
            let mut random = Random::of(self.seed, row as u64);
            factors.row_mut(row).iter_mut().for_each(|value| *value = (random.normal() * scale) as f32);
        }
        factors
    }

    /// Solves all rows against the other side.
    fn half_step(
        &self,
        matrix: &Matrix,
        other: &Factors,
        out: &mut Factors,
        solver: Solver,
        progress: &dyn Progress,
    ) -> Result<()> {
        let half = Half::new(*self, other, gram(other), matrix.columns());
        let base: Vec<f32> = half.base.iter().map(|value| *value as f32).collect();
        let dim = self.factors;
        out.data_mut().par_chunks_mut(ROWS * dim).enumerate().try_for_each(|(chunk, rows)| {
            if progress.is_stopped() {
                return Err(stopped());
            }
            let mut memory = Memory::new(dim);
            for (at, out) in rows.chunks_exact_mut(dim).enumerate() {
                let row = matrix.row(chunk * ROWS + at);
                match solver {
                    Solver::Gradients(steps) => half.approach(row, &base, steps, out, &mut memory),
                    Solver::Cholesky => out.copy_from_slice(&half.solve(row)?),
                }
            }
            Ok(())
        })
    }

    /// λ (Σ w + α₀n)^ν of a row.
    fn regularization_of(&self, row: Row<'_>, count: usize) -> f64 {
        let observed: f64 = row.values.iter().map(|weight| f64::from(*weight)).sum();
        self.regularization * (observed + self.unobserved * count as f64).powf(self.frequency)
    }

    /// The objective. The sum over all pairs is the trace of the product of both Gram matrices.
    fn loss(&self, matrix: &Matrix, turned: &Matrix, State { users, items, .. }: &State) -> f64 {
        let all: f64 = gram(users).iter().zip(gram(items)).map(|(a, b)| a * b).sum();
        self.observed_loss(matrix, users, items)
            + self.unobserved * all
            + self.penalty(matrix, users)
            + self.penalty(turned, items)
    }

    fn observed_loss(&self, matrix: &Matrix, users: &Factors, items: &Factors) -> f64 {
        let of_row = |row: usize| {
            let errors = |(at, weight): (usize, f32)| {
                let error = f64::from(dot(users.row(row), items.row(at)) - 1.0);
                f64::from(weight) * error * error
            };
            matrix.row(row).iter().map(errors).sum::<f64>()
        };
        in_blocks(matrix.rows(), of_row)
    }

    fn penalty(&self, matrix: &Matrix, factors: &Factors) -> f64 {
        let of_row = |row: usize| {
            let length: f64 = factors.row(row).iter().map(|x| f64::from(*x).powi(2)).sum();
            length * self.regularization_of(matrix.row(row), matrix.columns())
        };
        in_blocks(matrix.rows(), of_row)
    }
}

/// A sum over rows, in an order that does not depend on the threads.
fn in_blocks(rows: usize, of_row: impl Fn(usize) -> f64 + Sync) -> f64 {
    let starts: Vec<usize> = (0..rows).step_by(1024).collect();
    let sum = |start: &usize| (*start..rows.min(start + 1024)).map(&of_row).sum::<f64>();
    let parts: Vec<f64> = starts.par_iter().map(sum).collect();
    parts.into_iter().sum()
}

impl<'a> Half<'a> {
    /// `gram` is that of `other`; `count` are the rows that the other side has in all, of which `other` may be a few.
    pub fn new(als: Als, other: &'a Factors, gram: Vec<f64>, count: usize) -> Self {
        let base = gram.into_iter().map(|value| als.unobserved * value).collect();
        Self { other, base, als, count }
    }

    /// The left side of a row's system: `Σ w yyᵀ + α₀G + λ…I`, its lower triangle.
    fn left(&self, row: Row<'_>) -> Vec<f64> {
        let dim = self.als.factors;
        let mut left = self.base.clone();
        Arch::new().dispatch(
            #[inline(always)]
            || row.iter().for_each(|(at, weight)| add_outer(&mut left, self.other.row(at), f64::from(weight))),
        );
        // A row without ratings and with nothing else to go by is at zero.
        let ridge = self.als.regularization_of(row, self.count).max(f64::MIN_POSITIVE);
        (0..dim).for_each(|at| left[at * dim + at] += ridge);
        left
    }

    /// A row's system, decomposed.
    ///
    /// # Errors
    /// `InvalidInput` when it has no single solution.
    pub fn decompose(&self, row: Row<'_>) -> Result<Cholesky> {
        Cholesky::new(&self.left(row), self.als.factors)
    }

    /// The vector of a row, exactly.
    ///
    /// # Errors
    /// `InvalidInput` when its system has no single solution.
    pub fn solve(&self, row: Row<'_>) -> Result<Vec<f32>> {
        if row.is_empty() {
            return Ok(vec![0.0; self.als.factors]);
        }
        let mut right = vec![0.0_f64; self.als.factors];
        for (at, weight) in row.iter() {
            let weight = f64::from(weight);
            right.iter_mut().zip(self.other.row(at)).for_each(|(to, y)| *to += weight * f64::from(*y));
        }
        Ok(self.decompose(row)?.solve(&right).into_iter().map(|value| value as f32).collect())
    }

    /// The vector of a row, nearer by some steps of conjugate gradients. `base` is `α₀G` in 32 bits.
    fn approach(&self, row: Row<'_>, base: &[f32], steps: usize, out: &mut [f32], memory: &mut Memory) {
        if row.is_empty() {
            out.fill(0.0);
            return;
        }
        let ridge = self.als.regularization_of(row, self.count) as f32;
        Arch::new().dispatch(
            #[inline(always)]
            || gradients(self.other, row, base, ridge, steps, out, memory),
        );
    }
}

/// A thread's working memory for conjugate gradients: residual, direction, and the system times the direction.
struct Memory {
    residual: Vec<f32>,
    direction: Vec<f32>,
    product: Vec<f32>,
}

impl Memory {
    fn new(dim: usize) -> Self {
        let zeros = || vec![0.0; dim];
        Self { residual: zeros(), direction: zeros(), product: zeros() }
    }
}

#[inline(always)]
fn gradients(
    other: &Factors,
    row: Row<'_>,
    base: &[f32],
    ridge: f32,
    steps: usize,
    out: &mut [f32],
    Memory { residual, direction, product }: &mut Memory,
) {
    times(residual, base, out);
    residual.iter_mut().zip(&*out).for_each(|(residual, x)| *residual = -*residual - ridge * x);
    for (at, weight) in row.iter() {
        let y = other.row(at);
        add(residual, weight * (1.0 - dot(y, out)), y);
    }
    direction.copy_from_slice(residual);
    let mut length = dot(residual, residual);
    let near = length * NEAR;
    for _ in 0..steps {
        if length <= near.max(f32::MIN_POSITIVE) {
            break;
        }
        times(product, base, direction);
        add(product, ridge, direction);
        for (at, weight) in row.iter() {
            let y = other.row(at);
            add(product, weight * dot(y, direction), y);
        }
        let step = length / dot(direction, product);
        add(out, step, direction);
        add(residual, -step, product);
        let next = dot(residual, residual);
        let turn = next / length;
        direction
            .iter_mut()
            .zip(&*residual)
            .for_each(|(direction, residual)| *direction = residual + turn * *direction);
        length = next;
    }
}

#[cfg(test)]
mod tests;
