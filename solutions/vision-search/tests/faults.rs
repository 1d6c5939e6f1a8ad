//! What goes wrong between datasets, embeddings and stores, and what the program says and does about it.

use bootcamp_testkit::program::Home;
use serde_json::json;

use crate::made::{DIM, SAMPLES, assert_hits, birds, ids, ranking, vectors, write_npy};

/// A dataset with an index `sim` of given embeddings.
fn indexed() -> (Home, Vec<String>, Vec<Vec<f32>>) {
    let home = birds();
    let (ids, vectors) = (ids(&home, None), vectors(SAMPLES));
    write_npy(&home.path().join("e.npy"), &vectors);
    home.json(&["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy"]);
    (home, ids, vectors)
}

/// Fails unless the command ends with this code and says this.
#[track_caller]
fn refused(home: &Home, code: i32, words: &[&str], arguments: &[&str]) {
    let run = home.run(arguments);
    assert_eq!(run.code, Some(code), "{arguments:?}: {} {}", run.out, run.err);
    for word in words {
        assert!(run.err.contains(word), "'{word}' is not in: {}", run.err);
    }
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn a_query_id_that_is_not_in_the_index_is_named() {
    let (home, ids, _) = indexed();
    let missing = "00000000000000000000abcd";
    let sort = ["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", &ids[0], "-Q", missing];
    refused(&home, 4, &["the index 'sim' has no 00000000000000000000abcd"], &sort);
    refused(
        &home,
        3,
        &["cannot embed words", "id or a vector"],
        &["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", "a swan"],
    );
    refused(
        &home,
        4,
        &["there is no file swan.jpg"],
        &["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", "swan.jpg"],
    );
}

#[test]
fn removed_samples_do_not_count() {
    let (home, ids, vectors) = indexed();
    let all = ranking("dotproduct", &vectors[5], &ids, &vectors);
    let nearest: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).filter(|id| *id != ids[5]).take(5).collect();
    std::fs::write(home.path().join("nearest.txt"), nearest.join("\n")).unwrap();
    let removed = home.json(&["dataset", "remove", "birds", "--ids-from", "nearest.txt"]);
    assert_eq!(removed["removed"], 5);
    let sort = ["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", &ids[5], "-k", "10"];
    let body = home.json(&sort);
    let left: Vec<_> = all.iter().filter(|(id, _)| !nearest.contains(&id.as_str())).cloned().collect();
    assert_hits(&body, &left[..10]);
    assert!(body["orphaned"].as_u64().unwrap() >= 5, "{body}");
    let counts = home.json(&["index", "counts", "birds", "sim"]);
    assert_eq!(counts, json!({"index": SAMPLES, "view": SAMPLES - 5, "missing": 0, "orphaned": 5}));
    assert_eq!(home.json(&["index", "remove", "birds", "sim", "--orphans"])["removed"], 5);
    assert_eq!(home.json(&sort)["orphaned"], 0);
}

#[test]
fn embeddings_that_do_not_fit_leave_no_run() {
    let home = birds();
    let mut vectors = vectors(SAMPLES);
    let path = home.path().join("e.npy");
    let compute = ["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy"];
    write_npy(&path, &vectors[1..]);
    refused(&home, 3, &["there are 39 embeddings for 40 samples"], &compute);
    std::fs::write(&path, b"no array").unwrap();
    refused(&home, 3, &["e.npy is not a NumPy file"], &compute);
    vectors[7][2] = f32::NAN;
    write_npy(&path, &vectors);
    let id = &ids(&home, None)[7];
    refused(&home, 3, &[&format!("the embedding of {id} is NaN at position 2"), "--skip-failures"], &compute);
    assert_eq!(home.json(&["runs", "list", "birds"]), json!([]), "no key is left behind");
    // The same command, with what is missing, continues; the one that cannot be taken is named.
    let again = home.run(&[&compute[..], &["--skip-failures", "--json"]].concat());
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert!(again.out.contains("\"skipped\":1") && again.err.contains(id), "{} {}", again.out, again.err);
    assert_eq!(home.json(&["index", "counts", "birds", "sim"])["index"], SAMPLES - 1);
}

