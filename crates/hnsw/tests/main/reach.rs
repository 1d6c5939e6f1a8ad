//! Every row is found: by itself, at k = 1, after whatever happened.

use bootcamp_hnsw::{Bits, Config, Index, Metric, Search};

use super::data::{Rows, key, lost, recall};

/// What a search takes that is not told otherwise by the local store.
const EF: usize = 96;

#[test]
fn every_row_finds_itself_after_a_parallel_build_deletions_and_a_reload() {
    let rows = Rows::clustered(64, 100_000, 1);
    let index = Index::new(Config::new(64, Metric::L2)).unwrap();
    index.add(&rows.keys(), &rows.data, 4).unwrap();
    assert_eq!(index.unreachable(), 0);
    let all = Search::nearest(1, EF);
    assert_eq!(lost(&index, &rows, &all, 0..rows.len()), [] as [usize; 0]);

    // Half of them dead, in a pattern that no level or lock has.
    let is_dead = |row: usize| (row * 7919 % 1009).is_multiple_of(2);
    let dead: Bits = (0..rows.len() as u32).filter(|slot| is_dead(*slot as usize)).collect();
    assert!((45_000..55_000).contains(&dead.count()));
    let alive = Search { except: Some(&dead), ..all };
    let living = || (0..rows.len()).filter(|row| !is_dead(*row));
    assert_eq!(lost(&index, &rows, &alive, living()), [] as [usize; 0]);

    let mut bytes = Vec::new();
    index.write(&mut bytes).unwrap();
    let loaded = Index::read(&bytes[..], false).unwrap();
    assert_eq!(loaded.unreachable(), 0);
    assert_eq!(lost(&loaded, &rows, &all, (0..rows.len()).step_by(3)), [] as [usize; 0]);
    assert_eq!(lost(&loaded, &rows, &alive, living().step_by(3)), [] as [usize; 0]);

    // What is loaded goes on growing.
    let more = Rows::clustered(64, 10_000, 2);
    let keys: Vec<u64> = (0..more.len()).map(|row| key(rows.len() + row)).collect();
    loaded.add(&keys, &more.data, 3).unwrap();
    assert_eq!(loaded.unreachable(), 0);
    let both = Rows { dim: 64, data: [rows.data, more.data].concat() };
    assert_eq!(lost(&loaded, &both, &all, 100_000..110_000), [] as [usize; 0]);
}

#[test]
fn a_thousand_copies_of_a_thousand_rows_hide_nobody() {
    let distinct = Rows::clustered(24, 1000, 3);
    // Row after row, each a thousand times over; one of them ten thousand times.
    let data = (0..20).flat_map(|round| (0..1000).map(move |at| (round * 331 + at) % 1000 / (1 + round % 2)));
    let mut data: Vec<f32> = data.flat_map(|at| distinct.row(at).to_vec()).collect();
    (0..10_000).for_each(|_| data.extend(distinct.row(77)));
    data.extend(&distinct.data);
    let rows = Rows { dim: 24, data };
    for threads in [1, 4] {
        let index = Index::new(Config::new(24, Metric::L2)).unwrap();
        index.add(&rows.keys(), &rows.data, threads).unwrap();
        assert_eq!(index.unreachable(), 0);
        assert_eq!(lost(&index, &rows, &Search::nearest(1, EF), 30_000..31_000), [] as [usize; 0]);
        // Where copies are dead, those behind them are still found.
        let dead: Bits = (0..30_000).collect();
        let alive = Search { except: Some(&dead), ..Search::nearest(10, EF) };
        assert!(recall(&index, &rows, &distinct, &alive, |row| row >= 30_000) > 0.99);
    }
}

#[test]
fn a_graph_that_grows_from_one_row_finds_all_at_any_time() {
    let rows = Rows::clustered(20, 5000, 4);
    let queries = Rows::clustered(20, 50, 5);
    let index = Index::new(Config { m: 16, ef_construction: 100, ..Config::new(20, Metric::L2) }).unwrap();
    let search = Search::nearest(10, 120);
    for at in 0..rows.len() {
        index.add(&[key(at)], rows.row(at), 2).unwrap();
        if (at + 1).is_power_of_two() || at % 1000 == 999 {
            let now = Rows { dim: 20, data: rows.data[..(at + 1) * 20].to_vec() };
            assert!(recall(&index, &now, &queries, &search, |_| true) > 0.97, "{} rows", at + 1);
            assert_eq!(lost(&index, &now, &Search::nearest(1, EF), 0..=at), [] as [usize; 0], "{} rows", at + 1);
            assert_eq!(index.unreachable(), 0);
        }
    }
    assert_eq!(index.newest(), Some(key(4999)));
    assert_eq!(index.slot(key(17)), Some(17));
    assert!(!index.contains(key(17) + 1) && !index.contains(key(5000)));
}

#[test]
fn the_smallest_graphs_hold_together() {
    let rows = Rows::clustered(3, 3000, 6);
    for m in [2, 3, 5] {
        let index = Index::new(Config { m, ef_construction: 1, ..Config::new(3, Metric::L2) }).unwrap();
        index.add(&rows.keys(), &rows.data, 4).unwrap();
        assert_eq!(index.unreachable(), 0, "m {m}");
    }
}
