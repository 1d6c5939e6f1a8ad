//! How far two vectors are from each other, many pairs at a time.

use std::array;

/// Independent sums of a pair's terms: additions of floats may not be reordered by the compiler, so the lanes of its
/// SIMD registers must be in the source.
const LANES: usize = 8;
/// Pairs computed at a time; with them, the sums fill the registers of every x86-64 processor, and one row of a pair is
/// loaded once for all.
const ABREAST: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// 1 − cosine.
    Cosine,
    Euclidean,
}

/// A vector, and 1 / its length (0 for zeros).
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub values: &'a [f32],
    pub scale: f32,
}

impl Measure {
    /// The distance of `a` to each of `others`, given to `visit` with its position. What comes out for two vectors is
    /// the same, bit for bit, whichever comes first and whatever they are among.
    pub fn each<'a>(
        self,
        a: Row<'_>,
        mut others: impl ExactSizeIterator<Item = Row<'a>>,
        mut visit: impl FnMut(usize, f32),
    ) {
        let mut at = 0;
        while others.len() >= ABREAST {
            // There are as many: the iterator says so.
            let rows: [Row<'_>; ABREAST] = array::from_fn(|_| others.next().unwrap_or(a));
            for distance in self.distances(a, rows) {
                visit(at, distance);
                at += 1;
            }
        }
        for row in others {
            let [distance] = self.distances(a, [row]);
            visit(at, distance);
            at += 1;
        }
    }

    fn distances<const N: usize>(self, a: Row<'_>, rows: [Row<'_>; N]) -> [f32; N] {
        let values = rows.map(|row| row.values);
        match self {
            Self::Cosine => {
                let products = sums(a.values, values, |x, y| x * y);
                // The product of the scales comes first: it is the same in either order.
                array::from_fn(|n| (1.0 - products[n] * (a.scale * rows[n].scale)).max(0.0))
            }
            Self::Euclidean => sums(a.values, values, |x, y| (x - y) * (x - y)).map(f32::sqrt),
        }
    }
}

/// Σ (scale · x − centre)²: how far a scaled vector is from a point, squared.
pub fn squared_to(row: Row<'_>, centre: &[f32]) -> f32 {
    let [sum] = sums(row.values, [centre], |x, c| (x * row.scale - c) * (x * row.scale - c));
    sum
}

/// Σ term(a, b) for each of N vectors b.
#[inline(always)]
fn sums<const N: usize>(a: &[f32], rows: [&[f32]; N], term: impl Fn(f32, f32) -> f32) -> [f32; N] {
    let (lanes, rest) = a.as_chunks::<LANES>();
    let chunked = rows.map(|row| &row.as_chunks::<LANES>().0[..lanes.len()]);
    let mut sums = [[0.0_f32; LANES]; N];
    for (at, a) in lanes.iter().enumerate() {
        for n in 0..N {
            let b = &chunked[n][at];
            for lane in 0..LANES {
                sums[n][lane] += term(a[lane], b[lane]);
            }
        }
    }
    array::from_fn(|n| {
        let others = &rows[n][lanes.len() * LANES..];
        let tail: f32 = rest.iter().zip(others).map(|(a, b)| term(*a, *b)).sum();
        sums[n].iter().sum::<f32>() + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(seed: usize, dim: usize) -> Vec<f32> {
        (0..dim).map(|at| ((at * 37 + seed * 101) % 64) as f32 / 32.0 - 1.0).collect()
    }

    /// All dimensions around the lanes, and all numbers around those computed abreast, against the plain formulas.
    #[test]
    fn distances_are_those_of_the_formulas() {
        for dim in (1..40).chain([512, 513]) {
            let vectors: Vec<_> = (0..11).map(|seed| vector(seed, dim)).collect();
            let rows: Vec<_> = vectors
                .iter()
                .map(|values| {
                    let length = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
                    Row { values, scale: if length > 0.0 { (1.0 / length) as f32 } else { 0.0 } }
                })
                .collect();
            let product =
                |a: usize, b: usize| -> f64 { (0..dim).map(|at| f64::from(vectors[a][at] * vectors[b][at])).sum() };
            for a in 0..rows.len() {
                for (measure, plain) in [
                    (
                        Measure::Cosine,
                        &(|b| 1.0 - product(a, b) / (product(a, a) * product(b, b)).sqrt()) as &dyn Fn(usize) -> f64,
                    ),
                    (Measure::Euclidean, &|b| (product(a, a) + product(b, b) - 2.0 * product(a, b)).max(0.0).sqrt()),
                ] {
                    let mut seen = 0;
                    measure.each(rows[a], rows.iter().copied(), |b, distance| {
                        assert_eq!(b, seen);
                        seen += 1;
                        assert!((f64::from(distance) - plain(b)).abs() < 1e-5, "{dim} {a} {b}: {distance}");
                        measure.each(rows[b], [rows[a]].into_iter(), |_, back| {
                            assert_eq!(back.to_bits(), distance.to_bits())
                        });
                    });
                    assert_eq!(seen, rows.len());
                }
            }
        }
    }

    #[test]
    fn zeros_are_at_distance_one_and_points_can_be_scaled() {
        let zeros = Row { values: &[0.0; 9], scale: 0.0 };
        Measure::Cosine.each(zeros, [zeros].into_iter(), |_, distance| assert_eq!(distance, 1.0));
        assert_eq!(squared_to(Row { values: &[2.0, 4.0], scale: 0.5 }, &[1.0, 5.0]), 9.0);
    }
}
