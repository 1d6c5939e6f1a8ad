//! Fair timing on machines that are not quiet: contenders take turns, and what counts is the median of the ratios
//! within a turn, so that noise hits both sides alike.

use std::hint::black_box;
use std::time::Instant;

/// The value in the middle; of an even number, the mean of both.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(values[count / 2 - 1], values[count / 2]),
        count => values[count / 2],
    }
}

/// The value that a share of all values does not exceed.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (share * values.len() as f64).ceil() as usize;
    values.get(at.clamp(1, values.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

/// The median of `a[i] / b[i]`.
pub fn median_ratio(a: &[f64], b: &[f64]) -> f64 {
    median(a.iter().zip(b).map(|(a, b)| a / b))
}

/// Seconds that `work` takes, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// Runs each of `sides` once a round, in an order that turns, after one round that does not count. Gives the seconds
/// of each side, round by round.
pub fn rounds<E>(
    rounds: usize,
    sides: &mut [&mut dyn FnMut() -> Result<f64, E>],
    noise: &mut Noise,
) -> Result<Vec<Vec<f64>>, E> {
    let mut seconds = vec![Vec::new(); sides.len()];
    for round in 0..=rounds {
        noise.sample();
        for turn in 0..sides.len() {
            let side = (round + turn) % sides.len();
            let took = sides[side]()?;
            if round > 0 {
                seconds[side].push(took);
            }
        }
    }
    Ok(seconds)
}

/// How much the machine's speed wavers while measuring: the same small piece of work, timed over and over.
#[derive(Debug, Default)]
pub struct Noise {
    seconds: Vec<f64>,
}

impl Noise {
    pub fn sample(&mut self) {
        let work = || (0..4_000_000_u64).fold(1_u64, |x, at| black_box(x.wrapping_mul(6_364_136_223_846_793_005) ^ at));
        self.seconds.push(timed(|| black_box(work())).0);
    }

    /// `(p90 / p10 − 1, samples)`: 0 on a quiet machine.
    pub fn spread(&self) -> (f64, usize) {
        let spread = percentile(&self.seconds, 0.9) / percentile(&self.seconds, 0.1) - 1.0;
        (spread, self.seconds.len())
    }
}

/// Seconds to add up `words` from beginning to end: what reading that much memory costs at least.
pub fn sum_seconds(words: &[u64]) -> f64 {
    let sum = |words: &[u64]| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let mut sums = [0_u64; 32];
                for chunk in words.chunks_exact(32) {
                    sums.iter_mut().zip(chunk).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
                }
                sums.iter().fold(0_u64, |total, sum| total.wrapping_add(*sum))
            },
        )
    };
    timed(|| black_box(sum(black_box(words)))).0
}

/// Bytes of memory that this process holds (VmRSS), where the system tells.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Bytes of a folder's files.
pub fn folder_bytes(folder: &std::path::Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}

/// A contender's speed at each of several efforts.
#[derive(Clone, Debug)]
pub struct Point {
    pub recall: f64,
    pub queries_per_second: f64,
}

/// Queries a second at a recall, between the points measured; `None` outside of them. Interpolates the logarithm of
/// speed over the logarithm of missed neighbours, in which such curves are nearly straight.
pub fn speed_at(points: &[Point], recall: f64) -> Option<f64> {
    let miss = |recall: f64| (1.0 - recall).max(1e-5).ln();
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.recall.total_cmp(&b.recall));
    points.windows(2).find(|pair| (pair[0].recall..=pair[1].recall).contains(&recall)).map(|pair| {
        let (low, high) = (miss(pair[0].recall), miss(pair[1].recall));
        let share = if low == high { 0.0 } else { (miss(recall) - low) / (high - low) };
        let (slow, fast) = (pair[1].queries_per_second.ln(), pair[0].queries_per_second.ln());
        (fast + share * (slow - fast)).exp()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (50.0, 99.0));
        assert_eq!(median_ratio(&[2.0, 9.0, 4.0], &[1.0, 3.0, 4.0]), 2.0);
    }

    #[test]
    fn rounds_take_turns_and_leave_out_the_first() {
        let order = std::cell::RefCell::new(Vec::new());
        let side = |name: char, seconds: f64| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                Ok::<_, ()>(seconds)
            }
        };
        let (mut a, mut b) = (side('a', 1.0), side('b', 2.0));
        let seconds = rounds(2, &mut [&mut a, &mut b], &mut Noise::default()).unwrap();
        assert_eq!(seconds, [[1.0, 1.0], [2.0, 2.0]]);
        assert_eq!(order.borrow().iter().collect::<String>(), "abbaab");
    }

    #[test]
    fn speed_is_interpolated_within_what_was_measured() {
        let points =
            [Point { recall: 0.99, queries_per_second: 100.0 }, Point { recall: 0.9, queries_per_second: 1000.0 }];
        let between = speed_at(&points, 0.968_377).unwrap();
        assert!((between - 316.2).abs() < 1.0, "{between}");
        assert_eq!(speed_at(&points, 0.995), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > 1 << 20));
    }
}
