//! Facts about a program and its collection, for the command `info` and the page.

use bootcamp_core::VectorKind;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::options::{OptionValue, ProgramOption};
use crate::program::Program;
use crate::solution::Solution;
use crate::vectors::Maker;

/// Facts about a program and its collection.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InfoBody {
    pub name: String,
    pub title: String,
    pub summary: String,
    pub version: String,
    pub collection: String,
    /// Items in it; 0 before the first import.
    pub count: u64,
    pub store: StoreBody,
    /// What makes the embeddings; null where the program computes them in a dimension of its own.
    pub vectors: Option<VectorsBody>,
    pub metric: String,
    pub larger_is_nearer: bool,
    /// What serves searches; null before the first import.
    pub index: Option<IndexBody>,
    /// Options of a query.
    pub options: Vec<OptionBody>,
    /// Options of an import.
    pub import_options: Vec<OptionBody>,
    /// Kinds of jobs beside imports and searches for duplicates.
    pub work: Vec<WorkBody>,
    /// Whether items are spans of their sources, with a beginning and an end in seconds.
    pub spans: bool,
    /// Example queries.
    pub examples: Vec<WordsBody>,
    /// What hits can be saved as: values of `format`.
    pub formats: Vec<String>,
    /// What a query may be.
    pub accepts: Vec<String>,
    pub max_k: usize,
    pub max_upload_bytes: u64,
    /// The default score limit for duplicates; null if the program does not look for them.
    pub duplicates_threshold: Option<f32>,
    /// Folders that the server may import from.
    pub import_roots: Vec<String>,
    pub fields: Vec<FieldBody>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StoreBody {
    /// `local`, `milvus` or `milvus-lite`.
    pub server: String,
    pub version: String,
}

/// What makes the embeddings: a model, or the program itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VectorsBody {
    #[schema(example = "sscd-distilled")]
    pub name: String,
    pub summary: String,
    /// Of the model's weights; null for vectors that the program makes itself.
    pub licence: Option<String>,
    #[schema(value_type = String, example = "f32")]
    pub kind: VectorKind,
    /// The dimension; for binary vectors in bits.
    pub dim: usize,
}

impl VectorsBody {
    fn new(maker: &Maker) -> Option<Self> {
        match maker {
            Maker::Model(model) => Some(Self {
                name: model.name.clone(),
                summary: model.summary.clone(),
                licence: Some(model.licence.clone()),
                kind: VectorKind::F32,
                dim: model.dim,
            }),
            Maker::Own(own) => Some(Self {
                name: own.name.to_owned(),
                summary: own.summary.to_owned(),
                licence: None,
                kind: own.kind,
                dim: own.dim,
            }),
            Maker::Computed => None,
        }
    }
}

/// A choice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionBody {
    #[schema(example = "mode")]
    pub name: String,
    pub help: String,
    /// `choice`, `number`, `text` or `switch`.
    #[serde(rename = "type")]
    #[schema(example = "choice")]
    pub kind: String,
    /// Of a choice, the default first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<f64>,
    /// When this option has an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_with: Option<OnlyWithBody>,
}

/// Values of another option.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OnlyWithBody {
    #[schema(example = "mode")]
    pub option: String,
    pub values: Vec<String>,
}

impl OptionBody {
    fn new(option: &ProgramOption) -> Self {
        let (mut values, mut bounds) = (Vec::new(), None);
        let kind = match option.value {
            OptionValue::OneOf(known) => {
                values = owned(known);
                "choice"
            }
            OptionValue::Number { least, most } => {
                bounds = Some((least, most));
                "number"
            }
            OptionValue::Text(_) => "text",
            OptionValue::Switch => "switch",
        };
        let (least, most) = bounds.unzip();
        let (name, help) = (option.name.to_owned(), option.help.to_owned());
        let only_with =
            option.only_with.map(|(option, values)| OnlyWithBody { option: option.to_owned(), values: owned(values) });
        Self { name, help, kind: kind.to_owned(), values, least, most, only_with }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// An example text query.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WordsBody {
    pub title: String,
    pub words: String,
}

/// A kind of job of the program's own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkBody {
    #[schema(example = "train")]
    pub name: String,
    pub about: String,
    pub options: Vec<OptionBody>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IndexBody {
    pub field: String,
    #[schema(example = "HNSW (M=24, ef_construction=200)")]
    pub served_by: String,
    /// Whether results are exact.
    pub exact: bool,
    /// Items in the index; the rest is searched exactly.
    pub indexed: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldBody {
    pub name: String,
    #[serde(rename = "type")]
    #[schema(example = "string")]
    pub kind: String,
    /// Whether filters can use it.
    pub filterable: bool,
}

impl InfoBody {
    /// `max_upload_bytes` and `import_roots` are the server's; a command line has none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn new(
        program: &Program,
        solution: &dyn Solution,
        max_upload_bytes: u64,
        import_roots: Vec<String>,
    ) -> bootcamp_core::Result<Self> {
        let context = solution.context();
        let facts = context.facts;
        let health = context.store.health().await?;
        let found = context.describe().await?;
        let spec = found.as_ref().map_or_else(|| solution.collection(), |info| info.spec.clone());
        let shown = context.output(&spec);
        let joint = context.maker.model().is_some_and(|model| model.picture.is_some() && model.takes_text());
        let words = joint || facts.words.is_some();
        let index = found.as_ref().and_then(|info| info.indexes.iter().find(|index| index.field == context.field));
        let field = |field: &bootcamp_core::ScalarField| FieldBody {
            name: field.name.clone(),
            kind: field.kind.name().to_owned(),
            filterable: field.filterable,
        };
        Ok(Self {
            name: facts.name.to_owned(),
            title: facts.title.to_owned(),
            summary: facts.summary.to_owned(),
            version: facts.version.to_owned(),
            collection: context.collection.clone(),
            count: found.as_ref().map_or(0, |info| info.count),
            store: StoreBody {
                server: serde_json::to_value(health.server).ok().and_then(text).unwrap_or_default(),
                version: health.version,
            },
            vectors: VectorsBody::new(&context.maker),
            metric: context.metric.name().to_owned(),
            larger_is_nearer: context.metric.larger_is_nearer(),
            index: index.cloned().map(|index| IndexBody {
                field: index.field,
                served_by: index.served_by,
                exact: index.exact,
                indexed: index.indexed,
            }),
            options: facts.options.iter().map(OptionBody::new).collect(),
            import_options: facts.import_options.iter().map(OptionBody::new).collect(),
            work: program
                .work
                .iter()
                .map(|work| WorkBody {
                    name: work.name.to_owned(),
                    about: work.about.to_owned(),
                    options: work.options.iter().map(OptionBody::new).collect(),
                })
                .collect(),
            spans: facts.spans,
            examples: facts
                .examples
                .iter()
                .map(|example| WordsBody { title: example.title.to_owned(), words: example.words.to_owned() })
                .collect(),
            formats: crate::export::formats(program).map(str::to_owned).collect(),
            accepts: facts.accepts.iter().copied().chain(words.then_some("words")).map(str::to_owned).collect(),
            max_k: crate::query::MAX_K,
            max_upload_bytes,
            duplicates_threshold: context.duplicates(),
            import_roots,
            fields: spec.scalars.iter().filter(|field| shown.wants_scalar(&field.name)).map(field).collect(),
        })
    }
}

fn text(value: Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
