//! Writes COCO. Pictures go to the file as they come; annotations wait in a second one until all pictures are known.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bootcamp_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::{DATA, LABELS, OF_ANNOTATION};
use crate::formats::export::{Export, Holds, Unique};
use crate::formats::size::Size;
use crate::formats::{Writer, boxes};
use crate::sample::{Label, LabelKind, Sample};

/// What it holds of a label.
const HOLDS: Holds = Holds { confidence: true, attributes: true, bounding_box: true, outline: true };

pub(in crate::formats) struct Coco {
    file: BufWriter<File>,
    annotations: BufWriter<File>,
    images: u64,
    labels: u64,
    /// Numbers from 1: many programs take 0 for what is no object.
    categories: HashMap<String, usize>,
    /// Of each category, its name and the group that its first label names.
    names: Vec<(String, Value)>,
}

impl Coco {
    pub(in crate::formats) fn begin(export: &Export) -> Result<Self> {
        export.folder(DATA)?;
        let mut file = export.create(LABELS)?;
        file.write_all(b"{\"info\": {}, \"licenses\": [], \"images\": [").map_err(cannot_write)?;
        let annotations = BufWriter::new(export.spool()?);
        Ok(Self { file, annotations, images: 0, labels: 0, categories: HashMap::new(), names: Vec::new() })
    }

    fn label(&mut self, label: &Label, size: Size, export: &Export) -> Result<()> {
        let Some(class) = export.class(label) else { return Ok(()) };
        let Some(bounding_box) = boxes::written(label, &export.remarks) else { return Ok(()) };
        export.leave_of_label(label, HOLDS);
        let category = self.category(class, label);
        let mut annotation = Map::new();
        let mut set = |key: &str, value: Value| drop(annotation.insert(key.to_owned(), value));
        for (name, value) in &label.attributes {
            if OF_ANNOTATION.contains(&name.as_str()) {
                export.remarks.named("attribute", name);
            } else {
                set(name, value.clone());
            }
        }
        let pixels = boxes::to_pixels(bounding_box, size.sides());
        set("id", json!(self.labels + 1));
        set("image_id", json!(self.images));
        set("category_id", json!(category));
        set("bbox", json!(pixels));
        if !label.attributes.get("area").is_some_and(Value::is_number) {
            set("area", json!(pixels[2] * pixels[3]));
        }
        set("iscrowd", json!(i32::from(is_crowd(label))));
        if let Some(confidence) = label.confidence {
            set("score", json!(confidence));
        }
        if !label.points.is_empty() {
            if !label.closed {
                export.remarks.add("open outlines (written as closed ones)");
            }
            set("segmentation", polygons(label, size));
        }
        let separator = if self.labels == 0 { "\n" } else { ",\n" };
        self.labels += 1;
        append(&mut self.annotations, separator, &annotation.into())
    }

    fn category(&mut self, class: &str, label: &Label) -> usize {
        if let Some(number) = self.categories.get(class) {
            return *number;
        }
        let group = label.attributes.get("supercategory").filter(|group| group.is_string()).cloned();
        self.names.push((class.to_owned(), group.unwrap_or_default()));
        self.categories.insert(class.to_owned(), self.names.len());
        self.names.len()
    }
}

impl Writer for Coco {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let Some(size) = export.size(sample) else { return Ok(()) };
        let kinds = [LabelKind::Detection, LabelKind::Detections, LabelKind::Polyline, LabelKind::Polylines];
        let Some(name) = export.picture(sample, DATA, Unique::Name)? else { return Ok(()) };
        let found = export.labels(sample, &kinds, |_, _| false);
        export.leave_tags(sample);
        let separator = if self.images == 0 { "\n" } else { ",\n" };
        self.images += 1;
        let image = json!({ "id": self.images, "file_name": name, "width": size.width, "height": size.height });
        append(&mut self.file, separator, &image)?;
        match found {
            Some(found) => found.labels.iter().try_for_each(|label| self.label(label, size, export)),
            None => {
                export.remarks.add("samples without labels (written as having no objects)");
                Ok(())
            }
        }
    }

    fn finish(mut self: Box<Self>, _: &mut Export) -> Result<()> {
        let categories: Vec<Value> = (1..)
            .zip(&self.names)
            .map(|(id, (name, group)): (u64, _)| json!({ "id": id, "name": name, "supercategory": group }))
            .collect();
        append(&mut self.file, "\n], \"categories\": ", &categories.into())?;
        self.file.write_all(b", \"annotations\": [").map_err(cannot_write)?;
        let mut annotations = self.annotations.into_inner().map_err(|error| cannot_write(error.into_error()))?;
        annotations.seek(SeekFrom::Start(0)).map_err(cannot_write)?;
        std::io::copy(&mut annotations, &mut self.file).map_err(cannot_write)?;
        self.file.write_all(b"\n]}\n").and_then(|()| self.file.flush()).map_err(cannot_write)
    }
}

/// Whether a label is of a crowd, by an attribute that is a number or a truth value.
fn is_crowd(label: &Label) -> bool {
    match label.attributes.get("iscrowd") {
        Some(Value::Bool(is_crowd)) => *is_crowd,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => false,
    }
}

fn polygons(label: &Label, size: Size) -> Value {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let polygon =
        |outline: &Vec<[f64; 2]>| outline.iter().flat_map(|[x, y]| [x * width, y * height]).collect::<Vec<_>>();
    json!(label.points.iter().map(polygon).collect::<Vec<_>>())
}

fn append(file: &mut impl Write, separator: &str, value: &Value) -> Result<()> {
    file.write_all(separator.as_bytes()).map_err(cannot_write)?;
    serde_json::to_writer(file, value).map_err(|error| cannot_write(error.into()))
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::io("cannot write", Path::new(LABELS), error)
}
