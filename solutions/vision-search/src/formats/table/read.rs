//! Reads tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;
use csv::{ByteRecord, Position, Reader, ReaderBuilder};

use super::{BOX, CONFIDENCE, DATA, FILEPATH, LABEL, TAGS, value_of};
use crate::formats::remarks::shortened;
use crate::formats::{Format, Found, Reading, Remarks, boxes, folder, labels, lacks, skip};
use crate::sample::{Field, Label, LabelKind, Sample};

/// Other names under which tables list files.
const PATHS: [&str; 5] = [FILEPATH, "path", "file_name", "filename", "image"];

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Path,
    Tags,
    /// A class of this field.
    Label(String),
    /// How sure the class of this field is.
    Confidence(String),
    /// A side of a box.
    Side(usize),
    Value(String),
    Ignored,
}

/// The table of a folder: itself, `labels.csv`, or the only one there.
pub(in crate::formats) fn file(root: &Path) -> Option<PathBuf> {
    let is_table = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if root.is_file() {
        return is_table(root).then(|| root.to_owned());
    }
    let usual = root.join("labels.csv");
    if usual.is_file() {
        return Some(usual);
    }
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> = entries.filter(|path| is_table(path) && path.is_file()).collect();
    <[PathBuf; 1]>::try_from(found).ok().map(|[path]| path)
}

pub(in crate::formats) fn read(reading: &Reading) -> Result<Found> {
    let named = reading.root.is_file().then(|| reading.root.clone());
    let path = named.or_else(|| file(&reading.root)).ok_or_else(|| lacks(Format::Csv, &reading.root, "labels.csv"))?;
    let mut table = open(&path)?;
    let headers = table.headers().map_err(|error| broken(&path, &error))?.clone();
    let columns = columns(headers.iter(), &reading.field(), &reading.remarks);
    let Some(path_column) = columns.iter().position(|column| *column == Column::Path) else {
        let message = format!("{}: no column 'filepath' says which picture a row is of", path.display());
        return Err(Error::invalid(message).with_hint("name a column so, or 'path', 'file_name', 'filename', 'image'"));
    };
    let has_boxes = columns.contains(&Column::Side(0));
    let groups = groups(&mut table, &path, has_boxes.then_some(path_column))?;
    let base = path.parent().map(Path::to_owned).unwrap_or_default();
    let data = base.join(DATA);
    let folders = match &reading.options.media {
        Some(media) => vec![media.clone()],
        None if data.is_dir() => vec![data, base],
        None => vec![base],
    };
    let (name, field) = (path_name(path.file_name().map_or(&path, Path::new)), reading.field());
    let mut rows = Rows { table, name, columns, folders, field, remarks: reading.remarks.clone() };
    Ok(Box::new(groups.into_iter().map(move |positions| rows.sample(&positions))))
}

fn open(path: &Path) -> Result<Reader<File>> {
    let file = File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
    Ok(ReaderBuilder::new().flexible(true).from_reader(file))
}

fn broken(path: &Path, error: &csv::Error) -> Error {
    Error::invalid(format!("{}: {error}", path.display())).with_hint("a table is UTF-8 text with commas between cells")
}

/// What the columns hold, by their names.
fn columns<'a>(headers: impl Iterator<Item = &'a str> + Clone, field: &str, remarks: &Remarks) -> Vec<Column> {
    let names: Vec<&str> = headers.clone().map(str::trim).collect();
    let path = PATHS.iter().find(|path| names.contains(path));
    let has_boxes = BOX.iter().all(|side| names.contains(side));
    let mut seen = BTreeSet::new();
    let column = |name: &&str| {
        if !seen.insert((*name).to_owned()) {
            remarks.named("columns of the same name,", name);
            return Column::Ignored;
        }
        let of_label = |suffix: &str| name.strip_suffix(suffix).filter(|of| !of.is_empty() && !of.contains('.'));
        match *name {
            name if Some(&name) == path => Column::Path,
            TAGS => Column::Tags,
            LABEL => Column::Label(field.to_owned()),
            CONFIDENCE if names.contains(&LABEL) => Column::Confidence(field.to_owned()),
            name if name == field && !names.contains(&LABEL) => Column::Label(field.to_owned()),
            name if has_boxes && BOX.contains(&name) => {
                Column::Side(BOX.iter().position(|side| *side == name).unwrap_or_default())
            }
            _ if of_label(".label").is_some() => Column::Label(of_label(".label").unwrap_or_default().to_owned()),
            _ if of_label(".confidence").is_some() => {
                Column::Confidence(of_label(".confidence").unwrap_or_default().to_owned())
            }
            name if name.is_empty() || name.contains('.') => {
                remarks.named("column", name);
                Column::Ignored
            }
            name => Column::Value(name.to_owned()),
        }
    };
    names.iter().map(column).collect()
}

/// Where the rows of each sample are, in the order of their first: those of the same file, if rows are boxes; else each
/// row is one. Where they are is kept, not what they say.
fn groups(table: &mut Reader<File>, path: &Path, by: Option<usize>) -> Result<Vec<Vec<Position>>> {
    let mut groups: Vec<Vec<Position>> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut record = ByteRecord::new();
    loop {
        let position = table.position().clone();
        if !table.read_byte_record(&mut record).map_err(|error| broken(path, &error))? {
            return Ok(groups);
        }
        let key = by.and_then(|column| record.get(column)).map(<[u8]>::to_vec);
        let group = key.map(|key| *known.entry(key).or_insert(groups.len()));
        match group.and_then(|group| groups.get_mut(group)) {
            Some(group) => group.push(position),
            None => groups.push(vec![position]),
        }
    }
}

