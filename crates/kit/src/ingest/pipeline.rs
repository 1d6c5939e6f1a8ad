//! The pipeline itself: find and compare → decode on all cores → encode → write. Each step waits when the next one is
//! behind; an error in one closes the queues and thereby ends all of them.
//!
//! **What makes imports repeatable.** An item's id is a hash of its source's name and its number within it, so writing it
//! again replaces it. A source's first item is written last and says which version of the source it is of and how many
//! items there are: where it stands, the source is in as a whole, and an unchanged one is not read again.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bootcamp_core::{
    CollectionSpec, Error, ErrorKind, Fields, Id, Output, Record, Result, ScalarKind, Selection, Vector,
};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::prune::{name_hash, prune};
use super::{Import, Item, Pipeline, item_id, source_id};
use crate::context::{Context, SOURCE, SPAN, blocking};
use crate::names::hex;
use crate::source::{Content, Skip, Source, Sources};
use crate::watch::{Outcome, Report, Watch};

/// Sources looked up in the store in one call.
const LOOKUP: usize = 64;
/// Bytes of sources that wait to be looked up, where they were read already.
const LOOKUP_BYTES: usize = 32 << 20;

/// A source that is new or has changed.
struct Changed {
    source: Source,
    version: String,
    /// The number of items of its old version; 0 for a new source.
    old_parts: u64,
}

/// An item on its way to the store.
struct Draft<I> {
    id: Id,
    fields: Fields,
    input: I,
    /// The last item of a source: what else is to be done when it is written.
    last: Option<Last>,
}

struct Last {
    outcome: Outcome,
    /// Items of the source's old version that the new one does not have.
    stale: Vec<Id>,
}

/// Imports sources into the context's collection, which is created if it is not there.
///
/// # Errors
/// What ends the whole import: those of the store and of [`Pipeline::encode`]. A source that cannot be taken is none;
/// the report lists it.
pub async fn ingest<P: Pipeline>(
    context: &Context,
    spec: &CollectionSpec,
    pipeline: P,
    import: Import,
) -> Result<Report> {
    context.ensure(spec).await?;
    let Import { sources, prune: scopes, watch, .. } = import;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (changed, to_decode) = sync_channel(cores * 2);
    let (decoded, mut to_encode) = mpsc::channel::<Draft<P::Input>>(P::BATCH * 2);
    let pipeline = Arc::new(pipeline);

    let finder =
        Finder { context: context.clone(), watch: watch.clone(), changed, seen: scopes.is_some().then(HashSet::new) };
    let handle = Handle::current();
    let finding = blocking(move || finder.run(sources, &handle));

    let to_decode = Arc::new(Mutex::new(to_decode));
    // Items of failed sources that were decoded before the error.
    let orphans = Arc::new(Mutex::new(Vec::new()));
    let decoders: Vec<_> = (0..cores)
        .map(|_| {
            let decoder = Decoder {
                context: context.clone(),
                spec: spec.clone(),
                watch: watch.clone(),
                pipeline: Arc::clone(&pipeline),
                decoded: decoded.clone(),
                orphans: Arc::clone(&orphans),
            };
            let to_decode = Arc::clone(&to_decode);
            blocking(move || decoder.run(&to_decode))
        })
        .collect();
    drop((decoded, to_decode));

    let batches = stream::poll_fn(move |task| {
        let mut batch = Vec::with_capacity(P::BATCH);
        to_encode.poll_recv_many(task, &mut batch, P::BATCH).map(|count| (count > 0).then_some(batch))
    });
    // Two batches in flight, so that the model never idles.
    let mut encoded =
        batches.map(|batch| encode(&*pipeline, &context.field, batch)).buffered(2).ready_chunks(4).boxed();
    let writing = async {
        while let Some(batches) = encoded.next().await {
            let batches = batches.into_iter().collect::<Result<Vec<_>>>()?;
            write(context, batches.into_iter().flatten(), &watch).await?;
        }
        // Ends the other steps if this one failed: they find their queue closed.
        drop(encoded);
        Ok(())
    };
    let (seen, decoding, writing) = tokio::join!(finding, futures::future::join_all(decoders), writing);
    // The last step's error is the cause of the others'.
    writing?;
    decoding.into_iter().collect::<Result<()>>()?;
    let seen = seen?;

    let orphans = std::mem::take(&mut *orphans.lock().unwrap_or_else(PoisonError::into_inner));
    if !orphans.is_empty() {
        context.store.delete(&context.collection, &Selection::Ids(orphans)).await?;
    }
    if let (Some(scopes), Some(seen), false) = (scopes, seen, watch.is_cancelled()) {
        watch.removed(prune(context, &scopes, &seen).await?);
    }
    Ok(watch.report())
}

