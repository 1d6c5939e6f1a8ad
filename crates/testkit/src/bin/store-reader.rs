//! A process for crash tests: reads a local store that `store-writer` writes to, and compares what searches find with
//! what is there.
//!
//! `store-reader FOLDER keep|anew`: for each line on standard input it looks at the store, opened once or each time
//! anew, and prints one line of JSON: the version of each id, and how many of how many neighbours were found.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it helps tests, and panics as they do")]

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use bootcamp_core::{Id, LocalStore, Output, Result, SearchRequest, VectorStore};
use bootcamp_testkit::crash::{COLLECTION, Look, record, vector};
use bootcamp_testkit::truth::Random;
use futures::TryStreamExt;

/// Hits of each query.
const K: usize = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, how] = arguments.as_slice() else { panic!("store-reader FOLDER keep|anew") };
    let open = || LocalStore::open_read_only(folder).unwrap();
    let mut kept = None;
    let mut random = Random::new(u64::from(std::process::id()));
    for line in std::io::stdin().lock().lines() {
        line.unwrap();
        let store = match kept.take() {
            Some(store) if how == "keep" => store,
            _ => open(),
        };
        let look = look(&store, &mut random).await.unwrap();
        println!("{}", serde_json::to_string(&look).unwrap());
        std::io::stdout().flush().unwrap();
        kept = Some(store);
    }
}

async fn look(store: &LocalStore, random: &mut Random) -> Result<Look> {
    let before = rows(store).await?;
    let asked: Vec<(i64, u64)> =
        before.iter().map(|(id, version)| (*id, *version)).filter(|_| random.below(40) == 0).collect();
    let mut look = Look { rows: before.clone(), wanted: 0, found: 0 };
    if asked.is_empty() {
        return Ok(look);
    }
    let queries = asked.iter().map(|(id, version)| vector(*id, *version).into()).collect();
    let request = SearchRequest::batch("embedding", queries, K).ef(400).output(Output::only(["version"]));
    let answers = store.search(COLLECTION, &request).await?;
    let by_words =
        |id, version| SearchRequest::text("words", format!("version{version} id{id}"), 1).output(Output::ids());
    let (id, version) = asked[0];
    let words = store.search(COLLECTION, &by_words(id, version)).await?.remove(0);
    let after = rows(store).await?;
    // A version is never written twice: what is the same before and after was there all the time.
    let stayed = |id: i64, version: u64| before.get(&id) == Some(&version) && after.get(&id) == Some(&version);
    assert!(!stayed(id, version) || words[0].id == Id::Int(id), "{id} is not found by its words: {words:?}");

    for ((id, version), hits) in asked.iter().zip(&answers) {
        let query = vector(*id, *version);
        let mut last = 0.0;
        let mut hit_ids = Vec::new();
        for hit in hits {
            let Id::Int(id) = hit.id else { panic!("{hit:?}") };
            let there = vector(id, hit.fields["version"].as_u64().unwrap());
            assert!((distance(&query, &there) - hit.score).abs() < 1e-5, "the score is of another version: {hit:?}");
            assert!(hit.score >= last, "hits are out of order");
            last = hit.score;
            hit_ids.push(id);
        }
        assert!(!stayed(*id, *version) || hits[0].score == 0.0, "{id} does not find itself: {:?}", hits[0]);
        let nearer = |(id, version): &(&i64, &u64)| {
            stayed(**id, **version) && (hits.len() < K || distance(&query, &vector(**id, **version)) < last)
        };
        for (id, _) in before.iter().filter(nearer) {
            look.wanted += 1;
            look.found += usize::from(hit_ids.contains(id));
        }
    }
    Ok(look)
}

/// All there is at one moment.
async fn rows(store: &LocalStore) -> Result<BTreeMap<i64, u64>> {
    let batches: Vec<_> = store.batches(COLLECTION, None, Output::Everything).try_collect().await?;
    let mut rows = BTreeMap::new();
    for row in batches.into_iter().flatten() {
        let Some(Id::Int(id)) = row.id else { panic!("{row:?}") };
        let version = row.fields["version"].as_u64().unwrap();
        assert_eq!(row, record(id, version), "a row is of two versions");
        assert!(rows.insert(id, version).is_none(), "id {id} is there twice");
    }
    Ok(rows)
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
