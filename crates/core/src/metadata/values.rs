//! The fields of records in Redis: written and read in batches, so that a thousand records cost a few round trips.

use std::collections::HashSet;
use std::time::Duration;

use redis::Pipeline;
use serde_json::Value;

use super::RedisMetadata;
use super::catalog::Entry;
use crate::record::{Fields, Id, Record};
use crate::schema::IdKind;
use crate::{Error, ErrorKind, Result};

/// Bytes sent before their answers are awaited.
const BATCH_BYTES: usize = 1 << 20;
/// How long a write may be under way.
const LONGEST_WRITE: Duration = Duration::from_secs(600);
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

/// When a value was written, in milliseconds of Redis's clock, and by which write; older programs did not number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) at: u64,
    pub(super) write: Option<u64>,
}

impl Stamp {
    /// The stamp that a value begins with.
    pub(super) fn of(entry: &Entry, id: &str, value: &str) -> Result<Self> {
        let stamp = value.split_once(' ').and_then(|(stamp, _)| match stamp.split_once('-') {
            Some((at, write)) => Some(Self { at: at.parse().ok()?, write: Some(write.parse().ok()?) }),
            None => Some(Self { at: stamp.parse().ok()?, write: None }),
        });
        stamp.ok_or_else(|| damaged(entry, id))
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.write {
            Some(write) => write!(f, "{}-{write} ", self.at),
            None => write!(f, "{} ", self.at),
        }
    }
}

/// Deletes values that still begin with the stamp that was looked at; another process may have written a record anew.
const ERASE_IF_SAME: &str = "local erased = 0 \
    for i = 1, #ARGV, 2 do \
      local value = redis.call('HGET', KEYS[1], ARGV[i]) \
      if value and string.sub(value, 1, #ARGV[i + 1]) == ARGV[i + 1] then \
        erased = erased + redis.call('HDEL', KEYS[1], ARGV[i]) \
      end \
    end \
    return erased";

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

    /// Writes the outside fields of records. Until [`RedisMetadata::settle`] is told of the write that this gives back,
    /// nobody who deletes a record takes them for the deleted record's.
    pub(super) async fn write(&self, entry: &Entry, ids: &[Id], records: &[Record]) -> Result<u64> {
        let (key, writes) = (self.records_key(entry.number), self.writes_key(entry.number));
        let mut commands = redis::pipe();
        commands.cmd("TIME").incr(self.next_write_key(), 1);
        let ((seconds, micros), write): ((u64, u64), u64) = self.link.run(&commands).await?;
        let stamp = Stamp { at: seconds * 1000 + micros / 1000, write: Some(write) };
        let mut commands = redis::pipe();
        // A write that never ended was broken off.
        let broken_off = stamp.at.saturating_sub(self.options.grace.max(LONGEST_WRITE).as_millis() as u64);
        commands.cmd("ZREMRANGEBYSCORE").arg(&writes).arg("-inf").arg(broken_off).ignore();
        commands.zadd(&writes, write, stamp.at).ignore();
        let mut bytes = 0;
        for (id, record) in ids.iter().zip(records) {
            let value = encode(entry, stamp, record)?;
            bytes += value.len();
            commands.hset(&key, id.to_string(), value).ignore();
            if bytes >= BATCH_BYTES {
                self.link.run::<()>(&std::mem::replace(&mut commands, Pipeline::new())).await?;
                bytes = 0;
            }
        }
        if bytes > 0 {
            self.link.run::<()>(&commands).await?;
        }
        Ok(write)
    }

    /// Says that the vectors of a write have arrived, too. Without it its metadata stays until it is swept.
    pub(super) async fn settle(&self, entry: &Entry, write: u64) {
        let mut commands = redis::pipe();
        commands.zrem(self.writes_key(entry.number), write).ignore();
        if let Err(error) = self.link.run::<()>(&commands).await {
            tracing::debug!(%error, "a write could not be marked as done; its mark expires");
        }
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

    /// The stamps of what Redis has of these ids, without that of writes whose vectors may still be on the way. To be
    /// asked for before vectors are deleted: what is written later has another stamp.
    pub(super) async fn settled(&self, entry: &Entry, ids: &[Id]) -> Result<Vec<(String, Stamp)>> {
        let mut stamps = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH_IDS) {
            let texts: Vec<String> = batch.iter().map(Id::to_string).collect();
            let mut commands = redis::pipe();
            // In this order: a write that is not under way any more after its value was read has brought its vector.
            commands.cmd("HMGET").arg(self.records_key(entry.number)).arg(&texts);
            commands.zrange(self.writes_key(entry.number), 0, -1);
            let (values, writes): (Vec<Option<String>>, HashSet<u64>) = self.link.run(&commands).await?;
            for (text, value) in texts.into_iter().zip(values) {
                let Some(value) = value else { continue };
                let stamp = Stamp::of(entry, &text, &value)?;
                if stamp.write.is_none_or(|write| !writes.contains(&write)) {
                    stamps.push((text, stamp));
                }
            }
        }
        Ok(stamps)
    }

    /// Removes values that still have these stamps, and says how many.
    pub(super) async fn erase(&self, entry: &Entry, stamps: &[(String, Stamp)]) -> Result<u64> {
        let mut erased = 0;
        for batch in stamps.chunks(BATCH_IDS) {
            let mut commands = redis::pipe();
            commands.cmd("EVAL").arg(ERASE_IF_SAME).arg(1).arg(self.records_key(entry.number));
            for (id, stamp) in batch {
                commands.arg(id).arg(stamp.to_string());
            }
            let (count,): (u64,) = self.link.run(&commands).await?;
            erased += count;
        }
        Ok(erased)
    }
}

fn encode(entry: &Entry, stamp: Stamp, record: &Record) -> Result<String> {
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
    Ok(format!("{stamp}{json}"))
}

/// These fields, null where there is none.
pub(super) fn chosen(mut fields: Fields, names: &[&str]) -> Fields {
    names.iter().map(|name| ((*name).to_owned(), fields.remove(*name).unwrap_or(Value::Null))).collect()
}
