//! Tests of stores that are only read, beside one that writes.

use serde_json::Value;

use super::tests::{SMALL, recall, records, served_by, spec, vector};
use super::*;
use crate::schema::ScalarField;

async fn written(folder: &Path) -> LocalStore {
    let store = LocalStore::open_with(folder, SMALL).unwrap();
    store.create(&spec().scalar(ScalarField::string("text").full_text().nullable())).await.unwrap();
    store.upsert("things", &records(0..3000, 0)).await.unwrap();
    store.flush("things", None).await.unwrap();
    store
}

async fn nearest(store: &LocalStore, seed: u64) -> (Id, f32) {
    let request = SearchRequest::new("embedding", vector(seed), 1).ef(400);
    let hit = store.search("things", &request).await.unwrap().remove(0).remove(0);
    (hit.id, hit.score)
}

fn has_graph(store: &LocalStore) -> bool {
    store.shared.collection("things").unwrap().fields[0].view().graph.is_some()
}

#[tokio::test]
async fn a_reader_finds_what_the_writer_finds() {
    let folder = tempfile::tempdir().unwrap();
    let writer = written(folder.path()).await;
    writer.upsert("things", &records(2900..3100, 1)).await.unwrap();
    writer.upsert("things", &[records(5000..5001, 0).remove(0).field("text", "a quick fox")]).await.unwrap();
    writer.delete("things", &Selection::Ids((0..100).map(Id::Int).collect())).await.unwrap();
    let mut now = records(100..2900, 0);
    now.extend(records(2900..3100, 1));
    now.extend(records(5000..5001, 0));

    let reader = LocalStore::open_read_only(folder.path()).unwrap();
    assert_eq!(reader.list().await.unwrap(), ["things"]);
    let (read, wrote) = (reader.describe("things").await.unwrap(), writer.describe("things").await.unwrap());
    assert_eq!((&read.spec, read.count), (&wrote.spec, 3001));
    // Of the graph on the disk, which the rows after the last flush are not in.
    assert_eq!((read.indexes[0].exact, read.indexes[0].indexed), (false, 2800));
    assert!(recall(&reader, &now).await > 0.99);
    assert!(has_graph(&reader));
    let filter = Filter::parse("bucket == 3").unwrap();
    assert_eq!(reader.count("things", Some(&filter)).await.unwrap(), 300);
    let request = PageRequest { filter: Some(filter), limit: 1000, ..PageRequest::default() };
    assert_eq!(reader.page("things", &request).await.unwrap(), writer.page("things", &request).await.unwrap());
    let ids = [Id::Int(50), Id::Int(2950)];
    let got = reader.get("things", &ids, &Output::Everything).await.unwrap();
    assert_eq!(got, writer.get("things", &ids, &Output::Everything).await.unwrap());
    let found = reader.search("things", &SearchRequest::text("text", "fox", 5)).await.unwrap();
    assert_eq!(found[0][0].id, Id::Int(5000));
    let batches: Vec<_> = reader.batches("things", None, Output::ids()).try_collect().await.unwrap();
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 3001);
}

