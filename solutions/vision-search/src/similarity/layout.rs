//! The collection of an index: exactly what FiftyOne's Milvus backend makes, so that each can use the other's.

use bootcamp_core::{
    CollectionSpec, Error, ErrorKind, Id, IdKind, IndexKind, Record, Result, ScalarField, ScalarKind, VectorField,
    VectorKind, VectorStore,
};

use crate::backend::SimilarityMetric;
use crate::sample::ObjectId;

/// The id of the sample or label.
pub const KEY: &str = "pk";
pub const VECTOR: &str = "vector";
/// The sample, also of a label.
pub const SAMPLE: &str = "sample_id";
const MAX_LENGTH: usize = 64_000;
/// FiftyOne's parameters.
const INDEX: IndexKind = IndexKind::Hnsw { m: 8, ef_construction: 64 };
/// Before the slug of the dataset's name.
pub const PREFIX: &str = "fiftyone_";

/// One embedding of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Of the label, or of the sample where samples are indexed.
    pub id: ObjectId,
    pub sample: ObjectId,
    pub vector: Vec<f32>,
}

impl Entry {
    pub fn record(self) -> Record {
        Record::new(self.id.to_string()).vector(VECTOR, self.vector).field(SAMPLE, self.sample.to_string())
    }

    /// An entry that was asked for with its vector.
    ///
    /// # Errors
    /// As [`ids`].
    pub fn of(mut record: Record) -> Result<Self> {
        let vector = match record.vectors.remove(VECTOR) {
            Some(bootcamp_core::Vector::F32(vector)) => vector,
            _ => Vec::new(),
        };
        let (id, sample) = ids(record.id.as_ref(), &record.fields)?;
        Ok(Self { id, sample, vector })
    }
}

/// The ids of an entry or hit, and of its sample.
///
/// # Errors
/// `Corrupt` where they are not ids of samples and labels.
pub fn ids(id: Option<&Id>, fields: &bootcamp_core::Fields) -> Result<(ObjectId, ObjectId)> {
    let parse = |text: &str| {
        text.parse().map_err(|error: Error| {
            let message = "the collection has entries that are not of a dataset";
            Error::new(ErrorKind::Corrupt, message).with_source(error)
        })
    };
    let id = parse(&id.map(ToString::to_string).unwrap_or_default())?;
    let sample = fields.get(SAMPLE).and_then(serde_json::Value::as_str);
    Ok((id, sample.map_or(Ok(id), parse)?))
}

/// The collection's schema. `index` is FiftyOne's HNSW with M 8 and efConstruction 64 unless somebody chooses.
pub fn spec(collection: &str, dim: usize, metric: SimilarityMetric, index: Option<IndexKind>) -> CollectionSpec {
    CollectionSpec::new(collection, IdKind::String { max_len: MAX_LENGTH })
        .id_field(KEY)
        .vector(VectorField::f32(VECTOR, dim, metric.metric()).index(index.unwrap_or(INDEX)))
        .scalar(ScalarField::new(SAMPLE, ScalarKind::String { max_len: MAX_LENGTH }))
}

/// The dimension and metric of a collection that is there, if it has the layout.
///
/// # Errors
/// `Unsupported` for a collection of another layout, naming what differs.
pub fn check(spec: &CollectionSpec) -> Result<(usize, SimilarityMetric)> {
    let other = |what: String| {
        let message = format!("collection '{}' is not a similarity index: {what}", spec.name);
        Error::new(ErrorKind::Unsupported, message)
            .with_hint("an index has the fields pk, vector and sample_id, as FiftyOne's Milvus backend makes them")
    };
    if spec.id_field != KEY || !matches!(spec.id, IdKind::String { .. }) {
        return Err(other(format!("its primary key is '{}', not a string '{KEY}'", spec.id_field)));
    }
    let vector = spec.vectors.iter().find(|field| field.name == VECTOR && field.kind == VectorKind::F32);
    let vector = vector.ok_or_else(|| other(format!("it has no field '{VECTOR}' of floats")))?;
    if !spec.scalars.iter().any(|field| field.name == SAMPLE) {
        return Err(other(format!("it has no field '{SAMPLE}'")));
    }
    Ok((vector.dim, SimilarityMetric::of(vector.metric)?))
}

