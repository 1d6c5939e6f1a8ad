//! What a format holds comes back equal from what it wrote; what it does not hold is counted.

use std::collections::BTreeMap;
use std::fs;

use bootcamp_core::{Error, ErrorKind};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vision_search::formats::{Format, Media, ReadOptions, WriteOptions, Written, detect, write};
use vision_search::sample::{Field, Label, LabelKind, Labels, Metadata, ObjectId, Sample};

use super::made::{FIELD, SIZE, made, samples};
use super::{Folder, Read};

/// Writes and reads again: samples by the number that their pictures hold.
fn there_and_back(folder: &Folder, format: Format, samples: &[Sample]) -> (Written, BTreeMap<usize, Sample>) {
    let target = folder.path().join("out");
    let given = samples.iter().cloned().map(Ok);
    let written = write(&target, format, given, &WriteOptions::default()).unwrap();
    let read = Read::of(&target, format);
    assert_eq!(read.skips, Vec::new());
    let number = |sample: &Sample| fs::read_to_string(&sample.filepath).unwrap().parse().unwrap();
    (written, read.samples.into_iter().map(|sample| (number(&sample), sample)).collect())
}

/// What a format holds of a sample.
struct Holds {
    tags: bool,
    values: bool,
    confidence: bool,
    attributes: bool,
}

