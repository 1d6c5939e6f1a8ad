//! What people read: help, tables and messages, as snapshots of the program.

use bootcamp_testkit::program::Home;

use crate::made::{SAMPLES, birds, vectors, write_npy};

/// A snapshot of a command, without what differs between machines.
fn check(home: &Home, name: &str, arguments: &[&str]) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"/tmp/\.tmp[A-Za-z0-9]+", "[HOME]");
    settings.add_filter(r"\d+\.\d s\b", "[TIME] s");
    // Ids come from paths, and folders of tests have random names.
    settings.add_filter(r"\b[0-9a-f]{24}\b", "[ID]");
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, home.run(arguments).shown()));
}

#[test]
fn help() {
    let home = crate::home();
    check(&home, "help", &["--help"]);
    check(&home, "help-compute-similarity", &["compute-similarity", "--help"]);
    check(&home, "help-sort-by-similarity", &["sort-by-similarity", "--help"]);
    check(&home, "help-dataset", &["dataset", "--help"]);
    check(&home, "help-runs", &["runs", "--help"]);
}

/// The ids of all birds in their order, and the numbers in the names of their pictures.
fn numbers(home: &Home) -> Vec<(String, usize)> {
    let samples = home.json(&["samples", "birds", "--take", "100"]);
    let number = |sample: &serde_json::Value| {
        let path = sample["filepath"].as_str().unwrap();
        path.rsplit_once('-').unwrap().1.trim_end_matches(".png").parse().unwrap()
    };
    let samples = samples["samples"].as_array().unwrap();
    samples.iter().map(|sample| (sample["id"].as_str().unwrap().to_owned(), number(sample))).collect()
}

#[test]
fn datasets_and_runs() {
    let home = birds();
    let birds = numbers(&home);
    let vectors = vectors(SAMPLES);
    let in_order: Vec<Vec<f32>> = birds.iter().map(|(_, number)| vectors[*number].clone()).collect();
    write_npy(&home.path().join("e.npy"), &in_order);
    let (first, _) = birds.iter().find(|(_, number)| *number == 0).unwrap();
    check(&home, "dataset-list", &["dataset", "list"]);
    check(&home, "dataset-info", &["dataset", "info", "birds"]);
    check(&home, "compute", &["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy"]);
    check(&home, "compute-again", &["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy"]);
    check(&home, "sort", &["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", first, "-k", "3"]);
    check(&home, "runs-list", &["runs", "list", "birds"]);
    check(&home, "runs-info", &["runs", "info", "birds", "sim"]);
    check(&home, "uniqueness", &["uniqueness", "birds", "--brain-key", "sim", "--quiet"]);
    let duplicates = home.run(&["duplicates", "birds", "--brain-key", "sim", "--threshold", "0.3"]);
    assert!(duplicates.out.starts_with("8 groups of 16 near-duplicates within 0.3\n"), "{}", duplicates.out);
    check(&home, "export", &["dataset", "export", "birds", "out", "--format", "classification-tree", "--quiet"]);
    check(&home, "runs-delete", &["runs", "delete", "birds", "sim"]);
    check(&home, "dataset-delete", &["dataset", "delete", "birds"]);
}

#[test]
fn mistakes() {
    let home = birds();
    check(&home, "no-such-dataset", &["dataset", "info", "brids"]);
    check(&home, "no-such-run", &["runs", "info", "birds", "sim"]);
    check(&home, "no-such-field", &["samples", "birds", "--filter", "weight > 3"]);
    check(&home, "no-patches", &["compute-similarity", "birds", "--brain-key", "p", "--patches-field", "tags"]);
    check(&home, "no-such-model", &["compute-similarity", "birds", "--brain-key", "p", "--model", "efficientnet"]);
    check(
        &home,
        "bad-key",
        &["compute-similarity", "birds", "--brain-key", "p-1", "--embeddings", "none", "--dim", "3"],
    );
    check(&home, "bad-metric", &["compute-similarity", "birds", "--brain-key", "p", "--metric", "cos"]);
    check(&home, "no-format", &["dataset", "import", "birds/data/bird-00.png"]);
    check(&home, "not-there", &["dataset", "import", "nowhere"]);
}

#[test]
fn settings() {
    let home = crate::home().with(
        "brain.json",
        r#"{"similarity_backends": {"milvus": {"uri": "https://me:pass@example.org", "password": "123", "user": "me"}}}"#,
    );
    let mut command = home.command(&["config"]);
    command.env("FIFTYONE_BRAIN_CONFIG_PATH", "brain.json").env("FIFTYONE_BRAIN_SIMILARITY_MILVUS_METRIC", "cosine");
    let run = bootcamp_testkit::program::Run::of(command.output().unwrap());
    assert!(!run.out.contains("123") && !run.out.contains("pass@"), "{}", run.out);
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("config", run.shown()));
}
