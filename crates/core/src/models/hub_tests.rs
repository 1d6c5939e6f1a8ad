//! The hub's client against a server of a few lines that answers, cuts, stalls and redirects as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::hub::{origin, redirected};
use super::tests::{file, settings};
use super::*;
use crate::ErrorKind;

/// More than one buffer.
fn content() -> Vec<u8> {
    (0..600_000u32).map(|i| (i % 251) as u8).collect()
}

fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

fn wanted() -> FileSpec {
    let content = content();
    file("hf:owner/repo@abc123/onnx/the model.onnx", &sha256(&content), Some(content.len() as u64))
}

/// A request's first line and headers, in small letters but for their values.
#[derive(Clone, Debug)]
struct Request(Vec<String>);

impl Request {
    fn path(&self) -> &str {
        self.0[0].split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The first byte asked for.
    fn from(&self) -> Option<usize> {
        Some(self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().unwrap())
    }
}

struct Reply {
    bytes: Vec<u8>,
    /// Say nothing more, but stay connected.
    stall: bool,
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}");
    let length =
        if headers.contains("Content-Length") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    Reply { bytes: [head.as_bytes(), length.as_bytes(), b"\r\n", body].concat(), stall: false }
}

/// What a server that knows ranges answers, cut after `most` bytes.
fn served(request: &Request, most: usize) -> Reply {
    let content = content();
    let (total, from) = (content.len(), request.from().unwrap_or(0));
    let length = format!("Content-Length: {}\r\n", total - from);
    let body = &content[from..total.min(from.saturating_add(most))];
    match request.from() {
        None => reply("200 OK", &length, body),
        Some(_) => {
            let range = format!("Content-Range: bytes {from}-{}/{total}\r\n{length}", total - 1);
            reply("206 Partial Content", &range, body)
        }
    }
}

struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `answer` is given each request and its number, from 0.
    fn start(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut stalled: Vec<TcpStream> = Vec::new();
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
                let request = Request(lines.take_while(|line| !line.is_empty()).collect());
                seen.lock().unwrap().push(request.clone());
                let reply = answer(&request, number);
                // A client that has what it wants may be gone already.
                let _ = stream.write_all(&reply.bytes);
                if reply.stall {
                    stalled.push(stream);
                }
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn ranges(&self) -> Vec<Option<usize>> {
        self.requests().iter().map(Request::from).collect()
    }
}

/// A registry that fetches from this server, in no hurry but without pauses.
fn registry(folder: &Path, server: &Server) -> Registry {
    let endpoint = Some(format!("{}/", server.address));
    let token = Some("hunter2".into());
    let mut registry =
        Registry::open(ModelSettings { hf_endpoint: endpoint, hf_token: token, ..settings(folder) }).unwrap();
    registry.hub.patience.pause = Duration::from_millis(1);
    registry
}

fn slot(folder: &Path) -> PathBuf {
    folder.join("cache").join(sha256(&content()))
}

/// Fetches, and shows that it came right.
fn fetched(folder: &Path, server: &Server) {
    let path = registry(folder, server).file(&wanted(), &|_| {}).unwrap();
    assert!(std::fs::read(&path).unwrap() == content(), "another content");
    assert_eq!(path, slot(folder).join("the model.onnx"));
    assert!(!slot(folder).join("the model.onnx.part").exists());
}

