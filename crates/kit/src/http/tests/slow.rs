//! Clients that are slow, or say nothing at all.

use std::net::SocketAddr;

use futures::stream::{self, Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::http::connections;

const SEARCH: &str = r#"{"positive": [{"words": "aab"}], "k": 1}"#;

/// A server on a real port, until the token is cancelled.
async fn listening(server: &Server) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stopping) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving = tokio::spawn(connections::serve(listener, server.router.clone(), stopping.clone()));
    (address, stopping, serving)
}

fn head(body: usize) -> String {
    format!(
        "POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {body}\r\n\r\n"
    )
}

async fn said(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// A search's status line.
async fn search(address: SocketAddr) -> String {
    let mut stream = said(address, &(head(SEARCH.len()) + SEARCH)).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_and_slow_bodies_keep_nobody_out() {
    // Four searches at a time, and many more bodies than that on their way.
    let server = server(|_, _| {}).await;
    let (address, stopping, serving) = listening(&server).await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        slow.push(said(address, &head(1000)).await);
    }
    let half_open = stream::iter(0..3000).map(async |_| said(address, "GET /healthz HTTP/1.1\r\nHo").await);
    let half_open: Vec<_> = half_open.buffered(50).collect().await;
    assert_eq!(half_open.len(), 3000);
    for round in 0..20 {
        for stream in &mut slow {
            stream.write_all(b" ").await.unwrap();
        }
        assert_eq!(search(address).await, "HTTP/1.1 200 OK", "in round {round}");
    }
    // Stopping waits for none of them.
    drop(slow);
    stopping.cancel();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// The answer to a body that arrives like this.
async fn answer_to<S>(server: &Server, body: S) -> (StatusCode, Value)
where
    S: Stream<Item = Result<Vec<u8>, std::io::Error>> + Send + 'static,
{
    let request = request(Method::POST, "/api/v1/search").header(header::CONTENT_TYPE, "application/json");
    super::body(server.send(request.body(Body::from_stream(body)).unwrap()).await).await
}

#[tokio::test]
async fn a_body_arrives_in_time_or_is_refused() {
    let server = server(|options, _| {
        options.request_timeout = Duration::from_secs(3600);
        options.body_grace = Duration::from_millis(50);
    })
    .await;
    // A byte now and then: 40 seconds in all, if it were waited for.
    let slowly = stream::iter(SEARCH.bytes()).then(async |byte| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(vec![byte])
    });
    let (status, problem) = answer_to(&server, Box::pin(slowly)).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("too slowly"), "{problem}");
    assert_eq!(answer_to(&server, stream::pending()).await.0, StatusCode::REQUEST_TIMEOUT);
    let at_once = stream::iter(SEARCH.bytes().map(|byte| Ok(vec![byte])));
    let (status, answer) = answer_to(&server, at_once).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(server.app.admission.available_permits(), 4, "nothing is held");
}

#[tokio::test]
async fn bodies_have_a_limit_together() {
    let server = server(|options, _| options.max_upload = 32 << 20).await;
    // More than all bodies may hold, by requests that are not complete.
    let part = || stream::iter([Ok(vec![b' '; 32 << 20])]).chain(stream::pending());
    let waiting: Vec<_> = (0..12).map(|_| Box::pin(answer_to(&server, part()))).collect();
    let mut waiting = futures::future::select_all(waiting);
    let refused = tokio::select! {
        ((status, problem), _, _) = &mut waiting => { assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}"); true }
        () = tokio::time::sleep(Duration::from_secs(8)) => false,
    };
    assert!(refused, "twelve bodies of 32 MiB are held");
    drop(waiting);
    let (status, _) = server.post("/api/v1/search", json!({"positive": [{"words": "aab"}]})).await;
    assert_eq!(status, StatusCode::OK, "they hold nothing any more");
}

#[tokio::test]
async fn a_body_without_files_is_small() {
    let server = server(|_, _| {}).await;
    for path in ["/api/v1/preview", "/api/v1/imports", "/api/v1/duplicates"] {
        let (status, problem) = server.post(path, json!({"words": "x".repeat(65 << 10)})).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_do_not_grow_with_what_clients_make_up() {
    let server = server(|_, _| {}).await;
    for at in 0..100 {
        let method = Method::from_bytes(format!("MADE{at}").as_bytes()).unwrap();
        server.send(request(method, "/api/v1/info").body(Body::empty()).unwrap()).await;
        server.get(&format!("/made/up/{at}")).await;
    }
    // A client that leaves in the middle.
    let leaving = answer_to(&server, stream::pending());
    assert!(tokio::time::timeout(Duration::from_millis(50), leaving).await.is_err());
    let text = server.app.metrics.text();
    assert!(!text.contains("MADE") && text.matches("method=\"other\"").count() == 1, "{text}");
    assert_eq!(text.matches("http_requests_total{").count(), 2, "{text}");
    assert!(text.contains("bootcamp_http_requests_in_flight 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_and_streams_of_events_are_few_at_a_time() {
    let server = server(|options, _| options.request_timeout = Duration::from_secs(2)).await;
    let turn = Arc::clone(&server.app.map).try_acquire_owned().unwrap();
    assert_eq!(server.get("/api/v1/map").await.0, StatusCode::GATEWAY_TIMEOUT, "it waits for its turn");
    drop(turn);
    assert_eq!(server.get("/api/v1/map").await.0, StatusCode::OK);
    let (_, job) = server.post("/api/v1/duplicates", json!({})).await;
    server.finished(&job).await;
    let path = format!("/api/v1/jobs/{}/events", job["id"].as_str().unwrap());
    let _places = Arc::clone(&server.app.followers).try_acquire_many_owned(MAX_FOLLOWERS as u32).unwrap();
    assert_eq!(server.get(&path).await.0, StatusCode::TOO_MANY_REQUESTS);
}
