//! Metadata in Redis, on a real Redis and a real store: nothing lost, nothing left over, and clear words when Redis is
//! away.

use std::sync::Arc;
use std::time::Duration;

use bootcamp_core::metadata::{RedisMetadata, RedisOptions, SweepReport};
use bootcamp_core::{
    CollectionSpec, ErrorKind, Filter, Id, IdKind, LocalStore, Metric, Output, PageRequest, Record, Result,
    ScalarField, SearchRequest, Selection, StoreSettings, VectorField, VectorStore,
};
use bootcamp_testkit::conformance::Suite;
use bootcamp_testkit::model::ModelStore;
use bootcamp_testkit::redis::RedisServer;
use secrecy::SecretString;
use serde_json::json;

/// Sweeps at once, and does not wait long.
fn options() -> RedisOptions {
    RedisOptions {
        grace: Duration::ZERO,
        connect_timeout: Duration::from_secs(2),
        response_timeout: Duration::from_secs(2),
        ..RedisOptions::default()
    }
}

async fn open(inner: Arc<dyn VectorStore>, redis: &RedisServer) -> RedisMetadata {
    RedisMetadata::connect_with(inner, &SecretString::from(redis.url()), options()).await.unwrap()
}

fn spec(name: &str, id: IdKind) -> CollectionSpec {
    CollectionSpec::new(name, id)
        .vector(VectorField::f32("v", 2, Metric::L2))
        .scalar(ScalarField::string("label"))
        .scalar(ScalarField::string("path").not_filterable())
        .scalar(ScalarField::json("meta").nullable().not_filterable())
}

fn record(id: i64) -> Record {
    Record::new(id)
        .vector("v", vec![id as f32, 0.0])
        .field("label", format!("label {id}"))
        .field("path", format!("/pictures/{id}.png"))
        .field("meta", json!({"size": [id, 2]}))
}

fn records(ids: std::ops::Range<i64>) -> Vec<Record> {
    ids.map(record).collect()
}

async fn ids_of(store: &dyn VectorStore, name: &str) -> Vec<Id> {
    let request = PageRequest { limit: 1000, output: Output::ids(), ..PageRequest::default() };
    store.page(name, &request).await.unwrap().records.into_iter().filter_map(|record| record.id).collect()
}

async fn all(store: &dyn VectorStore, name: &str) -> Vec<Record> {
    let request = PageRequest { limit: 1000, output: Output::Everything, ..PageRequest::default() };
    store.page(name, &request).await.unwrap().records
}