/// Fails, and shows that the error has no secret in it and that no file is there.
fn failed(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> (crate::Error, usize) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(answer);
    let error = registry(folder.path(), &server).file(&wanted(), &|_| {}).unwrap_err();
    assert!(error.to_string().contains("hf:owner/repo@abc123/onnx/the model.onnx"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert!(!slot(folder.path()).join("the model.onnx").exists());
    (error, server.requests().len())
}

#[test]
fn a_file_comes_once_and_tells_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| served(request, usize::MAX));
    let told = Mutex::new(Vec::new());
    let on_progress = |progress: &FetchProgress| {
        assert_eq!((progress.file, progress.total), ("the model.onnx", Some(600_000)));
        told.lock().unwrap().push(progress.done);
    };
    let registry = registry(folder.path(), &server);
    registry.file(&wanted(), &on_progress).unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.first() == Some(&0) && told.last() == Some(&600_000), "{told:?}");
    fetched(folder.path(), &server);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path(), "/owner/repo/resolve/abc123/onnx/the%20model.onnx");
    assert_eq!(requests[0].header("authorization"), Some("Bearer hunter2"));
    assert!(requests[0].header("user-agent").unwrap().starts_with("bootcamp/"));
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = Server::start(|request, _| match request.path() {
        "/blob?sig=secret" => reply("302 Found", "Location: other\r\n", b""),
        _ => served(request, usize::MAX),
    });
    let elsewhere = format!("Location: {}/blob?sig=secret\r\n", store.address);
    let hub = Server::start(move |request, _| match request.path() {
        "/renamed" => reply("302 Found", &elsewhere, b""),
        _ => reply("307 Temporary Redirect", "Location: /renamed\r\n", b"moved"),
    });
    fetched(folder.path(), &hub);
    let tokens = |server: &Server| -> Vec<bool> {
        server.requests().iter().map(|request| request.header("authorization").is_some()).collect()
    };
    assert_eq!(tokens(&hub), [true, true]);
    assert_eq!(tokens(&store), [false, false]);
    assert_eq!(store.requests()[1].path(), "/other");
}

#[test]
fn a_cut_download_goes_on_where_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| served(request, 100_000));
    fetched(folder.path(), &server);
    let ranges = server.ranges();
    assert_eq!(ranges[..3], [None, Some(100_000), Some(200_000)]);
    assert_eq!(ranges.len(), 6, "every cut brought something, so none counts as the last");
}

#[test]
fn a_later_process_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(slot(folder.path())).unwrap();
    std::fs::write(slot(folder.path()).join("the model.onnx.part"), &content()[..1000]).unwrap();
    let server = Server::start(|request, _| served(request, usize::MAX));
    fetched(folder.path(), &server);
    assert_eq!(server.ranges(), [Some(1000)]);
}

#[test]
fn a_whole_part_needs_no_server_and_a_too_long_one_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let part = slot(folder.path()).join("the model.onnx.part");
    std::fs::create_dir_all(slot(folder.path())).unwrap();
    std::fs::write(&part, content()).unwrap();
    let server = Server::start(|request, _| served(request, usize::MAX));
    fetched(folder.path(), &server);
    assert!(server.ranges().is_empty());
    std::fs::remove_file(slot(folder.path()).join("the model.onnx")).unwrap();
    std::fs::write(&part, vec![0; 700_000]).unwrap();
    fetched(folder.path(), &server);
    assert_eq!(server.ranges(), [None]);
}

#[test]
fn a_server_without_ranges_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, number| {
        let most = if number == 0 { 100_000 } else { usize::MAX };
        served(&Request(vec!["get / http/1.1".into()]), most)
    });
    fetched(folder.path(), &server);
    assert_eq!(server.ranges(), [None, Some(100_000)]);
}

#[test]
fn a_server_that_always_cuts_at_the_same_place_is_given_up() {
    let (error, requests) = failed(|_, _| served(&Request(vec!["get / http/1.1".into()]), 100_000));
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(requests, 4);
}

#[test]
fn a_stalled_download_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, number| match number {
        0 => Reply { stall: true, ..served(request, 100_000) },
        1 => Reply { bytes: Vec::new(), stall: true },
        _ => served(request, usize::MAX),
    });
    let mut registry = registry(folder.path(), &server);
    registry.hub.patience.stall = Duration::from_millis(300);
    registry.hub.patience.failures = 8;
    registry.file(&wanted(), &|_| {}).unwrap();
    assert_eq!(server.ranges()[..3], [None, Some(100_000), Some(100_000)]);
}

#[test]
fn a_busy_server_is_asked_again_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, number| match number {
        0 => reply("503 Service Unavailable", "", b"busy"),
        1 => reply("429 Too Many Requests", "Retry-After: 0\r\n", b"slower"),
        _ => served(request, usize::MAX),
    });
    fetched(folder.path(), &server);
    let (error, requests) = failed(|_, _| reply("500 Internal Server Error", "", b""));
    assert_eq!((error.kind(), requests), (ErrorKind::Unavailable, 4));
    assert!(error.to_string().contains("the server answers 500 Internal Server Error"), "{error}");
}