/// A name in lower case, of letters and digits joined by `-`, as FiftyOne's `to_slug` makes it: spaces and `+_.-` separate,
/// everything else is left out.
pub fn slug(name: &str) -> String {
    let is_separator = |c: char| c.is_whitespace() || "+_.-".contains(c);
    let kept = |word: &str| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let words = name.split(is_separator).map(kept).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The name of a new collection for a dataset: FiftyOne's, and with six random letters and digits after it if there is one
/// of that name.
///
/// # Errors
/// Those of the store.
pub async fn free_name(store: &dyn VectorStore, dataset: &str) -> Result<String> {
    let slug = slug(dataset).replace('-', "_");
    let base = format!("{PREFIX}{}", if slug.is_empty() { "dataset" } else { &slug });
    let mut name = base.clone();
    while exists(store, &name).await? {
        name = format!("{base}_{}", letters()?);
    }
    Ok(name)
}

/// Whether the store has a collection of that name, be it one of ours or not.
///
/// # Errors
/// Those of the store but for a foreign collection.
pub async fn exists(store: &dyn VectorStore, name: &str) -> Result<bool> {
    match store.describe(name).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        // It is there, and somebody else's.
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(error) => Err(error),
    }
}

/// Six random letters and digits.
fn letters() -> Result<String> {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = getrandom::u64()
        .map_err(|error| Error::new(ErrorKind::Internal, "the system provides no random numbers").with_source(error))?;
    let letter = |_| {
        let letter = LETTERS[(random % 36) as usize];
        random /= 36;
        char::from(letter)
    };
    Ok((0..6).map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_fiftyones() {
        for (name, expected) in [
            ("quickstart", "quickstart"),
            ("My  Data+Set_v1.2", "my-data-set-v1-2"),
            ("--a--b--", "a-b"),
            ("Größe (klein)", "gre-klein"),
            ("写真", ""),
        ] {
            assert_eq!(slug(name), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn names_that_are_taken_get_a_suffix() {
        let folder = tempfile::tempdir().unwrap();
        let store = bootcamp_core::LocalStore::open(folder.path()).unwrap();
        let name = free_name(&store, "My data-set").await.unwrap();
        assert_eq!(name, "fiftyone_my_data_set");
        store.create(&spec(&name, 2, SimilarityMetric::default(), None)).await.unwrap();
        let second = free_name(&store, "My data-set").await.unwrap();
        let suffix = second.strip_prefix("fiftyone_my_data_set_").unwrap();
        assert!(suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{second}");
        assert_eq!(free_name(&store, "写真").await.unwrap(), "fiftyone_dataset");
    }

    #[test]
    fn other_layouts_are_refused() {
        let ours = spec("c", 3, SimilarityMetric::Euclidean, None);
        assert_eq!(check(&ours).unwrap(), (3, SimilarityMetric::Euclidean));
        let message = |spec: CollectionSpec| check(&spec).unwrap_err().to_string();
        let vector = |name: &str| VectorField::f32(name, 3, bootcamp_core::Metric::L2);
        let string = IdKind::String { max_len: 9 };
        assert_eq!(
            message(CollectionSpec::new("c", string).vector(vector("vector"))),
            "collection 'c' is not a similarity index: its primary key is 'id', not a string 'pk'"
        );
        assert_eq!(
            message(CollectionSpec::new("c", string).id_field("pk").vector(vector("v"))),
            "collection 'c' is not a similarity index: it has no field 'vector' of floats"
        );
        assert_eq!(
            message(CollectionSpec::new("c", string).id_field("pk").vector(vector("vector"))),
            "collection 'c' is not a similarity index: it has no field 'sample_id'"
        );
    }
}
