//! What a dataset holds, in FiftyOne's terms: samples with tags and fields, and labels with boxes or outlines.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bootcamp_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An id of a sample or label: twelve bytes, written as 24 hex digits, as MongoDB's `ObjectId`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// The id of what has this name: the first twelve bytes of the SHA-256 of all parts, each with its length, so that
    /// importing again gives the same ids.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut id = [0; 12];
        id.copy_from_slice(&hash.finalize()[..12]);
        Self(id)
    }

    /// Whether text has the form of an id.
    pub fn is_one(text: &str) -> bool {
        text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl From<[u8; 12]> for ObjectId {
    fn from(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !Self::is_one(text) {
            let shown: String = text.chars().take(64).collect();
            return Err(Error::invalid(format!("'{shown}' is not an id"))
                .with_hint("ids of samples and labels have 24 hex digits"));
        }
        let mut id = [0; 12];
        for (byte, at) in id.iter_mut().zip((0..24).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_default();
        }
        Ok(Self(id))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A picture with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub id: ObjectId,
    /// The picture's absolute path; bytes that are not UTF-8 are written as `\xE9` ([`bootcamp_kit::path_name`]).
    pub filepath: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
    /// Embeddings by field name, all of a field with the same dimension. Kept apart from the rest: a sample that comes
    /// back from a dataset has none, unless they were asked for.
    #[serde(skip)]
    pub vectors: BTreeMap<String, Vec<f32>>,
}

impl Sample {
    /// A sample of a file, with the id that the file's name gives.
    pub fn new(filepath: impl Into<String>) -> Self {
        let filepath = filepath.into();
        Self {
            id: ObjectId::of(&["sample", &filepath]),
            filepath,
            tags: Vec::new(),
            metadata: None,
            fields: BTreeMap::new(),
            vectors: BTreeMap::new(),
        }
    }

    /// The labels of a field; none where the sample has no such field, or it holds a value.
    pub fn labels(&self, field: &str) -> &[Label] {
        match self.fields.get(field) {
            Some(Field::Labels(labels)) => &labels.labels,
            _ => &[],
        }
    }
}

/// What is known of a picture's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_channels: Option<u8>,
}

/// A field of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    Labels(Labels),
    /// A number, a string, a truth value, or a list of these.
    Value(Value),
}

/// The labels of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    pub kind: LabelKind,
    pub labels: Vec<Label>,
}

/// FiftyOne's types of labels. Those named in the singular hold at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    Classification,
    Classifications,
    Detection,
    Detections,
    Polyline,
    Polylines,
}

impl LabelKind {
    /// `Detections`, as FiftyOne's `_cls`.
    pub fn class(self) -> &'static str {
        match self {
            Self::Classification => "Classification",
            Self::Classifications => "Classifications",
            Self::Detection => "Detection",
            Self::Detections => "Detections",
            Self::Polyline => "Polyline",
            Self::Polylines => "Polylines",
        }
    }

    /// Whether its labels stand for parts of the picture, so that it has patches.
    pub fn has_patches(self) -> bool {
        !matches!(self, Self::Classification | Self::Classifications)
    }
}

/// One label: a class, or an object with its box or outline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    pub id: ObjectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `[x, y, width, height]` from the top left corner, as shares of the picture's width and height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounding_box: Option<[f64; 4]>,
    /// Outlines, as lists of `[x, y]` in the same unit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Vec<[f64; 2]>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filled: bool,
    /// What else is known: `iscrowd`, `difficult`, …
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub attributes: serde_json::Map<String, Value>,
}

impl Label {
    /// A label without a place.
    pub fn new(id: ObjectId, label: impl Into<String>) -> Self {
        Self {
            id,
            label: Some(label.into()),
            confidence: None,
            tags: Vec::new(),
            bounding_box: None,
            points: Vec::new(),
            closed: false,
            filled: false,
            attributes: serde_json::Map::new(),
        }
    }

    /// An object in a box.
    pub fn detection(id: ObjectId, label: impl Into<String>, bounding_box: [f64; 4]) -> Self {
        Self { bounding_box: Some(bounding_box), ..Self::new(id, label) }
    }

    /// The id of the n-th label of a sample's field, the same at each import.
    pub fn id_at(sample: ObjectId, field: &str, n: usize) -> ObjectId {
        ObjectId::of(&["label", &sample.to_string(), field, &n.to_string()])
    }

    /// The box, or the smallest one around the outline.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        if self.bounding_box.is_some() {
            return self.bounding_box;
        }
        let points = || self.points.iter().flatten();
        points().next()?;
        let least = |axis: usize| points().map(|point| point[axis]).fold(f64::INFINITY, f64::min);
        let most = |axis: usize| points().map(|point| point[axis]).fold(f64::NEG_INFINITY, f64::max);
        let (x, y) = (least(0), least(1));
        Some([x, y, most(0) - x, most(1) - y])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_those_of_their_names() {
        let id = ObjectId::of(&["sample", "/a.jpg"]);
        assert_eq!(id, Sample::new("/a.jpg").id);
        assert_ne!(ObjectId::of(&["ab", "c"]), ObjectId::of(&["a", "bc"]));
        assert_eq!(id.to_string().parse::<ObjectId>().unwrap(), id);
        let error = "5f".parse::<ObjectId>().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint().is_some()), ("'5f' is not an id", true));
    }

    #[test]
    fn samples_survive_json() {
        let mut sample = Sample::new("/a.jpg");
        let label = Label::detection(Label::id_at(sample.id, "objects", 0), "swan", [0.1, 0.2, 0.3, 0.4]);
        let labels = Labels { kind: LabelKind::Detections, labels: vec![label] };
        sample.fields.insert("objects".to_owned(), Field::Labels(labels));
        sample.fields.insert("weather".to_owned(), Field::Value(json!("sunny")));
        sample.tags.push("train".to_owned());
        let text = serde_json::to_string(&sample).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
    }

    #[test]
    fn outlines_have_bounds() {
        let mut label = Label::new(ObjectId::of(&[]), "x");
        assert_eq!(label.bounds(), None);
        label.points = vec![vec![[0.25, 0.5], [0.5, 0.75]], vec![[0.125, 1.0]]];
        assert_eq!(label.bounds(), Some([0.125, 0.5, 0.375, 0.5]));
    }
}
