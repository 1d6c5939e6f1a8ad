//! Commands beside a server of the same store: what reads it looks for itself, what writes it has the server do.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bootcamp_testkit::program::{Run, Server};
use serde_json::Value;

use crate::program::Home;

#[test]
fn commands_work_while_a_server_runs() {
    let home = Home::new().with_stamps(20);
    let (stamps, names) = (home.path().join("stamps"), home.stamps());
    let late = home.path().join("late.png");
    std::fs::rename(&names[4], &late).unwrap();
    let server = Server::start(&home, &[]);

    // The server may import from nowhere by itself, but the owner of the store from everywhere.
    let report = home.json(&["import", "stamps"]);
    assert_eq!((&report["added"], &report["skipped"]), (&19.into(), &0.into()), "{report}");
    assert_eq!(home.json(&["import", "stamps"])["unchanged"], 19);
    let path = stamps.canonicalize().unwrap();
    let by_stranger = server.post("/api/v1/imports", &serde_json::json!({"path": path}));
    assert_eq!(by_stranger, Err(403), "who does not know the secret may not");
    std::fs::write(stamps.join("broken.png"), "no picture").unwrap();
    let run = home.run(&["import", "stamps", "late.png", "--label", "late", "--json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &report["skipped"]), (Some(2), &1.into()), "{}", run.err);
    assert!(run.err.contains("warning: skipped") && run.err.contains("broken.png"), "{}", run.err);

    assert_eq!(home.json(&["count"])["count"], 20);
    let hits = home.json(&["search", "late.png", "-k", "3"]);
    let first = &hits["hits"][0];
    assert_eq!((first["title"].as_str(), first["label"].as_str()), (Some("late.png"), Some("late")));
    let id = first["id"].as_str().unwrap();
    assert_eq!(home.json(&["show", id])["fields"], first["fields"]);
    let listed = home.run(&["list", "--json", "--limit", "0"]);
    assert_eq!(listed.out.lines().count(), 20);
    assert_eq!(home.json(&["info"])["count"], server.get("/api/v1/info")["count"]);
    assert_eq!(home.run(&["duplicates"]).code, Some(0));
    assert_eq!(home.run(&["search", "late.png", "--save", "hits.csv", "-q"]).code, Some(0));
    assert!(std::fs::read_to_string(home.path().join("hits.csv")).unwrap().contains("late.png"));

    assert_eq!(home.json(&["remove", id])["removed"], 1);
    assert_eq!(home.run(&["show", id]).code, Some(4));
    let again = home.run(&["remove", id]);
    assert!(again.code == Some(4) && again.err.contains("nothing removed"), "{}", again.err);
    assert_eq!(home.json(&["remove", "--filter", "label != \"none\""])["removed"], 19);
    assert_eq!(server.get("/api/v1/items")["count"], 0);
    for (place, code) in [("nowhere", 4), ("[", 3)] {
        assert_eq!(home.run(&["import", place]).code, Some(code), "as without a server");
    }
}

#[test]
fn what_a_server_cannot_do_is_said_plainly() {
    let home = Home::new().with_stamps(3);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let mut server = Server::start(&home, &["--host", "0.0.0.0"]);
    let address = server.address.replace("0.0.0.0", "127.0.0.1");
    let told = |arguments: &[&str], hint: &str| {
        let run = home.run(arguments);
        assert_eq!(run.code, Some(7), "{}", run.err);
        let who = "`image-search serve` (process ";
        assert!(run.err.contains(who) && run.err.contains(&address) && run.err.contains(hint), "{}", run.err);
    };
    told(&["drop", "--yes"], "stop that server first");
    told(&["serve", "--port", "0"], "in a browser");
    told(&["import", "stamps", "--collection", "other"], "with the collection image_search");
    told(&["import", "stamps", "--model", "sscd"], "leave out --model");
    server.stop();
    assert_eq!(home.run(&["drop", "--yes"]).code, Some(0));
}

#[test]
fn a_token_does_not_keep_the_owner_out() {
    let home = Home::new().with_stamps(3);
    let mut serve = home.command(&["serve", "--port", "0"]);
    serve.env("BOOTCAMP_TOKEN", "hunter2");
    let server = Server::of(serve);
    assert_eq!(server.try_get("/api/v1/items"), Err(401));
    assert_eq!(home.json(&["import", "stamps"])["added"], 3);
    assert_eq!(home.json(&["count"])["count"], 3);
}

#[test]
fn ctrl_c_stops_an_import_that_a_server_does() {
    let home = Home::new().with_stamps(200);
    let server = Server::start(&home, &[]);
    let import = home.command(&["import", "stamps", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let import = import.unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while server.get("/api/v1/items")["count"] == 0 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &import.id().to_string()]).status().unwrap();
    let run = Run::of(import.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{} {}", run.out, run.err);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(server.get("/api/v1/jobs")["jobs"][0]["state"], "cancelled");
    assert_eq!(home.json(&["count"])["count"], report["added"], "what was begun was finished");
}

#[test]
fn a_mistyped_store_is_not_made() {
    let home = Home::new().with_stamps(1);
    let picture = home.stamps()[0].display().to_string();
    let reading: [&[&str]; 6] =
        [&["count"], &["list"], &["info"], &["show", "x"], &["duplicates"], &["search", &picture]];
    for arguments in reading {
        let run = home.run(&[arguments, &["--store", "daat"]].concat());
        assert_eq!(run.code, Some(4), "{}", run.err);
        assert!(run.err.contains("there is no store in daat") && run.err.contains("hint: import"), "{}", run.err);
        assert!(!home.path().join("daat").exists(), "{arguments:?} made it");
    }
}

#[test]
fn what_may_be_meant_for_a_server_is_never_made_a_folder() {
    let home = Home::new().with_stamps(1);
    let picture = home.stamps()[0].display().to_string();
    for store in
        ["milvus.db", "localhost:19530", "in01-x.example.com:19531", "unix:/tmp/x.sock", "127.0.0.1", "tcp://h:1"]
    {
        for arguments in [&["count"][..], &["search", &picture], &["import", "stamps"]] {
            let run = home.run(&[arguments, &["--store", store]].concat());
            assert_eq!(run.code, Some(3), "{store} {arguments:?}: {}", run.err);
            assert!(run.err.contains("hint: write "), "{}", run.err);
        }
    }
    let names: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["stamps"], "something was made");
}