/// Finds sources, and passes on those that are not in the store in this version.
struct Finder {
    context: Context,
    watch: Watch,
    changed: SyncSender<Changed>,
    seen: Option<HashSet<u64>>,
}

impl Finder {
    /// The names seen so far, if pruning needs them.
    fn run(mut self, sources: Sources, handle: &Handle) -> Result<Option<HashSet<u64>>> {
        let mut waiting: Vec<Source> = Vec::with_capacity(LOOKUP);
        let mut bytes = 0;
        for found in sources {
            if self.watch.is_cancelled() {
                break;
            }
            match found {
                Err(skip) => {
                    self.see(&skip.source);
                    self.watch.skip(skip);
                }
                Ok(source) => {
                    self.see(&source.name);
                    bytes += if let Content::Bytes(content) = &source.content { content.len() } else { 0 };
                    waiting.push(source);
                }
            }
            if waiting.len() == LOOKUP || bytes > LOOKUP_BYTES {
                bytes = 0;
                if !self.look_up(&mut waiting, handle)? {
                    return Ok(None);
                }
            }
        }
        self.look_up(&mut waiting, handle)?;
        Ok(self.seen)
    }

    fn see(&mut self, name: &str) {
        if let Some(seen) = &mut self.seen {
            seen.insert(name_hash(name));
        }
    }

