//! The inner loops: dot products and sums of scaled vectors. Plain Rust in a shape that compilers vectorise; callers run
//! them within `pulp`'s dispatch, which compiles them for the widest instructions that the processor has.

/// Independent sums: without them one addition would wait for the last.
const LANES: usize = 16;

/// The dot product.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// `to += scale · from`.
#[inline(always)]
pub fn add(to: &mut [f32], scale: f32, from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += scale * from);
}

/// The product of a symmetric matrix, row by row in `matrix`, with a vector.
#[inline(always)]
pub fn times(to: &mut [f32], matrix: &[f32], vector: &[f32]) {
    to.fill(0.0);
    for (row, scale) in matrix.chunks_exact(vector.len()).zip(vector) {
        add(to, *scale, row);
    }
}
