//! Turns a sound file into records: one for each window that the model takes, with what is known of the whole sound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use bootcamp_core::encoder::{AudioEncoder, Frames, SoundWindow};
use bootcamp_core::{Fields, Result, Vector};
use bootcamp_kit::Watch;
use bootcamp_kit::ingest::{Item, Items, Pipeline, Span, source_id};
use bootcamp_kit::source::Source;
use serde_json::json;

use crate::fields::{FINGERPRINT, PEAKS};
use crate::fingerprints::Index;
use crate::listen::{Listening, open};
use crate::survey::{Survey, survey};
use crate::waveform;

/// Sounds through one model, and their fingerprints into an index of their own.
#[derive(Debug)]
pub struct Sounds {
    pub encoder: AudioEncoder,
    /// `None`: the store cannot keep fingerprints.
    pub index: Option<Index>,
    pub watch: Watch,
    /// Windows of silence that were left out.
    pub silence: Arc<AtomicU64>,
}

/// A window on its way to the model.
#[derive(Debug)]
pub struct Heard {
    frames: Frames,
    /// Goes with the first window of a sound.
    fingerprint: Option<Fingerprint>,
}

/// The fingerprint of a sound, and the id of that.
#[derive(Debug)]
struct Fingerprint {
    source: String,
    values: Vec<u32>,
}

#[async_trait]
impl Pipeline for Sounds {
    type Input = Heard;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Heard>> {
        let Survey { fields, peaks, fingerprint, windows } = survey(&source.content, &self.encoder, &self.watch)?;
        let windows: Box<dyn Iterator<Item = Result<SoundWindow>> + Send> = match windows {
            Some(windows) => Box::new(windows.into_iter().map(Ok)),
            None => Box::new(Listening::new(open(&source.content)?, &self.encoder)?),
        };
        let mut of_first = Fields::from_iter([(PEAKS.to_owned(), json!(waveform::to_text(&peaks)))]);
        let mut fingerprint = self.index.as_ref().map(|_| {
            of_first.insert(FINGERPRINT.to_owned(), json!(fingerprint.len()));
            Fingerprint { source: source_id(&source.name).to_string(), values: fingerprint }
        });
        let item = move |window: Result<SoundWindow>| {
            let SoundWindow { start, end, frames, .. } = window?;
            let mut fields = fields.clone();
            fields.append(&mut of_first);
            let input = Heard { frames, fingerprint: fingerprint.take() };
            Ok(Item { fields, thumbnail: None, span: Some(Span { start, end }), input })
        };
        Ok(Box::new(Audible::new(windows, Arc::clone(&self.silence)).map(item)))
    }

    /// A fingerprint is written before the item that says so: one without an item is ignored, and written again.
    async fn encode(&self, inputs: Vec<Heard>) -> Result<Vec<Vector>> {
        let (frames, fingerprints): (Vec<_>, Vec<_>) =
            inputs.into_iter().map(|heard| (heard.frames, heard.fingerprint)).unzip();
        let vectors = self.encoder.embed(frames).await?.into_iter().map(Vector::F32).collect();
        if let Some(index) = &self.index {
            let written: Vec<_> =
                fingerprints.into_iter().flatten().map(|Fingerprint { source, values }| (source, values)).collect();
            index.write(&written).await?;
        }
        Ok(vectors)
    }
}

/// Windows in which something is to be heard; of a sound that is silent throughout, the first one.
struct Audible<I> {
    windows: I,
    /// The first window, as long as all were silent.
    silent: Option<SoundWindow>,
    begun: bool,
    left_out: Arc<AtomicU64>,
}

impl<I> Audible<I> {
    fn new(windows: I, left_out: Arc<AtomicU64>) -> Self {
        Self { windows, silent: None, begun: false, left_out }
    }
}

impl<I: Iterator<Item = Result<SoundWindow>>> Iterator for Audible<I> {
    type Item = Result<SoundWindow>;

    fn next(&mut self) -> Option<Self::Item> {
        for window in self.windows.by_ref() {
            match window {
                Ok(window) if window.silent && !self.begun && self.silent.is_none() => self.silent = Some(window),
                Ok(window) if window.silent => _ = self.left_out.fetch_add(1, Relaxed),
                other => {
                    self.begun = true;
                    self.left_out.fetch_add(self.silent.take().is_some().into(), Relaxed);
                    return Some(other);
                }
            }
        }
        self.silent.take().map(Ok)
    }
}
