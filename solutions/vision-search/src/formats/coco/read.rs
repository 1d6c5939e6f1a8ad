//! Reads COCO. Annotations stay in their file: what is kept of each is where it is and of which picture.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use bootcamp_kit::path_name;
use bootcamp_kit::source::Skip;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{DATA, Id, LABELS, OF_ANNOTATION};
use crate::formats::json::{Element, JsonFile, Span};
use crate::formats::size::Size;
use crate::formats::{Format, Found, Reading, Remarks, boxes, folder, labels, lacks, skip};
use crate::sample::{Label, LabelKind, Metadata, Sample};

/// How COCO's own files of objects begin, beside which those of captions and joints lie.
const INSTANCES: &str = "instances_";

pub(in crate::formats) fn read(reading: &Reading) -> Result<Found> {
    let mut parts = Vec::new();
    for place in files(reading)? {
        parts.push(Part::index(place, reading)?);
    }
    Ok(Box::new(parts.into_iter().flat_map(|part| (0..part.images.len()).map(move |n| part.sample(n)))))
}

/// A file of labels, the folders where its pictures may be, and the tag of its split.
struct Place {
    path: PathBuf,
    folders: Vec<PathBuf>,
    tag: Option<String>,
}

fn files(reading: &Reading) -> Result<Vec<Place>> {
    let root = &reading.root;
    let place = |base: &Path, folders: &[&str]| match &reading.options.media {
        Some(media) => vec![media.clone()],
        None => folders.iter().map(|folder| base.join(folder)).collect(),
    };
    if root.is_file() {
        let base = root.parent().unwrap_or(root);
        let folders = place(base, &[DATA, "images", ""]);
        return Ok(vec![Place { path: root.clone(), folders, tag: None }]);
    }
    let one = root.join(LABELS);
    if one.is_file() {
        return Ok(vec![Place { path: one, folders: place(root, &[DATA]), tag: None }]);
    }
    let mut found = annotation_files(root);
    if found.is_empty() {
        return Err(lacks(Format::Coco, root, "labels.json and no annotations/*.json"));
    }
    let name = |path: &Path| path.file_stem().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    if found.iter().any(|path| name(path).starts_with(INSTANCES)) {
        found.retain(|path| name(path).starts_with(INSTANCES));
    }
    let with_folders = |path: PathBuf| {
        let name = name(&path);
        let split = name.strip_prefix(INSTANCES).unwrap_or(&name).to_owned();
        let folders = place(root, &[&split, &format!("images/{split}"), DATA, "images", ""]);
        Place { path, folders, tag: Some(split) }
    };
    Ok(found.into_iter().map(with_folders).collect())
}

/// `annotations/*.json`, in order.
fn annotation_files(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join("annotations")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| path.extension() == Some(OsStr::new("json")) && path.is_file());
    found.sort();
    found
}

/// Whether a folder or file looks like COCO: its JSON has a list of images. What follows that is not looked at.
pub(in crate::formats) fn has_coco_lists(root: &Path) -> bool {
    let has_images = |path: &Path| {
        let mut found = false;
        let seen = || Err(Error::invalid("there are images"));
        let scanned = JsonFile::open(path).and_then(|file| {
            file.scan(&["images"], |element| {
                found |= element.key.is_none();
                if found { seen() } else { Ok(()) }
            })
        });
        scanned.is_err() && found
    };
    if root.is_file() {
        return has_images(root);
    }
    let one = root.join(LABELS);
    if one.is_file() { has_images(&one) } else { annotation_files(root).iter().any(|path| has_images(path)) }
}

/// A file of labels.
struct Part {
    file: JsonFile,
    name: String,
    folders: Vec<PathBuf>,
    tag: Option<String>,
    field: String,
    remarks: Remarks,
    categories: HashMap<Id, Category>,
    images: Vec<(u32, Span)>,
    /// In the order of the number of their picture.
    annotations: Vec<(u32, Span)>,
    has_annotations: bool,
}

