//! Large bodies: on the disk while they arrive, gone afterwards, whatever the client does.

use std::path::Path;

use axum::body::Bytes;
use futures::stream::{self, Stream, StreamExt};

use super::*;
use crate::names::hex;

const MIB: usize = 1 << 20;

/// A request with one file that arrives in chunks of 1 MiB.
fn streamed(path: &str, chunks: impl Stream<Item = Bytes> + Send + 'static) -> Request<Body> {
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.txt\"\r\n\r\n";
    let once = |text: &'static str| stream::once(async move { Bytes::from_static(text.as_bytes()) });
    let body = once(head).chain(chunks).chain(once("\r\n--x--\r\n")).map(Ok::<_, std::io::Error>);
    let request = request(Method::POST, path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    request.body(Body::from_stream(body)).unwrap()
}

/// Sizes of the files in the spool.
fn spooled(folder: &Path) -> Vec<u64> {
    let files = walkdir::WalkDir::new(folder.join("spool")).into_iter().flatten();
    let files = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("file-"));
    files.filter_map(|entry| Some(entry.metadata().ok()?.len())).collect()
}

async fn large_server() -> Server {
    server(|options, _| options.max_upload = 64 << 20).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_is_written_while_it_arrives_and_then_moved() {
    let server = large_server().await;
    let folder = server.folder.path().to_owned();
    let chunks = stream::iter(0..50_usize).map(move |at| {
        let on_disk: u64 = spooled(&folder).iter().sum();
        assert!(on_disk + (4 * MIB) as u64 >= (at * MIB) as u64, "{on_disk} bytes are on the disk after {at} MiB");
        Bytes::from(vec![b'a' + (at % 26) as u8; MIB])
    });
    let (status, done) = body(server.send(streamed("/api/v1/items", chunks)).await).await;
    assert_eq!((status, &done["added"]), (StatusCode::OK, &json!(1)), "{done}");
    assert!(spooled(server.folder.path()).is_empty());
    let kept = PathBuf::from(done["items"][0]["fields"]["path"].as_str().unwrap());
    let bytes = std::fs::read(&kept).unwrap();
    assert!(bytes.len() == 50 * MIB && bytes[49 * MIB] == b'a' + 49 % 26);
    assert_eq!(kept.parent().unwrap().file_name().unwrap().to_str().unwrap(), &hex(&bytes)[..20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_query_is_gone_after_its_answer_good_or_bad() {
    let server = large_server().await;
    let chunks = |count: usize| stream::iter(0..count).map(|_| Bytes::from(vec![b'z'; MIB]));
    let (status, found) = body(server.send(streamed("/api/v1/search", chunks(3))).await).await;
    assert_eq!((status, titles(&found)[0]), (StatusCode::OK, "three.txt"), "{found}");
    assert!(spooled(server.folder.path()).is_empty());
    let (status, problem) = body(server.send(streamed("/api/v1/search", chunks(65))).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{problem}");
    assert!(spooled(server.folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing() {
    let server = large_server().await;
    for path in ["/api/v1/search", "/api/v1/items"] {
        let chunks = stream::iter(0..3).map(|_| Bytes::from(vec![b'z'; MIB])).chain(stream::pending());
        let asking = server.send(streamed(path, chunks));
        let arriving = async {
            while spooled(server.folder.path()).iter().sum::<u64>() < 2 * MIB as u64 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            response = asking => panic!("answered before its end: {}", response.status()),
            () = arriving => {}
        }
        while !spooled(server.folder.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let media = walkdir::WalkDir::new(server.folder.path().join("media")).into_iter().flatten();
    assert_eq!(media.filter(|entry| entry.file_type().is_file()).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_import_of_a_client_that_goes_away_ends_and_keeps_only_what_is_in() {
    let server = large_server().await;
    let files: Vec<(String, String)> = (0..60).map(|at| (format!("{at}.txt"), format!("slow {at}"))).collect();
    let parts: Vec<_> = files.iter().map(|(name, text)| ("file", Some(name.as_str()), text.as_bytes())).collect();
    let asking = server.multipart("/api/v1/items", &parts);
    let count =
        async || server.get("/api/v1/items?filter=note%20like%20%22slow%25%22").await.1["count"].as_u64().unwrap();
    let some_are_in = async {
        while count().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        (status, answer) = asking => panic!("{status} {answer}"),
        () = some_are_in => {}
    }
    while server.app.admission.available_permits() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kept = walkdir::WalkDir::new(server.folder.path().join("media")).into_iter().flatten();
    let kept = kept.filter(|entry| entry.file_type().is_file()).count() as u64;
    assert_eq!(kept, count().await, "a file for each item, and none beside");
    assert!(kept < 60, "it went on to the end");
}
