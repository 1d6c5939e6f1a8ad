//! YOLOv5: a YAML file of classes and splits, and beside each folder `images` a folder `labels` with a text file for
//! each picture, one object a line.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;
use serde_json::{Map, Value, json};

use super::export::{Export, Holds, Unique};
use super::folder::stem;
use super::remarks::shortened;
use super::{Format, Found, Reading, Remarks, boxes, folder, labels, lacks};
use crate::sample::{Label, LabelKind, Labels, ObjectId, Sample};

/// Names of the YAML file, and of the splits, which become tags.
pub(super) const FILES: [&str; 4] = ["dataset.yaml", "data.yaml", "dataset.yml", "data.yml"];
const SPLITS: [&str; 3] = ["train", "val", "test"];

pub(super) fn read(reading: &Reading) -> Result<Found> {
    let file = if reading.root.is_file() { Some(reading.root.clone()) } else { yaml_file(&reading.root) };
    let file = file.ok_or_else(|| lacks(Format::Yolov5, &reading.root, "dataset.yaml"))?;
    let yaml = parse(&folder::text(&file)?).map_err(|error| error.context(file.display()))?;
    let root = file.parent().map(Path::to_owned).unwrap_or_default();
    let base = reading.options.media.clone().unwrap_or_else(|| base(&root, &yaml, &reading.remarks));
    let (names, field) = (Arc::new(names(yaml.get("names"))), reading.field());
    let mut found: Vec<Found> = Vec::new();
    for split in SPLITS {
        for place in places(yaml.get(split)) {
            let source = format!("{}: {split}", path_name(&file));
            let (root, names, field) = (root.clone(), Arc::clone(&names), field.clone());
            let reader = Reader { root, names, split, field, remarks: reading.remarks.clone() };
            let samples = resolve(&base, &reader.root, place).and_then(|place| reader.samples(&place));
            found.push(samples.unwrap_or_else(|error| Box::new(std::iter::once(Err(Skip::new(source, &error))))));
        }
    }
    if found.is_empty() {
        return Err(Error::invalid(format!("{}: it names none of train, val and test", file.display()))
            .with_hint("name the folder of each split's pictures"));
    }
    Ok(Box::new(found.into_iter().flatten()))
}

/// The YAML file of a folder.
pub(super) fn yaml_file(root: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| root.join(name)).find(|path| path.is_file())
}

fn parse(text: &str) -> Result<Map<String, Value>> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.to_string();
        Error::invalid(format!("it is no YAML of a dataset: {}", error.lines().next().unwrap_or_default()))
            .with_hint("it is a map with 'train', 'val', 'names' and the like")
    })
}

/// Where relative paths start: `path`, if it is in the folder of the YAML file; else that folder. Datasets are moved, and
/// name a place of the machine where they were made.
fn base(root: &Path, yaml: &Map<String, Value>, remarks: &Remarks) -> PathBuf {
    let Some(path) = yaml.get("path").and_then(Value::as_str).filter(|path| !path.is_empty()) else {
        return root.to_owned();
    };
    match (root.join(path).canonicalize(), root.canonicalize()) {
        (Ok(path), Ok(root_itself)) if path.starts_with(&root_itself) => {
            root.join(path.strip_prefix(root_itself).unwrap_or(&path))
        }
        _ => {
            remarks.add("'path' leads out of the dataset's folder (which was taken instead)");
            root.to_owned()
        }
    }
}

