//! The catalogue of collections in Redis: their numbers and full schemas. Changes are ordered so that a crash at any
//! point leaves a working name and at worst an unused entry, which the next creation replaces.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use super::RedisMetadata;
use crate::request::Output;
use crate::schema::{CollectionSpec, ScalarField, check_name};
use crate::{Error, ErrorKind, Result};

/// Collections remembered for reads while Redis is down.
const MAX_REMEMBERED: usize = 1000;

/// A collection of which some fields are in Redis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) number: u64,
    owner: String,
    /// All fields, those in the store and those in Redis.
    pub(super) spec: CollectionSpec,
}

/// Whether a field lives in Redis: it is only shown.
fn is_outside(field: &ScalarField) -> bool {
    !field.filterable && !field.full_text
}

/// What the store gets to see of a schema.
fn inside(spec: &CollectionSpec) -> CollectionSpec {
    let scalars = spec.scalars.iter().filter(|field| !is_outside(field)).cloned().collect();
    CollectionSpec { scalars, ..spec.clone() }
}

impl Entry {
    /// The names of fields in Redis.
    pub(super) fn outside(&self) -> impl Iterator<Item = &str> {
        self.spec.scalars.iter().filter(|field| is_outside(field)).map(|field| field.name.as_str())
    }

    /// Those of them that are asked for.
    pub(super) fn outside_of(&self, output: &Output) -> Vec<&str> {
        self.outside().filter(|name| output.wants_scalar(name)).collect()
    }

    /// What is asked of the store.
    pub(super) fn inside_of(&self, output: &Output) -> Output {
        match output {
            Output::Only(names) => {
                Output::only(names.iter().filter(|name| !self.outside().any(|other| other == *name)).cloned())
            }
            all => all.clone(),
        }
    }
}

