//! FiftyOne's two simple formats: `data/` and a `labels.json` that says of each picture, named without its extension,
//! its class or its boxes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use bootcamp_core::{Error, Result};
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;
use serde_json::{Map, Value, json};

use super::export::{Export, Holds, Unique};
use super::folder::{Pictures, stem};
use super::json::{JsonFile, Span};
use super::{Format, Found, Reading, Remarks, Writer, boxes, labels, lacks, skip};
use crate::sample::{Field, Label, LabelKind, Labels, ObjectId, Sample};

const LABELS: &str = "labels.json";
const DATA: &str = "data";

/// What the labels say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Classification,
    Detection,
}

impl Task {
    fn format(self) -> Format {
        match self {
            Self::Classification => Format::FiftyOneImageClassification,
            Self::Detection => Format::FiftyOneImageDetection,
        }
    }
}

pub(super) fn read(reading: &Reading, task: Task) -> Result<Found> {
    let path = reading.root.join(LABELS);
    if !path.is_file() {
        return Err(lacks(task.format(), &reading.root, LABELS));
    }
    let file = JsonFile::open(&path)?;
    let mut classes = Vec::new();
    let mut entries = Vec::new();
    file.scan(&["classes", "labels"], |element| {
        match (element.list, element.key) {
            ("classes", _) => classes.push(class_name(&value(element.text))),
            (_, Some(picture)) => entries.push((picture, element.span)),
            (_, None) => {
                let message = format!("{}: 'labels' is a list, not an object by the names of pictures", path.display());
                return Err(Error::invalid(message).with_hint("name the format that this dataset has"));
            }
        }
        Ok(())
    })?;
    let mut pictures = Pictures::look(reading.media(DATA), &reading.remarks)?;
    let unnamed = pictures.len().saturating_sub(entries.iter().filter(|(name, _)| pictures.find(name).is_ok()).count());
    reading.remarks.add_n("pictures that labels.json does not name", unnamed as u64);
    let skipped = pictures.take_skipped().into_iter().map(Err);
    let reader = Reader { file, pictures, classes, task, field: reading.field(), remarks: reading.remarks.clone() };
    Ok(Box::new(skipped.chain(entries.into_iter().map(move |(picture, span)| reader.sample(&picture, span)))))
}

struct Reader {
    file: JsonFile,
    pictures: Pictures,
    classes: Vec<String>,
    task: Task,
    field: String,
    remarks: Remarks,
}

impl Reader {
    fn sample(&self, picture: &str, span: Span) -> Result<Sample, Skip> {
        let source = || format!("{LABELS}: {picture}");
        let path = self.pictures.find(picture).map_err(|error| Skip::new(source(), &error))?;
        let text = self.file.read(span).map_err(|error| Skip::new(source(), &error))?;
        let target: Value = serde_json::from_str(&text).map_err(|error| skip(source(), error.to_string()))?;
        let mut sample = Sample::new(path_name(&path));
        let field = match self.task {
            Task::Classification => self.classifications(target, sample.id),
            Task::Detection => self.detections(target, sample.id),
        };
        if let Some(field) = field.map_err(|reason| skip(source(), reason))? {
            sample.fields.insert(self.field.clone(), field);
        }
        Ok(sample)
    }

    fn classifications(&self, target: Value, sample: ObjectId) -> Result<Option<Field>, String> {
        let id = |n| Label::id_at(sample, &self.field, n);
        Ok(match target {
            Value::Null => None,
            Value::Array(targets) => {
                let found: Result<_, _> =
                    targets.into_iter().enumerate().map(|(n, it)| self.label(it, id(n))).collect();
                Some(labels(LabelKind::Classifications, found?))
            }
            target => Some(labels(LabelKind::Classification, vec![self.label(target, id(0))?])),
        })
    }

    fn detections(&self, target: Value, sample: ObjectId) -> Result<Option<Field>, String> {
        let targets = match target {
            Value::Null => return Ok(None),
            Value::Array(targets) => targets,
            _ => return Err("it is neither a list of boxes nor null".to_owned()),
        };
        let mut found = Vec::new();
        for (n, mut target) in targets.into_iter().enumerate() {
            let bounding_box = target.get_mut("bounding_box").map(Value::take).unwrap_or_default();
            let Ok(bounding_box) = serde_json::from_value::<[f64; 4]>(bounding_box) else {
                self.remarks.add("labels without a box of four numbers");
                continue;
            };
            if boxes::takes(bounding_box, &self.remarks) {
                let label = self.label(target, Label::id_at(sample, &self.field, n))?;
                found.push(Label { bounding_box: Some(bounding_box), ..label });
            }
        }
        Ok(Some(labels(LabelKind::Detections, found)))
    }

