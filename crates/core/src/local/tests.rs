//! Tests of what only the local store has: graphs that come and go under running searches, files that are damaged,
//! processes that collide. What every store promises is tested by testkit's conformance suite.

use secrecy::ExposeSecret;

use super::*;
use crate::request::Query;
use crate::schema::{IdKind, IndexKind, Metric, ScalarField, VectorField};
use crate::store::IndexInfo;
use crate::{ErrorKind, Vector};

pub(super) const DIM: usize = 16;

/// Graphs from 200 rows on, so that tests reach them quickly.
pub(super) const SMALL: LocalOptions = LocalOptions { graph_from: 200 * DIM };

pub(super) fn spec() -> CollectionSpec {
    CollectionSpec::new("things", IdKind::Int)
        .vector(VectorField::f32("embedding", DIM, Metric::L2))
        .scalar(ScalarField::int("bucket"))
}

/// A vector that depends on nothing but `seed`.
pub(super) fn vector(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..DIM).map(|_| next(&mut state)).collect()
}

pub(super) fn records(ids: std::ops::Range<i64>, version: u64) -> Vec<Record> {
    let record =
        |id: i64| Record::new(id).vector("embedding", vector(id as u64 + version * 1_000_000)).field("bucket", id % 10);
    ids.map(record).collect()
}

/// The true nearest ids.
fn nearest(records: &[Record], query: &[f32], k: usize) -> Vec<Id> {
    let distance = |record: &Record| match &record.vectors["embedding"] {
        Vector::F32(values) => values.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum::<f32>(),
        Vector::Binary { .. } => unreachable!(),
    };
    let mut all: Vec<_> = records.iter().map(|record| (distance(record), record.id.clone().unwrap())).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().take(k).map(|(_, id)| id).collect()
}

pub(super) async fn recall(store: &LocalStore, records: &[Record]) -> f64 {
    let queries: Vec<Vec<f32>> = (0..50).map(|at| vector(77_000_000 + at)).collect();
    let request = SearchRequest::batch("embedding", queries.iter().cloned().map(Query::from).collect(), 10).ef(200);
    let hits = store.search("things", &request).await.unwrap();
    let found: usize = hits
        .iter()
        .zip(&queries)
        .map(|(hits, query)| {
            assert_eq!(hits.len(), 10);
            assert!(hits.windows(2).all(|pair| pair[0].score <= pair[1].score));
            let truth = nearest(records, query, 10);
            hits.iter().filter(|hit| truth.contains(&hit.id)).count()
        })
        .sum();
    found as f64 / (queries.len() * 10) as f64
}

pub(super) async fn served_by(store: &LocalStore) -> IndexInfo {
    store.describe("things").await.unwrap().indexes.remove(0)
}

#[tokio::test]
async fn small_collections_are_exact_and_larger_ones_get_a_graph() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open_with(folder.path(), SMALL).unwrap();
    store.create(&spec()).await.unwrap();
    let few = records(0..100, 0);
    store.upsert("things", &few).await.unwrap();
    store.flush("things", None).await.unwrap();
    assert!(served_by(&store).await.exact);
    assert_eq!(recall(&store, &few).await, 1.0);

    let many = records(0..2000, 0);
    store.upsert("things", &many[100..]).await.unwrap();
    assert!(recall(&store, &many).await > 0.99, "rows are found before and while they are indexed");
    store.flush("things", None).await.unwrap();
    let info = served_by(&store).await;
    assert!(!info.exact && info.indexed == 2000, "{info:?}");
    assert!(recall(&store, &many).await > 0.99);
}

