//! Any sequence of additions, deletions and reloads, beside looking at every row.

use bootcamp_hnsw::{Bits, Coding, Config, Index, Metric, Search};
use proptest::prelude::*;

use super::data::{Random, Rows, key, lost, recall};

/// What is done to an index.
#[derive(Clone, Debug)]
enum Step {
    /// So many more rows, on so many threads.
    Add(usize, usize),
    /// Every so many-th row dies.
    Delete(usize),
    Reload,
    /// `k`, the width, and one in how many rows that pass.
    Search(usize, usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_usize..700, 1_usize..4).prop_map(|(rows, threads)| Step::Add(rows, threads)),
        1 => (2_usize..9).prop_map(Step::Delete),
        1 => Just(Step::Reload),
        3 => (1_usize..30, 96_usize..200, 1_u32..40).prop_map(|(k, ef, one_in)| Step::Search(k, ef, one_in)),
    ]
}

/// Rows of different kinds: spread evenly, in clusters, on a grid with many copies.
fn rows_of(kind: usize, dim: usize, count: usize, seed: u64) -> Rows {
    let mut random = Random(seed);
    match kind {
        0 => Rows::new(dim, count, |_, _| random.normal()),
        1 => Rows::clustered(dim, count, seed),
        _ => Rows::new(dim, count, |_, at| if at < 3 { (random.next() % 8) as f32 } else { 1.0 }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn searches_find_what_looking_at_every_row_finds(
        dim in prop::sample::select(vec![1_usize, 3, 12, 20, 33]),
        kind in 0_usize..3,
        metric in prop::sample::select(vec![Metric::L2, Metric::InnerProduct]),
        coding in prop::sample::select(vec![Coding::Auto, Coding::Bytes, Coding::Floats]),
        portable in any::<bool>(),
        m in prop::sample::select(vec![12_usize, 16, 24]),
        seed in any::<u32>(),
        steps in prop::collection::vec(step(), 1..14),
    ) {
        // What bytes lose of few components is not brought back: that is why they are tried first.
        let coding = if dim <= 16 { Coding::Auto } else { coding };
        let config = Config { m, ef_construction: 100, coding, portable, ..Config::new(dim, metric) };
        let mut index = Index::new(config).unwrap();
        let all = rows_of(kind, dim, 6000, seed.into());
        let queries = rows_of(kind, dim, 20, u64::from(seed) + 1);
        let mut len = 0;
        let mut dead = Bits::default();
        for step in steps {
            match step {
                Step::Add(count, threads) => {
                    let end = (len + count).min(all.len());
                    let keys: Vec<u64> = (len..end).map(key).collect();
                    index.add(&keys, &all.data[len * dim..end * dim], threads).unwrap();
                    len = end;
                }
                Step::Delete(one_in) => {
                    (0..len as u32).filter(|slot| ((slot + 1) as usize).is_multiple_of(one_in)).for_each(|slot| dead.insert(slot));
                }
                Step::Reload => {
                    let mut bytes = Vec::new();
                    index.write(&mut bytes).unwrap();
                    index = Index::read(&bytes[..], portable).unwrap();
                }
                Step::Search(k, ef, one_in) => {
                    let rows = Rows { dim, data: all.data[..len * dim].to_vec() };
                    let only: Bits = (0..len as u32).filter(|slot| slot * 7 % one_in == 0).collect();
                    let passes = |row: usize| !dead.contains(row as u32) && only.contains(row as u32);
                    let search = Search { only: Some(&only), except: Some(&dead), ..Search::nearest(k, ef) };
                    let filtered = recall(&index, &rows, &queries, &search, passes);
                    let search = Search { only: None, ..search };
                    let living = recall(&index, &rows, &queries, &search, |row| !dead.contains(row as u32));
                    prop_assert!(filtered > 0.9 || len == 0, "filtered: {}", filtered);
                    prop_assert!(living > 0.9 || len == 0, "living: {}", living);
                    if metric == Metric::L2 {
                        let living = (0..len).filter(|row| !dead.contains(*row as u32));
                        let lost = lost(&index, &rows, &Search { k: 1, ..search }, living);
                        prop_assert!(lost.is_empty(), "{:?} of {} do not find themselves", lost, len);
                    }
                }
            }
            prop_assert_eq!(index.unreachable(), 0);
            prop_assert_eq!(index.len(), len);
        }
    }
}
