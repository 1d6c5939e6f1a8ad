//! What the conformance suite is too small for: messages at their limits, pages over many segments, indexes of real
//! size, sessions over renames, and collections that other programs made.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::{
    CollectionSpec, ErrorKind, Filter, Id, IdKind, IndexKind, IndexProgress, Metric, MilvusConfig, Output, PageRequest,
    Query, Record, ScalarField, ScalarKind, SearchRequest, Selection, ServerKind, VectorField, VectorStore, scan,
};
use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use bootcamp_testkit::process::artefact;
use bootcamp_testkit::truth::Random;
use futures::TryStreamExt;

#[tokio::test(flavor = "multi_thread")]
async fn limits_2_3_5() {
    let server = MilvusServer::start().await;
    limits(&server.config()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_lite() {
    let server = MilvusLiteServer::start().await;
    limits(&server.config()).await;
}

/// All at the same time, each with collections of its own: most of it is waiting.
async fn limits(config: &MilvusConfig) {
    let store = MilvusStore::connect(&patient(config.clone())).await.unwrap();
    let other = MilvusStore::connect(config).await.unwrap();
    tokio::join!(
        many_wide_queries(&store),
        many_long_ids(&store),
        pages_over_many_segments(&store, "segments_int", IdKind::Int),
        pages_over_many_segments(&store, "segments_string", IdKind::String { max_len: 64 }),
        a_session_survives_renames(&store),
        flush_waits_for_the_index(&store),
        another_client_changes_the_schema(&store, &other),
        collections_of_others(&store, &config.uri),
    );
}

/// A server on a busy machine may stand still for minutes before it indexes.
fn patient(config: MilvusConfig) -> MilvusConfig {
    MilvusConfig { timeout: Duration::from_secs(300), ..config }
}

/// 75 MB of query vectors: more than a message holds.
async fn many_wide_queries(store: &MilvusStore) {
    const DIM: usize = 16_384;
    let spec = CollectionSpec::new("wide", IdKind::Int).vector(VectorField::f32("v", DIM, Metric::InnerProduct));
    store.create(&spec).await.unwrap();
    let unit = |at: usize| {
        let mut values = vec![0.0_f32; DIM];
        values[at] = 1.0;
        values
    };
    let records: Vec<Record> = (0..3).map(|id| Record::new(id as i64).vector("v", unit(id))).collect();
    store.upsert("wide", &records).await.unwrap();
    let queries: Vec<Query> = (0..1200).map(|at| unit(at % 3).into()).collect();
    let request = SearchRequest::batch("v", queries, 1).output(Output::ids());
    let hits = store.search("wide", &request).await.unwrap();
    assert_eq!(hits.len(), 1200);
    for (at, hits) in hits.iter().enumerate() {
        assert_eq!(hits[0].id, Id::Int(at as i64 % 3), "query {at}");
    }
    store.remove("wide").await.unwrap();
}

/// 68 MB of ids, which go to the server as text: more than a message holds.
async fn many_long_ids(store: &MilvusStore) {
    let spec = CollectionSpec::new("long_ids", IdKind::String { max_len: 65_535 }).vector(VectorField::f32(
        "v",
        2,
        Metric::L2,
    ));
    store.create(&spec).await.unwrap();
    let id = |at: usize| Id::from(format!("{at:05}{}", "x".repeat(40_000)));
    let records: Vec<Record> = (0..20).map(|at| Record::new(id(at)).vector("v", vec![at as f32, 0.0])).collect();
    store.upsert("long_ids", &records).await.unwrap();
    let ids: Vec<Id> = (0..1700).map(id).collect();
    let found = store.get("long_ids", &ids, &Output::ids()).await.unwrap();
    assert_eq!(found.len(), 20);
    store.delete("long_ids", &Selection::Ids(ids[10..].to_vec())).await.unwrap();
    assert_eq!(store.count("long_ids", None).await.unwrap(), 10);
    store.remove("long_ids").await.unwrap();
}

/// Rows of every page come from several segments, written in no order, some replaced and some deleted.
async fn pages_over_many_segments(store: &MilvusStore, name: &str, kind: IdKind) {
    let spec =
        CollectionSpec::new(name, kind).vector(VectorField::f32("v", 4, Metric::L2)).scalar(ScalarField::int("n"));
    store.create(&spec).await.unwrap();
    let id = |n: i64| if kind == IdKind::Int { Id::Int(n) } else { Id::String(format!("é{n}")) };
    let mut random = Random::new(7);
    let mut expected = BTreeSet::new();
    for _ in 0..5 {
        let numbers: BTreeSet<i64> = (0..400).map(|_| (random.number() % 3000) as i64).collect();
        let records: Vec<Record> =
            numbers.iter().map(|n| Record::new(id(*n)).vector("v", vec![*n as f32; 4]).field("n", *n)).collect();
        store.upsert(name, &records).await.unwrap();
        expected.extend(numbers);
        let gone: Vec<i64> = expected.iter().copied().filter(|n| n % 11 == 3).take(20).collect();
        store.delete(name, &Selection::Ids(gone.iter().map(|n| id(*n)).collect())).await.unwrap();
        expected.retain(|n| !gone.contains(n));
        store.flush(name, None).await.unwrap();
    }
    let mut all: Vec<Id> = expected.iter().map(|n| id(*n)).collect();
    all.sort();
    for limit in [7, 64, 5000] {
        let request = PageRequest { limit, output: Output::ids(), ..PageRequest::default() };
        let found: Vec<Record> = scan(store, name, request).try_collect().await.unwrap();
        let found: Vec<Id> = found.into_iter().filter_map(|record| record.id).collect();
        assert_eq!(found, all, "{name}, pages of {limit}");
    }
    let filter = Filter::parse("n >= 1000 and n < 1100").unwrap();
    let request = PageRequest { limit: 10, filter: Some(filter), output: Output::ids(), ..PageRequest::default() };
    let found: Vec<Record> = scan(store, name, request).try_collect().await.unwrap();
    let mut some: Vec<Id> = expected.range(1000..1100).map(|n| id(*n)).collect();
    some.sort();
    assert_eq!(found.into_iter().filter_map(|record| record.id).collect::<Vec<_>>(), some);
    store.remove(name).await.unwrap();
}

async fn a_session_survives_renames(store: &MilvusStore) {
    for round in 0..5 {
        let spec = CollectionSpec::new("before", IdKind::Int).vector(VectorField::f32("v", 2, Metric::L2));
        store.create(&spec).await.unwrap();
        let records: Vec<Record> = (0..50).map(|id| Record::new(id).vector("v", vec![id as f32, 0.0])).collect();
        store.upsert("before", &records).await.unwrap();
        store.rename("before", "after").await.unwrap();
        assert_eq!(store.count("after", None).await.unwrap(), 50, "round {round}");
        store.delete("after", &Selection::Ids(vec![Id::Int(0)])).await.unwrap();
        store.rename("after", "again").await.unwrap();
        assert_eq!(store.count("again", None).await.unwrap(), 49, "round {round}");
        assert_eq!(store.describe("before").await.unwrap_err().kind(), ErrorKind::NotFound);
        store.remove("again").await.unwrap();
    }
}

async fn flush_waits_for_the_index(store: &MilvusStore) {
    const COUNT: usize = 30_000;
    let index = IndexKind::Hnsw { m: 16, ef_construction: 128 };
    let spec = CollectionSpec::new("indexed", IdKind::Int).vector(VectorField::f32("v", 64, Metric::L2).index(index));
    store.create(&spec).await.unwrap();
    let mut random = Random::new(3);
    for from in (0..COUNT).step_by(5000) {
        let records: Vec<Record> =
            (from..from + 5000).map(|id| Record::new(id as i64).vector("v", random.floats(64))).collect();
        store.upsert("indexed", &records).await.unwrap();
    }
    let seen: Arc<Mutex<Vec<IndexProgress>>> = Arc::default();
    let told = Arc::clone(&seen);
    store.flush("indexed", Some(Arc::new(move |progress| told.lock().unwrap().push(progress)))).await.unwrap();
    let seen = seen.lock().unwrap().clone();
    let last = seen.last().unwrap();
    assert_eq!((last.indexed, last.total), (COUNT as u64, COUNT as u64), "{seen:?}");
    let info = store.describe("indexed").await.unwrap();
    assert_eq!(info.indexes[0].indexed, COUNT as u64);
    assert_eq!(info.indexes[0].served_by, "HNSW (M=16, efConstruction=128)");
    store.remove("indexed").await.unwrap();
}

/// What this client knows of a collection is out of date: it must notice, and then go on.
async fn another_client_changes_the_schema(store: &MilvusStore, other: &MilvusStore) {
    let old = CollectionSpec::new("changed", IdKind::Int).vector(VectorField::f32("v", 2, Metric::L2));
    let new = old.clone().scalar(ScalarField::int("n"));
    store.create(&old).await.unwrap();
    store.upsert("changed", &[Record::new(1).vector("v", vec![1.0, 0.0])]).await.unwrap();
    other.remove("changed").await.unwrap();
    other.create(&new).await.unwrap();
    let stale = store.upsert("changed", &[Record::new(1).vector("v", vec![1.0, 0.0])]).await;
    let fresh = Record::new(2).vector("v", vec![1.0, 0.0]).field("n", 5);
    assert!(stale.is_err(), "a record without a required field was written");
    store.upsert("changed", std::slice::from_ref(&fresh)).await.unwrap();
    assert_eq!(store.get("changed", &[Id::Int(2)], &Output::Everything).await.unwrap(), [fresh]);
    other.remove("changed").await.unwrap();
    assert_eq!(store.count("changed", None).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.describe("changed").await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Collections made with pymilvus: those that fit our words can be used, others are named with what does not fit.
async fn collections_of_others(store: &MilvusStore, uri: &str) {
    let script = r#"
import sys
from pymilvus import MilvusClient, DataType
client = MilvusClient(uri=sys.argv[1])
def make(name, pk, fields, rows):
    schema = client.create_schema(enable_dynamic_field=False, description="made by hand")
    schema.add_field(pk, DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    for field, kind, more in fields:
        schema.add_field(field, kind, **more)
    index = client.prepare_index_params()
    index.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 64})
    client.create_collection(name, schema=schema, index_params=index)
    if rows:
        client.insert(name, rows)
make("theirs", "id", [("title", DataType.VARCHAR, {"max_length": 99}), ("size", DataType.INT64, {}), ("part", DataType.DOUBLE, {}), ("more", DataType.JSON, {})],
     [{"id": 4, "v": [1, 2], "title": "four", "size": 44, "part": 0.5, "more": {"a": [1]}}])
make("other_key", "number", [], [{"number": 7, "v": [3, 4]}])
make("small_numbers", "id", [("age", DataType.INT8, {})], [])
"#;
    let python = artefact("milvus-lite-3.2.2").join("bin/python");
    let output = Command::new(python).args(["-c", script, uri]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let info = store.describe("theirs").await.unwrap();
    // Lite passes over the parameters as pymilvus sends them, and has its own.
    let lite = store.health().await.unwrap().server == ServerKind::MilvusLite;
    let (m, ef_construction) = if lite { (16, 200) } else { (8, 64) };
    let expected = CollectionSpec::new("theirs", IdKind::Int)
        .vector(VectorField::f32("v", 2, Metric::L2).index(IndexKind::Hnsw { m, ef_construction }))
        .scalar(ScalarField::new("title", ScalarKind::String { max_len: 99 }))
        .scalar(ScalarField::int("size"))
        .scalar(ScalarField::float("part"))
        .scalar(ScalarField::json("more"));
    assert_eq!(info.spec, expected);
    let found = store.get("theirs", &[Id::Int(4)], &Output::Everything).await.unwrap();
    let record = Record::new(4)
        .vector("v", vec![1.0, 2.0])
        .field("title", "four")
        .field("size", 44)
        .field("part", 0.5)
        .field("more", serde_json::json!({"a": [1]}));
    assert_eq!(found, [record]);

    let other_key = CollectionSpec::new("other_key", IdKind::Int)
        .id_field("number")
        .vector(VectorField::f32("v", 2, Metric::L2).index(IndexKind::Hnsw { m, ef_construction }));
    assert_eq!(store.describe("other_key").await.unwrap().spec, other_key);
    let found = store.get("other_key", &[Id::Int(7)], &Output::Everything).await.unwrap();
    assert_eq!(found, [Record::new(7).vector("v", vec![3.0, 4.0])]);

    let error = store.describe("small_numbers").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("'age'"), "{error}");
    // It can still be removed.
    for name in ["small_numbers", "other_key", "theirs"] {
        store.remove(name).await.unwrap();
    }
}