    /// Whether to continue: not if the next step has ended.
    fn look_up(&self, waiting: &mut Vec<Source>, handle: &Handle) -> Result<bool> {
        let ids: Vec<Id> = waiting.iter().map(|source| source_id(&source.name)).collect();
        if ids.is_empty() {
            return Ok(true);
        }
        let output = Output::only(["version", "parts"]);
        let get = self.context.store.get(&self.context.collection, &ids, &output);
        let known: BTreeMap<Id, Fields> =
            handle.block_on(get)?.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
        for (source, id) in waiting.drain(..).zip(ids) {
            // Metadata of a source (a label, a caption) is part of its version.
            let version = hex(format!("{}\0{}", source.version, Value::Object(source.fields.clone())).as_bytes())[..16]
                .to_owned();
            let old = known.get(&id);
            if old.and_then(|fields| fields.get("version")?.as_str()) == Some(&version) {
                self.watch.imported(&id, Outcome::Unchanged);
                continue;
            }
            let old_parts = old.map_or(0, |fields| fields.get("parts").and_then(Value::as_u64).unwrap_or(1));
            if self.changed.send(Changed { source, version, old_parts }).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

struct Decoder<P: Pipeline> {
    context: Context,
    spec: CollectionSpec,
    watch: Watch,
    pipeline: Arc<P>,
    decoded: mpsc::Sender<Draft<P::Input>>,
    orphans: Arc<Mutex<Vec<Id>>>,
}

/// Why the items of a source stop.
enum End {
    /// The source cannot be read.
    Source(Error),
    /// The import ends: the next step has ended, or it was cancelled.
    Import,
}

impl<P: Pipeline> Decoder<P> {
    fn run(&self, to_decode: &Mutex<Receiver<Changed>>) -> Result<()> {
        loop {
            let next = to_decode.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(changed) = next else { return Ok(()) };
            let mut sent = 0;
            // Decoders read untrusted bytes: a panic costs one source, not the import.
            let decoded = catch_unwind(AssertUnwindSafe(|| self.source(&changed, &mut sent)));
            let error = match decoded {
                Ok(Ok(())) => continue,
                Ok(Err(End::Import)) => None,
                Ok(Err(End::Source(error))) => Some(error),
                Err(_) => Some(Error::new(ErrorKind::Internal, "the decoder crashed on it: this is a bug")),
            };
            let ids = (1..=sent).map(|part| item_id(&changed.source.name, part));
            self.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
            match error {
                Some(error) => self.watch.skip(Skip::new(&changed.source.name, &error)),
                None => return Ok(()),
            }
        }
    }

    /// Decodes a source; its first item goes last. `sent` counts those that went before it.
    fn source(&self, changed: &Changed, sent: &mut u64) -> Result<(), End> {
        let mut items = self.pipeline.decode(&changed.source).map_err(End::Source)?;
        let Some(first) = items.next() else {
            return Err(End::Source(Error::invalid("it contains no items")));
        };
        let first = first.map_err(End::Source)?;
        for item in items {
            // A film has thousands of items: cancelling must not wait for its end.
            if self.watch.is_cancelled() {
                return Err(End::Import);
            }
            let item = item.map_err(End::Source)?;
            self.send(changed, *sent + 1, item, None)?;
            *sent += 1;
        }
        let parts = *sent + 1;
        let outcome = if changed.old_parts == 0 { Outcome::Added } else { Outcome::Replaced };
        let stale = (parts..changed.old_parts).map(|part| item_id(&changed.source.name, part)).collect();
        self.send(changed, 0, first, Some((parts, Last { outcome, stale })))
    }

    fn send(&self, changed: &Changed, part: u64, item: Item<P::Input>, last: Option<(u64, Last)>) -> Result<(), End> {
        let id = item_id(&changed.source.name, part);
        // Before the vector, so that no hit is ever without its thumbnail.
        if let Some(picture) = &item.thumbnail {
            self.context.media.put_thumbnail(&id, picture).map_err(End::Source)?;
        }
        let mut fields = changed.source.fields.clone();
        fields.extend(item.fields);
        let parts = last.as_ref().map_or(0, |(parts, _)| *parts);
        let own = json!({
            "path": changed.source.name, "imported_at": now(), "version": changed.version, "parts": parts,
        });
        if let Value::Object(own) = own {
            fields.extend(own);
        }
        fields.insert(SOURCE.to_owned(), source_id(&changed.source.name).to_string().into());
        if let Some(span) = item.span {
            fields.extend(SPAN.into_iter().zip([span.start, span.end]).map(|(name, at)| (name.to_owned(), at.into())));
        }
        check(&self.spec, &fields).map_err(End::Source)?;
        let draft = Draft { id, fields, input: item.input, last: last.map(|(_, last)| last) };
        self.decoded.blocking_send(draft).map_err(|_| End::Import)
    }
}

/// Checks field lengths here, where an error skips the source; in the store it would end the import.
fn check(spec: &CollectionSpec, fields: &Fields) -> Result<()> {
    for field in &spec.scalars {
        let (Some(value), ScalarKind::String { max_len }) = (fields.get(&field.name), field.kind) else { continue };
        if value.as_str().is_some_and(|text| text.len() > max_len) {
            return Err(Error::invalid(format!("its {} is longer than {max_len} bytes", field.name)));
        }
    }
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A record to write, and what to do after that.
type Ready = (Record, Option<Last>);

async fn encode<P: Pipeline>(pipeline: &P, field: &str, batch: Vec<Draft<P::Input>>) -> Result<Vec<Ready>> {
    let mut rest = Vec::with_capacity(batch.len());
    let mut inputs = Vec::with_capacity(batch.len());
    for draft in batch {
        inputs.push(draft.input);
        rest.push((draft.id, draft.fields, draft.last));
    }
    let vectors = pipeline.encode(inputs).await?;
    if vectors.len() != rest.len() {
        let message = format!("{} items gave {} embeddings", rest.len(), vectors.len());
        return Err(Error::new(ErrorKind::Internal, message));
    }
    let record = |((id, fields, last), vector): ((Id, Fields, Option<Last>), Vector)| {
        let record = Record { id: Some(id), vectors: BTreeMap::from([(field.to_owned(), vector)]), fields };
        (record, last)
    };
    Ok(rest.into_iter().zip(vectors).map(record).collect())
}

async fn write(context: &Context, batch: impl Iterator<Item = Ready>, watch: &Watch) -> Result<()> {
    let (records, lasts): (Vec<Record>, Vec<Option<Last>>) = batch.unzip();
    let ids = context.store.upsert(&context.collection, &records).await?;
    watch.wrote(ids.len() as u64);
    let done: Vec<(&Id, Last)> = ids.iter().zip(lasts).filter_map(|(id, last)| Some((id, last?))).collect();
    let stale: Vec<Id> = done.iter().flat_map(|(_, last)| last.stale.clone()).collect();
    if !stale.is_empty() {
        context.store.delete(&context.collection, &Selection::Ids(stale)).await?;
    }
    for (id, last) in done {
        watch.imported(id, last.outcome);
    }
    Ok(())
}
