use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use bootcamp_core::picture::Picture;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::context::Context;
use crate::program::Program;
use crate::testing::{DRAWN, PROGRAM, context, solution};

mod media;
mod own;
mod page;
mod replicas;
mod sessions;
mod slow;
mod spooling;
mod toy;

struct Server {
    folder: TempDir,
    router: Router,
    app: Arc<App>,
}

fn options() -> ServerOptions {
    ServerOptions {
        host: "127.0.0.1".to_owned(),
        port: 0,
        allowed_hosts: Vec::new(),
        token: None,
        owner: None,
        import_roots: Vec::new(),
        max_upload: 10_000,
        max_searches: 4,
        request_timeout: Duration::from_secs(20),
        body_grace: Duration::from_secs(10),
    }
}

/// A server over three texts.
async fn server(change: impl FnOnce(&mut ServerOptions, &TempDir)) -> Server {
    server_of(&PROGRAM, change).await
}

async fn server_of(program: &'static Program, change: impl FnOnce(&mut ServerOptions, &TempDir)) -> Server {
    let (folder, context) = context().await;
    let context = Context { facts: &program.facts, ..context };
    let texts = folder.path().join("texts");
    std::fs::create_dir(&texts).unwrap();
    for (name, text) in [("one.txt", "aab"), ("two.txt", "aabb"), ("three.txt", "xyz")] {
        std::fs::write(texts.join(name), text).unwrap();
    }
    let mut options = options();
    change(&mut options, &folder);
    let solution = solution(&context);
    let places = crate::source::Places::new(vec![texts]);
    let import = crate::imports::prepare(&*solution, &places, false, crate::watch::Watch::default()).unwrap();
    solution.import(import).await.unwrap();
    let app = App::new(program, solution, options);
    Server { folder, router: router(Arc::clone(&app)), app }
}

fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080")
}

