//! Which model counts, and what is kept of each beside its vectors.
//!
//! A model is made in collections of its own and counts from the moment in which one small record, the **pointer**, names
//! it. So readers see the old one or the new one, never half of one; a training that was killed leaves the old one as it
//! was; and going back is writing the pointer again.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bootcamp_core::{
    Error, ErrorKind, Fields, Filter, Id, Output, PageRequest, Record, Result, Selection, ServerKind, scan,
};
use bootcamp_kit::Context;
use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::collections::{self, ModelPart};
use crate::model::Parameters;
use crate::moment;
use crate::ratings::{Duplicates, Liking};

const POINTER: &str = "current";
/// Bytes of a part of a blob: in base64 they fill a field.
const PART: usize = collections::MAX_TEXT / 4 * 3 - 64;
/// Parts written or read together.
const PAGE: usize = 64;
/// After so long, what a training on a shared server began and did not finish is taken for given up.
const GIVEN_UP_MS: i64 = 24 * 60 * 60 * 1000;

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    pub version: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Whether all of it is there.
    pub is_whole: bool,
    pub parameters: Parameters,
    pub duplicates: Duplicates,
    pub liking: Liking,
    pub users: usize,
    /// Items that somebody likes.
    pub items: usize,
    /// Items with ratings of any kind: what training has numbered.
    pub rated_items: usize,
    /// Items that are known by their facts alone.
    pub cold: usize,
    /// Pairs of a user and an item, and those that are likes.
    pub ratings: usize,
    pub likes: usize,
    /// The length of a vector.
    pub dim: usize,
    pub loss: Option<f64>,
    /// Seconds of training.
    pub seconds: f64,
    /// The bytes of each blob, by its name.
    pub blobs: BTreeMap<String, usize>,
}

/// Which model counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pointer {
    pub current: Option<String>,
    /// What `rollback` goes back to.
    pub previous: Option<String>,
}

/// The collection of models.
#[derive(Clone, Debug)]
pub struct Registry {
    context: Context,
    at: Context,
}

