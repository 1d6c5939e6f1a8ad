//! Distances of exact rows: what a search answers with, and what the graph goes by where codes would lose too much.
//!
//! Sums are of sixteen lanes in a fixed order, so that every processor gives the same bits. Where squares of components
//! would leave f32's range, products and sums are f64, which no f32 leaves.

use crate::line::{FLOATS, FloatLine, fill};
use crate::metric::Metric;

/// Beyond these, squares of components, and sums of them, no longer fit into an f32.
const LARGE: f32 = 1e15;
const SMALL: f32 = 1e-9;

/// The greatest magnitude of a component.
pub(crate) fn magnitude(components: impl Iterator<Item = f32>) -> f32 {
    components.fold(0.0, |greatest, component| greatest.max(component.abs()))
}

/// Whether distances of vectors of this magnitude, at most, are beyond f32.
fn is_wide(magnitude: f32) -> bool {
    magnitude > LARGE || magnitude < SMALL && magnitude > 0.0
}

/// A query to compare exact rows with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exact {
    lines: Vec<FloatLine>,
    is_dot: bool,
    is_wide: bool,
}

impl Exact {
    /// Makes it a query under a metric, for rows of at most this magnitude.
    pub(crate) fn set(&mut self, metric: Metric, query: &[f32], rows: f32) {
        self.lines.resize(query.len().div_ceil(FLOATS), FloatLine::ZERO);
        fill(&mut self.lines, query.iter().copied());
        self.is_dot = metric != Metric::L2;
        let own = magnitude(query.iter().copied());
        // Of an inner product either may be small while the other is large.
        self.is_wide = is_wide(own.max(rows)) || self.is_dot && (is_wide(own) || is_wide(rows));
    }

    /// Makes it a query of a row, to be compared with others as the graph does: euclidean, or by inner product.
    pub(crate) fn set_row(&mut self, is_dot: bool, row: &[FloatLine], rows: f32) {
        self.lines.clear();
        self.lines.extend_from_slice(row);
        (self.is_dot, self.is_wide) = (is_dot, is_wide(rows));
    }

    /// Distances in an order of u32: see [`Exact::distance`].
    #[inline(always)]
    pub(crate) fn four(&self, rows: [&[FloatLine]; 4]) -> [u32; 4] {
        if self.is_wide { self.wide(rows).map(order_of_f64) } else { self.narrow(rows).map(order_of_f32) }
    }

    /// What a number of that order stands for.
    #[inline(always)]
    pub(crate) fn distance(&self, order: u32) -> f32 {
        if self.is_wide { f64_of_order(order) as f32 } else { f32_of_order(order) }
    }

    /// The order of a multiple of a distance.
    #[inline(always)]
    pub(crate) fn times(&self, order: u32, factor: f32) -> u32 {
        if self.is_wide {
            order_of_f64(f64_of_order(order) * f64::from(factor))
        } else {
            order_of_f32(f32_of_order(order) * factor)
        }
    }

    /// Distances as near as f32 can tell them.
    #[inline(always)]
    pub(crate) fn distances(&self, rows: [&[FloatLine]; 4]) -> [f32; 4] {
        if self.is_wide { self.wide(rows).map(|distance| distance as f32) } else { self.narrow(rows) }
    }

    #[inline(always)]
    fn narrow(&self, rows: [&[FloatLine]; 4]) -> [f32; 4] {
        let mut sums = [[0.0_f32; FLOATS]; 4];
        let rows = rows.map(|row| &row[..self.lines.len()]);
        for (at, query) in self.lines.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                for ((sum, a), b) in sums.iter_mut().zip(query.0).zip(row[at].0) {
                    *sum += if self.is_dot { -(a * b) } else { (a - b) * (a - b) };
                }
            }
        }
        sums.map(|sums| {
            let eight: [f32; 8] = std::array::from_fn(|at| sums[at] + sums[at + 8]);
            let four: [f32; 4] = std::array::from_fn(|at| eight[at] + eight[at + 4]);
            // Zero has one sign.
            (four[0] + four[2]) + (four[1] + four[3]) + 0.0
        })
    }

    fn wide(&self, rows: [&[FloatLine]; 4]) -> [f64; 4] {
        rows.map(|row| {
            let pairs = self.lines.iter().zip(row).flat_map(|(query, row)| query.0.into_iter().zip(row.0));
            let term = |(a, b): (f32, f32)| {
                let (a, b) = (f64::from(a), f64::from(b));
                if self.is_dot { -(a * b) } else { (a - b) * (a - b) }
            };
            pairs.map(term).sum::<f64>() + 0.0
        })
    }
}

