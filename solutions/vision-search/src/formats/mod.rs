//! Datasets as other programs keep them: nine formats, read one sample at a time and written whole or not at all.
//!
//! [`read`] gives samples and goes on after a bad one; what a dataset has besides is counted in its [`Remarks`].
//! [`write()`] says in the same way what a format cannot hold.

mod boxes;
mod classification_tree;
mod coco;
mod detect;
mod export;
mod fiftyone;
mod folder;
mod image_folder;
mod json;
mod labels_json;
mod remarks;
mod size;
mod table;
mod voc;
mod yolo;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bootcamp_core::{Error, ErrorKind, Result};
use bootcamp_kit::named_path;
use bootcamp_kit::source::Skip;
use serde::Serialize;

use crate::sample::{LabelKind, Labels, ObjectId, Sample};
use export::Export;

pub use detect::detect;
pub use remarks::Remarks;

/// The field that gets the labels of a format which does not name fields.
pub const LABEL_FIELD: &str = "ground_truth";

/// How a dataset lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Pictures in folders, without labels.
    ImageFolder,
    /// `<class>/<picture>`; what lies in `_unlabeled` has no class. Nested folders are classes with a `/`.
    ClassificationTree,
    /// FiftyOne's `data/` and `labels.json` of classes.
    FiftyOneImageClassification,
    /// FiftyOne's `data/` and `labels.json` of boxes.
    FiftyOneImageDetection,
    /// FiftyOne's `metadata.json`, `samples.json` and `data/`, which keep all there is of a sample.
    FiftyOneDataset,
    /// COCO's object detection: `labels.json` and `data/`, or `annotations/*.json` and folders of pictures.
    Coco,
    /// Pascal VOC: an XML file for each picture.
    Voc,
    /// YOLOv5: `dataset.yaml`, `images/<split>` and `labels/<split>`.
    Yolov5,
    /// A table, with a row for each picture or each box. `filepath` is an absolute path, or one in the folder `data`
    /// beside it; `tags` are separated by commas; `label` and `confidence` are a class, and `kind.label` and
    /// `kind.confidence` one of the field `kind`; `x`, `y`, `width` and `height` are a box in shares of the picture. All
    /// other columns are fields of numbers, texts, truth values, or lists in JSON.
    Csv,
}

impl Format {
    pub const ALL: [Self; 9] = [
        Self::ImageFolder,
        Self::ClassificationTree,
        Self::FiftyOneImageClassification,
        Self::FiftyOneImageDetection,
        Self::FiftyOneDataset,
        Self::Coco,
        Self::Voc,
        Self::Yolov5,
        Self::Csv,
    ];

    /// `fiftyone-dataset`, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageFolder => "image-folder",
            Self::ClassificationTree => "classification-tree",
            Self::FiftyOneImageClassification => "fiftyone-image-classification",
            Self::FiftyOneImageDetection => "fiftyone-image-detection",
            Self::FiftyOneDataset => "fiftyone-dataset",
            Self::Coco => "coco",
            Self::Voc => "voc",
            Self::Yolov5 => "yolov5",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            let names: Vec<&str> = Self::ALL.iter().map(|format| format.name()).collect();
            Error::invalid(format!("'{shown}' is not a format of datasets"))
                .with_hint(format!("choose one of {}", names.join(", ")))
        })
    }
}

/// How to read a dataset.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The field that gets the labels: [`LABEL_FIELD`], if left out. A FiftyOne dataset names its fields itself.
    pub label_field: Option<String>,
    /// Tags that every sample gets, besides its own.
    pub tags: Vec<String>,
    /// The folder that relative names of pictures start from, where it is not the dataset's own.
    pub media: Option<PathBuf>,
    /// Whether to take samples whose pictures are not there, as of a dataset whose pictures have moved.
    pub keep_missing: bool,
}

/// The samples of a dataset, one at a time; what cannot be taken is a [`Skip`], after which reading goes on.
pub struct Samples {
    found: Found,
    remarks: Remarks,
    tags: Vec<String>,
    keep_missing: bool,
    seen: HashSet<ObjectId>,
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").field("remarks", &self.remarks).finish_non_exhaustive()
    }
}

impl Samples {
    /// What was met besides samples so far: parts of them that were left out, or are odd and were kept.
    pub fn remarks(&self) -> Remarks {
        self.remarks.clone()
    }

    fn check(&mut self, mut sample: Sample) -> Result<Sample, Skip> {
        if !self.keep_missing && !named_path(&sample.filepath).is_file() {
            return Err(skip(&sample.filepath, "there is no such picture"));
        }
        if !self.seen.insert(sample.id) {
            return Err(skip(&sample.filepath, "the dataset has this sample twice; the first was taken"));
        }
        for tag in &self.tags {
            if !sample.tags.contains(tag) {
                sample.tags.push(tag.clone());
            }
        }
        Ok(sample)
    }
}

impl Iterator for Samples {
    type Item = Result<Sample, Skip>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.found.next()?;
        Some(found.and_then(|sample| self.check(sample)))
    }
}

/// What a format's reader finds.
type Found = Box<dyn Iterator<Item = Result<Sample, Skip>> + Send>;

/// A dataset that is being read.
struct Reading {
    /// Its folder or file, absolute.
    root: PathBuf,
    options: ReadOptions,
    remarks: Remarks,
}

