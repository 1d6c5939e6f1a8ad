//! The same recording, whatever happened to it; and nothing where there is none.

use std::path::PathBuf;
use std::sync::Arc;

use audio_search::fingerprints::Index;
use audio_search::{AudioSearch, PROGRAM};
use bootcamp_core::{Access, Output, PageRequest, VectorStore};
use bootcamp_kit::{GlobalArgs, Settings, Solution};
use bootcamp_testkit::program::Home;
use serde_json::Value;

use crate::sounds::{echoing, equalised, faster, halved, hiss, louder, music, noisy, part, wav, wav_at};
use crate::{hits, home, import, put, report, text};

const TRACKS: u64 = 10;
const SECONDS: f64 = 30.0;

/// Some tracks, imported.
fn tracks() -> (Home, Vec<PathBuf>) {
    let home = home();
    let put = |seed| put(&home, &format!("sounds/track{seed}.wav"), &wav(&music(seed, SECONDS)));
    let paths = (0..TRACKS).map(put).collect();
    import(&home);
    (home, paths)
}

/// The hits and notes of a search for a recording.
fn same(home: &Home, samples: &[f32], more: &[&str]) -> (Vec<Value>, String) {
    put(home, "query.wav", &wav(samples));
    let found = home.json(&[&["search", "query.wav", "--mode", "same"], more].concat());
    (found["hits"].as_array().unwrap().clone(), found["notes"].to_string())
}