/// The folders or lists of a split.
fn places(split: Option<&Value>) -> Vec<&str> {
    match split {
        Some(Value::String(place)) => vec![place],
        Some(Value::Array(places)) => places.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A folder or list that the YAML file names. A leading `../`, which some programs write, counts only if it must.
fn resolve(base: &Path, root: &Path, place: &str) -> Result<PathBuf> {
    let place = Path::new(place).strip_prefix(root).ok().and_then(Path::to_str).unwrap_or(place);
    let found = folder::inside(base, place.strip_prefix("../").unwrap_or(place))?;
    found.metadata().map(|_| found.clone()).map_err(|error| Error::io("cannot find", &found, error))
}

/// The names of classes, as a list or by their numbers.
fn names(names: Option<&Value>) -> BTreeMap<u64, String> {
    let name = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match names {
        Some(Value::Array(names)) => (0..).zip(names.iter().map(name)).collect(),
        Some(Value::Object(names)) => {
            names.iter().filter_map(|(number, value)| Some((number.parse().ok()?, name(value)))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A split.
struct Reader {
    root: PathBuf,
    names: Arc<BTreeMap<u64, String>>,
    split: &'static str,
    field: String,
    remarks: Remarks,
}

impl Reader {
    /// The samples of a folder of pictures, or of a list of them.
    fn samples(self, place: &Path) -> Result<Found> {
        if place.is_dir() {
            let found = folder::pictures(place, &self.remarks);
            return Ok(Box::new(found.map(move |path| self.sample(&path?))));
        }
        let list = folder::text(place)?;
        let (folder, name) = (place.parent().map(Path::to_owned).unwrap_or_default(), path_name(place));
        let lines = list.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        Ok(Box::new(lines.collect::<Vec<_>>().into_iter().map(move |line| {
            let line = Path::new(&line).strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or(&line);
            let path = folder::inside(&folder, line).map_err(|error| Skip::new(name.as_str(), &error))?;
            self.sample(&path)
        })))
    }

    /// A picture, with its labels if there is a file of them. An empty one says that there are no objects.
    fn sample(&self, picture: &Path) -> Result<Sample, Skip> {
        let mut sample = Sample::new(path_name(picture));
        sample.tags.push(self.split.to_owned());
        let file = labels_of(picture, &self.root);
        if file.is_file() {
            let text = folder::text(&file).map_err(|error| Skip::new(sample.filepath.as_str(), &error))?;
            let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
            let found = lines.filter_map(|(n, line)| self.label(line, Label::id_at(sample.id, &self.field, n)));
            let found = labels(LabelKind::Detections, found.collect());
            sample.fields.insert(self.field.clone(), found);
        }
        Ok(sample)
    }

    /// A class and the middle, width and height of a box, and maybe how sure that is; or a class and an outline.
    fn label(&self, line: &str, id: ObjectId) -> Option<Label> {
        let mut words = line.split_whitespace();
        let class = words.next()?;
        let numbers: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
        let mut label = Label::new(id, self.class(class));
        match numbers.as_deref() {
            Some([x, y, width, height, rest @ ..]) if rest.len() < 2 => {
                label.bounding_box = Some([x - width / 2.0, y - height / 2.0, *width, *height]);
                label.confidence = rest.first().copied().filter(|confidence| confidence.is_finite());
            }
            Some(numbers) if numbers.len() >= 6 && numbers.len().is_multiple_of(2) => {
                let (points, _) = numbers.as_chunks::<2>();
                label.points = vec![points.to_vec()];
                (label.closed, label.filled) = (true, true);
                if !boxes::takes_outline(&label.points, &self.remarks) {
                    return None;
                }
                label.bounding_box = label.bounds();
            }
            _ => {
                self.remarks.add("lines that are neither a box nor an outline");
                return None;
            }
        }
        label.bounding_box.is_some_and(|it| boxes::takes(it, &self.remarks)).then_some(label)
    }

    fn class(&self, class: &str) -> String {
        let name = class.parse().ok().and_then(|number| self.names.get(&number));
        name.cloned().unwrap_or_else(|| {
            self.remarks.add("classes without a name (kept as numbers)");
            shortened(class)
        })
    }
}

/// The file of a picture's labels: the last folder called `images` on the way is called `labels` there. Where none is, it
/// lies beside the picture.
fn labels_of(picture: &Path, root: &Path) -> PathBuf {
    let below = picture.strip_prefix(root).unwrap_or(picture);
    let parts: Vec<Component> = below.components().collect();
    let images = parts.iter().rposition(|part| part.as_os_str() == OsStr::new("images"));
    let renamed = parts.iter().enumerate().map(|(at, part)| match images {
        Some(images) if at == images => OsStr::new("labels"),
        _ => part.as_os_str(),
    });
    root.join(renamed.collect::<PathBuf>()).with_extension("txt")
}

/// Writes splits by the samples' tags.
#[derive(Default)]
pub(super) struct Yolo {
    /// Names of classes in the order of their first label.
    names: Vec<String>,
    numbers: BTreeMap<String, usize>,
    splits: [bool; SPLITS.len()],
}

impl Yolo {
    fn number(&mut self, class: &str) -> usize {
        if let Some(number) = self.numbers.get(class) {
            return *number;
        }
        self.numbers.insert(class.to_owned(), self.names.len());
        self.names.push(class.to_owned());
        self.names.len() - 1
    }

    fn lines(&mut self, labels: &Labels, export: &Export) -> String {
        let is_outline = matches!(labels.kind, LabelKind::Polyline | LabelKind::Polylines);
        let holds = Holds { bounding_box: !is_outline, outline: is_outline, ..Holds::default() };
        let mut text = String::new();
        for label in &labels.labels {
            let Some(class) = export.class(label) else { continue };
            let Some([x, y, width, height]) = boxes::written(label, &export.remarks) else { continue };
            let number = self.number(class);
            export.leave_of_label(label, holds);
            if !is_outline {
                text += &format!("{number} {} {} {width} {height}\n", x + width / 2.0, y + height / 2.0);
                continue;
            }
            for outline in &label.points {
                if outline.len() < 3 {
                    export.remarks.add("outlines of less than three points");
                    continue;
                }
                let points: Vec<String> = outline.iter().map(|[x, y]| format!("{x} {y}")).collect();
                text += &format!("{number} {}\n", points.join(" "));
            }
        }
        text
    }
}

impl super::Writer for Yolo {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let split = SPLITS.iter().position(|split| sample.tags.iter().any(|tag| tag == split));
        let at = split.unwrap_or_default();
        let Some(name) = export.picture(sample, &format!("images/{}", SPLITS[at]), Unique::Stem)? else {
            return Ok(());
        };
        self.splits[at] = true;
        if split.is_none() {
            export.remarks.add("samples without the tag of a split (put into 'train')");
        }
        let others = sample.tags.len() - usize::from(split.is_some());
        export.remarks.add_n("tags of samples", others as u64);
        let kinds = [LabelKind::Detection, LabelKind::Detections, LabelKind::Polyline, LabelKind::Polylines];
        let Some(found) = export.labels(sample, &kinds, |_, _| false) else { return Ok(()) };
        let lines = self.lines(found, export);
        export.write(&format!("labels/{}/{}.txt", SPLITS[at], stem(&name)), &lines)
    }

    fn finish(self: Box<Self>, export: &mut Export) -> Result<()> {
        let mut yaml = Map::new();
        for (split, _) in SPLITS.iter().zip(self.splits).filter(|(split, is_used)| *is_used || **split == SPLITS[0]) {
            export.folder(&format!("images/{split}"))?;
            yaml.insert((*split).to_owned(), json!(format!("images/{split}")));
        }
        yaml.insert("names".to_owned(), json!(self.names));
        let text = serde_saphyr::to_string(&yaml)
            .map_err(|error| Error::invalid(format!("cannot write {} as YAML: {error}", FILES[0])))?;
        export.write(FILES[0], &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lie_beside_pictures() {
        for (picture, file) in [
            ("images/train/a.jpg", "labels/train/a.txt"),
            ("images/images/a.b.jpg", "images/labels/a.b.txt"),
            ("train/images/a.jpg", "train/labels/a.txt"),
            ("a.jpg", "a.txt"),
        ] {
            let root = Path::new("/images/d");
            assert_eq!(labels_of(&root.join(picture), root), root.join(file));
        }
    }

    #[test]
    fn names_are_lists_or_maps_of_anything() {
        for yaml in ["names: [cat, 7, yes]", "names:\n  0: cat\n  1: 7\n  2: yes\n"] {
            let names = names(parse(yaml).unwrap().get("names"));
            let names: Vec<&str> = names.values().map(String::as_str).collect();
            assert_eq!(names[..2], ["cat", "7"], "{yaml}");
            assert_eq!(names.len(), 3);
        }
        for yaml in ["[1]", "a: [", "a: b: c", "\0", "- x"] {
            let error = parse(yaml).unwrap_err();
            assert!(error.to_string().starts_with("it is no YAML") && error.hint().is_some(), "{yaml:?}: {error}");
        }
    }
}
