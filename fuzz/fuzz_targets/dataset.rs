//! Feeds the readers of datasets whatever libFuzzer finds: files of labels come from strangers, and name other files.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use vision_search::formats::{Format, ReadOptions, read};

/// A dataset that lacks only its labels.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("metadata.json", "{}"), ("data/a.jpg", "x"), ("images/train/a.jpg", "x"), ("labels/x", "")]
    {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
});

fuzz_target!(|data: &[u8]| {
    for (format, name) in [
        (Format::FiftyOneDataset, "samples.json"),
        (Format::FiftyOneImageClassification, "labels.json"),
        (Format::FiftyOneImageDetection, "labels.json"),
        (Format::Coco, "labels.json"),
        (Format::Voc, "labels/a.xml"),
        (Format::Yolov5, "dataset.yaml"),
        (Format::Csv, "labels.csv"),
    ] {
        let folder = FOLDER.path();
        std::fs::write(folder.join(name), data).unwrap();
        let Ok(samples) = read(folder, format, &ReadOptions::default()) else { continue };
        for sample in samples.flatten() {
            let may_lead_out = matches!(format, Format::FiftyOneDataset | Format::Csv);
            assert!(may_lead_out || Path::new(&sample.filepath).starts_with(folder), "{sample:?}");
            for field in sample.fields.keys() {
                for label in sample.labels(field) {
                    assert!(label.bounds().iter().flatten().all(|number| number.is_finite()), "{label:?}");
                }
            }
        }
    }
});
