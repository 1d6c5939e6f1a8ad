//! The pipeline itself: find and compare → decode on all cores → encode → write. Each step waits when the next one is
//! behind; an error in one closes the queues and thereby ends all of them.
//!
//! **What makes imports repeatable.** A source's first item has an id that is a hash of the source's name. It is written
//! last and says which version of the source it is of and how many items there are: where it stands, the source is in as
//! a whole, and an unchanged one is not read again. The ids of the other items are of that version. So a new version is
//! written beside the old one, whose items are removed once the new one is whole; if that fails, the old one is still
//! there.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bootcamp_core::{
    CollectionSpec, Error, ErrorKind, Fields, Id, Output, PageRequest, Record, Result, ScalarKind, Vector, scan,
};
use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::names::{Names, Turn, size, version};
use super::prune::prune;
use super::{Import, Item, Pipeline, part_id, source_id};
use crate::context::{Context, SOURCE, SPAN, TABLE, blocking};
use crate::items::{narrowed, remove_parts};
use crate::source::{Origin, Skip, Source, Sources};
use crate::watch::{Outcome, Report, Watch};

/// Sources looked up in the store in one call.
const LOOKUP: usize = 64;
/// A source's items looked up in the store in one call.
const PAGE: usize = 1000;
/// Bytes of sources that wait to be looked up, where they were read already.
const LOOKUP_BYTES: usize = 32 << 20;

/// A source that is new or has changed.
struct Changed {
    source: Source,
    version: String,
    outcome: Outcome,
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
    version: String,
    outcome: Outcome,
}

/// Imports sources into the context's collection, which is created if it is not there.
///
/// # Errors
/// What ends the whole import: those of the store, of the media folder and of [`Pipeline::encode`]; `InvalidInput` when
/// pruning is refused. A source that cannot be taken is none; the report lists it.
pub async fn ingest<P: Pipeline>(
    context: &Context,
    spec: &CollectionSpec,
    pipeline: P,
    import: Import,
) -> Result<Report> {
    context.ensure(spec).await?;
    let Import { sources, names, prune: pruning, watch, .. } = import;
    // The threads below outlive this future if nobody waits for it any more.
    let guard = watch.cancel_on_drop();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (changed, to_decode) = sync_channel(cores * 2);
    let (decoded, mut to_encode) = mpsc::channel::<Draft<P::Input>>(P::BATCH * 2);
    let pipeline = Arc::new(pipeline);

    let finder = Finder { context: context.clone(), watch: watch.clone(), changed };
    let handle = Handle::current();
    let finding = blocking(move || finder.run(names, sources, &handle));

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
            write::<P>(context, batches.into_iter().flatten(), &watch).await?;
        }
        // Ends the other steps if this one failed: they find their queue closed.
        drop(encoded);
        Ok(())
    };
    let (found, decoding, writing) = tokio::join!(finding, futures::future::join_all(decoders), writing);
    guard.disarm();
    let orphans = std::mem::take(&mut *orphans.lock().unwrap_or_else(PoisonError::into_inner));
    let removing = if orphans.is_empty() { Ok(()) } else { remove_parts(context, orphans).await };
    // The last step's error is the cause of the others'.
    writing?;
    decoding.into_iter().collect::<Result<()>>()?;
    let found = found?;
    removing?;
    if let (Some(pruning), Some(Found { names, alive }), false) = (pruning, found, watch.is_cancelled()) {
        watch.removed(prune(context, &pruning, &names, &alive, watch.notes()).await?);
    }
    Ok(watch.report())
}

/// Finds sources, and passes on those that are not in the store in this version.
struct Finder {
    context: Context,
    watch: Watch,
    changed: SyncSender<Changed>,
}

/// What an import has met, for pruning.
struct Found {
    names: Names,
    /// Places that gave something, if only something that cannot be read.
    alive: BTreeSet<String>,
}

