//! The collections of a recommender, all of them in the one store: so several servers behind a load balancer see the same
//! ratings and the same model, and a backup of the store has everything.
//!
//! The **catalogue** is the program's own collection: every item with its facts. **Ratings** and **people** are what was
//! imported and rated; together with the catalogue they are the truth, from which all else can be computed again.
//! **Models** says which model counts, and holds what is needed of it beside its vectors. Each model has three collections
//! of its own, of [`ModelPart`].

use bootcamp_core::{CollectionSpec, IdKind, IndexKind, Metric, ScalarField, ScalarKind, VectorField};
use bootcamp_kit::Context;

use crate::tables::MAX_NAME;

/// The vector field of collections that are only looked up by id or filter: a server does not know any without one.
pub const UNUSED: &str = "unused";
/// Its dimension: the smallest that every server takes.
const UNUSED_DIM: usize = 2;
/// The vectors of a model.
pub const FACTORS: &str = "factors";
/// The longest title, in bytes.
pub const MAX_TITLE: usize = 2048;
/// The longest text in the collection of models.
pub const MAX_TEXT: usize = 65_000;

/// A vector for a field that nobody searches.
pub fn unused() -> Vec<f32> {
    vec![0.0; UNUSED_DIM]
}

/// The collections of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPart {
    /// Items by their vectors, under the inner product with those of users.
    Items,
    /// The same items under cosine similarity with each other. Apart, because servers before Milvus 2.4 take one vector
    /// field a collection, and the inner product of two items is large for popular ones.
    Alike,
    /// Users by their vectors.
    Users,
}

impl ModelPart {
    pub const ALL: [Self; 3] = [Self::Items, Self::Alike, Self::Users];

    fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Alike => "alike",
            Self::Users => "users",
        }
    }

    fn metric(self) -> Metric {
        match self {
            Self::Items | Self::Users => Metric::InnerProduct,
            Self::Alike => Metric::Cosine,
        }
    }

    /// Where it is, for the model of this version.
    pub fn of(self, context: &Context, version: &str) -> Context {
        let collection = format!("{}_{}_{version}", context.collection, self.name());
        on(context, collection, FACTORS, self.metric())
    }

    /// Its schema. `at` is what [`ModelPart::of`] gave.
    pub fn spec(self, at: &Context, dim: usize) -> CollectionSpec {
        let spec = CollectionSpec::new(&at.collection, IdKind::String { max_len: 20 }).vector(VectorField::f32(
            FACTORS,
            dim,
            self.metric(),
        ));
        match self {
            Self::Items | Self::Alike => item_fields()
                .into_iter()
                .chain([ScalarField::int("ratings"), ScalarField::bool("cold"), ScalarField::int("number")])
                .fold(spec, CollectionSpec::scalar),
            Self::Users => [name("user"), ScalarField::int("ratings"), ScalarField::json("facts")]
                .into_iter()
                .fold(spec, CollectionSpec::scalar),
        }
    }
}

fn name(field: &str) -> ScalarField {
    ScalarField::new(field, ScalarKind::String { max_len: MAX_NAME })
}

/// What filters know of items.
fn item_fields() -> Vec<ScalarField> {
    vec![
        name("item"),
        ScalarField::new("title", ScalarKind::String { max_len: MAX_TITLE }),
        ScalarField::int("year").nullable(),
        ScalarField::json("genres"),
        ScalarField::json("facts"),
    ]
}

fn flat() -> VectorField {
    VectorField::f32(UNUSED, UNUSED_DIM, Metric::L2).index(IndexKind::Flat)
}

/// The same store on another collection of the program's own.
fn on(context: &Context, collection: String, field: &str, metric: Metric) -> Context {
    let mut other = context.clone();
    (other.collection, other.field, other.metric) = (collection, field.to_owned(), metric);
    other
}

fn beside(context: &Context, name: &str) -> Context {
    on(context, format!("{}_{name}", context.collection), UNUSED, Metric::L2)
}

/// The catalogue's schema.
pub fn catalogue(context: &Context) -> CollectionSpec {
    let vector = VectorField::f32(&context.field, crate::model::features::DIM, context.metric);
    let mut fields = item_fields();
    // The title in small letters, for the search box: servers compare letters as they are.
    fields.push(ScalarField::new("_words", ScalarKind::String { max_len: MAX_TITLE }));
    context.spec(vector, fields)
}

/// Ratings, in bundles of one user each.
pub fn ratings(context: &Context) -> Context {
    beside(context, "ratings")
}

/// The schema of ratings. `at` is what [`ratings`] gave.
pub fn ratings_spec(at: &Context) -> CollectionSpec {
    at.spec(flat(), vec![name("user"), ScalarField::json("events")])
}

/// Facts of users.
pub fn people(context: &Context) -> Context {
    beside(context, "people")
}

/// The schema of facts of users. `at` is what [`people`] gave.
pub fn people_spec(at: &Context) -> CollectionSpec {
    at.spec(flat(), vec![name("user"), ScalarField::json("facts")])
}

/// Models: which one counts, what they are, trials and evaluations.
pub fn models(context: &Context) -> Context {
    beside(context, "models")
}

/// The schema of models. `at` is what [`models`] gave.
pub fn models_spec(at: &Context) -> CollectionSpec {
    CollectionSpec::new(&at.collection, IdKind::String { max_len: 128 })
        .vector(flat())
        .scalar(ScalarField::new("kind", ScalarKind::String { max_len: 32 }))
        .scalar(ScalarField::json("body"))
        // Not to be found by, and yet beside the vectors: with Redis it would be apart from the model that it is of.
        .scalar(ScalarField::json("text"))
}