/// Compares labels by all but ids. Pixels and middles of boxes cost the last digits of numbers.
fn assert_alike(found: &Sample, given: &Sample, holds: &Holds, change: impl Fn(&mut Label)) {
    if holds.tags {
        assert_eq!(found.tags, given.tags);
    }
    let of_values =
        |sample: &Sample| super::values(sample).into_iter().map(|(k, v)| (k.to_owned(), v.clone())).collect();
    let (found_values, given_values): (Map<_, _>, Map<_, _>) = (of_values(found), of_values(given));
    assert_eq!(found_values, if holds.values { given_values } else { Map::new() });
    let (found, given) = (found.labels(FIELD), given.labels(FIELD));
    assert_eq!(found.len(), given.len(), "{found:?} {given:?}");
    for (found, given) in found.iter().zip(given) {
        let (mut found, mut given) = (found.clone(), given.clone());
        given.tags.clear();
        given.confidence = given.confidence.filter(|_| holds.confidence);
        if !holds.attributes {
            given.attributes.clear();
        }
        change(&mut given);
        let numbers = |label: &mut Label| {
            let mut numbers: Vec<f64> = label.bounding_box.take().into_iter().flatten().collect();
            numbers.extend(std::mem::take(&mut label.points).into_iter().flatten().flatten());
            numbers
        };
        let (found_numbers, given_numbers) = (numbers(&mut found), numbers(&mut given));
        assert_eq!(found_numbers.len(), given_numbers.len());
        for (found, given) in found_numbers.iter().zip(&given_numbers) {
            assert!((found - given).abs() < 1e-12, "{found} {given}");
        }
        given.id = found.id;
        assert_eq!(found, given);
    }
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 48, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn fiftyone_dataset(made in proptest::sample::select(vec![
        LabelKind::Classification, LabelKind::Classifications, LabelKind::Detection,
        LabelKind::Detections, LabelKind::Polyline, LabelKind::Polylines,
    ]).prop_flat_map(made)) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (written, found) = there_and_back(&folder, Format::FiftyOneDataset, &given);
        prop_assert_eq!((written.samples, written.remarks.counts().len()), (given.len() as u64, 0));
        for (n, given) in given.into_iter().enumerate() {
            let filepath = found[&n].filepath.clone();
            prop_assert_eq!(&found[&n], &Sample { filepath, ..given });
        }
    }

    #[test]
    fn image_classification(made in prop_oneof![made(LabelKind::Classification), made(LabelKind::Classifications)]) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (_, found) = there_and_back(&folder, Format::FiftyOneImageClassification, &given);
        let holds = Holds { tags: false, values: false, confidence: true, attributes: true };
        for (n, given) in given.iter().enumerate() {
            assert_alike(&found[&n], given, &holds, |_| {});
        }
    }

    #[test]
    fn image_detection(made in made(LabelKind::Detections)) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (_, found) = there_and_back(&folder, Format::FiftyOneImageDetection, &given);
        let holds = Holds { tags: false, values: false, confidence: true, attributes: true };
        for (n, given) in given.iter().enumerate() {
            assert_alike(&found[&n], given, &holds, |_| {});
            prop_assert_eq!(found[&n].fields.contains_key(FIELD), given.fields.contains_key(FIELD));
        }
    }

    #[test]
    fn coco(made in prop_oneof![made(LabelKind::Detections), made(LabelKind::Polylines)]) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (_, found) = there_and_back(&folder, Format::Coco, &given);
        let holds = Holds { tags: false, values: false, confidence: true, attributes: true };
        for (n, given) in given.iter().enumerate() {
            let mut found = found[&n].clone();
            if let Some(Field::Labels(labels)) = found.fields.get_mut(FIELD) {
                for label in &mut labels.labels {
                    // What every annotation of COCO has.
                    prop_assert_eq!(label.attributes.remove("iscrowd"), Some(json!(0)));
                    prop_assert!(label.attributes.remove("area").unwrap().as_f64().unwrap() > 0.0);
                }
            }
            assert_alike(&found, given, &holds, |label| {
                label.bounding_box = label.bounds();
                label.filled = label.closed;
            });
            prop_assert_eq!(found.metadata.as_ref().unwrap().width, Some(SIZE.0));
        }
    }

    #[test]
    fn voc(made in made(LabelKind::Detections)) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (written, found) = there_and_back(&folder, Format::Voc, &given);
        let holds = Holds { tags: false, values: false, confidence: false, attributes: true };
        for (n, given) in given.iter().enumerate() {
            assert_alike(&found[&n], given, &holds, |_| {});
        }
        prop_assert_eq!(written.remarks.count("boxes that were rounded to whole pixels"), 0);
    }

    #[test]
    fn yolov5(made in prop_oneof![made(LabelKind::Detections), made(LabelKind::Polyline)]) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (written, found) = there_and_back(&folder, Format::Yolov5, &given);
        let holds = Holds { tags: false, values: false, confidence: false, attributes: false };
        for (n, given) in given.iter().enumerate() {
            let split = given.tags.iter().find(|tag| ["train", "val"].contains(&tag.as_str()));
            prop_assert_eq!(&found[&n].tags[..], [split.map_or("train", String::as_str)]);
            // An object of several outlines becomes several objects.
            let several = given.labels(FIELD).iter().any(|label| label.points.len() > 1);
            if !several {
                assert_alike(&found[&n], given, &holds, |label| {
                    label.bounding_box = label.bounds();
                    label.filled = label.closed;
                });
            }
            prop_assert_eq!(found[&n].fields.contains_key(FIELD), given.fields.contains_key(FIELD));
        }
        let confidences = given.iter().flat_map(|it| it.labels(FIELD)).filter(|it| it.confidence.is_some()).count();
        prop_assert_eq!(written.remarks.count("confidences"), confidences as u64);
    }

    #[test]
    fn csv(made in prop_oneof![made(LabelKind::Classification), made(LabelKind::Detections)]) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (_, found) = there_and_back(&folder, Format::Csv, &given);
        let holds = Holds { tags: true, values: true, confidence: true, attributes: false };
        for (n, given) in given.iter().enumerate() {
            assert_alike(&found[&n], given, &holds, |_| {});
        }
    }

    #[test]
    fn classification_tree(made in made(LabelKind::Classification)) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (_, found) = there_and_back(&folder, Format::ClassificationTree, &given);
        let holds = Holds { tags: false, values: false, confidence: false, attributes: false };
        for (n, given) in given.iter().enumerate() {
            assert_alike(&found[&n], given, &holds, |_| {});
        }
    }

    #[test]
    fn image_folder(made in made(LabelKind::Detections)) {
        let folder = Folder::new();
        let given = samples(&folder, &made);
        let (written, found) = there_and_back(&folder, Format::ImageFolder, &given);
        prop_assert_eq!((found.len(), written.samples), (given.len(), given.len() as u64));
    }
}

