//! Files as other programs write them, made by hand after their documentation and what they were seen to write.

use serde_json::{Value, json};
use vision_search::formats::{Format, ReadOptions, detect};

use super::{Folder, Read, png, shown, text, values};

#[test]
fn folders_of_pictures() {
    let folder = Folder::of(&[("a.jpg", b"x"), ("b/c/d.PNG", b"x"), ("b/notes.txt", b"x"), (".cache/e.jpg", b"x")]);
    folder.put("no-extension", png(1, 1));
    std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("link.jpg")).unwrap();
    let read = Read::of(folder.path(), Format::ImageFolder);
    assert_eq!(read.samples.len(), 3);
    assert_eq!(read.sample("d.PNG").fields.len(), 0);
    assert_eq!(read.remarked(), [("files that are no pictures, '.txt'".to_owned(), 1)]);
    assert!(read.skips.len() == 1 && read.skips[0].source.ends_with("link.jpg"), "{:?}", read.skips);
    assert_eq!(detect(folder.path()).unwrap(), Format::ImageFolder);
    // The same ids again, whatever way leads there.
    let around = folder.path().join("b/..");
    let again = Read::of(&around, Format::ImageFolder);
    let ids = |read: &Read| read.samples.iter().map(|sample| sample.id).collect::<Vec<_>>();
    let (mut ids_here, mut ids_there) = (ids(&read), ids(&again));
    ids_here.sort();
    ids_there.sort();
    assert_eq!(ids_here, ids_there);
}

#[test]
fn names_that_are_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.jpg");
    std::fs::create_dir_all(folder.path().join("cat")).unwrap();
    std::fs::write(folder.path().join("cat").join(name), "x").unwrap();
    let read = Read::of(folder.path(), Format::ClassificationTree);
    assert!(read.samples[0].filepath.ends_with("/cat/caf\\xE9.jpg"));
    let given = read.samples.into_iter().map(Ok);
    let target = folder.path().join("out");
    let options = vision_search::formats::WriteOptions::default();
    let written = vision_search::formats::write(&target, Format::FiftyOneImageClassification, given, &options).unwrap();
    assert_eq!(written.samples, 1);
    let again = Read::of(&target, Format::FiftyOneImageClassification);
    assert_eq!(shown(again.sample("data/caf_.jpg"), "ground_truth"), [(Some("cat".to_owned()), None, None)]);
}

#[test]
fn trees_of_classes() {
    let folder =
        Folder::of(&[("cat/1.jpg", b"x"), ("dog/1.jpg", b"x"), ("_unlabeled/2.jpg", b"x"), ("loose.jpg", b"x")]);
    folder.put("birds/swan/3.jpg", "x");
    let options =
        ReadOptions { label_field: Some("kind".to_owned()), tags: vec!["new".to_owned()], ..ReadOptions::default() };
    let read = Read::with(folder.path(), Format::ClassificationTree, &options);
    assert_eq!(shown(read.sample("cat/1.jpg"), "kind"), [(Some("cat".to_owned()), None, None)]);
    assert_eq!(shown(read.sample("3.jpg"), "kind"), [(Some("birds/swan".to_owned()), None, None)]);
    assert_eq!((read.sample("2.jpg").fields.len(), &read.sample("2.jpg").tags[..]), (0, &["new".to_owned()][..]));
    assert!(read.skips.len() == 1 && read.skips[0].reason == "it lies in no class's folder", "{:?}", read.skips);
    let plain = Folder::of(&[("cat/1.jpg", b"x"), ("dog/1.jpg", b"x")]);
    assert_eq!(detect(plain.path()).unwrap(), Format::ClassificationTree);
    let nested = Folder::of(&[("2024/05/1.jpg", b"x"), ("2024/06/1.jpg", b"x")]);
    let error = detect(nested.path()).unwrap_err();
    assert!(error.to_string().ends_with("may be of format image-folder or classification-tree"), "{error}");
}

