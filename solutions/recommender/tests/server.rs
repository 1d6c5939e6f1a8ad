//! The HTTP API beside what `live` asks of it.

use bootcamp_testkit::program::Server;
use serde_json::json;

use crate::{home, trained};

#[test]
fn the_api_keeps_its_own_word() {
    let home = trained();
    let server = Server::start(&home, &["--import-root", home.path().to_str().unwrap()]);
    server.keeps_its_word(6);
    assert_eq!(server.get("/api/v1/info")["name"], "recommender", "it is still there");
}

#[test]
fn before_anything_is_imported_each_route_says_so() {
    let server = Server::start(&home(), &[]);
    for path in [
        "/api/v1/titles?words=a",
        "/api/v1/users",
        "/api/v1/history?user=a",
        "/api/v1/explain?user=a&item=b",
        "/api/v1/audience?item=a",
        "/api/v1/taste-map",
    ] {
        assert_eq!(server.try_get(path).unwrap_err(), 404, "{path}");
    }
    assert_eq!(
        server.get("/api/v1/trainings"),
        json!({"current": null, "previous": null, "models": [], "evaluation": null})
    );
    assert_eq!(server.post("/api/v1/rollback", &json!({})).unwrap_err(), 404);
}

#[test]
fn titles_users_and_reasons_are_found() {
    let home = trained();
    let server = Server::start(&home, &[]);
    let items = server.get("/api/v1/titles?words=COMEDY%20film%201&k=3");
    let names: Vec<_> =
        items["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    assert!(names.iter().all(|name| name.starts_with("Comedy Film 1")) && names.len() == 3, "{names:?}");
    let popular = server.get("/api/v1/titles?k=5");
    let ratings = |item: &serde_json::Value| item["fields"]["item"].as_str().unwrap().to_owned();
    assert!(popular["items"].as_array().unwrap().iter().all(|item| ratings(item) != "f60"), "nobody has rated it");
    assert_eq!(server.get("/api/v1/titles?words=100%25")["items"], json!([]), "no pattern");
    let users = server.get("/api/v1/users?begins=u5");
    assert_eq!(users["users"].as_array().unwrap().len(), 11, "u5 and u50 to u59");
    let told = server.get("/api/v1/explain?user=u2&item=f8");
    assert!(told["score"].as_f64().unwrap() > 0.0 && told["item"]["title"] == "Western Film 8", "{told}");
    let map = server.get("/api/v1/taste-map?sample=40");
    let points = map["points"].as_array().unwrap();
    assert!(points.len() == 40 && points.iter().any(|point| point["label"] == "Horror"), "{map}");
    assert_eq!(server.try_get("/api/v1/taste-map?sample=0").unwrap_err(), 400);
}
