//! Rows that nobody thought of.

use bootcamp_hnsw::{Coding, Config, Error, Index, Metric, Search, normalised};

use super::data::{Random, Rows, key, lost, recall};

fn built(config: Config, rows: &Rows) -> Index {
    let index = Index::new(config).unwrap();
    index.add(&rows.keys(), &rows.data, 2).unwrap();
    assert_eq!(index.unreachable(), 0);
    index
}

/// The recall of the ten nearest, of some rows moved a little, and that each finds itself.
fn find(index: &Index, rows: &Rows, moved: f32) -> f64 {
    let mut random = Random(99);
    let queries = Rows::new(rows.dim, 40, |at, component| {
        rows.row(at * 7 % rows.len())[component] * (1.0 + moved * random.normal())
    });
    if index.config().metric == Metric::L2 {
        let some = (0..rows.len()).step_by(1 + rows.len() / 500);
        assert_eq!(lost(index, rows, &Search::nearest(1, 96), some), [] as [usize; 0]);
    }
    recall(index, rows, &queries, &Search::nearest(10, 96), |_| true)
}

#[test]
fn any_dimension_is_searched() {
    for (dim, count) in [(1, 3000), (2, 3000), (16, 3000), (17, 3000), (63, 2000), (64, 2000), (65, 2000), (4096, 1100)]
    {
        let rows = Rows::clustered(dim, count, dim as u64);
        for metric in [Metric::L2, Metric::Cosine, Metric::InnerProduct] {
            let rows = match metric {
                Metric::Cosine => Rows { dim, data: rows.data.chunks(dim).flat_map(normalised).collect() },
                _ => rows.clone(),
            };
            let index = built(Config::new(dim, metric), &rows);
            let recall = find(&index, &rows, 0.01);
            assert!(recall > 0.98, "{metric:?} of {dim}: {recall}");
            let expected = if dim <= 16 { Coding::Floats } else { Coding::Bytes };
            assert_eq!(index.info().coding, expected, "{metric:?} of {dim}");
        }
    }
    let widest = Rows::clustered(1 << 16, 40, 1);
    for coding in [Coding::Bytes, Coding::Floats] {
        let index = built(Config { coding, ..Config::new(1 << 16, Metric::L2) }, &widest);
        assert!(find(&index, &widest, 0.01) > 0.99);
    }
}

#[test]
fn magnitudes_that_squares_cannot_have_are_searched() {
    let unit = Rows::clustered(40, 2000, 7);
    for magnitude in [1e30, 1e15, 1e-12, 1e-30, 1e-42] {
        let rows = Rows { dim: 40, data: unit.data.iter().map(|x| x * magnitude).collect() };
        for (metric, coding) in [
            (Metric::L2, Coding::Auto),
            (Metric::L2, Coding::Floats),
            (Metric::InnerProduct, Coding::Auto),
            (Metric::InnerProduct, Coding::Floats),
        ] {
            let index = built(Config { coding, ..Config::new(40, metric) }, &rows);
            let mut random = Random(8);
            let queries =
                Rows::new(40, 40, |at, component| rows.row(at)[component] + 0.1 * magnitude * random.normal());
            // Told distances are f32, in which nearly all of these are infinite or zero: the order must be right before.
            let mut found = 0;
            for at in 0..queries.len() {
                let query = queries.row(at);
                let truth = super::data::nearest(metric, &rows, query, 10, |_| true);
                let hits = index.search(query, &Search::nearest(10, 96)).unwrap();
                let near = |key: u64| super::data::distance(metric, query, rows.row(super::data::row_of(key)));
                let last = truth[9] + 1e-4 * truth[9].abs();
                found += hits.iter().filter(|hit| near(hit.key) <= last).count();
            }
            assert!(found >= 388, "{metric:?} {coding:?} at {magnitude}: {found} of 400");
        }
    }
}

#[test]
fn one_row_beyond_all_others_hides_none_and_is_found() {
    let mut rows = Rows::clustered(32, 3000, 9);
    rows.data[500 * 32] = 1e30;
    rows.data[2900 * 32 + 3] = -3e38;
    for metric in [Metric::L2, Metric::InnerProduct] {
        let index = Index::new(Config::new(32, metric)).unwrap();
        for (at, part) in rows.data.chunks(100 * 32).enumerate() {
            let keys: Vec<u64> = (at * 100..at * 100 + part.len() / 32).map(key).collect();
            index.add(&keys, part, 2).unwrap();
        }
        assert_eq!(index.unreachable(), 0);
        if metric == Metric::L2 {
            assert_eq!(lost(&index, &rows, &Search::nearest(1, 96), 0..3000), [] as [usize; 0]);
        }
        let hits = index.search(&[1e38; 32], &Search::nearest(10, 96)).unwrap();
        assert_eq!(hits.len(), 10);
        assert!(hits.iter().all(|hit| !hit.distance.is_nan()));
    }
}

#[test]
fn rows_that_are_all_equal_are_all_found() {
    for value in [0.0, 1.5, -1e30] {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            let value = if metric == Metric::Cosine { 0.18 } else { value };
            let rows = Rows::new(30, 20_000, |_, _| value);
            let index = built(Config::new(30, metric), &rows);
            let hits = index.search(rows.row(0), &Search::nearest(1000, 96)).unwrap();
            assert_eq!(hits.len(), 1000);
            let all = index.search(rows.row(0), &Search::nearest(20_000, 1)).unwrap();
            assert_eq!(all.len(), 20_000);
        }
    }
}