#[derive(Deserialize)]
struct Category {
    id: Id,
    name: Option<String>,
    supercategory: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    id: Id,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: Id,
}

/// Numbers for the ids of pictures.
#[derive(Default)]
struct Numbers(HashMap<Id, u32>);

impl Numbers {
    fn of(&mut self, id: Id) -> Result<u32> {
        let next =
            u32::try_from(self.0.len()).map_err(|_| Error::invalid("there are more than 4,294,967,296 pictures"))?;
        Ok(*self.0.entry(id).or_insert(next))
    }
}

impl Part {
    fn index(Place { path, folders, tag }: Place, reading: &Reading) -> Result<Self> {
        let remarks = reading.remarks.clone();
        let (mut categories, mut numbers) = (HashMap::new(), Numbers::default());
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        let file = JsonFile::open(&path)?;
        file.scan(&["categories", "images", "annotations"], |Element { list, text, span, .. }| {
            match list {
                "categories" => match serde_json::from_str::<Category>(text) {
                    Ok(category) => drop(categories.insert(category.id.clone(), category)),
                    Err(_) => remarks.add("categories without an id"),
                },
                // What has no id may be a picture all the same, of which nothing is said.
                "images" => {
                    images.push((id_of(text, |image: Image| image.id, &mut numbers)?.unwrap_or(u32::MAX), span))
                }
                _ => match id_of(text, |annotation: Annotation| annotation.image_id, &mut numbers)? {
                    Some(image) => annotations.push((image, span)),
                    None => remarks.add("annotations without a picture's id"),
                },
            }
            Ok(())
        })?;
        annotations.sort_by_key(|(image, _)| *image);
        let mut known = vec![false; numbers.0.len()];
        images.iter().for_each(|(image, _)| known.get_mut(*image as usize).into_iter().for_each(|it| *it = true));
        let strays =
            annotations.iter().filter(|(image, _)| !known.get(*image as usize).copied().unwrap_or(false)).count();
        remarks.add_n("annotations of pictures that are not listed", strays as u64);
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let has_annotations = !annotations.is_empty();
        let field = reading.field();
        Ok(Self { file, name, folders, tag, field, remarks, categories, images, annotations, has_annotations })
    }