/// A sample with everything in it.
fn rich(folder: &Folder) -> Sample {
    let mut sample = Sample::new(folder.put("rich.png", super::png(100, 50)).to_str().unwrap());
    sample.tags = vec!["val".to_owned(), "odd".to_owned()];
    let id = ObjectId::of(&["x"]);
    let mut swan = Label::detection(id, "swan", [0.101, 0.2, 0.3, 0.4]);
    swan.confidence = Some(0.5);
    swan.tags = vec!["sure".to_owned()];
    swan.points = vec![vec![[0.1, 0.2], [0.2, 0.2], [0.2, 0.4]]];
    swan.attributes.insert("pose".to_owned(), json!("left"));
    let nameless = Label { label: None, ..Label::detection(id, "", [0.1, 0.1, 0.1, 0.1]) };
    let objects = Labels { kind: LabelKind::Detections, labels: vec![swan, nameless, Label::new(id, "nowhere")] };
    let scene = Labels { kind: LabelKind::Classification, labels: vec![Label::new(id, "lake")] };
    sample.fields.insert("objects".to_owned(), Field::Labels(objects));
    sample.fields.insert("scene".to_owned(), Field::Labels(scene));
    sample.fields.insert("weather".to_owned(), Field::Value(json!("fog")));
    sample.vectors.insert("embedding".to_owned(), vec![1.0, 2.0]);
    sample
}

#[test]
fn what_a_format_does_not_hold_is_counted() {
    let common = ["vectors of the field 'embedding' 1"];
    let cases: [(Format, &[&str]); 9] = [
        (Format::FiftyOneDataset, &[]),
        (Format::ImageFolder, &["field 'objects' 1", "field 'scene' 1", "field 'weather' 1", "tags of samples 2"]),
        (Format::ClassificationTree, &["field 'objects' 1", "field 'weather' 1", "tags of samples 2"]),
        (Format::FiftyOneImageClassification, &["field 'objects' 1", "field 'weather' 1", "tags of samples 2"]),
        (
            Format::FiftyOneImageDetection,
            &[
                "field 'scene' 1",
                "field 'weather' 1",
                "labels without a box 1",
                "labels without a class 1",
                "outlines of labels 1",
                "tags of labels 1",
                "tags of samples 2",
            ],
        ),
        (
            Format::Coco,
            &[
                "field 'scene' 1",
                "field 'weather' 1",
                "labels without a box 1",
                "labels without a class 1",
                "open outlines (written as closed ones) 1",
                "tags of labels 1",
                "tags of samples 2",
            ],
        ),
        (
            Format::Voc,
            &[
                "boxes that were rounded to whole pixels 1",
                "confidences 1",
                "field 'scene' 1",
                "field 'weather' 1",
                "labels without a box 1",
                "labels without a class 1",
                "outlines of labels 1",
                "tags of labels 1",
                "tags of samples 2",
            ],
        ),
        (
            Format::Yolov5,
            &[
                "attribute 'pose' 1",
                "confidences 1",
                "field 'scene' 1",
                "field 'weather' 1",
                "labels without a box 1",
                "labels without a class 1",
                "outlines of labels 1",
                "tags of labels 1",
                "tags of samples 1",
            ],
        ),
        (Format::Csv, &["attribute 'pose' 1", "labels without a box 1", "outlines of labels 1", "tags of labels 1"]),
    ];
    for (format, expected) in cases {
        let folder = Folder::new();
        let given = std::iter::once(Ok(rich(&folder)));
        let written = write(&folder.path().join("out"), format, given, &WriteOptions::default()).unwrap();
        let remarks: Vec<String> = written.remarks.counts().iter().map(|(what, n)| format!("{what} {n}")).collect();
        let vectors: &[&str] = if format == Format::FiftyOneDataset { &[] } else { &common };
        let mut expected: Vec<&str> = expected.iter().chain(vectors).copied().collect();
        expected.sort_unstable();
        assert_eq!((written.samples, remarks), (1, expected.iter().map(|it| (*it).to_owned()).collect()), "{format}");
    }
}

#[test]
fn written_datasets_are_recognised() {
    for format in Format::ALL {
        let folder = Folder::new();
        let mut other = rich(&folder);
        other.filepath = folder.put("other/rich.png", super::png(100, 50)).to_str().unwrap().to_owned();
        other.id = ObjectId::of(&["other"]);
        if let Some(Field::Labels(scene)) = other.fields.get_mut("scene") {
            scene.labels[0].label = Some("sea".to_owned());
        }
        let target = folder.path().join("out");
        let given = [Ok(rich(&folder)), Ok(other)].into_iter();
        assert_eq!(write(&target, format, given, &WriteOptions::default()).unwrap().samples, 2);
        assert_eq!(detect(&target).unwrap(), format);
        assert_eq!(format.name().parse::<Format>().unwrap(), format);
        assert_eq!(Read::of(&target, format).samples.len(), 2, "{format}");
    }
    let error = "cocoo".parse::<Format>().unwrap_err();
    assert!(error.hint().unwrap().contains("coco, voc"), "{error}");
}