#[test]
fn components_that_are_constant_or_huge_are_no_harm() {
    let plain = Rows::clustered(48, 3000, 10);
    type Change = fn(usize, usize, f32) -> f32;
    let changes: [(&str, Change); 5] = [
        ("one constant", |_, at, x| if at == 5 { 1000.0 } else { x }),
        ("half constant", |_, at, x| if at % 2 == 0 { -3e6 } else { x }),
        ("one a thousand times as wide", |_, at, x| if at == 7 { x * 1000.0 } else { x }),
        ("tails without end", |row, at, x| {
            x + 0.001 / (1e-6 + Random((row * 48 + at) as u64).uniform()).powi(2).min(1e6)
        }),
        ("integers", |_, _, x| (x * 4.0).round()),
    ];
    for (name, change) in changes {
        let rows = Rows::new(48, 3000, |row, at| change(row, at, plain.row(row)[at]));
        for metric in [Metric::L2, Metric::InnerProduct] {
            let index = built(Config::new(48, metric), &rows);
            let recall = find(&index, &rows, 0.001);
            assert!(recall > 0.97, "{name}, {metric:?}: {recall} as {:?}", index.info().coding);
        }
    }
}

#[test]
fn inner_products_of_rows_of_all_lengths_are_found() {
    let mut rows = Rows::clustered(32, 10_000, 11);
    let mut random = Random(12);
    for row in rows.data.chunks_mut(32) {
        let length = (1.5 * random.normal()).exp();
        row.iter_mut().for_each(|x| *x *= length);
    }
    let index = built(Config::new(32, Metric::InnerProduct), &rows);
    let queries = Rows::clustered(32, 100, 13);
    let recall = recall(&index, &rows, &queries, &Search::nearest(10, 96), |_| true);
    assert!(recall > 0.98, "{recall}");
}

#[test]
fn rows_unlike_those_before_are_coded_anew() {
    let near = Rows::clustered(40, 8000, 14);
    let far = Rows::clustered(40, 8000, 15);
    // First all in one corner, then everywhere; and the other way round.
    let small: Vec<f32> = near.data.iter().map(|x| 100.0 + x * 1e-3).collect();
    let wide: Vec<f32> = far.data.iter().map(|x| x * 10.0).collect();
    for parts in [[small.clone(), wide.clone()], [wide, small]] {
        let rows = Rows { dim: 40, data: parts.concat() };
        let index = Index::new(Config::new(40, Metric::L2)).unwrap();
        for (at, part) in rows.data.chunks(40 * 100).enumerate() {
            let keys: Vec<u64> = (at * 100..(at + 1) * 100).map(key).collect();
            index.add(&keys, part, 1).unwrap();
        }
        assert_eq!(index.unreachable(), 0);
        let lost = lost(&index, &rows, &Search::nearest(1, 96), 0..16_000);
        assert_eq!(lost, [] as [usize; 0], "{:?}", index.info());
        let queries = Rows::new(40, 40, |at, component| rows.row(at * 399)[component] * 1.00001);
        let recall = recall(&index, &rows, &queries, &Search::nearest(10, 96), |_| true);
        assert!(recall > 0.97, "{recall}: {:?}", index.info());
    }
}

#[test]
fn what_is_no_vector_is_refused_and_nothing_is_added() {
    let index = Index::new(Config::new(3, Metric::L2)).unwrap();
    assert!(index.search(&[0.0; 3], &Search::nearest(5, 10)).unwrap().is_empty());
    index.add(&[5], &[1.0, 2.0, 3.0], 1).unwrap();
    let add = |keys: &[u64], rows: &[f32]| index.add(keys, rows, 1).unwrap_err().to_string();
    assert_eq!(add(&[6], &[1.0; 2]), "a vector has 2 components, the index 3");
    assert_eq!(add(&[6, 7], &[1.0; 3]), "a vector has 1 components, the index 3");
    assert_eq!(add(&[5], &[1.0; 3]), "key 5 comes after 5: keys must ascend");
    assert_eq!(add(&[9, 8], &[1.0; 6]), "key 8 comes after 9: keys must ascend");
    let refused = "component 1 of the vector with key 7 is NaN, which has no distance to anything";
    assert_eq!(add(&[6, 7], &[0.0, 0.0, 0.0, 1.0, f32::NAN, 1.0]), refused);
    assert!(matches!(index.search(&[0.0; 2], &Search::nearest(1, 1)), Err(Error::Dimension { expected: 3, found: 2 })));
    assert!(matches!(index.search(&[f32::INFINITY; 3], &Search::nearest(1, 1)), Err(Error::NotFinite { .. })));
    assert_eq!(index.len(), 1);
    index.add(&[], &[], 8).unwrap();
    for (dim, m, ef_construction) in [(0, 16, 100), (1 << 17, 16, 100), (3, 1, 100), (3, 3000, 100), (3, 16, 0)] {
        let config = Config { m, ef_construction, ..Config::new(dim, Metric::L2) };
        assert!(matches!(Index::new(config), Err(Error::Config(_))));
    }
}
