//! Conversion between our schema and Milvus's.
//!
//! Where the server's schema has no place for something of ours, the server keeps our own words, too: in the collection's
//! description, which Lite loses, and in a property, which 2.3 loses. All other collections, those of other programs
//! included, are described by their fields alone.

use std::collections::HashMap;

use milvus::v2::prelude as sdk;

use super::server::Server;
use crate::schema::{CollectionSpec, IdKind, IndexKind, Metric, ScalarField, ScalarKind, VectorField, VectorKind};
use crate::{Error, ErrorKind, Result};

/// The dynamic field, in which nullable fields live on servers that have none.
pub(super) const DYNAMIC_FIELD: &str = "$meta";

/// The collection's property with our own words.
pub(super) const SPEC_PROPERTY: &str = "bootcamp.spec";

/// The hidden field with the sparse vectors of a full-text field.
pub(super) fn sparse_field(name: &str) -> String {
    format!("{name}_bm25")
}

/// Whether the field lives in the dynamic field on this server.
pub(super) fn is_dynamic(field: &ScalarField, server: &Server) -> bool {
    field.nullable && !server.has_nullable_fields()
}

/// Our own words; `None` where [`from_server`] reads the same from the fields. Those of a collection that other programs
/// share the layout of stay as these write them.
pub(super) fn to_words(spec: &CollectionSpec) -> Result<Option<String>> {
    // A server replaces its own choice by what it has chosen, and knows nothing of how our filters are used.
    let says_all = |field: &ScalarField| field.filterable && !field.nullable && !field.full_text;
    if spec.scalars.iter().all(says_all) && spec.vectors.iter().all(|field| field.index != IndexKind::Auto) {
        return Ok(None);
    }
    serde_json::to_string(spec)
        .map(Some)
        .map_err(|error| Error::new(ErrorKind::Internal, "the schema cannot be written").with_source(error))
}

/// The schema to create a collection with.
pub(super) fn to_server(spec: &CollectionSpec, server: &Server) -> Result<sdk::CollectionSchema> {
    let id = sdk::FieldSchema::new().name(&spec.id_field).primary_key(true);
    let id = match spec.id {
        IdKind::Auto => id.data_type(sdk::DataType::Int64).auto_id(true),
        IdKind::Int => id.data_type(sdk::DataType::Int64),
        IdKind::String { max_len } => id.data_type(sdk::DataType::VarChar).max_length(max_len as u32),
    };
    let mut schema = sdk::CollectionSchema::new()
        .description(to_words(spec)?.unwrap_or_default())
        .enable_dynamic_field(spec.scalars.iter().any(|field| is_dynamic(field, server)))
        .add_field(id);
    for field in &spec.vectors {
        let kind = match field.kind {
            VectorKind::F32 => sdk::DataType::FloatVector,
            VectorKind::Binary => sdk::DataType::BinaryVector,
        };
        schema =
            schema.add_field(sdk::FieldSchema::new().name(&field.name).data_type(kind).dimension(field.dim as u32));
    }
    for field in &spec.scalars {
        if is_dynamic(field, server) {
            continue;
        }
        schema = schema.add_field(scalar(field));
        if field.full_text {
            let sparse = sparse_field(&field.name);
            schema = schema
                .add_field(sdk::FieldSchema::new().name(&sparse).data_type(sdk::DataType::SparseFloatVector))
                .add_function(
                    sdk::Function::new()
                        .name(&sparse)
                        .function_type(sdk::FunctionType::Bm25)
                        .input_fields([&field.name])
                        .output_fields([&sparse]),
                );
        }
    }
    Ok(schema)
}

fn scalar(field: &ScalarField) -> sdk::FieldSchema {
    let schema = sdk::FieldSchema::new().name(&field.name).nullable(field.nullable);
    match field.kind {
        ScalarKind::Bool => schema.data_type(sdk::DataType::Bool),
        ScalarKind::Int => schema.data_type(sdk::DataType::Int64),
        ScalarKind::Float => schema.data_type(sdk::DataType::Double),
        ScalarKind::String { max_len } => {
            let schema = schema.data_type(sdk::DataType::VarChar).max_length(max_len as u32);
            if field.full_text { schema.enable_analyzer(true).enable_match(true) } else { schema }
        }
        ScalarKind::Json => schema.data_type(sdk::DataType::Json),
    }
}

/// The indexes to create: one for each vector field, hidden ones too. Without one Milvus loads nothing.
pub(super) fn indexes(spec: &CollectionSpec, server: &Server) -> Vec<sdk::IndexParam> {
    let vectors = spec.vectors.iter().map(|field| {
        let (kind, parameters) = index(field);
        let mut parameters: HashMap<String, String> =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
        if server.wants_nested_parameters() {
            let text: Vec<String> = parameters.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            parameters = HashMap::from([("params".to_owned(), format!("{{{}}}", text.join(",")))]);
        }
        sdk::IndexParam::new()
            .field_name(&field.name)
            .index_type(kind)
            .metric_type(metric(field.metric))
            .extra_params(parameters)
    });
    let words = spec.scalars.iter().filter(|field| field.full_text).map(|field| {
        sdk::IndexParam::new()
            .field_name(sparse_field(&field.name))
            .index_type(sdk::IndexType::SparseInvertedIndex)
            .metric_type(sdk::MetricType::Bm25)
    });
    vectors.chain(words).collect()
}

