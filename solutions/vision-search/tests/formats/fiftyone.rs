//! Files as FiftyOne writes them, and those that it would not.

use std::path::Path;

use serde_json::{Value, json};
use vision_search::formats::{Format, ReadOptions, detect};
use vision_search::sample::{Field, LabelKind, Metadata};

use super::{Folder, Read, shown, text, values};

fn kind(read: &Read, name: &str, field: &str) -> LabelKind {
    match &read.sample(name).fields[field] {
        Field::Labels(labels) => labels.kind,
        Field::Value(value) => panic!("{field} is {value}"),
    }
}

#[test]
fn fiftyone_image_classification() {
    let labels = json!({
        "classes": ["cat", "dog"],
        "labels": {
            "by-number": 1,
            "by-name": "bird",
            "sub/none": null,
            "several": ["cat", 1, {"label": 0, "confidence": 0.5, "attributes": {"age": 3}}],
            "unknown": 7,
            "gone": "cat",
            "../escape": "cat",
            "/etc/passwd": "cat",
            "twice": "cat",
            "odd": {"label": [1]},
        },
    });
    let folder = Folder::of(&[("labels.json", &text(&labels))]);
    for name in ["by-number.jpg", "by-name.png", "sub/none.jpg", "several.jpg", "unknown.jpg", "twice.jpg", "twice.png"]
    {
        folder.put(&format!("data/{name}"), "x");
    }
    folder.put("data/odd.jpg", "x");
    folder.put("data/unnamed.jpg", "x");
    folder.put("escape.jpg", "x");
    let read = Read::of(folder.path(), Format::FiftyOneImageClassification);
    assert_eq!(shown(read.sample("by-number.jpg"), "ground_truth"), [(Some("dog".to_owned()), None, None)]);
    assert_eq!(kind(&read, "by-name.png", "ground_truth"), LabelKind::Classification);
    assert_eq!(read.sample("none.jpg").fields.len(), 0);
    let several = read.sample("several.jpg").labels("ground_truth");
    assert_eq!(kind(&read, "several.jpg", "ground_truth"), LabelKind::Classifications);
    assert_eq!((several.len(), several[2].confidence, &several[2].attributes["age"]), (3, Some(0.5), &json!(3)));
    assert_eq!(shown(read.sample("unknown.jpg"), "ground_truth")[0].0.as_deref(), Some("7"));
    let mut skipped: Vec<&str> = read.skips.iter().map(|skip| skip.source.as_str()).collect();
    skipped.sort_unstable();
    let expected = ["../escape", "/etc/passwd", "gone", "odd", "twice"].map(|name| format!("labels.json: {name}"));
    assert_eq!(skipped, expected);
    let expected = [("classes without a name (kept as numbers)", 1), ("pictures that labels.json does not name", 3)];
    assert_eq!(read.remarked(), expected.map(|(what, n)| (what.to_owned(), n)));
    assert_eq!(detect(folder.path()).unwrap(), Format::FiftyOneImageClassification);
}

#[test]
fn fiftyone_image_detection() {
    // As FiftyOne 1.22 writes it.
    let labels = r##"{"classes": null,"labels": {"a": null,"b": [],"c": [{"label": "disc","bounding_box":
        [0.125,0.25,0.5,0.5],"confidence": null,"attributes": {"occluded": false,"colour": "#c82828"}},
        {"label": "disc","bounding_box": [0.1,0.1,0.0,0.5]},{"label": "disc"},
        {"label": "far","bounding_box": [0.9,0.9,0.5,0.5],"mask": [[1]]}]}}"##;
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend(labels.as_bytes());
    let folder =
        Folder::of(&[("labels.json", &bytes), ("data/a.jpg", b"x"), ("data/b.jpg", b"x"), ("data/c.jpg", b"x")]);
    let read = Read::of(folder.path(), Format::FiftyOneImageDetection);
    assert_eq!((read.sample("a.jpg").fields.len(), read.skips.len()), (0, 0));
    assert_eq!(
        (kind(&read, "b.jpg", "ground_truth"), shown(read.sample("b.jpg"), "ground_truth")),
        (LabelKind::Detections, Vec::new())
    );
    let labels = read.sample("c.jpg").labels("ground_truth");
    assert_eq!(labels[0].bounding_box, Some([0.125, 0.25, 0.5, 0.5]));
    assert_eq!(Value::Object(labels[0].attributes.clone()), json!({"occluded": false, "colour": "#c82828"}));
    assert_eq!(labels.len(), 2);
    let expected = [
        "boxes that reach out of their picture (kept)",
        "boxes without a size",
        "entry of labels 'mask'",
        "labels without a box of four numbers",
    ];
    assert_eq!(read.remarked(), expected.map(|what| (what.to_owned(), 1)));
    assert_eq!(detect(folder.path()).unwrap(), Format::FiftyOneImageDetection);
}