#[tokio::test]
async fn a_reader_sees_what_is_written_after_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let writer = written(folder.path()).await;
    let reader = LocalStore::open_read_only(folder.path()).unwrap();
    assert_eq!(nearest(&reader, 7).await, (Id::Int(7), 0.0));
    for version in 1..20 {
        // The same ids again and again, so that most rows in the reader's memory are dead ones.
        writer.upsert("things", &records(0..500, version)).await.unwrap();
        let seed = 7 + version * 1_000_000;
        assert_eq!(nearest(&reader, seed).await, (Id::Int(7), 0.0));
        assert!(nearest(&reader, seed - 1_000_000).await.1 > 0.0, "the row before it is gone");
    }
    let graph = |store: &LocalStore| {
        let view = store.shared.collection("things").unwrap().fields[0].view();
        (view.graph.as_ref().map(Arc::as_ptr), view.flat.len())
    };
    let before = graph(&reader);
    writer.flush("things", None).await.unwrap();
    // By now more was written than is followed row by row.
    writer.upsert("things", &records(3000..3001, 0)).await.unwrap();
    writer.upsert("things", &records(0..2000, 20)).await.unwrap();
    assert_eq!(nearest(&reader, 7 + 20_000_000).await, (Id::Int(7), 0.0));
    let after = graph(&reader);
    assert!(before.0.is_some() && after.0.is_some() && before.0 != after.0, "the new graph is in use");
    assert!(after.1 < before.1, "{} rows beside it, {} before", after.1, before.1);
    writer.delete("things", &Selection::Filter(Filter::parse("bucket < 9").unwrap())).await.unwrap();
    let mut now = records(0..2000, 20);
    now.extend(records(2000..3000, 0));
    now.retain(|record| record.fields["bucket"] == 9);
    assert!(recall(&reader, &now).await > 0.99);
}

#[tokio::test]
async fn a_reader_knows_collections_that_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let writer = written(folder.path()).await;
    let reader = LocalStore::open_read_only(folder.path()).unwrap();
    assert_eq!(nearest(&reader, 7).await, (Id::Int(7), 0.0));
    writer.rename("things", "others").await.unwrap();
    let count = |name: &'static str| reader.count(name, None);
    assert_eq!(count("things").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(count("others").await.unwrap(), 3000);
    writer.create(&spec()).await.unwrap();
    writer.upsert("things", &records(8..9, 0)).await.unwrap();
    assert_eq!(nearest(&reader, 7).await.0, Id::Int(8));
    writer.remove("others").await.unwrap();
    assert_eq!(count("others").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn nothing_can_be_written_through_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path()).await);
    let reader = LocalStore::open_read_only(folder.path()).unwrap();
    let ids = Selection::Ids(vec![Id::Int(1)]);
    let other = CollectionSpec { name: "other".into(), ..spec() };
    let refused = [
        reader.upsert("things", &records(0..1, 1)).await.map(drop),
        reader.delete("things", &ids).await,
        reader.delete("things", &Selection::Filter(Filter::parse("bucket == 1").unwrap())).await,
        reader.create(&other).await,
        reader.rename("things", "other").await,
        reader.remove("things").await,
        reader.flush("things", None).await,
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert!(error.kind() == ErrorKind::ReadOnly && error.to_string().contains("for reading only"), "{error}");
    }
    assert_eq!((nearest(&reader, 1).await, reader.list().await.unwrap().len()), ((Id::Int(1), 0.0), 1));
}

#[tokio::test]
async fn where_there_is_no_store_a_reader_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("daat");
    let refused = |path: &Path| {
        let error = LocalStore::open_read_only(path).unwrap_err();
        assert!(error.kind() == ErrorKind::NotFound && error.hint().is_some(), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    };
    refused(&missing);
    assert!(!missing.exists());
    std::fs::create_dir(&missing).unwrap();
    refused(&missing);
    assert_eq!(std::fs::read_dir(&missing).unwrap().count(), 0);
    // What a writer leaves that was killed before it began.
    std::fs::write(missing.join("store.sqlite3"), b"").unwrap();
    refused(&missing);
}

#[tokio::test]
async fn files_of_other_versions_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path()).await);
    let set = |version: usize| {
        let file = rusqlite::Connection::open(folder.path().join("store.sqlite3")).unwrap();
        file.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
        LocalStore::open_read_only(folder.path()).unwrap_err()
    };
    let newer = set(db::VERSION + 1);
    assert!(newer.to_string().contains("newer Bootcamp"), "{newer}");
    let older = set(db::VERSION - 1);
    assert!(older.to_string().contains("older Bootcamp") && older.hint().is_some(), "{older}");
}

