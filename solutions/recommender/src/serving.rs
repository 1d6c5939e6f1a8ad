//! The model that counts, as requests need it: where its vectors are, and what folding in takes.

use std::sync::{Arc, Mutex, PoisonError};

use bootcamp_core::{Error, ErrorKind, Fields, Id, Output, Result, Vector};
use bootcamp_kit::Context;
use serde_json::Value;

use crate::collections::{FACTORS, ModelPart};
use crate::model::cold::Cold;
use crate::model::fold::{Fold, Folded, Known};
use crate::model::{Algorithm, Factors};
use crate::registry::{ModelInfo, Registry, from_bytes, from_bytes_64};
use crate::truth::events::{Rated, item_id};

/// Items looked up together.
const PAGE: usize = 500;

/// A model that can be asked.
#[derive(Debug)]
pub struct Model {
    pub info: ModelInfo,
    pub items: Context,
    pub alike: Context,
    pub users: Context,
    pub cold: Option<Cold>,
    fold: Fold,
}

/// Keeps the model that was used last. Which one counts is asked each time: another server may have trained.
#[derive(Clone, Debug, Default)]
pub struct Serving(Arc<Mutex<Option<Arc<Model>>>>);

impl Serving {
    /// The model that counts.
    ///
    /// # Errors
    /// `NotFound` before the first training; those of the store.
    pub async fn model(&self, context: &Context) -> Result<Arc<Model>> {
        let registry = Registry::new(context);
        let version = registry.current().await?;
        if let Some(model) = self.kept().filter(|model| model.info.version == version) {
            return Ok(model);
        }
        let model = Arc::new(Model::open(context, &registry, &version).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&model));
        Ok(model)
    }

    fn kept(&self) -> Option<Arc<Model>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An item of a model.
#[derive(Clone, Debug)]
pub struct ModelItem {
    pub vector: Vec<f32>,
    /// Its number in training; −1 of one that had no ratings.
    pub number: i64,
    pub ratings: i64,
}

impl Model {
    async fn open(context: &Context, registry: &Registry, version: &str) -> Result<Self> {
        let info = registry.model(version).await?;
        let fold = match info.parameters.algorithm {
            Algorithm::Als => {
                let gram = from_bytes_64(&registry.blob(&info, "gram").await?);
                Fold::Als { als: info.parameters.als(), gram, items: info.rated_items }
            }
            Algorithm::Bpr => {
                let others = Factors::new(info.dim, from_bytes(&registry.blob(&info, "others").await?));
                Fold::Bpr { others, regularization: info.parameters.regularization }
            }
            _ => Fold::Ease { dim: info.dim },
        };
        let cold = match info.blobs.get("cold") {
            Some(_) => Some(Cold::new(Factors::new(info.dim, from_bytes(&registry.blob(&info, "cold").await?)))),
            None => None,
        };
        let [items, alike, users] = ModelPart::ALL.map(|part| part.of(context, version));
        Ok(Self { info, items, alike, users, cold, fold })
    }

    /// The vectors of items, in the order asked for; `None` for those that it does not have.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn items(&self, ids: &[Id]) -> Result<Vec<Option<ModelItem>>> {
        let output = Output::only([FACTORS, "number", "ratings"]);
        let mut found = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            let records = self.items.store.get(&self.items.collection, page, &output).await?;
            let mut known: std::collections::HashMap<Id, ModelItem> =
                records.into_iter().filter_map(|mut record| Some((record.id.take()?, item(record)?))).collect();
            found.extend(page.iter().map(|id| known.remove(id)));
        }
        Ok(found)
    }

    /// The vector of a user, if it was there in training or has rated something since.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn user(&self, user: &str) -> Result<Option<Vec<f32>>> {
        let found = self.users.store.get(&self.users.collection, &[item_id(user)], &Output::only([FACTORS])).await?;
        Ok(found.into_iter().next().and_then(|mut record| vector(&mut record.vectors)))
    }

    /// What is known of a taste by ratings; of items that the model does not have, nothing. The names stand beside.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn known(&self, rated: &[Rated]) -> Result<(Vec<Known>, Vec<String>)> {
        let liked: Vec<&Rated> = rated.iter().filter(|rated| self.info.liking.is_liked(rated.value)).collect();
        let ids: Vec<Id> = liked.iter().map(|rated| item_id(&rated.item)).collect();
        let items = self.items(&ids).await?;
        let pairs = liked.into_iter().zip(items).filter_map(|(rated, item)| {
            let known = self.known_item(&item?, self.info.liking.weight(rated.value), true);
            Some((known, rated.item.clone()))
        });
        Ok(pairs.unzip())
    }

    /// An item that somebody likes, or does not want.
    pub fn known_item(&self, item: &ModelItem, weight: f32, is_liked: bool) -> Known {
        let number = usize::try_from(item.number).unwrap_or(usize::MAX);
        Known { vector: item.vector.clone(), number, weight, is_liked }
    }

    /// The vector of a taste. Computes.
    ///
    /// # Errors
    /// Those of [`Fold::fold`].
    pub fn fold(&self, known: &[Known]) -> Result<Folded> {
        self.fold.fold(known)
    }

    /// An error that says that a user is not known.
    pub fn no_user(user: &str) -> Error {
        Error::new(ErrorKind::NotFound, format!("there is no user '{user}' with ratings"))
            .with_hint("rate something first: recommender rate USER ITEM VALUE; or name items instead of a user")
    }
}

fn item(mut record: bootcamp_core::Record) -> Option<ModelItem> {
    let number = |fields: &Fields, name: &str| fields.get(name).and_then(Value::as_i64);
    let (at, ratings) = (number(&record.fields, "number")?, number(&record.fields, "ratings")?);
    Some(ModelItem { vector: vector(&mut record.vectors)?, number: at, ratings })
}

fn vector(vectors: &mut std::collections::BTreeMap<String, Vector>) -> Option<Vec<f32>> {
    match vectors.remove(FACTORS) {
        Some(Vector::F32(vector)) => Some(vector),
        _ => None,
    }
}
