//! Adding and searching at the same time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bootcamp_hnsw::{Coding, Config, Index, Metric, Search};

use super::data::{Rows, key};

/// Rows that were there before are found by every search while others come, and none waits for them.
#[test]
fn a_search_misses_nothing_while_rows_are_added() {
    let rows = Rows::clustered(32, 24_000, 1);
    for coding in [Coding::Auto, Coding::Floats] {
        let index = Index::new(Config { coding, ..Config::new(32, Metric::L2) }).unwrap();
        let added = AtomicUsize::new(2000);
        index.add(&rows.keys()[..2000], &rows.data[..2000 * 32], 2).unwrap();
        let done = AtomicBool::new(false);
        let (searches, missed) = std::thread::scope(|scope| {
            scope.spawn(|| {
                for first in (2000..rows.len()).step_by(500) {
                    let keys: Vec<u64> = (first..first + 500).map(key).collect();
                    index.add(&keys, &rows.data[first * 32..(first + 500) * 32], 2).unwrap();
                    added.store(first + 500, Ordering::Release);
                }
                done.store(true, Ordering::Release);
            });
            let searching = || {
                let (mut searches, mut missed) = (0_usize, 0);
                while !done.load(Ordering::Acquire) {
                    // Any that was there, the newest of them every other time.
                    let there = added.load(Ordering::Acquire);
                    let row = if searches % 2 == 0 { there - 1 - searches % 500 } else { searches * 7919 % there };
                    let hits = index.search(rows.row(row), &Search::nearest(1, 96)).unwrap();
                    missed += usize::from(hits[0].key != key(row));
                    searches += 1;
                }
                (searches, missed)
            };
            let others: Vec<_> = (0..2).map(|_| scope.spawn(searching)).collect();
            others
                .into_iter()
                .map(|other| other.join().unwrap())
                .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        });
        assert!(searches > 1000, "{searches} searches");
        assert_eq!(missed, 0, "of {searches} searches for a row that was there");
    }
}

#[test]
fn the_same_calls_on_one_thread_give_the_same_graph_on_every_processor() {
    let rows = Rows::clustered(40, 4000, 2);
    for (metric, coding) in [
        (Metric::L2, Coding::Bytes),
        (Metric::L2, Coding::Floats),
        (Metric::InnerProduct, Coding::Bytes),
        (Metric::InnerProduct, Coding::Floats),
    ] {
        let built = |portable: bool| {
            let index = Index::new(Config { coding, portable, ..Config::new(40, metric) }).unwrap();
            for (at, part) in rows.data.chunks(700 * 40).enumerate() {
                let keys: Vec<u64> = (at * 700..at * 700 + part.len() / 40).map(key).collect();
                index.add(&keys, part, 1).unwrap();
            }
            let mut bytes = Vec::new();
            index.write(&mut bytes).unwrap();
            (index, bytes)
        };
        let ((quick, bytes), (slow, same)) = (built(false), built(true));
        assert!(bytes == same, "{metric:?} {coding:?}");
        for at in 0..200 {
            let search = Search::nearest(10, 40);
            assert_eq!(quick.search(rows.row(at), &search).unwrap(), slow.search(rows.row(at), &search).unwrap());
        }
    }
}
