//! The map: a sample's embeddings projected to their first two principal components.

use bootcamp_core::{Fields, Id, Output, PageRequest, Result, Vector, scan};
use futures::{StreamExt, TryStreamExt};

use crate::context::{Context, blocking};

/// Rounds of the iteration; each brings the components nearer by the ratio of their variances.
const ROUNDS: usize = 60;

/// A sample on a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub points: Vec<Point>,
    /// The shares of the total variance along the two axes.
    pub explained: [f32; 2],
    /// Items in the collection.
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub id: Id,
    /// −1 to 1.
    pub x: f32,
    pub y: f32,
    pub fields: Fields,
}

/// The map of at most `sample` items. Ids are hashes, so the first ones by id are a fair sample, the same every time.
///
/// # Errors
/// Those of the store.
pub async fn map(context: &Context, sample: usize, mut fields: Vec<String>) -> Result<Map> {
    let total = context.existing().await?.count;
    fields.push(context.field.clone());
    let request = PageRequest { limit: 256.min(sample.max(1)), output: Output::only(fields), ..PageRequest::default() };
    let records: Vec<_> = scan(&*context.store, &context.collection, request).take(sample).try_collect().await?;
    let mut items = Vec::with_capacity(records.len());
    let mut vectors = Vec::with_capacity(records.len());
    for mut record in records {
        if let (Some(id), Some(vector)) = (record.id, record.vectors.remove(&context.field)) {
            items.push((id, record.fields));
            vectors.push(components(vector));
        }
    }
    let (places, explained) = blocking(move || Ok(principal_plane(&vectors))).await?;
    let point = |((id, fields), [x, y]): ((Id, Fields), [f32; 2])| Point { id, x, y, fields };
    Ok(Map { points: items.into_iter().zip(places).map(point).collect(), explained, total })
}

/// A vector as floats: bits are 0 and 1.
fn components(vector: Vector) -> Vec<f32> {
    match vector {
        Vector::F32(vector) => vector,
        Vector::Binary { bits } => {
            bits.iter().flat_map(|byte| (0..8).rev().map(move |bit| f32::from(byte >> bit & 1))).collect()
        }
    }
}

/// Each vector's place by the two directions of largest variance, both scaled alike so that the farthest is at ±1, and
/// the shares of variance they show.
/// Orthogonal iteration on the centred data (Golub & Van Loan, Matrix Computations, 8.2.4), without ever forming the
/// covariance matrix. A direction's sign is chosen so that the same data gives the same picture.
pub fn principal_plane(vectors: &[Vec<f32>]) -> (Vec<[f32; 2]>, [f32; 2]) {
    let dim = vectors.first().map_or(0, Vec::len);
    let mut mean = vec![0.0_f64; dim];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(m, x)| *m += f64::from(*x) / vectors.len() as f64);
    }
    let centred: Vec<Vec<f64>> =
        vectors.iter().map(|v| v.iter().zip(&mean).map(|(x, m)| f64::from(*x) - m).collect()).collect();
    let variance: f64 = centred.iter().flatten().map(|x| x * x).sum();
    if variance <= f64::EPSILON {
        return (vec![[0.0; 2]; vectors.len()], [0.0; 2]);
    }
    // Any start that is not orthogonal to the answer will do; these are never regular enough to be.
    let start = |seed: usize| (0..dim).map(|at| ((at * 7919 + seed * 104_729) as f64).sin()).collect::<Vec<f64>>();
    let mut axes = [start(1), start(2)];
    for _ in 0..ROUNDS {
        for axis in &mut axes {
            let mut next = vec![0.0; dim];
            for row in &centred {
                let along = dot(row, axis);
                next.iter_mut().zip(row).for_each(|(n, x)| *n += along * x);
            }
            *axis = next;
        }
        orthonormalise(&mut axes);
    }
    for axis in &mut axes {
        let largest = axis.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or_default();
        if largest < 0.0 {
            axis.iter_mut().for_each(|x| *x = -*x);
        }
    }
    let places: Vec<[f64; 2]> = centred.iter().map(|row| [dot(row, &axes[0]), dot(row, &axes[1])]).collect();
    let share = |axis: usize| (places.iter().map(|p| p[axis] * p[axis]).sum::<f64>() / variance) as f32;
    let extent = places.iter().flatten().map(|x| x.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let scaled = places.iter().map(|place| place.map(|x| (x / extent) as f32)).collect();
    (scaled, [share(0), share(1)])
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn orthonormalise([first, second]: &mut [Vec<f64>; 2]) {
    let normalise = |axis: &mut Vec<f64>| {
        let length = dot(axis, axis).sqrt();
        axis.iter_mut().for_each(|x| *x /= length.max(f64::MIN_POSITIVE));
    };
    normalise(first);
    let along = dot(first, second);
    second.iter_mut().zip(first.iter()).for_each(|(s, f)| *s -= along * f);
    normalise(second);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of an ellipse that lies askew in space: the axes are known.
    #[test]
    fn the_plane_is_that_of_the_largest_variance() {
        let (u, v) = ([0.6, 0.0, 0.8, 0.0], [0.0, 1.0, 0.0, 0.0]);
        let vectors: Vec<Vec<f32>> = (0..360)
            .map(|degree| {
                let (sin, cos) = f64::from(degree).to_radians().sin_cos();
                (0..4).map(|at| (5.0 + 3.0 * cos * u[at] + sin * v[at]) as f32).collect()
            })
            .collect();
        let (places, explained) = principal_plane(&vectors);
        assert!((explained[0] - 0.9).abs() < 1e-4 && (explained[1] - 0.1).abs() < 1e-4, "{explained:?}");
        for (degree, [x, y]) in places.iter().enumerate() {
            let (sin, cos) = (degree as f32).to_radians().sin_cos();
            assert!((x - cos).abs() < 1e-3 && (y - sin / 3.0).abs() < 1e-3, "{degree}: {x} {y}");
        }
    }

    #[test]
    fn bits_have_a_plane_too() {
        assert_eq!(
            components(Vector::binary([0b1010_0000, 1])),
            [1., 0., 1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1.]
        );
        let (places, explained) =
            principal_plane(&[[0x0f_u8], [0x0f], [0xf0]].map(|bits| components(Vector::binary(bits))));
        assert!(places[0] == places[1] && places[2] != places[0] && (explained[0] - 1.0).abs() < 1e-6, "{places:?}");
    }

    #[test]
    fn equal_vectors_and_none_are_no_trouble() {
        assert_eq!(principal_plane(&[]), (vec![], [0.0; 2]));
        assert_eq!(principal_plane(&vec![vec![1.0, 2.0]; 3]), (vec![[0.0; 2]; 3], [0.0; 2]));
        let (places, explained) = principal_plane(&[vec![0.0], vec![2.0]]);
        assert!((explained[0] - 1.0).abs() < 1e-6 && places[0][0].abs() > 0.99, "{places:?} {explained:?}");
    }
}