struct Rows {
    table: Reader<File>,
    name: String,
    columns: Vec<Column>,
    /// Where relative paths may start.
    folders: Vec<PathBuf>,
    /// The field of boxes.
    field: String,
    remarks: Remarks,
}

impl Rows {
    fn sample(&mut self, positions: &[Position]) -> Result<Sample, Skip> {
        let mut sample: Option<Sample> = None;
        let mut found = Vec::new();
        for position in positions {
            let source = format!("{}:{}", self.name, position.line());
            let cells = self.cells(position).map_err(|reason| skip(source.as_str(), reason))?;
            let sample = match &mut sample {
                Some(sample) => sample,
                none => none.insert(self.row(&cells).map_err(|error| Skip::new(source.as_str(), &error))?),
            };
            let id = Label::id_at(sample.id, &self.field, found.len());
            found.extend(self.object(&cells, id).map_err(|reason| skip(source.as_str(), reason))?);
        }
        let mut sample = sample.ok_or_else(|| skip(self.name.as_str(), "it has no rows"))?;
        if !found.is_empty() {
            sample.fields.insert(self.field.clone(), labels(LabelKind::Detections, found));
        }
        Ok(sample)
    }

    fn cells(&mut self, position: &Position) -> Result<Vec<String>, String> {
        let mut record = ByteRecord::new();
        self.table.seek(position.clone()).map_err(|error| error.to_string())?;
        self.table.read_byte_record(&mut record).map_err(|error| error.to_string())?;
        if record.len() != self.columns.len() {
            return Err(format!("it has {} cells, where there are {} columns", record.len(), self.columns.len()));
        }
        let text = |cell: &[u8]| String::from_utf8(cell.to_vec()).map_err(|_| "it is not UTF-8 text".to_owned());
        record.iter().map(text).collect()
    }

    /// What a row says of its picture.
    fn row(&self, cells: &[String]) -> Result<Sample> {
        let has_boxes = self.columns.contains(&Column::Side(0));
        let path = self.cell(cells, &Column::Path).unwrap_or_default();
        let mut sample = Sample::new(path_name(&self.path(path)?));
        let mut classes: BTreeMap<&str, Label> = BTreeMap::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            match column {
                Column::Tags => {
                    let tags = cell.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                    sample.tags = tags.map(str::to_owned).collect();
                }
                Column::Label(field) if has_boxes && *field == self.field => {}
                Column::Label(field) if !cell.is_empty() => {
                    let label = Label::new(Label::id_at(sample.id, field, 0), cell.as_str());
                    classes.insert(field, Label { confidence: self.confidence(cells, field), ..label });
                }
                Column::Value(name) => {
                    value_of(cell)
                        .into_iter()
                        .for_each(|it| drop(sample.fields.insert(name.clone(), Field::Value(it))));
                }
                _ => {}
            }
        }
        for (field, label) in classes {
            sample.fields.insert(field.to_owned(), labels(LabelKind::Classification, vec![label]));
        }
        Ok(sample)
    }

    /// The box that a row is, if it is one.
    fn object(&self, cells: &[String], id: crate::sample::ObjectId) -> Result<Option<Label>, String> {
        let sides: Vec<&str> = (0..BOX.len()).filter_map(|side| self.cell(cells, &Column::Side(side))).collect();
        if sides.iter().all(|side| side.trim().is_empty()) {
            return Ok(None);
        }
        let numbers: Option<Vec<f64>> = sides.iter().map(|side| side.trim().parse().ok()).collect();
        let bounding_box = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
        let bounding_box = bounding_box.ok_or("its x, y, width and height are not four numbers")?;
        let class = self.cell(cells, &Column::Label(self.field.clone())).filter(|class| !class.is_empty());
        let label = Label {
            label: class.map(str::to_owned),
            confidence: self.confidence(cells, &self.field),
            bounding_box: Some(bounding_box),
            ..Label::new(id, "")
        };
        Ok(boxes::takes(bounding_box, &self.remarks).then_some(label))
    }

    fn confidence(&self, cells: &[String], field: &str) -> Option<f64> {
        let cell = self.cell(cells, &Column::Confidence(field.to_owned()))?.trim();
        let confidence = value_of(cell)?;
        if !confidence.is_number() {
            self.remarks.add("confidences that are no numbers");
        }
        confidence.as_f64()
    }

    fn cell<'a>(&self, cells: &'a [String], column: &Column) -> Option<&'a str> {
        let at = self.columns.iter().position(|it| it == column)?;
        cells.get(at).map(String::as_str)
    }

    /// The picture that a row names: an absolute path, or one in the first folder that has it.
    fn path(&self, name: &str) -> Result<PathBuf> {
        if Path::new(name).is_absolute() && !name.contains('\0') {
            return Ok(name.into());
        }
        let places = self.folders.iter().map(|folder| folder::inside(folder, name)).collect::<Result<Vec<_>>>()?;
        let found = places.iter().find(|path| path.is_file()).or(places.first());
        found.cloned().ok_or_else(|| Error::invalid(format!("there is no folder for '{}'", shortened(name))))
    }
}
