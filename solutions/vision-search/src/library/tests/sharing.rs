//! Several programs on one library, and one that is killed in the middle.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::{Library, Start, View};
use super::{birds, sample};

/// Samples a batch of the writer that is killed.
const BATCH: usize = 200;
/// Tells the test below which library to write to, in a process of its own.
const HOME: &str = "LIBRARY_TEST_HOME";

/// Every batch has both labels or none, and readers never see half of one.
#[test]
fn readers_see_whole_batches_while_one_writes() {
    let (home, _library, dataset) = birds();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (home, done) = (home.path(), &done);
            scope.spawn(move || {
                // A library of its own, as another process has.
                let dataset = Library::open(home).get("birds").unwrap();
                let mut seen = 0;
                while !done.load(Ordering::Relaxed) {
                    let count = dataset.count(&View::new()).unwrap();
                    assert!(count >= seen && count.is_multiple_of(20), "{count} after {seen}");
                    seen = count;
                    if let Ok(labels) = dataset.patch_ids(&View::new().labels("objects", "label == 'b'"), "objects") {
                        assert!(labels.len().is_multiple_of(20) && labels.len() as u64 >= seen);
                        assert!(dataset.contains(&labels).unwrap().into_iter().all(|there| there));
                    }
                }
                assert_eq!(dataset.count(&View::new()).unwrap(), 400);
            });
        }
        for batch in 0..20 {
            let samples = (0..20).map(|at| sample(&format!("/{batch}/{at}.jpg"), None, &["a", "b"])).collect();
            dataset.add(samples).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn writers_of_several_processes_wait_for_each_other() {
    let (home, _library, _) = birds();
    let children: Vec<_> = (0..3).map(|_| writer(home.path(), 5)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let dataset = Library::open(home.path()).get("birds").unwrap();
    assert_eq!(dataset.count(&View::new()).unwrap(), (3 * 5 * BATCH) as u64);
    let info = dataset.info().unwrap();
    assert_eq!(info.fields.iter().map(|field| field.labels).sum::<u64>(), (3 * 5 * BATCH) as u64);
}

#[test]
fn a_killed_writer_leaves_whole_batches() {
    let (home, _library, _) = birds();
    let mut acknowledged = 0;
    for kill in 0..8_u64 {
        let mut child = writer(home.path(), usize::MAX);
        let output = child.stdout.take().unwrap();
        let lines = std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).filter(|line| line.ends_with("written")).count()
        });
        std::thread::sleep(Duration::from_millis(150 + kill * 37));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged += lines.join().unwrap() * BATCH;
        let library = Library::open(home.path());
        let dataset = library.get("birds").unwrap();
        let count = dataset.count(&View::new()).unwrap() as usize;
        assert!(count.is_multiple_of(BATCH), "kill {kill}: {count} samples");
        // At most the batch that was written when the kill came was not announced.
        assert!((acknowledged..=acknowledged + BATCH).contains(&count), "kill {kill}: {count}, not {acknowledged}");
        acknowledged = count;
        let page = dataset.page(&View::new(), Start::At(0), count as u64).unwrap();
        assert!(page.iter().all(|sample| sample.labels("objects").len() == 1));
    }
    assert!(acknowledged > 0, "no writer came to write");
}

/// Starts a process that adds so many batches and says so after each.
fn writer(home: &Path, batches: usize) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "library::tests::sharing::writes_in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env(HOME, home)
        .env("LIBRARY_TEST_BATCHES", batches.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "is what other tests start"]
fn writes_in_a_process_of_its_own() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let batches: usize = std::env::var("LIBRARY_TEST_BATCHES").unwrap().parse().unwrap();
    let dataset = Library::open(Path::new(&home)).get("birds").unwrap();
    let process = std::process::id();
    for batch in 0..batches {
        let name = |at: usize| format!("/{process}/{batch}/{at}.jpg");
        dataset.add((0..BATCH).map(|at| sample(&name(at), None, &["cat"])).collect()).unwrap();
        println!("{batch} written");
    }
}
