//! Prepares an import: which sources there are, how many, and which items to prune.

use bootcamp_core::Result;

use crate::ingest::Import;
use crate::solution::Solution;
use crate::source::Places;
use crate::watch::Watch;

/// An import from places; a second look at them counts what there is while the first goes on.
pub fn prepare(solution: &dyn Solution, places: &Places, prune: bool, watch: Watch) -> Result<Import> {
    let context = solution.context();
    let places = Places { max_bytes: context.limits.bytes, spool: Some(context.spool.clone()), ..places.clone() };
    let sources = solution.discover(&places)?;
    let count = solution.discover(&Places { names_only: true, ..places.clone() })?;
    let counting = watch.clone();
    tokio::task::spawn_blocking(move || {
        counting.set_total(count.take_while(|_| !counting.is_cancelled()).count() as u64)
    });
    let prune = if prune { Some(places.scopes()?) } else { None };
    Ok(Import { sources, options: places.options.clone(), prune, watch })
}