#[test]
fn a_run_that_was_begun_goes_on_with_the_same_settings_only() {
    let home = birds();
    let mut vectors = vectors(SAMPLES);
    vectors[SAMPLES - 1][0] = f32::INFINITY;
    write_npy(&home.path().join("e.npy"), &vectors);
    let compute = ["compute-similarity", "birds", "--brain-key", "sim", "--embeddings", "e.npy"];
    refused(&home, 3, &["is inf at position 0"], &compute);
    let other = [&compute[..], &["--metric", "euclidean"]].concat();
    refused(&home, 4, &["'sim' was begun with other settings", "runs cleanup"], &other);
    let cleaned = home.json(&["runs", "cleanup", "birds", "sim"]);
    assert_eq!(cleaned["dropped"], true);
    vectors[SAMPLES - 1][0] = 1.0;
    write_npy(&home.path().join("e.npy"), &vectors);
    let computed = home.json(&other);
    assert_eq!((&computed["added"], &computed["collection_name"]), (&json!(SAMPLES), &json!("fiftyone_birds")));
    refused(&home, 4, &["there is a run 'sim' already"], &compute);
}

#[test]
fn ids_that_come_twice_are_there_once() {
    let (home, ids, vectors) = indexed();
    let twice: Vec<&str> = ids[..10].iter().chain(&ids[..10]).map(String::as_str).collect();
    std::fs::write(home.path().join("ids.txt"), twice.join("\n")).unwrap();
    let double: Vec<Vec<f32>> = vectors[..10].iter().chain(&vectors[10..20]).cloned().collect();
    write_npy(&home.path().join("twice.npy"), &double);
    let add = ["index", "add", "birds", "sim", "--embeddings", "twice.npy", "--ids", "ids.txt"];
    assert_eq!(home.json(&add), json!({"added": 0, "overwritten": 10, "kept": 0}));
    let counts = home.json(&["index", "counts", "birds", "sim"]);
    assert_eq!(counts["index"], SAMPLES);
    // The last of each counts.
    let first = home.run(&["index", "embeddings", "birds", "sim", "--ids", &ids[0]]);
    let entry: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(entry["vector"], json!(vectors[10]));
    let keep = [&add[..], &["--keep-existing"]].concat();
    assert_eq!(home.json(&keep), json!({"added": 0, "overwritten": 0, "kept": 10}));
    let refuse = [&add[..8], &["--refuse-existing"]].concat();
    refused(&home, 3, &["the index has", "and 7 others already"], &refuse);
    std::fs::write(home.path().join("ids.txt"), "ids").unwrap();
    refused(&home, 3, &["ids.txt:1: 'ids' is not an id"], &add);
}

#[test]
fn a_collection_that_somebody_drops_is_missed() {
    let (home, ids, _) = indexed();
    std::fs::remove_dir_all(home.path().join("data/vision/similarity")).unwrap();
    let sort = ["sort-by-similarity", "birds", "--brain-key", "sim", "-Q", &ids[0]];
    refused(&home, 4, &["the collection 'fiftyone_birds' of the run 'sim' does not exist any more", "hint:"], &sort);
    assert_eq!(home.json(&["runs", "cleanup", "birds", "sim"])["dropped"], false);
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let (home, ..) = indexed();
    let compute = [
        "compute-similarity",
        "birds",
        "--brain-key",
        "far",
        "--embeddings",
        "e.npy",
        "--backend",
        "milvus",
        "--milvus-uri",
        "http://127.0.0.1:9",
    ];
    refused(&home, 5, &["127.0.0.1:9"], &compute);
    assert_eq!(home.json(&["runs", "list", "birds"]).as_array().unwrap().len(), 1);
}

#[test]
fn collections_of_another_shape_are_not_attached() {
    let (home, ..) = indexed();
    let attach = ["compute-similarity", "birds", "--brain-key", "b", "--collection-name", "fiftyone_birds"];
    let wide: Vec<Vec<f32>> = vectors(SAMPLES).into_iter().map(|vector| vector[1..].to_vec()).collect();
    write_npy(&home.path().join("narrow.npy"), &wide);
    let message = format!("has dimension {DIM}, but the embeddings have 7");
    refused(&home, 3, &[&message], &[&attach[..], &["--embeddings", "narrow.npy"]].concat());
    let other = [&attach[..], &["--embeddings", "e.npy", "--metric", "cosine"]].concat();
    refused(&home, 3, &["has the metric dotproduct, not cosine"], &other);
    // Two runs on one collection are possible, but not without a word.
    let shared = home.run(&[&attach[..], &["--embeddings", "none"]].concat());
    assert_eq!(shared.code, Some(0), "{}", shared.err);
    assert!(shared.err.contains("is also used by birds/sim"), "{}", shared.err);
}