fn coco() -> Value {
    json!({
        "info": {"year": 2017}, "licenses": [{"id": 1}],
        "annotations": [
            {"id": 1, "image_id": 42, "category_id": 18, "bbox": [10, 5.0, 20, 10], "area": 200.5, "iscrowd": 0,
             "segmentation": [[10, 5, 30, 5, 30, 15.0]]},
            {"id": 2, "image_id": 42, "category_id": 1, "bbox": [0, 0, 100, 50], "iscrowd": 1,
             "segmentation": {"counts": [1, 2], "size": [50, 100]}},
            {"id": 3, "image_id": 9, "category_id": 90, "bbox": [1, 1, 2, 2], "score": 0.5,
             "attributes": {"occluded": true}, "truncated": 1, "keypoints": [1, 1, 2], "num_keypoints": 1},
            {"id": 4, "image_id": 9, "category_id": 1, "segmentation": [[10, 5, 30, 5, 30, 15]]},
            {"id": 5, "image_id": 9, "category_id": 1, "bbox": [1, 1, -2, 2]},
            {"id": 6, "image_id": 9, "category_id": 1, "bbox": [1, 1, 2]},
            {"id": 7, "image_id": 9, "category_id": 1, "bbox": [1, 1, 2, 2], "segmentation": [[1, 2, 3]]},
            {"id": 8, "image_id": 1000, "category_id": 1, "bbox": [1, 1, 2, 2]},
            {"id": 9, "category_id": 1, "bbox": [1, 1, 2, 2]},
        ],
        "images": [
            {"id": 42, "file_name": "a.png", "width": 100, "height": 50, "license": 1, "coco_url": null},
            {"id": 9, "file_name": "b.png"},
            {"id": 10, "file_name": "c.png", "width": 0, "height": 50},
            {"id": 11, "file_name": "../a.png", "width": 1, "height": 1},
            {"id": 12, "file_name": "gone.png", "width": 1, "height": 1},
            {"id": 13, "file_name": "a.png", "width": 100, "height": 50},
            {"id": 14}, 7,
        ],
        "categories": [{"id": 1, "name": "person", "supercategory": "person"}, {"id": 18, "name": "dog"}],
    })
}

#[test]
fn coco_files() {
    let folder = Folder::of(&[("labels.json", &text(&coco())), ("data/a.png", b"x"), ("data/b.png", &png(40, 20))]);
    folder.put("data/c.png", png(8, 4));
    assert_eq!(detect(folder.path()).unwrap(), Format::Coco);
    let read = Read::of(folder.path(), Format::Coco);
    let labels = read.sample("a.png").labels("ground_truth");
    assert_eq!(labels[0].bounding_box, Some([0.1, 0.1, 0.2, 0.2]));
    assert_eq!(labels[0].points, [[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]]);
    assert_eq!(Value::Object(labels[0].attributes.clone()), json!({"area": 200.5, "iscrowd": 0}));
    assert_eq!(labels[1].attributes["supercategory"], "person");
    let labels = read.sample("b.png").labels("ground_truth");
    let found = shown(read.sample("b.png"), "ground_truth");
    assert_eq!(found[0], (Some("90".to_owned()), Some(0.5), Some([0.025, 0.05, 0.05, 0.1])));
    assert_eq!(Value::Object(labels[0].attributes.clone()), json!({"occluded": true, "truncated": 1}));
    assert_eq!(found[1].2, Some([0.25, 0.25, 0.5, 0.5]));
    assert_eq!(found.len(), 3);
    let metadata = read.sample("c.png").metadata.clone().unwrap();
    assert_eq!((metadata.width, read.sample("c.png").labels("ground_truth").len()), (Some(8), 0));
    let expected = [
        ("annotations of pictures that are not listed", 1),
        ("annotations without a box", 1),
        ("annotations without a picture's id", 1),
        ("boxes without a size", 1),
        ("classes without a name (kept as numbers)", 1),
        ("entry of images 'license'", 1),
        ("keypoints", 1),
        ("masks in run-length code", 1),
        ("outlines that are no lists of pairs", 1),
    ];
    assert_eq!(read.remarked(), expected.map(|(what, n)| (what.to_owned(), n)));
    assert_eq!(read.skips.len(), 5, "{:#?}", read.skips);
}

