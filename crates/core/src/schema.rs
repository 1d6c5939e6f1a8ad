//! What a collection is made of, in words that fit both stores: the schema a solution declares once and never
//! thinks about again.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The longest name of a collection or field, in bytes.
pub const MAX_NAME: usize = 255;
/// The most dimensions of a vector (bits, for a binary one).
pub const MAX_DIM: usize = 32_768;
/// The longest string in a string field, in bytes.
pub const MAX_STRING: usize = 65_535;
/// The longest JSON text in a JSON field, in bytes.
pub const MAX_JSON: usize = 65_536;
/// The name of the id in filters and on servers, unless [`CollectionSpec::id_field`] says otherwise.
pub const ID_FIELD: &str = "id";

/// Names that no field may have, because filters could not speak of it. Milvus refuses them too.
const FILTER_WORDS: [&str; 15] = [
    "and",
    "or",
    "not",
    "in",
    "like",
    "is",
    "null",
    "exists",
    "true",
    "false",
    "json_contains",
    "json_contains_all",
    "json_contains_any",
    "array_contains",
    "array_length",
];

/// How near two vectors are. Scores are what Milvus reports; hits come best first whichever way that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Metric {
    /// Squared Euclidean distance; 0 is equal, smaller is nearer.
    L2,
    /// Inner product; larger is nearer.
    #[serde(rename = "IP")]
    InnerProduct,
    /// Cosine similarity, −1 to 1; larger is nearer.
    Cosine,
    /// Number of differing bits; smaller is nearer.
    Hamming,
    /// 1 − |a ∧ b| / |a ∨ b| (1 − Tanimoto); smaller is nearer. Vectors without any bit are refused: 0 / 0 is what
    /// every server makes of it.
    Jaccard,
}

impl Metric {
    /// Whether larger scores are nearer.
    pub fn larger_is_nearer(self) -> bool {
        matches!(self, Self::InnerProduct | Self::Cosine)
    }

    /// The order of two scores, nearest first.
    pub fn nearest_first(self, a: f32, b: f32) -> std::cmp::Ordering {
        if self.larger_is_nearer() { b.total_cmp(&a) } else { a.total_cmp(&b) }
    }

    /// The name Milvus uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::L2 => "L2",
            Self::InnerProduct => "IP",
            Self::Cosine => "COSINE",
            Self::Hamming => "HAMMING",
            Self::Jaccard => "JACCARD",
        }
    }

    fn fits(self, kind: VectorKind) -> bool {
        matches!(self, Self::Hamming | Self::Jaccard) == (kind == VectorKind::Binary)
    }
}

/// An index and its build parameters, by Milvus's names. Milvus gets them as they are; the local store serves every
/// one of them by an exact scan or its own HNSW graph, and `describe` says which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IndexKind {
    /// The store's choice.
    #[default]
    #[serde(rename = "AUTOINDEX")]
    Auto,
    /// Exact.
    Flat,
    IvfFlat {
        nlist: u32,
    },
    #[serde(rename = "IVF_SQ8")]
    IvfSq8 {
        nlist: u32,
    },
    IvfPq {
        nlist: u32,
        /// Sub-quantisers; divides the dimension.
        m: u32,
        nbits: u32,
    },
    Hnsw {
        /// Links a node, 2 to 2,048 (Milvus's `M`).
        m: u32,
        ef_construction: u32,
    },
    #[serde(rename = "DISKANN")]
    DiskAnn,
    /// Exact, for binary vectors.
    BinFlat,
    BinIvfFlat {
        nlist: u32,
    },
}

