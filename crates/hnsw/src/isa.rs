//! Distances of codes, four rows at a time so that their loads overlap: once for AVX2, once for any processor. Which one
//! is found out when the program runs; both give the same numbers.

use pulp::NullaryFnOnce;

use crate::line::Line;

/// Instructions that distances are computed with.
pub(crate) trait Isa: Copy + Send + Sync {
    /// Runs work compiled for these instructions, as far as it is inlined.
    fn run<W: NullaryFnOnce>(self, work: W) -> W::Output;
    /// The squared Euclidean distances of four rows of bytes to a query of twice as many lines of i16.
    fn squared(self, query: &[Line], rows: [&[Line]; 4]) -> [u32; 4];
    /// The inner products of the same.
    fn dots(self, query: &[Line], rows: [&[Line]; 4]) -> [i32; 4];
    /// Has memory that is read soon brought near; `T` is a line.
    fn prefetch<T>(self, lines: &[T]);
}

/// Any processor: loops that compilers make the best of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

/// i16 components of a query's line.
#[inline(always)]
fn words(line: &Line) -> [i16; 32] {
    pulp::cast(line.0)
}

#[inline(always)]
fn sum(query: &[Line], row: &[Line], term: impl Fn(i16, u8) -> i32) -> i32 {
    let mut sums = [0_i32; 32];
    for (query, row) in query.as_chunks::<2>().0.iter().zip(row) {
        for (query, row) in query.iter().zip(row.0.as_chunks::<32>().0) {
            let query = words(query);
            for at in 0..32 {
                sums[at] = sums[at].wrapping_add(term(query[at], row[at]));
            }
        }
    }
    sums.iter().fold(0, |total, sum| total.wrapping_add(*sum))
}

impl Isa for Portable {
    #[inline(always)]
    fn run<W: NullaryFnOnce>(self, work: W) -> W::Output {
        work.call()
    }

    #[inline(always)]
    fn squared(self, query: &[Line], rows: [&[Line]; 4]) -> [u32; 4] {
        let term = |query: i16, row: u8| {
            let difference = i32::from(query - i16::from(row));
            difference * difference
        };
        rows.map(|row| sum(query, row, term) as u32)
    }

    #[inline(always)]
    fn dots(self, query: &[Line], rows: [&[Line]; 4]) -> [i32; 4] {
        rows.map(|row| sum(query, row, |query, row| i32::from(query) * i32::from(row)))
    }

    #[inline(always)]
    fn prefetch<T>(self, _: &[T]) {}
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{__m128i, __m256i};

    use pulp::x86::V3;
    use pulp::{NullaryFnOnce, cast};

    use super::{Isa, Line};

    /// Processors since 2013.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Avx2(V3);

    impl Avx2 {
        /// If this processor has them.
        pub(crate) fn find() -> Option<Self> {
            V3::try_new().map(Self)
        }

        /// `_mm256_madd_epi16` of each sixteen components with what `term` makes of them and the query's, summed up.
        #[inline(always)]
        fn sums(self, query: &[Line], rows: [&[Line]; 4], term: impl Fn(V3, __m256i, __m256i) -> __m256i) -> [i32; 4] {
            let v = self.0;
            let mut sums = [v.avx._mm256_setzero_si256(); 4];
            let count = rows[0].len();
            let query = &query[..2 * count];
            let rows = rows.map(|row| &row[..count]);
            for at in 0..count {
                let low: [__m256i; 2] = cast(query[2 * at].0);
                let high: [__m256i; 2] = cast(query[2 * at + 1].0);
                for (sum, row) in sums.iter_mut().zip(rows) {
                    let quarters: [__m128i; 4] = cast(row[at].0);
                    for (quarter, query) in quarters.into_iter().zip([low[0], low[1], high[0], high[1]]) {
                        let row = v.avx2._mm256_cvtepu8_epi16(quarter);
                        *sum = v.avx2._mm256_add_epi32(*sum, term(v, query, row));
                    }
                }
            }
            let [a, b, c, d] = sums;
            let pairs = v.avx2._mm256_hadd_epi32(v.avx2._mm256_hadd_epi32(a, b), v.avx2._mm256_hadd_epi32(c, d));
            let [low, high]: [__m128i; 2] = cast(pairs);
            cast(v.sse2._mm_add_epi32(low, high))
        }
    }

    impl Isa for Avx2 {
        #[inline(always)]
        fn run<W: NullaryFnOnce>(self, work: W) -> W::Output {
            self.0.vectorize(work)
        }

        #[inline(always)]
        fn squared(self, query: &[Line], rows: [&[Line]; 4]) -> [u32; 4] {
            let sums = self.sums(query, rows, |v, query, row| {
                let difference = v.avx2._mm256_sub_epi16(query, row);
                v.avx2._mm256_madd_epi16(difference, difference)
            });
            cast(sums)
        }

        #[inline(always)]
        fn dots(self, query: &[Line], rows: [&[Line]; 4]) -> [i32; 4] {
            self.sums(query, rows, |v, query, row| v.avx2._mm256_madd_epi16(query, row))
        }

        #[inline(always)]
        fn prefetch<T>(self, lines: &[T]) {
            for line in lines {
                self.0.sse._mm_prefetch::<3>(std::ptr::from_ref(line).cast());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_processor_gives_the_sums_of_the_formulas(
            lines in 1_usize..6,
            query in prop::collection::vec(-2000_i16..2000, 5 * 64),
            rows in prop::collection::vec(any::<u8>(), 4 * 5 * 64),
        ) {
            let as_lines = |bytes: &[u8]| -> Vec<Line> { bytes.as_chunks().0.iter().map(|bytes| Line(*bytes)).collect() };
            let query = &query[..lines * 64];
            let rows: [Vec<u8>; 4] = std::array::from_fn(|at| rows[at * 5 * 64..][..lines * 64].to_vec());
            let pairs = |row: &[u8]| query.iter().zip(row).map(|(a, b)| (i32::from(*a), i32::from(*b))).collect::<Vec<_>>();
            let squared = rows.each_ref().map(|row| pairs(row).iter().map(|(a, b)| (a - b).pow(2) as u32).sum::<u32>());
            let dots = rows.each_ref().map(|row| pairs(row).iter().map(|(a, b)| a * b).sum::<i32>());
            let query = as_lines(&query.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>());
            let rows = rows.map(|row| as_lines(&row));
            let rows = rows.each_ref().map(|row| &**row);
            prop_assert_eq!(Portable.squared(&query, rows), squared);
            prop_assert_eq!(Portable.dots(&query, rows), dots);
            #[cfg(target_arch = "x86_64")]
            if let Some(avx2) = Avx2::find() {
                prop_assert_eq!(avx2.squared(&query, rows), squared);
                prop_assert_eq!(avx2.dots(&query, rows), dots);
            }
        }
    }
}
