//! The kit's seams over HTTP, shown by the toy solution.

use std::collections::BTreeSet;

use super::*;
use crate::testing::context_of;
use crate::toy::{TOY, Toy};

/// A server over two texts of three and two words.
async fn toy(change: impl FnOnce(&mut ServerOptions)) -> Server {
    let (folder, context) = context_of(&TOY).await;
    let texts = folder.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    std::fs::write(texts.join("one.txt"), "abba baba zz").unwrap();
    std::fs::write(texts.join("two.txt"), "ababz xyz").unwrap();
    let mut options = options();
    change(&mut options);
    let solution: Arc<dyn Solution> = Arc::new(Toy(context));
    let places = crate::source::Places::new(vec![texts]);
    let import = crate::imports::prepare(&*solution, &places, false, crate::watch::Watch::default()).unwrap();
    assert_eq!(solution.import(import).await.unwrap().added, 2);
    let app = App::new(&TOY, solution, options);
    Server { folder, router: router(Arc::clone(&app)), app }
}

fn titles(found: &Value) -> Vec<(&str, f64)> {
    let hits = found["hits"].as_array().unwrap();
    hits.iter().map(|hit| (hit["title"].as_str().unwrap(), hit["span"]["start"].as_f64().unwrap())).collect()
}

#[tokio::test]
async fn hits_are_moments_grouped_by_source() {
    let server = toy(|_| {}).await;
    let search = async |more: Value| {
        let mut query = json!({"positive": [{"words": "aabb"}], "k": 2});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, found) = server.post("/api/v1/search", query).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        found
    };
    let found = search(json!({"moments": 1})).await;
    let sources: Vec<_> = found["hits"].as_array().unwrap().iter().map(|hit| hit["source"].clone()).collect();
    assert!(sources.len() == 2 && sources[0] != sources[1], "k counts sources: {found}");
    assert_eq!(titles(&found)[1], ("ababz", 0.0), "{found}");
    let found = search(json!({"moments": 2, "k": 1})).await;
    let hits: BTreeSet<_> = titles(&found).into_iter().map(|(title, _)| title).collect();
    assert_eq!(hits, ["abba", "baba"].into(), "the best source with both of its words");
    let found = search(json!({"filter": "start >= 1.0", "moments": 3})).await;
    assert_eq!(titles(&found)[0], ("baba", 1.0), "spans can be filtered by");
    let query = json!({"positive": [{"words": "xyz"}], "k": 1, "moments": 1});
    let request = request(Method::POST, "/api/v1/search?format=csv").header(header::CONTENT_TYPE, "application/json");
    let answer = server.send(request.body(Body::from(query.to_string())).unwrap()).await;
    let csv = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    let (header, row) = csv.trim_end().split_once('\n').unwrap();
    assert!(header.starts_with("rank,id,title,score,source,start,end,"), "{csv}");
    assert_eq!(row.split(',').skip(5).take(2).collect::<Vec<_>>(), ["1", "2"], "{csv}");
    let (status, problem) = server.post("/api/v1/search", json!({"positive": [{"words": "a"}], "moments": 0})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
}

#[tokio::test]
async fn items_are_listed_and_removed_by_source() {
    let server = toy(|_| {}).await;
    let (_, all) = server.get("/api/v1/items").await;
    let item = all["items"].as_array().unwrap().iter().find(|item| item["title"] == "zz").unwrap().clone();
    assert_eq!(item["span"], json!({"start": 2.0, "end": 3.0}));
    let source = item["source"].as_str().unwrap();
    let (_, of_source) = server.get(&format!("/api/v1/items?source={source}&filter=start%20%3C%201.5")).await;
    assert_eq!(of_source["count"], 2);
    let first = of_source["items"].as_array().unwrap().iter().find(|item| item["title"] == "abba").unwrap();
    assert_eq!(first["id"], source, "a source has the id of its first item");
    let path = format!("/api/v1/items?source={source}");
    let delete = || request(Method::DELETE, &path).body(Body::empty()).unwrap();
    let (status, removed) = body(server.send(delete()).await).await;
    assert_eq!((status, &removed["removed"]), (StatusCode::OK, &json!(3)));
    let (status, _) = body(server.send(delete()).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, left) = server.get("/api/v1/items").await;
    assert_eq!(left["count"], 2);
}

#[tokio::test]
async fn work_of_its_own_is_a_job_on_a_collection_of_its_own() {
    let server = toy(|_| {}).await;
    let (_, info) = server.get("/api/v1/info").await;
    assert_eq!(info["work"][0]["name"], "count-words", "{info}");
    let (status, job) = server.post("/api/v1/work/count-words", json!({})).await;
    assert_eq!((status, &job["kind"]), (StatusCode::ACCEPTED, &json!("count-words")));
    let job = server.finished(&job).await;
    assert_eq!(
        (&job["state"], &job["result"], &job["progress"]["done"]),
        (&json!("done"), &json!({"words": 5}), &json!(5))
    );
    assert_eq!(job["progress"]["note"], "5 words");
    let context = server.app.solution.context();
    let counts = context.at("toy_counts", None).await.unwrap();
    assert_eq!(counts.store.count(&counts.collection, None).await.unwrap(), 5);
    assert_eq!(server.app.solution.collections().await.unwrap(), ["toy", "toy_counts"]);
    assert!(context.at("toy counts", None).await.is_err(), "names are checked");
    assert!(context.at("toy_counts", Some("sscd")).await.is_err(), "there is no model to choose");
    let (status, problem) = server.post("/api/v1/work/sing", json!({})).await;
    assert_eq!((status, &problem["hint"]), (StatusCode::NOT_FOUND, &json!("there is count-words")));
}

#[tokio::test]
async fn routes_of_its_own_stand_in_the_document_and_behind_the_guards() {
    let open = toy(|_| {}).await;
    assert_eq!(open.get("/api/v1/often/xyz").await, (StatusCode::OK, json!(1)));
    let (_, document) = open.get("/api/openapi.json").await;
    assert!(document["paths"]["/api/v1/often/{word}"]["get"].is_object(), "{document}");
    let closed = toy(|options| options.token = Some("secret".into())).await;
    assert_eq!(closed.get("/api/v1/often/xyz").await.0, StatusCode::UNAUTHORIZED);
}
