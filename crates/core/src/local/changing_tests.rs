//! Collections that are renamed, removed and made again while records are on their way into them.

use std::sync::Arc;

use super::tests::{records, spec, vector};
use super::*;

const ROUNDS: i64 = 50;
const CALLS: i64 = 8;
const A_CALL: i64 = 5;

/// Upserts under way at once, each of some records of its own; which of them were acknowledged.
fn upserts(store: &Arc<LocalStore>, name: &str) -> Vec<JoinHandle<Option<i64>>> {
    let call = |at: i64| {
        let (store, name) = (Arc::clone(store), name.to_owned());
        tokio::spawn(async move {
            match store.upsert(&name, &records(at * A_CALL..(at + 1) * A_CALL, 0)).await {
                Ok(_) => Some(at),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => panic!("{error}"),
            }
        })
    };
    (0..CALLS).map(call).collect()
}

/// Every acknowledged record, and no other, is found by a search and counted.
async fn holds(store: &LocalStore, name: &str, acknowledged: &[i64]) {
    let mut expected: Vec<Id> =
        acknowledged.iter().flat_map(|at| at * A_CALL..(at + 1) * A_CALL).map(Id::Int).collect();
    expected.sort();
    let all = SearchRequest::new("embedding", vector(1), 1000);
    let mut found: Vec<Id> = store.search(name, &all).await.unwrap().remove(0).into_iter().map(|hit| hit.id).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(store.count(name, None).await.unwrap(), expected.len() as u64);
}

async fn acknowledged(calls: Vec<JoinHandle<Option<i64>>>) -> Vec<i64> {
    let mut done = Vec::new();
    for call in calls {
        done.extend(call.await.unwrap());
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_acknowledged_during_a_renaming_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open(folder.path()).unwrap());
    for round in 0..ROUNDS {
        let (from, to) = (format!("from_{round}"), format!("to_{round}"));
        store.create(&CollectionSpec { name: from.clone(), ..spec() }).await.unwrap();
        let calls = upserts(&store, &from);
        // Loads it under its new name at once, while some upserts still have the old one.
        let searches = tokio::spawn({
            let (store, to) = (Arc::clone(&store), to.clone());
            async move {
                while store.search(&to, &SearchRequest::new("embedding", vector(1), 1)).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        });
        store.rename(&from, &to).await.unwrap();
        let done = acknowledged(calls).await;
        searches.await.unwrap();
        holds(&store, &to, &done).await;
    }
}

/// The same with the moment that matters made certain: an upsert that has its collection, and waits for the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_was_given_the_old_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open(folder.path()).unwrap());
    store.create(&spec()).await.unwrap();
    let old = store.shared.collection("things").unwrap();
    store.rename("things", "others").await.unwrap();
    assert_eq!(old.upsert(&store.shared.db, &records(0..1, 0)).unwrap_err().kind(), ErrorKind::NotFound);
    let all = Selection::Ids(vec![Id::Int(0)]);
    assert_eq!(old.delete(&store.shared.db, &all).unwrap_err().kind(), ErrorKind::NotFound);
    // A search that has the old memory does not wait for it to catch up with what is written under the new name.
    store.upsert("others", &records(1..2, 0)).await.unwrap();
    let request = SearchRequest::new("embedding", vector(1), 1);
    assert_eq!(search::run(&store.shared.db, &old, &request).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.search("others", &request).await.unwrap()[0][0].id, Id::Int(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_collection_made_again_has_nothing_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalStore::open(folder.path()).unwrap());
    for _ in 0..ROUNDS {
        store.create(&spec()).await.unwrap();
        let old = records(1000..1100, 7);
        store.upsert("things", &old).await.unwrap();
        let calls = upserts(&store, "things");
        store.remove("things").await.unwrap();
        store.create(&spec()).await.unwrap();
        let done = acknowledged(calls).await;
        // Calls that came after the new collection was made are in it, whole; those before are gone with the old one.
        let found = store.get("things", &(0..2000).map(Id::Int).collect::<Vec<_>>(), &Output::ids()).await.unwrap();
        let mut late: Vec<i64> = found
            .iter()
            .map(|record| match record.id {
                Some(Id::Int(id)) => id / A_CALL,
                _ => unreachable!(),
            })
            .collect();
        late.dedup();
        assert!(late.iter().all(|at| done.contains(at)), "{late:?} of {done:?}");
        holds(&store, "things", &late).await;
        store.remove("things").await.unwrap();
    }
}