#[test]
fn pictures_are_copied_linked_or_left() {
    for (media, is_link) in [(Media::Copy, false), (Media::Symlink, true)] {
        let folder = Folder::new();
        let target = folder.path().join("out");
        let options = WriteOptions { media, ..WriteOptions::default() };
        write(&target, Format::Coco, std::iter::once(Ok(rich(&folder))), &options).unwrap();
        let picture = target.join("data/rich.png");
        assert_eq!((picture.is_symlink(), picture.is_file()), (is_link, true));
        assert_eq!(Read::of(&target, Format::Coco).samples.len(), 1);
    }
    let options = WriteOptions { media: Media::Leave, ..WriteOptions::default() };
    for format in Format::ALL {
        let folder = Folder::new();
        let (sample, target) = (rich(&folder), folder.path().join("out"));
        let written = write(&target, format, std::iter::once(Ok(sample.clone())), &options);
        if matches!(format, Format::ImageFolder | Format::ClassificationTree | Format::Yolov5) {
            let error = written.unwrap_err();
            assert!(error.hint().is_some() && !target.exists(), "{error}");
            continue;
        }
        assert_eq!(written.unwrap().samples, 1);
        // The files of labels alone, and the pictures where they were.
        let options = ReadOptions { media: Some(folder.path().to_owned()), ..ReadOptions::default() };
        let read = Read::with(&target, format, &options);
        assert_eq!(read.samples.len(), 1, "{format}: {read:?}");
        assert_eq!(read.samples[0].filepath, sample.filepath);
    }
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let folder = Folder::new();
    let target = folder.path().join("out");
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let sample = rich(&folder);
    let before = names();
    let given = || [Ok(sample.clone()), Err(Error::new(ErrorKind::Corrupt, "a sample is damaged"))].into_iter();
    for format in Format::ALL {
        let error = write(&target, format, given(), &WriteOptions::default()).unwrap_err();
        assert_eq!((error.kind(), names()), (ErrorKind::Corrupt, before), "{format}");
    }
    let options = WriteOptions { label_field: Some("scenes".to_owned()), ..WriteOptions::default() };
    let error = write(&target, Format::ClassificationTree, std::iter::once(Ok(sample.clone())), &options).unwrap_err();
    assert!(error.to_string().contains("'scenes'") && names() == before, "{error}");

    folder.put("out/mine.txt", "x");
    let error = write(&target, Format::Coco, std::iter::once(Ok(sample)), &WriteOptions::default()).unwrap_err();
    assert_eq!((error.kind(), fs::read_dir(&target).unwrap().count()), (ErrorKind::AlreadyExists, 1));
}

#[test]
fn pictures_that_are_gone_are_counted() {
    for format in Format::ALL {
        let folder = Folder::new();
        let mut gone = rich(&folder);
        fs::remove_file(&gone.filepath).unwrap();
        gone.metadata = Some(Metadata { width: Some(7), height: Some(7), ..Metadata::default() });
        let written =
            write(&folder.path().join("out"), format, std::iter::once(Ok(gone)), &WriteOptions::default()).unwrap();
        assert_eq!(written.samples, 0);
        let remarks: Vec<_> = written.remarks.counts().into_iter().collect();
        assert_eq!(remarks, [("samples whose pictures are not there".to_owned(), 1)], "{format}");
    }
}

#[test]
fn pictures_turned_by_their_header_have_their_shown_size() {
    // A JPEG of 20 x 10 with EXIF's orientation 6: shown 10 x 20.
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(20, 10).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.splice(0..0, jpeg[..2].iter().copied());
    exif.extend(&jpeg[2..]);
    let folder = Folder::new();
    let mut sample = Sample::new(folder.put("a.jpg", exif).to_str().unwrap());
    let labels = vec![Label::detection(ObjectId::of(&[]), "x", [0.5, 0.5, 0.5, 0.5])];
    sample.fields.insert(FIELD.to_owned(), Field::Labels(Labels { kind: LabelKind::Detections, labels }));
    let target = folder.path().join("out");
    write(&target, Format::Coco, std::iter::once(Ok(sample)), &WriteOptions::default()).unwrap();
    let coco: Value = serde_json::from_str(&fs::read_to_string(target.join("labels.json")).unwrap()).unwrap();
    assert_eq!(coco["images"][0]["height"], 20);
    assert_eq!(coco["annotations"][0]["bbox"], json!([5.0, 10.0, 5.0, 10.0]));
}