impl Finder {
    /// What was found; nothing if the import ended before all was.
    fn run(self, names: Option<Sources>, sources: Sources, handle: &Handle) -> Result<Option<Found>> {
        let mut names = self.count(names);
        let mut alive = BTreeSet::new();
        let mut waiting: Vec<Source> = Vec::with_capacity(LOOKUP);
        let mut bytes = 0;
        // Sources that were found again as they were: how many, and one of them.
        let mut again = (0_u64, String::new());
        for found in sources {
            if self.watch.is_cancelled() {
                return self.look_up(&mut waiting, handle).map(|_| None);
            }
            let source = match found {
                Ok(source) => source,
                Err(skip) => {
                    let before = names.meet_skipped(&skip.source);
                    self.watch.skip(skip);
                    waiting.extend(before);
                    continue;
                }
            };
            if !alive.contains(&*source.origin.place) {
                alive.insert(source.origin.place.to_string());
            }
            match names.meet(&source) {
                Turn::Take => {}
                Turn::Instead { of, is_same } => {
                    let places = twice(&source, &of);
                    if is_same {
                        again = (again.0 + 1, places);
                    } else {
                        self.watch.notes().warn(format!("{places}; the last is taken"));
                    }
                }
                Turn::Wait => continue,
                Turn::TooMany => {
                    self.watch.skip(changed_meanwhile(&source.name));
                    continue;
                }
            }
            bytes += size(&source);
            waiting.push(source);
            if waiting.len() >= LOOKUP || bytes > LOOKUP_BYTES {
                bytes = 0;
                if !self.look_up(&mut waiting, handle)? {
                    return Ok(None);
                }
            }
        }
        match again {
            (0, _) => {}
            (1, places) => self.watch.notes().warn(format!("{places}; it is taken once")),
            (count, places) => {
                let text = format!("{count} sources were found more than once and are taken once: {places}, for one");
                self.watch.notes().warn(text);
            }
        }
        for origin in names.missing() {
            self.watch.skip(changed_meanwhile(&origin.to_string()));
        }
        Ok(self.look_up(&mut waiting, handle)?.then_some(Found { names, alive }))
    }

    /// A first look at all names, which says how many there are and which come up more than once.
    fn count(&self, names: Option<Sources>) -> Names {
        let Some(names) = names else { return Names::default() };
        let names = names.map(|found| match found {
            Ok(source) => source.name,
            Err(skip) => skip.source,
        });
        let names = Names::count(names.take_while(|_| !self.watch.is_cancelled()));
        self.watch.set_total(names.len() as u64);
        names
    }

