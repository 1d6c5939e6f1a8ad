//! Searches of some rows only.

use bootcamp_hnsw::{Bits, Config, Index, Metric, Search};

use super::data::{Random, Rows, nearest, recall};

fn chosen(rows: &Rows, percent: u64) -> Bits {
    let mut random = Random(percent);
    (0..rows.len() as u32).filter(|_| random.next() % 100 < percent).collect()
}

#[test]
fn filters_of_any_width_find_what_passes() {
    let rows = Rows::clustered(48, 30_000, 1);
    let queries = Rows::clustered(48, 100, 1);
    let index = Index::new(Config::new(48, Metric::L2)).unwrap();
    index.add(&rows.keys(), &rows.data, 2).unwrap();
    for percent in [0, 1, 5, 10, 20, 50, 90, 100] {
        let only = chosen(&rows, percent);
        let search = Search { only: Some(&only), ..Search::nearest(10, 96) };
        let found = recall(&index, &rows, &queries, &search, |row| only.contains(row as u32));
        assert!(found > 0.99, "{percent} % pass: {found}");
        // The same of what is not dead.
        let search = Search { except: Some(&only), ..Search::nearest(10, 96) };
        let found = recall(&index, &rows, &queries, &search, |row| !only.contains(row as u32));
        assert!(found > 0.99, "{percent} % are dead: {found}");
        let dead = chosen(&rows, 30);
        let search = Search { only: Some(&only), except: Some(&dead), ..Search::nearest(10, 96) };
        let passes = |row| only.contains(row as u32) && !dead.contains(row as u32);
        let found = recall(&index, &rows, &queries, &search, passes);
        assert!(found > 0.98, "{percent} % pass, 30 % are dead: {found}");
    }
}

#[test]
fn filters_that_leave_out_where_the_query_is_find_what_is_elsewhere() {
    // Clusters come one after the other, row by row: 60 of them.
    let rows = Rows::clustered(48, 30_000, 2);
    let index = Index::new(Config::new(48, Metric::L2)).unwrap();
    index.add(&rows.keys(), &rows.data, 2).unwrap();
    for clusters in [1, 6, 30, 50] {
        let passes = |row: usize| row % 60 < clusters;
        let only: Bits = (0..rows.len() as u32).filter(|slot| passes(*slot as usize)).collect();
        // In clusters of which nothing passes.
        let queries = Rows::new(48, 40, |at, component| rows.row(at * 60 + 50 + at % 10)[component]);
        let search = Search { only: Some(&only), ..Search::nearest(10, 96) };
        let found = recall(&index, &rows, &queries, &search, passes);
        assert!(found > 0.9, "{clusters} clusters pass: {found}");
    }
}

#[test]
fn thousands_are_found_and_none_beyond_the_radius() {
    let rows = Rows::clustered(32, 20_000, 3);
    let queries = Rows::clustered(32, 10, 3);
    for metric in [Metric::L2, Metric::InnerProduct] {
        let index = Index::new(Config::new(32, metric)).unwrap();
        index.add(&rows.keys(), &rows.data, 2).unwrap();
        for k in [1, 100, 1000, 5000, 20_000, 50_000] {
            let found = recall(&index, &rows, &queries, &Search::nearest(k, 96), |_| true);
            assert!(found > 0.975, "{metric:?}, k {k}: {found}");
        }
        let truth = nearest(metric, &rows, queries.row(0), 300, |_| true);
        let within = ((truth[120] + truth[121]) / 2.0) as f32;
        let hits = index.search(queries.row(0), &Search { within, ..Search::nearest(1000, 96) }).unwrap();
        assert!((119..=121).contains(&hits.len()), "{metric:?}: {} of 121 within {within}", hits.len());
        assert!(hits.iter().all(|hit| hit.distance <= within));
        let hits = index.search(queries.row(0), &Search { within: f32::MIN, ..Search::nearest(1000, 96) }).unwrap();
        assert!(hits.is_empty());
    }
}

#[test]
fn sets_of_keys_become_sets_of_slots_and_distances_are_measured() {
    let rows = Rows::clustered(5, 2000, 4);
    let index = Index::new(Config::new(5, Metric::L2)).unwrap();
    index.add(&rows.keys(), &rows.data, 1).unwrap();
    // Keys are ten times the row, and seven: of these every tenth is one.
    let slots = index.slots(0..15_000);
    assert_eq!(slots.iter().collect::<Vec<_>>(), (0..1500).collect::<Vec<_>>());
    assert_eq!(index.slots([19_997, 7, 20_007, 18].into_iter()).iter().collect::<Vec<_>>(), [0, 1999]);
    let mut seen = Vec::new();
    index.measure(rows.row(3), [3, 1999, 2000].into_iter(), |key, distance| seen.push((key, distance))).unwrap();
    assert_eq!(seen[0], (37, 0.0));
    assert_eq!((seen.len(), seen[1].0), (2, 19_997));
    assert!(index.measure(&[0.0; 4], [3].into_iter(), |_, _| ()).is_err());
}
