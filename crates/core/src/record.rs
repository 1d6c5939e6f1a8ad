//! What goes into a collection and what comes out of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::VectorKind;

/// Scalar values by field name. A field that is missing is null.
pub type Fields = serde_json::Map<String, Value>;

/// A record's identity. In JSON a number or a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    Int(i64),
    String(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => write!(f, "{id}"),
            Self::String(id) => f.write_str(id),
        }
    }
}

impl From<i64> for Id {
    fn from(id: i64) -> Self {
        Self::Int(id)
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self::String(id.to_owned())
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self::String(id)
    }
}

/// A vector's components.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Vector {
    /// One float a dimension.
    F32(Vec<f32>),
    /// Eight bits a byte, first bit highest. In JSON an object, so that it is never taken for floats.
    Binary { bits: Vec<u8> },
}

impl Vector {
    /// A binary vector from its packed bytes.
    pub fn binary(bits: impl Into<Vec<u8>>) -> Self {
        Self::Binary { bits: bits.into() }
    }

    pub fn kind(&self) -> VectorKind {
        match self {
            Self::F32(_) => VectorKind::F32,
            Self::Binary { .. } => VectorKind::Binary,
        }
    }

    /// Floats, or bits.
    pub fn dim(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::Binary { bits } => bits.len() * 8,
        }
    }

    /// Bytes of the components in memory, in a file and on the wire.
    pub fn byte_len(&self) -> usize {
        match self {
            Self::F32(values) => values.len() * 4,
            Self::Binary { bits } => bits.len(),
        }
    }
}

impl From<Vec<f32>> for Vector {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values)
    }
}

/// Shows the kind and dimension: components say nothing to a reader of logs.
impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32(values) => write!(f, "F32[{}]", values.len()),
            Self::Binary { bits } => write!(f, "Binary[{}]", bits.len() * 8),
        }
    }
}

/// One thing stored: an id, its vectors and its scalar fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `None` only on the way into a collection that gives ids itself.
    pub id: Option<Id>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<String, Vector>,
    #[serde(default)]
    pub fields: Fields,
}

impl Record {
    /// A record with an id of the caller's.
    pub fn new(id: impl Into<Id>) -> Self {
        Self { id: Some(id.into()), vectors: BTreeMap::new(), fields: Fields::new() }
    }

    /// A record that gets its id from the store.
    pub fn auto() -> Self {
        Self { id: None, vectors: BTreeMap::new(), fields: Fields::new() }
    }

    pub fn vector(mut self, field: impl Into<String>, vector: impl Into<Vector>) -> Self {
        self.vectors.insert(field.into(), vector.into());
        self
    }

    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// One answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub id: Id,
    /// By the field's [`Metric`](crate::Metric); for a search by words the BM25 score; for a hybrid search the fused
    /// score. Only the last two always grow with nearness.
    pub score: f32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<String, Vector>,
    #[serde(default)]
    pub fields: Fields,
}
