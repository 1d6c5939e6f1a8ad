//! What sounds similar: the same as by brute force over what is stored, and what people expect of a search.

use std::collections::BTreeMap;

use bootcamp_core::{LocalStore, Output, PageRequest, Vector, VectorStore};
use serde_json::Value;

use crate::sounds::{hiss, music, part, wav, wav_at};
use crate::{hits, home, import, paths, put, text, with_samples};

/// The windows of each sound, by its id: where each begins, and its embedding.
type Windows = BTreeMap<String, Vec<(f64, Vec<f32>)>>;

fn stored(home: &bootcamp_testkit::program::Home) -> Windows {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = LocalStore::open_read_only(home.path().join("data")).unwrap();
        let request = PageRequest { limit: 10_000, output: Output::Everything, ..PageRequest::default() };
        let page = store.page("audio_search", &request).await.unwrap();
        let mut windows = Windows::new();
        for record in page.records {
            let Vector::F32(vector) = record.vectors["aisfx"].clone() else { panic!() };
            let start = record.fields["start"].as_f64().unwrap();
            windows.entry(record.fields["source"].as_str().unwrap().to_owned()).or_default().push((start, vector));
        }
        windows
    })
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Sounds with the mean of what each window of one of them finds nearest in them, best first.
fn brute_force(windows: &Windows, of: &str, best_only: bool) -> Vec<(String, f32)> {
    let query = &windows[of];
    let nearest = |vector: &[f32], sound: &[(f64, Vec<f32>)]| {
        sound.iter().map(|(_, other)| cosine(vector, other)).fold(f32::NEG_INFINITY, f32::max)
    };
    let score = |sound: &Vec<(f64, Vec<f32>)>| {
        let each = query.iter().map(|(_, vector)| nearest(vector, sound));
        if best_only { each.fold(f32::NEG_INFINITY, f32::max) } else { each.sum::<f32>() / query.len() as f32 }
    };
    let others = windows.iter().filter(|(source, _)| *source != of);
    let mut scored: Vec<_> = others.map(|(source, sound)| (source.clone(), score(sound))).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    scored
}

/// The sounds of hits in order, with the score of each sound.
fn sounds(hits: &[Value]) -> Vec<(String, f32)> {
    let of = |hit: &Value| {
        let score = hit["details"]["sound"].as_f64().or(hit["score"].as_f64()).unwrap();
        (hit["source"].as_str().unwrap().to_owned(), score as f32)
    };
    let mut sounds: Vec<_> = hits.iter().map(of).collect();
    sounds.dedup_by(|a, b| a.0 == b.0);
    sounds
}

#[test]
fn hits_are_those_of_brute_force() {
    let home = home();
    let samples = with_samples(&home, 60);
    import(&home);
    let windows = stored(&home);
    assert_eq!(windows.len(), samples.len());
    let several: Vec<&String> = windows.iter().filter(|(_, all)| all.len() > 2).map(|(source, _)| source).collect();
    assert!(several.len() >= 8, "{} sounds of several windows", several.len());
    for source in several.into_iter().take(8) {
        for (way, best_only) in [("mean", false), ("best", true)] {
            let found = hits(&home, &[source, "--whole", "--combine", way, "-k", "10"]);
            let (found, expected) = (sounds(&found), brute_force(&windows, source, best_only));
            assert_eq!(found.len(), 10);
            for ((found, score), (expected, exact)) in found.iter().zip(&expected) {
                assert!((score - exact).abs() < 2e-4, "{way}: {found} {score} and {expected} {exact}");
            }
        }
    }
    // One window, and no others of its sound.
    let (source, all) = windows.iter().next().unwrap();
    let one = Windows::from([(source.clone(), vec![all[0].clone()])]);
    let id = home.json(&["list", "--source", source, "--filter", &format!("start == {:?}", all[0].0)]);
    let mut exact = windows.clone();
    exact.extend(one);
    let found = hits(&home, &[id["id"].as_str().unwrap(), "-k", "5"]);
    for ((_, score), (_, expected)) in sounds(&found).iter().zip(brute_force(&exact, source, false)) {
        assert!((score - expected).abs() < 2e-4, "{score} and {expected}");
    }
    assert!(found.iter().all(|hit| hit["source"] != source.as_str()));
}