fn index(field: &VectorField) -> (sdk::IndexType, Vec<(&'static str, u32)>) {
    match field.index {
        // Servers choose for floats; what they choose for bits does not exist in every version.
        IndexKind::Auto if field.kind == VectorKind::Binary => (sdk::IndexType::BinFlat, vec![]),
        IndexKind::Auto => (sdk::IndexType::AutoIndex, vec![]),
        IndexKind::Flat => (sdk::IndexType::Flat, vec![]),
        IndexKind::IvfFlat { nlist } => (sdk::IndexType::IvfFlat, vec![("nlist", nlist)]),
        IndexKind::IvfSq8 { nlist } => (sdk::IndexType::IvfSq8, vec![("nlist", nlist)]),
        IndexKind::IvfPq { nlist, m, nbits } => {
            (sdk::IndexType::IvfPq, vec![("nlist", nlist), ("m", m), ("nbits", nbits)])
        }
        IndexKind::Hnsw { m, ef_construction } => {
            (sdk::IndexType::Hnsw, vec![("M", m), ("efConstruction", ef_construction)])
        }
        IndexKind::DiskAnn => (sdk::IndexType::DiskAnn, vec![]),
        IndexKind::BinFlat => (sdk::IndexType::BinFlat, vec![]),
        IndexKind::BinIvfFlat { nlist } => (sdk::IndexType::BinIvfFlat, vec![("nlist", nlist)]),
    }
}

pub(super) fn metric(metric: Metric) -> sdk::MetricType {
    match metric {
        Metric::L2 => sdk::MetricType::L2,
        Metric::InnerProduct => sdk::MetricType::Ip,
        Metric::Cosine => sdk::MetricType::Cosine,
        Metric::Hamming => sdk::MetricType::Hamming,
        Metric::Jaccard => sdk::MetricType::Jaccard,
    }
}

/// Our schema of a collection on the server; `indexes` are its indexes, which know metrics.
pub(super) fn from_server(
    name: &str,
    description: &sdk::CollectionDesc,
    indexes: &[sdk::IndexDesc],
) -> Result<CollectionSpec> {
    let schema = description.get_schema();
    let property = |properties: &HashMap<String, String>| properties.get(SPEC_PROPERTY).cloned().unwrap_or_default();
    let words = [
        schema.get_description().to_owned(),
        description.get_description().to_owned(),
        property(description.get_properties()),
        property(schema.get_properties()),
    ];
    let parsed = words.iter().find_map(|words| serde_json::from_str::<CollectionSpec>(words).ok());
    if let Some(spec) = parsed {
        return Ok(CollectionSpec { name: name.to_owned(), ..spec });
    }
    let mut spec = CollectionSpec::new(name, IdKind::Int);
    for field in schema.get_fields() {
        if field.is_primary_key() {
            spec.id = id_kind(field);
            field.get_name().clone_into(&mut spec.id_field);
        } else if !field.is_dynamic() && !field.is_function_output() {
            add_field(&mut spec, field, indexes)?;
        }
    }
    Ok(spec)
}

fn id_kind(field: &sdk::FieldSchema) -> IdKind {
    match field.get_data_type() {
        sdk::DataType::Int64 if field.is_auto_id() => IdKind::Auto,
        sdk::DataType::Int64 => IdKind::Int,
        _ => IdKind::String { max_len: field.get_max_length() as usize },
    }
}

fn add_field(spec: &mut CollectionSpec, field: &sdk::FieldSchema, indexes: &[sdk::IndexDesc]) -> Result<()> {
    let name = field.get_name();
    let scalar = |kind| {
        let scalar = ScalarField::new(name, kind);
        if field.is_nullable() { scalar.nullable() } else { scalar }
    };
    let index = indexes.iter().find(|index| index.get_field_name() == name);
    let metric = index.and_then(|index| match index.get_metric_type() {
        sdk::MetricType::L2 => Some(Metric::L2),
        sdk::MetricType::Ip => Some(Metric::InnerProduct),
        sdk::MetricType::Cosine => Some(Metric::Cosine),
        sdk::MetricType::Hamming => Some(Metric::Hamming),
        sdk::MetricType::Jaccard => Some(Metric::Jaccard),
        _ => None,
    });
    let dim = field.get_dimension() as usize;
    match field.get_data_type() {
        sdk::DataType::Bool => spec.scalars.push(scalar(ScalarKind::Bool)),
        sdk::DataType::Int64 => spec.scalars.push(scalar(ScalarKind::Int)),
        sdk::DataType::Double => spec.scalars.push(scalar(ScalarKind::Float)),
        sdk::DataType::VarChar => {
            spec.scalars.push(scalar(ScalarKind::String { max_len: field.get_max_length() as usize }));
        }
        sdk::DataType::Json => spec.scalars.push(scalar(ScalarKind::Json)),
        sdk::DataType::FloatVector | sdk::DataType::BinaryVector => {
            let metric = metric.ok_or_else(|| foreign(&spec.name, name, "is a vector without an index we know"))?;
            let vector = match field.get_data_type() {
                sdk::DataType::FloatVector => VectorField::f32(name, dim, metric),
                _ => VectorField::binary(name, dim, metric),
            };
            spec.vectors.push(vector.index(index.map(index_kind).unwrap_or_default()));
        }
        kind => return Err(foreign(&spec.name, name, &format!("is of type {kind:?}, which we do not know"))),
    }
    Ok(())
}

fn foreign(collection: &str, field: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("collection '{collection}' was made by another program: field '{field}' {what}"),
    )
    .with_hint("create the collection with this program, or copy it into one of its own")
}

