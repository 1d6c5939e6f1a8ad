//! Trainings that are killed: the model before still answers, and what they left goes.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bootcamp_testkit::truth::Random;

use crate::{titles, trained};

const KILLS: usize = 12;

#[test]
fn a_killed_training_leaves_the_old_model_and_goes_on() {
    let home = trained();
    let before = home.json(&["recommend", "u0", "-k", "5"]);
    let current = home.json(&["trainings"])["current"].clone();
    let slow = ["train", "--epochs", "3000", "--factors", "48", "--solver", "cholesky", "-q"];
    let mut random = Random::new(5);
    let checkpoint = home.path().join("data/media/recommender/training.checkpoint");
    for _ in 0..KILLS {
        let mut child = home.command(&slow).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&checkpoint);
        std::thread::sleep(Duration::from_millis(random.below(300)));
        // SIGKILL.
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(home.json(&["trainings"])["current"], current);
        assert_eq!(home.json(&["recommend", "u0", "-k", "5"]), before, "the old model answers as before");
    }
    assert!(checkpoint.exists());
    // With the same parameters it goes on; with others it begins anew, and what was there is gone.
    let resumed = home.json(&[&slow[..6], &["cholesky"]].concat());
    assert!(resumed["resumed_after_epoch"].as_u64().unwrap() > 0, "{resumed}");
    assert!(!checkpoint.exists());
    assert_ne!(home.json(&["trainings"])["current"], current);
    assert!(titles(&home.json(&["recommend", "u0", "-k", "5"])).iter().all(|title| title.starts_with("Comedy")));
}

#[test]
fn kills_while_vectors_are_written_leave_nothing() {
    let home = trained();
    let mut random = Random::new(8);
    for _ in 0..KILLS {
        let mut child = home.command(&["train", "-q"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(30 + random.below(300)));
        let _ = child.kill();
        child.wait().unwrap();
        let hits = titles(&home.json(&["recommend", "u0", "-k", "5"]));
        assert!(hits.len() == 5 && hits.iter().all(|title| title.starts_with("Comedy")), "{hits:?}");
    }
    home.json(&["train"]);
    let models = home.json(&["trainings"]);
    assert!(models["models"].as_array().unwrap().len() <= 2, "the one that counts and the one before: {models}");
    // Dropped as a whole.
    assert_eq!(home.run(&["drop", "--yes"]).code, Some(0));
    let run = home.run(&["trainings", "--json"]);
    assert!(run.out.contains("\"models\":[]"), "{}", run.shown());
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}
