//! The guide "vision search with Milvus and FiftyOne", step by step, by the program: load, compute, query by id, manage and
//! clean up the runs, configured in three ways; on Milvus 2.3.5, Milvus Lite and the local store, with results equal to
//! brute force under every metric.

use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use bootcamp_testkit::program::{Home, Run};
use serde_json::{Value, json};

use crate::made::{SAMPLES, assert_hits, birds, ids, ranking, vectors, write_npy};

const METRICS: [&str; 3] = ["dotproduct", "cosine", "euclidean"];

/// How the program learns of the backend: by flags, by the environment, by FiftyOne's file.
enum Way {
    Flags(Vec<String>),
    Environment(Vec<(String, String)>),
}

impl Way {
    /// A different one for each metric.
    fn of(home: &Home, backend: &str, uri: Option<&str>, n: usize) -> Self {
        let uri = uri.unwrap_or_default();
        match (backend, n) {
            ("local", _) => Self::Flags(vec!["--backend".into(), "local".into()]),
            (_, 0) => Self::Flags(vec!["--backend".into(), "milvus".into(), "--milvus-uri".into(), uri.into()]),
            (_, 1) => Self::Environment(vec![
                ("FIFTYONE_BRAIN_DEFAULT_SIMILARITY_BACKEND".into(), "milvus".into()),
                ("FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI".into(), uri.into()),
            ]),
            _ => {
                let file = home.path().join("brain_config.json");
                let config = json!({
                    "default_similarity_backend": "milvus",
                    "similarity_backends": {"milvus": {"uri": uri, "metric": METRICS[n]}},
                });
                std::fs::write(&file, config.to_string()).unwrap();
                Self::Environment(vec![("FIFTYONE_BRAIN_CONFIG_PATH".into(), file.display().to_string())])
            }
        }
    }

    /// Runs a command; only computing takes the flag `--backend`.
    fn run(&self, home: &Home, arguments: &[&str]) -> Run {
        let mut command = home.command(arguments);
        match self {
            Self::Flags(flags) => {
                let is_compute = arguments[0] == "compute-similarity";
                command.args(if is_compute { &flags[..] } else { &flags[2..] });
            }
            Self::Environment(variables) => {
                command.envs(variables.iter().map(|(name, value)| (name, value)));
            }
        }
        Run::of(command.output().unwrap())
    }

    #[track_caller]
    fn json(&self, home: &Home, arguments: &[&str]) -> Value {
        let run = self.run(home, &[arguments, &["--json"]].concat());
        assert_eq!(run.code, Some(0), "{arguments:?}: {} {}", run.out, run.err);
        serde_json::from_str(&run.out).unwrap()
    }
}

fn recipe(backend: &str, uri: Option<&str>) {
    let home = birds();
    let (ids, vectors) = (ids(&home, None), vectors(SAMPLES));
    write_npy(&home.path().join("embeddings.npy"), &vectors);
    for (n, metric) in METRICS.into_iter().enumerate() {
        let way = Way::of(&home, backend, uri, n);
        let key = format!("sim_{metric}");
        let mut compute = vec!["compute-similarity", "birds", "--brain-key", &key, "--embeddings", "embeddings.npy"];
        // The file names the third metric itself, and the first is the default.
        if n == 1 || (n == 2 && backend == "local") {
            compute.extend(["--metric", metric]);
        }
        let computed = way.json(&home, &compute);
        let collection = computed["collection_name"].as_str().unwrap().to_owned();
        assert_eq!((&computed["added"], &computed["metric"]), (&json!(SAMPLES), &json!(metric)), "{computed}");
        // Free again each time, since the one before was cleaned up.
        assert_eq!(collection, "fiftyone_birds");
        queries(&way, &home, metric, &key, &ids, &vectors);
        manage(&way, &home, backend, &key, &collection, &ids);
    }
    let runs = home.json(&["runs", "list", "birds"]);
    assert_eq!(runs, json!([]));
}

