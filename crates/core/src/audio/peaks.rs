//! The envelope of a sound: what a waveform is drawn from.

/// Lowest and highest sample of equal parts of a stream whose length nobody knows before its end.
#[derive(Clone, Debug)]
pub struct Peaks {
    buckets: usize,
    /// Samples in a full bucket.
    size: u64,
    full: Vec<(f32, f32)>,
    /// The bucket that is not full yet, and the samples in it.
    last: (f32, f32),
    filled: u64,
}

const EMPTY: (f32, f32) = (f32::INFINITY, f32::NEG_INFINITY);

impl Peaks {
    /// Of at most `buckets` parts (at least 2), and at least half as many for a sound of as many samples.
    pub fn new(buckets: usize) -> Self {
        Self { buckets: buckets.max(2), size: 1, full: Vec::new(), last: EMPTY, filled: 0 }
    }

    /// One channel's next samples.
    pub fn push(&mut self, mono: &[f32]) {
        let mut rest = mono;
        while !rest.is_empty() {
            let room = usize::try_from(self.size - self.filled).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            rest = later;
            self.last = now.iter().fold(self.last, |(low, high), sample| (low.min(*sample), high.max(*sample)));
            self.filled += now.len() as u64;
            if self.filled == self.size {
                self.close();
            }
        }
    }

    /// The last bucket is full. Where that makes too many, two neighbours become one.
    fn close(&mut self) {
        if self.full.len() == self.buckets {
            self.full = self.full.chunks(2).map(|pair| pair.iter().copied().fold(EMPTY, union)).collect();
            self.size *= 2;
            // An odd number leaves half a bucket over: it goes on with the one that was just filled.
            if !self.buckets.is_multiple_of(2)
                && let Some(half) = self.full.pop()
            {
                self.last = union(half, self.last);
                self.full.push(self.last);
                (self.last, self.filled) = (EMPTY, 0);
            }
            return;
        }
        self.full.push(self.last);
        (self.last, self.filled) = (EMPTY, 0);
    }

    /// Lowest and highest sample of each part, in order; the last part may be shorter than the others. Empty for a stream
    /// without samples.
    pub fn finish(mut self) -> Vec<(f32, f32)> {
        if self.filled > 0 {
            if self.full.len() == self.buckets {
                self.close();
            }
            if self.filled > 0 {
                self.full.push(self.last);
            }
        }
        self.full
    }
}

fn union(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn peaks(buckets: usize, samples: &[f32], block: usize) -> Vec<(f32, f32)> {
        let mut peaks = Peaks::new(buckets);
        samples.chunks(block).for_each(|block| peaks.push(block));
        peaks.finish()
    }

    #[test]
    fn parts_are_equal_and_in_order() {
        let samples: Vec<f32> = (0..16).map(|at| at as f32).collect();
        assert_eq!(peaks(8, &samples[..3], 2), [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]);
        let eight: Vec<_> = (0..8).map(|at| (at as f32 * 2.0, at as f32 * 2.0 + 1.0)).collect();
        assert_eq!(peaks(8, &samples, 5), eight);
        assert_eq!(peaks(8, &[], 1), []);
    }

    proptest! {
        #[test]
        fn any_stream_is_covered_by_parts_of_one_size(
            samples in proptest::collection::vec(-1.0_f32..1.0, 1..2000), buckets in 2_usize..40, block in 1_usize..300,
        ) {
            let found = peaks(buckets, &samples, block);
            prop_assert!(found.len() <= buckets && found.len() >= samples.len().min(buckets / 2));
            let size = (0..).map(|power| 1_usize << power).find(|size| samples.len().div_ceil(*size) <= buckets).unwrap();
            let expected: Vec<_> = samples.chunks(size)
                .map(|part| part.iter().fold(EMPTY, |peak, sample| union(peak, (*sample, *sample)))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
