//! Records as columns and columns as records.

use std::collections::BTreeMap;

use milvus::v2::prelude as sdk;
use serde_json::Value;

use super::schema::{DYNAMIC_FIELD, is_dynamic};
use super::server::Server;
use crate::record::{Fields, Id, Record, Vector};
use crate::request::{Output, Query};
use crate::schema::{CollectionSpec, ScalarField, ScalarKind, VectorKind};
use crate::{Error, ErrorKind, Result};

/// Bytes of one message of records or queries; the server's limit is four times that.
pub(super) const MAX_REQUEST_BYTES: usize = 16 << 20;
/// Ids in one call: their text is an expression that the server parses, and comes back in an answer of four megabytes.
const IDS_A_CALL: usize = 4096;
/// Bytes of them.
const ID_BYTES_A_CALL: usize = 1 << 20;

/// Cuts records into messages.
pub(super) fn batches(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let (mut bytes, mut id_bytes) = (0, 0);
        let fits = rest.iter().take_while(|record| {
            bytes += byte_len(record);
            id_bytes += record.id.as_ref().map_or(0, id_len);
            bytes <= MAX_REQUEST_BYTES && id_bytes <= ID_BYTES_A_CALL
        });
        let count = fits.count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// How many of the ids, at least one, go into one call.
pub(super) fn ids_a_call(ids: &[Id]) -> usize {
    let mut bytes = 0;
    let fits = ids.iter().take(IDS_A_CALL).take_while(|id| {
        bytes += id_len(id);
        bytes <= ID_BYTES_A_CALL
    });
    fits.count().max(1).min(ids.len())
}

/// Bytes of an id in an expression or an answer, about.
fn id_len(id: &Id) -> usize {
    match id {
        Id::Int(_) => 8,
        Id::String(text) => text.len(),
    }
}

/// Bytes of a query in a request.
pub(super) fn query_bytes(query: &Query) -> usize {
    match query {
        Query::Vector(vector) => vector.byte_len(),
        Query::Text(text) => text.len(),
        Query::Id(id) => id_len(id),
    }
}

fn byte_len(record: &Record) -> usize {
    let vectors: usize = record.vectors.values().map(Vector::byte_len).sum();
    let fields: usize = record
        .fields
        .values()
        .map(|value| match value {
            Value::String(text) => text.len(),
            Value::Array(_) | Value::Object(_) => value.to_string().len(),
            _ => 8,
        })
        .sum();
    vectors + fields + record.id.as_ref().map_or(0, id_len) + 64
}

/// The columns of checked records.
pub(super) fn to_columns(spec: &CollectionSpec, server: &Server, records: &[Record]) -> Result<Vec<sdk::FieldData>> {
    let mut columns = Vec::new();
    let ids: Vec<&Id> = records.iter().filter_map(|record| record.id.as_ref()).collect();
    match to_ids(&ids) {
        sdk::Ids::Int64(ids) if !ids.is_empty() => columns.push(sdk::FieldData::int64(&spec.id_field, ids)),
        sdk::Ids::VarChar(ids) if !ids.is_empty() => columns.push(sdk::FieldData::varchar(&spec.id_field, ids)),
        _ => {}
    }
    for field in &spec.vectors {
        let vectors = records.iter().map(|record| &record.vectors[&field.name]);
        columns.push(match field.kind {
            VectorKind::F32 => {
                let values = vectors.map(|vector| match vector {
                    Vector::F32(values) => values.clone(),
                    Vector::Binary { .. } => Vec::new(),
                });
                sdk::FieldData::float_vector(&field.name, values.collect())
            }
            VectorKind::Binary => {
                let values = vectors.map(|vector| match vector {
                    Vector::Binary { bits } => bits.clone(),
                    Vector::F32(_) => Vec::new(),
                });
                sdk::FieldData::binary_vector(&field.name, values.collect())
            }
        });
    }
    for field in spec.scalars.iter().filter(|field| !is_dynamic(field, server)) {
        columns.push(to_column(field, records)?);
    }
    let dynamic: Vec<_> = spec.scalars.iter().filter(|field| is_dynamic(field, server)).collect();
    if !dynamic.is_empty() {
        let objects = records.iter().map(|record| {
            let present = dynamic.iter().filter_map(|field| {
                let value = record.fields.get(&field.name).filter(|value| !value.is_null())?;
                Some((field.name.clone(), value.clone()))
            });
            Value::Object(present.collect())
        });
        columns.push(sdk::FieldData::json(DYNAMIC_FIELD, objects.collect()));
    }
    Ok(columns)
}

fn to_column(field: &ScalarField, records: &[Record]) -> Result<sdk::FieldData> {
    let name = &field.name;
    let values = || records.iter().map(|record| record.fields.get(name).unwrap_or(&Value::Null));
    // Of a nullable column only the values that are there are sent.
    let there = || values().filter(|value| !field.nullable || !value.is_null());
    let column = match field.kind {
        ScalarKind::Bool => sdk::FieldData::boolean(name, there().filter_map(Value::as_bool).collect()),
        ScalarKind::Int => sdk::FieldData::int64(name, there().filter_map(Value::as_i64).collect()),
        ScalarKind::Float => sdk::FieldData::double(name, there().filter_map(Value::as_f64).collect()),
        ScalarKind::String { .. } => {
            sdk::FieldData::varchar(name, there().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        ScalarKind::Json => sdk::FieldData::json(name, there().cloned().collect()),
    };
    if !field.nullable {
        return Ok(column);
    }
    sdk::FieldData::nullable(column, values().map(|value| !value.is_null()).collect())
        .map_err(|error| Error::new(ErrorKind::Internal, format!("field '{name}' cannot be sent")).with_source(error))
}

/// Ids as the client wants them; they are all of one kind.
pub(super) fn to_ids(ids: &[&Id]) -> sdk::Ids {
    match ids.first() {
        Some(Id::String(_)) => sdk::Ids::VarChar(ids.iter().map(|id| id.to_string()).collect()),
        _ => sdk::Ids::Int64(
            ids.iter()
                .filter_map(|id| match id {
                    Id::Int(id) => Some(*id),
                    Id::String(_) => None,
                })
                .collect(),
        ),
    }
}

pub(super) fn from_ids(ids: &sdk::Ids) -> Vec<Id> {
    match ids {
        sdk::Ids::Int64(ids) => ids.iter().copied().map(Id::Int).collect(),
        sdk::Ids::VarChar(ids) => ids.iter().cloned().map(Id::String).collect(),
        // Other kinds do not exist today.
        _ => Vec::new(),
    }
}

/// The names of the server's fields that an output needs.
pub(super) fn output_fields(spec: &CollectionSpec, server: &Server, output: &Output) -> Vec<String> {
    let vectors = spec.vectors.iter().filter(|field| output.wants_vector(&field.name)).map(|field| field.name.clone());
    // A key of the dynamic field may be asked for by its name, and comes back within it.
    let scalars = spec
        .scalars
        .iter()
        .filter(|field| output.wants_scalar(&field.name))
        .map(|field| if is_dynamic(field, server) { DYNAMIC_FIELD.to_owned() } else { field.name.clone() });
    let mut names: Vec<String> = vectors.chain(scalars).collect();
    names.sort();
    names.dedup();
    // Some servers take no field at all for every field.
    if names.is_empty() {
        names.push(spec.id_field.clone());
    }
    names
}

/// Bytes of an answer's row, so far as the schema tells; strings are taken to be short.
pub(super) fn row_bytes(spec: &CollectionSpec, output: &Output) -> usize {
    let vectors = spec.vectors.iter().filter(|field| output.wants_vector(&field.name)).map(|field| match field.kind {
        VectorKind::F32 => field.dim * 4,
        VectorKind::Binary => field.dim / 8,
    });
    let scalars = spec.scalars.iter().filter(|field| output.wants_scalar(&field.name)).map(|field| match field.kind {
        ScalarKind::Bool | ScalarKind::Int | ScalarKind::Float => 10,
        ScalarKind::String { .. } | ScalarKind::Json => 128,
    });
    32 + vectors.sum::<usize>() + scalars.sum::<usize>()
}

/// The vectors and fields of row `at` of an answer's columns.
pub(super) fn from_columns(
    spec: &CollectionSpec,
    server: &Server,
    output: &Output,
    columns: &[sdk::FieldData],
    at: usize,
) -> Result<(BTreeMap<String, Vector>, Fields)> {
    let column = |name: &str| columns.iter().find(|column| column.name() == name);
    let mut vectors = BTreeMap::new();
    for field in spec.vectors.iter().filter(|field| output.wants_vector(&field.name)) {
        let vector = match column(&field.name).map(sdk::FieldData::inner) {
            Some(sdk::FieldData::FloatVector { values, .. }) => values.get(at).cloned().map(Vector::F32),
            Some(sdk::FieldData::BinaryVector { values, .. }) => {
                values.get(at).map(|bits| Vector::binary(bits.clone()))
            }
            _ => None,
        };
        vectors.insert(field.name.clone(), vector.ok_or_else(|| missing(&field.name))?);
    }
    let mut fields = Fields::new();
    for field in spec.scalars.iter().filter(|field| output.wants_scalar(&field.name)) {
        let value = if is_dynamic(field, server) {
            match column(DYNAMIC_FIELD).map(|column| value(column, at)) {
                Some(Some(Value::Object(object))) => object.get(&field.name).cloned().unwrap_or(Value::Null),
                _ => Value::Null,
            }
        } else {
            let column = column(&field.name).ok_or_else(|| missing(&field.name))?;
            value(column, at).ok_or_else(|| missing(&field.name))?
        };
        fields.insert(field.name.clone(), value);
    }
    Ok((vectors, fields))
}

/// The value of row `at`; null where the column says so.
fn value(column: &sdk::FieldData, at: usize) -> Option<Value> {
    if column.is_null(at) {
        return Some(Value::Null);
    }
    // A nullable column has only the values that are there.
    let at = match column.valid_data() {
        Some(valid) if valid.len() != column.inner().len() => valid[..at].iter().filter(|valid| **valid).count(),
        _ => at,
    };
    match column.inner() {
        sdk::FieldData::Bool { values, .. } => values.get(at).map(|value| Value::from(*value)),
        sdk::FieldData::Int64 { values, .. } => values.get(at).map(|value| Value::from(*value)),
        sdk::FieldData::Double { values, .. } => values.get(at).map(|value| Value::from(*value)),
        sdk::FieldData::VarChar { values, .. } => values.get(at).map(|value| Value::from(value.as_str())),
        sdk::FieldData::Json { values, .. } => values.get(at).cloned(),
        _ => None,
    }
}

fn missing(field: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the server's answer lacks field '{field}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_into_messages_by_their_bytes() {
        let small = |id| Record::new(id).vector("v", vec![0.0; 4]);
        assert_eq!(batches(&[]).count(), 0);
        assert_eq!(batches(&(0..1000).map(small).collect::<Vec<_>>()).count(), 1);
        // A megabyte each: fifteen and their overhead fit into sixteen megabytes.
        let large: Vec<Record> = (0..40).map(|id| Record::new(id).vector("v", vec![0.0; 1 << 18])).collect();
        let sizes: Vec<usize> = batches(&large).map(<[_]>::len).collect();
        assert_eq!(sizes, [15, 15, 10]);
        // One that is too large by itself still goes, for the server to say so.
        let huge = [Record::new(1).vector("v", vec![0.0; 5 << 20]), small(2)];
        assert_eq!(batches(&huge).map(<[_]>::len).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn long_ids_make_small_batches() {
        let ids: Vec<Id> = (0..100).map(|at| Id::from(format!("{at:02}{}", "x".repeat(65_534)))).collect();
        assert_eq!(ids_a_call(&ids), 16);
        let records: Vec<Record> = ids.iter().cloned().map(Record::new).collect();
        assert!(batches(&records).all(|batch| batch.len() <= 16));
        assert_eq!(batches(&records).map(<[_]>::len).sum::<usize>(), 100);
        assert_eq!(ids_a_call(&(0..9000).map(Id::Int).collect::<Vec<_>>()), IDS_A_CALL);
        assert_eq!(ids_a_call(&[]), 0);
    }

    #[test]
    fn nullable_columns_carry_only_what_is_there() {
        let spec = CollectionSpec::new("c", crate::IdKind::Int).scalar(ScalarField::int("n").nullable());
        let records = [Record::new(1).field("n", 7), Record::new(2), Record::new(3).field("n", Value::Null)];
        let server = Server::new("v2.6.0");
        let columns = to_columns(&spec, &server, &records).unwrap();
        let column = columns.iter().find(|column| column.name() == "n").unwrap();
        let values: Vec<_> = (0..3).map(|at| value(column, at)).collect();
        assert_eq!(values, [Some(Value::from(7)), Some(Value::Null), Some(Value::Null)]);
        // Where there are no nullable fields, a missing key of the dynamic field is what null is.
        let server = Server::new("v2.3.5");
        let columns = to_columns(&spec, &server, &records).unwrap();
        let (_, fields) = from_columns(&spec, &server, &Output::Scalars, &columns, 0).unwrap();
        assert_eq!(fields["n"], Value::from(7));
        let (_, fields) = from_columns(&spec, &server, &Output::Scalars, &columns, 1).unwrap();
        assert_eq!(fields["n"], Value::Null);
    }
}
