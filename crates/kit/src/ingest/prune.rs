//! Removes items whose sources are gone: those that came from the places of an import and that it did not meet. What
//! could not be looked at is not gone.

use std::collections::BTreeSet;

use bootcamp_core::{Error, Id, Output, PageRequest, Result, scan};
use futures::TryStreamExt;

use super::names::Names;
use crate::context::{Context, TABLE};
use crate::items::remove;
use crate::source::{Doubt, Notes, Scopes};

/// Records that are looked at, and removed, together.
const PAGE: usize = 1000;

/// What to remove after an import.
#[derive(Clone, Debug)]
pub struct Prune {
    /// Items from these places.
    pub scopes: Scopes,
    /// Also where a place has nothing any more. Otherwise that is refused: the folder of a disk that is not mounted is
    /// empty, too.
    pub allow_empty: bool,
}

/// Removes the items from the scopes whose sources are gone: `names` has not met them, and there is no doubt. `alive`
/// are the places that gave something. Says how many there were.
///
/// # Errors
/// `InvalidInput`, before anything is removed, when a place had items and now has nothing; those of the store.
pub(super) async fn prune(
    context: &Context,
    prune: &Prune,
    names: &Names,
    alive: &BTreeSet<String>,
    notes: &Notes,
) -> Result<u64> {
    let mut gone: Vec<Id> = Vec::new();
    let (mut unread, mut empty) = (0_u64, 0_u64);
    let request = PageRequest { limit: PAGE, output: Output::only(["path", TABLE]), ..PageRequest::default() };
    let mut records = scan(&*context.store, &context.collection, request);
    while let Some(record) = records.try_next().await? {
        let text = |field: &str| record.fields.get(field).and_then(|text| text.as_str());
        let (path, table) = (text("path").unwrap_or_default(), text(TABLE));
        let Some(scope) = prune.scopes.find(path, table).filter(|_| !names.has(path)) else { continue };
        let doubt = notes.doubt(path).or_else(|| table.and_then(|table| notes.doubt(table)));
        match doubt {
            Some(Doubt::Unread) => unread += 1,
            Some(Doubt::Empty) if !prune.allow_empty => empty += 1,
            _ if !prune.allow_empty && !alive.contains(scope) => return Err(nothing_left(scope)),
            _ => gone.extend(record.id),
        }
    }
    if unread > 0 {
        notes.warn(format!(
            "kept {}: what they came from was passed over, or could not be read as a whole",
            items(unread)
        ));
    }
    if empty > 0 {
        let hint = "as if a disk were not mounted; remove them with --allow-empty";
        notes.warn(format!("kept {}: the folder or file they came from is empty, {hint}", items(empty)));
    }
    let removed = gone.len() as u64;
    for page in gone.chunks(PAGE) {
        remove(context, page.to_vec()).await?;
    }
    Ok(removed)
}

fn items(count: u64) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

fn nothing_left(scope: &str) -> Error {
    Error::invalid(format!("there is nothing to import in {scope} any more, while the collection has items from there"))
        .with_hint("nothing was removed; check that the place is right and its disk is mounted, or add --allow-empty")
}