#[tokio::test]
async fn a_reader_does_without_an_index_file_that_is_missing_or_damaged() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path()).await);
    let file = std::fs::read_dir(folder.path().join("graphs")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    let now = records(0..3000, 0);
    for damage in ["none", "cut", "gone"] {
        match damage {
            "cut" => std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
            "gone" => std::fs::remove_file(&file).unwrap(),
            _ => {}
        }
        let reader = LocalStore::open_read_only(folder.path()).unwrap();
        assert!(recall(&reader, &now).await > 0.99, "{damage}");
        assert_eq!(has_graph(&reader), damage == "none");
    }
    assert!(!file.exists(), "a reader builds and writes nothing");
}

/// A stream that has begun is of one moment, whatever is written, indexed and emptied meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_middle_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let writer = written(folder.path()).await;
    let reader = LocalStore::open_read_only(folder.path()).unwrap();
    let mut stream = reader.batches("things", None, Output::Everything);
    let mut seen = stream.try_next().await.unwrap().unwrap();

    writer.upsert("things", &records(0..2500, 1)).await.unwrap();
    writer.delete("things", &Selection::Ids((2500..2600).map(Id::Int).collect())).await.unwrap();
    writer.flush("things", None).await.unwrap();
    assert_eq!(served_by(&writer).await.indexed, 2900);
    let nodes = writer.shared.collection("things").unwrap().fields[0].view().graph.as_ref().unwrap().len();
    assert_eq!(nodes, 2900, "the graph was rebuilt");
    assert_eq!(nearest(&LocalStore::open_read_only(folder.path()).unwrap(), 1_000_007).await, (Id::Int(7), 0.0));

    while let Some(batch) = stream.try_next().await.unwrap() {
        seen.extend(batch);
    }
    assert_eq!(seen, records(0..3000, 0).into_iter().map(|r| r.field("text", Value::Null)).collect::<Vec<_>>());
    drop(stream);
    writer.flush("things", None).await.unwrap();
    let log = folder.path().join("store.sqlite3-wal");
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0, "nobody holds the log back any more");
    writer.upsert("things", &records(0..10, 2)).await.unwrap();
    drop(writer);
    // Who may not write in the folder needs it there; who copies the file alone needs nothing in it.
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
}

/// With two readers there is hardly a moment without one, and SQLite alone would let the log grow and grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_stays_short_while_others_read_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let writer = LocalStore::open(folder.path()).unwrap();
    writer.create(&spec()).await.unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let read = |_| {
        let (folder, done) = (folder.path().to_owned(), Arc::clone(&done));
        std::thread::spawn(move || {
            let reader = LocalStore::open_read_only(&folder).unwrap();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let transaction = reader.shared.db.reader().unwrap();
                number_of(&transaction, "things").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        })
    };
    let readers: Vec<_> = (0..3).map(read).collect();
    let log = folder.path().join("store.sqlite3-wal");
    let (mut written, mut before) = (0, 0);
    for version in 0..100 {
        writer.upsert("things", &records(0..1000, version)).await.unwrap();
        let len = std::fs::metadata(&log).unwrap().len();
        written += len.saturating_sub(before);
        before = len;
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(written > 8 << 20, "{written} bytes are no test");
    assert!(before < written / 2, "the log has {before} bytes of {written}");
}

/// The writer replaces the graph's file again and again while readers load it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_load_graphs_that_are_just_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let writer = written(folder.path()).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (folder, done) = (folder.path().to_owned(), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut rounds, mut graphs) = (0, 0);
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let reader = LocalStore::open_read_only(&folder).unwrap();
                    for seed in [2000, 2999] {
                        assert_eq!(nearest(&reader, seed).await, (Id::Int(seed as i64), 0.0));
                    }
                    rounds += 1;
                    graphs += usize::from(has_graph(&reader));
                }
                (rounds, graphs)
            })
        })
        .collect();
    for version in 1..16 {
        writer.upsert("things", &records(0..200, version)).await.unwrap();
        writer.flush("things", None).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        let (rounds, graphs) = reader.await.unwrap();
        assert_eq!(rounds, graphs, "a reader found no graph");
    }
}
