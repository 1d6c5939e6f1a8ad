//! The neighbours of each item by the users that they share (Sarwar, Karypis, Konstan & Riedl, "Item-based collaborative
//! filtering recommendation algorithms", WWW 2001): cosine similarity, damped where few users are shared.

use std::cmp::Ordering;

use bootcamp_core::Result;
use rayon::prelude::*;

use super::fit::{Progress, stopped};
use super::matrix::Matrix;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemKnn {
    /// Neighbours of an item that count.
    pub neighbours: usize,
    /// Added to the product of the lengths: similarities that rest on few users are smaller.
    pub shrinkage: f64,
}

impl ItemKnn {
    /// Weights: row `j` has the items that `j` is a neighbour of, and by how much.
    ///
    /// # Errors
    /// When `progress` says to stop.
    pub fn train(&self, matrix: &Matrix, progress: &dyn Progress) -> Result<Matrix> {
        let (items, turned) = (matrix.columns(), matrix.transpose());
        let square = |item: usize| turned.row(item).iter().map(|(_, weight)| f64::from(weight).powi(2)).sum::<f64>();
        let lengths: Vec<f64> = (0..items).map(|item| square(item).sqrt()).collect();
        let neighbours: Vec<Vec<(u32, f32)>> = (0..items)
            .into_par_iter()
            .map_init(
                || vec![0.0_f64; items],
                |products, item| {
                    if progress.is_stopped() {
                        return Err(stopped());
                    }
                    Ok(self.of_item(item, matrix, &turned, &lengths, products))
                },
            )
            .collect::<Result<_>>()?;
        let entries = neighbours.into_iter().enumerate();
        let entries =
            entries.flat_map(|(item, of)| of.into_iter().map(move |(other, value)| (item as u32, other, value)));
        Ok(Matrix::new(items, items, entries).transpose())
    }

    fn of_item(
        &self,
        item: usize,
        matrix: &Matrix,
        turned: &Matrix,
        lengths: &[f64],
        products: &mut [f64],
    ) -> Vec<(u32, f32)> {
        let mut met = Vec::new();
        for (user, weight) in turned.row(item).iter() {
            for (other, value) in matrix.row(user).iter().filter(|(other, _)| *other != item) {
                if products[other] == 0.0 {
                    met.push(other);
                }
                products[other] += f64::from(weight) * f64::from(value);
            }
        }
        let similar = |other: &usize| {
            let value = std::mem::take(&mut products[*other]) / (lengths[item] * lengths[*other] + self.shrinkage);
            (*other as u32, value as f32)
        };
        let mut found: Vec<(u32, f32)> = met.iter().map(similar).collect();
        let nearest =
            |(a, x): &(u32, f32), (b, y): &(u32, f32)| y.partial_cmp(x).unwrap_or(Ordering::Equal).then(a.cmp(b));
        found.sort_unstable_by(nearest);
        found.truncate(self.neighbours);
        found.sort_unstable_by_key(|(other, _)| *other);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fit::Quiet;

    #[test]
    fn neighbours_are_those_of_all_pairs_compared() {
        let entries = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 1), (2, 3), (3, 2), (3, 3), (3, 0)];
        let matrix = Matrix::new(4, 4, entries.map(|(user, item)| (user, item, 1.0)));
        let weights = ItemKnn { neighbours: 2, shrinkage: 0.5 }.train(&matrix, &Quiet).unwrap();
        // Items 0 and 1 share two users of three each; 0 and 2 share two of three and two.
        let value =
            |of: u32, item: u32| weights.iter().find(|(a, b, _)| (*a, *b) == (of, item)).map(|(_, _, value)| value);
        assert!((value(1, 0).unwrap() - 2.0 / 3.5).abs() < 1e-6);
        assert!((value(2, 0).unwrap() - 2.0 / (6.0_f32.sqrt() + 0.5)).abs() < 1e-6);
        assert_eq!(value(3, 0), None, "the third best neighbour of item 0 does not count");
        assert_eq!(value(0, 0), None);
    }
}