/// The index in our words; one that has none there is the server's choice.
fn index_kind(index: &sdk::IndexDesc) -> IndexKind {
    let parameters = index.get_extra_params();
    let number =
        |name: &str, default: u32| parameters.get(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    match index.get_index_type() {
        sdk::IndexType::Flat => IndexKind::Flat,
        sdk::IndexType::IvfFlat => IndexKind::IvfFlat { nlist: number("nlist", 128) },
        sdk::IndexType::IvfSq8 => IndexKind::IvfSq8 { nlist: number("nlist", 128) },
        sdk::IndexType::IvfPq => {
            IndexKind::IvfPq { nlist: number("nlist", 128), m: number("m", 4), nbits: number("nbits", 8) }
        }
        sdk::IndexType::Hnsw => IndexKind::Hnsw { m: number("M", 16), ef_construction: number("efConstruction", 200) },
        sdk::IndexType::DiskAnn => IndexKind::DiskAnn,
        sdk::IndexType::BinFlat => IndexKind::BinFlat,
        sdk::IndexType::BinIvfFlat => IndexKind::BinIvfFlat { nlist: number("nlist", 128) },
        _ => IndexKind::Auto,
    }
}

/// Whether the index finds exactly the nearest.
pub(super) fn is_exact(index: &sdk::IndexDesc) -> bool {
    matches!(index.get_index_type(), sdk::IndexType::Flat | sdk::IndexType::BinFlat)
}

/// What the server says of an index: `IVF_SQ8 (nlist=2048)`.
pub(super) fn served_by(index: &sdk::IndexDesc) -> String {
    let mut parameters: Vec<String> = index
        .get_extra_params()
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "nlist" | "M" | "efConstruction" | "m" | "nbits"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parameters.sort();
    let kind = index_name(index.get_index_type());
    if parameters.is_empty() { kind } else { format!("{kind} ({})", parameters.join(", ")) }
}

fn index_name(kind: sdk::IndexType) -> String {
    let known = match kind {
        sdk::IndexType::AutoIndex => "AUTOINDEX",
        sdk::IndexType::Flat => "FLAT",
        sdk::IndexType::IvfFlat => "IVF_FLAT",
        sdk::IndexType::IvfSq8 => "IVF_SQ8",
        sdk::IndexType::IvfPq => "IVF_PQ",
        sdk::IndexType::Hnsw => "HNSW",
        sdk::IndexType::DiskAnn => "DISKANN",
        sdk::IndexType::BinFlat => "BIN_FLAT",
        sdk::IndexType::BinIvfFlat => "BIN_IVF_FLAT",
        other => return format!("{other:?}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ours_are_written_only_where_the_schema_cannot_say_all() {
        let server = Server::new("v2.3.5");
        let hnsw = IndexKind::Hnsw { m: 8, ef_construction: 64 };
        let spec = |index| {
            CollectionSpec::new("c", IdKind::String { max_len: 9 })
                .vector(VectorField::f32("v", 4, Metric::Cosine).index(index))
                .scalar(ScalarField::string("s"))
        };
        let told = |spec: CollectionSpec| {
            let schema = to_server(&spec, &server).unwrap();
            (!schema.get_description().is_empty(), schema.is_dynamic_field_enabled())
        };
        assert_eq!(told(spec(hnsw)), (false, false), "as others make it");
        assert_eq!(told(spec(IndexKind::Auto)), (true, false), "the server names an index of its own");
        assert_eq!(told(spec(hnsw).scalar(ScalarField::int("n").not_filterable())), (true, false));
        assert_eq!(told(spec(hnsw).scalar(ScalarField::int("n").nullable())), (true, true), "before 2.5");
    }
}