#[test]
fn clones_share_no_collection() {
    let (home, ids, _) = indexed();
    let cloned = home.json(&["dataset", "clone", "birds", "copy"]);
    assert_eq!(cloned, json!({"samples": SAMPLES, "runs_left_out": ["sim"]}));
    refused(&home, 4, &["has no run 'sim'"], &["sort-by-similarity", "copy", "--brain-key", "sim", "-Q", &ids[0]]);
}

#[test]
fn pictures_that_moved_are_found_again() {
    let (home, ids, _) = indexed();
    std::fs::rename(home.path().join("birds"), home.path().join("moved")).unwrap();
    std::fs::remove_file(home.path().join("moved/data/bird-03.png")).unwrap();
    let moved = home.run(&["dataset", "relocate", "birds", "birds", "moved", "--json"]);
    assert_eq!(moved.code, Some(2), "{}", moved.err);
    let body: serde_json::Value = serde_json::from_str(&moved.out).unwrap();
    assert_eq!((&body["changed"], &body["missing"]), (&json!(SAMPLES - 1), &json!(1)));
    assert_eq!(crate::made::ids(&home, None), ids, "ids stay");
}

#[test]
fn an_index_of_patches_knows_samples_and_labels() {
    let home = birds();
    let labels = ids(&home, Some("ground_truth"));
    assert_eq!(labels.len(), SAMPLES + SAMPLES / 4);
    let vectors = vectors(labels.len());
    write_npy(&home.path().join("p.npy"), &vectors);
    let compute = [
        "compute-similarity",
        "birds",
        "--brain-key",
        "patches",
        "--patches-field",
        "ground_truth",
        "--embeddings",
        "p.npy",
        "--metric",
        "cosine",
    ];
    assert_eq!(home.json(&compute)["added"], labels.len());
    let sort = ["sort-by-similarity", "birds", "--brain-key", "patches", "-Q", &labels[2], "-k", "6"];
    let all = ranking("cosine", &vectors[2], &labels, &vectors);
    assert_hits(&home.json(&sort), &all[..6]);
    // Only patches of owls.
    let patches = home.json(&[
        "samples",
        "birds",
        "--patches",
        "ground_truth",
        "--labels",
        "ground_truth: label == \"owl\"",
        "--take",
        "100",
    ]);
    let owls: Vec<&str> =
        patches["patches"].as_array().unwrap().iter().map(|patch| patch["label"]["id"].as_str().unwrap()).collect();
    assert_eq!(owls.len(), SAMPLES / 4);
    let of_owls: Vec<_> = all.iter().filter(|(id, _)| owls.contains(&id.as_str())).cloned().collect();
    let within = [&sort[..], &["--labels", "ground_truth: label == \"owl\""]].concat();
    assert_hits(&home.json(&within), &of_owls[..6]);
    // All embeddings of a sample, which FiftyOne's Milvus backend gives none of.
    let sample = patches["patches"][0]["sample"].as_str().unwrap();
    let of_sample = home.run(&["index", "embeddings", "birds", "patches", "--of-samples", sample]);
    assert_eq!(of_sample.out.lines().count(), 2, "{}", of_sample.out);
    refused(
        &home,
        4,
        &["give ids of labels in 'ground_truth'"],
        &["sort-by-similarity", "birds", "--brain-key", "patches", "-Q", sample],
    );
}

#[test]
fn several_queries_are_what_their_aggregation_says() {
    let (home, ids, vectors) = indexed();
    for aggregation in ["min", "max", "post-mean"] {
        let sort = [
            "sort-by-similarity",
            "birds",
            "--brain-key",
            "sim",
            "-Q",
            &ids[1],
            "-Q",
            &ids[2],
            "-Q",
            &ids[9],
            "-k",
            "7",
            "--aggregation",
            aggregation,
        ];
        let queries = [1, 2, 9].map(|at| &vectors[at]);
        let mut expected: Vec<(String, f64)> = ids
            .iter()
            .zip(&vectors)
            .map(|(id, vector)| {
                let distances = queries.map(|query| crate::made::distance("dotproduct", query, vector));
                let distance = match aggregation {
                    "min" => distances.into_iter().fold(f64::INFINITY, f64::min),
                    "max" => distances.into_iter().fold(f64::NEG_INFINITY, f64::max),
                    _ => distances.iter().sum::<f64>() / 3.0,
                };
                (id.clone(), distance)
            })
            .collect();
        expected.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        assert_hits(&home.json(&sort), &expected[..7]);
    }
}
