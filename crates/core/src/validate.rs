//! Checks every call's input before a store does anything, so that both stores refuse the same things in the same
//! words and nothing is ever half-written for a reason that could be known before.

use std::collections::HashSet;

use serde_json::Value;

use crate::record::{Id, Record, Vector};
use crate::request::{
    Fusion, GroupBy, HybridRequest, MAX_K, MAX_PAGE, MAX_QUERIES, Output, PageRequest, Query, SearchRequest, Selection,
};
use crate::schema::{CollectionSpec, IdKind, MAX_JSON, Metric, ScalarField, ScalarKind, VectorField, VectorKind, list};
use crate::{Error, Result};

/// Checks a batch of records against the schema.
pub fn records(spec: &CollectionSpec, records: &[Record]) -> Result<()> {
    if records.is_empty() {
        return Err(Error::invalid("the batch of records is empty"));
    }
    let mut seen = HashSet::with_capacity(records.len());
    for (at, record) in records.iter().enumerate() {
        record_of(spec, record).map_err(|error| error.context(format_args!("record {at}")))?;
        if let Some(id) = &record.id
            && !seen.insert(id)
        {
            return Err(Error::invalid(format!("record {at}: id {} is in the batch twice", shown(id)))
                .with_hint("send one record per id"));
        }
    }
    Ok(())
}

fn record_of(spec: &CollectionSpec, record: &Record) -> Result<()> {
    match (&record.id, spec.id) {
        (None, IdKind::Auto) => {}
        (Some(_), IdKind::Auto) => {
            return Err(Error::invalid(format!("collection '{}' generates ids, but the record has one", spec.name)));
        }
        (None, _) => return Err(Error::invalid("the record has no id")),
        (Some(given), _) => id(spec, given)?,
    }
    for field in &spec.vectors {
        let given = record
            .vectors
            .get(&field.name)
            .ok_or_else(|| Error::invalid(format!("vector field '{}' is missing", field.name)))?;
        vector(field, given)?;
    }
    if let Some(name) = record.vectors.keys().find(|name| !spec.vectors.iter().any(|field| &field.name == *name)) {
        return Err(spec.vector_field(name).err().unwrap_or_else(|| Error::invalid("unknown vector field")));
    }
    for field in &spec.scalars {
        scalar(field, record.fields.get(&field.name).unwrap_or(&Value::Null))?;
    }
    match record.fields.keys().find(|name| spec.scalar_field(name).is_none()) {
        Some(name) => Err(spec.unknown_field(name)),
        None => Ok(()),
    }
}

/// Checks a vector against its field: kind, dimension, finite components, and not zero under Cosine and Jaccard.
pub fn vector(field: &VectorField, given: &Vector) -> Result<()> {
    let name = &field.name;
    if given.kind() != field.kind {
        let words = |kind| if kind == VectorKind::F32 { "f32" } else { "binary" };
        return Err(Error::invalid(format!(
            "field '{name}' holds {} vectors, but this one is {}",
            words(field.kind),
            words(given.kind())
        )));
    }
    if given.dim() != field.dim {
        let unit = if field.kind == VectorKind::F32 { "dimension" } else { "number of bits" };
        return Err(Error::invalid(format!(
            "field '{name}': expected a vector of {unit} {}, not {}",
            field.dim,
            given.dim()
        )));
    }
    if let Vector::Binary { bits } = given
        && field.metric == Metric::Jaccard
        && bits.iter().all(|byte| *byte == 0)
    {
        return Err(Error::invalid(format!("field '{name}': a vector without set bits has no JACCARD distance"))
            .with_hint("leave the item out, or use metric HAMMING"));
    }
    if let Vector::F32(values) = given {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::invalid(format!(
                "field '{name}': component {at} is {}, not a finite number",
                values[at]
            )));
        }
        if field.metric == Metric::Cosine && values.iter().all(|value| *value == 0.0) {
            return Err(Error::invalid(format!("field '{name}': a zero vector has no COSINE similarity"))
                .with_hint("leave the item out, or use metric L2 or IP"));
        }
    }
    Ok(())
}

