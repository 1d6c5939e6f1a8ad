//! Files that are broken, odd or none at all: skipped with the reason, or taken with a note.

use serde_json::Value;

use crate::sounds::{hiss, music, wav, wav_at};
use crate::{home, put, report};

/// What the import said of a file.
fn reason<'a>(report: &'a Value, name: &str) -> &'a str {
    let skips = report["skips"].as_array().unwrap();
    let skip = skips.iter().find(|skip| skip["source"].as_str().unwrap().ends_with(name));
    skip.unwrap_or_else(|| panic!("{name} was taken: {report}"))["reason"].as_str().unwrap()
}

#[test]
fn what_is_no_sound_is_skipped_with_the_reason() {
    let home = home();
    let good = wav(&music(1, 3.0));
    put(&home, "sounds/good.wav", &good);
    put(&home, "sounds/empty.wav", b"");
    put(&home, "sounds/header.wav", &good[..44]);
    put(&home, "sounds/text.mp3", b"This is a text that somebody has called a sound.\n");
    put(&home, "sounds/random.flac", &hiss(1, 0.5, 1.0).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    put(&home, "sounds/tag.mp3", &[&b"ID3\x04\0\0\0\x02\0\0"[..], &[0; 32_768]].concat());
    put(&home, "sounds/picture.mp4", b"\0\0\0\x18ftypisom\0\0\x02\0isommp41\0\0\0\x08mdat");
    let run = home.run(&["import", "sounds", "--json"]);
    let told = report(&run, 2);
    assert_eq!((&told["added"], &told["skipped"]), (&1.into(), &6.into()), "{told}");
    assert!(!run.err.contains("panicked"), "{}", run.err);
    for name in ["empty.wav", "header.wav", "text.mp3", "random.flac", "tag.mp3", "picture.mp4"] {
        let reason = reason(&told, name);
        assert!(reason.len() > 10 && !reason.contains("bug"), "{name}: {reason}");
    }
}

#[test]
fn what_is_odd_is_taken_and_said() {
    let home = home();
    let track = music(1, 6.0);
    let whole = wav(&track);
    put(&home, "sounds/cut.wav", &whole[..whole.len() / 2]);
    put(&home, "sounds/called.mp3", &whole);
    put(&home, "sounds/many.wav", &wav_at(&track, 192_000, 8));
    put(&home, "sounds/slow.wav", &wav_at(&track, 8000, 1));
    put(&home, "sounds/blip.wav", &wav(&track[..10]));
    put(&home, "sounds/silence.wav", &wav(&vec![0.0; 44_100 * 20]));
    put(&home, "sounds/offset.wav", &wav(&vec![0.5; 44_100 * 4]));
    put(&home, "sounds/clipped.wav", &wav(&crate::sounds::louder(&track, 50.0)));
    let begins_late = [vec![0.0; 44_100 * 8], track.clone(), vec![0.0; 44_100 * 8]].concat();
    put(&home, "sounds/late.wav", &wav(&begins_late));
    let told = report(&home.run(&["import", "sounds", "--json"]), 0);
    assert_eq!(told["added"], 9, "{told}");
    assert!(told["warnings"].to_string().contains("windows in which nothing is to be heard"), "{told}");
    let shown = |name: &str| home.json(&["show", &format!("sounds/{name}")])["fields"].clone();
    let near = |value: &Value, expected: f64| (value.as_f64().unwrap() - expected).abs() < 0.02;
    let cut = shown("cut.wav");
    assert!(near(&cut["duration"], 3.0) && cut["notes"].as_str().is_some_and(|notes| !notes.is_empty()), "{cut}");
    assert_eq!(shown("called.mp3")["container"], "wave", "the content decides");
    let many = shown("many.wav");
    assert_eq!((&many["channels"], &many["sample_rate"], &many["bits"]), (&8.into(), &192_000.into(), &16.into()));
    let silence = shown("silence.wav");
    assert!(near(&silence["duration"], 20.0) && silence["loudness"].is_null(), "{silence}");
    assert_eq!(home.json(&["count", "--source", "sounds/silence.wav"])["count"], 1, "one item stands for it");
    let late = home.run(&["list", "--source", "sounds/late.wav", "--json"]);
    let starts: Vec<f64> = late
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["span"]["start"].as_f64().unwrap())
        .collect();
    assert!(starts.len() < 10 && starts.iter().all(|start| (5.0..15.0).contains(start)), "{starts:?}");
    assert!(shown("clipped.wav")["loudness"].as_f64().unwrap() > shown("called.mp3")["loudness"].as_f64().unwrap());
}

#[test]
fn sounds_in_archives_and_tables_are_sounds() {
    let home = home();
    put(&home, "sounds/in/a.wav", &wav(&music(1, 3.0)));
    put(&home, "sounds/in/b.wav", &wav(&music(2, 3.0)));
    let zip = std::process::Command::new("python3")
        .args(["-m", "zipfile", "-c", "sounds.zip", "sounds/in"])
        .current_dir(home.path())
        .status()
        .unwrap();
    assert!(zip.success());
    let told = report(&home.run(&["import", "sounds.zip", "--json"]), 0);
    assert_eq!(told["added"], 2, "{told}");
    let item = home.json(&["list", "--filter", "path like \"%a.wav\" and start == 0.0"]);
    assert_eq!(item["label"], "in");
    put(&home, "table.csv", b"path,label,caption,mood\nsounds/in/a.wav,calm,A tune,3\nnone.wav,x,,\n");
    let run = home.run(&["import", "table.csv", "--json"]);
    assert_eq!(report(&run, 2)["added"], 1);
    let item = home.json(&["list", "--filter", "extra[\"mood\"] == 3 and start == 0.0"]);
    assert_eq!((&item["label"], &item["caption"]), (&"calm".into(), &"A tune".into()));
}
