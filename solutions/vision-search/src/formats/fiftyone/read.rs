//! Reads documents of samples.

use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;
use bson::Bson;
use serde_json::{Map, Number, Value};

use super::{METADATA, OF_SAMPLE, SAMPLES, labels, vector};
use crate::formats::json::{JsonFile, Span};
use crate::formats::remarks::shortened;
use crate::formats::{Format, Found, Reading, Remarks, folder, lacks, skip};
use crate::sample::{Field, Metadata, ObjectId, Sample};

/// What a dataset has besides samples, which is not taken: by its entry in `metadata.json`.
const EXTRAS: [(&str, &str); 7] = [
    ("brain_methods", "brain runs"),
    ("annotation_runs", "annotation runs"),
    ("evaluations", "evaluations"),
    ("runs", "custom runs"),
    ("saved_views", "saved views"),
    ("workspaces", "workspaces"),
    ("info", "entries of the dataset's info"),
];

pub(in crate::formats) fn read(reading: &Reading) -> Result<Found> {
    read_metadata(&reading.root.join(METADATA), &reading.remarks)?;
    let media = reading.options.media.clone().unwrap_or_else(|| reading.root.clone());
    let reader = Reader { media, remarks: reading.remarks.clone() };
    let (one, many) = (reading.root.join(SAMPLES), reading.root.join("samples"));
    if one.is_file() {
        let file = JsonFile::open(&one)?;
        let mut spans: Vec<Span> = Vec::new();
        file.scan(&["samples"], |element| {
            spans.push(element.span);
            Ok(())
        })?;
        return Ok(Box::new(spans.into_iter().enumerate().map(move |(n, span)| {
            let source = format!("{SAMPLES}: sample {}", n + 1);
            let text = file.read(span).map_err(|error| Skip::new(source.as_str(), &error))?;
            reader.sample(&source, &text)
        })));
    }
    if !many.is_dir() {
        return Err(lacks(Format::FiftyOneDataset, &reading.root, SAMPLES));
    }
    Ok(Box::new(folder::files(&many).map(move |path| {
        let source = path_name(&path?);
        let text =
            folder::text(&bootcamp_kit::named_path(&source)).map_err(|error| Skip::new(source.as_str(), &error))?;
        reader.sample(&source, &text)
    })))
}

/// Refuses datasets of other media, and counts what is not taken.
fn read_metadata(path: &Path, remarks: &Remarks) -> Result<()> {
    if !path.is_file() {
        return Err(lacks(Format::FiftyOneDataset, path.parent().unwrap_or(path), METADATA));
    }
    let broken = |error: &dyn std::fmt::Display| {
        Error::invalid(format!("{}: {error}", path.display())).with_hint("export the dataset again")
    };
    let metadata: Map<String, Value> = serde_json::from_str(&folder::text(path)?).map_err(|error| broken(&error))?;
    match metadata.get("media_type").and_then(Value::as_str) {
        None | Some("image") => {}
        Some(media) => {
            let message = format!("{}: a dataset of media '{}', not of images", path.display(), shortened(media));
            return Err(Error::invalid(message).with_hint("select its images in FiftyOne, and export those"));
        }
    }
    for (key, what) in EXTRAS {
        let entries = match metadata.get(key) {
            Some(Value::Object(entries)) => entries.len(),
            Some(Value::Array(entries)) => entries.len(),
            _ => 0,
        };
        remarks.add_n(what, entries as u64);
    }
    Ok(())
}

struct Reader {
    /// Where relative paths start.
    media: PathBuf,
    remarks: Remarks,
}

