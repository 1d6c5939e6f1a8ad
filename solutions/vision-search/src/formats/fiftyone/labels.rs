//! Labels between documents and [`Label`]s.

use bson::{Bson, Document};
use serde_json::{Map, Value, json};

use super::OF_LABEL;
use crate::formats::{Remarks, boxes};
use crate::sample::{Label, LabelKind, Labels, ObjectId};

/// Kinds of labels that samples hold.
const KINDS: [LabelKind; 6] = [
    LabelKind::Classification,
    LabelKind::Classifications,
    LabelKind::Detection,
    LabelKind::Detections,
    LabelKind::Polyline,
    LabelKind::Polylines,
];

/// The entry under which a document has its labels, where it may have several.
pub(super) fn list(kind: LabelKind) -> Option<&'static str> {
    match kind {
        LabelKind::Classifications => Some("classifications"),
        LabelKind::Detections => Some("detections"),
        LabelKind::Polylines => Some("polylines"),
        LabelKind::Classification | LabelKind::Detection | LabelKind::Polyline => None,
    }
}

/// The class of one label of this kind.
fn element(kind: LabelKind) -> &'static str {
    match kind {
        LabelKind::Classification | LabelKind::Classifications => "Classification",
        LabelKind::Detection | LabelKind::Detections => "Detection",
        LabelKind::Polyline | LabelKind::Polylines => "Polyline",
    }
}

/// Reads the labels of a field; nothing for a class that samples do not hold.
pub(super) fn read(document: Document, sample: ObjectId, field: &str, remarks: &Remarks) -> Option<Labels> {
    let class = document.get_str("_cls").ok()?;
    let kind = KINDS.into_iter().find(|kind| kind.class() == class)?;
    let documents = match list(kind) {
        None => vec![Bson::Document(document)],
        Some(list) => {
            let mut document = document;
            let found = document.remove(list);
            if document.contains_key("logits") {
                remarks.named("arrays of labels,", "logits");
            }
            match found {
                Some(Bson::Array(documents)) => documents,
                _ => Vec::new(),
            }
        }
    };
    let mut labels = Vec::with_capacity(documents.len());
    for (n, document) in documents.into_iter().enumerate() {
        let Bson::Document(document) = document else {
            remarks.named("labels that are no documents in", field);
            continue;
        };
        labels.extend(label(document, Label::id_at(sample, field, n), remarks));
    }
    Some(Labels { kind, labels })
}

/// One label; nothing, if its box or outline makes no sense.
fn label(document: Document, id: ObjectId, remarks: &Remarks) -> Option<Label> {
    let mut label = Label { label: None, ..Label::new(id, "") };
    for (key, value) in document {
        match (key.as_str(), value) {
            (_, Bson::Null) | ("_cls", _) => {}
            ("_id", Bson::ObjectId(id)) => label.id = id.bytes().into(),
            ("tags", Bson::Array(tags)) => {
                label.tags = tags.iter().filter_map(Bson::as_str).map(str::to_owned).collect()
            }
            ("label", Bson::String(class)) => label.label = Some(class),
            ("confidence", value) => label.confidence = number(&value).filter(|number| number.is_finite()),
            // As of objects in three dimensions.
            ("bounding_box", Bson::Array(numbers)) if numbers.is_empty() => {}
            ("bounding_box", value) => {
                let Some(bounding_box) = four(&value) else {
                    remarks.add("labels without a box of four numbers");
                    return None;
                };
                label.bounding_box = Some(bounding_box).filter(|it| boxes::takes(*it, remarks));
                label.bounding_box?;
            }
            ("points", value) => {
                let Some(points) = outlines(&value) else {
                    remarks.add("labels without an outline of points");
                    return None;
                };
                if !boxes::takes_outline(&points, remarks) {
                    return None;
                }
                label.points = points;
            }
            ("closed", Bson::Boolean(closed)) => label.closed = closed,
            ("filled", Bson::Boolean(filled)) => label.filled = filled,
            ("attributes", Bson::Document(attributes)) => {
                label.attributes.extend(attributes.into_iter().map(|(name, value)| (name, attribute(value))));
            }
            (key, Bson::Binary(_)) => remarks.named("arrays of labels,", key),
            (key, _) if OF_LABEL.contains(&key) || key.starts_with('_') => remarks.named("entry of labels", key),
            // Where it is more than JSON has, as a date, it stays in extended JSON, and is written so again.
            (_, value) => drop(label.attributes.insert(key, value.into_relaxed_extjson())),
        }
    }
    Some(label)
}

/// What old versions wrote of an attribute: a document of its value and how sure that is.
fn attribute(value: Bson) -> Value {
    match value {
        Bson::Document(mut document) if document.contains_key("_cls") => match document.remove("value") {
            Some(value) => value.into_relaxed_extjson(),
            None => Bson::Document(document).into_relaxed_extjson(),
        },
        value => value.into_relaxed_extjson(),
    }
}

pub(super) fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Double(number) => Some(*number),
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        _ => None,
    }
}

fn four(value: &Bson) -> Option<[f64; 4]> {
    value.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn outlines(value: &Bson) -> Option<Vec<Vec<[f64; 2]>>> {
    let point = |point: &Bson| match point.as_array()?.as_slice() {
        [x, y] => Some([number(x)?, number(y)?]),
        _ => None,
    };
    let outline = |outline: &Bson| outline.as_array()?.iter().map(point).collect::<Option<Vec<_>>>();
    value.as_array()?.iter().map(outline).collect()
}

/// The document of a field's labels; nothing, if it is of one label and there is none.
pub(super) fn write(labels: &Labels, remarks: &Remarks) -> Option<Value> {
    let document = |label: &Label| Value::Object(self::document(label, labels.kind, remarks));
    match list(labels.kind) {
        None => labels.labels.first().map(document),
        Some(list) => {
            let documents: Vec<Value> = labels.labels.iter().map(document).collect();
            Some(json!({ "_cls": labels.kind.class(), list: documents }))
        }
    }
}

fn document(label: &Label, kind: LabelKind, remarks: &Remarks) -> Map<String, Value> {
    let mut document = Map::new();
    let mut set = |key: &str, value: Value| drop(document.insert(key.to_owned(), value));
    for (name, value) in &label.attributes {
        if OF_LABEL.contains(&name.as_str()) || name.starts_with(['_', '$']) || name.contains('.') {
            remarks.named("attribute", name);
        } else {
            set(name, value.clone());
        }
    }
    set("_id", json!({ "$oid": label.id }));
    set("_cls", json!(element(kind)));
    set("tags", json!(label.tags));
    set("label", json!(label.label));
    if let Some(confidence) = label.confidence {
        set("confidence", json!(confidence));
    }
    if kind.has_patches() {
        set("attributes", json!({}));
    }
    if let Some(bounding_box) = label.bounding_box {
        set("bounding_box", json!(bounding_box));
    }
    let is_outline = matches!(kind, LabelKind::Polyline | LabelKind::Polylines);
    if is_outline || !label.points.is_empty() {
        set("points", json!(label.points));
        set("closed", json!(label.closed));
        set("filled", json!(label.filled));
    }
    document
}
