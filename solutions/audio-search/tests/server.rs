//! The server: the same answers as the command line, waveforms, pictures, files, and its own description of itself.

use bootcamp_testkit::program::Server;
use serde_json::{Value, json};

use crate::sounds::{louder, music, part, wav};
use crate::{home, import, put, text};

fn without_times(mut body: Value) -> Value {
    body["took_ms"] = Value::Null;
    body["timings"] = Value::Null;
    body
}

#[test]
fn the_server_answers_what_the_command_line_prints() {
    let home = home();
    for seed in 1..4 {
        put(&home, &format!("sounds/{seed}.wav"), &wav(&music(seed, 10.0)));
    }
    import(&home);
    let excerpt = wav(&part(&music(2, 10.0), 2.0, 5.0));
    let query = put(&home, "query.wav", &excerpt);
    let terms = ["-k", "2", "--from", "0:01", "--combine", "aligned"];
    let printed = home.json(&[&["search", text(&query)], &terms[..]].concat());
    let printed_same = home.json(&["search", text(&query), "--mode", "same"]);
    let id = printed["hits"][0]["id"].as_str().unwrap().to_owned();
    let printed_by_id = home.json(&["search", "--id", &id, "-k", "2"]);
    let mut server = Server::start(&home, &[]);
    let by_file = server.send_files("/api/v1/search?format=json", &[("query.wav", &excerpt)]).unwrap();
    assert_eq!(by_file["hits"].as_array().unwrap().len(), 9);
    let body = json!({"positive": [{"id": id}], "k": 2});
    assert_eq!(without_times(server.post("/api/v1/search", &body).unwrap()), without_times(printed_by_id));
    let data = base64(&excerpt);
    let asked = |options: Value| json!({"positive": [{"data": data}], "k": 2, "options": options});
    let found = server.post("/api/v1/search", &asked(json!({"from": 1, "combine": "aligned"}))).unwrap();
    assert_eq!(without_times(found), without_times(printed));
    let found = server.post("/api/v1/search", &asked(json!({"mode": "same"}))).unwrap();
    assert_eq!(without_times(found), without_times(printed_same));
    let refused = server.post("/api/v1/search", &asked(json!({"from": "never"})));
    assert_eq!(refused, Err(400));
    assert_eq!(server.stop(), Some(0));
}

fn base64(bytes: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_moment_has_a_waveform_a_picture_and_its_file() {
    let home = home();
    // Quiet, then loud.
    let sound = [louder(&music(1, 5.0), 0.05), music(2, 5.0)].concat();
    put(&home, "sounds/a.wav", &wav(&sound));
    import(&home);
    let server = Server::start(&home, &[]);
    let items = server.get("/api/v1/items?filter=start%20%3E%205")["items"].clone();
    let id = items[0]["id"].as_str().unwrap();
    assert_ne!(items[0]["id"], items[0]["source"], "not the first item of its sound");
    let waveform = server.get(&format!("/api/v1/items/{id}/waveform?buckets=100"));
    assert!((waveform["duration"].as_f64().unwrap() - 10.0).abs() < 0.01);
    let peaks: Vec<[f64; 2]> = serde_json::from_value(waveform["peaks"].clone()).unwrap();
    assert_eq!(peaks.len(), 100);
    let height = |peaks: &[[f64; 2]]| peaks.iter().map(|[low, high]| high - low).sum::<f64>() / peaks.len() as f64;
    assert!(height(&peaks[..45]) * 5.0 < height(&peaks[55..]), "{peaks:?}");
    assert!(server.get(&format!("/api/v1/items/{id}/waveform"))["peaks"].as_array().unwrap().len() > 300);
    for (path, status) in [("0/waveform", 404), ("x/waveform?buckets=3", 404)] {
        assert_eq!(server.try_get(&format!("/api/v1/items/{path}")), Err(status));
    }
    for buckets in ["0", "801", "many"] {
        assert_eq!(server.try_get(&format!("/api/v1/items/{id}/waveform?buckets={buckets}")), Err(400));
    }
    let (kind, file) = server.get_bytes(&format!("/api/v1/items/{id}/media"));
    assert!(kind == "audio/wav" && file == wav(&sound), "{kind}");
    let (kind, picture) = server.get_bytes(&format!("/api/v1/items/{id}/thumbnail"));
    assert!(kind == "image/jpeg" && picture.starts_with(&[0xff, 0xd8]), "{kind}");
    let kept = home.path().join("data/media/audio_search/thumbnails");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 1, "drawn once");
    let uploaded = server.send_files("/api/v1/items", &[("drums/new.wav", &wav(&music(9, 4.0)))]).unwrap();
    assert_eq!((&uploaded["added"], &uploaded["items"][0]["label"]), (&json!(1), &json!("drums")), "{uploaded}");
    let found = server.send_files("/api/v1/search", &[("q.wav", &wav(&part(&music(9, 4.0), 0.5, 3.0)))]).unwrap();
    assert_eq!(found["hits"][0]["title"], "new.wav");
}

#[test]
fn the_api_keeps_its_own_word() {
    let home = home();
    put(&home, "sounds/a.wav", &wav(&music(1, 5.0)));
    put(&home, "sounds/b.wav", &wav(&music(2, 5.0)));
    import(&home);
    let server = Server::start(&home, &["--import-root", home.path().to_str().unwrap()]);
    server.keeps_its_word(12);
    assert_eq!(server.get("/api/v1/info")["name"], "audio-search", "it is still there");
}
