//! Vectors in one piece of memory, each with its id.

use bootcamp_core::{Error, Result};

use crate::sample::ObjectId;

/// Vectors of the same dimension, row by row, in ascending order of their ids, so that no answer depends on the order
/// in which they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    ids: Vec<ObjectId>,
    dim: usize,
    values: Vec<f32>,
    /// 1 / length of each row, or 0 for a row of zeros.
    scales: Vec<f32>,
}

impl Vectors {
    /// `values` has `dim` numbers for each id. They are sorted in place: no second copy is made.
    ///
    /// # Errors
    /// `InvalidInput` if their number does not match, an id comes twice, or a number is not finite or so large that its
    /// square is not.
    pub fn new(mut ids: Vec<ObjectId>, dim: usize, mut values: Vec<f32>) -> Result<Self> {
        if dim == 0 || Some(values.len()) != ids.len().checked_mul(dim) || u32::try_from(ids.len()).is_err() {
            let message = format!("{} vectors of {dim} components are not {} numbers", ids.len(), values.len());
            return Err(Error::invalid(message).with_hint("give as many ids as vectors, at least one component each"));
        }
        sort(&mut ids, &mut values, dim);
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid(format!("the id {} comes twice", pair[0])).with_hint("give each vector once"));
        }
        let mut scales = Vec::with_capacity(ids.len());
        for (id, row) in ids.iter().zip(values.chunks_exact(dim)) {
            let square: f64 = row.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
            // The sum of a pair's differences squared is at most four times as much.
            if !square.is_finite() || square > f64::from(f32::MAX) / 4.0 {
                let message = format!("the vector of {id} holds a number that is not finite, or too large");
                return Err(Error::invalid(message).with_hint("compute its embedding again"));
            }
            scales.push(if square > 0.0 { square.sqrt().recip() as f32 } else { 0.0 });
        }
        Ok(Self { ids, dim, values, scales })
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// In ascending order.
    pub fn ids(&self) -> &[ObjectId] {
        &self.ids
    }

    /// The vector of the id with this index. Panics if there is none.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }

    /// 1 / length of that vector, or 0 if it has none.
    pub(super) fn scale(&self, index: usize) -> f32 {
        self.scales[index]
    }

    pub(super) fn index(&self, id: ObjectId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// At most `limit` of them, evenly spread over the ids.
    pub(super) fn sample(&self, limit: usize) -> Self {
        let count = limit.min(self.len());
        let chosen = || (0..count).map(|at| at * self.len() / count);
        Self {
            ids: chosen().map(|index| self.ids[index]).collect(),
            dim: self.dim,
            values: chosen().flat_map(|index| self.row(index)).copied().collect(),
            scales: chosen().map(|index| self.scales[index]).collect(),
        }
    }
}

/// Sorts ids, and the rows with them, along the cycles of the permutation: one row is held aside at a time.
fn sort(ids: &mut Vec<ObjectId>, values: &mut [f32], dim: usize) {
    if ids.is_sorted() {
        return;
    }
    let mut sources: Vec<usize> = (0..ids.len()).collect();
    sources.sort_by_key(|index| ids[*index]);
    *ids = sources.iter().map(|index| ids[*index]).collect();
    let mut first_row = vec![0.0; dim];
    for start in 0..sources.len() {
        if sources[start] == start {
            continue;
        }
        first_row.copy_from_slice(&values[start * dim..][..dim]);
        let mut place = start;
        loop {
            let source = std::mem::replace(&mut sources[place], place);
            if source == start {
                values[place * dim..][..dim].copy_from_slice(&first_row);
                break;
            }
            values.copy_within(source * dim..(source + 1) * dim, place * dim);
            place = source;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::id;
    use super::*;

    #[test]
    fn rows_follow_their_ids() {
        let ids: Vec<_> = (0..40).map(|at| id(at * 27 % 40)).collect();
        let values = (0..40).flat_map(|at| [(at * 27 % 40) as f32, -1.0]).collect();
        let vectors = Vectors::new(ids, 2, values).unwrap();
        for at in 0..40 {
            assert_eq!((vectors.ids()[at], vectors.row(at)), (id(at as u64), &[at as f32, -1.0][..]));
        }
        assert_eq!((vectors.len(), vectors.dim(), vectors.index(id(7)), vectors.index(id(40))), (40, 2, Some(7), None));
        assert_eq!(vectors.sample(4).ids(), [0, 10, 20, 30].map(id));
        assert_eq!(vectors.sample(99), vectors);
        assert_eq!((vectors.scale(0), vectors.sample(0).len()), (1.0, 0));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |ids: &[u64], dim, values: &[f32]| {
            let error = Vectors::new(ids.iter().copied().map(id).collect(), dim, values.to_vec()).unwrap_err();
            assert!(error.hint().is_some());
            error.to_string()
        };
        assert_eq!(message(&[1, 2], 2, &[0.0; 3]), "2 vectors of 2 components are not 3 numbers");
        assert_eq!(message(&[], 0, &[]), "0 vectors of 0 components are not 0 numbers");
        assert_eq!(message(&[3, 2, 3], 1, &[0.0; 3]), format!("the id {} comes twice", id(3)));
        for wrong in [f32::NAN, f32::INFINITY, f32::MAX] {
            let expected = format!("the vector of {} holds a number that is not finite, or too large", id(5));
            assert_eq!(message(&[6, 5], 1, &[0.0, wrong]), expected);
        }
        assert!(Vectors::new(vec![], 3, vec![]).unwrap().is_empty());
    }
}