impl Server {
    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        body(self.send(request(Method::GET, path).body(Body::empty()).unwrap()).await).await
    }

    async fn post(&self, path: &str, json: Value) -> (StatusCode, Value) {
        let request = request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        body(self.send(request.body(Body::from(json.to_string())).unwrap()).await).await
    }

    async fn multipart(&self, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> (StatusCode, Value) {
        let mut text = Vec::new();
        for (name, file, content) in parts {
            let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
            text.extend(format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes());
            text.extend(*content);
            text.extend(b"\r\n");
        }
        text.extend(b"--x--\r\n");
        let request = request(Method::POST, path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        body(self.send(request.body(Body::from(text)).unwrap()).await).await
    }

    async fn ids(&self) -> Vec<(String, String)> {
        let (_, found) = self.get("/api/v1/items").await;
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        found["items"].as_array().unwrap().iter().map(|item| (text(item, "title"), text(item, "id"))).collect()
    }

    async fn id(&self, title: &str) -> String {
        self.ids().await.into_iter().find(|(found, _)| found == title).unwrap().1
    }

    /// A job's last state.
    async fn finished(&self, job: &Value) -> Value {
        loop {
            let (_, job) = self.get(&format!("/api/v1/jobs/{}", job["id"].as_str().unwrap())).await;
            if job["state"] != "queued" && job["state"] != "running" {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn body(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let is_problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    let bytes = axum::body::to_bytes(response.into_body(), 10 << 20).await.unwrap();
    assert!(is_problem == (status.as_u16() >= 400), "{status}: {}", String::from_utf8_lossy(&bytes));
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn titles(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_by_words_ids_files_and_what_hits_should_not_be_like() {
    let server = server(|_, _| {}).await;
    let (status, answer) = server.post("/api/v1/search", json!({"positive": [{"words": "aab"}], "k": 2})).await;
    assert_eq!((status, titles(&answer)), (StatusCode::OK, vec!["one.txt", "two.txt"]), "{answer}");
    assert_eq!((&answer["metric"], &answer["larger_is_nearer"]), (&json!("COSINE"), &json!(true)));
    let id = server.id("one.txt").await;
    let (_, answer) = server.post("/api/v1/search", json!({"positive": [{"id": id}], "k": 1})).await;
    assert_eq!(titles(&answer), ["two.txt"], "the item itself is no hit");
    let (_, answer) =
        server.post("/api/v1/search", json!({"positive": [{"words": "ax"}], "negative": [{"id": id}], "k": 1})).await;
    assert_eq!(titles(&answer), ["three.txt"]);
    let (_, answer) = server.post("/api/v1/search", json!({"positive": [{"data": "eHl6"}], "min_score": 0.9})).await;
    assert_eq!(titles(&answer), ["three.txt"]);
    let (_, short) = server.multipart("/api/v1/search", &[("file", Some("q"), b"xyz"), ("k", None, b"1")]).await;
    assert_eq!(titles(&short), ["three.txt"]);
    let query = br#"{"positive": [{"file": "a"}, {"file": "b"}], "filter": "path like \"%o.txt\""}"#;
    let parts: &[(&str, Option<&str>, &[u8])] =
        &[("query", None, query), ("a", Some("q"), b"xyz"), ("b", Some("q"), b"aabb")];
    let (_, answer) = server.multipart("/api/v1/search", parts).await;
    assert_eq!(titles(&answer), ["two.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_told_what_is_wrong() {
    let server = server(|_, _| {}).await;
    let cases = [
        (json!({"positive": []}), "the query has no positive example"),
        (json!({"positive": [{}]}), "exactly one of id, words, file and data"),
        (json!({"positive": [{"id": "x", "words": "y"}]}), "exactly one of"),
        (json!({"positive": [{"words": "a"}], "k": 0}), "k is 0, expected 1 to 1000"),
        (json!({"positive": [{"words": "a"}], "topk": 3}), "unknown field `topk`"),
        (json!({"positive": [{"words": "a"}], "filter": "label ="}), "label ="),
        (json!({"positive": [{"words": "a"}], "filter": "size > 3"}), "size"),
        (json!({"positive": [{"data": "?"}]}), "`data` is not valid base64"),
        (json!({"positive": [{"file": "f"}]}), "the request has no file 'f'"),
        (json!({"positive": [{"words": "a", "region": "1,2"}]}), "'1,2' is not a region"),
    ];
    for (query, expected) in cases {
        let (status, problem) = server.post("/api/v1/search", query.clone()).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && detail.contains(expected), "{query}: {status} {problem}");
    }
    let (status, problem) = server.post("/api/v1/search", json!({"positive": [{"id": "none"}]})).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::NOT_FOUND, &json!("there is no item none")));
    let text = request(Method::POST, "/api/v1/search").header(header::CONTENT_TYPE, "text/plain");
    let (status, _) = body(server.send(text.body(Body::from("x")).unwrap()).await).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, problem) = server.multipart("/api/v1/search", &[("file", Some("f"), b"a"), ("top", None, b"3")]).await;
    assert!(status == StatusCode::BAD_REQUEST && problem["detail"] == "there is no part 'top'", "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_listed_shown_and_removed() {
    let server = server(|_, _| {}).await;
    let (_, all) = server.get("/api/v1/items?limit=2").await;
    assert_eq!((all["count"].clone(), all["items"].as_array().unwrap().len()), (json!(3), 2));
    let (_, rest) = server.get(&format!("/api/v1/items?limit=2&after={}", all["next"].as_str().unwrap())).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let (_, some) = server.get("/api/v1/items?filter=path%20like%20%22%25two.txt%22").await;
    assert_eq!((&some["count"], &some["items"][0]["title"]), (&json!(1), &json!("two.txt")));
    for query in ["limit=0", "limit=1001", "limit=x", "filter=(", "page=3"] {
        assert_eq!(server.get(&format!("/api/v1/items?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
    let place = format!("/api/v1/items/{}", server.id("one.txt").await);
    let (_, item) = server.get(&place).await;
    assert!(item["fields"]["imported_at"].is_i64() && item["fields"].get("version").is_none(), "{item}");
    let remove = || request(Method::DELETE, &place).body(Body::empty()).unwrap();
    assert_eq!(server.send(remove()).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.send(remove()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(server.get(&place).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_kept_and_broken_files_are_listed_under_their_own_name() {
    let server = server(|_, _| {}).await;
    let parts: &[(&str, Option<&str>, &[u8])] =
        &[("file", Some("../../new.txt"), b"zzz"), ("file", Some("bad.txt"), b"broken"), ("label", None, b"upload")];
    let (status, report) = server.multipart("/api/v1/items", parts).await;
    assert_eq!((status, &report["added"]), (StatusCode::OK, &json!(1)), "{report}");
    assert_eq!(report["skipped"], json!([{"source": "bad.txt", "reason": "it is broken"}]));
    let item = &report["items"][0];
    assert_eq!((&item["title"], &item["label"]), (&json!("new.txt"), &json!("upload")));
    let path = PathBuf::from(item["fields"]["path"].as_str().unwrap());
    assert!(
        path.starts_with(server.folder.path().canonicalize().unwrap().join("media/letters/uploads")) && path.exists()
    );
    let kept = std::fs::read_dir(server.folder.path().join("media/letters/uploads")).unwrap().count();
    assert_eq!(kept, 1, "what could not be taken is not kept");
    let (_, again) = server.multipart("/api/v1/items", &parts[..1]).await;
    assert_eq!((&again["unchanged"], &again["replaced"]), (&json!(0), &json!(1)), "it has no label now");
    let place = format!("/api/v1/items/{}", item["id"].as_str().unwrap());
    server.send(request(Method::DELETE, &place).body(Body::empty()).unwrap()).await;
    assert!(!path.exists(), "a removed upload is gone from the disk");
    assert_eq!(server.multipart("/api/v1/items", &[("label", None, b"x")]).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused() {
    let server = server(|_, _| {}).await;
    let large = vec![b'a'; 10_001];
    let (status, problem) = server.multipart("/api/v1/items", &[("file", Some("large.txt"), &large)]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    assert_eq!(problem["detail"], "large.txt is larger than the limit of 10000 bytes per file");
    let huge = vec![b'a'; 200_000];
    let (status, _) = server.multipart("/api/v1/search", &[("file", Some("huge.txt"), &huge)]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = server.post("/api/v1/search", json!({"positive": [{"data": "a".repeat(200_000)}]})).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_server_can_do_is_answered_with_429_at_once() {
    let server = server(|options, _| options.request_timeout = Duration::from_secs(2)).await;
    let slow = || server.post("/api/v1/search", json!({"positive": [{"words": "slow"}]}));
    let answers = futures::future::join_all((0..16).map(|_| slow())).await;
    let with = |wanted: StatusCode| answers.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!(with(StatusCode::GATEWAY_TIMEOUT), 4, "those who were let in, each ended by the deadline");
    assert_eq!(with(StatusCode::TOO_MANY_REQUESTS), 12);
    let (status, _) = server.post("/api/v1/search", json!({"positive": [{"words": "aab"}]})).await;
    assert_eq!(status, StatusCode::OK, "afterwards all is as before");
    let _permits = Arc::clone(&server.app.admission).try_acquire_many_owned(4).unwrap();
    let search = request(Method::POST, "/api/v1/search").header(header::CONTENT_TYPE, "application/json");
    let response = server.send(search.body(Body::from(r#"{"positive": [{"words": "aab"}]}"#)).unwrap()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    assert_eq!(server.get("/healthz").await.0, StatusCode::OK, "small requests go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_everywhere_but_the_page_and_health() {
    let server = server(|options, _| options.token = Some("geheim: ü".to_owned().into())).await;
    let get = async |path: &str, token: Option<&str>| {
        let mut request = request(Method::GET, path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        server.send(request.body(Body::empty()).unwrap()).await.status()
    };
    for path in ["/api/v1/info", "/api/v1/items", "/api/v1/items/x/media", "/api/v1/jobs/1/events", "/metrics"] {
        for wrong in [None, Some("geheim: ü"), Some("Bearer wrong"), Some("Bearer "), Some("Basic geheim: ü")] {
            assert_eq!(get(path, wrong).await, StatusCode::UNAUTHORIZED, "{path} {wrong:?}");
        }
        assert_ne!(get(path, Some("Bearer geheim: ü")).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/", "/assets/app.js", "/healthz", "/readyz", "/api/openapi.json"] {
        assert_eq!(get(path, None).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_cannot_use_the_server() {
    let server = server(|_, _| {}).await;
    let search = async |headers: &[(&str, &str)], host: &str| {
        let mut request = Request::builder().method(Method::POST).uri("/api/v1/search").header(header::HOST, host);
        for (name, value) in headers.iter().chain(&[("content-type", "application/json")]) {
            request = request.header(*name, *value);
        }
        let query = json!({"positive": [{"words": "a"}]}).to_string();
        server.send(request.body(Body::from(query)).unwrap()).await.status()
    };
    assert_eq!(search(&[], "localhost:8080").await, StatusCode::OK, "a program");
    assert_eq!(search(&[("origin", "http://localhost:8080")], "localhost:8080").await, StatusCode::OK, "its own page");
    assert_eq!(search(&[("origin", "http://evil.example")], "localhost:8080").await, StatusCode::FORBIDDEN);
    assert_eq!(search(&[("origin", "null")], "localhost:8080").await, StatusCode::FORBIDDEN);
    assert_eq!(search(&[("sec-fetch-site", "cross-site")], "localhost:8080").await, StatusCode::FORBIDDEN);
    assert_eq!(search(&[], "evil.example").await, StatusCode::FORBIDDEN, "a name that was made to lead here");
    let response = server.send(request(Method::GET, "/").body(Body::empty()).unwrap()).await;
    assert!(response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'self'"));
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "CORS is off");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_imports_only_below_its_roots() {
    let closed = server(|_, _| {}).await;
    let inside = closed.folder.path().join("texts").display().to_string();
    let (status, problem) = closed.post("/api/v1/imports", json!({"path": inside})).await;
    assert_eq!((status, &problem["hint"]), (StatusCode::FORBIDDEN, &json!("start it with --import-root FOLDER")));

    let server = server(|options, folder| {
        options.import_roots = vec![folder.path().canonicalize().unwrap().join("texts")];
    })
    .await;
    let texts = server.folder.path().join("texts");
    std::fs::write(server.folder.path().join("outside.txt"), "outside").unwrap();
    std::os::unix::fs::symlink(server.folder.path(), texts.join("up")).unwrap();
    for outside in ["/etc", "../outside.txt", "texts/../outside.txt", "texts/up/outside.txt", "texts/none"] {
        let path = server.folder.path().join(outside);
        let (status, _) = server.post("/api/v1/imports", json!({"path": path})).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{outside}");
    }
    std::fs::write(texts.join("four.txt"), "abc").unwrap();
    std::fs::write(texts.join("five.txt"), "broken").unwrap();
    std::fs::remove_file(texts.join("one.txt")).unwrap();
    let (status, job) = server.post("/api/v1/imports", json!({"path": texts, "prune": true})).await;
    assert_eq!((status, &job["kind"]), (StatusCode::ACCEPTED, &json!("import")), "{job}");
    let done = server.finished(&job).await;
    let report = &done["report"];
    let counts = ["added", "unchanged", "removed", "skipped"].map(|name| report[name].as_u64().unwrap());
    assert_eq!((&done["state"], counts), (&json!("done"), [1, 2, 1, 2]), "{done}");
    let mut skips: Vec<_> = report["skips"].as_array().unwrap().iter().map(|s| s["reason"].as_str().unwrap()).collect();
    skips.sort_unstable();
    assert!(skips[0].ends_with("texts/up is not below an import root of this server"), "{skips:?}");
    assert_eq!(skips[1], "it is broken");
    let events = request(Method::GET, &format!("/api/v1/jobs/{}/events", job["id"].as_str().unwrap()));
    let response = server.send(events.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let text = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with("event: job\ndata: {") && text.contains("\"state\":\"done\""), "{text}");
    assert_eq!(server.get("/api/v1/jobs").await.1["jobs"][0]["id"], job["id"]);
    assert_eq!(server.get("/api/v1/jobs/99").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_found_by_a_job() {
    let server = server(|_, _| {}).await;
    server.multipart("/api/v1/items", &[("file", Some("baa.txt"), b"baa"), ("file", Some("q.txt"), b"q")]).await;
    let (status, job) = server.post("/api/v1/duplicates", json!({"threshold": 0.999})).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let done = server.finished(&job).await;
    let listed = server.get("/api/v1/jobs").await.1["jobs"][0].clone();
    assert_eq!((&listed["id"], &listed["groups"]), (&done["id"], &Value::Null), "a list is short");
    let groups = done["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{done}");
    let mut found: Vec<_> = groups[0]["items"].as_array().unwrap().iter().map(|item| item["title"].clone()).collect();
    found.sort_by_key(Value::to_string);
    assert_eq!(found, ["baa.txt", "one.txt"]);
}

/// A collection that somebody else fills may say anything about where its items come from.
#[tokio::test(flavor = "multi_thread")]
async fn only_pictures_leave_the_disk_and_only_by_id() {
    let server = server(|_, _| {}).await;
    let place = format!("/api/v1/items/{}", server.id("one.txt").await);
    let (status, problem) = server.get(&format!("{place}/media")).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::NOT_FOUND, &json!("the item's file is no picture")));
    assert_eq!(server.get(&format!("{place}/thumbnail")).await.0, StatusCode::BAD_REQUEST);
    let picture = Picture::new(600, 300, vec![200; 600 * 300 * 3]).unwrap();
    std::fs::write(server.folder.path().join("texts/one.txt"), picture.to_png().unwrap()).unwrap();
    let get = async |what: &str| {
        let response = server.send(request(Method::GET, &format!("{place}/{what}")).body(Body::empty()).unwrap()).await;
        let kind = response.headers()[header::CONTENT_TYPE].clone();
        (kind, axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap())
    };
    assert_eq!(get("media").await, ("image/png".parse().unwrap(), picture.to_png().unwrap().into()));
    let (kind, jpeg) = get("thumbnail").await;
    let small = Picture::decode(&jpeg, &bootcamp_core::picture::Limits::default()).unwrap();
    assert_eq!((kind.to_str().unwrap(), small.width(), small.height()), ("image/jpeg", 256, 128));
    for path in ["/api/v1/items/..%2F..%2Fetc%2Fpasswd/media", "/assets/..%2FCargo.toml", "/assets/../lib.rs"] {
        assert_eq!(server.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn info_map_metrics_and_documents_are_there() {
    let server = server(|_, _| {}).await;
    let (_, info) = server.get("/api/v1/info").await;
    assert_eq!((&info["count"], &info["name"], &info["accepts"]), (&json!(3), &json!("letters"), &json!(["text"])));
    let (_, map) = server.get("/api/v1/map?sample=2").await;
    assert_eq!((map["points"].as_array().unwrap().len(), &map["total"]), (2, &json!(3)));
    assert_eq!(server.get("/api/v1/map?sample=0").await.0, StatusCode::BAD_REQUEST);
    server.post("/api/v1/search", json!({"positive": [{"words": "a"}]})).await;
    let response = server.send(request(Method::GET, "/metrics").body(Body::empty()).unwrap()).await;
    let text = String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().into()).unwrap();
    let expected = r#"bootcamp_http_requests_total{method="POST",route="/api/v1/search",status="200"} 1"#;
    assert!(text.contains(expected), "{text}");
    let (_, document) = server.get("/api/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 14 && paths.contains_key("/api/v1/items/{id}/thumbnail"), "{:?}", paths.keys());
    assert_eq!(server.get("/nowhere").await.0, StatusCode::NOT_FOUND);
    let wrong = request(Method::PUT, "/api/v1/info").body(Body::empty()).unwrap();
    assert_eq!(body(server.send(wrong).await).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
