//! From sources to records: decoding on all cores, encoding in batches, writing, with bounded queues in between, so
//! that memory does not grow with the data, and ids that make importing again harmless.

mod names;
mod pipeline;
mod prune;

use async_trait::async_trait;
use bootcamp_core::picture::Picture;
use bootcamp_core::{Fields, Id, Result, Vector};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::context::ID_LENGTH;
use crate::names::hex;
use crate::options::Options;
use crate::source::{Source, Sources};
use crate::watch::Watch;

pub use pipeline::ingest;
pub use prune::Prune;

/// How a solution turns sources into records.
#[async_trait]
pub trait Pipeline: Send + Sync + 'static {
    /// The decoded input of the encoder: pixels, tokens, samples.
    type Input: Send + 'static;

    /// Items that are encoded together.
    const BATCH: usize = 32;

    /// Whether a source may have several items. If so, those of its older versions are looked for when a source is in.
    const SEVERAL: bool = true;

    /// The items of a source, in order: one for a picture, many for a video. Computes and blocks; called on several
    /// threads at once.
    ///
    /// # Errors
    /// Errors of the source. It is skipped, with all its items.
    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Self::Input>>;

    /// An embedding for each input, in order.
    ///
    /// # Errors
    /// Errors that end the whole import.
    async fn encode(&self, inputs: Vec<Self::Input>) -> Result<Vec<Vector>>;
}

/// Items as they are decoded.
pub type Items<'a, I> = Box<dyn Iterator<Item = Result<Item<I>>> + Send + 'a>;

/// A decoded item, to become a record.
#[derive(Debug)]
pub struct Item<I> {
    /// Fields found by decoding; the source's fields and the kit's are added.
    pub fields: Fields,
    pub thumbnail: Option<Picture>,
    /// Which part of its source it is, where items are spans ([`Facts::spans`](crate::Facts::spans)).
    pub span: Option<Span>,
    pub input: I,
}

/// A part of a source in time, in seconds from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    pub start: f64,
    pub end: f64,
}

/// What to import, and where to report progress.
pub struct Import {
    pub sources: Sources,
    /// The same again, of which only the names count: a first look that says how many there are and which are named more
    /// than once. Without it, a name that comes up again is skipped.
    pub names: Option<Sources>,
    /// The program's import options.
    pub options: Options,
    /// Afterwards, remove items whose sources are gone.
    pub prune: Option<Prune>,
    pub watch: Watch,
}

impl Import {
    /// Sources and nothing else.
    pub fn new(sources: Sources, watch: Watch) -> Self {
        Self { sources, names: None, options: Options::default(), prune: None, watch }
    }

    /// The sources that each source turns into: the records in a file.
    #[must_use]
    pub fn map(self, turn: impl Fn(Sources) -> Sources) -> Self {
        Self { sources: turn(self.sources), names: self.names.map(turn), ..self }
    }
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("prune", &self.prune).field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// As people read it: `1:02.5–1:07.0`, with hours where there are any.
impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clock = |seconds: f64| {
            // Rounded first, so that 59.96 is not 0:60.0.
            let tenths = (seconds.max(0.0) * 10.0).round() as u64;
            let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
            let seconds = format!("{:02}.{}", rest / 10, rest % 10);
            if hours > 0 { format!("{hours}:{minutes:02}:{seconds}") } else { format!("{minutes}:{seconds}") }
        };
        write!(f, "{}–{}", clock(self.start), clock(self.end))
    }
}

/// The id of a source: that of its first item.
pub fn source_id(source: &str) -> Id {
    id_of(source.as_bytes(), 0)
}

/// The id of another item of a source, numbered from 1, in one version of the source.
pub fn part_id(source: &str, version: &str, part: u64) -> Id {
    id_of(&[source.as_bytes(), &[0], version.as_bytes()].concat(), part)
}

/// The first 80 bits of a hash, in hex. Of a million items two have the same one with a chance of one in 10¹².
fn id_of(name: &[u8], part: u64) -> Id {
    let mut named = name.to_vec();
    named.push(0);
    named.extend(part.to_be_bytes());
    Id::String(hex(&named)[..ID_LENGTH].to_owned())
}

#[cfg(test)]
mod tests;
