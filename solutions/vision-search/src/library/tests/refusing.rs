//! Input that is wrong or meant to do harm: it is named, and nothing is changed.

use bootcamp_core::ErrorKind;
use serde_json::json;

use super::super::{Dataset, Run, Start, View};
use super::{birds, sample};
use crate::sample::{Field, Label, LabelKind, Labels, ObjectId, Sample};

fn refused(dataset: &Dataset, change: impl FnOnce(&mut Sample)) -> String {
    let mut wrong = sample("/wrong.jpg", None, &["cat"]);
    change(&mut wrong);
    let error = dataset.add(vec![sample("/right.jpg", None, &["cat"]), wrong]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(dataset.count(&View::new()).unwrap(), 1, "half of a batch was kept");
    error.to_string()
}

fn labels(sample: &mut Sample) -> &mut Labels {
    match sample.fields.get_mut("objects") {
        Some(Field::Labels(labels)) => labels,
        other => panic!("{other:?}"),
    }
}

/// What is done to a sample, and what is said of it.
type Case = (Box<dyn Fn(&mut Sample)>, String);

fn case(change: impl Fn(&mut Sample) + 'static, expected: impl Into<String>) -> Case {
    (Box::new(change), expected.into())
}

fn set(name: &str, field: Field, expected: &str) -> Case {
    let name = name.to_owned();
    case(move |sample| drop(sample.fields.insert(name.clone(), field.clone())), expected)
}

fn vector(numbers: &[f32], expected: &str) -> Case {
    let numbers = numbers.to_vec();
    case(move |sample| drop(sample.vectors.insert("embedding".to_owned(), numbers.clone())), expected)
}

/// `taken` is a label's id of another sample.
fn cases(wrong: ObjectId, taken: ObjectId) -> Vec<Case> {
    let own = Label::id_at(wrong, "objects", 0);
    let outlines = Labels { kind: LabelKind::Polylines, labels: Vec::new() };
    let two = Labels { kind: LabelKind::Detection, labels: vec![Label::new(wrong, "a"), Label::new(taken, "b")] };
    vec![
        set("weather", Field::Value(json!(1)), "field 'weather' is a string in this dataset, but here a number"),
        set("objects", Field::Labels(two), "field 'objects' holds one Detection, but here are 2 labels"),
        set(
            "objects",
            Field::Labels(outlines),
            "field 'objects' is a field of type detections in this dataset, but here a field of type polylines",
        ),
        set("extra", Field::Value(json!({"a": 1})), "field 'extra': an object is not a value that a field can hold"),
        set("id", Field::Value(json!(1)), "field name 'id' is taken: every sample has it"),
        set("a.b", Field::Value(json!(1)), "'a.b' is not a possible name of a field"),
        vector(&[1.0, f32::NAN], "number 1 of the vector of field 'embedding' is NaN"),
        vector(&[], "the vector of field 'embedding' has no numbers"),
        vector(&[1.0], "field 'embedding' is a vector of 2 numbers in this dataset, but here a vector of 1 numbers"),
        case(
            |sample| labels(sample).labels[0].confidence = Some(f64::INFINITY),
            format!("field 'objects': label {own} has a number that is not finite"),
        ),
        case(
            move |sample| labels(sample).labels[0].id = taken,
            format!("field 'objects': label {taken} is already one of another sample"),
        ),
        case(
            |sample| {
                let again = labels(sample).labels[0].clone();
                labels(sample).labels.push(again);
            },
            format!("field 'objects' has two labels with the id {own}"),
        ),
    ]
}

#[test]
fn samples_that_cannot_be_kept_are_named() {
    let (_home, _library, dataset) = birds();
    let mut first = sample("/first.jpg", Some(json!("sun")), &["cat"]);
    first.vectors.insert("embedding".to_owned(), vec![1.0, 2.0]);
    let (id, taken) = (first.id, first.labels("objects")[0].id);
    dataset.add(vec![first]).unwrap();
    let wrong = Sample::new("/wrong.jpg").id;
    for (change, expected) in cases(wrong, taken) {
        assert_eq!(refused(&dataset, change), format!("sample {wrong} (/wrong.jpg): {expected}"));
    }
    assert_eq!(refused(&dataset, |sample| sample.filepath.clear()), format!("sample {wrong} (): it has no filepath"));
    assert_eq!(dataset.fields().unwrap().len(), 3, "no field came to be");
    let vectors = vec![(wrong, vec![1.0, 2.0]), (wrong, vec![f32::NEG_INFINITY, 0.0])];
    let error = dataset.set_vectors("embedding", vectors).unwrap_err();
    assert_eq!(error.to_string(), format!("{wrong}: number 0 of the vector of field 'embedding' is -inf"));
    let error = dataset.set_values("weather", vec![(id, Some(json!("rain"))), (id, Some(json!(2)))]).unwrap_err();
    let expected = "field 'weather' is a string in this dataset, but here a number";
    assert_eq!(error.to_string(), format!("sample {id}: {expected}"));
    assert_eq!(dataset.count(&View::new().filter("weather == 'sun'")).unwrap(), 1);
}

#[test]
fn unknown_fields_are_named_with_the_nearest() {
    let (_home, _library, dataset) = birds();
    let mut given = sample("/a.jpg", Some(json!("sun")), &["cat"]);
    let class = Labels { kind: LabelKind::Classification, labels: Vec::new() };
    given.fields.insert("class".to_owned(), Field::Labels(class));
    dataset.add(vec![given]).unwrap();
    let error = |view: View| {
        let error = dataset.page(&view, Start::At(0), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        (error.to_string().lines().next().unwrap().to_owned(), error.hint().unwrap_or_default().to_owned())
    };
    let of = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
    assert_eq!(
        error(View::new().filter("wether == 'sun'")),
        of("filter: dataset 'birds' has no field 'wether'", "did you mean 'weather'?")
    );
    assert_eq!(
        error(View::new().labels("objcts", "label == 'x'")),
        of("dataset 'birds' has no field of labels 'objcts'", "did you mean 'objects'?")
    );
    assert_eq!(
        error(View::new().labels("objects", "lable == 'x'")),
        of("filter: the labels of field 'objects' has no field 'lable'", "did you mean 'label'?")
    );
    assert_eq!(
        error(View::new().labels("weather", "label == 'x'")).0,
        "field 'weather' of dataset 'birds' is a string"
    );
    assert_eq!(error(View::new().exists("wether")).1, "did you mean 'weather'?");
    assert_eq!(error(View::new().missing("object")).1, "did you mean 'objects'?");
    assert_eq!(
        error(View::new().sort("object")),
        of(
            "dataset 'birds' has no field to sort by called 'object'",
            "choose one of filepath, width, height, size_bytes, mime_type, num_channels, weather"
        )
    );
    let patches = dataset.patches(&View::new(), "class", Start::At(0), 1).unwrap_err();
    assert_eq!(patches.to_string(), "the labels of field 'class' are classification, which have no patches");
    let page = dataset.page(&View::new().take(1), Start::After(ObjectId::of(&[])), 1).unwrap_err();
    assert_eq!(page.hint(), Some("give the page's offset instead"));
    assert!(dataset.vectors("weather", &[]).is_err() && dataset.value_counts("wether").is_err());
    assert!(serde_json::from_str::<View>(r#"{"fitler": "a == 1"}"#).is_err());
}

#[test]
fn text_stays_text() {
    const EVIL: [&str; 6] = ["'; DROP TABLE sets; --", "\" OR 1 OR \"", "x'y", "$[0]", "a\\\"b", "?1"];
    let (_home, library, _) = birds();
    for name in EVIL {
        let dataset = library.create(name).unwrap();
        let mut given = sample("/a.jpg", Some(json!(name)), &[name]);
        given.tags = vec![name.to_owned()];
        for (field, value) in [(name, json!(name)), ("other", json!("x"))] {
            given.fields.insert(field.to_owned(), Field::Value(value));
        }
        let labels = Labels { kind: LabelKind::Detections, labels: vec![Label::new(ObjectId::of(&[name]), name)] };
        given.fields.insert(format!("{name} "), Field::Labels(labels));
        given.vectors.insert(format!("v{name}"), vec![1.0]);
        dataset.add(vec![given.clone(), sample("/b.jpg", Some(json!("sun")), &["cat"])]).unwrap();
        let one = |view: View| assert_eq!(dataset.ids(&view).unwrap(), [given.id], "{name}: {view:?}");
        one(View::new().tag(name));
        one(View::new().exists(name));
        one(View::new().exists(format!("{name} ")));
        one(View::new().exists(format!("v{name}")));
        one(View::new().sort(name).take(1));
        one(View::new().filter(format!("weather == {}", json!(name))));
        one(View::new().labels("objects", format!("label == {}", json!(name))));
        assert_eq!(dataset.value_counts(name).unwrap()[0].value, name);
        assert_eq!(dataset.vectors(&format!("v{name}"), &[given.id]).unwrap(), [Some(vec![1.0])]);
        let copy = format!("{name} copy");
        library.clone_as(name, &copy).unwrap();
        library.delete(&copy).unwrap();
        for wrong in ["1 == 1", "weather == 'a' or 1", "weather == 'a'; DROP TABLE sets"] {
            assert!(dataset.count(&View::new().filter(wrong)).is_err());
        }
    }
    assert_eq!(library.names().unwrap().len(), EVIL.len() + 1);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let (_home, library, dataset) = birds();
    for name in ["", "a/b", "a\nb", "a\0", &"x".repeat(201)] {
        assert_eq!(library.create(name).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(library.rename("birds", name).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(library.clone_as("birds", name).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(library.create("birds").unwrap_err().kind(), ErrorKind::AlreadyExists);
    library.create(&"ü".repeat(200)).unwrap();
    for key in ["", "1a", "a-b", "a b", "ä"] {
        let run = Run { key: key.into(), kind: "x".into(), method: "y".into(), created_at: 0, config: json!(null) };
        assert!(dataset.put_run(&run).is_err() && dataset.put_pending(&run).is_err(), "{key}");
    }
    assert!(dataset.tag(&View::new(), "").is_err());
}
