//! Kills a writing process at random moments, again and again on the same folder, and proves after every kill that
//! what was acknowledged is there once, and that index, full-text index and rows agree.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bootcamp_core::{Id, LocalStore, Output, PageRequest, SearchRequest, VectorStore, scan};
use bootcamp_testkit::crash::{COLLECTION, IDS, Look, OPTIONS, record, vector};
use bootcamp_testkit::truth::Random;
use futures::TryStreamExt;

const KILLS: u64 = 60;

/// What an id may hold: versions, `None` for "not there". One when the last write was acknowledged; two when the
/// process died between announcing and acknowledging it.
pub(crate) type Expected = HashMap<i64, Vec<Option<u64>>>;

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_or_doubled_by_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(20_261_121);
    let mut expected = Expected::new();
    for kill in 0..KILLS {
        let output = write_and_kill(folder.path(), kill + 1, Duration::from_millis(30 + random.below(400)));
        follow(&output, &mut expected);
        damage_an_index(folder.path(), kill, &mut random);
        let store = LocalStore::open_with(folder.path(), OPTIONS).unwrap();
        if store.list().await.unwrap().is_empty() {
            assert!(expected.is_empty(), "kill {kill}: the collection is gone");
            continue;
        }
        let found = check(&store, &mut expected, kill).await;
        // Every few kills all is indexed first, so that the graph alone must have every row.
        if kill % 5 == 0 {
            store.flush(COLLECTION, None).await.unwrap();
        }
        check_search(&store, &found, &mut random).await;
    }
    assert!(expected.len() as u64 > IDS / 2, "the writer hardly wrote anything: {} ids", expected.len());
}

fn write_and_kill(folder: &Path, seed: u64, after: Duration) -> Vec<String> {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_store-writer"))
        .arg(folder)
        .arg(seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = writer.stdout.take().unwrap();
    let lines = std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).collect());
    std::thread::sleep(after);
    // SIGKILL.
    writer.kill().unwrap();
    let status = writer.wait().unwrap();
    assert!(status.code().is_none(), "the writer ended by itself: {status}");
    lines.join().unwrap()
}

pub(crate) fn follow(lines: &[String], expected: &mut Expected) {
    for line in lines {
        let (ids, what) = line.split_once(' ').unwrap();
        for id in ids.split(',').map(|id| id.parse::<i64>().unwrap()) {
            let states = expected.entry(id).or_insert_with(|| vec![None]);
            match what {
                "deleted" => *states = vec![None],
                "deleting" => states.push(None),
                _ => match what.strip_prefix("writing ") {
                    Some(version) => states.push(Some(version.parse().unwrap())),
                    None => *states = vec![Some(what.parse().unwrap())],
                },
            }
        }
    }
}