impl Registry {
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), at: collections::models(context) }
    }

    /// Which model counts; none before the first training.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn pointer(&self) -> Result<Pointer> {
        Ok(self.body(POINTER).await?.unwrap_or_default())
    }

    /// What is known of a model.
    ///
    /// # Errors
    /// `NotFound` when there is no such model.
    pub async fn model(&self, version: &str) -> Result<ModelInfo> {
        self.body(&model_id(version))
            .await?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no model {version}")))
    }

    /// The model that counts.
    ///
    /// # Errors
    /// `NotFound` before the first training, with what to do about it.
    pub async fn current(&self) -> Result<String> {
        self.pointer().await?.current.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no trained model yet")
                .with_hint("import ratings, then train: recommender train")
        })
    }

    /// All models that are whole, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn models(&self) -> Result<Vec<ModelInfo>> {
        let mut models: Vec<ModelInfo> = self.bodies("model").await?;
        models.retain(|model| model.is_whole);
        models.sort_by_key(|model| std::cmp::Reverse(model.created_at));
        Ok(models)
    }

    /// Begins a model: what a killed training leaves is known by this record.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn begin(&self, info: &ModelInfo) -> Result<()> {
        self.at.ensure(&collections::models_spec(&self.at)).await?;
        self.put(&model_id(&info.version), "model", json!(info)).await
    }

    /// The model is whole, and counts from now on. Models before the last one are removed.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn publish(&self, info: &ModelInfo) -> Result<()> {
        self.put(&model_id(&info.version), "model", json!(ModelInfo { is_whole: true, ..info.clone() })).await?;
        let before = self.pointer().await?;
        self.point(&Pointer { current: Some(info.version.clone()), previous: before.current }).await?;
        self.sweep().await
    }

    /// Goes back to the model before; the one that counted stays, so that going back can be undone by the same.
    ///
    /// # Errors
    /// `NotFound` when there is none before.
    pub async fn roll_back(&self) -> Result<Pointer> {
        let Pointer { current, previous } = self.pointer().await?;
        let previous = previous.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no model before this one").with_hint("train twice, then go back")
        })?;
        let pointer = Pointer { current: Some(previous), previous: current };
        self.point(&pointer).await?;
        Ok(pointer)
    }

    async fn point(&self, pointer: &Pointer) -> Result<()> {
        self.put(POINTER, "pointer", json!(pointer)).await
    }

    /// Removes models that do not count any more, and what killed trainings have left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sweep(&self) -> Result<()> {
        let Pointer { current, previous } = self.pointer().await?;
        // A local store has one writer, so nobody else can be at it.
        let is_alone = self.at.store.health().await?.server == ServerKind::Local;
        let models: Vec<ModelInfo> = self.bodies("model").await?;
        for ModelInfo { version, is_whole, created_at, blobs, .. } in models {
            let counts = [&current, &previous].into_iter().flatten().any(|kept| *kept == version);
            let may_be_at_work = !is_whole && !is_alone && moment::now() - created_at < GIVEN_UP_MS;
            if !counts && !may_be_at_work {
                self.remove(&version, &blobs).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, version: &str, blobs: &BTreeMap<String, usize>) -> Result<()> {
        for part in ModelPart::ALL {
            match self.at.store.remove(&part.of(&self.context, version).collection).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        let blobs = blobs.iter().flat_map(|(name, bytes)| blob_ids(version, name, *bytes));
        let ids: Vec<Id> = blobs.chain([Id::from(model_id(version))]).collect();
        for page in ids.chunks(1000) {
            self.at.store.delete(&self.at.collection, &Selection::Ids(page.to_vec())).await?;
        }
        Ok(())
    }

    /// The names of all collections, of all models.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn collections(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for model in self.bodies::<ModelInfo>("model").await? {
            names.extend(ModelPart::ALL.map(|part| part.of(&self.context, &model.version).collection));
        }
        let beside = [collections::ratings, collections::people].map(|at| at(&self.context).collection);
        names.extend(beside);
        // Last: what is left when dropping is interrupted can then still be found.
        names.push(self.at.collection.clone());
        Ok(names)
    }

    /// Keeps bytes of a model under a name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_blob(&self, version: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let parts: Vec<(Id, &[u8])> =
            blob_ids(version, name, bytes.len()).into_iter().zip(bytes.chunks(PART)).collect();
        for page in parts.chunks(PAGE) {
            let records: Vec<Record> = page
                .iter()
                .map(|(id, bytes)| record(id.clone(), "blob", Value::Null, STANDARD.encode(bytes)))
                .collect();
            self.at.store.upsert(&self.at.collection, &records).await?;
        }
        Ok(())
    }

    /// Bytes that were kept.
    ///
    /// # Errors
    /// `Corrupt` when parts of them are missing.
    pub async fn blob(&self, model: &ModelInfo, name: &str) -> Result<Vec<u8>> {
        let damaged = || {
            Error::new(ErrorKind::Corrupt, format!("the model {} is damaged: {name} is missing", model.version))
                .with_hint("go back to the model before (rollback), or train again")
        };
        let size = model.blobs.get(name).copied().ok_or_else(damaged)?;
        let mut bytes = Vec::with_capacity(size);
        for page in blob_ids(&model.version, name, size).chunks(PAGE) {
            let records = self.at.store.get(&self.at.collection, page, &Output::only(["text"])).await?;
            for record in records {
                let text = record.fields.get("text").and_then(Value::as_str).ok_or_else(damaged)?;
                bytes.extend(STANDARD.decode(text).map_err(|_| damaged())?);
            }
        }
        if bytes.len() == size { Ok(bytes) } else { Err(damaged()) }
    }

    /// Keeps a document of a kind under an id.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put(&self, id: &str, kind: &str, body: Value) -> Result<()> {
        self.at.ensure(&collections::models_spec(&self.at)).await?;
        let record = record(Id::from(id), kind, body, String::new());
        self.at.store.upsert(&self.at.collection, &[record]).await.map(drop)
    }

    /// A document.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn body<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>> {
        let found = self.at.store.get(&self.at.collection, &[Id::from(id)], &Output::only(["body"])).await;
        match found {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other?.into_iter().next().map(|record| read(record.fields)).transpose(),
        }
    }

    /// All documents of a kind.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bodies<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>> {
        let request = PageRequest {
            filter: Some(Filter::eq("kind", kind)),
            limit: 200,
            output: Output::only(["body"]),
            ..PageRequest::default()
        };
        let found: Result<Vec<Record>> = scan(&*self.at.store, &self.at.collection, request).try_collect().await;
        match found {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            other => other?.into_iter().map(|record| read(record.fields)).collect(),
        }
    }
}

fn read<T: DeserializeOwned>(mut fields: Fields) -> Result<T> {
    serde_json::from_value(fields.remove("body").unwrap_or_default()).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "a record of the models cannot be read")
            .with_hint("an earlier version of the program may have written it: train again in another --collection")
            .with_source(error)
    })
}

fn record(id: Id, kind: &str, body: Value, text: String) -> Record {
    Record::new(id)
        .vector(collections::UNUSED, collections::unused())
        .field("kind", kind)
        .field("body", if body.is_null() { json!({}) } else { body })
        .field("text", text)
}

fn model_id(version: &str) -> String {
    format!("model/{version}")
}

fn blob_ids(version: &str, name: &str, bytes: usize) -> Vec<Id> {
    (0..bytes.div_ceil(PART)).map(|part| Id::from(format!("blob/{version}/{name}/{part}"))).collect()
}

/// Numbers as bytes, little-endian.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The numbers of [`to_bytes`].
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// As [`to_bytes`], of 64 bits.
pub fn to_bytes_64(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The numbers of [`to_bytes_64`].
pub fn from_bytes_64(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}
