//! Files that are broken, or made to do harm: an error or skips with reasons, never a panic.

use std::os::unix::fs::symlink;

use bootcamp_core::ErrorKind;
use proptest::prelude::*;
use vision_search::formats::{Format, ReadOptions, detect, read};

use super::{Folder, Read};

/// The files of labels of each format, which are read as a whole.
const FILES: [(Format, &[&str]); 7] = [
    (Format::FiftyOneImageClassification, &["labels.json"]),
    (Format::FiftyOneImageDetection, &["labels.json"]),
    (Format::FiftyOneDataset, &["samples.json", "metadata.json"]),
    (Format::Coco, &["labels.json"]),
    (Format::Voc, &["labels/a.xml"]),
    (Format::Yolov5, &["dataset.yaml", "labels/train/a.txt"]),
    (Format::Csv, &["labels.csv"]),
];

#[test]
fn what_is_not_there_is_named() {
    let empty = Folder::new();
    for (format, files) in FILES {
        let error = read(empty.path(), format, &ReadOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{format}");
        assert!(error.to_string().contains(format.name()) && error.hint().is_some(), "{error} ({files:?})");
    }
    for format in Format::ALL {
        let error = read(&empty.path().join("gone"), format, &ReadOptions::default()).unwrap_err();
        assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("gone"), "{error}");
    }
    let file = empty.put("file.txt", "x");
    for format in [Format::ImageFolder, Format::ClassificationTree, Format::FiftyOneDataset, Format::Voc] {
        assert!(read(&file, format, &ReadOptions::default()).is_err(), "{format}");
    }
}

#[test]
fn broken_files_are_errors() {
    let cut = br#"{"samples": [{"_id": {"$oid": "6b0a202651a1cfc03320ebb3"}, "filepath": "a.jpg"}"#;
    let deep = format!("{{\"labels\": {}", "[".repeat(1_000_000));
    let cases: [(Format, &str, &[u8]); 12] = [
        (Format::FiftyOneDataset, "samples.json", cut),
        (Format::FiftyOneDataset, "samples.json", b"{\"samples\": 7}"),
        (Format::FiftyOneDataset, "metadata.json", b"[]"),
        (Format::FiftyOneImageDetection, "labels.json", b"{\"labels\": [1]}"),
        (Format::FiftyOneImageDetection, "labels.json", b"{\"labels\": {\"a\": NaN}}"),
        (Format::FiftyOneImageClassification, "labels.json", deep.as_bytes()),
        (Format::Coco, "labels.json", b"{\"images\": [{\"id\": 1}"),
        (Format::Coco, "labels.json", b"\xff\xfe{\x00}\x00"),
        (Format::Yolov5, "dataset.yaml", b"a: [\n"),
        (Format::Yolov5, "dataset.yaml", b"names: [cat]\n"),
        (Format::Csv, "labels.csv", b"name,label\na,b\n"),
        (Format::Csv, "labels.csv", b""),
    ];
    for (format, name, content) in cases {
        let folder = Folder::of(&[("metadata.json", b"{}"), ("samples.json", b"{}"), ("data/a.jpg", b"x")]);
        let path = folder.put(name, content);
        let error = read(folder.path(), format, &ReadOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()) && error.hint().is_some(), "{error}");
    }
}