/// On a disk that fills up and then can only be read, the writer ends with a clear error, and what was acknowledged
/// before is there, to be read even then.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_read_only_disk_is_a_clear_error_and_loses_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let inside = tempfile::tempdir().unwrap();
    // A small disk of its own, in a mount namespace that goes away with the shell.
    let script = r#"
        mount -t tmpfs -o size=3m tmpfs "$INSIDE" || exit 99
        "$WRITER" "$INSIDE/store" 1 >"$OUTSIDE/lines" 2>"$OUTSIDE/full"; echo $? >"$OUTSIDE/full.code"
        cp -a "$INSIDE/store" "$OUTSIDE/store"
        mount -o remount,ro "$INSIDE"
        "$WRITER" "$INSIDE/store" 2 2>"$OUTSIDE/read-only"; echo $? >"$OUTSIDE/read-only.code"
        "$WRITER" "$INSIDE/new" 2 2>"$OUTSIDE/new"; echo $? >"$OUTSIDE/new.code"
        echo look | "$READER" "$INSIDE/store" anew >"$OUTSIDE/look"
    "#;
    let status = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .env("INSIDE", inside.path())
        .env("OUTSIDE", outside.path())
        .env("WRITER", env!("CARGO_BIN_EXE_store-writer"))
        .env("READER", env!("CARGO_BIN_EXE_store-reader"))
        .status();
    match status {
        Ok(status) if status.success() => {}
        other => {
            eprintln!("skipped: this system lets nobody mount a disk in a namespace of their own ({other:?})");
            return;
        }
    }
    let read = |name: &str| std::fs::read_to_string(outside.path().join(name)).unwrap();
    assert!(read("full").to_lowercase().contains("no space left"), "{}", read("full"));
    assert!(read("read-only").contains("Read-only file system"), "{}", read("read-only"));
    assert!(read("new").contains("Read-only file system"), "{}", read("new"));
    assert_eq!([read("full.code"), read("read-only.code"), read("new.code")], ["7\n"; 3]);

    let lines: Vec<String> = read("lines").lines().map(str::to_owned).collect();
    assert!(lines.len() > 50, "the disk was full too soon: {} lines", lines.len());
    let mut expected = Expected::new();
    follow(&lines, &mut expected);
    let store = LocalStore::open_with(outside.path().join("store"), OPTIONS).unwrap();
    let found = check(&store, &mut expected, 0).await;
    check_search(&store, &found, &mut Random::new(1)).await;
    let look: Look = serde_json::from_str(&read("look")).expect("it can be read where nothing can be written");
    assert_eq!(look.rows, found);
}

/// Every third time an index file is damaged on top: it must be noticed and built anew.
fn damage_an_index(folder: &Path, kill: u64, random: &mut Random) {
    let Ok(entries) = std::fs::read_dir(folder.join("graphs")) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let mut bytes = std::fs::read(&path).unwrap();
        match kill % 6 {
            2 if !bytes.is_empty() => bytes.truncate(random.below(bytes.len() as u64) as usize),
            5 if !bytes.is_empty() => {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
            _ => continue,
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

/// Compares all rows with what may be there; what is found is what must be there next time.
async fn check(store: &LocalStore, expected: &mut Expected, kill: u64) -> BTreeMap<i64, u64> {
    let request = PageRequest { limit: 500, output: Output::Everything, ..PageRequest::default() };
    let rows: Vec<_> = scan(store, COLLECTION, request).try_collect().await.unwrap();
    let mut found = BTreeMap::new();
    for row in rows {
        let Some(Id::Int(id)) = row.id else { panic!("{row:?}") };
        let version = row.fields["version"].as_u64().unwrap();
        assert_eq!(row, record(id, version), "kill {kill}: a row is of two versions");
        assert!(found.insert(id, version).is_none(), "kill {kill}: id {id} is there twice");
    }
    for (id, states) in expected.iter_mut() {
        let now = found.get(id).copied();
        assert!(states.contains(&now), "kill {kill}: id {id} is {now:?}, expected one of {states:?}");
        *states = vec![now];
    }
    assert!(found.keys().all(|id| expected.contains_key(id)), "kill {kill}: a row that was never announced");
    assert_eq!(store.count(COLLECTION, None).await.unwrap(), found.len() as u64, "kill {kill}");
    found
}

/// Every row is found by its vector and by its words.
async fn check_search(store: &LocalStore, found: &BTreeMap<i64, u64>, random: &mut Random) {
    let rows: Vec<_> = found.iter().filter(|_| random.below(10) == 0).collect();
    if rows.is_empty() {
        return;
    }
    let queries = rows.iter().map(|(id, version)| vector(**id, **version).into()).collect();
    let request = SearchRequest::batch("embedding", queries, 1).ef(400).output(Output::ids());
    for (hits, (id, _)) in store.search(COLLECTION, &request).await.unwrap().iter().zip(&rows) {
        assert_eq!((&hits[0].id, hits[0].score), (&Id::Int(**id), 0.0));
    }
    for (id, version) in rows.iter().take(20) {
        let request = SearchRequest::text("words", format!("version{version} id{id}"), 1).output(Output::ids());
        assert_eq!(store.search(COLLECTION, &request).await.unwrap()[0][0].id, Id::Int(**id));
    }
}