#[test]
fn a_sound_finds_itself_and_its_moments() {
    let home = home();
    let (track, other) = (music(1, 25.0), music(2, 25.0));
    let long = put(&home, "sounds/music/long.wav", &wav(&track));
    put(&home, "sounds/music/other.wav", &wav(&other));
    put(&home, "sounds/noise/hiss.wav", &wav(&hiss(3, 10.0, 0.3)));
    import(&home);
    // Stored windows begin every 51,200 samples: the same samples give the same embedding.
    let start = 51_200.0 * 8.0 / 44_100.0;
    let excerpt = put(&home, "excerpt.wav", &wav(&part(&track, start, 2.3)));
    let found = hits(&home, &[text(&excerpt), "-k", "2"]);
    assert_eq!(paths(&found)[0], long);
    assert!((found[0]["span"]["start"].as_f64().unwrap() - start).abs() < 0.01, "{}", found[0]);
    assert!(found[0]["score"].as_f64().unwrap() > 0.98, "{}", found[0]);
    // k counts sounds, and --moments the spans of each.
    let moments = |arguments: &[&str]| -> Vec<usize> {
        let found = hits(&home, &[&[text(&excerpt)], arguments].concat());
        let sources = sounds(&found);
        sources.iter().map(|(source, _)| found.iter().filter(|hit| hit["source"] == source.as_str()).count()).collect()
    };
    assert_eq!(moments(&["-k", "2", "--moments", "4"]), [4, 4]);
    assert_eq!(moments(&["-k", "3", "--moments", "1"]), [1, 1, 1]);
    // A part of a file is the same query as a file of that part.
    let whole = put(&home, "whole.wav", &wav(&track));
    let scores = |arguments: &[&str]| -> Vec<(String, f32)> { sounds(&hits(&home, arguments)) };
    let cut = put(&home, "cut.wav", &wav(&part(&track, 4.0, 6.0)));
    let (by_part, by_file) = (scores(&[text(&whole), "--from", "0:04", "--to", "10"]), scores(&[text(&cut)]));
    assert!(
        by_part.len() == 3 && by_part.iter().zip(&by_file).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-3),
        "{by_part:?} {by_file:?}"
    );
    // In order, the query lies where it was cut.
    let aligned = hits(&home, &[text(&cut), "--combine", "aligned", "--moments", "1", "-k", "1"]);
    let shift = aligned[0]["span"]["start"].as_f64().unwrap() - aligned[0]["details"]["query_start"].as_f64().unwrap();
    assert!(paths(&aligned)[0] == long && (shift - 4.0).abs() < 0.7, "{aligned:?}");
    // Like music, unlike noise: and the other way round.
    let noise = put(&home, "noise.wav", &wav(&hiss(8, 3.0, 0.2)));
    assert_eq!(paths(&hits(&home, &[text(&noise), "-k", "1"]))[0].file_name().unwrap(), "hiss.wav");
    let both = hits(&home, &[text(&excerpt), text(&noise), "--not", text(&noise), "-k", "1"]);
    assert_eq!(paths(&both)[0], long);
    // Filters and limits.
    let labelled = hits(&home, &[text(&excerpt), "--filter", "label == \"noise\""]);
    assert!(labelled.iter().all(|hit| hit["label"] == "noise") && !labelled.is_empty());
    assert!(hits(&home, &[text(&excerpt), "--min-score", "0.98"]).len() == 1);
    assert!(
        hits(&home, &[text(&excerpt), "--filter", "duration > 20 and loudness < 0 and sample_rate == 44100"]).len() > 1
    );
}

#[test]
fn what_cannot_be_a_query_is_told_why() {
    let home = home();
    put(&home, "sounds/a.wav", &wav(&music(1, 4.0)));
    import(&home);
    let silence = put(&home, "silence.wav", &wav(&[0.0; 88_200]));
    let note = put(&home, "note.txt", b"no sound");
    let short = put(&home, "short.wav", &wav(&music(1, 2.0)));
    for (arguments, code, expected) in [
        (vec![text(&silence)], 3, "silence.wav: it is silent"),
        (vec![text(&note)], 3, "note.txt: "),
        (vec![text(&short), "--from", "3"], 3, "there is nothing from 3 s on"),
        (vec![text(&short), "--from", "1", "--to", "0:01"], 3, "has no length"),
        (vec![text(&short), "--from", "soon"], 3, "the option 'from' is 'soon', expected a time"),
        (vec!["--words", "a dog barks"], 8, "aisfx"),
        (vec!["--id", "00000000000000000000"], 4, "there is no item"),
        (vec!["--words", "a dog", "--mode", "same"], 3, "is no recording"),
    ] {
        let run = home.run(&[&["search"], &arguments[..]].concat());
        assert!(run.code == Some(code) && run.err.contains(expected), "{arguments:?}: {}", run.shown());
    }
    // Any rate and any channels.
    let odd = put(&home, "odd.wav", &wav_at(&music(1, 4.0), 96_000, 6));
    assert_eq!(hits(&home, &[text(&odd)]).len(), 3);
}
