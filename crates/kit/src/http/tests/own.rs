//! What solutions add of their own.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_options_are_in_queries_forms_and_the_document() {
    let server = server(|_, _| {}).await;
    let query = |options: Value| json!({"positive": [{"words": "aab"}], "k": 1, "options": options});
    let (_, answer) = server.post("/api/v1/search", query(json!({"order": "length"}))).await;
    assert_eq!(answer["hits"][0]["details"], json!({"order": "length"}));
    let parts: &[(&str, Option<&str>, &[u8])] = &[("words", None, b"aab"), ("order", None, b"length")];
    let (_, answer) = server.multipart("/api/v1/search", parts).await;
    assert_eq!(answer["hits"][0]["details"], json!({"order": "length"}));
    let (_, answer) = server.post("/api/v1/search", json!({"positive": [{"words": "aab"}]})).await;
    assert!(answer["hits"][0].get("details").is_none(), "{answer}");
    let (status, problem) = server.post("/api/v1/search", query(json!({"order": "colour"}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(problem["detail"], "the option 'order' is 'colour', expected likeness, length");
    let (_, document) = server.get("/api/openapi.json").await;
    let order = &document["components"]["schemas"]["SearchInput"]["properties"]["options"]["properties"]["order"];
    assert_eq!((&order["enum"], &order["default"]), (&json!(["likeness", "length"]), &json!("likeness")));
    let (_, info) = server.get("/api/v1/info").await;
    let order =
        json!({"name": "order", "help": "What comes first", "type": "choice", "values": ["likeness", "length"]});
    assert_eq!(info["options"], json!([order]));
    let reverse = json!({"name": "reverse", "help": "Whether texts are read backwards", "type": "switch"});
    assert_eq!(info["import_options"], json!([reverse]));
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_take_options_from_bodies_and_forms() {
    let server = server(|options, folder| {
        options.import_roots = vec![folder.path().canonicalize().unwrap().join("texts")];
    })
    .await;
    let root = server.app.options.import_roots[0].clone();
    std::fs::write(root.join("new.txt"), "abc").unwrap();
    let import = |options: Value| json!({"path": root.join("new.txt"), "options": options});
    let (status, job) = server.post("/api/v1/imports", import(json!({"reverse": true}))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    assert_eq!(server.finished(&job).await["report"]["added"], 1);
    let id = server.id("new.txt").await;
    assert_eq!(server.get(&format!("/api/v1/items/{id}")).await.1["fields"]["note"], "cba");
    let (status, problem) = server.post("/api/v1/imports", import(json!({"reverse": "perhaps"}))).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::BAD_REQUEST, &json!("the option 'reverse' is 'perhaps', expected true or false"),)
    );
    let parts: &[(&str, Option<&str>, &[u8])] = &[("file", Some("up.txt"), b"xyz"), ("reverse", None, b"true")];
    let (_, done) = server.multipart("/api/v1/items", parts).await;
    assert_eq!(done["items"][0]["fields"]["note"], "zyx", "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_saved_as_files() {
    let server = server(|_, _| {}).await;
    let body = json!({"positive": [{"words": "aab"}], "k": 2, "options": {"order": "length"}}).to_string();
    let ask = |format: &str| {
        let request = request(Method::POST, &format!("/api/v1/search?format={format}"));
        server.send(request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.clone())).unwrap())
    };
    let text = |response: Response| async move { axum::body::to_bytes(response.into_body(), 10_000).await.unwrap() };
    let response = ask("csv").await;
    let header = |name| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header(header::CONTENT_TYPE), "text/csv");
    assert_eq!(header(header::CONTENT_DISPOSITION), "attachment; filename=\"hits.csv\"");
    let table = String::from_utf8(text(response).await.to_vec()).unwrap();
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let header = rows.headers().unwrap().clone();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| &rows[row][header.iter().position(|column| column == name).unwrap()];
    assert_eq!((cell(0, "rank"), cell(0, "title"), cell(1, "title")), ("1", "one.txt", "two.txt"));
    assert_eq!(
        (cell(0, "order"), cell(1, "note"), cell(0, "id")),
        ("length", "aabb", server.id("one.txt").await.as_str())
    );
    let response = ask("ids").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/x-ids");
    assert_eq!(text(response).await, format!("{}\n{}\n", server.id("one.txt").await, server.id("two.txt").await));
    let (status, problem) = super::body(ask("xls").await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(problem["detail"], "hits cannot be saved as 'xls', only as csv, ids");
    let (_, document) = server.get("/api/openapi.json").await;
    let answer = &document["paths"]["/api/v1/search"]["post"]["responses"]["200"]["content"];
    assert!(answer.get("text/csv").is_some() && answer.get("text/x-ids").is_some(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_looked_at_while_they_are_typed() {
    let server = server(|_, _| {}).await;
    let ask = |words: &str, options: Value| server.post("/api/v1/preview", json!({"words": words, "options": options}));
    assert_eq!(ask("aab", json!({"order": "length"})).await.1, json!({"note": "3 letters by length", "drawing": null}));
    let (status, problem) = ask("", json!({})).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::BAD_REQUEST, &json!("there are no words")));
    assert_eq!(ask("aab", json!({"colour": "red"})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_not_kept_where_items_are_drawn() {
    let server = server_of(&DRAWN, |_, _| {}).await;
    let files: &[(&str, Option<&str>, &[u8])] =
        &[("file", Some("../in.txt"), b"ab"), ("file", Some("bad.txt"), b"broken")];
    let (_, done) = server.multipart("/api/v1/items", files).await;
    assert_eq!((&done["added"], &done["skipped"][0]["source"]), (&json!(1), &json!("bad.txt")), "{done}");
    let path = done["items"][0]["fields"]["path"].as_str().unwrap();
    assert!(path.starts_with("upload/") && path.ends_with("/in.txt"), "{path}");
    let media = walkdir::WalkDir::new(server.folder.path().join("media"));
    assert_eq!(media.into_iter().flatten().filter(|entry| entry.file_type().is_file()).count(), 0);
    let (_, again) = server.multipart("/api/v1/items", files).await;
    assert_eq!(again["unchanged"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn drawings_can_be_looked_at_and_do_nothing() {
    let server = server_of(&DRAWN, |_, _| {}).await;
    let (_, found) = server.post("/api/v1/search", json!({"positive": [{"words": "aab"}], "k": 1})).await;
    let hit = &found["hits"][0];
    let id = hit["id"].as_str().unwrap();
    assert_eq!(hit["thumbnail"], format!("/api/v1/items/{id}/thumbnail?mark=1,22"));
    for route in ["thumbnail", "media"] {
        let path = format!("/api/v1/items/{id}/{route}?mark=1,22");
        let response = server.send(request(Method::GET, &path).body(Body::empty()).unwrap()).await;
        let header = |name| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header(header::CONTENT_TYPE), "image/svg+xml");
        assert!(header(header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        assert_eq!(header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        let text = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(text, "<svg>[1, 22]</svg>");
        let (status, _) = server.get(&format!("/api/v1/items/{id}/{route}?mark=1;2")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
