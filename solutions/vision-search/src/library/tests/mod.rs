//! What the library promises, in four parts: the same answers as a model in memory, errors that say what is wrong, several
//! programs at once, and how long a million samples take.

mod model;
mod property;
mod refusing;
mod scale;
mod sharing;
mod workflow;

use serde_json::Value;
use tempfile::TempDir;

use super::{Dataset, Library};
use crate::sample::{Field, Label, LabelKind, Labels, Sample};

/// A new library with one dataset.
fn birds() -> (TempDir, Library, Dataset) {
    let home = tempfile::tempdir().unwrap();
    let library = Library::open(home.path());
    let dataset = library.create("birds").unwrap();
    (home, library, dataset)
}

/// A sample with a value, and a box of each class.
fn sample(path: &str, weather: Option<Value>, classes: &[&str]) -> Sample {
    let mut sample = Sample::new(path);
    let label = |(at, class): (usize, &&str)| {
        Label::detection(Label::id_at(sample.id, "objects", at), *class, [0.25, 0.25, 0.5, 0.5])
    };
    let labels = classes.iter().enumerate().map(label).collect();
    sample.fields.insert("objects".to_owned(), Field::Labels(Labels { kind: LabelKind::Detections, labels }));
    if let Some(weather) = weather {
        sample.fields.insert("weather".to_owned(), Field::Value(weather));
    }
    sample
}
