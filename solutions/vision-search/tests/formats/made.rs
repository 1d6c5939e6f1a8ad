//! Samples of every kind, made up for round trips.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vision_search::sample::{Field, Label, LabelKind, Labels, Metadata, ObjectId, Sample};

use super::Folder;

/// The field of their labels.
pub const FIELD: &str = "ground_truth";
/// The size that their pictures are said to have.
pub const SIZE: (u32, u32) = (640, 480);

/// Samples of pictures in a folder; each picture's content is its number, by which it is known again.
pub fn samples(folder: &Folder, made: &[Made]) -> Vec<Sample> {
    let sample = |(n, made): (usize, &Made)| {
        let name = format!("{}/{}", ["a", "b/c", "ü"][made.folder % 3], ["1.jpg", "1.png", "2.b.jpg"][made.name % 3]);
        let path = folder.put(&format!("{n}/{name}"), n.to_string());
        let mut sample = Sample::new(path.to_str().unwrap());
        sample.tags.clone_from(&made.tags);
        let (width, height) = (Some(SIZE.0), Some(SIZE.1));
        sample.metadata = Some(Metadata { width, height, num_channels: Some(3), ..Metadata::default() });
        if let Some(labels) = &made.labels {
            let mut labels = labels.clone();
            for (n, label) in labels.labels.iter_mut().enumerate() {
                label.id = Label::id_at(sample.id, FIELD, n);
            }
            sample.fields.insert(FIELD.to_owned(), Field::Labels(labels));
        }
        let values = made.values.iter().map(|(name, value)| (name.clone(), Field::Value(value.clone())));
        sample.fields.extend(values);
        if !made.vector.is_empty() {
            sample.vectors.insert("embedding".to_owned(), made.vector.clone());
        }
        sample
    };
    made.iter().enumerate().map(sample).collect()
}

/// What a sample is made of.
#[derive(Clone, Debug)]
pub struct Made {
    folder: usize,
    name: usize,
    tags: Vec<String>,
    labels: Option<Labels>,
    values: BTreeMap<String, Value>,
    vector: Vec<f32>,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[a-zA-Zäß☀ '\"<&,;]{1,10}[a-z]", Just("a\nb".to_owned()), Just("日本".to_owned())]
        .prop_map(|text| text.trim().to_owned())
}

/// Shares of a picture that are whole pixels.
fn pixel_box() -> impl Strategy<Value = [f64; 4]> {
    (0..320_u32, 0..240_u32, 1..=320_u32, 1..=240_u32).prop_map(|(x, y, width, height)| {
        let (across, down) = (f64::from(SIZE.0), f64::from(SIZE.1));
        [f64::from(x) / across, f64::from(y) / down, f64::from(width) / across, f64::from(height) / down]
    })
}

fn attributes() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e6..1e6).prop_map(|number: f64| json!(number + 0.1)),
        "[b-m]{1,5} [a-z]{1,3}".prop_map(Value::from),
    ];
    proptest::collection::btree_map("[a-c]{1,2}_x", value, 0..3).prop_map(|map| map.into_iter().collect())
}

fn label() -> impl Strategy<Value = Label> {
    let confidence = proptest::option::of(0.0..=1.0);
    (text(), confidence, attributes(), proptest::collection::vec(text(), 0..2)).prop_map(
        |(class, confidence, attributes, tags)| {
            let label = Label::new(ObjectId::of(&[]), class);
            Label { confidence, attributes, tags, ..label }
        },
    )
}

fn detection() -> impl Strategy<Value = Label> {
    (label(), pixel_box()).prop_map(|(label, bounding_box)| Label { bounding_box: Some(bounding_box), ..label })
}

fn polyline() -> impl Strategy<Value = Label> {
    let outline = proptest::collection::vec(proptest::array::uniform2(0.0..=1.0), 3..6);
    (label(), proptest::collection::vec(outline, 1..3), any::<bool>()).prop_map(|(label, points, filled)| Label {
        points,
        filled,
        closed: true,
        ..label
    })
}

fn labels(kind: LabelKind) -> BoxedStrategy<Labels> {
    let made = move |labels| Labels { kind, labels };
    let one = |label: BoxedStrategy<Label>| label.prop_map(|label| vec![label]);
    let some = |label: BoxedStrategy<Label>| proptest::collection::vec(label, 0..4);
    match kind {
        LabelKind::Classification => one(label().boxed()).prop_map(made).boxed(),
        LabelKind::Classifications => some(label().boxed()).prop_map(made).boxed(),
        LabelKind::Detection => one(detection().boxed()).prop_map(made).boxed(),
        LabelKind::Detections => some(detection().boxed()).prop_map(made).boxed(),
        LabelKind::Polyline => one(polyline().boxed()).prop_map(made).boxed(),
        LabelKind::Polylines => some(polyline().boxed()).prop_map(made).boxed(),
    }
}

pub fn made(kind: LabelKind) -> impl Strategy<Value = Vec<Made>> {
    let tags = proptest::sample::subsequence(vec!["train", "val", "odd one"], 0..3);
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        text().prop_filter("reads as a truth value", |text| text != "true").prop_map(Value::from),
        proptest::collection::vec(text(), 0..3).prop_map(Value::from),
    ];
    let values = proptest::collection::btree_map("[d-f]{1,2}", value, 0..3);
    let vector = prop_oneof![Just(Vec::new()), proptest::collection::vec(-1e3_f32..1e3, 4)];
    let one = (any::<usize>(), any::<usize>(), tags, proptest::option::of(labels(kind)), values, vector);
    let one = one.prop_map(|(folder, name, tags, labels, values, vector)| {
        let tags = tags.into_iter().map(str::to_owned).collect();
        Made { folder, name, tags, labels, values, vector }
    });
    proptest::collection::vec(one, 1..6)
}