#[test]
fn an_excerpt_finds_its_recording_and_the_place_in_it() {
    let (home, paths) = tracks();
    type Distortion = (&'static str, fn(&[f32]) -> Vec<f32>, usize);
    let distortions: [Distortion; 9] = [
        ("as it is", <[f32]>::to_vec, 10),
        ("noise at 10 dB", |x| noisy(x, 10.0, 5), 10),
        ("louder, clipped", |x| louder(x, 4.0), 9),
        ("much quieter", |x| louder(x, 0.02), 10),
        ("equalised", |x| equalised(&equalised(x, 200.0, -6.0), 2000.0, 6.0), 9),
        ("2 % faster", |x| faster(x, 1.02), 10),
        ("2 % slower", |x| faster(x, 0.98), 10),
        ("1 % faster", |x| faster(x, 1.01), 10),
        ("in a room", echoing, 8),
    ];
    for (what, distort, least) in distortions {
        let (mut right, mut worst) = (0, 0.0_f64);
        for seed in 0..TRACKS {
            let from = 3.3 + 2.17 * seed as f64;
            let (found, _) = same(&home, &distort(&part(&music(seed, SECONDS), from, 5.0)), &["-k", "3"]);
            let Some(first) = found.first() else { continue };
            let path = first["fields"]["path"].as_str().unwrap();
            assert_eq!(path, text(&paths[seed as usize]), "{what}: another recording");
            assert_eq!(found.len(), 1, "{what}: no other recording");
            let offset = first["details"]["offset"].as_f64().unwrap();
            worst = worst.max((offset - from).abs());
            let span = &first["span"];
            let (start, end) = (span["start"].as_f64().unwrap(), span["end"].as_f64().unwrap());
            assert!((start - offset).abs() < 0.01 && (end - start - 5.0).abs() < 0.15, "{what}: {span}");
            right += 1;
        }
        println!("{what}: {right} of {TRACKS}, at most {worst:.3} s off");
        assert!(right >= least, "{what}: {right} of {TRACKS}");
        assert!(worst < 0.2, "{what}: {worst} s off");
    }
}

#[test]
fn what_is_in_no_recording_is_not_found() {
    let (home, _) = tracks();
    for seed in 100..115 {
        let (found, notes) = same(&home, &music(seed, 5.0 + (seed % 4) as f64 * 3.0), &[]);
        assert_eq!((found.len(), notes.as_str()), (0, r#"["no recording matches"]"#), "{seed}: {found:?}");
    }
    let (found, _) = same(&home, &hiss(1, 8.0, 0.3), &[]);
    assert_eq!(found, Vec::<Value>::new(), "noise is like all noise");
    let (found, notes) = same(&home, &part(&music(1, SECONDS), 4.0, 2.0), &[]);
    assert!(found.is_empty() && notes.contains("too short to be recognised (2.0 s, at least 3.6 s)"), "{notes}");
    let refused = home.run(&["search", "query.wav", "query.wav", "--mode", "same"]);
    assert!(refused.code == Some(3) && refused.err.contains("takes one sound"), "{}", refused.err);
}

#[test]
fn parts_of_queries_and_stored_items_are_searched_for_too() {
    let (home, paths) = tracks();
    let track = music(3, SECONDS);
    // Something else, and then a part of a recording.
    let query = [music(77, 6.0), part(&track, 12.0, 8.0)].concat();
    let (found, _) = same(&home, &query, &["--from", "0:06", "--to", "14"]);
    let offset = |hit: &Value| hit["details"]["offset"].as_f64().unwrap();
    assert!((offset(&found[0]) - 12.0).abs() < 0.2, "{found:?}");
    // It begins before the recording does.
    let (found, _) = same(&home, &[hiss(4, 4.0, 0.1), part(&track, 0.0, 9.0)].concat(), &[]);
    assert!((offset(&found[0]) + 4.0).abs() < 0.2 && found[0]["span"]["start"] == 0.0, "{found:?}");
    // The same recording as a file of its own: by id, its own sound is no answer.
    let copy = put(&home, "sounds/copy.wav", &wav_at(&louder(&part(&track, 5.0, 20.0), 0.5), 44_100, 2));
    import(&home);
    let id = home.json(&["show", text(&copy)])["id"].as_str().unwrap().to_owned();
    let found = hits(&home, &[&id, "--mode", "same"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["fields"]["path"], text(&paths[3]));
    assert!((offset(&found[0]) - 5.0).abs() < 0.2, "{found:?}");
    let found = hits(&home, &[&id, "--mode", "same", "--from", "10"]);
    assert!((offset(&found[0]) - 15.0).abs() < 0.2, "{found:?}");
    // A filter is about the sounds that are found.
    assert!(hits(&home, &[&id, "--mode", "same", "--filter", "channels == 2"]).is_empty());
}

#[test]
fn a_jingle_is_found_each_time_it_comes() {
    let home = home();
    let jingle = music(50, 6.0);
    let broadcast = [music(51, 8.0), jingle.clone(), music(52, 10.0), jingle.clone(), music(53, 5.0)].concat();
    put(&home, "sounds/broadcast.wav", &wav(&broadcast));
    import(&home);
    let (found, _) = same(&home, &jingle, &["--moments", "5"]);
    let mut starts: Vec<f64> = found.iter().map(|hit| hit["details"]["offset"].as_f64().unwrap()).collect();
    starts.sort_by(f64::total_cmp);
    assert!(starts.len() == 2 && (starts[0] - 8.0).abs() < 0.2 && (starts[1] - 24.0).abs() < 0.2, "{starts:?}");
    assert_eq!(same(&home, &jingle, &["--moments", "1"]).0.len(), 1);
}

#[test]
fn the_same_recording_in_other_formats_is_grouped() {
    let home = home();
    let (one, other) = (music(1, 20.0), music(2, 20.0));
    put(&home, "sounds/a.wav", &wav(&one));
    put(&home, "sounds/a-quiet-stereo.wav", &wav_at(&louder(&one, 0.3), 44_100, 2));
    put(&home, "sounds/a-half-rate.wav", &wav_at(&halved(&one), 22_050, 1));
    put(&home, "sounds/a-part.wav", &wav(&part(&one, 7.0, 9.0)));
    put(&home, "sounds/b.wav", &wav(&other));
    let short = wav(&music(9, 1.0));
    put(&home, "sounds/short.wav", &short);
    put(&home, "sounds/short-again.wav", &short);
    put(&home, "sounds/short-too.wav", &wav(&music(10, 1.0)));
    import(&home);
    let found = home.json(&["duplicates"]);
    let mut groups: Vec<Vec<(String, Option<f64>)>> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let item = |item: &Value| (item["title"].as_str().unwrap().to_owned(), item["fields"]["offset"].as_f64());
            let mut items: Vec<_> = group["items"].as_array().unwrap().iter().map(item).collect();
            items.sort_by(|a, b| a.0.cmp(&b.0));
            items
        })
        .collect();
    groups.sort_by(|a, b| a[0].0.cmp(&b[0].0));
    let titles: Vec<Vec<&str>> =
        groups.iter().map(|group| group.iter().map(|(title, _)| title.as_str()).collect()).collect();
    let first = vec!["a-half-rate.wav", "a-part.wav", "a-quiet-stereo.wav", "a.wav"];
    assert_eq!(titles, [first, vec!["short-again.wav", "short.wav"]], "{found}");
    let offset = groups[0][1].1.unwrap();
    assert!((offset - 7.0).abs() < 0.2, "the part begins at 7 s: {offset}");
    let none = home.json(&["duplicates", "--threshold", "1.01"]);
    assert_eq!(none["groups"].as_array().unwrap().len(), 1, "only the same bytes: {none}");
}

/// The program's solution on the store of a folder.
async fn opened(home: &Home) -> AudioSearch {
    let args = GlobalArgs { store: Some(text(&home.path().join("data")).to_owned()), ..GlobalArgs::default() };
    let mut settings = Settings::read(&args).unwrap();
    settings.access = Access::WriteAs("test".to_owned());
    AudioSearch::new(settings.open(&PROGRAM.facts, Arc::new(|_| {})).await.unwrap())
}

/// The fingerprints that are stored: of which sound, and where they begin.
async fn stored(store: &dyn VectorStore) -> Vec<(String, i64)> {
    let request = PageRequest { limit: 10_000, output: Output::Scalars, ..PageRequest::default() };
    let page = store.page("audio_search_fingerprints", &request).await.unwrap();
    let row = |fields: &bootcamp_core::Fields| {
        (fields["source"].as_str().unwrap().to_owned(), fields["at"].as_i64().unwrap())
    };
    let mut rows: Vec<_> = page.records.iter().map(|record| row(&record.fields)).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn fingerprints_follow_their_sounds() {
    let home = home();
    let (old, new) = (music(1, 20.0), music(2, 10.0));
    let path = put(&home, "sounds/a.wav", &wav(&old));
    put(&home, "sounds/b.wav", &wav(&music(3, 12.0)));
    put(&home, "sounds/c.wav", &wav(&music(4, 12.0)));
    import(&home);
    let find = |samples: &[f32]| same(&home, &part(samples, 2.0, 6.0), &[]).0.len();
    assert_eq!((find(&old), find(&new)), (1, 0));
    // A new version takes the place of the old one, which was longer.
    std::fs::write(&path, wav(&new)).unwrap();
    import(&home);
    assert_eq!((find(&old), find(&new)), (0, 1));
    let replaced = {
        let solution = opened(&home).await;
        stored(&*solution.context().store).await
    };
    let id = |name: &str| home.json(&["show", &format!("sounds/{name}.wav")])["id"].as_str().unwrap().to_owned();
    let (a, b) = (id("a"), id("b"));
    let of = |rows: &[(String, i64)], source: &str| rows.iter().filter(|row| row.0 == source).count();
    assert!(of(&replaced, &a) < of(&replaced, &b), "nothing is left of the longer version: {replaced:?}");
    // Removed: not found any more, and swept when nothing may be on its way.
    assert!(home.json(&["remove", "--source", "sounds/b.wav"])["removed"].as_u64().unwrap() > 5);
    for name in ["b", "c"] {
        std::fs::remove_file(home.path().join(format!("sounds/{name}.wav"))).unwrap();
    }
    let pruned = report(&home.run(&["import", "sounds", "--prune", "--json"]), 0);
    assert!(pruned["removed"].as_u64().unwrap() > 5, "{pruned}");
    assert_eq!((find(&music(3, 12.0)), find(&music(4, 12.0))), (0, 0));
    assert_eq!(find(&new), 1, "others are still found");
    let solution = opened(&home).await;
    let index = Index::of(solution.context());
    assert_eq!(index.sweep(0).await.unwrap(), 0, "what was written lately may be on its way");
    assert_eq!(index.sweep(i64::MAX).await.unwrap(), 2);
    let swept = stored(&*solution.context().store).await;
    assert!(!swept.is_empty() && of(&swept, &a) == swept.len(), "{swept:?}");
    drop((solution, index));
    assert_eq!(find(&new), 1);
    let dropped = home.json(&["drop", "--yes"]);
    assert_eq!(dropped["others"], serde_json::json!(["audio_search_fingerprints"]));
}
