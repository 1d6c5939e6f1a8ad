//! What a user's vector follows from: the items that they rated, and a small part of the model. So a newcomer, or a user
//! who has just rated something, needs no training; and because the vector is a sum with a part for each item, the model
//! itself says which of them speak for a recommendation, and by how much.

use bootcamp_core::Result;

use super::als::{Als, Half};
use super::factors::Factors;
use super::kernel::{add, dot};
use super::matrix::Row;

/// Steps towards the optimum for BPR, which has no closed form. The problem is small and convex.
const STEPS: usize = 120;

/// An item that a user has rated.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The item's vector.
    pub vector: Vec<f32>,
    /// Its number in the model.
    pub number: usize,
    /// As in training; of an item that the user does not want, how much that weighs.
    pub weight: f32,
    pub is_liked: bool,
}

/// What is needed of a model to fold a user in.
#[derive(Clone, Debug, PartialEq)]
pub enum Fold {
    /// An exact half-step. The Gram matrix is that of all items, of which there are so many.
    Als { als: Als, gram: Vec<f64>, items: usize },
    /// The optimum against a sample of the items.
    Bpr { others: Factors, regularization: f64 },
    /// The ratings themselves; the vector has a place for each item.
    Ease { dim: usize },
}

/// A user's vector as a sum of parts, one for each item that they rated, in their order. An item that is not wanted has no
/// part: it changes those of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    pub vector: Vec<f32>,
    parts: Vec<Vec<f32>>,
}

impl Folded {
    /// What each of the user's items adds to the score of the item with this vector.
    pub fn contributions(&self, vector: &[f32]) -> Vec<f32> {
        self.parts.iter().map(|part| dot(part, vector)).collect()
    }
}

impl Fold {
    /// The user with these items.
    ///
    /// # Errors
    /// `InvalidInput` when the half-step has no single solution.
    pub fn fold(&self, known: &[Known]) -> Result<Folded> {
        let parts = match self {
            Self::Als { als, gram, items } => als_parts(als, gram, *items, known)?,
            Self::Bpr { others, regularization } => bpr_parts(others, *regularization as f32, known),
            Self::Ease { dim } => known.iter().map(|known| ease_part(*dim, known)).collect(),
        };
        let mut vector = vec![0.0_f32; self.dim()];
        parts.iter().for_each(|part| add(&mut vector, 1.0, part));
        if let (Self::Bpr { .. }, Some(last)) = (self, vector.last_mut()) {
            *last = 1.0;
        }
        Ok(Folded { vector, parts })
    }

    /// The length of a vector.
    pub fn dim(&self) -> usize {
        match self {
            Self::Als { als, .. } => als.factors,
            Self::Bpr { others, .. } => others.dim(),
            Self::Ease { dim } => *dim,
        }
    }
}

/// `x = A⁻¹ Σ w y`: the part of an item is `A⁻¹ w y`. What is not wanted is in A alone.
fn als_parts(als: &Als, gram: &[f64], items: usize, known: &[Known]) -> Result<Vec<Vec<f32>>> {
    if !known.iter().any(|known| known.is_liked) {
        return Ok(known.iter().map(|_| vec![0.0; als.factors]).collect());
    }
    let rows = Factors::new(als.factors, known.iter().flat_map(|known| known.vector.iter().copied()).collect());
    let at: Vec<u32> = (0..known.len() as u32).collect();
    let weights: Vec<f32> = known.iter().map(|known| known.weight).collect();
    let half = Half::new(*als, &rows, gram.to_vec(), items);
    let cholesky = half.decompose(Row { at: &at, values: &weights })?;
    let part = |known: &Known| {
        if !known.is_liked {
            return vec![0.0; als.factors];
        }
        let right: Vec<f64> = known.vector.iter().map(|y| f64::from(known.weight) * f64::from(*y)).collect();
        cholesky.solve(&right).into_iter().map(|value| value as f32).collect()
    };
    Ok(known.iter().map(part).collect())
}

/// Where the gradient of `mean −ln σ(x·(y − n)) + λ/2 |x|²` over liked items y and others n is zero, x is a sum over the
/// items: `x = 1/λ · mean (1 − σ)(y − n)`. Bias is the last number of an item's vector and has no part in x.
fn bpr_parts(others: &Factors, regularization: f32, known: &[Known]) -> Vec<Vec<f32>> {
    let dim = others.dim();
    let liked: Vec<&Known> = known.iter().filter(|known| known.is_liked).collect();
    let unwanted = known.iter().filter(|known| !known.is_liked).map(|known| &known.vector[..]);
    let others: Vec<&[f32]> = (0..others.rows()).map(|row| others.row(row)).chain(unwanted).collect();
    let pairs = (liked.len() * others.len()).max(1) as f32;
    // Twice the regularisation, because a training step holds the user back once for each pair.
    let ridge = regularization.max(1e-4);
    let steepness: f32 = liked.iter().map(|known| dot(&known.vector, &known.vector)).fold(0.0, f32::max)
        + others.iter().map(|other| dot(other, other)).fold(0.0, f32::max);
    let rate = 1.0 / (ridge + 0.5 * steepness);
    let mut x = vec![0.0_f32; dim];
    let mut parts = vec![vec![0.0_f32; dim]; liked.len()];
    for _ in 0..STEPS {
        x[dim - 1] = 1.0;
        for (part, known) in parts.iter_mut().zip(&liked) {
            // Each part moves to where it would be if x were the optimum.
            let mut wanted = vec![0.0_f32; dim];
            for other in &others {
                let wrong = 1.0 / (1.0 + (dot(&x, &known.vector) - dot(&x, other)).exp());
                add(&mut wanted, wrong, &known.vector);
                add(&mut wanted, -wrong, other);
            }
            wanted[dim - 1] = 0.0;
            part.iter_mut().zip(&wanted).for_each(|(part, wanted)| *part += rate * (wanted / pairs - ridge * *part));
        }
        x.fill(0.0);
        parts.iter().for_each(|part| add(&mut x, 1.0, part));
    }
    let mut parts = parts.into_iter();
    let part = |known: &Known| known.is_liked.then(|| parts.next()).flatten().unwrap_or_else(|| vec![0.0; dim]);
    known.iter().map(part).collect()
}

