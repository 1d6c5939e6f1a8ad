//! What a query for a recording asks with: fingerprints of a sound as it is, and as if it had been played at other speeds.

use std::path::Path;

use bootcamp_core::audio::fingerprint::{Fingerprinter, SPAN, STEP};
use bootcamp_core::{Error, Id, Output, Result};
use bootcamp_kit::{Context, SOURCE, SearchQuery, Subject, stored};
use sha2::{Digest, Sha256};

use super::index::{Index, Stretch};
use crate::fields::{CONTENT_HASH, number, text};
use crate::listen::{self, Part, hear, open_file};
use crate::terms::Terms;

/// How much faster a query may be played than the recording. A fingerprint finds its recording within about half a percent;
/// tapes, records and films at another rate differ by more.
const SPEEDS: [f64; 5] = [1.0, 0.98, 0.99, 1.01, 1.02];

/// The fingerprint to search with.
#[derive(Debug, Default)]
pub struct Recording {
    /// The query as it is, and as if it had been played faster or slower.
    pub variants: Vec<Variant>,
    /// Seconds of it that were heard.
    pub seconds: f64,
    /// The checksum of its file, where the query is a whole file.
    pub content_hash: Option<String>,
    /// The sound that the query is of, which is no answer to it.
    pub own: Option<String>,
    pub notes: Vec<String>,
}

/// A query's fingerprint, if it had been played at this speed.
#[derive(Debug)]
pub struct Variant {
    pub speed: f64,
    pub values: Vec<u32>,
}

impl Recording {
    /// Of the one example that a query for a recording has.
    ///
    /// # Errors
    /// `InvalidInput` for several examples or words, and for what is no sound; `NotFound` for an item.
    pub async fn of(context: &Context, index: &Index, query: &SearchQuery, terms: &Terms) -> Result<Self> {
        let [example] = query.positive.as_slice() else {
            return Err(Error::invalid("a search for the same recording takes one sound, not several"));
        };
        if !query.negative.is_empty() || example.region.is_some() {
            return Err(Error::invalid("a search for the same recording has no negative examples and no regions")
                .with_hint("name a part of the sound by 'from' and 'to'"));
        }
        match &example.subject {
            Subject::Words(words) => Err(Error::invalid(format!("'{words}' is no recording"))
                .with_hint("give a file or an item's id, or search for similar sounds")),
            Subject::Id(id) => stored_recording(context, index, id, terms).await,
            Subject::File { name, content } => {
                let (content, spool, part) = (content.clone(), context.spool.clone(), terms.part);
                let hear = move || file_recording(&content.path(&spool)?, part);
                context.compute(hear).await.map_err(|error| error.context(name))
            }
        }
    }
}

fn file_recording(path: &Path, part: Part) -> Result<Recording> {
    let mut sound = open_file(path)?;
    let (rate, channels) = (sound.facts().sample_rate, sound.facts().channels);
    // What was played too fast sounds right at a lower rate.
    let maker = |speed: f64| Fingerprinter::new((f64::from(rate) / speed).round() as u32, channels);
    let mut makers = SPEEDS.into_iter().map(maker).collect::<Result<Vec<_>>>()?;
    let (heard, cut) = part.of_query();
    let frames = hear(&mut sound, heard, |block| makers.iter_mut().try_for_each(|maker| maker.push(block)))?;
    if frames == 0 {
        return Err(listen::nothing(part));
    }
    let is_long = cut && sound.read()?.is_some();
    let variants =
        SPEEDS.into_iter().zip(makers).map(|(speed, maker)| Variant { speed, values: maker.finish() }).collect();
    let content_hash = if part == Part::default() { Some(checksum(path)?) } else { None };
    let notes = is_long.then(listen::too_long).into_iter().collect();
    Ok(Recording { variants, seconds: frames as f64 / f64::from(rate), content_hash, own: None, notes })
}

fn checksum(path: &Path) -> Result<String> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    let mut file = std::fs::File::open(path).map_err(cannot_read)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(cannot_read)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The stored fingerprint of the sound that an item is of, or of a part of it.
async fn stored_recording(context: &Context, index: &Index, id: &Id, terms: &Terms) -> Result<Recording> {
    let item = stored(context, id, &Output::only([SOURCE, CONTENT_HASH, "duration"])).await?;
    let source = text(&item.fields, SOURCE).unwrap_or_default().to_owned();
    let len = index.lengths(&[&source]).await?.get(&source).copied().unwrap_or_default();
    let duration = number(&item.fields, "duration").unwrap_or_default();
    let (part, cut) = terms.part.of_query();
    let seconds = part.to.unwrap_or(duration).min(duration) - part.from;
    if seconds <= 0.0 {
        return Err(listen::nothing(part));
    }
    let mut recording = Recording::of_part(index, &source, len, part).await?;
    recording.seconds = seconds;
    recording.notes.extend((cut && duration > part.from + listen::MAX_QUERY).then(listen::too_long));
    recording.content_hash = text(&item.fields, CONTENT_HASH).filter(|_| !terms.is_part()).map(str::to_owned);
    Ok(recording)
}

impl Recording {
    /// The whole fingerprint of a stored sound, which has so many values, or as much as is heard of a query.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn stored(index: &Index, source: &str, len: usize, seconds: f64) -> Result<Self> {
        let (part, _) = Part::default().of_query();
        let recording = Self::of_part(index, source, len, part).await?;
        Ok(Self { seconds: seconds.min(listen::MAX_QUERY), ..recording })
    }

    async fn of_part(index: &Index, source: &str, len: usize, part: Part) -> Result<Self> {
        let value = |seconds: f64| ((seconds.max(0.0) / STEP).round() as usize).min(len);
        let from = value(part.from);
        // Each value looks ahead; those of a part look at nothing beyond it.
        let to = part.to.map_or(len, |to| value(to - SPAN)).max(from);
        let stretch = Stretch { source: source.to_owned(), range: from..to, len };
        let values = index.values(&[stretch]).await?.pop().flatten().unwrap_or_default();
        let variants = vec![Variant { speed: 1.0, values }];
        Ok(Self { variants, own: Some(source.to_owned()), ..Self::default() })
    }
}