#[tokio::test]
async fn replaced_and_deleted_rows_are_never_found_and_the_graph_is_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open_with(folder.path(), SMALL).unwrap();
    store.create(&spec()).await.unwrap();
    store.upsert("things", &records(0..4000, 0)).await.unwrap();
    store.flush("things", None).await.unwrap();
    store.upsert("things", &records(0..3000, 1)).await.unwrap();
    store.delete("things", &Selection::Ids((3500..4000).map(Id::Int).collect())).await.unwrap();
    let mut now = records(0..3000, 1);
    now.extend(records(3000..3500, 0));
    assert_eq!(store.count("things", None).await.unwrap(), 3500);
    assert!(recall(&store, &now).await > 0.99);
    store.flush("things", None).await.unwrap();
    assert_eq!(served_by(&store).await.indexed, 3500);
    let collection = store.shared.collection("things").unwrap();
    assert_eq!(collection.fields[0].view().graph.as_ref().unwrap().len(), 3500, "no dead node is left");
    assert!(recall(&store, &now).await > 0.99);
    drop(collection);
    drop(store);

    let store = LocalStore::open_with(folder.path(), SMALL).unwrap();
    assert!(recall(&store, &now).await > 0.99);
    assert_eq!(served_by(&store).await.indexed, 3500);
}

#[tokio::test]
async fn the_index_is_loaded_caught_up_and_never_trusted_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = LocalStore::open_with(folder.path(), SMALL).unwrap();
        store.create(&spec()).await.unwrap();
        store.upsert("things", &records(0..3000, 0)).await.unwrap();
        store.flush("things", None).await.unwrap();
        store.upsert("things", &records(2900..3100, 1)).await.unwrap();
    }
    let mut now = records(0..2900, 0);
    now.extend(records(2900..3100, 1));
    let file = || {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path().join("graphs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    };
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("as it is", |_| {}),
        ("truncated", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("one bit flipped", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let at = bytes.len() / 3;
            bytes[at] ^= 4;
            std::fs::write(path, bytes).unwrap();
        }),
        ("empty", |path| std::fs::write(path, b"").unwrap()),
        ("missing", |path| std::fs::remove_file(path).unwrap()),
        // As usearch wrote it for an older program: whole, but nothing that this one reads.
        ("of another kind", |path| {
            let bytes = [&b"usearch"[..], &[2; 1000]].concat();
            std::fs::write(path, &bytes).unwrap();
            let store = path.parent().unwrap().with_file_name("store.sqlite3");
            let crc = u32::from_le_bytes(*bytes.last_chunk().unwrap());
            let update = "UPDATE graphs SET bytes = ?, crc = ?";
            rusqlite::Connection::open(store).unwrap().execute(update, [bytes.len() as u32, crc]).unwrap();
        }),
    ];
    for (what, damage) in damages {
        damage(&file());
        let store = LocalStore::open_with(folder.path(), SMALL).unwrap();
        assert_eq!(store.count("things", None).await.unwrap(), 3100, "{what}");
        assert!(recall(&store, &now).await > 0.99, "{what}");
        store.flush("things", None).await.unwrap();
        assert_eq!(served_by(&store).await.indexed, 3100, "{what}");
        assert!(recall(&store, &now).await > 0.99, "{what}");
    }
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(store);
    let store = LocalStore::open_as(folder.path(), SMALL, "demo import").unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("`demo import`") && !error.to_string().contains("http:"), "{error}");
    assert!(Holder::of(folder.path()).unwrap().server.is_none());
    let server = Server { address: "http://127.0.0.1:8080".into(), secret: "hunter2".into() };
    announce(folder.path(), &server).unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("http://127.0.0.1:8080") && !error.to_string().contains("hunter2"), "{error}");
    assert_eq!(Holder::of(folder.path()).unwrap().server.unwrap().secret.expose_secret(), "hunter2");
    #[cfg(unix)]
    {
        let metadata = std::fs::metadata(folder.path().join("lock")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    }
    drop(store);
    LocalStore::open(folder.path()).unwrap();
}

#[tokio::test]
async fn files_of_others_and_of_the_future_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite3");
    std::fs::write(&path, b"this is no database, but it is long enough to look at").unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");

    std::fs::remove_file(&path).unwrap();
    drop(LocalStore::open(folder.path()).unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = LocalStore::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("newer Bootcamp (file version 99"), "{error}");
}