#[test]
fn refusals_say_what_to_do_and_are_not_repeated() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let (error, requests) = failed(move |_, _| reply(status, "", b""));
        assert_eq!((error.kind(), requests), (ErrorKind::Denied, 1));
        assert!(error.hint().unwrap().contains("HF_TOKEN"), "{error:?}");
    }
    let (error, requests) = failed(|_, _| reply("404 Not Found", "", b""));
    assert_eq!((error.kind(), requests), (ErrorKind::NotFound, 1));
    let (error, requests) = failed(|_, _| reply("302 Found", "Location: /again\r\n", b""));
    assert_eq!((error.kind(), requests), (ErrorKind::Internal, 10));
    let (error, _) = failed(|_, _| reply("302 Found", "", b""));
    assert!(error.to_string().ends_with("the server redirects to an invalid address"), "{error}");
}

#[test]
fn what_is_not_the_file_is_not_kept() {
    let (error, _) = failed(|_, _| reply("200 OK", "", &[7; 600_000]));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("does not match the manifest: sha256"), "{error}");
    let (error, requests) = failed(|_, _| reply("200 OK", "", &[7; 600_001]));
    assert_eq!((error.kind(), requests), (ErrorKind::Corrupt, 1));
    assert!(error.to_string().contains("larger than the manifest says"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, number| match number {
        0 => reply("200 OK", "", &[7; 600_000]),
        _ => served(request, usize::MAX),
    });
    registry(folder.path(), &server).file(&wanted(), &|_| {}).unwrap_err();
    fetched(folder.path(), &server);
    assert_eq!(server.ranges(), [None, None], "nothing of the wrong file is gone on with");
}

#[test]
fn nobody_at_the_endpoint_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server { address: format!("http://{}", listener.local_addr().unwrap()), requests: Arc::default() };
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let error = registry(folder.path(), &server).file(&wanted(), &|_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.hint().unwrap().contains("HF_ENDPOINT"), "{error:?}");
}

#[test]
fn what_the_hubs_own_tools_have_fetched_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("huggingface");
    let snapshot = home.join("hub/models--owner--repo/snapshots/abc123/onnx");
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(home.join("token"), "hunter2\n").unwrap();
    let theirs = snapshot.join("the model.onnx");
    let take = || {
        let own = ModelSettings { hf_home: Some(home.clone()), offline: true, ..settings(folder.path()) };
        Registry::open(own).unwrap().file(&wanted(), &|_| panic!("nothing is fetched"))
    };
    std::fs::write(&theirs, "another revision").unwrap();
    assert_eq!(take().unwrap_err().kind(), ErrorKind::Unavailable);
    std::fs::write(&theirs, content()).unwrap();
    let ours = take().unwrap();
    std::fs::remove_file(theirs).unwrap();
    assert!(std::fs::read(ours).unwrap() == content());
    take().unwrap();
}

#[test]
fn the_stored_token_is_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "hunter3\n").unwrap();
    let server = Server::start(|request, _| served(request, usize::MAX));
    let (endpoint, home) = (Some(server.address.clone()), Some(folder.path().to_owned()));
    let own = ModelSettings { hf_endpoint: endpoint, hf_home: home, ..settings(folder.path()) };
    Registry::open(own).unwrap().file(&wanted(), &|_| {}).unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer hunter3"));
}

#[test]
fn a_token_that_can_be_none_is_refused_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let with = |token: &str| Registry::open(ModelSettings { hf_token: Some(token.into()), ..settings(folder.path()) });
    with("hunter2\n").unwrap();
    let error = with("hunter2\nX-Evil: 1").unwrap_err();
    assert!(error.to_string().contains("HF_TOKEN") && !format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn addresses_are_taken_apart_and_joined() {
    assert_eq!(origin("https://host:1/a?b"), Some("https://host:1"));
    assert_eq!(origin("https://host"), Some("https://host"));
    assert_eq!(origin("https://hub.example@evil.example/x"), Some("https://hub.example@evil.example"));
    assert_eq!([origin("https:///x"), origin("ftp://host"), origin("")], [None, None, None]);
    let from = "https://host/a/b?c=/d";
    for (location, target) in [
        ("https://other/x", "https://other/x"),
        ("//other/x", "https://other/x"),
        ("/x?next=https://other", "https://host/x?next=https://other"),
        ("x", "https://host/a/x"),
    ] {
        assert_eq!(redirected(from, location).as_deref(), Some(target));
    }
}
