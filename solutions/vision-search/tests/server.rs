//! The HTTP API: what it answers, and that it keeps to its document.

use bootcamp_testkit::program::Server;
use serde_json::json;

use crate::made::{SAMPLES, assert_hits, birds, ids, ranking, vectors, write_npy};

fn server() -> (Server, Vec<String>, Vec<Vec<f32>>) {
    let home = birds();
    let (ids, vectors) = (ids(&home, None), vectors(SAMPLES));
    write_npy(&home.path().join("e.npy"), &vectors);
    home.json(&["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy", "--metric", "cosine"]);
    home.json(&["visualize", "birds", "--brain-key", "map", "--similarity", "sim", "--method", "pca"]);
    let server = Server::start(&home, &[]);
    // The folder stays as long as the server.
    std::mem::forget(home);
    (server, ids, vectors)
}

#[test]
fn datasets_are_looked_at_and_searched() {
    let (server, ids, vectors) = server();
    let datasets = server.get("/api/v1/datasets");
    assert_eq!(datasets["datasets"][0]["samples"], SAMPLES, "{datasets}");
    let view = json!({"view": {"tags": ["test"], "labels": {"field": "ground_truth", "filter": "label == 'swan'"}}, "limit": 3});
    let page = server.post("/api/v1/datasets/birds/samples", &view).unwrap();
    assert_eq!((&page["total"], page["samples"].as_array().unwrap().len()), (&json!(SAMPLES / 2), 3));
    let patches = server.post("/api/v1/datasets/birds/patches", &json!({"field": "ground_truth"})).unwrap();
    assert_eq!(patches["total"], SAMPLES + SAMPLES / 4);
    let counts = server.post("/api/v1/datasets/birds/counts", &json!({"field": "ground_truth"})).unwrap();
    assert_eq!(counts["counts"], json!([{"value": "swan", "count": SAMPLES}, {"value": "owl", "count": SAMPLES / 4}]));
    let sort = json!({"positive": [{"id": ids[4]}], "k": 5});
    let sorted = server.post("/api/v1/datasets/birds/runs/sim/sort", &sort).unwrap();
    assert_hits(&sorted, &ranking("cosine", &vectors[4], &ids, &vectors)[..5]);
    assert_eq!(sorted["hits"][0]["item"]["id"], ids[4]);
    let by_vector = json!({"positive": [{"vector": vectors[4]}], "k": 5});
    let by_vector = server.post("/api/v1/datasets/birds/runs/sim/sort", &by_vector).unwrap();
    assert_hits(&by_vector, &ranking("cosine", &vectors[4], &ids, &vectors)[..5]);
    let map = server.get("/api/v1/datasets/birds/visualizations/map?color=ground_truth");
    assert_eq!((map["points"].as_array().unwrap().len(), &map["points"][0]["color"]), (SAMPLES, &json!("swan")));
    let run = server.get("/api/v1/datasets/birds/runs/sim");
    assert_eq!(run["counts"]["index"], SAMPLES);
}

#[test]
fn what_cannot_be_is_refused() {
    let (server, ids, _) = server();
    let sort = |body: serde_json::Value| server.post("/api/v1/datasets/birds/runs/sim/sort", &body).unwrap_err();
    assert_eq!(sort(json!({"positive": []})), 400);
    assert_eq!(sort(json!({"positive": ids[0]})), 400, "a string where a list is meant");
    assert_eq!(sort(json!({"positive": [{"id": ids[0], "words": "x"}]})), 400);
    assert_eq!(sort(json!({"positive": [{"id": "00000000000000000000abcd"}]})), 404);
    assert_eq!(sort(json!({"positive": [{"vector": [1.0]}]})), 400);
    assert_eq!(sort(json!({"positive": [{"id": ids[0]}], "k": 0})), 400);
    assert_eq!(sort(json!({"positive": [{"id": ids[0]}], "view": {"filter": "colour == 1"}})), 400);
    assert_eq!(server.post("/api/v1/datasets/birds/samples", &json!({"view": {"filtr": "x"}})).unwrap_err(), 400);
    let import = json!({"path": "/etc", "name": "etc"});
    assert_eq!(server.post("/api/v1/datasets", &import).unwrap_err(), 403);
    assert_eq!(server.try_get("/api/v1/datasets/birds/samples/..%2F..%2Fetc/media").unwrap_err(), 400);
    assert_eq!(server.try_get("/api/v1/datasets/none").unwrap_err(), 404);
}

#[test]
fn the_api_keeps_its_own_word() {
    let (server, ..) = server();
    server.keeps_its_word(20);
}
