//! Writes tables. Which columns there are is known at the end only: until then rows wait in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use bootcamp_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{BOX, CONFIDENCE, DATA, FILEPATH, LABEL, TAGS, cell_of, value_of};
use crate::formats::boxes;
use crate::formats::export::{Export, Holds};
use crate::sample::{Field, Label, LabelKind, Labels, Sample};

const FILE: &str = "labels.csv";

pub(in crate::formats) struct Table {
    rows: BufWriter<File>,
    columns: BTreeSet<String>,
    has_tags: bool,
    has_boxes: bool,
}

/// A sample that waits.
#[derive(Serialize, Deserialize)]
struct Row {
    filepath: String,
    tags: String,
    cells: BTreeMap<String, String>,
    objects: Vec<Object>,
}

/// A box.
#[derive(Serialize, Deserialize)]
struct Object {
    label: String,
    confidence: String,
    sides: [f64; 4],
}

impl Table {
    pub(in crate::formats) fn begin(export: &Export) -> Result<Self> {
        let rows = BufWriter::new(export.spool()?);
        Ok(Self { rows, columns: BTreeSet::new(), has_tags: false, has_boxes: false })
    }

    fn table(&self, mut table: csv::Writer<impl Write>, rows: impl BufRead) -> Result<()> {
        let mut head = vec![FILEPATH];
        head.extend(self.has_tags.then_some(TAGS));
        head.extend(self.columns.iter().map(String::as_str));
        if self.has_boxes {
            head.extend([LABEL, CONFIDENCE]);
            head.extend(BOX);
        }
        table.write_record(&head).map_err(failed)?;
        for line in rows.lines() {
            let row: Row =
                serde_json::from_str(&line.map_err(cannot_write)?).map_err(|error| cannot_write(error.into()))?;
            let mut cells = vec![row.filepath.as_str()];
            cells.extend(self.has_tags.then_some(row.tags.as_str()));
            cells.extend(self.columns.iter().map(|column| row.cells.get(column).map_or("", String::as_str)));
            if !self.has_boxes {
                table.write_record(&cells).map_err(failed)?;
                continue;
            }
            if row.objects.is_empty() {
                let empty = [""; 2 + BOX.len()];
                table.write_record(cells.iter().chain(&empty)).map_err(failed)?;
            }
            for object in &row.objects {
                let sides = object.sides.map(|side| side.to_string());
                let own = [object.label.as_str(), object.confidence.as_str()]
                    .into_iter()
                    .chain(sides.iter().map(String::as_str));
                table.write_record(cells.iter().copied().chain(own)).map_err(failed)?;
            }
        }
        table.flush().map_err(cannot_write)
    }
}

impl crate::formats::Writer for Table {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let Some(filepath) = export.reference(sample, DATA, "")? else { return Ok(()) };
        let found = export.labels(sample, &[LabelKind::Detection, LabelKind::Detections], |name, field| {
            is_column(name)
                && matches!(field, Field::Value(_) | Field::Labels(Labels { kind: LabelKind::Classification, .. }))
        });
        let mut cells = BTreeMap::new();
        for (name, field) in sample.fields.iter().filter(|(name, _)| is_column(name)) {
            match field {
                Field::Value(value) => {
                    if value_of(&cell_of(value)).as_ref() != Some(value) {
                        export.remarks.named("values that read as something else in the field", name);
                    }
                    cells.insert(name.clone(), cell_of(value));
                }
                Field::Labels(Labels { kind: LabelKind::Classification, labels }) => {
                    labels.first().into_iter().for_each(|label| class(&mut cells, name, label, export));
                }
                Field::Labels(_) => {}
            }
        }
        let (tags, odd): (Vec<&String>, Vec<&String>) = sample.tags.iter().partition(|tag| is_tag(tag));
        export.remarks.add_n("tags with commas or spaces around them", odd.len() as u64);
        let tags = tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join(",");
        let objects = found.map(|found| objects(found, export)).unwrap_or_default();
        if found.is_some() && objects.is_empty() {
            export.remarks.add("samples without objects (written as having no labels)");
        }
        self.columns.extend(cells.keys().cloned());
        self.has_tags |= !tags.is_empty();
        self.has_boxes |= !objects.is_empty();
        let row = Row { filepath, tags, cells, objects };
        serde_json::to_writer(&mut self.rows, &row).map_err(|error| cannot_write(error.into()))?;
        self.rows.write_all(b"\n").map_err(cannot_write)
    }

    fn finish(mut self: Box<Self>, export: &mut Export) -> Result<()> {
        let table = csv::Writer::from_writer(export.create(FILE)?);
        self.rows.seek(SeekFrom::Start(0)).map_err(cannot_write)?;
        let rows = self.rows.get_ref().try_clone().map_err(cannot_write)?;
        self.table(table, BufReader::new(rows))
    }
}

/// Whether a field can be a column: it is not called as what is no field, and a dot stands for something else.
fn is_column(name: &str) -> bool {
    let is_other = [FILEPATH, TAGS, LABEL, CONFIDENCE].contains(&name) || BOX.contains(&name);
    !is_other && !name.is_empty() && !name.contains('.') && name.trim() == name
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && !tag.contains(',') && tag.trim() == tag
}

fn class(cells: &mut BTreeMap<String, String>, field: &str, label: &Label, export: &Export) {
    let Some(class) = export.class(label).filter(|class| !class.is_empty()) else { return };
    export.leave_of_label(label, Holds { confidence: true, ..Holds::default() });
    cells.insert(format!("{field}.{LABEL}"), class.to_owned());
    if let Some(confidence) = label.confidence {
        cells.insert(format!("{field}.{CONFIDENCE}"), confidence.to_string());
    }
}

fn objects(labels: &Labels, export: &Export) -> Vec<Object> {
    let mut objects = Vec::new();
    for label in &labels.labels {
        let Some(sides) = boxes::written(label, &export.remarks) else { continue };
        export.leave_of_label(label, Holds { confidence: true, bounding_box: true, ..Holds::default() });
        let confidence = label.confidence.map(|confidence| confidence.to_string()).unwrap_or_default();
        objects.push(Object { label: label.label.clone().unwrap_or_default(), confidence, sides });
    }
    objects
}

fn failed(error: csv::Error) -> Error {
    cannot_write(error.into())
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::io("cannot write", Path::new(FILE), error)
}