#[test]
fn coco_as_it_is_downloaded() {
    let val = json!({
        "images": [{"id": 1, "file_name": "1.jpg", "width": 4, "height": 4}],
        "annotations": [{"image_id": 1, "category_id": "a", "bbox": [1, 1, 2, 2]}],
        "categories": [{"id": "a", "name": "cat"}],
    });
    let train = json!({"images": [{"id": 1, "file_name": "2.jpg", "width": 4, "height": 4}]});
    let folder = Folder::of(&[
        ("annotations/instances_val2017.json", &text(&val)),
        ("annotations/instances_train2017.json", &text(&train)),
        ("annotations/captions_val2017.json", &text(&json!({"images": [], "annotations": [{"caption": "x"}]}))),
        ("val2017/1.jpg", b"x"),
        ("images/train2017/2.jpg", b"x"),
    ]);
    assert_eq!(detect(folder.path()).unwrap(), Format::Coco);
    let read = Read::of(folder.path(), Format::Coco);
    assert_eq!(read.sample("1.jpg").tags, ["val2017"]);
    assert_eq!(shown(read.sample("1.jpg"), "ground_truth")[0].0.as_deref(), Some("cat"));
    // No annotations at all: nothing is known of the picture.
    assert_eq!(
        (read.sample("2.jpg").tags.as_slice(), read.sample("2.jpg").fields.len()),
        (&["train2017".to_owned()][..], 0)
    );
}

#[test]
fn pascal_voc() {
    let xml = r#"<?xml version="1.0" encoding="utf-8"?>
        <annotation><folder>VOC2007</folder><filename>000007.jpg</filename><source><database>x</database></source>
        <owner><flickrid>?</flickrid></owner><size><width>500</width><height>333</height><depth>3</depth></size>
        <segmented>0</segmented><object><name>
        car </name><pose>Unspecified</pose><truncated>1</truncated><difficult>0</difficult><weight>0.5</weight>
        <bndbox><xmin>141</xmin><ymin>50</ymin><xmax>500</xmax><ymax>330.25</ymax></bndbox>
        <part><name>wheel</name><bndbox/></part></object>
        <object><name>cat &amp; dog</name><attributes><attribute><name>age</name><value>3</value></attribute></attributes>
        <bndbox><xmax>10</xmax><ymax>20</ymax><xmin>0</xmin><ymin>0</ymin></bndbox></object>
        <object><name>flat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>9</ymax></bndbox></object>
        <object><name>none</name></object></annotation>"#;
    let by_name = "<annotation><filename>other.png</filename><path>/etc/passwd</path></annotation>";
    let out = "<annotation><filename>../../etc/passwd</filename></annotation>";
    let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><annotation><filename>&x;</filename></annotation>";
    let folder = Folder::of(&[
        ("Annotations/000007.xml", xml.as_bytes()),
        ("Annotations/x.xml", by_name.as_bytes()),
        ("Annotations/out.xml", out.as_bytes()),
        ("Annotations/bomb.xml", bomb.as_bytes()),
        ("Annotations/cut.xml", b"<annotation><object>"),
        ("Annotations/other.xml.txt", b"x"),
        ("JPEGImages/000007.jpg", b"x"),
        ("JPEGImages/unlabelled.jpg", b"x"),
    ]);
    folder.put("JPEGImages/other.png", png(30, 20));
    assert_eq!(detect(folder.path()).unwrap(), Format::Voc);
    let read = Read::of(folder.path(), Format::Voc);
    let labels = read.sample("000007.jpg").labels("ground_truth");
    assert_eq!(labels[0].label.as_deref(), Some("car"));
    assert_eq!(labels[0].bounding_box, Some([141.0 / 500.0, 50.0 / 333.0, 359.0 / 500.0, 280.25 / 333.0]));
    let expected = json!({"pose": "Unspecified", "truncated": 1, "difficult": 0, "weight": 0.5});
    assert_eq!(Value::Object(labels[0].attributes.clone()), expected);
    assert_eq!((labels[1].label.as_deref(), &labels[1].attributes["age"]), (Some("cat & dog"), &json!(3)));
    assert_eq!(labels.len(), 2);
    assert_eq!(read.sample("other.png").metadata.as_ref().unwrap().width, Some(30));
    assert_eq!(read.sample("other.png").labels("ground_truth").len(), 0);
    assert_eq!(read.sample("unlabelled.jpg").fields.len(), 0);
    assert_eq!(read.samples.len(), 3);
    let mut skipped: Vec<&str> = read.skips.iter().map(|skip| skip.source.rsplit('/').next().unwrap()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["bomb.xml", "cut.xml", "out.xml"]);
    let expected =
        ["boxes without a size", "entry of objects 'part'", "files of labels that are no XML", "objects without a box"];
    assert_eq!(read.remarked(), expected.map(|what| (what.to_owned(), 1)));
}

