//! The Milvus store against real servers: Milvus 2.3.5 and Milvus Lite 3.2.2.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bootcamp_core::milvus::MilvusStore;
use bootcamp_core::{
    CollectionSpec, ErrorKind, Id, IdKind, Metric, MilvusConfig, Output, PageRequest, Place, Record, ScalarField,
    SearchRequest, StoreSettings, VectorField, VectorStore, scan,
};
use bootcamp_testkit::conformance::{Gap, Suite};
use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusOptions, MilvusServer, Tls};
use futures::TryStreamExt;

fn gaps(reason: &'static str, cases: &[&'static str]) -> Vec<Gap> {
    cases.iter().map(|case| Gap { case, reason }).collect()
}

/// Most of a case's time on a server is waiting.
fn suite() -> Suite {
    Suite { jobs: 12, ..Suite::from_env() }
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_2_3_5() {
    let several = [
        "collections::several_vector_fields",
        "reads::output_selection",
        "search::every_vector_field",
        "hybrid::two_vectors_by_rank",
        "hybrid::two_vectors_by_weight",
        "hybrid::vector_and_text_by_rank",
        "hybrid::vector_and_text_by_weight",
        "hybrid::with_filters",
        "hybrid::output_and_k",
        "hybrid::by_stored_id",
        "errors::bad_vectors",
        "errors::bad_searches",
        "errors::bad_text_searches",
        "errors::bad_ranges",
        "errors::bad_groups",
        "errors::bad_hybrid_searches",
        "errors::bad_pages",
        "errors::bad_reads",
    ];
    let words = [
        "text::rare_word",
        "text::ranking",
        "text::any_of_several_words",
        "text::no_match",
        "text::case_and_punctuation",
        "text::unicode",
        "text::with_filter",
        "text::follows_writes",
        "text::nulls_and_empty_texts",
        "text::batch_of_queries",
        "text::words_of_the_query_language",
    ];
    let gaps = [
        gaps("one vector field a collection before 2.4", &several),
        gaps("no full-text search before 2.5", &words),
        gaps("no DISKANN in PyPI's build", &["indexes::l2_diskann", "indexes::cosine_diskann"]),
        gaps("only prefixes in like, no order of arithmetic before 2.4", &["filters::patterns", "filters::arithmetic"]),
    ];
    let server = MilvusServer::start().await;
    let store = MilvusStore::connect(&server.config()).await.unwrap();
    suite().run(&store, &gaps.concat()).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_lite() {
    let binary = [
        "reads::binary_vectors_come_back",
        "search::empty_fingerprints",
        "ranges::hamming",
        "ranges::jaccard",
        "indexes::hamming_auto",
        "indexes::hamming_bin_flat",
        "indexes::hamming_bin_ivf_flat",
        "indexes::jaccard_auto",
        "indexes::jaccard_bin_flat",
        "indexes::jaccard_bin_ivf_flat",
        "errors::bad_binary_vectors",
    ];
    let indexes = ["indexes::l2_ivf_pq", "indexes::l2_diskann", "indexes::cosine_diskann"];
    let gaps = [
        gaps("no binary vectors", &binary),
        gaps("no IVF_PQ and DISKANN", &indexes),
        gaps("no % in filters", &["filters::arithmetic"]),
    ];
    let server = MilvusLiteServer::start().await;
    let store = MilvusStore::connect(&server.config()).await.unwrap();
    suite().run(&store, &gaps.concat()).await.assert_passed();
}

fn spec(name: &str) -> CollectionSpec {
    CollectionSpec::new(name, IdKind::Int)
        .vector(VectorField::f32("v", 8, Metric::L2))
        .scalar(ScalarField::int("version"))
}

fn record(id: i64, version: i64) -> Record {
    let vector: Vec<f32> = (0..8).map(|at| (id * 7 + at) as f32 + version as f32 / 4.0).collect();
    Record::new(id).vector("v", vector).field("version", version)
}

/// A writer that replaces and adds while the server is killed and comes back: it finishes, and every record is there
/// once, in its newest version.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_outlives_the_server_being_killed() {
    let options = MilvusOptions { killed: true, ..MilvusOptions::default() };
    let mut server = MilvusServer::start_with(&options).await;
    let config = MilvusConfig { timeout: Duration::from_secs(180), retries: 1000, ..server.config() };
    let store = MilvusStore::connect(&config).await.unwrap();
    store.create(&spec("kill")).await.unwrap();
    let writer = tokio::spawn(async move {
        for batch in 0..60i64 {
            // Half of each batch replaces records of the one before.
            let records: Vec<Record> = (batch * 50..batch * 50 + 100).map(|id| record(id, batch)).collect();
            store.upsert("kill", &records).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store
    });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.restart().await;
    let store = writer.await.unwrap();

    let expected: Vec<Record> = (0..60 * 50 + 50).map(|id| record(id, (id / 50).min(59))).collect();
    let request = PageRequest { limit: 700, output: Output::Everything, ..PageRequest::default() };
    let found: Vec<Record> = scan(&store, "kill", request).try_collect().await.unwrap();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);
    assert_eq!(store.count("kill", None).await.unwrap(), expected.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_a_clear_error_in_time() {
    let config = MilvusConfig {
        timeout: Duration::from_secs(2),
        retries: 2,
        ..MilvusConfig::new("http://127.0.0.1:1").unwrap()
    };
    let start = std::time::Instant::now();
    let error = MilvusStore::connect(&config).await.unwrap_err();
    assert!(error.kind().is_transient(), "{error:?}");
    assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
    assert!(error.hint().unwrap().contains("check that the server is running"), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_asked_for_and_never_told() {
    let server = MilvusServer::start_with(&MilvusOptions { authorization: true, ..MilvusOptions::default() }).await;
    MilvusStore::connect(&server.config()).await.unwrap().list().await.unwrap();
    let with = |settings: StoreSettings| StoreSettings { uri: server.settings().uri, ..settings };
    let secret = |text: &str| Some(text.to_owned().into());
    for settings in [
        with(StoreSettings::default()),
        with(StoreSettings { user: Some("root".into()), password: secret("hunter2"), ..StoreSettings::default() }),
        with(StoreSettings { token: secret("root:hunter2"), ..StoreSettings::default() }),
    ] {
        let quick = MilvusConfig { timeout: Duration::from_secs(5), ..config(settings) };
        let error = match MilvusStore::connect(&quick).await {
            Ok(store) => store.list().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let token = with(StoreSettings { token: secret("root:Milvus"), ..StoreSettings::default() });
    MilvusStore::connect(&config(token)).await.unwrap().list().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_certificates() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| Some(folder.path().join(name));
    let full = StoreSettings {
        ca_pem_path: path("ca.pem"),
        client_pem_path: path("client.pem"),
        client_key_path: path("client.key"),
        server_name: Some("milvus.test".into()),
        ..StoreSettings::default()
    };
    let tls = Tls { folder: folder.path().to_owned(), mutual: true, settings: full.clone() };
    let server = MilvusServer::start_with(&MilvusOptions { tls: Some(tls), ..MilvusOptions::default() }).await;
    let with = |settings: StoreSettings| {
        let settings = StoreSettings { uri: server.settings().uri, ..settings };
        MilvusConfig { timeout: Duration::from_secs(4), retries: 1, ..config(settings) }
    };
    let store = MilvusStore::connect(&with(full.clone())).await.unwrap();
    store.create(&spec("tls")).await.unwrap();
    store.upsert("tls", &[record(1, 0), record(2, 0)]).await.unwrap();
    let hits = store.search("tls", &SearchRequest::new("v", vec![0.0; 8], 5)).await.unwrap();
    assert_eq!(hits[0][0].id, Id::Int(1));

    let wrong = [
        ("another name", StoreSettings { server_name: Some("other.test".into()), ..full.clone() }),
        ("no client certificate", StoreSettings { client_pem_path: None, client_key_path: None, ..full.clone() }),
        ("another authority", StoreSettings { ca_pem_path: path("other-ca.pem"), ..full.clone() }),
    ];
    for (what, settings) in wrong {
        let error = MilvusStore::connect(&with(settings)).await.unwrap_err();
        assert!(error.kind().is_transient(), "{what}: {error:?}");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains("certificate") && hint.contains("MILVUS_SERVER_NAME"), "{what}: {error:?}");
    }
}

fn config(settings: StoreSettings) -> MilvusConfig {
    match settings.resolve().unwrap().place {
        Place::Milvus(config) => *config,
        Place::Local(folder) => panic!("a folder: {}", folder.display()),
    }
}

/// An authority, another one, and certificates of a server named `milvus.test` and of a client.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for name in ["ca", "other-ca"] {
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }
    std::fs::write(folder.join("names"), "subjectAltName=DNS:milvus.test,IP:127.0.0.1\n").unwrap();
    for name in ["server", "client"] {
        openssl(&format!("req -newkey rsa:2048 -nodes -subj /CN=milvus.test -keyout {name}.key -out {name}.csr"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        ));
    }
}

/// One program after another, as on a command line: each is a new session.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_sees_what_the_one_before_it_wrote() {
    let server = MilvusServer::start().await;
    let first = MilvusStore::connect(&server.config()).await.unwrap();
    let spec = CollectionSpec::new("c", IdKind::Int).vector(VectorField::f32("v", 4, Metric::L2));
    first.create(&spec).await.unwrap();
    for n in 1..=20 {
        first.upsert("c", &[Record::new(n).vector("v", vec![n as f32; 4])]).await.unwrap();
        let second = MilvusStore::connect(&server.config()).await.unwrap();
        let found = second.get("c", &[Id::Int(n)], &Output::ids()).await.unwrap();
        assert_eq!((found.len(), second.count("c", None).await.unwrap()), (1, n as u64), "write {n}");
    }
}