#[test]
fn deep_and_huge_elements_spoil_only_themselves() {
    let deep = "[".repeat(500) + &"]".repeat(500);
    let sample = |n: u32, extra: &str| {
        format!(r#"{{"_id": {{"$oid": "6b0a202651a1cfc0332000{n:02}"}}, "filepath": "data/{n}.jpg"{extra}}}"#)
    };
    let samples = [
        sample(1, &format!(r#", "deep": {deep}"#)),
        sample(2, r#", "huge": 1e999"#),
        sample(3, r#", "big": 123456789012345678901234567890, "bad": {"$oid": "x"}, "t": "\ud800""#),
        sample(4, r#", "big": 123456789012345678901234567890, "bad": {"$oid": "x"}, "odd": {"$binary": 7}"#),
    ];
    let samples = format!(r#"{{"samples": [{}]}}"#, samples.join(","));
    let folder = Folder::of(&[("metadata.json", b"{}"), ("samples.json", samples.as_bytes())]);
    (1..=4).for_each(|n| drop(folder.put(&format!("data/{n}.jpg"), "x")));
    let found = Read::of(folder.path(), Format::FiftyOneDataset);
    assert_eq!((found.samples.len(), found.skips.len()), (1, 3), "{found:#?}");
    assert!(found.skips[0].reason.contains("recursion limit"), "{:?}", found.skips[0]);
    assert!(found.skips[1].reason.contains("out of range"), "{:?}", found.skips[1]);
    assert_eq!(super::values(&found.samples[0])["big"].as_f64(), Some(123456789012345678901234567890.0));
    let expected = ["what is no extended JSON in the field 'bad'", "what is no extended JSON in the field 'odd'"];
    assert_eq!(found.remarked(), expected.map(|what| (what.to_owned(), 1)));
}

#[test]
fn links_in_circles_end() {
    let folder = Folder::of(&[("cat/a.jpg", b"x"), ("dog/b.jpg", b"x")]);
    symlink(folder.path(), folder.path().join("cat/up")).unwrap();
    symlink("self", folder.path().join("self")).unwrap();
    for format in [Format::ImageFolder, Format::ClassificationTree] {
        let found = Read::of(folder.path(), format);
        assert_eq!((found.samples.len(), found.skips.len()), (2, 1), "{found:#?}");
    }
}

#[test]
fn deep_xml_and_yaml_do_no_harm() {
    let xml = format!("<annotation>{}{}</annotation>", "<a>".repeat(50_000), "</a>".repeat(50_000));
    let folder = Folder::of(&[("labels/a.xml", xml.as_bytes()), ("data/a.png", &super::png(1, 1))]);
    let found = Read::of(folder.path(), Format::Voc);
    assert_eq!((found.samples.len(), found.remarked()), (1, vec![("entry of annotations 'a'".to_owned(), 1)]));
    let folder = Folder::of(&[("dataset.yaml", format!("names: {}", "[".repeat(50_000)).as_bytes())]);
    assert!(read(folder.path(), Format::Yolov5, &ReadOptions::default()).is_err());
    let bomb = "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n\
        d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e]\n\
        g: &g [*f, *f, *f, *f, *f, *f, *f, *f]\nh: [*g, *g, *g, *g, *g, *g, *g, *g, *g]\ntrain: x\n";
    let folder = Folder::of(&[("dataset.yaml", bomb.as_bytes())]);
    assert!(read(folder.path(), Format::Yolov5, &ReadOptions::default()).is_err());
}

/// A piece of what these files consist of, so that random text gets past the first byte.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\n",
        " ",
        "0",
        "-1",
        "0.5",
        "1e999",
        "null",
        "true",
        "NaN",
        "\\u0000",
        "\\ud800",
        "\"samples\"",
        "\"labels\"",
        "\"classes\"",
        "\"images\"",
        "\"annotations\"",
        "\"categories\"",
        "\"id\"",
        "\"image_id\"",
        "\"category_id\"",
        "\"bbox\":[1,2,3,4]",
        "\"segmentation\":[[1,2,3,4,5,6]]",
        "\"file_name\":\"a.jpg\"",
        "\"_id\":{\"$oid\":\"6b0a202651a1cfc03320ebb3\"}",
        "\"filepath\":\"a.jpg\"",
        "\"_cls\":\"Detections\"",
        "\"detections\"",
        "\"$binary\"",
        "\"base64\"",
        "\"subType\":\"00\"",
        "\"$date\"",
        "\"a\"",
        "\"bounding_box\":[0.1,0.1,0.2,0.2]",
        "<annotation>",
        "</annotation>",
        "<object>",
        "</object>",
        "<name>",
        "</name>",
        "<bndbox>",
        "</bndbox>",
        "<xmin>1</xmin>",
        "<size><width>1</width><height>1</height></size>",
        "&amp;",
        "<!DOCTYPE",
        "train: images/train",
        "names:",
        "- ",
        "path: ..",
        "filepath",
        "label",
        "x,y,width,height",
        "tags",
        "a.jpg",
        "../a.jpg",
        "/etc/passwd",
        "\u{feff}",
        "é",
    ];
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    prop_oneof![9 => proptest::sample::select(words), 1 => proptest::collection::vec(any::<u8>(), 1..4)]
}

/// A dataset whose sound files are cut, changed in a byte, or mixed up.
fn harm(sound: &'static str) -> impl Strategy<Value = Vec<u8>> {
    (any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), piece()).prop_map(move |(from, to, piece)| {
        let mut bytes = sound.as_bytes().to_vec();
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let (from, to) = (from.min(to), (from.max(to)).min(from.min(to) + 8));
        bytes.splice(from..to, piece);
        bytes
    })
}

const SAMPLES: &str = r#"{"samples": [{"_id": {"$oid": "6b0a202651a1cfc03320ebb3"}, "filepath": "data/a.jpg", "tags": ["x"], "metadata": {"_cls": "ImageMetadata", "width": 1}, "v": {"$binary": {"base64": "eJyb7A==", "subType": "00"}}, "o": {"_cls": "Detections", "detections": [{"_id": {"$oid": "6b0a202551a1cfc03320ea61"}, "_cls": "Detection", "attributes": {}, "bounding_box": [0.25, 0, 0.5, 1], "points": [[[0, 1]]]}]}}]}"#;
const COCO: &str = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 4}], "categories": [{"id": 1, "name": "x"}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "segmentation": [[1, 2, 3, 4]], "iscrowd": 0}]}"#;
const DETECTION: &str = r#"{"classes": ["x"], "labels": {"a": [{"label": 0, "bounding_box": [0.1, 0.1, 0.2, 0.2], "confidence": 0.5, "attributes": {"a": 1}}]}}"#;
const VOC: &str = "<annotation><filename>a.jpg</filename><size><width>9</width><height>9</height><depth>3</depth></size><object><name>x</name><a>1</a><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>";
const YOLO: &str = "names:\n  0: x\npath: .\ntrain: ./images/train\nval: [images/train]\n";
const TABLE: &str = "filepath,tags,label,confidence,x,y,width,height,other\na.jpg,\"a,b\",x,0.5,0.1,0.1,0.2,0.2,7\n";