impl Reader {
    fn sample(&self, source: &str, text: &str) -> Result<Sample, Skip> {
        let wrong = |reason: &str| skip(source, reason);
        let mut document: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| wrong(&format!("it is no document: {error}")))?;
        let id = match document.remove("_id").map(bson) {
            Some(Some(Bson::ObjectId(id))) => ObjectId::from(id.bytes()),
            _ => return Err(wrong("its '_id' is not an id of MongoDB")),
        };
        match document.get("_media_type").and_then(Value::as_str) {
            None | Some("image") => {}
            Some(media) => return Err(wrong(&format!("it is not an image, but '{}'", shortened(media)))),
        }
        let path = match document.get("filepath").and_then(Value::as_str) {
            Some(path) if Path::new(path).is_absolute() && !path.contains('\0') => PathBuf::from(path),
            Some(path) => folder::inside(&self.media, path).map_err(|error| Skip::new(source, &error))?,
            None => return Err(wrong("it has no 'filepath'")),
        };
        let mut sample = Sample { id, ..Sample::new(path_name(&path)) };
        for (key, value) in document {
            match key.as_str() {
                "tags" => {
                    sample.tags = serde_json::from_value(value).map_err(|_| wrong("its 'tags' are no list of texts"))?
                }
                "metadata" => sample.metadata = self.metadata(value),
                key if key.starts_with('_') || OF_SAMPLE.contains(&key) => {}
                _ => self.field(&mut sample, key, value),
            }
        }
        Ok(sample)
    }

    fn metadata(&self, value: Value) -> Option<Metadata> {
        if value.is_null() {
            return None;
        }
        let metadata = serde_json::from_value(value);
        if metadata.is_err() {
            self.remarks.add("metadata of other than images");
        }
        metadata.ok()
    }

    fn field(&self, sample: &mut Sample, name: String, value: Value) {
        let left = |what: &str| self.remarks.named(&format!("{what} in the field"), &name);
        let field = match bson(value) {
            None => return left("what is no extended JSON"),
            Some(Bson::Null) => return,
            Some(Bson::Binary(binary)) => {
                return match vector::decode(&binary.bytes) {
                    Ok(vector) => drop(sample.vectors.insert(name, vector)),
                    Err(reason) => left(reason),
                };
            }
            Some(Bson::Document(document)) => {
                let class = document.get_str("_cls").map_or("documents", |class| class).to_owned();
                match labels::read(document, sample.id, &name, &self.remarks) {
                    Some(labels) => Field::Labels(labels),
                    None => return left(&shortened(&class)),
                }
            }
            Some(Bson::Array(values)) => match values.into_iter().map(|value| self.scalar(value, &name)).collect() {
                Some(values) => Field::Value(Value::Array(values)),
                None => return left("lists of other than numbers and texts"),
            },
            Some(value) => match self.scalar(value, &name) {
                Some(value) => Field::Value(value),
                None => return left("values that are no numbers or texts"),
            },
        };
        sample.fields.insert(name, field);
    }

    /// A number, a text, a truth value; what else can be read as text becomes one.
    fn scalar(&self, value: Bson, field: &str) -> Option<Value> {
        match value {
            Bson::String(text) => Some(text.into()),
            Bson::Boolean(truth) => Some(truth.into()),
            Bson::Int32(number) => Some(number.into()),
            Bson::Int64(number) => Some(number.into()),
            Bson::Double(number) => Number::from_f64(number).map(Value::Number),
            Bson::ObjectId(id) => Some(id.to_hex().into()),
            Bson::DateTime(date) => {
                self.remarks.named("dates (kept as text) in the field", field);
                date.try_to_rfc3339_string().ok().map(Value::String)
            }
            _ => None,
        }
    }
}

/// A value of extended JSON; nothing, if it is none.
fn bson(mut value: Value) -> Option<Bson> {
    modernise(&mut value);
    Bson::try_from(value).ok()
}

/// Old drivers wrote `{"$binary": "…", "$type": "00"}`.
fn modernise(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(modernise),
        Value::Object(entries) => {
            if let (Some(Value::String(_)), Some(Value::String(kind))) = (entries.get("$binary"), entries.get("$type"))
            {
                let kind = kind.clone();
                let base64 = entries.remove("$binary");
                entries.clear();
                entries.insert("$binary".to_owned(), serde_json::json!({ "base64": base64, "subType": kind }));
            } else {
                entries.values_mut().for_each(modernise);
            }
        }
        _ => {}
    }
}
