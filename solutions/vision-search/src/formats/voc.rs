//! Pascal VOC: for each picture an XML file of its objects, with boxes in whole pixels.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use bootcamp_kit::source::Skip;
use bootcamp_kit::{named_path, path_name};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Number, Value};

use super::export::{Export, Holds, Unique};
use super::folder::{Pictures, stem};
use super::size::Size;
use super::{Format, Found, Reading, Remarks, boxes, folder, labels, lacks};
use crate::sample::{Label, LabelKind, Labels, Metadata, Sample};

/// Folders of pictures and of labels: as FiftyOne has them, and as the challenge had them.
pub(super) const FOLDERS: [(&str, &str); 2] = [("data", "labels"), ("JPEGImages", "Annotations")];
/// Elements of the largest file that is read.
const MAX_NODES: u32 = 1_000_000;

/// The entries of a whole file that say nothing of its objects.
const OF_FILE: [&str; 7] = ["folder", "filename", "path", "source", "size", "segmented", "owner"];

pub(super) fn read(reading: &Reading) -> Result<Found> {
    let places = FOLDERS.iter().find(|(_, labels)| reading.root.join(labels).is_dir());
    let (data, labels) = places.ok_or_else(|| lacks(Format::Voc, &reading.root, "folder 'labels' or 'Annotations'"))?;
    let mut pictures = Pictures::look(reading.media(data), &reading.remarks)?;
    let labels = reading.root.join(labels);
    let mut skipped = pictures.take_skipped();
    let mut files = Vec::new();
    for found in folder::files(&labels) {
        match found {
            Ok(path) if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) => {
                files.push(path)
            }
            Ok(_) => reading.remarks.add("files of labels that are no XML"),
            Err(skip) => skipped.push(skip),
        }
    }
    let rest = pictures.paths().collect::<Vec<_>>().into_iter();
    let (field, remarks) = (reading.field(), reading.remarks.clone());
    let reader = Reader { labels, pictures, files: files.into_iter(), rest, used: HashSet::new(), field, remarks };
    Ok(Box::new(skipped.into_iter().map(Err).chain(reader)))
}

/// Pictures with labels, then those without.
struct Reader {
    labels: PathBuf,
    pictures: Pictures,
    files: std::vec::IntoIter<PathBuf>,
    rest: std::vec::IntoIter<PathBuf>,
    used: HashSet<PathBuf>,
    field: String,
    remarks: Remarks,
}

impl Iterator for Reader {
    type Item = Result<Sample, Skip>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(file) = self.files.next() {
            return Some(self.labelled(&file).map_err(|error| Skip::new(path_name(&file), &error)));
        }
        let unlabelled = self.rest.by_ref().find(|picture| !self.used.contains(picture))?;
        Some(Ok(Sample::new(path_name(&unlabelled))))
    }
}

impl Reader {
    fn labelled(&mut self, file: &Path) -> Result<Sample> {
        let text = folder::text(file)?;
        let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&text, options)
            .map_err(|error| Error::invalid(format!("it is no XML: {error}")))?;
        let annotation = document.root_element();
        if !annotation.has_tag_name("annotation") {
            return Err(Error::invalid(format!("its element is '{}', not 'annotation'", annotation.tag_name().name())));
        }
        let path = self.picture(file, annotation)?;
        self.used.insert(path.clone());
        let size = match stated_size(annotation) {
            Some(size) => size,
            None => Size::read(&path)?,
        };
        let mut sample = Sample::new(path_name(&path));
        sample.metadata = Some(Metadata {
            width: Some(size.width),
            height: Some(size.height),
            num_channels: size.channels,
            ..Metadata::default()
        });
        let mut found = Vec::new();
        for node in annotation.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "object" => {
                    let id = Label::id_at(sample.id, &self.field, found.len());
                    found.extend(self.object(node, Label { label: None, ..Label::new(id, "") }, size));
                }
                name if OF_FILE.contains(&name) => {}
                name => self.remarks.named("entry of annotations", name),
            }
        }
        sample.fields.insert(self.field.clone(), labels(LabelKind::Detections, found));
        Ok(sample)
    }

    /// The picture of a file of labels: of the same name, or else the one that it names.
    fn picture(&self, file: &Path, annotation: Node<'_, '_>) -> Result<PathBuf> {
        let own = path_name(file.strip_prefix(&self.labels).unwrap_or(file));
        let found = self.pictures.find(stem(&own));
        match (found, text_of(annotation, "filename")) {
            (Err(_), Some(name)) if !name.is_empty() => self.pictures.find(name),
            (found, _) => found,
        }
    }

    fn object(&self, object: Node<'_, '_>, mut label: Label, size: Size) -> Option<Label> {
        for node in object.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "name" => label.label = Some(text(node).to_owned()).filter(|class| !class.is_empty()),
                "bndbox" => label.bounding_box = corners(node).map(|pixels| boxes::to_shares(pixels, size.sides())),
                // As CVAT writes them.
                "attributes" => {
                    for attribute in node.children().filter(|node| node.has_tag_name("attribute")) {
                        if let (Some(name), Some(value)) = (text_of(attribute, "name"), text_of(attribute, "value")) {
                            value_of(value)
                                .into_iter()
                                .for_each(|it| drop(label.attributes.insert(name.to_owned(), it)));
                        }
                    }
                }
                name if node.children().any(|child| child.is_element()) => {
                    self.remarks.named("entry of objects", name);
                }
                name => {
                    value_of(text(node)).into_iter().for_each(|it| drop(label.attributes.insert(name.to_owned(), it)))
                }
            }
        }
        let Some(bounding_box) = label.bounding_box else {
            self.remarks.add("objects without a box");
            return None;
        };
        boxes::takes(bounding_box, &self.remarks).then_some(label)
    }
}

