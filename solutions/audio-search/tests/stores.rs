//! The same answers on every store; and what to do where a store has no binary vectors.

use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use bootcamp_testkit::program::{Home, Run};
use serde_json::Value;

use crate::sounds::{louder, music, noisy, part, wav};
use crate::{home, put};

/// Some sounds, imported into a store.
fn imported(uri: Option<&str>) -> (Home, String) {
    let home = home();
    for seed in 1..5 {
        put(&home, &format!("sounds/{seed}.wav"), &wav(&music(seed, 12.0)));
    }
    put(&home, "sounds/copy.wav", &wav(&louder(&part(&music(3, 12.0), 2.0, 9.0), 0.4)));
    put(&home, "query.wav", &wav(&noisy(&part(&music(2, 12.0), 4.0, 5.0), 15.0, 1)));
    let told = run(&home, uri, &["import", "sounds", "--json"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    (home, told.err)
}

fn run(home: &Home, uri: Option<&str>, arguments: &[&str]) -> Run {
    let mut command = home.command(arguments);
    command.envs(uri.map(|uri| ("MILVUS_URI", uri)));
    Run::of(command.output().unwrap())
}

/// The titles, spans and scores of hits.
fn answered(home: &Home, uri: Option<&str>, more: &[&str]) -> Vec<(String, String, i64)> {
    let told = run(home, uri, &[&["search", "query.wav", "-k", "4", "--json"], more].concat());
    assert_eq!(told.code, Some(0), "{}", told.err);
    let body: Value = serde_json::from_str(&told.out).unwrap();
    let hit = |hit: &Value| {
        let score = (hit["score"].as_f64().unwrap() * 1000.0).round() as i64;
        (hit["title"].to_string(), hit["span"].to_string(), score)
    };
    body["hits"].as_array().unwrap().iter().map(hit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_2_3_5_finds_what_the_local_store_finds() {
    let server = MilvusServer::start().await;
    let uri = server.settings().uri.unwrap();
    let comparing = tokio::task::spawn_blocking(move || {
        let ((home, _), (local, _)) = (imported(Some(&uri)), imported(None));
        for more in [&["--mode", "same"][..], &["--moments", "1"], &["--combine", "aligned", "--moments", "1"]] {
            let (found, expected) = (answered(&home, Some(&uri), more), answered(&local, None, more));
            assert!(!found.is_empty() && found.len() == expected.len(), "{more:?}: {found:?} {expected:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    found.0 == expected.0 && found.1 == expected.1 && (found.2 - expected.2).abs() <= 1,
                    "{more:?}: {found:?} {expected:?}"
                );
            }
        }
        let groups = |home: &Home, uri: Option<&str>| {
            let told = run(home, uri, &["duplicates", "--json"]);
            let body: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{}", told.err));
            let titles = |group: &Value| -> Vec<String> {
                group["items"].as_array().unwrap().iter().map(|item| item["title"].to_string()).collect()
            };
            body["groups"].as_array().unwrap().iter().map(titles).collect::<Vec<_>>()
        };
        assert_eq!(groups(&home, Some(&uri)), groups(&local, None));
        assert_eq!(groups(&local, None).len(), 1);
        let again = run(&home, Some(&uri), &["import", "sounds", "--json"]);
        assert!(again.out.contains("\"unchanged\":5"), "{} {}", again.out, again.err);
    });
    comparing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_lite_has_no_fingerprints_and_says_so() {
    let server = MilvusLiteServer::start().await;
    let uri = server.settings().uri.unwrap();
    let comparing = tokio::task::spawn_blocking(move || {
        let ((home, warnings), (local, _)) = (imported(Some(&uri)), imported(None));
        assert!(warnings.contains("this store has no binary vectors"), "{warnings}");
        let similar = ["--moments", "1"];
        let (found, expected) = (answered(&home, Some(&uri), &similar), answered(&local, None, &similar));
        assert_eq!(
            found.iter().map(|hit| &hit.0).collect::<Vec<_>>(),
            expected.iter().map(|hit| &hit.0).collect::<Vec<_>>()
        );
        let same = run(&home, Some(&uri), &["search", "query.wav", "--mode", "same"]);
        assert!(same.code == Some(8) && same.err.contains("has no fingerprints"), "{}", same.shown());
        let duplicates = run(&home, Some(&uri), &["duplicates"]);
        assert!(duplicates.code == Some(8) && duplicates.err.contains("hint: "), "{}", duplicates.shown());
    });
    comparing.await.unwrap();
}
