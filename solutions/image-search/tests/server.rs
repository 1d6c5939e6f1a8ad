//! The server as a process: the same answers as the command line, overload, stopping, and its own description of itself.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bootcamp_testkit::program::{Run, Server};
use serde_json::{Value, json};

use crate::program::Home;

/// An answer but for how long it took.
fn without_times(mut body: Value) -> Value {
    body["took_ms"] = Value::Null;
    body["timings"] = Value::Null;
    body
}

#[test]
fn the_server_answers_what_the_command_line_prints() {
    let home = Home::new().with_stamps(30);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let edited = home.edited(&home.stamps()[8]);
    let terms = ["-k", "4", "--filter", "width > 20", "--crop", "0.1,0.1,0.7,0.7"];
    let printed = home.json(&[&["search", edited.to_str().unwrap()], &terms[..]].concat());
    let id = printed["hits"][0]["id"].as_str().unwrap().to_owned();
    let printed_by_id = home.json(&["search", "--id", &id, "-k", "4"]);

    let mut server = Server::start(&home, &[]);
    let data = base64(&std::fs::read(&edited).unwrap());
    let query = json!({
        "positive": [{"data": data, "region": "0.1,0.1,0.7,0.7"}], "k": 4, "filter": "width > 20",
    });
    assert_eq!(without_times(server.post("/api/v1/search", &query).unwrap()), without_times(printed));
    let by_id = server.post("/api/v1/search", &json!({"positive": [{"id": id}], "k": 4})).unwrap();
    assert_eq!(without_times(by_id), without_times(printed_by_id));
    assert_eq!(server.stop(), Some(0));
}

/// Without a crate: the tests' one use of it.
fn base64(bytes: &[u8]) -> String {
    let output = Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = output.unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn health_asks_the_server_of_this_machine() {
    let home = Home::new().with_stamps(3);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let mut server = Server::start(&home, &["--host", "0.0.0.0", "--allowed-host", "search.example.org"]);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let run = home.run(&["health", "--port", &port]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), "ready\n"), "{}", run.err);
    server.stop();
    let run = home.run(&["health", "--port", &port]);
    assert!(run.code == Some(5) && run.err.contains(&port) && run.err.contains("hint"), "{}", run.err);
}

#[test]
fn under_overload_some_are_sent_away_and_the_rest_is_served() {
    let home = Home::new().with_stamps(12);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let server = Server::start(&home, &["--max-searches", "4"]);
    let picture = std::fs::read(&home.stamps()[3]).unwrap();
    let search = || server.send_files("/api/v1/search", &[("query.png", &picture)]);
    let flood = || {
        let clients: Vec<_> = (0..16).map(|_| || (0..12).map(|_| search().map(drop)).collect::<Vec<_>>()).collect();
        std::thread::scope(|scope| {
            let running: Vec<_> = clients.into_iter().map(|client| scope.spawn(client)).collect();
            running.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        })
    };
    flood();
    let before = server.resident_kib();
    let answers = flood();
    let sent_away = answers.iter().filter(|answer| **answer == Err(429)).count();
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(sent_away > 0 && served >= 4, "{sent_away} of {} sent away, {served} served", answers.len());
    assert_eq!(sent_away + served, answers.len(), "nobody who was let in waits in vain: {answers:?}");
    let after = server.resident_kib();
    assert!(after < before + before / 4, "memory grew from {before} to {after} KiB");
    assert!(search().is_ok(), "recovery is immediate");
}

#[test]
fn stopping_in_the_middle_of_an_import_loses_nothing() {
    let home = Home::new().with_stamps(120);
    let stamps = home.path().join("stamps").canonicalize().unwrap();
    let mut server = Server::start(&home, &["--import-root", stamps.to_str().unwrap()]);
    let job = server.post("/api/v1/imports", &json!({"path": stamps})).unwrap();
    let place = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(120);
    while server.get(&place)["progress"]["done"].as_u64().unwrap() < 32 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.stop(), Some(0));
    let report = home.json(&["import", "stamps"]);
    let number = |name: &str| report[name].as_u64().unwrap();
    assert!(number("unchanged") >= 32, "{report}");
    assert_eq!((number("unchanged") + number("added"), number("replaced")), (120, 0));
}

#[test]
fn ctrl_c_ends_an_import_cleanly() {
    let home = Home::new().with_stamps(200);
    let child =
        home.command(&["import", "stamps", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first thumbnail says that the import has begun.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !home.path().join("data/media/image_search/thumbnails").exists() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{} {}", run.out, run.err);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    let added = report["added"].as_u64().unwrap();
    assert_eq!(report["interrupted"], true);
    let report = home.json(&["import", "stamps"]);
    assert_eq!((report["unchanged"].as_u64(), report["added"].as_u64()), (Some(added), Some(200 - added)));
}

#[test]
fn the_api_keeps_its_own_word() {
    let home = Home::new().with_stamps(6);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let server = Server::start(&home, &["--import-root", home.path().to_str().unwrap()]);
    server.keeps_its_word(25);
    assert_eq!(server.get("/api/v1/info")["name"], "image-search", "it is still there");
}
