//! The Milvus store when servers fail: killed in the middle of writes, gone, or not what one took them for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::{
    CollectionSpec, ErrorKind, Id, IdKind, Metric, MilvusConfig, Output, PageRequest, Record, ScalarField,
    SearchRequest, VectorField, VectorStore, scan,
};
use bootcamp_testkit::milvus::MilvusLiteServer;
use futures::TryStreamExt;

const NAME: &str = "killed";
const BATCH: i64 = 200;
const BATCHES: i64 = 60;

fn spec() -> CollectionSpec {
    CollectionSpec::new(NAME, IdKind::Int)
        .vector(VectorField::f32("v", 8, Metric::L2))
        .scalar(ScalarField::string("label"))
        .scalar(ScalarField::int("round").nullable())
}

fn record(id: i64) -> Record {
    let vector: Vec<f32> = (0..8).map(|at| (id * 8 + at) as f32).collect();
    Record::new(id).vector("v", vector).field("label", format!("label {id}")).field("round", 1)
}

/// Writes every batch; how many are done is for the one that kills.
async fn write_all(store: Arc<MilvusStore>, done: Arc<AtomicUsize>) -> bootcamp_core::Result<()> {
    for batch in 0..BATCHES {
        let records: Vec<Record> = (batch * BATCH..(batch + 1) * BATCH).map(record).collect();
        store.upsert(NAME, &records).await?;
        done.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Every record is there once, as it was written.
async fn assert_whole(store: &MilvusStore) {
    let total = BATCHES * BATCH;
    assert_eq!(store.count(NAME, None).await.unwrap(), total as u64);
    let page = PageRequest { limit: 1000, output: Output::Everything, ..PageRequest::default() };
    let records: Vec<Record> = scan(store, NAME, page).try_collect().await.unwrap();
    let ids: Vec<i64> = records
        .iter()
        .map(|record| match record.id {
            Some(Id::Int(id)) => id,
            ref other => panic!("not an id: {other:?}"),
        })
        .collect();
    assert_eq!(ids, (0..total).collect::<Vec<_>>());
    for (id, found) in (0..total).zip(&records) {
        assert_eq!(found, &record(id));
    }
    let hits = store.search(NAME, &SearchRequest::new("v", vec![0.0; 8], 5)).await.unwrap();
    assert_eq!(hits[0].iter().map(|hit| hit.id.clone()).collect::<Vec<_>>(), (0..5).map(Id::Int).collect::<Vec<_>>());
}

fn patient(config: MilvusConfig) -> MilvusConfig {
    MilvusConfig { timeout: Duration::from_secs(180), retries: 1000, ..config }
}

async fn wait_for(done: &AtomicUsize, count: usize) {
    let start = Instant::now();
    while done.load(Ordering::SeqCst) < count {
        assert!(start.elapsed() < Duration::from_secs(120), "the writer stands still");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writer_outlives_killed_lite_server() {
    let mut server = MilvusLiteServer::start().await;
    let store = Arc::new(MilvusStore::connect(&patient(server.config())).await.unwrap());
    store.create(&spec()).await.unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn(write_all(Arc::clone(&store), Arc::clone(&done)));
    for kill_after in [7, 31] {
        wait_for(&done, kill_after).await;
        server.kill();
        server.restart().await;
    }
    writer.await.unwrap().unwrap();
    assert_whole(&store).await;
}

#[tokio::test]
async fn nobody_listens() {
    let [port] = bootcamp_testkit::process::free_ports();
    let config = MilvusConfig { retries: 1, ..MilvusConfig::new(format!("http://127.0.0.1:{port}")).unwrap() };
    let start = Instant::now();
    let error = MilvusStore::connect(&config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.hint().is_some());
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
}

#[tokio::test]
async fn unknown_host() {
    let config = MilvusConfig { retries: 0, ..MilvusConfig::new("http://no-such-host.invalid:19530").unwrap() };
    let error = MilvusStore::connect(&config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("no-such-host.invalid:19530"), "{error}");
}

/// A port that takes connections and never says a word.
#[tokio::test]
async fn silent_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let config =
        MilvusConfig { timeout: Duration::from_secs(2), ..MilvusConfig::new(format!("http://{address}")).unwrap() };
    let start = Instant::now();
    let error = MilvusStore::connect(&config).await.unwrap_err();
    assert!(error.kind().is_transient(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(4), "took {:?}", start.elapsed());
    silent.abort();
}

/// A server that speaks HTTP, but not Milvus.
#[tokio::test]
async fn another_kind_of_server() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let config = MilvusConfig {
        timeout: Duration::from_secs(3),
        retries: 2,
        ..MilvusConfig::new(format!("http://{address}")).unwrap()
    };
    let error = MilvusStore::connect(&config).await.unwrap_err();
    assert!(error.kind().is_transient(), "{:?} {error}", error.kind());
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    web.abort();
}

/// A call to a server that went away ends when the configuration says, not when the client's library gives up.
#[tokio::test(flavor = "multi_thread")]
async fn calls_end_in_time_when_the_server_is_gone() {
    let mut server = MilvusLiteServer::start().await;
    let config = MilvusConfig { timeout: Duration::from_secs(3), ..server.config() };
    let store = MilvusStore::connect(&config).await.unwrap();
    store.create(&spec()).await.unwrap();
    store.upsert(NAME, &[record(1)]).await.unwrap();
    server.kill();
    let start = Instant::now();
    let error = store.count(NAME, None).await.unwrap_err();
    assert!(error.kind().is_transient(), "{:?} {error}", error.kind());
    assert!(start.elapsed() < Duration::from_secs(4), "took {:?}", start.elapsed());
    let error = store.upsert(NAME, &[record(2)]).await.unwrap_err();
    assert!(error.kind().is_transient(), "{:?} {error}", error.kind());
    server.restart().await;
    assert_eq!(store.count(NAME, None).await.unwrap(), 1);
}
