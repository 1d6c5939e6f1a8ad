//! New ratings, without a training.

use serde_json::json;

use crate::{home, titles, trained};
use bootcamp_testkit::program::Server;

#[test]
fn a_rating_changes_the_list_at_once_and_survives() {
    let home = trained();
    let before = titles(&home.json(&["recommend", "u0", "-k", "5"]));
    for film in ["f2", "f5", "f8", "f11", "f14", "f17", "f20"] {
        let told = home.json(&["rate", "new", film, "5"]);
        assert_eq!(told, json!({"kept": 1, "folded": 1, "new_items": 0}));
    }
    let found = titles(&home.json(&["recommend", "new", "-k", "5"]));
    assert!(found.iter().all(|title| title.starts_with("Western")), "{found:?}");
    assert_eq!(before, titles(&home.json(&["recommend", "u0", "-k", "5"])), "nobody else's list has changed");
    // Again, and with another opinion: one rating an item.
    home.json(&["rate", "new", "f2", "1"]);
    let rated = home.json(&["history", "new"]);
    let of = |item: &str| {
        let rows: Vec<_> = rated["ratings"].as_array().unwrap().iter().filter(|row| row["item"] == item).collect();
        (rows.len(), rows[0]["value"].as_f64().unwrap())
    };
    assert_eq!((of("f2"), of("f5"), rated["ratings"].as_array().unwrap().len()), ((1, 1.0), (1, 5.0), 7));
    // A training learns from them, and they stay when a file is imported again.
    let told = home.json(&["train"]);
    assert_eq!(told["users"], 61);
    assert_eq!(home.run(&["import", "ratings.csv", "-q"]).code, Some(0));
    let again = titles(&home.json(&["recommend", "new", "-k", "5"]));
    assert!(again.iter().all(|title| title.starts_with("Western")), "{again:?}");
}

#[test]
fn events_are_kept_all_or_none_and_repeated_without_harm() {
    let home = trained();
    let server = Server::start(&home, &[]);
    let post = |events: serde_json::Value| server.post("/api/v1/events", &json!({"events": events}));
    let plays = json!([
        {"user": "ü 1", "item": "f1", "id": "a"}, {"user": "ü 1", "item": "f1", "id": "b", "value": 2},
        {"user": "ü 1", "item": "f4", "time": "2024-05-01"}, {"user": "x", "item": "never seen", "time": 1_714_000_000},
    ]);
    assert_eq!(post(plays.clone()).unwrap(), json!({"kept": 4, "folded": 2, "new_items": 1}));
    assert_eq!(post(plays).unwrap(), json!({"kept": 4, "folded": 2, "new_items": 0}));
    let rated = server.get("/api/v1/history?user=%C3%BC%201");
    assert_eq!((&rated["total"], &rated["ratings"][0]["item"]["title"]), (&json!(2), &json!("Horror Film 1")));
    for (wrong, status) in [
        (json!([]), 400),
        (json!([{"user": "a", "item": "f1", "value": 1e60}]), 400),
        (json!([{"user": "a", "item": "f1"}, {"user": " ", "item": "f1"}]), 400),
        (json!([{"user": "a", "item": "f1", "time": "soon"}]), 400),
        (json!([{"user": "a", "item": "f1", "stars": 3}]), 400),
    ] {
        assert_eq!(post(wrong.clone()).unwrap_err(), status, "{wrong}");
    }
    assert_eq!(server.get("/api/v1/history?user=a")["total"], 0, "nothing of a refused request is kept");
    let found = server.post("/api/v1/search", &json!({"positive": [{"words": "user:ü 1"}], "k": 3})).unwrap();
    assert!(titles(&found).iter().all(|title| title.starts_with("Horror")), "{found}");
    // A model counts for the running server from the moment it is whole.
    let before = server.get("/api/v1/trainings")["current"].clone();
    let job = server.post("/api/v1/work/train", &json!({"options": {"algorithm": "bpr", "factors": 8}})).unwrap();
    let place = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let done = loop {
        let job = server.get(&place);
        if job["state"] != "queued" && job["state"] != "running" {
            break job;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert_eq!((&done["state"], &done["result"]["algorithm"]), (&json!("done"), &json!("bpr")), "{done}");
    let found = server.post("/api/v1/search", &json!({"positive": [{"words": "user:u1"}], "k": 3})).unwrap();
    assert!(titles(&found).iter().all(|title| title.starts_with("Horror")), "{found}");
    let back = server.post("/api/v1/rollback", &json!({})).unwrap();
    assert_eq!(back["current"], before);
}

#[test]
fn plays_add_up_where_they_shall() {
    let plays: String = (0..30).map(|at| format!("a,{},1,{at}\nb,{},1,{at}\n", at % 2, at % 3)).collect();
    let home = home().with("plays.csv", format!("user,item,value,time\n{plays}"));
    assert_eq!(home.run(&["import", "plays.csv", "-q", "--no-train"]).code, Some(0));
    let sum = home.json(&["train", "--duplicates", "sum", "--min-value", "12"]);
    assert_eq!(
        (&sum["ratings"], &sum["likes"]),
        (&json!(5), &json!(2)),
        "a has played both 15 times, b three 10 times"
    );
    let last = home.json(&["train", "--min-value", "1"]);
    assert_eq!((&last["ratings"], &last["likes"]), (&json!(5), &json!(5)));
}
