//! Asks a store what random filters select, and holds the answers against an independent model: real servers are the
//! truth about their own language, and the local store must agree with them.

mod model;

use bootcamp_core::{
    CollectionSpec, Filter, Id, IdKind, Metric, Output, PageRequest, Record, Result, ScalarField, VectorField,
    VectorStore,
};
use futures::{StreamExt, TryStreamExt};

use self::model::{Condition, FIELDS, Random, Row};

pub use self::model::Limits;

const COLLECTION: &str = "filtered";
const RECORDS: usize = 100;
/// Filters asked at once: most of a server's time is waiting.
const AT_ONCE: usize = 8;

/// How a comparison went.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Filters asked.
    pub asked: usize,
    /// Filters that selected some records and not all.
    pub telling: usize,
    /// The filters that the store answered differently, with both answers.
    pub differences: Vec<String>,
}

/// Fills a collection of the store with random records and asks it `filters` random filters within `limits`.
pub async fn compare(store: &dyn VectorStore, limits: &Limits, seed: u64, filters: usize) -> Result<Comparison> {
    let mut random = Random(seed);
    let rows = model::rows(&mut random, RECORDS, limits);
    store.create(&spec()).await?;
    store.upsert(COLLECTION, &rows.iter().map(record).collect::<Vec<_>>()).await?;
    let conditions: Vec<Condition> = (0..filters).map(|at| model::condition(&mut random, at % 4, limits)).collect();
    let cases = conditions.iter().map(|condition| (condition.text.clone(), condition.select(&rows)));
    let comparison = futures::stream::iter(cases)
        .map(|(text, expected)| async move { Ok((select(store, &text).await?, text, expected)) })
        .buffer_unordered(AT_ONCE)
        .try_fold(Comparison::default(), async |mut comparison, (found, text, expected)| {
            comparison.asked += 1;
            comparison.telling += usize::from((1..RECORDS).contains(&expected.len()));
            if found != expected {
                comparison.differences.push(format!("{text}\n  store {found:?}\n  model {expected:?}"));
            }
            Ok(comparison)
        })
        .await;
    store.remove(COLLECTION).await?;
    comparison
}

fn spec() -> CollectionSpec {
    let spec = CollectionSpec::new(COLLECTION, IdKind::Int).vector(VectorField::f32("vector", 2, Metric::L2));
    FIELDS.into_iter().fold(spec, |spec, (name, kind)| {
        let field = match kind {
            "bool" => ScalarField::bool(name),
            "int" => ScalarField::int(name),
            "float" => ScalarField::float(name),
            "string" => ScalarField::string(name),
            _ => ScalarField::json(name),
        };
        spec.scalar(if name.starts_with('n') { field.nullable() } else { field })
    })
}

fn record(row: &Row) -> Record {
    let mut fields = row.clone();
    let id = fields.remove("id").and_then(|id| id.as_i64()).unwrap_or_default();
    Record { fields, ..Record::new(id).vector("vector", vec![0.0, 1.0]) }
}

async fn select(store: &dyn VectorStore, text: &str) -> Result<Vec<i64>> {
    let filter = Some(Filter::parse(text)?);
    let request = PageRequest { filter, after: None, limit: 2 * RECORDS, output: Output::ids() };
    let page = store.page(COLLECTION, &request).await.map_err(|error| error.context(text))?;
    Ok(page
        .records
        .into_iter()
        .filter_map(|record| if let Some(Id::Int(id)) = record.id { Some(id) } else { None })
        .collect())
}
