//! What the server answers: searches by structure, drawings, uploads, and its own description of itself.

use bootcamp_testkit::program::Server;
use serde_json::{Value, json};

use crate::home;

#[test]
fn structures_are_found_and_drawn() {
    let home = home().with("a.smi", "CC(=O)Oc1ccccc1C(=O)O aspirin\nCCO ethanol\n");
    assert_eq!(home.run(&["import", "a.smi", "-q"]).code, Some(0));
    let server = Server::start(&home, &[]);
    let acid = json!({"positive": [{"words": "[CX3](=O)[OX2H1]"}], "options": {"mode": "contains"}});
    let found = server.post("/api/v1/search", &acid).unwrap();
    assert_eq!(found["notes"], json!(["1 match"]), "{found}");
    let hit = &found["hits"][0];
    assert_eq!((&hit["title"], &hit["details"]["atoms"]), (&json!("aspirin"), &json!([10, 11, 12])));

    let drawing = format!("{}{}", server.address, hit["thumbnail"].as_str().unwrap());
    let mut response = ureq::get(&drawing).call().unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type").as_str(), header("x-content-type-options").as_str()),
        ("image/svg+xml", "nosniff")
    );
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    let marked = response.body_mut().read_to_string().unwrap();
    let plain = drawing.replace("?mark=10,11,12", "");
    assert_ne!(plain, drawing);
    let plain = ureq::get(plain).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(plain.starts_with("<svg") && !plain.contains("class=\"mark\"") && marked.contains("class=\"mark\""));

    let (status, problem) = server.post_text("/api/v1/search", &json!({"positive": [{"words": "C(C"}]}));
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!((status, &problem["detail"]), (400, &json!("SMILES: a branch that is never closed\n  C(C\n   ^")));
}

#[test]
fn words_are_previewed_as_what_the_mode_takes() {
    let home = home();
    let server = Server::start(&home, &[]);
    let preview = |words: &str, options: Value| {
        let (status, text) = server.post_text("/api/v1/preview", &json!({"words": words, "options": options}));
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (_, aspirin) = preview("CC(=O)Oc1ccccc1C(=O)O", json!({}));
    assert_eq!(aspirin["note"], "C9H8O4, 180.2 Da, logP 1.3");
    assert!(aspirin["drawing"].as_str().unwrap().starts_with("<svg"));
    let acid = preview("[CX3](=O)[OX2H1]", json!({"mode": "contains"}));
    assert_eq!(acid, (200, json!({"note": "SMARTS of 3 atoms", "drawing": null})));
    let (_, name) = preview("aspirin", json!({"mode": "named"}));
    assert_eq!(name["note"], "names that contain \"aspirin\"");
    let (status, problem) = preview("aspirin", json!({}));
    assert!(status == 400 && problem["hint"].as_str().unwrap().ends_with("choose the mode 'named'"), "{problem}");
}

#[test]
fn uploads_are_told_by_the_names_that_people_know() {
    let home = home();
    let server = Server::start(&home, &[]);
    let done = server.send_files("/api/v1/items", &[("mine.smi", b"CCO ethanol\nC1CC\n")]).unwrap();
    assert_eq!((&done["added"], &done["skipped"][0]["source"]), (&json!(1), &json!("mine.smi:2")), "{done}");
    let path = done["items"][0]["fields"]["path"].as_str().unwrap();
    assert!(path.starts_with("upload/") && path.ends_with("/mine.smi:1"), "{path}");
}

#[test]
fn the_api_keeps_its_own_word() {
    let home = home().with("a.smi", "CC(=O)Oc1ccccc1C(=O)O aspirin\nCCO ethanol\n");
    assert_eq!(home.run(&["import", "a.smi", "-q"]).code, Some(0));
    let server = Server::start(&home, &["--import-root", home.path().to_str().unwrap()]);
    server.keeps_its_word(8);
    assert_eq!(server.get("/api/v1/info")["name"], "molecule-search", "it is still there");
}
