//! An import that is killed again and again ends with what one that was not would have: windows and fingerprints.

use std::process::Stdio;
use std::time::Duration;

use bootcamp_core::{LocalStore, Output, PageRequest, VectorStore};
use bootcamp_testkit::program::Home;
use bootcamp_testkit::truth::Random;

use crate::sounds::{music, part, wav};
use crate::{hits, home, import, paths, put, text};

const KILLS: usize = 12;
const TRACKS: u64 = 24;

fn tracks(home: &Home) {
    for seed in 0..TRACKS {
        put(home, &format!("sounds/{seed}.wav"), &wav(&music(seed, 6.0 + seed as f64)));
    }
}

/// How many windows and fingerprints there are, and whose.
fn stored(home: &Home) -> Vec<Vec<(String, String)>> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = LocalStore::open_read_only(home.path().join("data")).unwrap();
        let mut all = Vec::new();
        for (collection, place) in [("audio_search", "start"), ("audio_search_fingerprints", "at")] {
            let request = PageRequest { limit: 10_000, output: Output::Scalars, ..PageRequest::default() };
            let page = store.page(collection, &request).await.unwrap();
            // Sounds of two homes have other ids, but the same places.
            let mut rows: Vec<(String, String)> =
                page.records.iter().map(|record| (String::new(), record.fields[place].to_string())).collect();
            rows.sort();
            all.push(rows);
        }
        all
    })
}

#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    let home = home();
    tracks(&home);
    let mut random = Random::new(20_261_128);
    let mut counts = Vec::new();
    for _ in 0..KILLS {
        let mut command = home.command(&["import", "sounds", "-q"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300 + random.below(2500)));
        // SIGKILL; an import that was quicker has nothing left to do the next time.
        let _ = child.kill();
        child.wait().unwrap();
        let run = home.run(&["count", "--filter", "id == source", "--json"]);
        if run.code == Some(0) {
            counts.push(serde_json::from_str::<serde_json::Value>(&run.out).unwrap()["count"].as_u64().unwrap());
        }
    }
    assert!(counts.is_sorted(), "nothing that was in is lost: {counts:?}");
    import(&home);
    let unharmed = crate::home();
    tracks(&unharmed);
    import(&unharmed);
    assert_eq!(stored(&home), stored(&unharmed));
    for seed in (0..TRACKS).step_by(5) {
        let query = put(&home, "query.wav", &wav(&part(&music(seed, 6.0 + seed as f64), 0.7, 5.0)));
        let found = hits(&home, &[text(&query), "--mode", "same"]);
        assert_eq!(paths(&found)[0].file_stem().unwrap(), seed.to_string().as_str(), "{found:?}");
    }
}
