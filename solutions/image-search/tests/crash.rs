//! An import that is killed again and again ends with exactly the pictures, none doubled, none half there.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bootcamp_testkit::program::Server;
use bootcamp_testkit::truth::Random;
use serde_json::Value;

use crate::program::Home;

const KILLS: usize = 20;
const PICTURES: usize = 160;

#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    let home = Home::new().with_stamps(PICTURES);
    let mut random = Random::new(20_261_121);
    let mut counts = Vec::new();
    for _ in 0..KILLS {
        let mut command = home.command(&["import", "stamps", "-q"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100 + random.below(900)));
        // SIGKILL; an import that was quicker has nothing left to do the next time.
        let _ = child.kill();
        child.wait().unwrap();
        let run = home.run(&["count", "--json"]);
        if run.code == Some(0) {
            counts.push(serde_json::from_str::<Value>(&run.out).unwrap()["count"].as_u64().unwrap());
        }
    }
    assert!(counts.is_sorted(), "nothing that was in is lost: {counts:?}");
    let report = home.json(&["import", "stamps"]);
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(number("unchanged"), counts.last().copied().unwrap_or_default(), "what is in is not read again");
    assert_eq!((number("unchanged") + number("added"), number("replaced")), (PICTURES as u64, 0));

    let run = home.run(&["list", "--limit", "0", "--json"]);
    let items: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut paths: Vec<_> = items.iter().map(|item| item["fields"]["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    let expected: Vec<_> =
        home.stamps().iter().map(|path| path.canonicalize().unwrap().display().to_string()).collect();
    assert_eq!(paths, expected);
    // Each finds itself: vectors, index and fields belong together.
    for item in items.iter().step_by(16) {
        let path = item["fields"]["path"].as_str().unwrap();
        let hits = home.json(&["search", path, "-k", "3"]);
        let found = hits["hits"].as_array().unwrap().iter().any(|hit| hit["id"] == item["id"]);
        assert!(found, "{path}: {hits}");
    }
}

#[test]
fn what_a_killed_server_was_receiving_is_gone_at_the_next_start() {
    let home = Home::new().with_stamps(3);
    assert_eq!(home.run(&["import", "stamps", "-q"]).code, Some(0));
    let spool = home.path().join("data/media/.spool");
    let bystander = Server::start(&home, &["--store", "other", "--media", "data/media"]);
    let receiving = [bystander, Server::start(&home, &[])].map(|server| (half_an_upload(&server), server));
    wait_until(|| spooled(&spool) == 2);
    let [bystander, (upload, server)] = receiving;
    // SIGKILL.
    drop(server);
    drop(upload);
    assert_eq!(spooled(&spool), 2, "nobody was left to remove it");
    let mut server = Server::start(&home, &[]);
    assert_eq!(spooled(&spool), 1, "the other server's file is its own");
    drop(bystander.0);
    wait_until(|| spooled(&spool) == 0);
    assert_eq!(server.stop(), Some(0));
}

/// A connection over which 4 of 20 MB of a file were sent.
fn half_an_upload(server: &Server) -> TcpStream {
    let host = server.address.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST /api/v1/items HTTP/1.1\r\nHost: {host}\r\nContent-Length: 20000000\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(&vec![7; 4_000_000]).unwrap();
    connection
}

fn spooled(spool: &Path) -> usize {
    let folders = std::fs::read_dir(spool).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.filter(|file| file.file_name().to_string_lossy().starts_with("file-")).count()
}

fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}
