//! The rows that pass a filter.

use roaring::RoaringTreemap;

/// The keys for which a filter holds, up to some key.
#[derive(Debug)]
pub(super) struct Passing {
    /// The same for as long as only newer keys come: what is made of the older ones stays true.
    pub(super) id: u64,
    pub(super) keys: RoaringTreemap,
}
