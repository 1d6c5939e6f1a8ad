//! How samples and labels are written down as documents: a sample without its labels and vectors, and each label on its
//! own, so that labels are found and counted by themselves.

use std::collections::BTreeMap;

use bootcamp_core::documents::{Document, Path};
use bootcamp_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sample::{Label, Metadata, ObjectId};

/// A sample's document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SampleBody {
    pub(super) filepath: String,
    pub(super) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Metadata>,
    /// Values by the names of their fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, Value>,
    /// How many labels there are in each field, also where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, u64>,
}

/// A label's document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LabelBody {
    /// Its position among the labels of the sample's field.
    pub(super) at: usize,
    /// What it is an outline of, where it has no box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bounds: Option<[f64; 4]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) area: Option<f64>,
    pub(super) label: Label,
}

impl LabelBody {
    pub(super) fn new(at: usize, label: &Label) -> Self {
        let bounds = label.bounds();
        Self {
            at,
            bounds: bounds.filter(|_| label.bounding_box.is_none()),
            area: bounds.map(|[_, _, width, height]| width * height),
            label: label.clone(),
        }
    }
}

/// Where values of samples are.
pub(super) fn value_path(field: &str) -> Path {
    Path::of(&["values", field])
}

/// Where the numbers of labels are.
pub(super) fn labels_path(field: &str) -> Path {
    Path::of(&["labels", field])
}

/// What a document's body says.
///
/// # Errors
/// `Corrupt` where it is not what this program writes.
pub(super) fn read<T: DeserializeOwned>(id: &str, body: &str) -> Result<T> {
    serde_json::from_str(body).map_err(|error| damaged(id).with_source(error))
}

pub(super) fn write(body: &impl Serialize) -> Result<String> {
    serde_json::to_string(body)
        .map_err(|error| Error::new(ErrorKind::Internal, "a document makes no JSON").with_source(error))
}

/// The id of a document as that of a sample or label.
pub(super) fn object_id(id: &str) -> Result<ObjectId> {
    id.parse().map_err(|error: Error| damaged(id).with_source(error))
}

/// A label's document as it was found, with its sample's id.
pub(super) fn read_label(document: &Document) -> Result<(ObjectId, LabelBody)> {
    let sample = document.owner.as_deref().ok_or_else(|| damaged(&document.id))?;
    Ok((object_id(sample)?, read(&document.id, &document.body)?))
}

/// The error for a document that is not what this program writes.
pub(super) fn damaged(id: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("what the library has of '{id}' cannot be read"))
        .with_hint("restore the library's file from a backup, or import the dataset again")
}

/// A vector's bytes, little-endian.
pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

pub(super) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}
