//! Exact neighbours by looking at every row, to count recall against.

use std::collections::BinaryHeap;

use pulp::Arch;

use crate::matrix::Matrix;

/// Neighbours known exactly for every query: recall is counted against them.
pub const K: usize = 10;
/// Queries that are compared with a row while it is in the cache.
const BLOCK: usize = 64;

/// The [`K`] rows nearest to each query by squared L2.
pub fn nearest_floats(base: &Matrix<f32>, queries: &Matrix<f32>) -> Matrix<u32> {
    nearest(base, queries, |_, _| true, squared_l2)
}

/// The same among the rows for which `keep(query, row)` holds.
pub fn nearest_floats_where(
    base: &Matrix<f32>,
    queries: &Matrix<f32>,
    keep: impl Fn(usize, usize) -> bool + Sync,
) -> Matrix<u32> {
    nearest(base, queries, keep, squared_l2)
}

/// The [`K`] rows nearest to each query by Hamming distance.
pub fn nearest_bits(base: &Matrix<u8>, queries: &Matrix<u8>) -> Matrix<u32> {
    nearest(base, queries, |_, _| true, hamming)
}

/// Nearest first, equal distances by row. A query with fewer rows than [`K`] is filled up with `u32::MAX`.
fn nearest<T: Copy + Sync>(
    base: &Matrix<T>,
    queries: &Matrix<T>,
    keep: impl Fn(usize, usize) -> bool + Sync,
    distance: impl Fn(&[T], &[T]) -> u32 + Sync,
) -> Matrix<u32> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = queries.len().div_ceil(threads);
    let search = |first: usize| {
        let mut found = Vec::new();
        for block in (first..(first + share).min(queries.len())).step_by(BLOCK) {
            let block: Vec<usize> = (block..(block + BLOCK).min(first + share).min(queries.len())).collect();
            let mut heaps = vec![BinaryHeap::with_capacity(K + 1); block.len()];
            Arch::new().dispatch(|| {
                for (at, row) in base.rows().enumerate() {
                    for (query, heap) in block.iter().zip(&mut heaps) {
                        offer(heap, distance(queries.row(*query), row), at, || keep(*query, at));
                    }
                }
            });
            for heap in heaps {
                let mut rows: Vec<u32> = heap.into_sorted_vec().into_iter().map(|(_, at)| at).collect();
                rows.resize(K, u32::MAX);
                found.extend(rows);
            }
        }
        found
    };
    let search = &search;
    let data = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|part| scope.spawn(move || search(part * share))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    Matrix { width: K, data }
}

#[inline(always)]
fn offer(heap: &mut BinaryHeap<(u32, u32)>, distance: u32, at: usize, keep: impl FnOnce() -> bool) {
    if heap.len() == K && heap.peek().is_some_and(|(farthest, _)| distance >= *farthest) || !keep() {
        return;
    }
    heap.push((distance, at as u32));
    if heap.len() > K {
        heap.pop();
    }
}

/// The bits of a float that is not negative: they order as the float does.
#[inline(always)]
fn squared_l2(a: &[f32], b: &[f32]) -> u32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for lane in 0..16 {
            sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    sums.iter().sum::<f32>().to_bits()
}

#[inline(always)]
pub fn hamming(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The share of the true neighbours that were found: found rows may come in any order and number.
pub fn recall(truth: &Matrix<u32>, found: &[Vec<u32>]) -> f64 {
    let mut hits = 0;
    let mut wanted = 0;
    for (truth, found) in truth.rows().zip(found) {
        let truth: Vec<_> = truth.iter().filter(|row| **row != u32::MAX).collect();
        hits += truth.iter().filter(|row| found.contains(row)).count();
        wanted += truth.len();
    }
    if wanted == 0 { 1.0 } else { hits as f64 / wanted as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(rows: usize) -> Matrix<f32> {
        Matrix { width: 16, data: (0..rows).flat_map(|at| [at as f32; 16]).collect() }
    }

    #[test]
    fn finds_the_nearest_and_keeps_to_the_filter() {
        let (base, queries) = (line(100), Matrix { width: 16, data: vec![50.2; 32] });
        let found = nearest_floats(&base, &queries);
        assert_eq!(found.row(1), [50, 51, 49, 52, 48, 53, 47, 54, 46, 55]);
        let even = nearest_floats_where(&base, &queries, |_, row| row % 2 == 0);
        assert_eq!(&even.row(0)[..3], [50, 52, 48]);
        let few = nearest_floats_where(&base, &queries, |_, row| row < 2);
        assert_eq!(&few.row(0)[..3], [1, 0, u32::MAX]);
    }

    #[test]
    fn recall_is_the_share_of_true_neighbours_found() {
        let truth = Matrix { width: 4, data: vec![1, 2, 3, u32::MAX] };
        assert!((recall(&truth, &[vec![3, 9, 1]]) - 2.0 / 3.0).abs() < 1e-9);
    }
}
