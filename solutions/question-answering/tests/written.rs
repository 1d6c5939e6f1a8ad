//! Written answers, by a local server that speaks the protocol of OpenAI's, well and badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use bootcamp_testkit::program::{Home, Server};
use serde_json::{Value, json};

use crate::imported;

/// What the endpoint sends.
#[derive(Clone)]
pub enum Says {
    /// These pieces of text, as a stream.
    Pieces(Vec<&'static str>),
    /// This, whatever it is.
    Raw(&'static str),
    /// Nothing, for as long as the test runs.
    Nothing,
}

/// An endpoint; returns its address and the requests that it got.
pub fn endpoint(says: Says) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let got = Arc::clone(&requests);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            got.lock().unwrap().push(json!({"head": head, "body": body}));
            let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let answer = match &says {
                Says::Pieces(pieces) => {
                    let chunk = |piece: &&str| {
                        format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": piece}}]}))
                    };
                    let chunks: String = pieces.iter().map(chunk).collect();
                    format!("{ok}: a comment\n\n{chunks}data: [DONE]\n\n")
                }
                Says::Raw(text) => (*text).to_owned(),
                Says::Nothing => {
                    open.push(stream);
                    continue;
                }
            };
            // Whoever has heard enough may have left.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, requests)
}

/// The program's `ask`, with that endpoint.
fn ask(home: &Home, url: &str) -> Value {
    let mut command = home.command(&["ask", "How long does delivery take?", "-k", "2", "--json"]);
    command.env("BOOTCAMP_GENERATE_URL", url).env("BOOTCAMP_GENERATE_MODEL", "test");
    command.env("BOOTCAMP_GENERATE_KEY", "hush-hush").env("BOOTCAMP_GENERATE_SECONDS", "2");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{error}");
    assert!(!text.contains("hush-hush") && !error.contains("hush-hush"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_answer_is_written_with_checked_citations() {
    let home = imported();
    let (url, requests) = endpoint(Says::Pieces(vec!["Two days [", "1], abroad ten [9]", "."]));
    let body = ask(&home, &url);
    let written = &body["written"];
    assert_eq!(written["text"], "Two days [1], abroad ten .");
    assert_eq!(written["citations"], json!([{"number": 1, "id": body["answers"]["hits"][0]["id"]}]));
    assert_eq!(written["notes"], json!(["left out citations of what was not retrieved: 9"]));

    let request = requests.lock().unwrap()[0].clone();
    let head = request["head"].as_str().unwrap();
    assert!(
        head.starts_with("POST /v1/chat/completions ") && head.to_lowercase().contains("bearer hush-hush"),
        "{head}"
    );
    assert_eq!((&request["body"]["model"], &request["body"]["stream"]), (&json!("test"), &json!(true)));
    let prompt = request["body"]["messages"][1]["content"].as_str().unwrap();
    assert!(
        prompt.contains("Two days within the country") && prompt.ends_with("How long does delivery take?"),
        "{prompt}"
    );
    let open = prompt.lines().next().unwrap();
    let name = open.trim_start_matches('<').split(' ').next().unwrap();
    assert!(name.starts_with("passage-") && name.len() > 20 && prompt.contains(&format!("</{name}>")), "{prompt}");
}

#[test]
fn what_was_found_is_answered_whatever_the_endpoint_does() {
    let home = imported();
    let broken = [
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "answers with status 500"),
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "refuses the key"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "does not know the address or the model 'test'"),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>hello</html>\n", "sent no stream of events"),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {oops\n\n", "an event that is no JSON"),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {\"error\": {\"message\": \"x\"}}\n\n",
            "an error instead of an answer",
        ),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: [DONE]\n\n", "an answer without text"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\ndata: {\"choices\":[]}\n\n", "broke off"),
    ];
    for (raw, expected) in broken {
        let body = ask(&home, &endpoint(Says::Raw(raw)).0);
        assert_eq!(body["answers"]["hits"].as_array().unwrap().len(), 2);
        let notes = body["written"]["notes"].to_string();
        assert!(notes.contains(expected), "{raw:?}: {notes}");
    }
    let notes = ask(&home, &endpoint(Says::Nothing).0)["written"]["notes"].to_string();
    assert!(notes.contains("in time"), "{notes}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let notes = ask(&home, &format!("http://{closed}/v1"))["written"]["notes"].to_string();
    assert!(notes.contains("cannot be reached"), "{notes}");
}

#[test]
fn the_server_streams_what_it_finds_and_what_is_written() {
    let home = imported();
    let (url, _) = endpoint(Says::Pieces(vec!["Two ", "days [1]."]));
    let mut command = home.command(&["serve", "--port", "0"]);
    command.env("BOOTCAMP_GENERATE_URL", url).env("BOOTCAMP_GENERATE_MODEL", "test");
    let server = Server::of(command);
    let ask = |body: Value| {
        let (status, text) = server.post_text("/api/v1/ask", &body);
        assert_eq!(status, 200, "{text}");
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let lines = ask(json!({"question": "How long does delivery take?", "k": 1}));
    let events: Vec<&str> = lines.iter().filter(|(name, _)| name == "event").map(|(_, value)| value.as_str()).collect();
    assert_eq!(events, ["answers", "text", "text", "written"]);
    let data: Vec<Value> = lines
        .iter()
        .filter(|(name, _)| name == "data")
        .map(|(_, value)| serde_json::from_str(value).unwrap())
        .collect();
    assert_eq!(data[0]["hits"].as_array().unwrap().len(), 1);
    assert_eq!(data[3]["citations"][0]["id"], data[0]["hits"][0]["id"]);
    let silent = ask(json!({"question": "How long does delivery take?", "generate": false}));
    assert_eq!(silent.iter().filter(|(name, _)| name == "event").count(), 1);
    let off_topic = ask(json!({"question": "What is the capital of Mongolia?"}));
    assert_eq!(off_topic.iter().filter(|(name, _)| name == "event").count(), 1, "nothing to write from");
    for wrong in [
        json!({"question": "a", "k": 0}),
        json!({"question": "?"}),
        json!({"q": "a"}),
        json!({"question": "a", "filter": "b =="}),
    ] {
        assert_eq!(server.post_text("/api/v1/ask", &wrong).0, 400, "{wrong}");
    }
}