#[test]
fn yolov5_datasets() {
    let yaml = "path: /somewhere/else\ntrain: ./images/train/\nval: [images/val, images/more]\ntest:\nnc: 2\nnames:\n  0: cat\n  2: dog\n";
    let folder = Folder::of(&[
        ("dataset.yaml", yaml.as_bytes()),
        ("images/train/a.jpg", b"x"),
        ("labels/train/a.txt", b"0 0.5 0.5 0.5 0.25\n\n2 0.5 0.5 0.2 0.2 0.75\r\n1 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.3 0.1 0.3 0.5\n0 1 2 3\n0 nan 0.5 0.5 0.5\n0 0.5 0.5 0 0.5\nx"),
        ("images/train/background.jpg", b"x"),
        ("images/val/b.c.jpg", b"x"),
        ("labels/val/b.c.txt", b""),
    ]);
    assert_eq!(detect(folder.path()).unwrap(), Format::Yolov5);
    let read = Read::of(folder.path(), Format::Yolov5);
    let found = shown(read.sample("a.jpg"), "ground_truth");
    let classes: Vec<&str> = found.iter().map(|(class, _, _)| class.as_deref().unwrap()).collect();
    assert_eq!(classes, ["cat", "dog", "1", "cat"]);
    assert_eq!((found[0].2, found[1].1), (Some([0.25, 0.375, 0.5, 0.25]), Some(0.75)));
    let outline = &read.sample("a.jpg").labels("ground_truth")[3];
    assert_eq!((outline.points[0].len(), outline.closed), (3, true));
    assert_eq!(read.sample("a.jpg").tags, ["train"]);
    assert_eq!(read.sample("background.jpg").fields.len(), 0);
    assert_eq!(
        (read.sample("b.c.jpg").tags.as_slice(), read.sample("b.c.jpg").fields.len()),
        (&["val".to_owned()][..], 1)
    );
    assert!(read.skips.len() == 1 && read.skips[0].reason.contains("images/more"), "{:?}", read.skips);
    let expected = [
        ("'path' leads out of the dataset's folder (which was taken instead)", 1),
        ("boxes that are not finite numbers", 1),
        ("boxes without a size", 1),
        ("classes without a name (kept as numbers)", 2),
        ("lines that are neither a box nor an outline", 2),
    ];
    assert_eq!(read.remarked(), expected.map(|(what, n)| (what.to_owned(), n)));
}

#[test]
fn yolov5_datasets_of_other_shapes() {
    // As Roboflow lays them out, and with a list of pictures.
    let yaml = "train: ../train/images\nval: val.txt\nnames: ['no', cat]\n";
    let folder = Folder::of(&[
        ("data.yaml", yaml.as_bytes()),
        ("train/images/a.jpg", b"x"),
        ("train/labels/a.txt", b"1 0.5 0.5 0.5 0.5"),
        ("val.txt", b"./pictures/b.jpg\n../out.jpg\n\n/etc/passwd\npictures/gone.jpg\n"),
        ("pictures/b.jpg", b"x"),
        ("pictures/b.txt", b"0 0.5 0.5 0.5 0.5"),
    ]);
    let read = Read::of(folder.path(), Format::Yolov5);
    assert_eq!(shown(read.sample("a.jpg"), "ground_truth")[0].0.as_deref(), Some("cat"));
    assert_eq!(shown(read.sample("b.jpg"), "ground_truth")[0].0.as_deref(), Some("no"));
    assert_eq!((read.samples.len(), read.skips.len()), (2, 3), "{:#?}", read.skips);
    // FiftyOne names the folder itself, absolutely.
    let own = Folder::of(&[("sub/images/val/a.jpg", b"x")]);
    let yaml = format!("names: {{}}\npath: {}\nval: ./images/val/\n", own.path().join("sub").display());
    own.put("sub/dataset.yaml", yaml);
    let read = Read::of(&own.path().join("sub"), Format::Yolov5);
    assert_eq!((read.samples.len(), read.remarked()), (1, Vec::new()));
}