    /// A class, its number, or an object with more.
    fn label(&self, target: Value, id: ObjectId) -> Result<Label, String> {
        let Value::Object(mut target) = target else {
            return Ok(Label::new(id, self.class(&target)?));
        };
        let class = target.remove("label").unwrap_or_default();
        let mut label = Label::new(id, self.class(&class)?);
        for (key, value) in target {
            match (key.as_str(), value) {
                ("bounding_box", _) | (_, Value::Null) => {}
                ("confidence", Value::Number(confidence)) => label.confidence = confidence.as_f64(),
                ("attributes", Value::Object(attributes)) => label.attributes = attributes,
                _ => self.remarks.named("entry of labels", &key),
            }
        }
        Ok(label)
    }

    fn class(&self, class: &Value) -> Result<String, String> {
        match class {
            Value::String(class) => Ok(class.clone()),
            Value::Number(number) => {
                let at = number.as_u64().and_then(|at| usize::try_from(at).ok());
                Ok(at.and_then(|at| self.classes.get(at)).cloned().unwrap_or_else(|| {
                    self.remarks.add("classes without a name (kept as numbers)");
                    number.to_string()
                }))
            }
            _ => Err("a label's class is neither a name nor a number".to_owned()),
        }
    }
}

/// An element's value, where what is deeper than it may be counts as nothing.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn class_name(class: &Value) -> String {
    class.as_str().map_or_else(|| class.to_string(), str::to_owned)
}

/// Whether labels in a `labels.json` look like boxes; nothing, if there are none to look at. What follows the first that
/// tells is not looked at.
///
/// # Errors
/// Those of [`JsonFile::scan`].
pub(super) fn task(file: &JsonFile) -> Result<Option<Task>> {
    let mut found = None;
    let scanned = file.scan(&["labels"], |element| {
        found = match value(element.text) {
            Value::Array(targets) => targets.first().map(|target| match target.get("bounding_box") {
                Some(_) => Task::Detection,
                None => Task::Classification,
            }),
            Value::Null => None,
            _ => Some(Task::Classification),
        };
        if found.is_some() { Err(Error::invalid("there are labels")) } else { Ok(()) }
    });
    if found.is_some() { Ok(found) } else { scanned.map(|()| None) }
}

pub(super) struct LabelsJson {
    task: Task,
    file: BufWriter<File>,
    is_first: bool,
}

impl LabelsJson {
    pub(super) fn begin(export: &Export, task: Task) -> Result<Self> {
        export.folder(DATA)?;
        let mut file = export.create(LABELS)?;
        file.write_all(b"{\"classes\": null, \"labels\": {").map_err(cannot_write)?;
        Ok(Self { task, file, is_first: true })
    }

    fn classification(labels: &Labels, export: &Export) -> Option<Value> {
        let holds = Holds { confidence: true, attributes: true, ..Holds::default() };
        let mut targets = Vec::new();
        for label in &labels.labels {
            let Some(class) = export.class(label) else { continue };
            export.leave_of_label(label, holds);
            let is_plain = label.confidence.is_none() && label.attributes.is_empty();
            targets.push(if is_plain { json!(class) } else { entry(label, class).into() });
        }
        match labels.kind {
            LabelKind::Classification => targets.pop(),
            _ => Some(targets.into()),
        }
    }

    fn detections(labels: &Labels, export: &Export) -> Value {
        let holds = Holds { confidence: true, attributes: true, bounding_box: true, outline: false };
        let mut targets = Vec::new();
        for label in &labels.labels {
            let Some(class) = export.class(label) else { continue };
            let Some(bounding_box) = boxes::written(label, &export.remarks) else { continue };
            export.leave_of_label(label, holds);
            let mut target = entry(label, class);
            target.insert("bounding_box".to_owned(), json!(bounding_box));
            targets.push(Value::Object(target));
        }
        targets.into()
    }
}

/// What both tasks write of a label.
fn entry(label: &Label, class: &str) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("label".to_owned(), json!(class));
    if let Some(confidence) = label.confidence {
        entry.insert("confidence".to_owned(), json!(confidence));
    }
    if !label.attributes.is_empty() {
        entry.insert("attributes".to_owned(), Value::Object(label.attributes.clone()));
    }
    entry
}

impl Writer for LabelsJson {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let kinds: &[LabelKind] = match self.task {
            Task::Classification => &[LabelKind::Classification, LabelKind::Classifications],
            Task::Detection => &[LabelKind::Detection, LabelKind::Detections],
        };
        let Some(name) = export.picture(sample, DATA, Unique::Stem)? else { return Ok(()) };
        let found = export.labels(sample, kinds, |_, _| false);
        export.leave_tags(sample);
        let target = found.and_then(|labels| match self.task {
            Task::Classification => Self::classification(labels, export),
            Task::Detection => Some(Self::detections(labels, export)),
        });
        let entry = format!("{}\n{}: ", if self.is_first { "" } else { "," }, json!(stem(&name)));
        self.is_first = false;
        self.file.write_all(entry.as_bytes()).map_err(cannot_write)?;
        serde_json::to_writer(&mut self.file, &target).map_err(|error| cannot_write(error.into()))
    }

    fn finish(mut self: Box<Self>, _: &mut Export) -> Result<()> {
        self.file.write_all(b"\n}}\n").and_then(|()| self.file.flush()).map_err(cannot_write)
    }
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::io("cannot write", Path::new(LABELS), error)
}