#[tokio::test]
async fn full_text_finds_words_by_bm25() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let spec = spec().scalar(ScalarField::string("text").full_text());
    store.create(&spec).await.unwrap();
    let texts = ["the quick brown fox", "a lazy dog", "the fox and the fox", "Äpfel und Birnen", "nothing here"];
    let records: Vec<Record> =
        (0..).zip(texts).map(|(id, text)| records(id..id + 1, 0).remove(0).field("text", text)).collect();
    store.upsert("things", &records).await.unwrap();
    let ids = |hits: Vec<Vec<Hit>>| hits[0].iter().map(|hit| hit.id.clone()).collect::<Vec<_>>();
    let search = |words: &str| SearchRequest::text("text", words, 10);
    assert_eq!(ids(store.search("things", &search("fox")).await.unwrap()), [Id::Int(2), Id::Int(0)]);
    assert_eq!(ids(store.search("things", &search("\"fox\" OR (dog* NEAR")).await.unwrap()).len(), 3);
    assert_eq!(ids(store.search("things", &search("äpfel")).await.unwrap()), [Id::Int(3)]);
    assert!(ids(store.search("things", &search("--- !!!")).await.unwrap()).is_empty());
    store.delete("things", &Selection::Ids(vec![Id::Int(2)])).await.unwrap();
    assert_eq!(ids(store.search("things", &search("fox")).await.unwrap()), [Id::Int(0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_replaced_all_the_time_is_always_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open_with(folder.path(), SMALL).unwrap());
    store.create(&spec()).await.unwrap();
    store.upsert("things", &records(0..1000, 0)).await.unwrap();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for _ in 0..300 {
                // The same content under a new key each time: it must be found before, during and after.
                store.upsert("things", &records(10..20, 0)).await.unwrap();
            }
        }
    });
    let mut searches = 0;
    while !writer.is_finished() {
        let request = SearchRequest::new("embedding", vector(13), 1);
        let hits = store.search("things", &request).await.unwrap();
        assert_eq!(hits[0].first().map(|hit| (&hit.id, hit.score)), Some((&Id::Int(13), 0.0)), "search {searches}");
        searches += 1;
    }
    writer.await.unwrap();
    assert!(searches > 10);
}

#[tokio::test]
async fn exact_and_approximate_kinds_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open_with(folder.path(), LocalOptions { graph_from: 1 }).unwrap();
    let flat = VectorField::f32("exact", DIM, Metric::Cosine).index(IndexKind::Flat);
    let ivf = VectorField::f32("ivf", DIM, Metric::InnerProduct).index(IndexKind::IvfSq8 { nlist: 2048 });
    let hnsw = VectorField::f32("hnsw", DIM, Metric::L2).index(IndexKind::Hnsw { m: 8, ef_construction: 40 });
    let bits = VectorField::binary("bits", 64, Metric::Jaccard);
    let spec = CollectionSpec::new("kinds", IdKind::Auto).vector(flat).vector(ivf).vector(hnsw).vector(bits);
    store.create(&spec).await.unwrap();
    let record = |at: u64| {
        let bits = Vector::binary((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        let record = Record::auto().vector("bits", bits);
        ["exact", "ivf", "hnsw"].iter().fold(record, |record, name| record.vector(*name, vector(at)))
    };
    store.upsert("kinds", &(0..50).map(record).collect::<Vec<_>>()).await.unwrap();
    store.flush("kinds", None).await.unwrap();
    let served: Vec<_> =
        store.describe("kinds").await.unwrap().indexes.into_iter().map(|info| info.served_by).collect();
    assert_eq!(
        served,
        ["exact scan", "HNSW (M=24, ef_construction=200)", "HNSW (M=8, ef_construction=40)", "exact scan"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_never_sees_a_half_linked_graph() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open_with(folder.path(), SMALL).unwrap());
    store.create(&spec()).await.unwrap();
    store.upsert("things", &records(0..2000, 0)).await.unwrap();
    store.flush("things", None).await.unwrap();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for at in 2..10 {
                store.upsert("things", &records(at * 1000..(at + 1) * 1000, 0)).await.unwrap();
            }
            store.flush("things", None).await.unwrap();
        }
    });
    let (mut searches, mut missed) = (0, 0);
    while !writer.is_finished() {
        let ids: Vec<u64> = (0..64).map(|at| (searches + at) % 2000).collect();
        let queries = ids.iter().map(|id| Query::from(vector(*id))).collect();
        let hits = store.search("things", &SearchRequest::batch("embedding", queries, 1).ef(200)).await.unwrap();
        let found = |(hits, id): (&Vec<Hit>, &u64)| hits.first().is_some_and(|hit| hit.id == Id::Int(*id as i64));
        missed += hits.iter().zip(&ids).filter(|pair| !found(*pair)).count();
        searches += 64;
    }
    writer.await.unwrap();
    assert_eq!(missed, 0, "of {searches} searches for a stored vector");
}