    fn sample(&self, n: usize) -> Result<Sample, Skip> {
        let (image, span) = self.images[n];
        let source = format!("{}: image {}", self.name, n + 1);
        let failed = |error: Error| Skip::new(source.as_str(), &error);
        let text = self.file.read(span).map_err(failed)?;
        let mut entries: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| skip(source.as_str(), format!("it is no picture: {error}")))?;
        let Some(Value::String(name)) = entries.remove("file_name") else {
            return Err(skip(source, "it has no 'file_name'"));
        };
        let path = self.picture(&name).map_err(failed)?;
        let mut side = |key: &str| entries.remove(key).and_then(|side| u32::try_from(side.as_u64()?).ok());
        let size = Size::known(side("width"), side("height")).map_or_else(|| Size::read(&path), Ok).map_err(failed)?;
        entries.remove("id");
        entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .for_each(|(key, _)| self.remarks.named("entry of images", key));
        let mut sample = Sample::new(path_name(&path));
        sample.metadata = Some(Metadata { width: Some(size.width), height: Some(size.height), ..Metadata::default() });
        sample.tags.extend(self.tag.clone());
        if self.has_annotations {
            let found = self.labels(image, size, &sample).map_err(failed)?;
            sample.fields.insert(self.field.clone(), labels(LabelKind::Detections, found));
        }
        Ok(sample)
    }

    /// The picture of this name, in the first folder that has it.
    fn picture(&self, name: &str) -> Result<PathBuf> {
        let places = self.folders.iter().map(|folder| folder::inside(folder, name)).collect::<Result<Vec<_>>>()?;
        let found = places.iter().find(|path| path.is_file()).or(places.first());
        found.cloned().ok_or_else(|| Error::invalid(format!("there is no folder for '{name}'")))
    }

    fn labels(&self, image: u32, size: Size, sample: &Sample) -> Result<Vec<Label>> {
        let start = self.annotations.partition_point(|(of, _)| *of < image);
        let of_image = self.annotations[start..].iter().take_while(|(of, _)| *of == image && image != u32::MAX);
        let mut found = Vec::new();
        for (n, (_, span)) in of_image.enumerate() {
            let id = Label::id_at(sample.id, &self.field, n);
            let text = self.file.read(*span)?;
            let Ok(annotation) = serde_json::from_str::<Map<String, Value>>(&text) else {
                self.remarks.add("annotations that are too deep");
                continue;
            };
            let mut label = Label { label: None, ..Label::new(id, "") };
            for (key, value) in annotation {
                self.entry(&mut label, &key, value, size);
            }
            if label.bounding_box.is_none() && !label.points.is_empty() {
                label.bounding_box = label.bounds();
            }
            match label.bounding_box {
                Some(bounding_box) if boxes::takes(bounding_box, &self.remarks) => found.push(label),
                Some(_) => {}
                None => self.remarks.add("annotations without a box"),
            }
        }
        Ok(found)
    }

    fn entry(&self, label: &mut Label, key: &str, value: Value, size: Size) {
        match (key, value) {
            ("id" | "image_id" | "num_keypoints", _) | (_, Value::Null) => {}
            ("category_id", value) => self.category(label, value),
            ("bbox", value) => {
                let numbers = serde_json::from_value::<[f64; 4]>(value).ok();
                label.bounding_box = numbers.map(|pixels| boxes::to_shares(pixels, size.sides()));
            }
            ("segmentation", Value::Array(polygons)) => match outlines(&polygons, size) {
                Some(points) if boxes::takes_outline(&points, &self.remarks) => {
                    (label.closed, label.filled) = (!points.is_empty(), !points.is_empty());
                    label.points = points;
                }
                Some(_) => {}
                None => self.remarks.add("outlines that are no lists of pairs"),
            },
            ("segmentation", _) => self.remarks.add("masks in run-length code"),
            ("keypoints", _) => self.remarks.add("keypoints"),
            ("score", value) => label.confidence = value.as_f64(),
            ("attributes", Value::Object(attributes)) => label.attributes.extend(attributes),
            (key, _) if OF_ANNOTATION.contains(&key) => self.remarks.named("entry of annotations", key),
            (key, value) => drop(label.attributes.insert(key.to_owned(), value)),
        }
    }

    fn category(&self, label: &mut Label, id: Value) {
        let Ok(id) = serde_json::from_value::<Id>(id) else {
            self.remarks.add("annotations without a category");
            return;
        };
        let category = self.categories.get(&id);
        label.label = category.and_then(|category| category.name.clone());
        if label.label.is_none() {
            self.remarks.add("classes without a name (kept as numbers)");
            label.label = Some(id.to_string());
        }
        if let Some(group) =
            category.and_then(|category| category.supercategory.as_ref()).filter(|group| !group.is_empty())
        {
            label.attributes.entry("supercategory").or_insert_with(|| group.clone().into());
        }
    }
}

/// The number of the id that an element has; nothing, if it has none.
fn id_of<'a, T: Deserialize<'a>>(text: &'a str, id: impl Fn(T) -> Id, numbers: &mut Numbers) -> Result<Option<u32>> {
    serde_json::from_str::<T>(text).ok().map(|element| numbers.of(id(element))).transpose()
}

/// Polygons as lists of `x, y, x, y, …` in pixels; nothing, if they are not.
fn outlines(polygons: &[Value], size: Size) -> Option<Vec<Vec<[f64; 2]>>> {
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    let outline = |polygon: &Value| {
        let numbers: Vec<f64> = polygon.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
        let (points, rest) = numbers.as_chunks::<2>();
        rest.is_empty().then(|| points.iter().map(|[x, y]| [x / width, y / height]).collect::<Vec<_>>())
    };
    let outlines: Vec<_> = polygons.iter().map(outline).collect::<Option<_>>()?;
    Some(outlines.into_iter().filter(|outline| !outline.is_empty()).collect())
}
