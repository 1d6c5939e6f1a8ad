//! Datasets on their way in and out: from the files of a format into the library, and back.

use std::path::{Path, PathBuf};

use bootcamp_core::picture::media_type;
use bootcamp_core::{Id, Result};
use bootcamp_kit::{Outcome, Watch, named_path};

use crate::formats::{Format, ReadOptions, WriteOptions, Written, detect, read, write};
use crate::library::{Dataset, FieldKind, Library, View};
use crate::sample::{Metadata, Sample};

/// Samples in one transaction.
const BATCH: usize = 1000;
/// Bytes that tell what a picture is.
const START: usize = 64;

/// What to import.
#[derive(Clone, Debug)]
pub struct ImportDataset {
    pub name: String,
    pub path: PathBuf,
    /// Found out if it is not given.
    pub format: Option<Format>,
    pub options: ReadOptions,
}

/// Imports a dataset, or more samples into one that is there. A sample that is there already gets what the import brings,
/// and keeps the fields and tags that it does not. Blocking; `watch` counts samples, and can stop it between batches: what
/// was read until then is there, and importing again completes it.
///
/// # Errors
/// Those of reading the format, before anything is written; `InvalidInput` for a field of another kind than in the
/// dataset. Samples that cannot be taken are skips in `watch`, what the format has beyond samples are its warnings.
pub fn import(library: &Library, import: &ImportDataset, watch: &Watch) -> Result<()> {
    let format = match import.format {
        Some(format) => format,
        None => detect(&import.path)?,
    };
    let mut samples = read(&import.path, format, &import.options)?;
    let dataset = match library.get(&import.name) {
        Err(error) if error.kind() == bootcamp_core::ErrorKind::NotFound => library.create(&import.name)?,
        other => other?,
    };
    let mut batch = Vec::with_capacity(BATCH);
    while !watch.is_cancelled() {
        match samples.next() {
            Some(Ok(sample)) => batch.push(sample),
            Some(Err(skip)) => watch.skip(skip),
            None => break,
        }
        if batch.len() == BATCH {
            add(&dataset, std::mem::take(&mut batch), watch)?;
        }
    }
    add(&dataset, batch, watch)?;
    for (what, count) in samples.remarks().counts() {
        watch.notes().warn(format!("{what}: {count}"));
    }
    Ok(())
}

fn add(dataset: &Dataset, samples: Vec<Sample>, watch: &Watch) -> Result<()> {
    let ids: Vec<_> = samples.iter().map(|sample| sample.id).collect();
    let before = dataset.get(&ids)?;
    let mut before: std::collections::HashMap<_, _> = before.into_iter().map(|sample| (sample.id, sample)).collect();
    let merged = samples.into_iter().map(|mut sample| {
        if sample.metadata.is_none() {
            sample.metadata =
                before.get(&sample.id).and_then(|before| before.metadata.clone()).or_else(|| look(&sample));
        }
        match before.remove(&sample.id) {
            Some(before) => merge(before, sample),
            None => sample,
        }
    });
    let first = ids.first().map(|id| Id::String(id.to_string())).unwrap_or(Id::Int(0));
    let added = dataset.add(merged.collect())?;
    for (outcome, count) in
        [(Outcome::Added, added.added), (Outcome::Replaced, added.replaced), (Outcome::Unchanged, added.unchanged)]
    {
        (0..count).for_each(|_| watch.imported(&first, outcome));
    }
    Ok(())
}

/// A sample that was there, with all that the new one brings.
fn merge(mut before: Sample, new: Sample) -> Sample {
    let more = new.tags.into_iter().filter(|tag| !before.tags.contains(tag)).collect::<Vec<_>>();
    before.tags.extend(more);
    before.fields.extend(new.fields);
    before.filepath = new.filepath;
    before.metadata = new.metadata.or(before.metadata);
    before.vectors = new.vectors;
    before
}

/// What the file's header says; nothing if it cannot be read.
fn look(sample: &Sample) -> Option<Metadata> {
    let path = named_path(&sample.filepath);
    let size = crate::formats::picture_size(&path).ok();
    let bytes = std::fs::metadata(&path).ok()?.len();
    let mut start = Vec::with_capacity(START);
    std::io::Read::read_to_end(&mut std::io::Read::take(std::fs::File::open(&path).ok()?, START as u64), &mut start)
        .ok()?;
    Some(Metadata {
        size_bytes: Some(bytes),
        mime_type: media_type(&start).map(str::to_owned),
        width: size.map(|size| size.0),
        height: size.map(|size| size.1),
        num_channels: None,
    })
}

/// Writes the samples of a view in a format. Blocking.
///
/// # Errors
/// Those of writing; nothing is left of an export that fails, or that `watch` stops.
pub fn export(
    dataset: &Dataset,
    view: &View,
    path: &Path,
    format: Format,
    options: &WriteOptions,
    watch: &Watch,
) -> Result<Written> {
    let ids = dataset.ids(view)?;
    watch.set_total(ids.len() as u64);
    // Only this format holds vectors.
    let fields = if format == Format::FiftyOneDataset { dataset.fields()? } else { Vec::new() };
    let is_vector = |kind: &FieldKind| matches!(kind, FieldKind::Vector { .. });
    let fields: Vec<String> = fields.into_iter().filter(|(_, kind)| is_vector(kind)).map(|(name, _)| name).collect();
    let batches = ids.chunks(BATCH).flat_map(|ids| match batch(dataset, ids, &fields, watch) {
        Ok(samples) => samples.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    write(path, format, batches, options)
}

fn batch(dataset: &Dataset, ids: &[crate::sample::ObjectId], fields: &[String], watch: &Watch) -> Result<Vec<Sample>> {
    if watch.is_cancelled() {
        return Err(bootcamp_core::Error::invalid("the export was interrupted")
            .with_hint("nothing was written; start it again"));
    }
    let mut samples = dataset.get(ids)?;
    for field in fields {
        let vectors = dataset.vectors(field, &samples.iter().map(|sample| sample.id).collect::<Vec<_>>())?;
        for (sample, vector) in samples.iter_mut().zip(vectors) {
            sample.vectors.extend(vector.map(|vector| (field.clone(), vector)));
        }
    }
    watch.advance(samples.len() as u64);
    Ok(samples)
}
