//! The fields of records in Redis: written and read in batches, so that a thousand records cost a few round trips.

use redis::Pipeline;
use serde_json::Value;

use super::RedisMetadata;
use super::catalog::Entry;
use crate::record::{Fields, Id, Record};
use crate::schema::IdKind;
use crate::{Error, ErrorKind, Result};

/// Bytes sent before their answers are awaited.
const BATCH_BYTES: usize = 1 << 20;
/// Ids in one command.
pub(super) const BATCH_IDS: usize = 500;

/// A record's part for the store.
pub(super) fn inside_part(entry: &Entry, record: &Record) -> Record {
    let mut record = record.clone();
    for name in entry.outside() {
        record.fields.remove(name);
    }
    record
}

fn damaged(entry: &Entry, id: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the metadata of record {id} of '{}' cannot be read", entry.spec.name))
}

/// When a value was written, in milliseconds of Redis's clock.
pub(super) fn written_at(entry: &Entry, id: &str, value: &str) -> Result<u64> {
    let time = value.split_once(' ').and_then(|(time, _)| time.parse().ok());
    time.ok_or_else(|| damaged(entry, id))
}

fn decode(entry: &Entry, id: &str, value: &str) -> Result<Fields> {
    let (_, json) = value.split_once(' ').ok_or_else(|| damaged(entry, id))?;
    serde_json::from_str(json).map_err(|error| damaged(entry, id).with_source(error))
}

/// The id that a hash field stands for; the collection says whether it is a number.
pub(super) fn id_of(entry: &Entry, text: String) -> Result<Id> {
    match entry.spec.id {
        IdKind::String { .. } => Ok(Id::String(text)),
        IdKind::Auto | IdKind::Int => text.parse().map(Id::Int).map_err(|_| {
            Error::new(ErrorKind::Corrupt, format!("Redis has metadata of '{}' under the id '{text}'", entry.spec.name))
        }),
    }
}

impl RedisMetadata {
    /// Redis's clock in milliseconds: every client's writes are measured by the same one.
    pub(super) async fn now(&self) -> Result<u64> {
        let ((seconds, micros),): ((u64, u64),) = self.link.run(redis::pipe().cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// Writes the outside fields of records.
    pub(super) async fn write(&self, entry: &Entry, ids: &[Id], records: &[Record]) -> Result<()> {
        let key = self.records_key(entry.number);
        let now = self.now().await?;
        let mut commands = redis::pipe();
        let mut bytes = 0;
        for (id, record) in ids.iter().zip(records) {
            let value = encode(entry, now, record)?;
            bytes += value.len();
            commands.hset(&key, id.to_string(), value).ignore();
            if bytes >= BATCH_BYTES {
                self.link.run::<()>(&std::mem::replace(&mut commands, Pipeline::new())).await?;
                bytes = 0;
            }
        }
        if bytes > 0 { self.link.run(&commands).await } else { Ok(()) }
    }

    /// The fields of each id that are asked for; `None` where Redis has nothing.
    pub(super) async fn read(&self, entry: &Entry, ids: &[Id], names: &[&str]) -> Result<Vec<Option<Fields>>> {
        let key = self.records_key(entry.number);
        let mut all = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH_IDS) {
            let texts: Vec<String> = batch.iter().map(Id::to_string).collect();
            let mut commands = redis::pipe();
            commands.cmd("HMGET").arg(&key).arg(&texts);
            let (values,): (Vec<Option<String>>,) = self.link.run(&commands).await?;
            for (id, value) in texts.iter().zip(values) {
                all.push(match value {
                    Some(value) => Some(chosen(decode(entry, id, &value)?, names)),
                    None => None,
                });
            }
        }
        Ok(all)
    }

    /// Removes what Redis has of these ids.
    pub(super) async fn erase(&self, entry: &Entry, ids: &[Id]) -> Result<()> {
        let key = self.records_key(entry.number);
        for batch in ids.chunks(BATCH_IDS) {
            let texts: Vec<String> = batch.iter().map(Id::to_string).collect();
            self.link.run::<()>(redis::pipe().hdel(&key, texts).ignore()).await?;
        }
        Ok(())
    }
}

fn encode(entry: &Entry, now: u64, record: &Record) -> Result<String> {
    let outside: Fields = entry
        .outside()
        .filter_map(|name| record.fields.get(name).map(|value| (name.to_owned(), value.clone())))
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            // Stores give floats back as floats.
            let is_float = entry.spec.scalar_field(&name).is_some_and(|f| f.kind == crate::ScalarKind::Float);
            let value = if is_float { value.as_f64().map_or(Value::Null, Value::from) } else { value };
            (name, value)
        })
        .collect();
    let json = serde_json::to_string(&outside)
        .map_err(|error| Error::new(ErrorKind::Internal, "fields cannot be written as JSON").with_source(error))?;
    Ok(format!("{now} {json}"))
}

/// These fields, null where there is none.
pub(super) fn chosen(mut fields: Fields, names: &[&str]) -> Fields {
    names.iter().map(|name| ((*name).to_owned(), fields.remove(*name).unwrap_or(Value::Null))).collect()
}