impl Reading {
    /// The field of the labels.
    fn field(&self) -> String {
        self.options.label_field.clone().unwrap_or_else(|| LABEL_FIELD.to_owned())
    }

    /// Where pictures lie: in the folder of the options, or in this one of the dataset's.
    fn media(&self, folder: &str) -> PathBuf {
        self.options.media.clone().unwrap_or_else(|| self.root.join(folder))
    }
}

/// Reads a dataset. Whether it is whole is known before the first sample: a file that is cut off is an error here.
///
/// A picture has the same id at every import, given by its path; a FiftyOne dataset keeps its own ids.
///
/// # Errors
/// `NotFound` for what is not there, and `InvalidInput` for what is not this format, naming the file and place.
pub fn read(path: &Path, format: Format, options: &ReadOptions) -> Result<Samples> {
    let root = folder::absolute(path)?;
    let mut options = options.clone();
    options.media = options.media.as_deref().map(folder::absolute).transpose()?;
    let remarks = Remarks::default();
    let (tags, keep_missing) = (options.tags.clone(), options.keep_missing);
    let reading = Reading { root, options, remarks: remarks.clone() };
    let found = match format {
        Format::ImageFolder => image_folder::read(&reading),
        Format::ClassificationTree => classification_tree::read(&reading),
        Format::FiftyOneImageClassification => labels_json::read(&reading, labels_json::Task::Classification),
        Format::FiftyOneImageDetection => labels_json::read(&reading, labels_json::Task::Detection),
        Format::FiftyOneDataset => fiftyone::read(&reading),
        Format::Coco => coco::read(&reading),
        Format::Voc => voc::read(&reading),
        Format::Yolov5 => yolo::read(&reading),
        Format::Csv => table::read(&reading),
    }?;
    Ok(Samples { found, remarks, tags, keep_missing, seen: HashSet::new() })
}

/// Width and height of a picture as it is shown, turned upright, by the file's header.
///
/// # Errors
/// `NotFound` or `Io` when it cannot be read, `InvalidInput` when it is no picture.
pub fn picture_size(path: &Path) -> Result<(u32, u32)> {
    size::Size::read(path).map(size::Size::sides)
}

/// What becomes of the pictures of a dataset that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    #[default]
    Copy,
    /// Links to where they are.
    Symlink,
    /// They stay where they are. A FiftyOne dataset and a table name their paths; of other formats only the labels are
    /// written, to be read with [`ReadOptions::media`].
    Leave,
}

/// How to write a dataset.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// The field of the labels, for formats that hold one. If left out, the first that fits: [`LABEL_FIELD`], or the
    /// first by name.
    pub label_field: Option<String>,
    pub media: Media,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    pub samples: u64,
    /// What the format could not hold, and how often.
    pub remarks: Remarks,
}

/// What writes a format.
trait Writer {
    /// Adds a sample.
    fn add(&mut self, sample: &Sample, export: &mut Export) -> Result<()>;

    /// Writes what is known at the end only.
    fn finish(self: Box<Self>, export: &mut Export) -> Result<()>;
}

/// Writes a dataset. All appears at once: until the end it lies in a hidden folder beside, which is removed on errors.
///
/// # Errors
/// `AlreadyExists` for a target that is not empty, `InvalidInput` when no sample has the field that was asked for, the
/// first error of the samples, and those of the file system.
pub fn write(
    path: &Path,
    format: Format,
    samples: impl Iterator<Item = Result<Sample>>,
    options: &WriteOptions,
) -> Result<Written> {
    let is_of_folders = matches!(format, Format::ImageFolder | Format::ClassificationTree | Format::Yolov5);
    if options.media == Media::Leave && is_of_folders {
        return Err(Error::invalid(format!("a dataset of format {format} is nothing without its pictures"))
            .with_hint("copy them, or link to them"));
    }
    let mut export = Export::begin(path, options)?;
    let mut writer: Box<dyn Writer> = match format {
        Format::ImageFolder => Box::new(image_folder::ImageFolder),
        Format::ClassificationTree => Box::new(classification_tree::ClassificationTree),
        Format::FiftyOneImageClassification => {
            Box::new(labels_json::LabelsJson::begin(&export, labels_json::Task::Classification)?)
        }
        Format::FiftyOneImageDetection => {
            Box::new(labels_json::LabelsJson::begin(&export, labels_json::Task::Detection)?)
        }
        Format::FiftyOneDataset => Box::new(fiftyone::FiftyOneDataset::begin(&export)?),
        Format::Coco => Box::new(coco::Coco::begin(&export)?),
        Format::Voc => Box::new(voc::Voc),
        Format::Yolov5 => Box::new(yolo::Yolo::default()),
        Format::Csv => Box::new(table::Table::begin(&export)?),
    };
    for sample in samples {
        writer.add(&sample?, &mut export)?;
    }
    writer.finish(&mut export)?;
    export.commit()
}

/// Something that is not taken, and why.
fn skip(source: impl Into<String>, reason: impl Into<String>) -> Skip {
    Skip { source: source.into(), reason: reason.into() }
}

/// A dataset lacks a file that makes its format.
fn lacks(format: Format, path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{} is no dataset of format {format}: it has no {what}", path.display()))
        .with_hint("check the path, or name another format")
}

/// Labels of one kind.
fn labels(kind: LabelKind, labels: Vec<crate::sample::Label>) -> crate::sample::Field {
    crate::sample::Field::Labels(Labels { kind, labels })
}