/// The graph grows between being asked for its size and being searched.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_everything_finds_it_while_the_graph_grows() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open_with(folder.path(), LocalOptions { graph_from: 1 }).unwrap();
    store.create(&spec()).await.unwrap();
    let mut missed = 0;
    for count in 1..120 {
        store.upsert("things", &records((count - 1) * 4..count * 4, 0)).await.unwrap();
        // While what was just written is on its way into the graph.
        for _ in 0..8 {
            let request = SearchRequest::new("embedding", vector(7), 1000).ef(1000);
            missed += count as usize * 4 - store.search("things", &request).await.unwrap()[0].len();
        }
    }
    assert_eq!(missed, 0);
}

/// Sparse bits of very different numbers of ones. Every seventh id is its neighbour's twin.
fn fingerprint(id: i64) -> Vec<u8> {
    let id = id + i64::from(id % 7 == 0);
    let ones = 0.05 + (id * id % 97) as f32 / 400.0;
    let values = (0..16).flat_map(|part| vector(id as u64 * 31 + part));
    let bits: Vec<bool> = values.map(|value| value + 0.5 < ones).collect();
    bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

#[tokio::test]
async fn tanimoto_is_exact_whatever_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let spec = CollectionSpec::new("molecules", IdKind::Int)
        .vector(VectorField::binary("bits", 16 * DIM, Metric::Jaccard))
        .scalar(ScalarField::int("bucket"));
    let record = |id: i64| Record::new(id).vector("bits", Vector::binary(fingerprint(id))).field("bucket", id % 10);
    let distance = |a: &[u8], b: &[u8]| {
        let count = |join: fn(u8, u8) -> u8| a.iter().zip(b).map(|(a, b)| join(*a, *b).count_ones()).sum::<u32>();
        1.0 - count(|a, b| a & b) as f32 / count(|a, b| a | b) as f32
    };
    let mut store = LocalStore::open(folder.path()).unwrap();
    store.create(&spec).await.unwrap();
    for ids in [0..1, 1..500, 500..1700, 1700..1701, 1701..2000] {
        store.upsert("molecules", &ids.map(record).collect::<Vec<_>>()).await.unwrap();
    }
    store.delete("molecules", &Selection::Ids((100..300).map(Id::Int).collect())).await.unwrap();
    for _ in ["written", "loaded"] {
        for (query, k, radius, buckets) in [
            (1, 10, None, 10),
            (700, 10, None, 10),
            (701, 2000, Some(0.8), 10),
            (702, 5, Some(0.9), 1),
            (703, 40, None, 7),
            (704, 10, Some(0.0), 10),
        ] {
            let wanted = (0..2000).filter(|id| !(100..300).contains(id) && id % 10 < buckets);
            let query = fingerprint(query);
            let mut truth: Vec<_> = wanted.map(|id| (distance(&query, &fingerprint(id)), Id::Int(id))).collect();
            truth.retain(|(distance, _)| radius.is_none_or(|radius| *distance < radius));
            truth.sort_by(|a, b| a.0.total_cmp(&b.0));
            truth.truncate(k);
            let filter = (buckets < 10).then(|| Filter::parse(&format!("bucket < {buckets}")).unwrap());
            let mut request = SearchRequest::new("bits", Vector::binary(query), k).filter(filter);
            request.radius = radius;
            let hits = store.search("molecules", &request).await.unwrap().remove(0);
            let found: Vec<_> = hits.into_iter().map(|hit| (hit.score, hit.id)).collect();
            assert_eq!(found, truth, "k {k}, radius {radius:?}, buckets {buckets}");
        }
        drop(store);
        store = LocalStore::open(folder.path()).unwrap();
    }
}
