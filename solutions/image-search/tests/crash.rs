//! An import that is killed again and again ends with exactly the pictures, none doubled, none half there.

use std::process::Stdio;
use std::time::Duration;

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
