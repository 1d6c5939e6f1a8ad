//! Facts of items and users: each is a source of its own, named as it is in its tables, so that an unchanged one is not
//! written again. What several tables say of it is joined, also where they are imported one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::{ErrorKind, Fields, Id, Output, Result, Vector};
use bootcamp_kit::ingest::{Item, Items, Pipeline, source_id};
use bootcamp_kit::source::{Content, Origin, Source};
use bootcamp_kit::{Context, hex};
use serde_json::{Value, json};

use crate::collections;
use crate::tables::join;
use crate::truth::catalogue;

/// Names looked up together.
const PAGE: usize = 1000;

/// What tables say of one item or user, and the last of them.
#[derive(Debug)]
pub struct Known {
    pub fields: Fields,
    pub table: Arc<str>,
    pub line: u64,
}

/// Whose facts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactsOf {
    Items,
    People,
}

impl FactsOf {
    /// A source for each name, with what the store knows already.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sources(self, at: &Context, known: BTreeMap<String, Known>) -> Result<Vec<Source>> {
        let known: Vec<(String, Known)> = known.into_iter().collect();
        let mut sources = Vec::with_capacity(known.len());
        let mut rest = known.into_iter().peekable();
        while rest.peek().is_some() {
            let page: Vec<(String, Known)> = rest.by_ref().take(PAGE).collect();
            let mut stored = self.stored(at, &page).await?;
            for (name, Known { fields, table, line }) in page {
                let mut all = stored.remove(&source_id(&name)).unwrap_or_default();
                join(&mut all, fields);
                let fields = self.complete(&name, all);
                let version = hex(Value::Object(fields.clone()).to_string().as_bytes())[..16].to_owned();
                let origin = Origin { place: table, line: Some(line) };
                sources.push(Source { fields, origin, ..Source::new(name, Content::from(Vec::new()), version) });
            }
        }
        Ok(sources)
    }

    async fn stored(self, at: &Context, page: &[(String, Known)]) -> Result<BTreeMap<Id, Fields>> {
        let ids: Vec<Id> = page.iter().map(|(name, _)| source_id(name)).collect();
        let output = match self {
            Self::Items => Output::only(["title", "year", "genres", "facts", "version"]),
            Self::People => Output::only(["facts", "version"]),
        };
        let records = match at.store.get(&at.collection, &ids, &output).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            other => other?,
        };
        let fields = records.into_iter().filter_map(|record| {
            let mut fields = record.fields;
            fields.retain(|_, value| !value.is_null());
            // Of one that was only met among ratings, nothing is known, not even its title.
            let is_bare = fields.remove("version").is_none_or(|version| version == "");
            Some((record.id?, if is_bare { Fields::new() } else { fields }))
        });
        Ok(fields.collect())
    }

    fn complete(self, name: &str, mut fields: Fields) -> Fields {
        match self {
            Self::Items => catalogue::complete(name, fields),
            Self::People => {
                fields.insert("user".to_owned(), name.into());
                fields.entry("facts").or_insert_with(|| json!({}));
                fields
            }
        }
    }
}

#[async_trait]
impl Pipeline for FactsOf {
    type Input = Vec<f32>;

    const BATCH: usize = 256;
    const SEVERAL: bool = false;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Vec<f32>>> {
        let input = match self {
            Self::Items => catalogue::learned(&source.fields),
            Self::People => collections::unused(),
        };
        Ok(Box::new(std::iter::once(Ok(Item { fields: Fields::new(), thumbnail: None, span: None, input }))))
    }

    async fn encode(&self, inputs: Vec<Vec<f32>>) -> Result<Vec<Vector>> {
        Ok(inputs.into_iter().map(Vector::F32).collect())
    }
}