fn scalar(field: &ScalarField, value: &Value) -> Result<()> {
    let name = &field.name;
    if value.is_null() && field.kind != ScalarKind::Json {
        return if field.nullable {
            Ok(())
        } else {
            Err(Error::invalid(format!("field '{name}' is missing and is not nullable")))
        };
    }
    let fits = match field.kind {
        ScalarKind::Bool => value.is_boolean(),
        ScalarKind::Int => value.is_i64(),
        ScalarKind::Float => value.is_number(),
        ScalarKind::String { .. } => value.is_string(),
        ScalarKind::Json => field.nullable || !value.is_null(),
    };
    if !fits {
        return Err(Error::invalid(format!(
            "field '{name}': expected {}, not {}",
            expected(field.kind),
            kind_of(value)
        )));
    }
    match (field.kind, value) {
        (ScalarKind::String { max_len }, Value::String(text)) if text.len() > max_len => {
            Err(Error::invalid(format!("field '{name}': the string is {} bytes; the limit is {max_len}", text.len())))
        }
        (ScalarKind::String { .. }, Value::String(text)) if text.contains('\0') => {
            Err(Error::invalid(format!("field '{name}': the string contains a NUL character")))
        }
        (ScalarKind::Json, value) => {
            let len = value.to_string().len();
            if len > MAX_JSON {
                return Err(Error::invalid(format!(
                    "field '{name}': the JSON text is {len} bytes; the limit is {MAX_JSON}"
                )));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn expected(kind: ScalarKind) -> &'static str {
    match kind {
        ScalarKind::Bool => "true or false",
        ScalarKind::Int => "a 64-bit integer",
        ScalarKind::Float => "a number",
        ScalarKind::String { .. } => "a string",
        ScalarKind::Json => "a JSON value",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Checks that ids are of the collection's kind.
pub fn ids(spec: &CollectionSpec, ids: &[Id]) -> Result<()> {
    ids.iter().try_for_each(|given| id(spec, given))
}

fn id(spec: &CollectionSpec, given: &Id) -> Result<()> {
    match (given, spec.id) {
        // Milvus reads one as the negative of a number that does not exist, and loses the other in lists.
        (Id::Int(i64::MIN | i64::MAX), IdKind::Auto | IdKind::Int) => {
            Err(Error::invalid(format!("id {given} is reserved: servers do not find it reliably")))
        }
        (Id::Int(_), IdKind::Auto | IdKind::Int) => Ok(()),
        (Id::String(text), IdKind::String { max_len }) => {
            if text.is_empty() {
                Err(Error::invalid("the id is empty"))
            } else if text.len() > max_len {
                Err(Error::invalid(format!("id {} is {} bytes; the limit is {max_len}", shown(given), text.len())))
            } else if text.contains('\0') {
                Err(Error::invalid(format!("id {} contains a NUL character", shown(given))))
            } else {
                Ok(())
            }
        }
        (Id::Int(_), IdKind::String { .. }) => {
            Err(Error::invalid(format!("id {given} is a number, but ids of collection '{}' are strings", spec.name)))
        }
        (Id::String(_), _) => Err(Error::invalid(format!(
            "id {} is a string, but ids of collection '{}' are 64-bit integers",
            shown(given),
            spec.name
        ))),
    }
}

/// An id for a message: quoted when a string, cut when long.
fn shown(id: &Id) -> String {
    match id {
        Id::Int(id) => id.to_string(),
        Id::String(id) => {
            let start: String = id.chars().take(40).collect();
            if start.len() < id.len() { format!("'{start}…'") } else { format!("'{start}'") }
        }
    }
}

/// Checks a search against the schema, filter included.
pub fn search(spec: &CollectionSpec, request: &SearchRequest) -> Result<()> {
    if request.queries.is_empty() || request.queries.len() > MAX_QUERIES {
        return Err(Error::invalid(format!(
            "a search takes 1 to {MAX_QUERIES} queries, not {}",
            request.queries.len()
        )));
    }
    limit("k", request.k, MAX_K)?;
    let words = request.queries.iter().filter(|query| matches!(query, Query::Text(_))).count();
    let metric = if words > 0 {
        text_search(spec, request, words)?;
        None
    } else {
        let field = spec.vector_field(&request.field)?;
        for (at, query) in request.queries.iter().enumerate() {
            match query {
                Query::Vector(given) => vector(field, given),
                Query::Id(given) => id(spec, given),
                Query::Text(_) => Ok(()),
            }
            .map_err(|error| error.context(format_args!("query {at}")))?;
        }
        Some(field.metric)
    };
    range(request, metric)?;
    if let Some(filter) = &request.filter {
        filter.check(spec)?;
    }
    if let Some(group_by) = &request.group_by {
        grouping(spec, group_by, request.k)?;
    }
    output(spec, &request.output)
}

fn text_search(spec: &CollectionSpec, request: &SearchRequest, words: usize) -> Result<()> {
    if words < request.queries.len() {
        return Err(
            Error::invalid("a search takes text or vectors, not both").with_hint("use hybrid_search to fuse the two")
        );
    }
    if !spec.scalar_field(&request.field).is_some_and(|field| field.full_text) {
        let able = spec.scalars.iter().filter(|field| field.full_text).map(|field| &field.name);
        return Err(Error::invalid(format!("field '{}' does not support full-text search", request.field))
            .with_hint(format!("full-text fields of '{}' are: {}", spec.name, list(able))));
    }
    let empty = |query: &Query| matches!(query, Query::Text(text) if text.trim().is_empty());
    if let Some(at) = request.queries.iter().position(empty) {
        return Err(Error::invalid(format!("query {at}: the text is empty")));
    }
    Ok(())
}

fn range(request: &SearchRequest, metric: Option<Metric>) -> Result<()> {
    let (radius, inner) = (request.radius, request.range_filter);
    if radius.is_none() && inner.is_none() {
        return Ok(());
    }
    let Some(metric) = metric else {
        return Err(Error::invalid("full-text search takes no radius"));
    };
    let Some(radius) = radius else {
        return Err(Error::invalid("range_filter is given without radius"));
    };
    if !radius.is_finite() || inner.is_some_and(|inner| !inner.is_finite()) {
        return Err(Error::invalid("radius and range_filter must be finite numbers"));
    }
    match inner {
        Some(inner) if !metric.nearest_first(inner, radius).is_lt() => Err(Error::invalid(format!(
            "range_filter {inner} is not nearer than radius {radius} under {}",
            metric.name()
        ))
        .with_hint("range_filter is the inner bound and radius the outer one")),
        _ => Ok(()),
    }
}

fn grouping(spec: &CollectionSpec, group_by: &GroupBy, k: usize) -> Result<()> {
    let Some(field) = spec.scalar_field(&group_by.field) else {
        return Err(spec.unknown_field(&group_by.field));
    };
    if matches!(field.kind, ScalarKind::Json | ScalarKind::Float) {
        return Err(Error::invalid(format!(
            "hits cannot be grouped by field '{}' of type {}",
            field.name,
            field.kind.name()
        )));
    }
    if !field.filterable {
        return Err(Error::invalid(format!(
            "hits cannot be grouped by field '{}', which is not filterable",
            field.name
        )));
    }
    limit("the group size", group_by.size, MAX_K)?;
    limit("k times the group size", k.saturating_mul(group_by.size), MAX_K)
}

/// Checks a hybrid search: every part, and that parts and weights fit together.
pub fn hybrid(spec: &CollectionSpec, request: &HybridRequest) -> Result<()> {
    limit("k", request.k, MAX_K)?;
    if request.searches.is_empty() {
        return Err(Error::invalid("a hybrid search needs at least one search"));
    }
    for (at, part) in request.searches.iter().enumerate() {
        let fail = |message: &str| Err(Error::invalid(format!("search {at}: {message}")));
        if part.queries.len() != 1 {
            return fail("each search of a hybrid search must have exactly one query");
        }
        if part.group_by.is_some() {
            return fail("the searches of a hybrid search cannot be grouped");
        }
        search(spec, part).map_err(|error| error.context(format_args!("search {at}")))?;
    }
    output(spec, &request.output)?;
    match &request.fusion {
        Fusion::Rrf { k } if !(*k > 0.0 && *k < 16_384.0) => {
            Err(Error::invalid(format!("RRF takes k between 0 and 16384, not {k}")))
        }
        Fusion::Weighted { weights } if weights.len() != request.searches.len() => Err(Error::invalid(format!(
            "{} weights for {} searches, expected one each",
            weights.len(),
            request.searches.len()
        ))),
        Fusion::Weighted { weights } => match weights.iter().find(|weight| !(0.0..=1.0).contains(*weight)) {
            Some(weight) => Err(Error::invalid(format!("weight {weight} is not between 0 and 1"))),
            None => Ok(()),
        },
        Fusion::Rrf { .. } => Ok(()),
    }
}

/// Checks a page request.
pub fn page(spec: &CollectionSpec, request: &PageRequest) -> Result<()> {
    limit("the page limit", request.limit, MAX_PAGE)?;
    if let Some(after) = &request.after {
        id(spec, after)?;
    }
    if let Some(filter) = &request.filter {
        filter.check(spec)?;
    }
    output(spec, &request.output)
}

/// Checks what to delete.
pub fn selection(spec: &CollectionSpec, selection: &Selection) -> Result<()> {
    match selection {
        Selection::Ids(given) => ids(spec, given),
        Selection::Filter(filter) => filter.check(spec),
    }
}

/// Checks that the fields asked for exist.
pub fn output(spec: &CollectionSpec, output: &Output) -> Result<()> {
    let Output::Only(names) = output else { return Ok(()) };
    let known = |name: &String| {
        *name == spec.id_field
            || spec.scalar_field(name).is_some()
            || spec.vectors.iter().any(|field| &field.name == name)
    };
    match names.iter().find(|name| !known(name)) {
        Some(name) => Err(spec.unknown_field(name)),
        None => Ok(()),
    }
}

fn limit(what: &str, value: usize, max: usize) -> Result<()> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Error::invalid(format!("{what} is {value}, expected 1 to {max}")))
    }
}