/// Floats as u32 in the same order.
#[inline(always)]
fn order_of_f32(distance: f32) -> u32 {
    let bits = distance.to_bits();
    bits ^ (((bits as i32) >> 31) as u32 | 1 << 31)
}

#[inline(always)]
fn f32_of_order(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 1 { order ^ 1 << 31 } else { !order })
}

/// The same of f64, of which six digits remain.
fn order_of_f64(distance: f64) -> u32 {
    let bits = (distance.to_bits() >> 32) as u32;
    bits ^ (((bits as i32) >> 31) as u32 | 1 << 31)
}

fn f64_of_order(order: u32) -> f64 {
    let bits = if order >> 31 == 1 { order ^ 1 << 31 } else { !order };
    f64::from_bits(u64::from(bits) << 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(components: &[f32]) -> Vec<FloatLine> {
        let mut lines = vec![FloatLine::ZERO; components.len().div_ceil(FLOATS)];
        fill(&mut lines, components.iter().copied());
        lines
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_formulas_at_any_magnitude(
            dim in 1_usize..50,
            exponent in -44_i32..37,
            values in prop::collection::vec(-9.0_f32..9.0, 100),
        ) {
            let scaled = |values: &[f32]| values.iter().map(|value| value * 10_f32.powi(exponent)).collect::<Vec<f32>>();
            let (query, other) = (scaled(&values[..dim]), scaled(&values[50..50 + dim]));
            let pairs = || query.iter().zip(&other).map(|(a, b)| (f64::from(*a), f64::from(*b)));
            let size: f64 = pairs().map(|(a, b)| a * a + b * b).sum();
            for metric in [Metric::L2, Metric::InnerProduct] {
                let truth: f64 = match metric {
                    Metric::L2 => pairs().map(|(a, b)| (a - b).powi(2)).sum(),
                    _ => -pairs().map(|(a, b)| a * b).sum::<f64>(),
                };
                let mut exact = Exact::default();
                exact.set(metric, &query, magnitude(other.iter().copied()));
                let row = row(&other);
                let order = exact.four([&row; 4])[0];
                let told = if exact.is_wide { f64_of_order(order) } else { f32_of_order(order).into() };
                prop_assert!((told - truth).abs() <= 1e-5 * size, "{told} for {truth}");
                let told = f64::from(exact.distances([&row; 4])[0]);
                prop_assert!((told - truth).abs() <= 1e-5 * size + 1e-44 || truth.abs() > 3e38, "{told} for {truth}");
            }
        }
    }

    #[test]
    fn ordinary_vectors_are_compared_in_f32_and_others_are_told_as_far_as_it_goes() {
        let mut exact = Exact::default();
        exact.set(Metric::L2, &[1.0, 2.0], 6.0);
        assert!(!exact.is_wide);
        let (near, own) = (row(&[4.0, 6.0]), row(&[1.0, 2.0]));
        assert_eq!(exact.distances([&near, &own, &near, &own]), [25.0, 0.0, 25.0, 0.0]);
        let orders = exact.four([&near, &own, &near, &own]);
        assert_eq!(orders.map(|order| exact.distance(order)), [25.0, 0.0, 25.0, 0.0]);
        assert_eq!(exact.distance(exact.times(orders[0], 4.0)), 100.0);
        exact.set(Metric::InnerProduct, &[1e30, 1e30], 1.0);
        assert_eq!(exact.distances([&row(&[f32::MAX, f32::MIN]); 4]), [0.0; 4]);
        assert_eq!(exact.distances([&row(&[f32::MAX, 0.0]); 4]), [f32::NEG_INFINITY; 4]);
    }

    #[test]
    fn floats_keep_their_order() {
        let floats = [f32::NEG_INFINITY, -1e30, -1.0, -1e-40, 0.0, 1e-40, 2.5, f32::INFINITY];
        assert!(floats.map(order_of_f32).windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(floats.map(order_of_f32).map(f32_of_order), floats);
        let floats = [-1e60, -1.0, -1e-80, 0.0, 1e-80, 2.5, 1e77];
        assert!(floats.map(order_of_f64).windows(2).all(|pair| pair[0] < pair[1]));
        assert!(floats.iter().all(|float| (f64_of_order(order_of_f64(*float)) - float).abs() <= float.abs() * 1e-6));
    }
}
