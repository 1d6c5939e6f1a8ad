//! From sources to records: decoding on all cores, encoding in batches, writing, with bounded queues in between, so
//! that memory does not grow with the data, and ids that make importing again harmless.

mod pipeline;
mod prune;
mod watch;

use async_trait::async_trait;
use bootcamp_core::picture::Picture;
use bootcamp_core::{Fields, Id, Result, Vector};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::media::hex;
use crate::options::Options;
use crate::source::{Skip, Source, Sources};

pub use pipeline::ingest;
pub use watch::{Outcome, Snapshot, Watch};

/// How a solution makes records of sources.
#[async_trait]
pub trait Pipeline: Send + Sync + 'static {
    /// What decoding hands to encoding: pixels, tokens, samples.
    type Input: Send + 'static;

    /// Items that are encoded together.
    const BATCH: usize = 32;

    /// The items of a source, in order: one for a picture, many for a video. Computes and blocks; called on several
    /// threads at once.
    ///
    /// # Errors
    /// Why the source cannot be taken. It is skipped, with all its items.
    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Self::Input>>;

    /// A vector for each input, in order.
    ///
    /// # Errors
    /// What ends the whole import.
    async fn encode(&self, inputs: Vec<Self::Input>) -> Result<Vec<Vector>>;
}

/// Items as they are decoded.
pub type Items<'a, I> = Box<dyn Iterator<Item = Result<Item<I>>> + Send + 'a>;

/// One thing that becomes a record.
#[derive(Debug)]
pub struct Item<I> {
    /// What decoding found out; the source's own fields and the kit's are added.
    pub fields: Fields,
    pub thumbnail: Option<Picture>,
    pub input: I,
}

/// What to import, and who watches.
pub struct Import {
    pub sources: Sources,
    /// What was chosen of the program's options for imports.
    pub options: Options,
    /// Afterwards, remove items whose names begin with one of these and that the sources did not name.
    pub prune: Option<Vec<String>>,
    pub watch: Watch,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("prune", &self.prune).field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// What came of an import. Counts are of sources, but for `removed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub added: u64,
    /// Were there in another version.
    pub replaced: u64,
    pub unchanged: u64,
    /// Items that are gone, by `--prune`.
    pub removed: u64,
    pub skipped: u64,
    /// The first of those that were skipped, at most [`MAX_SKIPS`].
    pub skips: Vec<Skip>,
    /// Whether it was asked to stop before its end.
    pub interrupted: bool,
    /// Ids of what was added, replaced or unchanged, where they were asked for.
    #[serde(skip)]
    pub ids: Vec<Id>,
}

impl Report {
    /// Adds what came of another import.
    pub fn add(&mut self, other: Self) {
        self.added += other.added;
        self.replaced += other.replaced;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.skipped += other.skipped;
        let room = MAX_SKIPS.saturating_sub(self.skips.len());
        self.skips.extend(other.skips.into_iter().take(room));
        self.interrupted |= other.interrupted;
        self.ids.extend(other.ids);
    }
}

/// How many skipped sources are kept with their reasons.
pub const MAX_SKIPS: usize = 10_000;

/// The id of a source's item: the first 80 bits of a hash of its name and number, in hex. A million items have the same
/// one twice with a chance of one in 10¹².
pub fn item_id(source: &str, part: u64) -> Id {
    let mut named = source.as_bytes().to_vec();
    named.push(0);
    named.extend(part.to_be_bytes());
    Id::String(hex(&named)[..crate::context::ID_LENGTH].to_owned())
}

#[cfg(test)]
mod tests;
