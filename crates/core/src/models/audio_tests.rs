//! What manifests say of models for sounds.

use super::tests::{MODEL, message, parse};
use super::*;

const AUDIO: &str = r#"
[models.ear]
summary = "mine"
licence = "MIT"
dim = 512
metric = "COSINE"

[models.ear.audio]
file = { source = "file:ear.onnx" }
weights = { source = "file:ear.bin" }
input = { name = "mel", axes = ["one", "bands", "frames"] }
rate = 16000
window = 16000
step = 8000
short = "repeat-whole"
level = "peak"
mel = { fft = 512, hop = 160, taper = "hann", taper_length = 400, edges = "none", power = 1, bands = 64, low = 125, high = 7500, scale = "htk", norm = "none", log = { base = "e", add = 0.001 } }
output = { tensor = "out", pooling = "none", normalise = true }
"#;

fn with(old: &str, new: &str) -> String {
    assert!(AUDIO.contains(old), "{old}");
    message(&AUDIO.replacen(old, new, 1))
}

fn names(line: u32, field: &str, what: &str) -> String {
    format!("models.toml:{line}: models.ear.audio.{field}: {what}")
}

#[test]
fn a_model_of_sounds_has_its_files_and_frames() {
    let manifest = parse(AUDIO).unwrap();
    let ear = &manifest.models["ear"];
    assert!(ear.makes_vectors() && ear.takes_sound() && !ear.takes_text());
    let files: Vec<_> = ear.files().map(|(role, file)| format!("{role}: {}", file.source)).collect();
    assert_eq!(files, ["audio: file:folder/ear.onnx", "audio weights: file:folder/ear.bin"]);
    let mel = ear.audio.as_ref().unwrap().mel.as_ref().unwrap();
    assert_eq!((mel.frames_of(15_600), mel.frames_of(399), mel.frames_taken(16_000)), (96, 0, 98));
    assert_eq!(mel.log.scale.to_bits(), 1.0_f32.to_bits());
    let centred = AUDIO.replace("edges = \"none\"", "edges = \"reflect\"").replace("log =", "frames = 96, log =");
    let mel = parse(&centred).unwrap().models["ear"].audio.clone().unwrap().mel.unwrap();
    assert_eq!((mel.frames_of(16_000), mel.frames_taken(16_000)), (101, 96));
    // Beside a tower for text, it is a joint model.
    let text = MODEL.split("[models.mine.text]").nth(1).unwrap();
    let joint = parse(&format!("{AUDIO}\n[models.ear.text]\n{text}")).unwrap();
    assert!(joint.models["ear"].takes_text() && joint.models["ear"].files().count() == 4);
}

#[test]
fn the_built_in_models_of_sounds_are_as_their_authors_have_them() {
    let registry = Registry::open(super::tests::settings(tempfile::tempdir().unwrap().path())).unwrap();
    let tower = |name: &str| registry.get(name).unwrap().audio.clone().unwrap();
    let frames = |tower: &AudioTower| tower.mel.as_ref().unwrap().frames_taken(tower.window);
    assert_eq!((tower("aisfx").rate, frames(&tower("aisfx"))), (44_100, 100));
    let clap = tower("clap-htsat-unfused");
    assert_eq!((clap.rate, frames(&clap)), (48_000, 1001));
    assert!(registry.get("clap-htsat-unfused").unwrap().takes_text());
}

#[test]
fn mistakes_about_sounds_are_named_by_line_and_field() {
    assert_eq!(with("rate = 16000", "rate = 10"), names(12, "rate", "10 is not within 1000 to 768000"));
    assert_eq!(with("step = 8000", "step = 16001"), names(14, "step", "16001 is not within 1 to 16000 (the window)"));
    assert_eq!(with("window = 16000", "window = 0"), names(13, "window", "0 is not within 1 to 16777216"));
    assert_eq!(
        with("window = 16000\nstep = 8000", "window = 399\nstep = 1"),
        names(13, "window", "399 is too short for `mel`, which needs 400 samples")
    );
    assert_eq!(
        with("\"bands\", \"frames\"", "\"samples\""),
        names(11, "input.axes", "needs `frames` and `bands`, since there is `mel`")
    );
    let line = AUDIO.lines().find(|line| line.starts_with("mel =")).unwrap();
    assert_eq!(with(line, ""), names(11, "input.axes", "needs `samples`, since there is no `mel`, and nothing else"));
    assert_eq!(with("fft = 512", "fft = 511"), names(17, "mel.fft", "511 is odd"));
    assert_eq!(with("power = 1", "power = 3"), names(17, "mel.power", "3 is not within 1 to 2"));
    assert_eq!(with("hop = 160", "hop = 0"), names(17, "mel.hop", "0 is not within 1 to 512"));
    assert_eq!(
        with("high = 7500", "high = 8001"),
        names(17, "mel.high", "8001 is not within 0 to 8000 (half the rate)")
    );
    assert_eq!(with("low = 125", "low = 7500"), names(17, "mel.low", "7500 is not within 0 to 7500 (`high`)"));
    let silent = with("add = 0.001", "add = 0");
    assert!(silent.starts_with(&names(17, "mel.log", "needs a `scale` above 0")), "{silent}");
    let kind = with("\"repeat-whole\"", "\"loop\"");
    assert!(kind.contains("audio.short") && kind.contains("`loop` is not known"), "{kind}");
    let both = format!("{MODEL}{}", AUDIO.split_once("\n\n").unwrap().1.replace("models.ear", "models.mine"));
    assert!(message(&both).ends_with("models.mine.audio: makes sense only without `picture`"), "{}", message(&both));
}
