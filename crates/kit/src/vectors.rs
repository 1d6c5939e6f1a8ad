//! Which model, or which of a program's own methods, makes the embeddings of a collection: read from the collection where
//! there is one, chosen by the user or the program before that.

use bootcamp_core::models::{ModelSpec, Registry};
use bootcamp_core::{CollectionInfo, Error, ErrorKind, Metric, Result, VectorField};

use crate::facts::{Facts, OwnVector, Vectors, field_of};

/// The field of embeddings that have no maker to be named after.
const COMPUTED: &str = "embedding";

/// What makes the embeddings of a collection.
#[derive(Clone, Debug)]
pub enum Maker {
    Model(Box<ModelSpec>),
    Own(&'static OwnVector),
    /// The program, in a dimension that it finds out when it runs.
    Computed,
}

impl Maker {
    /// The model's name, or that of the program's own vectors.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Model(model) => Some(&model.name),
            Self::Own(own) => Some(own.name),
            Self::Computed => None,
        }
    }

    /// The model, if one makes them.
    pub fn model(&self) -> Option<&ModelSpec> {
        match self {
            Self::Model(model) => Some(model),
            _ => None,
        }
    }

    fn metric(&self, computed: Metric) -> Metric {
        match self {
            Self::Model(model) => model.metric,
            Self::Own(own) => own.metric,
            Self::Computed => computed,
        }
    }
}

/// What makes a collection's embeddings, and where they are.
pub(crate) struct Chosen {
    pub maker: Maker,
    /// The vector field.
    pub field: String,
    pub metric: Metric,
}

/// The maker that the collection's field is named after; before there is a collection, the one asked for or the
/// program's default.
pub(crate) fn choose(
    facts: &Facts,
    registry: &Registry,
    collection: &str,
    found: Option<&CollectionInfo>,
    asked: Option<&str>,
) -> Result<Chosen> {
    let field = found.and_then(|info| info.spec.vectors.first());
    let known: Vec<Maker> = match &facts.vectors {
        Vectors::Model(_) => registry.list().map(|model| Maker::Model(Box::new(model.clone()))).collect(),
        Vectors::Own(own) => own.iter().map(Maker::Own).collect(),
        Vectors::Computed(metric) => return computed(facts, *metric, field, asked),
    };
    let asked = asked.map(|name| named(facts, registry, name)).transpose()?;
    let Some(field) = field else {
        let maker = match (asked, &facts.vectors) {
            (Some(maker), _) => maker,
            (None, Vectors::Model(name)) => named(facts, registry, name)?,
            (None, _) => known.into_iter().next().unwrap_or(Maker::Computed),
        };
        let field = maker.name().map_or(COMPUTED.to_owned(), field_of);
        return Ok(Chosen { field, metric: maker.metric(Metric::Cosine), maker });
    };
    let is_of_field = |maker: &Maker| maker.name().is_some_and(|name| field_of(name) == field.name);
    let holds = known.into_iter().find(is_of_field);
    if let Some(asked) = asked.as_ref().filter(|asked| !is_of_field(asked)) {
        let holds = holds.as_ref().and_then(Maker::name).unwrap_or(&field.name);
        let asked = asked.name().unwrap_or_default();
        return Err(Error::invalid(format!("collection '{collection}' holds embeddings of {holds}, not of {asked}"))
            .with_hint("leave out --model, or choose a different --collection"));
    }
    let maker = holds.ok_or_else(|| unknown(facts, collection, &field.name))?;
    Ok(Chosen { maker, field: field.name.clone(), metric: field.metric })
}

fn computed(facts: &Facts, metric: Metric, field: Option<&VectorField>, asked: Option<&str>) -> Result<Chosen> {
    if asked.is_some() {
        return Err(
            Error::invalid(format!("{} has no models to choose from", facts.name)).with_hint("leave out --model")
        );
    }
    let metric = field.map_or(metric, |field| field.metric);
    let field = field.map_or(COMPUTED.to_owned(), |field| field.name.clone());
    Ok(Chosen { maker: Maker::Computed, field, metric })
}

fn named(facts: &Facts, registry: &Registry, name: &str) -> Result<Maker> {
    let Vectors::Own(known) = facts.vectors else {
        return model(registry, name);
    };
    known.iter().find(|own| own.name == name).map(Maker::Own).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|own| own.name).collect();
        Error::new(ErrorKind::NotFound, format!("{} has no vectors '{name}'", facts.name))
            .with_hint(format!("choose one of {}", names.join(", ")))
    })
}

/// A model that makes vectors.
fn model(registry: &Registry, name: &str) -> Result<Maker> {
    let model = registry.get(name)?;
    if model.makes_vectors() {
        return Ok(Maker::Model(Box::new(model.clone())));
    }
    let names: Vec<_> = registry.list().filter(|it| it.makes_vectors()).map(|it| it.name.as_str()).collect();
    Err(Error::invalid(format!("model {name} scores pairs of texts, it makes no embeddings"))
        .with_hint(format!("choose one of {}", names.join(", "))))
}

fn unknown(facts: &Facts, collection: &str, field: &str) -> Error {
    if matches!(facts.vectors, Vectors::Own(_)) {
        let message = format!("collection '{collection}' was not created by {}", facts.name);
        return Error::new(ErrorKind::AlreadyExists, message).with_hint("choose a different one with --collection");
    }
    let message = format!("collection '{collection}' holds embeddings of '{field}', which is not a known model");
    Error::new(ErrorKind::NotFound, message)
        .with_hint("add the model to models.toml, or choose a different --collection")
}

#[cfg(test)]
mod tests {
    use bootcamp_core::models::ModelSettings;

    use super::*;

    #[test]
    fn a_model_that_scores_pairs_makes_no_collection() {
        let registry = Registry::open(ModelSettings::default()).unwrap();
        assert_eq!(model(&registry, "sscd").unwrap().name(), Some("sscd"));
        let error = model(&registry, "ms-marco-minilm-l6-v2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let hint = error.hint().unwrap();
        assert!(hint.contains("multilingual-e5-small") && !hint.contains("ms-marco"), "{hint}");
    }
}