impl IndexKind {
    /// The name Milvus uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTOINDEX",
            Self::Flat => "FLAT",
            Self::IvfFlat { .. } => "IVF_FLAT",
            Self::IvfSq8 { .. } => "IVF_SQ8",
            Self::IvfPq { .. } => "IVF_PQ",
            Self::Hnsw { .. } => "HNSW",
            Self::DiskAnn => "DISKANN",
            Self::BinFlat => "BIN_FLAT",
            Self::BinIvfFlat { .. } => "BIN_IVF_FLAT",
        }
    }

    fn fits(self, kind: VectorKind) -> bool {
        match self {
            Self::Auto => true,
            Self::BinFlat | Self::BinIvfFlat { .. } => kind == VectorKind::Binary,
            _ => kind == VectorKind::F32,
        }
    }

    /// Refuses parameters that Milvus refuses; `dim` is the field's dimension.
    fn check(self, dim: usize) -> std::result::Result<(), String> {
        let within = |name: &str, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!("{} takes {name} from {low} to {high}, not {value}", self.name()))
            }
        };
        match self {
            Self::IvfFlat { nlist } | Self::IvfSq8 { nlist } | Self::BinIvfFlat { nlist } => {
                within("nlist", nlist, 1, 65_536)
            }
            Self::IvfPq { nlist, m, nbits } => {
                within("nlist", nlist, 1, 65_536)?;
                within("nbits", nbits, 1, 16)?;
                if m == 0 || !dim.is_multiple_of(m as usize) {
                    return Err(format!("IVF_PQ's m must divide the dimension {dim}, but m is {m}"));
                }
                Ok(())
            }
            Self::Hnsw { m, ef_construction } => {
                within("M", m, 2, 2048)?;
                within("ef_construction", ef_construction, 1, 1_000_000)
            }
            Self::Auto | Self::Flat | Self::DiskAnn | Self::BinFlat => Ok(()),
        }
    }
}

/// What a vector is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorKind {
    /// 32-bit floats, one a dimension.
    F32,
    /// Bits, eight to a byte, first bit highest; the dimension counts bits and divides by 8.
    Binary,
}

/// A field that holds one vector a record and can be searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorField {
    pub name: String,
    pub kind: VectorKind,
    /// Numbers, or bits, a vector.
    pub dim: usize,
    pub metric: Metric,
    pub index: IndexKind,
}

impl VectorField {
    /// A vector of `dim` floats under L2, IP or Cosine.
    pub fn f32(name: impl Into<String>, dim: usize, metric: Metric) -> Self {
        Self { name: name.into(), kind: VectorKind::F32, dim, metric, index: IndexKind::Auto }
    }

    /// A vector of `bits` bits under Hamming or Jaccard.
    pub fn binary(name: impl Into<String>, bits: usize, metric: Metric) -> Self {
        Self { name: name.into(), kind: VectorKind::Binary, dim: bits, metric, index: IndexKind::Auto }
    }

    pub fn index(mut self, index: IndexKind) -> Self {
        self.index = index;
        self
    }
}

/// What a scalar field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ScalarKind {
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float, finite.
    Float,
    String {
        /// Most bytes of UTF-8.
        max_len: usize,
    },
    /// Any JSON value up to [`MAX_JSON`] bytes.
    Json,
}

impl ScalarKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::String { .. } => "string",
            Self::Json => "json",
        }
    }
}

/// A field that goes with a vector: shown with a hit, filtered by, or searched by words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalarField {
    pub name: String,
    #[serde(flatten)]
    pub kind: ScalarKind,
    /// May be left out of a record.
    #[serde(default)]
    pub nullable: bool,
    /// May stand in a filter. A field that may not can live outside the vector store (in Redis).
    pub filterable: bool,
    /// Has a full-text (BM25) index and can be searched by words. Strings only.
    #[serde(default)]
    pub full_text: bool,
}

impl ScalarField {
    /// A required, filterable field.
    pub fn new(name: impl Into<String>, kind: ScalarKind) -> Self {
        Self { name: name.into(), kind, nullable: false, filterable: true, full_text: false }
    }

    pub fn bool(name: impl Into<String>) -> Self {
        Self::new(name, ScalarKind::Bool)
    }

    pub fn int(name: impl Into<String>) -> Self {
        Self::new(name, ScalarKind::Int)
    }

    pub fn float(name: impl Into<String>) -> Self {
        Self::new(name, ScalarKind::Float)
    }

    /// A string of up to [`MAX_STRING`] bytes.
    pub fn string(name: impl Into<String>) -> Self {
        Self::new(name, ScalarKind::String { max_len: MAX_STRING })
    }

    pub fn json(name: impl Into<String>) -> Self {
        Self::new(name, ScalarKind::Json)
    }

    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub fn not_filterable(mut self) -> Self {
        self.filterable = false;
        self
    }

