//! Prepares an import: which sources there are, how many, and which items to prune.

use bootcamp_core::Result;

use crate::context::Context;
use crate::ingest::{Import, Prune};
use crate::solution::Solution;
use crate::source::{Notes, Places, future_path};
use crate::watch::Watch;

/// Files of a local store beside the media folder.
const STORE_FILES: [&str; 5] = ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm", "graphs", "lock"];

/// An import from places. Their names are looked at twice: first to count them and to find those that come up more than
/// once.
///
/// # Errors
/// `NotFound` for a place that is not there, `InvalidInput` for one that cannot be imported.
pub fn prepare(solution: &dyn Solution, places: &Places, prune: bool, watch: Watch) -> Result<Import> {
    let context = solution.context();
    let places = Places {
        max_bytes: context.limits.bytes,
        spool: Some(context.spool.clone()),
        own_folders: own_folders(context),
        notes: watch.notes().clone(),
        ..places.clone()
    };
    let sources = solution.discover(&places)?;
    let names = solution.discover(&Places { names_only: true, notes: Notes::default(), ..places.clone() })?;
    let prune = prune.then(|| places.scopes()).transpose()?;
    let prune = prune.map(|scopes| Prune { scopes, allow_empty: places.allow_empty });
    Ok(Import { sources, names: Some(names), options: places.options.clone(), prune, watch })
}

/// Where the program keeps its store and its media, also where they are yet to be made.
fn own_folders(context: &Context) -> Vec<std::path::PathBuf> {
    let store = context.folder.iter().flat_map(|folder| STORE_FILES.map(|name| folder.join(name)));
    store.chain([context.media_root.clone()]).map(|path| future_path(&path)).collect()
}