/// The number that Redis answers with, in whichever of its two ways.
fn number(redis: &RedisServer, command: &str) -> usize {
    let answer = redis.command(command).unwrap();
    let line = answer.lines().find(|line| !line.starts_with('$')).unwrap();
    line.trim_start_matches(':').parse().unwrap()
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// The whole suite: that fields live elsewhere must not show.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_metadata_in_redis_is_a_store() {
    let redis = RedisServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = open(Arc::new(LocalStore::open(folder.path()).unwrap()), &redis).await;
    Suite::from_env().run(&store, &[]).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn shown_fields_are_in_redis_only_and_come_back_everywhere() {
    let redis = RedisServer::start().await;
    let inner = Arc::new(ModelStore::new());
    let store = open(inner.clone(), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..20)).await.unwrap();

    let inside: Vec<_> = inner.describe("things").await.unwrap().spec.scalars.into_iter().map(|f| f.name).collect();
    assert_eq!(inside, ["label"]);
    assert!(all(&*inner, "things").await.iter().all(|record| record.fields.len() == 1));
    assert_eq!(store.describe("things").await.unwrap().spec, spec("things", IdKind::Int));

    assert_eq!(all(&store, "things").await, records(0..20));
    let found = store.get("things", &[Id::Int(3)], &Output::only(["path"])).await.unwrap();
    assert_eq!(found, [Record::new(3).field("path", "/pictures/3.png")]);
    let hits = store.search("things", &SearchRequest::new("v", vec![7.0, 0.0], 1)).await.unwrap();
    assert_eq!(hits[0][0].fields, record(7).fields);
    let labels = SearchRequest::new("v", vec![7.0, 0.0], 1).output(Output::only(["label"]));
    assert_eq!(store.search("things", &labels).await.unwrap()[0][0].fields.len(), 1);

    store.upsert("things", &[Record { fields: record(4).fields, ..record(3) }]).await.unwrap();
    let found = store.get("things", &[Id::Int(3)], &Output::Scalars).await.unwrap();
    assert_eq!(found[0].fields, record(4).fields, "replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_the_store_gives_work_too() {
    let redis = RedisServer::start().await;
    let store = open(Arc::new(ModelStore::new()), &redis).await;
    store.create(&spec("things", IdKind::Auto)).await.unwrap();
    let batch: Vec<_> = records(0..10).into_iter().map(|record| Record { id: None, ..record }).collect();
    let ids = store.upsert("things", &batch).await.unwrap();
    let found = store.get("things", &ids, &Output::Scalars).await.unwrap();
    assert!(found.iter().zip(&batch).all(|(found, written)| found.fields == written.fields));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_goes_with_its_records() {
    let redis = RedisServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = open(Arc::new(LocalStore::open(folder.path()).unwrap()), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.create(&spec("others", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..20)).await.unwrap();
    store.upsert("others", &records(0..20)).await.unwrap();
    store.delete("things", &Selection::Ids(vec![Id::Int(3), Id::Int(99)])).await.unwrap();
    let swept = store.sweep("things").await.unwrap();
    assert_eq!(swept, SweepReport { checked: 19, ..SweepReport::default() }, "no metadata was left over");
    assert_eq!(all(&store, "others").await, records(0..20), "the other collection is as it was");

    store.rename("things", "renamed").await.unwrap();
    assert_eq!(kind(store.count("things", None).await), Some(ErrorKind::NotFound));
    let expected: Vec<_> = records(0..20).into_iter().filter(|record| record.id != Some(Id::Int(3))).collect();
    assert_eq!(all(&store, "renamed").await, expected);
    assert_eq!(kind(store.rename("renamed", "others").await), Some(ErrorKind::AlreadyExists));
    assert_eq!(all(&store, "others").await, records(0..20));

    store.remove("renamed").await.unwrap();
    store.create(&spec("renamed", IdKind::Int)).await.unwrap();
    assert_eq!(store.sweep("renamed").await.unwrap().checked, 0, "nothing of the removed collection is left");
}

/// A store that stops just before each deletion or upsert, until it is let go on: for another process to come between.
struct Stops {
    inner: Arc<dyn VectorStore>,
    arrived: Arc<tokio::sync::Notify>,
    go_on: Arc<tokio::sync::Notify>,
}

impl Stops {
    fn new(inner: Arc<dyn VectorStore>) -> Self {
        Self { inner, arrived: Arc::default(), go_on: Arc::default() }
    }

    async fn stop(&self) {
        self.arrived.notify_one();
        self.go_on.notified().await;
    }
}

#[async_trait::async_trait]
impl VectorStore for Stops {
    async fn health(&self) -> Result<bootcamp_core::Health> {
        self.inner.health().await
    }
    async fn create(&self, spec: &CollectionSpec) -> Result<()> {
        self.inner.create(spec).await
    }
    async fn describe(&self, collection: &str) -> Result<bootcamp_core::CollectionInfo> {
        self.inner.describe(collection).await
    }
    async fn list(&self) -> Result<Vec<String>> {
        self.inner.list().await
    }
    async fn rename(&self, collection: &str, name: &str) -> Result<()> {
        self.inner.rename(collection, name).await
    }
    async fn remove(&self, collection: &str) -> Result<()> {
        self.inner.remove(collection).await
    }
    async fn upsert(&self, collection: &str, records: &[Record]) -> Result<Vec<Id>> {
        self.stop().await;
        self.inner.upsert(collection, records).await
    }
    async fn delete(&self, collection: &str, selection: &Selection) -> Result<()> {
        self.stop().await;
        self.inner.delete(collection, selection).await?;
        self.stop().await;
        Ok(())
    }
    async fn get(&self, collection: &str, ids: &[Id], output: &Output) -> Result<Vec<Record>> {
        self.inner.get(collection, ids, output).await
    }
    async fn search(&self, collection: &str, request: &SearchRequest) -> Result<Vec<Vec<bootcamp_core::Hit>>> {
        self.inner.search(collection, request).await
    }
    async fn page(&self, collection: &str, request: &PageRequest) -> Result<bootcamp_core::Page> {
        self.inner.page(collection, request).await
    }
    async fn count(&self, collection: &str, filter: Option<&Filter>) -> Result<u64> {
        self.inner.count(collection, filter).await
    }
    async fn flush(&self, collection: &str, on_progress: Option<bootcamp_core::OnProgress>) -> Result<()> {
        self.inner.flush(collection, on_progress).await
    }
}

/// One process deletes (A) what another writes anew (B), step by step in every order: what has a vector in the end has
/// its metadata.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_in_one_process_spares_what_another_has_written() {
    let redis = RedisServer::start().await;
    for order in ["AAABB", "AABAB", "AABBA", "ABAAB", "ABABA", "ABBAA", "BAAAB", "BAABA", "BABAA", "BBAAA"] {
        let inner: Arc<dyn VectorStore> = Arc::new(ModelStore::new());
        let plain = open(inner.clone(), &redis).await;
        plain.create(&spec(order, IdKind::Int)).await.unwrap();
        plain.upsert(order, &records(0..3)).await.unwrap();
        let (deleting, writing) = (Arc::new(Stops::new(inner.clone())), Arc::new(Stops::new(inner.clone())));
        let (a, b) = (open(deleting.clone(), &redis).await, open(writing.clone(), &redis).await);
        let mut a = Box::pin(async { a.delete(order, &Selection::Ids(vec![Id::Int(1)])).await.unwrap() });
        let new = Record { fields: record(7).fields, ..record(1) };
        let mut b = Box::pin(async { b.upsert(order, &[new]).await.unwrap() });
        let (mut steps_of_a, mut steps_of_b) = (0, 0);
        for step in order.chars() {
            // A stops before the vectors go and after they went, B before they come; then both run to their end.
            let (stops, steps, last) = match step {
                'A' => (&deleting, &mut steps_of_a, 2),
                _ => (&writing, &mut steps_of_b, 1),
            };
            if *steps > 0 {
                stops.go_on.notify_one();
            }
            *steps += 1;
            match (step, *steps > last) {
                ('A', true) => a.as_mut().await,
                ('A', false) => {
                    tokio::select! { () = a.as_mut() => unreachable!(), () = stops.arrived.notified() => {} }
                }
                (_, true) => drop(b.as_mut().await),
                (_, false) => tokio::select! { _ = b.as_mut() => unreachable!(), () = stops.arrived.notified() => {} },
            }
        }
        let there = inner.get(order, &[Id::Int(1)], &Output::ids()).await.unwrap();
        let found = plain.get(order, &[Id::Int(1)], &Output::Scalars).await.unwrap();
        assert_eq!(found.len(), there.len(), "{order}");
        assert!(found.iter().all(|found| found.fields["path"] == "/pictures/7.png"), "{order}: {found:?}");
        // And nothing stays for ever.
        plain.sweep(order).await.unwrap();
        let kept = format!("HLEN bootcamp:records:{}", number(&redis, "GET bootcamp:next"));
        assert_eq!(number(&redis, &kept), 2 + there.len(), "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_only_read_leaves_redis_as_it_is() {
    let redis = RedisServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let writer = open(Arc::new(LocalStore::open(folder.path()).unwrap()), &redis).await;
    writer.create(&spec("things", IdKind::Int)).await.unwrap();
    writer.upsert("things", &records(0..3)).await.unwrap();
    let reader = open(Arc::new(LocalStore::open_read_only(folder.path()).unwrap()), &redis).await;
    let new = Record { fields: record(7).fields, ..record(1) };
    assert_eq!(kind(reader.upsert("things", &[new]).await), Some(ErrorKind::ReadOnly));
    assert_eq!(kind(reader.delete("things", &Selection::Ids(vec![Id::Int(1)])).await), Some(ErrorKind::ReadOnly));
    assert_eq!(kind(reader.rename("things", "others").await), Some(ErrorKind::ReadOnly));
    assert_eq!(kind(reader.create(&spec("others", IdKind::Int)).await), Some(ErrorKind::ReadOnly));
    assert_eq!(kind(reader.remove("things").await), Some(ErrorKind::ReadOnly));
    assert_eq!(all(&writer, "things").await, records(0..3));
    assert_eq!(number(&redis, "HLEN bootcamp:collections"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_by_filter_takes_the_metadata_along() {
    let redis = RedisServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = open(Arc::new(LocalStore::open(folder.path()).unwrap()), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..20)).await.unwrap();
    let filter = Filter::parse("label in [\"label 1\", \"label 2\"]").unwrap();
    store.delete("things", &Selection::Filter(filter)).await.unwrap();
    assert_eq!(store.count("things", None).await.unwrap(), 18);
    assert_eq!(store.sweep("things").await.unwrap(), SweepReport { checked: 18, ..SweepReport::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_redis_is_survived() {
    let mut redis = RedisServer::start().await;
    let store = open(Arc::new(ModelStore::new()), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..20)).await.unwrap();
    redis.restart().await;
    assert_eq!(all(&store, "things").await, records(0..20));
    store.upsert("things", &records(20..30)).await.unwrap();
    assert_eq!(all(&store, "things").await, records(0..30));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_writes_fail_before_a_vector_is_touched_and_other_reads_go_on() {
    let mut redis = RedisServer::start_with_password("geheim").await;
    let inner = Arc::new(ModelStore::new());
    let store = open(inner.clone(), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.create(&spec("autos", IdKind::Auto)).await.unwrap();
    store.upsert("things", &records(0..5)).await.unwrap();
    redis.kill();

    let down = Some(ErrorKind::Unavailable);
    let error = store.upsert("things", &records(5..6)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), format!("Redis at 127.0.0.1:{}/0 does not answer", redis.port()));
    assert!(error.hint().unwrap().contains("REDIS_URL"));
    assert_eq!(kind(store.upsert("autos", &[Record { id: None, ..record(1) }]).await), down);
    assert_eq!(kind(store.delete("things", &Selection::Ids(vec![Id::Int(1)])).await), down);
    assert_eq!(kind(store.remove("things").await), down);
    assert_eq!(kind(store.rename("things", "renamed").await), down);
    assert_eq!(kind(store.create(&spec("new", IdKind::Int)).await), down);
    assert_eq!(kind(store.health().await), down);
    assert_eq!(kind(store.sweep("things").await), down);
    assert_eq!(inner.list().await.unwrap(), ["autos", "things"]);
    assert_eq!((inner.count("things", None).await.unwrap(), inner.count("autos", None).await.unwrap()), (5, 0));

    let search = SearchRequest::new("v", vec![2.0, 0.0], 1);
    assert_eq!(kind(store.search("things", &search).await), down);
    let hits = store.search("things", &search.clone().output(Output::only(["label"]))).await.unwrap();
    assert_eq!(hits[0][0].fields["label"], "label 2");
    assert_eq!(ids_of(&store, "things").await.len(), 5);
    assert_eq!(store.count("things", None).await.unwrap(), 5);

    // A client that never saw the collection knows no more than the store, and does not pretend.
    assert_eq!(kind(RedisMetadata::connect_with(inner, &SecretString::from(redis.url()), options()).await), down);
    redis.restart().await;
    assert_eq!(store.search("things", &search).await.unwrap()[0][0].fields, record(2).fields);
    store.upsert("things", &records(5..6)).await.unwrap();
    assert_eq!(all(&store, "things").await, records(0..6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_finds_what_broken_writes_left() {
    let redis = RedisServer::start().await;
    let inner = Arc::new(ModelStore::new());
    let store = open(inner.clone(), &redis).await;
    let spec = spec("things", IdKind::Int);
    store.create(&spec).await.unwrap();
    store.upsert("things", &records(0..1500)).await.unwrap();
    // As if vectors had not been written, and as if metadata had been lost.
    inner.delete("things", &Selection::Ids((0..300).map(Id::Int).collect())).await.unwrap();
    let mut bare = record(5000);
    bare.fields.retain(|name, _| name == "label");
    inner.upsert("things", &[bare]).await.unwrap();

    let careful = RedisOptions { grace: Duration::from_secs(3600), ..options() };
    let careful = RedisMetadata::connect_with(inner.clone(), &SecretString::from(redis.url()), careful).await.unwrap();
    let report = careful.sweep("things").await.unwrap();
    assert_eq!((report.checked, report.removed, report.too_young), (1500, 0, 300));

    let report = store.sweep("things").await.unwrap();
    let lacking_ids = vec![Id::Int(5000)];
    assert_eq!(report, SweepReport { checked: 1500, removed: 300, too_young: 0, lacking: 1, lacking_ids });
    let report = store.sweep("things").await.unwrap();
    assert_eq!((report.checked, report.removed), (1200, 0));
    let found = store.get("things", &[Id::Int(5000)], &Output::Scalars).await.unwrap();
    assert!(found[0].fields["path"].is_null(), "a record without metadata is still a record");
    assert_eq!(kind(store.sweep("missing").await), Some(ErrorKind::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_of_another_store_is_not_overwritten() {
    let redis = RedisServer::start().await;
    let url = SecretString::from(redis.url());
    let owned = |owner: &str| RedisOptions { owner: owner.to_owned(), ..options() };
    let first = RedisMetadata::connect_with(Arc::new(ModelStore::new()), &url, owned("first")).await.unwrap();
    let second = RedisMetadata::connect_with(Arc::new(ModelStore::new()), &url, owned("second")).await.unwrap();
    first.create(&spec("things", IdKind::Int)).await.unwrap();
    first.upsert("things", &records(0..3)).await.unwrap();
    let error = second.create(&spec("things", IdKind::Int)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("'first'"), "{error}");
    assert_eq!(all(&first, "things").await, records(0..3));

    let apart = RedisOptions { prefix: "second:".to_owned(), ..owned("second") };
    let second = RedisMetadata::connect_with(Arc::new(ModelStore::new()), &url, apart).await.unwrap();
    second.create(&spec("things", IdKind::Int)).await.unwrap();
    second.upsert("things", &records(5..6)).await.unwrap();
    assert_eq!(all(&first, "things").await, records(0..3));
    assert_eq!(all(&second, "things").await, records(5..6));
}

/// A crash between the store and Redis leaves an entry that the next creation replaces.
#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_a_crash_do_not_stand_in_the_way() {
    let redis = RedisServer::start().await;
    let inner = Arc::new(ModelStore::new());
    let store = open(inner.clone(), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..3)).await.unwrap();
    inner.remove("things").await.unwrap();
    let again = CollectionSpec::new("things", IdKind::Int).vector(VectorField::f32("v", 2, Metric::L2));
    store.create(&again).await.unwrap();
    assert_eq!(store.describe("things").await.unwrap().spec, again);
    store.remove("things").await.unwrap();
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    assert_eq!(store.sweep("things").await.unwrap().checked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_used_and_never_shown() {
    let redis = RedisServer::start_with_password("geheim").await;
    let inner: Arc<dyn VectorStore> = Arc::new(ModelStore::new());
    let store = open(Arc::clone(&inner), &redis).await;
    assert!(!format!("{store:?}").contains("geheim"));
    for (url, expected) in [
        (redis.url().replace("geheim", "falsch"), ErrorKind::Denied),
        (redis.url().replace(":geheim@", ""), ErrorKind::Denied),
        ("http://:geheim@nowhere".to_owned(), ErrorKind::InvalidInput),
        ("redis://:geheim@127.0.0.1:1/0".to_owned(), ErrorKind::Unavailable),
    ] {
        let error =
            RedisMetadata::connect_with(Arc::clone(&inner), &SecretString::from(url), options()).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        let mut words = format!("{error} {error:?} {}", error.hint().unwrap_or_default());
        if let Some(source) = std::error::Error::source(&error) {
            words += &format!("{source} {source:?}");
        }
        assert!(!words.contains("geheim") && !words.contains("falsch"), "{words}");
    }
}

/// A full Redis refuses metadata, and then no vector is written either.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_refuses_before_a_vector_is_touched() {
    let redis = RedisServer::start().await;
    let inner = Arc::new(ModelStore::new());
    let store = open(inner.clone(), &redis).await;
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.create(&spec("autos", IdKind::Auto)).await.unwrap();
    redis.command("CONFIG SET maxmemory 1").unwrap();
    let error = store.upsert("things", &records(0..5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    let error = store.upsert("autos", &[Record { id: None, ..record(1) }]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_eq!((inner.count("things", None).await.unwrap(), inner.count("autos", None).await.unwrap()), (0, 0));
    redis.command("CONFIG SET maxmemory 0").unwrap();
    store.upsert("things", &records(0..5)).await.unwrap();
    assert_eq!(all(&store, "things").await, records(0..5));
}

/// As a program opens it: `REDIS_URL` is all it takes, and a second folder may not take the first one's names.
#[tokio::test(flavor = "multi_thread")]
async fn redis_url_puts_shown_fields_there() {
    let redis = RedisServer::start().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let config = |folder: &tempfile::TempDir| {
        let settings = StoreSettings {
            uri: Some(folder.path().to_string_lossy().into_owned()),
            redis_url: Some(redis.url().into()),
            ..StoreSettings::default()
        };
        settings.resolve().unwrap()
    };
    let store = bootcamp_core::open(&config(&folders[0])).await.unwrap();
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..3)).await.unwrap();
    assert!(redis.command("HGET bootcamp:records:1 2").unwrap().contains("/pictures/2.png"));
    drop(store);

    let store = bootcamp_core::open(&config(&folders[0])).await.unwrap();
    assert_eq!(all(&*store, "things").await, records(0..3));
    let other = bootcamp_core::open(&config(&folders[1])).await.unwrap();
    assert_eq!(kind(other.create(&spec("things", IdKind::Int)).await), Some(ErrorKind::AlreadyExists));
}

/// Stands before Redis, and from a moment on carries nothing on the connections that there are: what a network does that
/// lost its packets for a while.
async fn deaf_proxy(redis: u16) -> (u16, Arc<tokio::sync::Notify>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let deaf = Arc::new(tokio::sync::Notify::new());
    let now = Arc::clone(&deaf);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = tokio::net::TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
            let now = Arc::clone(&now);
            held.push(tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    () = now.notified() => std::future::pending().await,
                }
            }));
        }
    });
    (port, deaf)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_went_silent_is_given_up() {
    let redis = RedisServer::start().await;
    let (port, deaf) = deaf_proxy(redis.port()).await;
    let options = RedisOptions { response_timeout: Duration::from_millis(500), ..options() };
    let url = SecretString::from(format!("redis://127.0.0.1:{port}"));
    let store = RedisMetadata::connect_with(Arc::new(ModelStore::new()), &url, options).await.unwrap();
    store.create(&spec("things", IdKind::Int)).await.unwrap();
    store.upsert("things", &records(0..5)).await.unwrap();
    deaf.notify_waiters();
    assert_eq!(kind(store.health().await), Some(ErrorKind::Unavailable), "nobody knows yet");
    assert_eq!(all(&store, "things").await, records(0..5), "a new connection works at once");
}