/// By id with k = 10, from either end, within a view, and the whole of it in order.
fn queries(way: &Way, home: &Home, metric: &str, key: &str, ids: &[String], vectors: &[Vec<f32>]) {
    let sort = |arguments: &[&str]| {
        let start = ["sort-by-similarity", "birds", "--brain-key", key, "--query", ids[3].as_str()];
        way.json(home, &[&start, arguments].concat())
    };
    let all = ranking(metric, &vectors[3], ids, vectors);
    let body = sort(&["-k", "10"]);
    assert_hits(&body, &all[..10]);
    assert_eq!(body["exact"], false, "by the index");
    let farthest: Vec<_> = all.iter().rev().cloned().collect();
    assert_hits(&sort(&["-k", "10", "--reverse"]), &farthest[..10]);
    assert_hits(&sort(&["--all"]), &all);
    let test: Vec<_> =
        all.iter().filter(|(id, _)| ids.iter().position(|other| other == id).unwrap() % 2 == 1).cloned().collect();
    assert_hits(&sort(&["-k", "5", "--tag", "test"]), &test[..5]);

    let found = way.run(home, &["index", "neighbors", "birds", key, "-k", "4", "--tag", "test", "--json"]);
    let lines: Vec<Value> = found.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), test.len(), "{}", found.err);
    for line in lines {
        let own = ids.iter().position(|id| *id == line["id"]).unwrap();
        let mut others = ranking(metric, &vectors[own], ids, vectors);
        others.retain(|(id, _)| *id != ids[own]);
        assert_hits(&json!({"hits": line["nearest"]}), &others[..4]);
    }

    let field = format!("distance_{metric}");
    let body = sort(&["-k", "4", "--dist-field", &field]);
    let saved = home.json(&["samples", "birds", "--exists", &field, "--sort", &field]);
    let saved: Vec<_> = saved["samples"].as_array().unwrap().iter().map(|sample| &sample["id"]).collect();
    assert_eq!(saved, body["hits"].as_array().unwrap().iter().map(|hit| &hit["id"]).collect::<Vec<_>>());
}

/// List, info, rename, load again, delete the record, attach what stayed, clean up.
fn manage(way: &Way, home: &Home, backend: &str, key: &str, collection: &str, ids: &[String]) {
    let runs = way.json(home, &["runs", "list", "birds", "--type", "similarity", "--method", backend]);
    assert_eq!(runs[0]["key"], key, "{runs}");
    let info = way.json(home, &["runs", "info", "birds", key]);
    assert_eq!(info["counts"], json!({"index": SAMPLES, "view": SAMPLES, "missing": 0, "orphaned": 0}));
    let stored = info["run"].to_string();
    assert!(!stored.contains("uri") && !stored.contains("127.0.0.1"), "{stored}");

    way.run(home, &["runs", "rename", "birds", key, "renamed"]);
    let sort = |key: &str| {
        way.json(home, &["sort-by-similarity", "birds", "--brain-key", key, "--query", &ids[0], "-k", "3"])["hits"]
            .clone()
    };
    let hits = sort("renamed");
    let deleted = way.json(home, &["runs", "delete", "birds", "renamed"]);
    assert_eq!(deleted["collection_kept"], collection);
    let gone = way.run(home, &["sort-by-similarity", "birds", "--brain-key", "renamed", "--query", &ids[0]]);
    assert_eq!(gone.code, Some(4), "{}", gone.err);

    let attach = [
        "compute-similarity",
        "birds",
        "--brain-key",
        "attached",
        "--embeddings",
        "none",
        "--collection-name",
        collection,
    ];
    let attached = way.json(home, &attach);
    assert_eq!((&attached["added"], &attached["collection_name"]), (&json!(0), &json!(collection)));
    assert_eq!(sort("attached"), hits);
    assert_eq!(way.json(home, &["runs", "cleanup", "birds", "attached"])["dropped"], true);
    let again = way.run(home, &["runs", "cleanup", "birds", "attached"]);
    assert_eq!(again.code, Some(4), "{}", again.err);
}

#[test]
fn on_the_local_store() {
    recipe("local", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_milvus_2_3_5() {
    let server = MilvusServer::start().await;
    let uri = server.settings().uri.unwrap();
    tokio::task::spawn_blocking(move || recipe("milvus", Some(&uri))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_milvus_lite() {
    let server = MilvusLiteServer::start().await;
    let uri = server.settings().uri.unwrap();
    tokio::task::spawn_blocking(move || recipe("milvus", Some(&uri))).await.unwrap();
}