fn stated_size(annotation: Node<'_, '_>) -> Option<Size> {
    let size = annotation.children().find(|node| node.has_tag_name("size"))?;
    let side = |name: &str| text_of(size, name)?.parse().ok();
    let channels = text_of(size, "depth").and_then(|depth| depth.parse().ok()).filter(|depth| *depth > 0);
    Some(Size { channels, ..Size::known(side("width"), side("height"))? })
}

/// `x, y, width, height` in pixels.
fn corners(node: Node<'_, '_>) -> Option<[f64; 4]> {
    let side = |name: &str| text_of(node, name)?.parse::<f64>().ok();
    let (left, top) = (side("xmin")?, side("ymin")?);
    Some([left, top, side("xmax")? - left, side("ymax")? - top])
}

fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.children().find(|child| child.has_tag_name(name)).map(text)
}

/// A number, a truth value or a text; nothing for an empty one.
fn value_of(text: &str) -> Option<Value> {
    match text {
        "" | "None" => return None,
        "true" | "True" => return Some(true.into()),
        "false" | "False" => return Some(false.into()),
        _ => {}
    }
    let whole = text.parse::<i64>().ok().map(Value::from);
    let number = || text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
    Some(whole.or_else(number).unwrap_or_else(|| text.into()))
}

pub(super) struct Voc;

impl super::Writer for Voc {
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()> {
        let Some(size) = export.size(sample) else { return Ok(()) };
        let (data, folder) = FOLDERS[0];
        let Some(name) = export.picture(sample, data, Unique::Stem)? else { return Ok(()) };
        let found = export.labels(sample, &[LabelKind::Detection, LabelKind::Detections], |_, _| false);
        export.leave_tags(sample);
        let Some(found) = found else { return Ok(()) };
        // A file name without what XML does not hold is found by its own name.
        let filename = if is_xml(&name) { name.as_str() } else { "" };
        let mut xml =
            format!("<annotation>\n  <folder>{data}</folder>\n  <filename>{}</filename>\n", escaped(filename));
        let depth = size.channels.or_else(|| Size::read(&named_path(&sample.filepath)).ok()?.channels).unwrap_or(3);
        let (width, height) = size.sides();
        xml += &format!("  <size><width>{width}</width><height>{height}</height><depth>{depth}</depth></size>\n");
        xml += "  <segmented>0</segmented>\n";
        objects(&mut xml, found, size, export);
        xml += "</annotation>\n";
        export.write(&format!("{folder}/{}.xml", stem(&name)), &xml)
    }

    fn finish(self: Box<Self>, export: &mut Export) -> Result<()> {
        let (data, folder) = FOLDERS[0];
        export.folder(data)?;
        export.folder(folder)
    }
}

fn objects(xml: &mut String, labels: &Labels, size: Size, export: &Export) {
    let holds = Holds { attributes: true, bounding_box: true, ..Holds::default() };
    for label in &labels.labels {
        let Some(class) = export.class(label) else { continue };
        let Some(bounding_box) = boxes::written(label, &export.remarks) else { continue };
        if !is_xml(class) || class.trim() != class || class.is_empty() {
            export.remarks.add("labels whose class XML does not hold");
            continue;
        }
        export.leave_of_label(label, holds);
        let pixels = boxes::to_pixels(bounding_box, size.sides());
        let [left, top, right, bottom] = whole_pixels(pixels);
        let exact = [pixels[0], pixels[1], pixels[0] + pixels[2], pixels[1] + pixels[3]];
        if exact.iter().zip([left, top, right, bottom]).any(|(exact, whole)| (exact - whole).abs() > 1e-6) {
            export.remarks.add("boxes that were rounded to whole pixels");
        }
        *xml += &format!("  <object>\n    <name>{}</name>\n", escaped(class));
        for (name, value) in &label.attributes {
            attribute(xml, name, value, &export.remarks);
        }
        *xml += &format!("    <bndbox><xmin>{left}</xmin><ymin>{top}</ymin>");
        *xml += &format!("<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>\n  </object>\n");
    }
}

/// The corners of a box, rounded; a box does not lose its size by it.
fn whole_pixels([x, y, width, height]: [f64; 4]) -> [f64; 4] {
    let (left, top) = (x.round(), y.round());
    [left, top, (x + width).round().max(left + 1.0), (y + height).round().max(top + 1.0)]
}

fn attribute(xml: &mut String, name: &str, value: &Value, remarks: &Remarks) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null => return,
        Value::Array(_) | Value::Object(_) => return remarks.named("attribute", name),
    };
    let is_taken = matches!(name, "name" | "bndbox" | "attributes");
    if is_taken || !is_name(name) || !is_xml(&text) || value_of(text.trim()).as_ref() != Some(value) {
        return remarks.named("attribute", name);
    }
    // Writing to memory does not fail.
    let _ = writeln!(xml, "    <{name}>{}</{name}>", escaped(&text));
}

/// Whether an element may be called so.
fn is_name(name: &str) -> bool {
    let is_first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(is_first) && name.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it))
}

/// Whether XML can hold a text at all: it has no control characters. A carriage return would come back as a newline.
fn is_xml(text: &str) -> bool {
    text.chars().all(|letter| !matches!(letter, '\0'..='\x08' | '\x0b'..='\x1f' | '\u{fffe}' | '\u{ffff}'))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
