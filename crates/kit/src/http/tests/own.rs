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
    assert_eq!(
        info["options"],
        json!([{"name": "order", "help": "What comes first", "values": ["likeness", "length"]}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn drawings_can_be_looked_at_and_do_nothing() {
    let server = server(|_, _| {}).await;
    let (_, done) = server.multipart("/api/v1/items", &[("file", Some("drawn.txt"), b"drawn")]).await;
    let id = done["items"][0]["id"].as_str().unwrap();
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
