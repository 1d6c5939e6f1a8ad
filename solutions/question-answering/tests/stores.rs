//! The same answers on every store.

use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use bootcamp_testkit::program::Run;
use serde_json::Value;

use crate::home;

/// The questions, answers and notes of a store, for some questions.
fn answered(uri: Option<&str>) -> Vec<(Vec<String>, String)> {
    let home = home().with("faq.csv", include_str!("pairs.csv"));
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.envs(uri.map(|uri| ("MILVUS_URI", uri)));
        Run::of(command.output().unwrap())
    };
    let imported = run(&["import", "faq.csv", "-q"]);
    assert_eq!(imported.code, Some(2), "one row has no question: {}", imported.err);
    let questions =
        ["refunded gift cards", "When is my parcel here?", "How do I reset my password?", "capital of Mongolia"];
    let ask = |question: &&str| {
        let told = run(&["ask", question, "-k", "3", "--json"]);
        assert_eq!(told.code, Some(0), "{}", told.err);
        let body: Value = serde_json::from_str(&told.out).unwrap();
        let hits = body["answers"]["hits"].as_array().unwrap();
        (hits.iter().map(|hit| hit["fields"]["answer"].to_string()).collect(), body["answers"]["notes"].to_string())
    };
    questions.iter().map(ask).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_2_3_5_counts_words_among_the_nearest() {
    let server = MilvusServer::start().await;
    let uri = server.settings().uri.unwrap();
    let answers = tokio::task::spawn_blocking(move || (answered(Some(&uri)), answered(None)));
    let (found, local) = answers.await.unwrap();
    for ((found, notes), (local, _)) in found.iter().zip(&local) {
        assert_eq!(found, local);
        assert!(notes.contains("no full-text search"), "{notes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_lite_ranks_by_words_itself() {
    let server = MilvusLiteServer::start().await;
    let uri = server.settings().uri.unwrap();
    let answers = tokio::task::spawn_blocking(move || (answered(Some(&uri)), answered(None)));
    let (found, local) = answers.await.unwrap();
    for ((found, notes), (local, _)) in found.iter().zip(&local) {
        assert_eq!(found, local);
        assert!(!notes.contains("full-text"), "{notes}");
    }
}