    pub fn full_text(mut self) -> Self {
        self.full_text = true;
        self
    }
}

/// Where ids come from and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum IdKind {
    /// The store gives each new record a 64-bit integer. Writing a record twice stores it twice.
    Auto,
    /// The caller gives a 64-bit integer.
    Int,
    /// The caller gives a string.
    String {
        /// Most bytes of UTF-8.
        max_len: usize,
    },
}

/// A collection's schema.
///
/// ```
/// use bootcamp_core::{CollectionSpec, IdKind, Metric, ScalarField, VectorField};
/// let spec = CollectionSpec::new("pictures", IdKind::Int)
///     .vector(VectorField::f32("embedding", 512, Metric::Cosine))
///     .scalar(ScalarField::string("label"))
///     .scalar(ScalarField::string("path").not_filterable());
/// spec.check()?;
/// # Ok::<(), bootcamp_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionSpec {
    pub name: String,
    pub id: IdKind,
    /// The name of the id in filters, and of the primary key on servers: [`ID_FIELD`], unless another program
    /// prescribes the layout.
    #[serde(default = "usual_id_field", skip_serializing_if = "is_usual_id_field")]
    pub id_field: String,
    pub vectors: Vec<VectorField>,
    pub scalars: Vec<ScalarField>,
}

impl CollectionSpec {
    pub fn new(name: impl Into<String>, id: IdKind) -> Self {
        Self { name: name.into(), id, id_field: usual_id_field(), vectors: Vec::new(), scalars: Vec::new() }
    }

    /// The same, with another name for the id.
    pub fn id_field(mut self, name: impl Into<String>) -> Self {
        self.id_field = name.into();
        self
    }

    pub fn vector(mut self, field: VectorField) -> Self {
        self.vectors.push(field);
        self
    }

    pub fn scalar(mut self, field: ScalarField) -> Self {
        self.scalars.push(field);
        self
    }

    /// The vector field of that name.
    ///
    /// # Errors
    /// `InvalidInput` that lists the vector fields there are.
    pub fn vector_field(&self, name: &str) -> Result<&VectorField> {
        self.vectors.iter().find(|field| field.name == name).ok_or_else(|| {
            Error::invalid(format!("collection '{}' has no vector field '{name}'", self.name))
                .with_hint(format!("its vector fields are: {}", list(self.vectors.iter().map(|f| &f.name))))
        })
    }

    /// The scalar field of that name.
    pub fn scalar_field(&self, name: &str) -> Option<&ScalarField> {
        self.scalars.iter().find(|field| field.name == name)
    }

    /// The error for a field that the collection does not have, with a hint that lists those it has.
    pub fn unknown_field(&self, name: &str) -> Error {
        let names = self.scalars.iter().map(|f| &f.name).chain(self.vectors.iter().map(|f| &f.name));
        let shown: String = name.chars().take(64).collect();
        Error::invalid(format!("collection '{}' has no field '{shown}'", self.name)).with_hint(format!(
            "its fields are: {}, {}",
            self.id_field,
            list(names)
        ))
    }

    /// Refuses what any store would refuse, before any store is asked.
    ///
    /// # Errors
    /// `InvalidInput` that names the field.
    pub fn check(&self) -> Result<()> {
        check_name("collection", &self.name)?;
        if let IdKind::String { max_len } = self.id {
            check_max_len(&self.id_field, max_len)?;
        }
        if self.vectors.is_empty() {
            return Err(Error::invalid(format!("collection '{}' has no vector field", self.name))
                .with_hint("give it at least one with CollectionSpec::vector"));
        }
        let mut seen = std::collections::HashSet::new();
        let names = [&self.id_field].into_iter().chain(self.vectors.iter().map(|f| &f.name));
        for name in names.chain(self.scalars.iter().map(|f| &f.name)) {
            check_name("field", name)?;
            if FILTER_WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) {
                return Err(Error::invalid(format!("field name '{name}' is a keyword of the filter language"))
                    .with_hint("choose another name, so that filters can use the field"));
            }
            if !seen.insert(name) {
                return Err(Error::invalid(format!("field name '{name}' is used twice"))
                    .with_hint(format!("field names must be unique; '{}' is reserved for the id", self.id_field)));
            }
        }
        self.vectors.iter().try_for_each(check_vector_field)?;
        self.scalars.iter().try_for_each(check_scalar_field)
    }
}

