//! Search with filters that keep few or many rows.

use anyhow::Result;
use bootcamp_core::Filter;
use bootcamp_hnsw::Bits;

use super::DIM;
use crate::contender::{Bare, ask_each};
use crate::data::{self, DataSet};
use crate::exact;
use crate::local::Local;
use crate::matrix::Matrix;
use crate::measure::{Noise, median, median_ratio};
use crate::report::{Table, number};

/// Different filters of each width.
const FILTERS: usize = 20;
/// Queries with the same filter after the first.
const AGAIN: usize = 10;
const EF: usize = 64;

/// Filters of this many percent of all rows, each asked for the first time and again.
pub fn measure(data: &DataSet<f32>, store: &Local, bare: &Bare, noise: &mut Noise) -> Result<()> {
    let heading = format!(
        "Filtered search of {} × {DIM} at ef {EF}: queries/s over those of the search without filter",
        number(data.base.len() as f64)
    );
    let columns =
        ["rows kept", "first time", "again", "recall", "the index with a ready bitmap", "recall", "store ÷ index"];
    let mut table = Table::new(&heading, &columns);
    let queries = Matrix { width: DIM, data: data.queries.data[..(AGAIN + 1) * FILTERS * DIM].to_vec() };
    let buckets: Vec<i64> = (0..data.base.len()).map(data::bucket).collect();
    for width in [1, 10, 50] {
        let bounds = |filter: usize| {
            let low = (filter as i64 * (100 - width)) / FILTERS as i64;
            low..low + width
        };
        let filter_of = |query: usize| query / (AGAIN + 1);
        let truth = exact::nearest_floats_where(&data.base, &queries, |query, row| {
            bounds(filter_of(query)).contains(&buckets[row])
        });
        let (mut first, mut again, mut alone, mut without) = (vec![], vec![], vec![], vec![]);
        let (mut ours, mut theirs) = (vec![], vec![]);
        for filter in 0..FILTERS {
            noise.sample();
            let range = bounds(filter);
            let expression = Filter::parse(&format!("bucket >= {} and bucket < {}", range.start, range.end))?;
            let passing = (0..).zip(&buckets).filter(|(_, bucket)| range.contains(bucket));
            let bitmap: Bits = passing.map(|(row, _)| row).collect();
            let block = filter * (AGAIN + 1) * DIM..(filter + 1) * (AGAIN + 1) * DIM;
            let block = Matrix { width: DIM, data: queries.data[block].to_vec() };
            let plain = ask_each(&block, |query| store.search(query.to_vec(), Some(EF), None))?;
            let answer = ask_each(&block, |query| store.search(query.to_vec(), Some(EF), Some(&expression)))?;
            let bare = ask_each(&block, |query| bare.search_where(query, EF, &bitmap))?;
            without.push(median(plain.each));
            first.push(answer.each[0]);
            again.push(median(answer.each[1..].iter().copied()));
            alone.push(median(bare.each));
            ours.extend(answer.ids);
            theirs.extend(bare.ids);
        }
        table.row([
            format!("{width} %"),
            number(median_ratio(&without, &first)),
            number(median_ratio(&without, &again)),
            format!("{:.3}", exact::recall(&truth, &ours)),
            number(median_ratio(&without, &alone)),
            format!("{:.3}", exact::recall(&truth, &theirs)),
            number(median_ratio(&alone, &again)),
        ]);
    }
    Ok(())
}
