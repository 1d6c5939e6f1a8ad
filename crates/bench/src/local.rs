//! The local store, as a program uses it: records with fields in, hits with fields out, one query at a time.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bootcamp_core::local::LocalStore;
use bootcamp_core::{
    CollectionSpec, Filter, Hit, Id, IdKind, IndexKind, Metric, Record, ScalarField, SearchRequest, Vector,
    VectorField, VectorStore,
};
use tokio::runtime::Runtime;

use crate::contender::{Answer, EF_CONSTRUCTION, M, ask_each};
use crate::data::{self, DataSet};
use crate::exact::K;
use crate::matrix::Matrix;
use crate::report;

/// Records in one upsert.
pub const BATCH: usize = 1000;
/// The collection's name, and its vector field's.
const COLLECTION: &str = "bench";
const FIELD: &str = "vector";

/// An open store and the runtime that its calls run on.
pub struct Local {
    runtime: Runtime,
    store: LocalStore,
}

impl Local {
    pub fn open(folder: &Path) -> Result<Self> {
        // As `#[tokio::main]` gives it to every program.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
        Ok(Self { runtime, store: LocalStore::open(folder)? })
    }

    /// Opens the data set's store, which is built and flushed first unless it is there from an earlier run.
    pub fn of(data: &DataSet<f32>) -> Result<Self> {
        let folder = Self::folder(&data.folder);
        let done = data.folder.join(format!("{}.done", folder.file_name().unwrap_or_default().to_string_lossy()));
        if !done.exists() {
            let _ = std::fs::remove_dir_all(&folder);
            report::progress("building the store …");
            let store = Self::open(&folder)?;
            store.create_floats(data.base.width)?;
            store.upsert_floats(&data.base, 0..data.base.len())?;
            store.flush()?;
            drop(store);
            std::fs::write(&done, "")?;
        }
        Self::open(&folder)
    }

    /// Where a data set's store is kept.
    pub fn folder(data: &Path) -> PathBuf {
        data.join(format!("store-{}-m{M}-ef{EF_CONSTRUCTION}", env!("CARGO_PKG_VERSION")))
    }

    pub fn create_floats(&self, dim: usize) -> Result<()> {
        let index = IndexKind::Hnsw { m: M as u32, ef_construction: EF_CONSTRUCTION as u32 };
        self.create(VectorField::f32(FIELD, dim, Metric::L2).index(index))
    }

    pub fn create_bits(&self, bits: usize, metric: Metric) -> Result<()> {
        self.create(VectorField::binary(FIELD, bits, metric).index(IndexKind::BinFlat))
    }

    fn create(&self, field: VectorField) -> Result<()> {
        let spec = CollectionSpec::new(COLLECTION, IdKind::Int)
            .vector(field)
            .scalar(ScalarField::string("label"))
            .scalar(ScalarField::string("path").not_filterable())
            .scalar(ScalarField::int("bucket"));
        Ok(self.runtime.block_on(self.store.create(&spec))?)
    }

    pub fn upsert_floats(&self, base: &Matrix<f32>, rows: Range<usize>) -> Result<()> {
        self.upsert(rows, |at| Vector::F32(base.row(at).to_vec()))
    }

    pub fn upsert_bits(&self, base: &Matrix<u8>) -> Result<()> {
        self.upsert(0..base.len(), |at| Vector::binary(base.row(at)))
    }

    fn upsert(&self, rows: Range<usize>, vector: impl Fn(usize) -> Vector) -> Result<()> {
        let record = |at: usize| {
            let (label, path, bucket) = data::fields(at);
            let record = Record::new(at as i64).vector(FIELD, vector(at));
            record.field("label", label).field("path", path).field("bucket", bucket)
        };
        for first in rows.clone().step_by(BATCH) {
            let batch: Vec<_> = (first..(first + BATCH).min(rows.end)).map(record).collect();
            self.runtime.block_on(self.store.upsert(COLLECTION, &batch))?;
        }
        Ok(())
    }

    pub fn flush(&self) -> Result<()> {
        Ok(self.runtime.block_on(self.store.flush(COLLECTION, None))?)
    }

    /// What serves the collection, in the store's words.
    pub fn served_by(&self) -> Result<String> {
        let info = self.runtime.block_on(self.store.describe(COLLECTION))?;
        let index = info.indexes.first().context("no index")?;
        Ok(format!("{} rows, {}, {} indexed", report::number(info.count as f64), index.served_by, index.indexed))
    }

    /// Asks every query, one call each, fields included.
    pub fn search_each(&self, queries: &Matrix<f32>, ef: usize) -> Result<Answer> {
        ask_each(queries, |query| self.search(query.to_vec(), Some(ef), None))
    }

    pub fn search_bits(&self, query: &[u8]) -> Result<Vec<u32>> {
        self.search(Vector::binary(query), None, None)
    }

    /// The rows nearest to a query, at most `k`, with their scores; with a radius those nearer than that.
    pub fn nearest_bits(&self, query: &[u8], k: usize, radius: Option<f32>) -> Result<Vec<(u32, f32)>> {
        let request = SearchRequest { radius, ..SearchRequest::new(FIELD, Vector::binary(query), k) };
        let hits = self.runtime.block_on(self.store.search(COLLECTION, &request))?;
        Ok(hits.iter().flatten().map(|hit| (row(hit), hit.score)).collect())
    }

    /// The rows nearest to a query; all scalar fields come with them.
    pub fn search(&self, query: impl Into<Vector>, ef: Option<usize>, filter: Option<&Filter>) -> Result<Vec<u32>> {
        let mut request = SearchRequest::new(FIELD, query.into(), K).filter(filter.cloned());
        request.params.ef = ef.map(|ef| ef as u32);
        let hits = self.runtime.block_on(self.store.search(COLLECTION, &request))?;
        Ok(hits.iter().flatten().map(row).collect())
    }
}

/// The row a hit stands for. A hit without its fields would make the comparison a lie, so it stands for none.
fn row(hit: &Hit) -> u32 {
    match hit.id {
        Id::Int(id) if hit.fields.len() == 3 => id as u32,
        _ => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact;

    #[test]
    fn the_store_is_built_once_and_finds_the_true_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let data = data::floats(folder.path(), 2000, 32).unwrap();
        for _ in ["built", "opened"] {
            let answer = Local::of(&data).unwrap().search_each(&data.queries, 64).unwrap();
            assert!(exact::recall(&data.truth, &answer.ids) > 0.95);
        }
    }
}