impl RedisMetadata {
    fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.options.prefix)
    }

    /// The key of a collection's records.
    pub(super) fn records_key(&self, number: u64) -> String {
        self.key(&format!("records:{number}"))
    }

    /// The key of the writes into a collection that are under way.
    pub(super) fn writes_key(&self, number: u64) -> String {
        self.key(&format!("writes:{number}"))
    }

    pub(super) fn next_write_key(&self) -> String {
        self.key("writes:next")
    }

    /// What Redis has on a collection; `None` when all of it is in the store.
    pub(super) async fn entry(&self, name: &str) -> Result<Option<Arc<Entry>>> {
        let mut commands = redis::pipe();
        commands.hget(self.key("collections"), name);
        let (json,): (Option<String>,) = self.link.run(&commands).await?;
        let entry = json.map(|json| parse(name, &json)).transpose()?.map(Arc::new);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // Names come from callers and may be anything: memory for them has an end.
        if remembered.len() < MAX_REMEMBERED || remembered.contains_key(name) {
            remembered.insert(name.to_owned(), entry.clone());
        }
        Ok(entry)
    }

    /// The same for a read of `output`, which may go on without Redis.
    pub(super) async fn entry_for_reading(&self, name: &str, output: &Output) -> Result<Option<Arc<Entry>>> {
        let down = match self.entry(name).await {
            Err(error) if error.kind().is_transient() => error,
            result => return result,
        };
        if let Some(known) = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(known.clone());
        }
        // Nothing is known of the collection, but what the store has can be read.
        let spec = self.inner.describe(name).await?.spec;
        let in_store = |name: &String| {
            *name == spec.id_field || spec.scalar_field(name).is_some() || spec.vector_field(name).is_ok()
        };
        match output {
            Output::Only(names) if names.iter().all(in_store) => Ok(None),
            _ => Err(down),
        }
    }

    pub(super) async fn create_collection(&self, spec: &CollectionSpec) -> Result<()> {
        spec.check()?;
        if self.inner.is_read_only() {
            // The store refuses in its words, before Redis is written to; so below.
            return self.inner.create(&inside(spec)).await;
        }
        let _alone = self.gate.write().await;
        let old = self.entry(&spec.name).await?;
        let exists = match self.inner.describe(&spec.name).await {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if exists {
            // The store says so in its words.
            return self.inner.create(&inside(spec)).await;
        }
        match old {
            Some(old) if old.owner != self.options.owner => {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!(
                        "Redis already holds metadata for a collection '{}' of another store ('{}')",
                        spec.name, old.owner
                    ),
                )
                .with_hint("give each store its own Redis database or key prefix"));
            }
            Some(old) => self.forget(&spec.name, &old).await?,
            None => {}
        }
        if spec.scalars.iter().any(is_outside) {
            self.enter(spec).await?;
        }
        let created = self.inner.create(&inside(spec)).await;
        if created.as_ref().is_err_and(|error| !error.kind().is_transient())
            && let Some(entry) = self.entry(&spec.name).await?
        {
            self.forget(&spec.name, &entry).await?;
        }
        created
    }

    async fn enter(&self, spec: &CollectionSpec) -> Result<()> {
        let mut commands = redis::pipe();
        commands.incr(self.key("next"), 1);
        let (number,): (u64,) = self.link.run(&commands).await?;
        self.put(&spec.name, &Entry { number, owner: self.options.owner.clone(), spec: spec.clone() }).await
    }

    async fn put(&self, name: &str, entry: &Entry) -> Result<()> {
        let json = serde_json::to_string(entry)
            .map_err(|error| Error::new(ErrorKind::Internal, "the schema cannot be written").with_source(error))?;
        let mut commands = redis::pipe();
        commands.hset(self.key("collections"), name, json).ignore();
        self.link.run(&commands).await
    }

    /// Removes a name, and its records unless another name has them.
    async fn forget(&self, name: &str, entry: &Entry) -> Result<()> {
        let mut commands = redis::pipe();
        commands.hgetall(self.key("collections"));
        let (all,): (Vec<(String, String)>,) = self.link.run(&commands).await?;
        let mut shared = false;
        for (other, json) in all.iter().filter(|(other, _)| other != name) {
            shared |= parse(other, json)?.number == entry.number;
        }
        let mut commands = redis::pipe();
        commands.atomic().hdel(self.key("collections"), name).ignore();
        if !shared {
            commands.unlink(self.records_key(entry.number)).ignore();
            commands.unlink(self.writes_key(entry.number)).ignore();
        }
        self.link.run(&commands).await
    }

    /// Both names lead to the records until the store has renamed the collection: whenever this breaks off, the name
    /// that the store knows works.
    pub(super) async fn rename_collection(&self, from: &str, to: &str) -> Result<()> {
        check_name("collection", to)?;
        if self.inner.is_read_only() {
            return self.inner.rename(from, to).await;
        }
        let _alone = self.gate.write().await;
        let Some(entry) = self.entry(from).await? else { return self.inner.rename(from, to).await };
        match self.inner.describe(to).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // The store refuses in its words.
            Ok(_) => return self.inner.rename(from, to).await,
            Err(error) => return Err(error),
        }
        if let Some(stale) = self.entry(to).await? {
            self.forget(to, &stale).await?;
        }
        self.put(to, &entry).await?;
        match self.inner.rename(from, to).await {
            Ok(()) => self.forget(from, &entry).await,
            Err(error) if error.kind().is_transient() => Err(error),
            Err(error) => {
                self.forget(to, &entry).await?;
                Err(error)
            }
        }
    }

    pub(super) async fn remove_collection(&self, name: &str) -> Result<()> {
        let _alone = self.gate.write().await;
        let entry = self.entry(name).await?;
        self.inner.remove(name).await?;
        match entry {
            Some(entry) => self.forget(name, &entry).await,
            None => Ok(()),
        }
    }
}

fn parse(name: &str, json: &str) -> Result<Entry> {
    let mut entry: Entry = serde_json::from_str(json).map_err(|error| {
        Error::new(ErrorKind::Corrupt, format!("cannot read Redis's entry for collection '{name}'")).with_source(error)
    })?;
    name.clone_into(&mut entry.spec.name);
    Ok(entry)
}
