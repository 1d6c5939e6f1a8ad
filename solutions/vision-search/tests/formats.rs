//! Formats of datasets: what one writes comes back, files as other programs write them are read, and broken ones do no
//! harm.

mod fiftyone;
mod foreign;
mod made;
mod malformed;
mod round_trips;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bootcamp_kit::source::Skip;
use vision_search::formats::{Format, ReadOptions, Remarks, read};
use vision_search::sample::{Field, Sample};

/// A folder of files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with these files.
    fn of(files: &[(&str, &[u8])]) -> Self {
        let folder = Self::new();
        for (name, content) in files {
            folder.put(name, content);
        }
        folder
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A PNG of this size; black.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// JSON as a file has it.
fn text(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// All of a dataset.
#[derive(Debug)]
struct Read {
    samples: Vec<Sample>,
    skips: Vec<Skip>,
    remarks: Remarks,
}

impl Read {
    fn of(path: &Path, format: Format) -> Self {
        Self::with(path, format, &ReadOptions::default())
    }

    fn with(path: &Path, format: Format, options: &ReadOptions) -> Self {
        let mut found = read(path, format, options).unwrap();
        let (mut samples, mut skips) = (Vec::new(), Vec::new());
        for sample in &mut found {
            sample.map_or_else(|skip| skips.push(skip), |sample| samples.push(sample));
        }
        Self { samples, skips, remarks: found.remarks() }
    }

    /// The sample of the picture of this name.
    fn sample(&self, name: &str) -> &Sample {
        self.samples.iter().find(|sample| sample.filepath.ends_with(&format!("/{name}"))).unwrap_or_else(|| {
            panic!("no sample of {name} in {self:#?}");
        })
    }

    /// Remarks as pairs.
    fn remarked(&self) -> Vec<(String, u64)> {
        self.remarks.counts().into_iter().collect()
    }
}

/// The class, confidence and box of each label of a field.
type Shown = Vec<(Option<String>, Option<f64>, Option<[f64; 4]>)>;

fn shown(sample: &Sample, field: &str) -> Shown {
    let labels = sample.labels(field).iter();
    labels.map(|label| (label.label.clone(), label.confidence, label.bounding_box)).collect()
}

/// The values of a sample's fields.
fn values(sample: &Sample) -> BTreeMap<&str, &serde_json::Value> {
    let mut values = BTreeMap::new();
    for (name, field) in &sample.fields {
        if let Field::Value(value) = field {
            values.insert(name.as_str(), value);
        }
    }
    values
}
