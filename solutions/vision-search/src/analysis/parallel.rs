//! The same work on many rows, on all cores.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::Watch;

/// Does `work` on blocks of `size` rows. Results come in the order of the blocks, whichever thread did them; of several
/// failures, the first block's.
///
/// # Errors
/// Those of the work; `InvalidInput` when it was cancelled.
pub fn blocks<T: Send>(
    rows: usize,
    size: usize,
    threads: usize,
    watch: &Watch,
    work: impl Fn(Range<usize>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let count = rows.div_ceil(size);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let block = next.fetch_add(1, Relaxed);
            if block >= count {
                return done;
            }
            let result = check(watch).and_then(|()| work(block * size..rows.min((block + 1) * size)));
            if result.is_err() {
                next.store(count, Relaxed);
            }
            done.push((block, result));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(count)).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            let theirs = other.join();
            done.extend(theirs.map_err(|_| Error::new(ErrorKind::Internal, "a thread of the analysis panicked"))?);
        }
        Ok::<_, Error>(done)
    })?;
    done.sort_by_key(|(block, _)| *block);
    done.into_iter().map(|(_, result)| result).collect()
}

/// # Errors
/// `InvalidInput` when the work was cancelled.
pub fn check(watch: &Watch) -> Result<()> {
    if watch.is_cancelled() { Err(Error::invalid("the analysis was cancelled")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_in_order() {
        for (rows, threads) in [(0, 3), (1, 3), (10, 1), (10, 3), (12, 100)] {
            let ranges = blocks(rows, 3, threads, &Watch::default(), Ok).unwrap();
            assert_eq!(ranges.iter().cloned().flatten().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
            assert_eq!(ranges.len(), rows.div_ceil(3));
        }
    }

    #[test]
    fn the_first_failure_and_cancelling_end_it() {
        let fails = |range: Range<usize>| match range.start {
            0..4 => Ok(()),
            start => Err(Error::invalid(start.to_string())),
        };
        assert_eq!(blocks(100, 2, 2, &Watch::default(), fails).unwrap_err().to_string(), "4");
        let watch = Watch::default();
        let work = |range: Range<usize>| {
            if range.start == 6 {
                watch.cancel();
            }
            Ok(())
        };
        assert_eq!(blocks(100, 2, 2, &watch, work).unwrap_err().to_string(), "the analysis was cancelled");
    }
}
