//! The solution: what an import and a search of sounds do, and what people see of a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bootcamp_core::picture::Picture;
use bootcamp_core::{CollectionSpec, Fields, Output, Result};
use bootcamp_kit::duplicates::Group;
use bootcamp_kit::ingest::{Import, ingest};
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{Answer, Card, ContentPath, Context, Laps, Report, SPAN, SearchQuery, Solution, Watch};

use crate::fields::{self, number, text};
use crate::fingerprints::{Index, Recording};
use crate::listen::{Part, open_file, outline};
use crate::query::Sought;
use crate::same::{self, Same};
use crate::sounds::Sounds;
use crate::terms::{Mode, Terms};
use crate::{discover, recordings, similar, waveform};

/// Fingerprints of sounds that are gone are swept when they are older than this, in milliseconds: others may be of sounds
/// that another import is just writing.
const SWEPT_AFTER: i64 = 10 * 60 * 1000;

/// Audio search on one collection.
#[derive(Debug)]
pub struct AudioSearch {
    context: Context,
    index: Index,
}

#[async_trait]
impl Solution for AudioSearch {
    fn context(&self) -> &Context {
        &self.context
    }

    fn collection(&self) -> CollectionSpec {
        self.context.spec(self.context.model_field(), fields::all())
    }

    async fn collections(&self) -> Result<Vec<String>> {
        let own = self.context.collection.clone();
        let exists = self.index.exists().await?;
        Ok(std::iter::once(own).chain(exists.then(|| self.index.collection().to_owned())).collect())
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        discover::discover(places)
    }

    /// Sounds to windows to embeddings, and to fingerprints.
    async fn import(&self, import: Import) -> Result<Report> {
        let encoder = self.context.encoder().await?.sounds()?.clone();
        let watch = import.watch.clone();
        let index = self.index.ensure().await?.then(|| self.index.clone());
        if index.is_none() {
            watch
                .notes()
                .warn("this store has no binary vectors: sounds have no fingerprints, so '--mode same' finds none");
        }
        let silence = Arc::new(AtomicU64::new(0));
        let sounds = Sounds { encoder, index: index.clone(), watch: watch.clone(), silence: Arc::clone(&silence) };
        ingest(&self.context, &self.collection(), sounds, import).await?;
        if let Some(index) = index.filter(|_| !watch.is_cancelled()) {
            index.sweep(now() - SWEPT_AFTER).await?;
        }
        match silence.load(Relaxed) {
            0 => {}
            1 => watch.notes().warn("left out 1 window in which nothing is to be heard"),
            count => watch.notes().warn(format!("left out {count} windows in which nothing is to be heard")),
        }
        Ok(watch.report())
    }

    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        let terms = Terms::of(&query.options)?;
        match terms.mode {
            Mode::Similar => self.similar(query, &terms).await,
            Mode::Same => self.same(query, &terms).await,
        }
    }

    /// Sounds that are the same recording.
    async fn duplicates(&self, threshold: f32, watch: &Watch) -> Result<Vec<Group>> {
        recordings::groups(&self.context, &self.index, threshold, &self.output(), watch).await
    }

    fn present(&self, fields: &Fields) -> Card {
        let path = text(fields, "path").unwrap_or_default();
        let title = path.rsplit('/').next().unwrap_or_default().to_owned();
        let tags =
            [text(fields, "artist"), text(fields, "title")].into_iter().flatten().collect::<Vec<_>>().join(" – ");
        let caption = text(fields, "caption").map(str::to_owned).or_else(|| (!tags.is_empty()).then_some(tags));
        Card { title, caption, label: text(fields, "label").map(str::to_owned) }
    }

    /// The waveform of the moment; of a file that is no item, of all of it.
    fn poster(&self, fields: &Fields, file: &ContentPath) -> Result<Picture> {
        let [from, to] = SPAN.map(|name| number(fields, name));
        let part = Part { from: from.unwrap_or_default(), to };
        waveform::draw(&outline(&mut open_file(file)?, part)?)
    }
}

impl AudioSearch {
    pub fn new(context: Context) -> Self {
        Self { index: Index::of(&context), context }
    }

    /// The moments whose embeddings are nearest to those of the query's windows.
    async fn similar(&self, query: &SearchQuery, terms: &Terms) -> Result<Answer> {
        let mut laps = Laps::start();
        let mut sought = Sought::of(&self.context, query, terms).await?;
        let encode_ms = laps.lap();
        let notes = std::mem::take(&mut sought.notes);
        let (hits, details) = similar::search(&self.context, query, sought, terms.combine, &self.output()).await?;
        Ok(Answer { hits, details, notes, encode_ms, search_ms: laps.lap(), ..Answer::default() })
    }

    /// The sounds that the query is a recording of.
    async fn same(&self, query: &SearchQuery, terms: &Terms) -> Result<Answer> {
        let mut laps = Laps::start();
        let recording = Recording::of(&self.context, &self.index, query, terms).await?;
        let encode_ms = laps.lap();
        let found = same::search(&self.context, &self.index, query, recording, &self.output()).await?;
        let Same { hits, details, notes } = found;
        Ok(Answer { hits, details, notes, encode_ms, search_ms: laps.lap(), ..Answer::default() })
    }

    fn output(&self) -> Output {
        self.context.output(&self.collection())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