/// Documents as FiftyOne 1.22 exports them; the vector is `numpy.save`'s of three `float32`.
fn fiftyone_dataset() -> Folder {
    let samples = r##"{"samples": [{"_id": {"$oid": "6b0a202651a1cfc03320ebb3"}, "filepath": "data/a.png", "tags": ["train"],
        "_media_type": "image", "_rand": 0.9995744405058142, "_dataset_id": {"$oid": "6b0a202551a1cfc03320ea5c"},
        "created_at": {"$date": "2026-11-28T00:28:22.174Z"}, "last_modified_at": {"$date": "2026-11-28T00:28:22.474Z"},
        "metadata": {"_cls": "ImageMetadata", "size_bytes": 227, "mime_type": "image/png", "width": 96, "height": 72, "num_channels": 3},
        "kind": {"_id": {"$oid": "6b0a202551a1cfc03320ea5d"}, "_cls": "Classification", "tags": ["sure"], "label": "disc",
            "confidence": 0.25, "logits": {"$binary": {"base64": "AAAA", "subType": "00"}}},
        "marks": {"_cls": "Classifications", "classifications": []},
        "objects": {"_cls": "Detections", "detections": [{"_id": {"$oid": "6b0a202551a1cfc03320ea61"}, "_cls": "Detection",
            "attributes": {"age": {"_cls": "NumericAttribute", "value": 3}}, "tags": [], "label": "square",
            "bounding_box": [0.25, 0, 0.5, 1], "confidence": null, "index": 0, "occluded": false,
            "instance": {"_cls": "Instance", "_id": {"$oid": "6b0a202551a1cfc03320ea99"}},
            "seen": {"$date": "2026-01-01T00:00:00Z"}, "mask": {"$binary": {"base64": "AAAA", "subType": "00"}}}]},
        "outline": {"_id": {"$oid": "6b0a202551a1cfc03320ea60"}, "_cls": "Polyline", "attributes": {}, "tags": ["line"],
            "label": "stroke", "points": [[[0, 0], [0.5, 0.25]], [[1, 1], [0.5, 0.75]]], "closed": false, "filled": true},
        "weather": "sunny", "score": 1.0, "count": 5000000035, "checked": true, "words": ["a"], "nothing": null,
        "infinite": {"$numberDouble": "Infinity"}, "long": {"$numberLong": "7"},
        "embedding": {"$binary": "eJyb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuBgYGewaGhv0MDAIOAKRxHSg=", "$type": "00"},
        "joints": {"_cls": "Keypoints", "keypoints": []}, "when": {"$date": 1767270600000},
        "extra": {"a": 0}}, {"_id": {"$oid": "6b0a202651a1cfc03320ebb4"}, "filepath": "data/gone.png", "tags": []},
        {"_id": {"$oid": "6b0a202651a1cfc03320ebb5"}, "filepath": "data/v.mp4", "tags": [], "_media_type": "video"},
        {"_id": {"$oid": "6b0a202651a1cfc03320ebb3"}, "filepath": "data/a.png", "tags": []},
        {"_id": 7, "filepath": "data/a.png"}, {"_id": {"$oid": "6b0a202651a1cfc03320ebb6"}, "filepath": "../a.png", "tags": []},
        {"_id": {"$oid": "6b0a202651a1cfc03320ebb7"}, "tags": []}, 7]}"##;
    let metadata = r#"{"name": "d", "version": "1.22.1", "media_type": "image", "info": {"source": 1}, "saved_views": [],
        "brain_methods": {"sim": {"$oid": "6b0a202651a1cfc03320ebb8"}}, "runs": {}}"#;
    Folder::of(&[("samples.json", samples.as_bytes()), ("metadata.json", metadata.as_bytes()), ("data/a.png", b"x")])
}