fn ease_part(dim: usize, known: &Known) -> Vec<f32> {
    let mut part = vec![0.0; dim];
    if let Some(place) = part.get_mut(known.number).filter(|_| known.is_liked) {
        *place = known.weight;
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fit::Quiet;
    use crate::model::linear::gram;
    use crate::model::matrix::Matrix;
    use crate::model::parameters::{Algorithm, Parameters};
    use crate::model::random::Random;

    fn matrix() -> Matrix {
        let mut random = Random::new(3);
        let pairs =
            (0..50_u32).flat_map(|user| (0..40).filter(move |item| item % 2 == user % 2).map(move |at| (user, at)));
        let kept: Vec<_> = pairs.filter(|_| random.share() < 0.5).map(|(user, item)| (user, item, 1.5)).collect();
        Matrix::new(50, 40, kept)
    }

    fn known(row: Row<'_>, items: &Factors) -> Vec<Known> {
        let known = |(number, weight)| Known { vector: items.row(number).to_vec(), number, weight, is_liked: true };
        row.iter().map(known).collect()
    }

    #[test]
    fn folding_in_gives_what_training_gave_and_the_parts_are_the_whole() {
        let matrix = matrix();
        let als = Parameters { factors: 5, ..Parameters::of(Algorithm::Als) }.als();
        let (users, items) = als.train(&matrix, None, &Quiet).unwrap();
        let fold = Fold::Als { als, gram: gram(&items), items: items.rows() };
        for user in 0..50 {
            let folded = fold.fold(&known(matrix.row(user), &items)).unwrap();
            assert!(folded.vector.iter().zip(users.row(user)).all(|(a, b)| (a - b).abs() < 1e-5));
            for target in 0..40 {
                let sum: f32 = folded.contributions(items.row(target)).iter().sum();
                assert!((sum - dot(&folded.vector, items.row(target))).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn what_is_not_wanted_pulls_away() {
        let matrix = matrix();
        let als = Parameters { factors: 5, ..Parameters::of(Algorithm::Als) }.als();
        let (_, items) = als.train(&matrix, None, &Quiet).unwrap();
        let fold = Fold::Als { als, gram: gram(&items), items: items.rows() };
        let mut known = known(matrix.row(0), &items);
        let before = fold.fold(&known).unwrap();
        known.push(Known { vector: items.row(2).to_vec(), number: 2, weight: 3.0, is_liked: false });
        let after = fold.fold(&known).unwrap();
        assert!(dot(&after.vector, items.row(2)) < dot(&before.vector, items.row(2)));
        assert_eq!(after.contributions(items.row(2)).last(), Some(&0.0));
    }

    #[test]
    fn a_newcomer_of_bpr_likes_what_is_like_their_items() {
        let matrix = matrix();
        let parameters = Parameters { factors: 5, ..Parameters::of(Algorithm::Bpr) };
        let (_, items) = parameters.bpr().train(&matrix, None, &Quiet).unwrap();
        let others = Factors::new(6, (0..20).flat_map(|item| items.row(item).to_vec()).collect());
        let fold = Fold::Bpr { others, regularization: parameters.regularization };
        let folded = fold.fold(&known(Row { at: &[0, 4, 6], values: &[1.0; 3] }, &items)).unwrap();
        let score = |item: usize| dot(&folded.vector, items.row(item));
        let mean = |odd: usize| (0..20).map(|at| score(2 * at + odd)).sum::<f32>() / 20.0;
        assert!(mean(0) > mean(1) + 0.5, "{} {}", mean(0), mean(1));
        let parts: f32 = folded.contributions(items.row(10)).iter().sum();
        let bias = items.row(10)[5];
        assert!((parts + bias - score(10)).abs() < 1e-4);
    }

    #[test]
    fn the_vector_of_ease_is_the_ratings() {
        let known = Known { vector: Vec::new(), number: 2, weight: 1.5, is_liked: true };
        let folded = Fold::Ease { dim: 4 }.fold(&[known]).unwrap();
        assert_eq!(folded.vector, [0.0, 0.0, 1.5, 0.0]);
        assert_eq!(folded.contributions(&[0.0, 1.0, 2.0, 0.0]), [3.0]);
    }
}