#[test]
fn tables() {
    // As FiftyOne 1.22 writes them, with a byte order mark as spreadsheets do.
    let csv = "\u{feff}filepath,tags,kind.label,kind.confidence,weather,score,count,checked,meta.x,words\r\n\
        a.jpg,\"val, odd\",square,0.25,\"snow, \"\"heavy\"\"\",0.5,5000000035,True,1,\"[\"\"a\"\"]\"\r\n\
        b.jpg,,,,,,,,,\n../c.jpg,,,,,,,,,\nd.jpg,,,\n";
    let folder = Folder::of(&[("labels.csv", csv.as_bytes()), ("data/a.jpg", b"x"), ("b.jpg", b"x")]);
    assert_eq!(detect(folder.path()).unwrap(), Format::Csv);
    let read = Read::of(folder.path(), Format::Csv);
    let sample = read.sample("a.jpg");
    assert_eq!(sample.tags, ["val", "odd"]);
    assert_eq!(shown(sample, "kind"), [(Some("square".to_owned()), Some(0.25), None)]);
    let expected =
        json!({"weather": "snow, \"heavy\"", "score": 0.5, "count": 5000000035_i64, "checked": true, "words": ["a"]});
    assert_eq!(json!(values(sample)), expected);
    assert_eq!(read.sample("b.jpg").fields.len(), 0);
    let reasons: Vec<&str> = read.skips.iter().map(|skip| skip.source.as_str()).collect();
    assert_eq!(reasons, ["labels.csv:4", "labels.csv:5"]);
    assert_eq!(read.remarked(), [("column 'meta.x'".to_owned(), 1)]);
}

#[test]
fn tables_of_boxes() {
    let folder = Folder::of(&[("a.jpg", b"x"), ("b.jpg", b"x"), ("c.jpg", b"x")]);
    let absolute = folder.path().join("c.jpg");
    let csv = format!(
        "image,x,y,width,height,label,confidence,split\na.jpg,0.1,0.2,0.3,0.4,cat,0.5,1\n{},0,0,1,1,,,2\n\
         a.jpg,0.5,0.5,0.25,0.25,dog,,9\nb.jpg,,,,,,,3\na.jpg,0.5,0.5,0,0.25,dog,,\n",
        absolute.display()
    );
    let table = folder.put("boxes.csv", csv);
    let read = Read::of(&table, Format::Csv);
    let expected = [
        (Some("cat".to_owned()), Some(0.5), Some([0.1, 0.2, 0.3, 0.4])),
        (Some("dog".to_owned()), None, Some([0.5, 0.5, 0.25, 0.25])),
    ];
    assert_eq!(shown(read.sample("a.jpg"), "ground_truth"), expected);
    assert_eq!(shown(read.sample("c.jpg"), "ground_truth"), [(None, None, Some([0.0, 0.0, 1.0, 1.0]))]);
    assert_eq!(json!(values(read.sample("b.jpg"))), json!({"split": 3}));
    assert_eq!(read.sample("b.jpg").labels("ground_truth").len(), 0);
    assert_eq!((read.samples.len(), read.skips.len()), (3, 0));
    assert_eq!(read.remarked(), [("boxes without a size".to_owned(), 1)]);
    let wrong = folder.put("wrong.csv", "image,x,y,width,height\na.jpg,1,2,3,four\n");
    assert_eq!(Read::of(&wrong, Format::Csv).skips[0].reason, "its x, y, width and height are not four numbers");
}

#[test]
fn folders_that_may_be_several_formats() {
    let labels = json!({"labels": {"a": null, "b": []}});
    let folder = Folder::of(&[("labels.json", &text(&labels)), ("labels.csv", b"filepath\n")]);
    let error = detect(folder.path()).unwrap_err();
    let names = "fiftyone-image-classification or fiftyone-image-detection or csv";
    assert!(error.to_string().ends_with(names) && error.hint().is_some(), "{error}");
    let empty = Folder::new();
    assert!(detect(empty.path()).unwrap_err().to_string().contains("looks like no dataset"));
    assert!(detect(&empty.path().join("gone")).is_err());
}
