//! SQL functions that filters need and SQLite lacks: typed JSON values, and Milvus's case-sensitive `like`.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use serde_json::Value as Json;

use super::pattern::Pattern;

type Boxed = Box<dyn std::error::Error + Send + Sync>;
type Answer<T> = rusqlite::Result<T>;

/// Adds the functions that the filters' SQL calls to a connection.
pub(crate) fn register(connection: &Connection) -> Answer<()> {
    add(connection, "json_exists", 2, |call| Ok(place(call)?.is_some()))?;
    add(connection, "json_number", 2, |call| Ok(place(call)?.and_then(|found| number(&found))))?;
    add(connection, "json_string", 2, |call| {
        Ok(place(call)?.and_then(|found| if let Json::String(text) = found { Some(text) } else { None }))
    })?;
    add(connection, "json_bool", 2, |call| Ok(place(call)?.and_then(|found| found.as_bool())))?;
    add(connection, "json_in", 3, |call| {
        let Some(found) = place(call)? else { return Ok(None) };
        let wanted = set(call, 2)?;
        Ok(Some(key(&found).is_some_and(|key| wanted.contains(&key))))
    })?;
    add(connection, "json_contains_any", 3, |call| contains(call, false))?;
    add(connection, "json_contains_all", 3, |call| contains(call, true))?;
    add(connection, "json_like", 3, |call| {
        let Some(found) = place(call)? else { return Ok(None) };
        let Json::String(text) = found else { return Ok(Some(false)) };
        Ok(Some(pattern(call, 2)?.matches(&text)))
    })?;
    add(connection, "like", 2, |call| match call.get_raw(0) {
        ValueRef::Null => Ok(None),
        text => Ok(Some(pattern(call, 1)?.matches(text.as_str().map_err(failed)?))),
    })?;
    add(connection, "float_in", 2, |call| match call.get_raw(0) {
        ValueRef::Real(value) => Ok(Some(set(call, 1)?.contains(&float_key(value)))),
        _ => Ok(None),
    })
}

fn add<T: rusqlite::functions::SqlFnOutput>(
    connection: &Connection,
    name: &str,
    arguments: i32,
    function: impl Fn(&Context<'_>) -> Answer<T> + Send + 'static,
) -> Answer<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(format!("bootcamp_{name}").as_str(), arguments, flags, function)
}

fn failed(error: impl Into<Boxed>) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(error.into())
}

/// What the first two arguments, a document and a path, lead to; nothing when it is missing or null.
fn place(call: &Context<'_>) -> Answer<Option<Json>> {
    let text = match call.get_raw(0) {
        ValueRef::Null => return Ok(None),
        text => text.as_str().map_err(failed)?,
    };
    let path: Arc<Vec<Json>> =
        call.get_or_create_aux(1, |path| -> Result<_, Boxed> { Ok(serde_json::from_str(path.as_str()?)?) })?;
    let mut found: Json = serde_json::from_str(text).map_err(failed)?;
    for step in path.iter() {
        let next = match step {
            Json::String(key) => found.get_mut(key.as_str()),
            step => step.as_u64().and_then(|at| found.get_mut(usize::try_from(at).unwrap_or(usize::MAX))),
        };
        match next {
            Some(next) => found = next.take(),
            None => return Ok(None),
        }
    }
    Ok(Some(found).filter(|found| !found.is_null()))
}

fn number(found: &Json) -> Option<Value> {
    found.as_i64().map(Value::from).or_else(|| found.as_f64().map(Value::from))
}

fn pattern(call: &Context<'_>, argument: i32) -> Answer<Arc<Pattern>> {
    call.get_or_create_aux(argument, |text| -> Result<_, Boxed> { Ok(Pattern::new(text.as_str()?)) })
}

/// A JSON scalar as something that can be looked up. Equal numbers are equal keys, whether written 1 or 1.0.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Bool(bool),
    Int(i64),
    /// The bits of a float that is no 64-bit integer.
    Float(u64),
    String(String),
}

fn key(value: &Json) -> Option<Key> {
    match value {
        Json::Bool(value) => Some(Key::Bool(*value)),
        Json::Number(number) => number.as_i64().map(Key::Int).or_else(|| number.as_f64().map(float_key)),
        Json::String(text) => Some(Key::String(text.clone())),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn float_key(value: f64) -> Key {
    // A 64-bit integer's end is 2^63, which has a float; the largest integer has none.
    let end = -(i64::MIN as f64);
    let fits = value.fract() == 0.0 && (-end..end).contains(&value);
    if fits { Key::Int(value as i64) } else { Key::Float(value.to_bits()) }
}

fn set(call: &Context<'_>, argument: i32) -> Answer<Arc<HashSet<Key>>> {
    call.get_or_create_aux(argument, |list| -> Result<_, Boxed> {
        let list: Vec<Json> = serde_json::from_str(list.as_str()?)?;
        Ok(list.iter().filter_map(key).collect())
    })
}

fn contains(call: &Context<'_>, all: bool) -> Answer<bool> {
    let Some(Json::Array(members)) = place(call)? else { return Ok(false) };
    let wanted = set(call, 2)?;
    let found: HashSet<Key> = members.iter().filter_map(key).filter(|key| wanted.contains(key)).collect();
    Ok(if all { found.len() == wanted.len() } else { !found.is_empty() })
}