fn usual_id_field() -> String {
    ID_FIELD.to_owned()
}

fn is_usual_id_field(name: &String) -> bool {
    name == ID_FIELD
}

fn check_vector_field(field: &VectorField) -> Result<()> {
    let name = &field.name;
    if field.dim == 0 || field.dim > MAX_DIM {
        return Err(Error::invalid(format!(
            "vector field '{name}' has dimension {}, expected 1 to {MAX_DIM}",
            field.dim
        )));
    }
    if field.kind == VectorKind::Binary && !field.dim.is_multiple_of(8) {
        return Err(Error::invalid(format!(
            "binary vector field '{name}' has {} bits, expected a multiple of 8",
            field.dim
        )));
    }
    if !field.metric.fits(field.kind) {
        let (kind, expected) = match field.kind {
            VectorKind::F32 => ("an f32", "L2, IP or COSINE"),
            VectorKind::Binary => ("a binary", "HAMMING or JACCARD"),
        };
        return Err(Error::invalid(format!(
            "{kind} vector field ('{name}') cannot use metric {}, expected {expected}",
            field.metric.name()
        )));
    }
    if !field.index.fits(field.kind) {
        let kind = if field.kind == VectorKind::F32 { "f32" } else { "binary" };
        return Err(Error::invalid(format!(
            "index {} does not work on the {kind} vector field '{name}'",
            field.index.name()
        )));
    }
    field.index.check(field.dim).map_err(|message| Error::invalid(format!("vector field '{name}': {message}")))
}

fn check_scalar_field(field: &ScalarField) -> Result<()> {
    if let ScalarKind::String { max_len } = field.kind {
        check_max_len(&field.name, max_len)?;
    } else if field.full_text {
        return Err(Error::invalid(format!(
            "field '{}' is of type {}, but only string fields support full-text search",
            field.name,
            field.kind.name()
        )));
    }
    Ok(())
}

fn check_max_len(name: &str, max_len: usize) -> Result<()> {
    if max_len == 0 || max_len > MAX_STRING {
        return Err(Error::invalid(format!("string field '{name}' has max_len {max_len}, expected 1 to {MAX_STRING}")));
    }
    Ok(())
}

/// Refuses a name that Milvus would refuse: a letter or underscore, then letters, digits and underscores.
///
/// # Errors
/// `InvalidInput` with the rule as its hint.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.len() <= MAX_NAME && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    let shown: String = name.chars().take(64).collect();
    Err(Error::invalid(format!("'{shown}' is not a valid {what} name")).with_hint(format!(
        "a name starts with a letter or underscore, continues with letters, digits and underscores, and has at most {MAX_NAME} characters"
    )))
}

/// `a, b, c`, or `none`.
pub(crate) fn list(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_filters_are_no_names_of_fields() {
        let spec = |name: &str| {
            CollectionSpec::new("c", IdKind::Int)
                .vector(VectorField::f32("v", 4, Metric::L2))
                .scalar(ScalarField::string(name))
        };
        spec("inside").check().unwrap();
        let error = spec("IN").check().unwrap_err();
        assert_eq!(error.to_string(), "field name 'IN' is a keyword of the filter language");
    }

    #[test]
    fn a_schema_survives_being_written_down() {
        let spec = CollectionSpec::new("c", IdKind::String { max_len: 9 })
            .vector(VectorField::f32("v", 4, Metric::InnerProduct).index(IndexKind::IvfSq8 { nlist: 2048 }))
            .vector(VectorField::binary("b", 8, Metric::Jaccard).index(IndexKind::BinIvfFlat { nlist: 1 }))
            .scalar(ScalarField::string("s").full_text().not_filterable())
            .scalar(ScalarField::json("j").nullable());
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""type":"IVF_SQ8""#) && text.contains(r#""metric":"IP""#), "{text}");
        assert_eq!(serde_json::from_str::<CollectionSpec>(&text).unwrap(), spec);
    }
}
