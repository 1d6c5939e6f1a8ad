//! What the fields of a dataset hold: each has one kind, so that filters, exports and pages can rely on it.

use std::collections::BTreeMap;

use bootcamp_core::{Error, Result, unknown_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sample::LabelKind;

/// The longest name of a field, in characters.
const MAX_NAME: usize = 200;
/// What filters, sorting and exports call what every sample has.
const TAKEN: [&str; 9] =
    ["id", "filepath", "tags", "metadata", "width", "height", "size_bytes", "mime_type", "num_channels"];

/// What a field of a dataset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Form", try_from = "Form")]
pub enum FieldKind {
    Labels(LabelKind),
    Number,
    String,
    Bool,
    List,
    /// Embeddings, of so many numbers each.
    Vector {
        dim: usize,
    },
}

/// A kind as JSON: `{"kind": "vector", "dim": 512}`.
#[derive(Serialize, Deserialize)]
struct Form {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dim: Option<usize>,
}

impl From<FieldKind> for Form {
    fn from(kind: FieldKind) -> Self {
        let dim = if let FieldKind::Vector { dim } = kind { Some(dim) } else { None };
        Self { kind: kind.name().to_owned(), dim }
    }
}

impl TryFrom<Form> for FieldKind {
    type Error = String;

    fn try_from(form: Form) -> Result<Self, String> {
        use LabelKind as L;
        const KINDS: [LabelKind; 6] =
            [L::Classification, L::Classifications, L::Detection, L::Detections, L::Polyline, L::Polylines];
        let labels = KINDS.into_iter().map(FieldKind::Labels);
        let kinds = labels.chain([Self::Number, Self::String, Self::Bool, Self::List]);
        let vector = form.dim.map(|dim| Self::Vector { dim });
        let found = kinds.chain(vector).find(|kind| kind.name() == form.kind);
        found.ok_or_else(|| format!("'{}' is no kind of field", form.kind))
    }
}

impl FieldKind {
    /// `detections`, `number`, `vector`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Labels(LabelKind::Classification) => "classification",
            Self::Labels(LabelKind::Classifications) => "classifications",
            Self::Labels(LabelKind::Detection) => "detection",
            Self::Labels(LabelKind::Detections) => "detections",
            Self::Labels(LabelKind::Polyline) => "polyline",
            Self::Labels(LabelKind::Polylines) => "polylines",
            Self::Number => "number",
            Self::String => "string",
            Self::Bool => "bool",
            Self::List => "list",
            Self::Vector { .. } => "vector",
        }
    }

    /// The kind of a value.
    ///
    /// # Errors
    /// A message, for null and objects, which no field holds.
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(_) => Ok(Self::Number),
            Value::String(_) => Ok(Self::String),
            Value::Bool(_) => Ok(Self::Bool),
            Value::Array(_) => Ok(Self::List),
            Value::Null => Err("null is not a value".to_owned()),
            Value::Object(_) => Err("an object is not a value that a field can hold".to_owned()),
        }
    }

    /// `a field of detections`, `a vector of 512 numbers`
    fn shown(self) -> String {
        match self {
            Self::Labels(_) => format!("a field of type {}", self.name()),
            Self::Vector { dim } => format!("a vector of {dim} numbers"),
            _ => format!("a {}", self.name()),
        }
    }
}

/// The fields of a dataset, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Schema(pub(super) BTreeMap<String, FieldKind>);

impl Schema {
    /// Takes a field of that kind in, if it is new; `who` brings it.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is not possible, and for a field of another kind.
    pub(super) fn admit(&mut self, name: &str, kind: FieldKind, who: &dyn std::fmt::Display) -> Result<()> {
        match self.0.get(name) {
            Some(known) if *known == kind => Ok(()),
            Some(known) => Err(Error::invalid(format!(
                "{who}: field '{name}' is {} in this dataset, but here {}",
                known.shown(),
                kind.shown()
            ))
            .with_hint("give it another name; a field has one kind in all samples")),
            None => {
                check_field_name(name).map_err(|error| error.context(who))?;
                self.0.insert(name.to_owned(), kind);
                Ok(())
            }
        }
    }

    /// The kind of a field.
    ///
    /// # Errors
    /// `InvalidInput` for a field that is not known, with the nearest name as its hint.
    pub(super) fn kind(&self, dataset: &str, name: &str) -> Result<FieldKind> {
        self.0.get(name).copied().ok_or_else(|| self.unknown(dataset, "field", name, |_| true))
    }

    /// # Errors
    /// `InvalidInput` for what is no field of labels.
    pub(super) fn labels(&self, dataset: &str, name: &str) -> Result<LabelKind> {
        match self.0.get(name) {
            Some(FieldKind::Labels(kind)) => Ok(*kind),
            Some(other) => Err(Error::invalid(format!("field '{name}' of dataset '{dataset}' is {}", other.shown()))
                .with_hint("name a field of labels")),
            None => Err(self.unknown(dataset, "field of labels", name, |kind| matches!(kind, FieldKind::Labels(_)))),
        }
    }

    /// # Errors
    /// `InvalidInput` for what is no field of vectors.
    pub(super) fn dim(&self, dataset: &str, name: &str) -> Result<usize> {
        match self.0.get(name) {
            Some(FieldKind::Vector { dim }) => Ok(*dim),
            Some(other) => Err(Error::invalid(format!("field '{name}' of dataset '{dataset}' is {}", other.shown()))
                .with_hint("name a field of vectors")),
            None => {
                Err(self.unknown(dataset, "field of vectors", name, |kind| matches!(kind, FieldKind::Vector { .. })))
            }
        }
    }

    /// The names of the fields of labels.
    pub(super) fn label_fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, kind)| matches!(kind, FieldKind::Labels(_))).map(|(name, _)| name.as_str())
    }

    fn unknown(&self, dataset: &str, what: &str, name: &str, fits: impl Fn(FieldKind) -> bool) -> Error {
        let known = self.0.iter().filter(|(_, kind)| fits(**kind)).map(|(name, _)| name.as_str());
        unknown_name(&format!("dataset '{dataset}'"), what, name, known)
    }
}

/// Refuses a name that no field can have.
fn check_field_name(name: &str) -> Result<()> {
    let shown: String = name.chars().take(64).collect();
    if TAKEN.contains(&name) {
        return Err(Error::invalid(format!("field name '{name}' is taken: every sample has it"))
            .with_hint("give the field another name"));
    }
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(|c| c.is_control() || c == '.') {
        return Err(Error::invalid(format!("'{shown}' is not a possible name of a field")).with_hint(format!(
            "names have 1 to {MAX_NAME} characters without dots; filters can spell those of letters, digits and underscores"
        )));
    }
    Ok(())
}
