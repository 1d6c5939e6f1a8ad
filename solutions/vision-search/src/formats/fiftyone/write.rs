//! Writes documents of samples, and of the dataset.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use bootcamp_core::{Error, Result};
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime};
use serde_json::{Map, Value, json};

use super::schema::Schema;
use super::{METADATA, SAMPLES, is_usable, labels, vector};
use crate::formats::Writer;
use crate::formats::export::Export;
use crate::sample::{Field, ObjectId, Sample};

/// The version of FiftyOne whose documents these are. Those of 1.0 are read by all that came after without a migration.
const VERSION: &str = "1.0.0";

pub(in crate::formats) struct FiftyOneDataset {
    file: BufWriter<File>,
    is_first: bool,
    schema: Schema,
    dataset: ObjectId,
    now: String,
}

impl FiftyOneDataset {
    pub(in crate::formats) fn begin(export: &Export) -> Result<Self> {
        let mut file = export.create(SAMPLES)?;
        file.write_all(b"{\"samples\": [").map_err(cannot_write)?;
        let now = DateTime::now();
        let date =
            now.try_to_rfc3339_string().map_err(|error| Error::invalid(format!("the clock is wrong: {error}")))?;
        let dataset = ObjectId::of(&["dataset", &export.name(), &date]);
        Ok(Self { file, is_first: true, schema: Schema::default(), dataset, now: date })
    }

    fn document(&self, sample: &Sample, filepath: &str, export: &Export) -> Result<Value> {
        let mut document = Map::new();
        let mut set = |key: &str, value: Value| drop(document.insert(key.to_owned(), value));
        for (name, field) in &sample.fields {
            if !is_usable(name) {
                export.remarks.named("field", name);
                continue;
            }
            match field {
                Field::Value(value) => set(name, value.clone()),
                Field::Labels(found) => labels::write(found, &export.remarks).into_iter().for_each(|it| set(name, it)),
            }
        }
        for (name, numbers) in &sample.vectors {
            if !is_usable(name) || sample.fields.contains_key(name) {
                export.remarks.named("vectors of the field", name);
                continue;
            }
            let bytes = vector::encode(numbers).map_err(cannot_write)?;
            set(name, Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }).into_relaxed_extjson());
        }
        let metadata = sample.metadata.as_ref().map(|metadata| {
            json!({
                "_cls": "ImageMetadata",
                "size_bytes": metadata.size_bytes,
                "mime_type": metadata.mime_type,
                "width": metadata.width,
                "height": metadata.height,
                "num_channels": metadata.num_channels,
            })
        });
        set("_id", json!({ "$oid": sample.id }));
        set("filepath", json!(filepath));
        set("tags", json!(sample.tags));
        set("metadata", json!(metadata));
        set("created_at", json!({ "$date": self.now }));
        set("last_modified_at", json!({ "$date": self.now }));
        set("_media_type", json!("image"));
        set("_rand", json!(random(sample.id)));
        set("_dataset_id", json!({ "$oid": self.dataset }));
        Ok(Value::Object(document))
    }

    fn metadata(&self, name: &str) -> Value {
        let (dataset, now) = (self.dataset, json!({ "$date": self.now }));
        json!({
            "_id": { "$oid": dataset },
            "name": name,
            "slug": slug(name),
            "version": VERSION,
            "created_at": now,
            "last_modified_at": now,
            "last_loaded_at": now,
            "sample_collection_name": format!("samples.{dataset}"),
            "persistent": false,
            "media_type": "image",
            "group_media_types": {},
            "tags": [],
            "info": {},
            "app_config": {
                "grid_media_field": "filepath",
                "media_fields": ["filepath"],
                "modal_media_field": "filepath",
                "plugins": {},
            },
            "classes": {},
            "default_classes": [],
            "mask_targets": {},
            "default_mask_targets": {},
            "skeletons": {},
            "sample_fields": self.schema.documents(&self.now),
            "frame_fields": [],
            "saved_views": [],
            "workspaces": [],
            "annotation_runs": {},
            "brain_methods": {},
            "evaluations": {},
            "runs": {},
        })
    }
}

impl Writer for FiftyOneDataset {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let Some(filepath) = export.reference(sample, "data", "data/")? else { return Ok(()) };
        let document = self.document(sample, &filepath, export)?;
        self.schema.add(sample);
        if !std::mem::take(&mut self.is_first) {
            self.file.write_all(b",\n").map_err(cannot_write)?;
        }
        serde_json::to_writer(&mut self.file, &document).map_err(|error| cannot_write(error.into()))
    }

    fn finish(mut self: Box<Self>, export: &mut Export) -> Result<()> {
        self.file.write_all(b"]}\n").and_then(|()| self.file.flush()).map_err(cannot_write)?;
        export.write(METADATA, &self.metadata(&export.name()).to_string())
    }
}

/// What FiftyOne orders samples by when it shuffles them: in [0.999, 1).
fn random(sample: ObjectId) -> f64 {
    let digits = sample.to_string();
    let share =
        u32::from_str_radix(&digits[16..], 16).map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0));
    0.999 + 0.001 * share
}

/// A name as part of an address.
fn slug(name: &str) -> String {
    let letters = name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    letters.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::io("cannot write", Path::new(SAMPLES), error)
}