/// Contents of a file of labels: pieces in any order, or a sound one with some damage.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let sound = [SAMPLES, COCO, DETECTION, VOC, YOLO, TABLE].map(|sound| harm(sound).boxed());
    prop_oneof![
        1 => proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat()),
        4 => proptest::strategy::Union::new(sound),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_content_makes_a_reader_panic(content in content(), labels in proptest::collection::vec(piece(), 0..12)) {
        let folder = Folder::of(&[("metadata.json", b"{}"), ("data/a.jpg", b"x"), ("images/train/a.jpg", b"x")]);
        folder.put("labels/train/a.txt", labels.join(&b' '));
        for (format, files) in FILES {
            let path = folder.put(files[0], &content);
            if let Ok(samples) = read(folder.path(), format, &ReadOptions::default()) {
                for sample in samples.flatten() {
                    let is_inside = std::path::Path::new(&sample.filepath).starts_with(folder.path());
                    prop_assert!(is_inside || matches!(format, Format::FiftyOneDataset | Format::Csv), "{sample:?}");
                    for field in sample.fields.keys() {
                        for label in sample.labels(field) {
                            let numbers = label.bounding_box.iter().flatten().chain(label.points.iter().flatten().flatten());
                            prop_assert!(numbers.copied().all(f64::is_finite), "{label:?}");
                        }
                    }
                }
            }
            let _ = detect(folder.path());
            std::fs::remove_file(path).unwrap();
        }
    }
}
