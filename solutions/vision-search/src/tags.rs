//! Adding and removing tags.

use bootcamp_core::Result;

use crate::library::{Dataset, View};

/// Adds tags to all samples of a view, and removes others; returns how many changes there were. Blocking.
///
/// # Errors
/// `InvalidInput` for an empty tag, or a view that does not fit the dataset.
pub fn change(dataset: &Dataset, view: &View, add: &[String], remove: &[String]) -> Result<u64> {
    // The ids first: a tag could take a sample out of the view.
    let view = View::of(dataset.ids(view)?);
    let add = add.iter().map(|tag| dataset.tag(&view, tag));
    let remove = remove.iter().map(|tag| dataset.untag(&view, tag));
    add.chain(remove).try_fold(0, |sum, changed| changed.map(|changed| sum + changed))
}