    /// Whether to continue: not if the next step has ended.
    fn look_up(&self, waiting: &mut Vec<Source>, handle: &Handle) -> Result<bool> {
        let ids: Vec<Id> = waiting.iter().map(|source| source_id(&source.name)).collect();
        if ids.is_empty() {
            return Ok(true);
        }
        let output = Output::only(["version"]);
        let get = self.context.store.get(&self.context.collection, &ids, &output);
        let known: BTreeMap<Id, Fields> =
            handle.block_on(get)?.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
        for (source, id) in waiting.drain(..).zip(ids) {
            let version = version(&source);
            let outcome = match known.get(&id) {
                None => Outcome::Added,
                Some(old) if old.get("version").and_then(Value::as_str) == Some(&version) => {
                    self.watch.imported(&id, Outcome::Unchanged);
                    continue;
                }
                Some(_) => Outcome::Replaced,
            };
            if self.changed.send(Changed { source, version, outcome }).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Says where a source was found twice.
fn twice(source: &Source, before: &Origin) -> String {
    let Source { name, origin, .. } = source;
    if origin == before {
        format!("{name} was found in {origin} twice")
    } else {
        format!("{name} was found in {before} and in {origin}")
    }
}

/// Files were changed between the first look and the second.
fn changed_meanwhile(name: &str) -> Skip {
    let reason = "it was changed while the import was running; import it again";
    Skip { source: name.to_owned(), reason: reason.to_owned() }
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
    /// The media folder cannot be written: no other source can be taken either.
    Media(Error),
    /// The import ends: the next step has ended, or it was cancelled.
    Import,
}

impl<P: Pipeline> Decoder<P> {
    fn run(&self, to_decode: &Mutex<Receiver<Changed>>) -> Result<()> {
        loop {
            let next = to_decode.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(changed) = next else { return Ok(()) };
            if self.watch.is_cancelled() {
                return Ok(());
            }
            let mut sent = 0;
            // Decoders read untrusted bytes: a panic costs one source, not the import.
            let decoded = catch_unwind(AssertUnwindSafe(|| self.source(&changed, &mut sent)));
            let error = match decoded {
                Ok(Ok(())) => continue,
                Ok(Err(End::Import)) => None,
                // A decoder that looks at the watch itself stops within a source, which is not at fault.
                Ok(Err(End::Source(_))) if self.watch.is_cancelled() => None,
                Ok(Err(End::Source(error))) => Some(Ok(error)),
                Ok(Err(End::Media(error))) => Some(Err(error)),
                Err(_) => Some(Ok(Error::new(ErrorKind::Internal, "the decoder crashed on it: this is a bug"))),
            };
            let ids = (1..=sent).map(|part| part_id(&changed.source.name, &changed.version, part));
            self.orphans.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
            match error {
                Some(Ok(error)) => self.watch.skip(Skip::new(&changed.source.name, &error)),
                Some(Err(error)) => return Err(error),
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
        let last = Last { version: changed.version.clone(), outcome: changed.outcome };
        self.send(changed, 0, first, Some((*sent + 1, last)))
    }

    fn send(&self, changed: &Changed, part: u64, item: Item<P::Input>, last: Option<(u64, Last)>) -> Result<(), End> {
        let Source { name, origin, .. } = &changed.source;
        let id = if part == 0 { source_id(name) } else { part_id(name, &changed.version, part) };
        // Before the vector, so that no hit is ever without its thumbnail.
        if let Some(picture) = &item.thumbnail {
            self.context.media.put_thumbnail(&id, picture).map_err(End::Media)?;
        }
        let mut fields = changed.source.fields.clone();
        fields.extend(item.fields);
        let parts = last.as_ref().map_or(0, |(parts, _)| *parts);
        let own = json!({
            "path": name, "imported_at": now(), "version": changed.version, "parts": parts, TABLE: origin.table(),
        });
        if let Value::Object(own) = own {
            fields.extend(own);
        }
        fields.insert(SOURCE.to_owned(), source_id(name).to_string().into());
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

async fn write<P: Pipeline>(context: &Context, batch: impl Iterator<Item = Ready>, watch: &Watch) -> Result<()> {
    let (records, lasts): (Vec<Record>, Vec<Option<Last>>) = batch.unzip();
    let ids = context.store.upsert(&context.collection, &records).await?;
    watch.wrote(ids.len() as u64);
    for (id, last) in ids.iter().zip(lasts) {
        let Some(Last { version, outcome }) = last else { continue };
        if P::SEVERAL {
            remove_other_versions(context, id, &version).await?;
        }
        watch.imported(id, outcome);
    }
    Ok(())
}

/// Removes what other versions of a source have left: the last one, and those whose import was killed.
async fn remove_other_versions(context: &Context, source: &Id, version: &str) -> Result<()> {
    let filter = narrowed(None, Some(&source.to_string()))?;
    let request = PageRequest { filter, limit: PAGE, output: Output::only(["version"]), ..PageRequest::default() };
    let records: Vec<Record> = scan(&*context.store, &context.collection, request).try_collect().await?;
    let is_other = |record: &Record| record.fields.get("version").and_then(Value::as_str) != Some(version);
    let others: Vec<Id> = records.into_iter().filter(is_other).filter_map(|record| record.id).collect();
    if others.is_empty() { Ok(()) } else { remove_parts(context, others).await }
}