#[test]
fn fiftyone_datasets() {
    let folder = fiftyone_dataset();
    assert_eq!(detect(folder.path()).unwrap(), Format::FiftyOneDataset);
    let read = Read::of(folder.path(), Format::FiftyOneDataset);
    let [sample] = read.samples.as_slice() else { panic!("{read:#?}") };
    assert_eq!(sample.id.to_string(), "6b0a202651a1cfc03320ebb3");
    assert_eq!(Path::new(&sample.filepath), folder.path().join("data/a.png"));
    let mime_type = Some("image/png".to_owned());
    let (width, height, num_channels) = (Some(96), Some(72), Some(3));
    assert_eq!(sample.metadata, Some(Metadata { size_bytes: Some(227), mime_type, width, height, num_channels }));
    assert_eq!(sample.vectors["embedding"], [0.5, -1.0, 2.25]);
    let expected = json!({
        "weather": "sunny", "score": 1.0, "count": 5000000035_i64, "checked": true, "words": ["a"], "long": 7,
        "when": "2026-01-01T12:30:00Z",
    });
    assert_eq!(json!(values(sample)), expected);
    let kind = &sample.labels("kind")[0];
    assert_eq!((kind.tags.as_slice(), kind.confidence), (&["sure".to_owned()][..], Some(0.25)));
    let object = &sample.labels("objects")[0];
    assert_eq!(object.id.to_string(), "6b0a202551a1cfc03320ea61");
    assert_eq!(object.bounding_box, Some([0.25, 0.0, 0.5, 1.0]));
    let expected = json!({
        "age": 3, "index": 0, "occluded": false, "seen": {"$date": "2026-01-01T00:00:00Z"},
        "instance": {"_cls": "Instance", "_id": {"$oid": "6b0a202551a1cfc03320ea99"}},
    });
    assert_eq!(Value::Object(object.attributes.clone()), expected);
    let outline = &sample.labels("outline")[0];
    assert_eq!((outline.points.len(), outline.closed, outline.filled), (2, false, true));
    let expected = [
        "Keypoints in the field 'joints'",
        "arrays of labels, 'logits'",
        "arrays of labels, 'mask'",
        "brain runs",
        "dates (kept as text) in the field 'when'",
        "documents in the field 'extra'",
        "entries of the dataset's info",
        "values that are no numbers or texts in the field 'infinite'",
    ];
    assert_eq!(read.remarked(), expected.map(|what| (what.to_owned(), 1)));
    let reasons = [
        ("gone.png", "there is no such picture"),
        ("sample 3", "it is not an image, but 'video'"),
        ("a.png", "the dataset has this sample twice; the first was taken"),
        ("sample 5", "its '_id' is not an id of MongoDB"),
        ("sample 6", "'../a.png' is no path within the dataset's folder (paths are relative, without '..')"),
        ("sample 7", "it has no 'filepath'"),
        ("sample 8", "it is no document: invalid type: integer `7`, expected a map at line 1 column 1"),
    ];
    for ((source, reason), skip) in reasons.iter().zip(&read.skips) {
        assert!(skip.source.ends_with(source) && skip.reason == *reason, "{skip:?}");
    }
    assert_eq!(read.skips.len(), reasons.len());
}

#[test]
fn fiftyone_datasets_whose_pictures_moved_or_whose_samples_are_files() {
    let folder = fiftyone_dataset();
    let options = ReadOptions { keep_missing: true, ..ReadOptions::default() };
    assert_eq!(Read::with(folder.path(), Format::FiftyOneDataset, &options).samples.len(), 2);

    let elsewhere = Folder::of(&[("data/a.png", b"x"), ("data/gone.png", b"x")]);
    let options = ReadOptions { media: Some(elsewhere.path().to_owned()), ..ReadOptions::default() };
    let read = Read::with(folder.path(), Format::FiftyOneDataset, &options);
    assert_eq!(Path::new(&read.sample("gone.png").filepath), elsewhere.path().join("data/gone.png"));

    let absolute = json!({"_id": {"$oid": "6b0a202651a1cfc03320ebb4"}, "filepath": folder.path().join("data/a.png")});
    let many =
        Folder::of(&[("metadata.json", b"{}"), ("samples/000001-x.json", &text(&absolute)), ("samples/2.json", b"x")]);
    let read = Read::of(many.path(), Format::FiftyOneDataset);
    assert_eq!((read.samples.len(), read.skips.len()), (1, 1));

    let videos = Folder::of(&[("metadata.json", br#"{"media_type": "video"}"#), ("samples.json", b"{}")]);
    let error =
        vision_search::formats::read(videos.path(), Format::FiftyOneDataset, &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("'video'") && error.hint().is_some());
}
