//! What FiftyOne must be told of a dataset's fields before it shows them: `sample_fields` in `metadata.json`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::is_usable;
use crate::sample::{Field, Sample};

/// Classes of FiftyOne's fields.
const FIELDS: &str = "fiftyone.core.fields.";

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    /// `StringField`, …
    Plain(&'static str),
    /// A list, of this if it is known.
    List(Option<&'static str>),
    /// A label or metadata, by the name of its class.
    Document(String),
}

/// The fields of the samples so far.
#[derive(Debug, Default)]
pub(super) struct Schema {
    fields: BTreeMap<String, Type>,
}

impl Schema {
    pub(super) fn add(&mut self, sample: &Sample) {
        for (name, field) in sample.fields.iter().filter(|(name, _)| is_usable(name)) {
            let kind = match field {
                Field::Labels(labels) => Some(Type::Document(format!("fiftyone.core.labels.{}", labels.kind.class()))),
                Field::Value(value) => of_value(value),
            };
            if let Some(kind) = kind {
                self.set(name, kind);
            }
        }
        let vectors = sample.vectors.keys().filter(|name| is_usable(name) && !sample.fields.contains_key(*name));
        vectors.for_each(|name| self.set(name, Type::Plain("VectorField")));
    }

    /// The first type counts; but whole numbers may turn out to be some of others, and an empty list one of something.
    fn set(&mut self, name: &str, kind: Type) {
        let Some(known) = self.fields.get_mut(name) else {
            self.fields.insert(name.to_owned(), kind);
            return;
        };
        let is_wider = matches!(
            (&*known, &kind),
            (Type::Plain("IntField"), Type::Plain("FloatField"))
                | (Type::List(Some("IntField")), Type::List(Some("FloatField")))
                | (Type::List(None), Type::List(Some(_)))
        );
        if is_wider {
            *known = kind;
        }
    }

    /// The documents of all fields, those of every sample first.
    pub(super) fn documents(&self, now: &str) -> Vec<Value> {
        let of_all = [
            ("id", "_id", Type::Plain("ObjectIdField")),
            ("filepath", "filepath", Type::Plain("StringField")),
            ("tags", "tags", Type::List(Some("StringField"))),
            ("metadata", "metadata", Type::Document("fiftyone.core.metadata.ImageMetadata".to_owned())),
            ("created_at", "created_at", Type::Plain("DateTimeField")),
            ("last_modified_at", "last_modified_at", Type::Plain("DateTimeField")),
            ("_media_type", "_media_type", Type::Plain("StringField")),
            ("_rand", "_rand", Type::Plain("FloatField")),
            ("_dataset_id", "_dataset_id", Type::Plain("ObjectIdField")),
        ];
        let of_all = of_all.iter().map(|(name, db_field, kind)| document(name, db_field, kind, now));
        let own = self.fields.iter().map(|(name, kind)| document(name, name, kind, now));
        of_all.chain(own).collect()
    }
}

/// The type of a value; nothing for one that has none, as null.
fn of_value(value: &Value) -> Option<Type> {
    match value {
        Value::Array(values) => Some(Type::List(values.iter().find_map(of_scalar))),
        value => of_scalar(value).map(Type::Plain),
    }
}

fn of_scalar(value: &Value) -> Option<&'static str> {
    match value {
        Value::Bool(_) => Some("BooleanField"),
        Value::Number(number) if number.is_f64() => Some("FloatField"),
        Value::Number(_) => Some("IntField"),
        Value::String(_) => Some("StringField"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A field's document. What FiftyOne knows of its own classes need not be said.
fn document(name: &str, db_field: &str, kind: &Type, now: &str) -> Value {
    let (ftype, subfield, class) = match kind {
        Type::Plain(field) => (*field, None, None),
        Type::List(of) => ("ListField", of.map(|of| format!("{FIELDS}{of}")), None),
        Type::Document(class) => ("EmbeddedDocumentField", None, Some(class)),
    };
    json!({
        "name": name,
        "ftype": format!("{FIELDS}{ftype}"),
        "embedded_doc_type": class,
        "subfield": subfield,
        "fields": [],
        "db_field": db_field,
        "description": null,
        "info": null,
        "read_only": matches!(name, "created_at" | "last_modified_at"),
        "created_at": { "$date": now },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_widen() {
        let mut schema = Schema::default();
        for value in [json!({"a": 1, "b": [], "c": "x", "d": [1]}), json!({"a": 1.5, "b": ["x"], "c": 7, "d": [0.5]})] {
            let mut sample = Sample::new("/a.jpg");
            for (name, value) in value.as_object().unwrap() {
                sample.fields.insert(name.clone(), Field::Value(value.clone()));
            }
            schema.add(&sample);
        }
        let types: Vec<_> = schema.fields.values().cloned().collect();
        let expected = [
            Type::Plain("FloatField"),
            Type::List(Some("StringField")),
            Type::Plain("StringField"),
            Type::List(Some("FloatField")),
        ];
        assert_eq!(types, expected);
    }
}
