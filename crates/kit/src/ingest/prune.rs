//! Removes items whose sources are gone.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use bootcamp_core::{Id, Output, PageRequest, Result, scan};
use futures::TryStreamExt;

use crate::context::Context;
use crate::items::remove;

/// Records that are looked at, and removed, together.
const PAGE: usize = 1000;

/// Removes the items that came from below one of `scopes` and whose source's name is not among the hashes `seen`. Says
/// how many there were.
pub(super) async fn prune(context: &Context, scopes: &[String], seen: &HashSet<u64>) -> Result<u64> {
    let request = PageRequest { limit: PAGE, output: Output::only(["path"]), ..PageRequest::default() };
    let mut records = scan(&*context.store, &context.collection, request);
    let mut gone: Vec<Id> = Vec::new();
    let mut removed = 0;
    while let Some(record) = records.try_next().await? {
        let path = record.fields.get("path").and_then(|path| path.as_str()).unwrap_or_default();
        if scopes.iter().any(|scope| is_below(path, scope)) && !seen.contains(&name_hash(path)) {
            gone.extend(record.id);
        }
        if gone.len() >= PAGE {
            removed += gone.len() as u64;
            remove(context, std::mem::take(&mut gone)).await?;
        }
    }
    removed += gone.len() as u64;
    if !gone.is_empty() {
        remove(context, gone).await?;
    }
    Ok(removed)
}

/// The hash by which a name is remembered.
pub(super) fn name_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// `/a/b` holds itself, `/a/b/c`, `/a/b!/c` and its own line `/a/b:7`, not `/a/bc`.
fn is_below(path: &str, scope: &str) -> bool {
    let is_line = |rest: &str| rest.strip_prefix(':').is_some_and(|line| line.parse::<u64>().is_ok());
    path.strip_prefix(scope.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '!', '#']) || is_line(rest))
}
