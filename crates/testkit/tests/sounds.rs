//! Sounds against FFmpeg: the same files, its samples. And models of sounds against onnxruntime and numpy.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use bootcamp_core::ErrorKind;
use bootcamp_core::audio::{Mono, Sound, SoundLimits};
use bootcamp_core::encoder::{Encoder, EncoderOptions, SoundWindow};
use bootcamp_core::models::{FileSpec, Registry};
use bootcamp_testkit::reference::{self, floats, sounds};
use serde_json::{Value, json};

use super::encoders::{cosines, open, settings};

fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("ffmpeg").args(["-v", "error", "-y", "-bitexact"]).args(arguments).output();
    let output = run.expect("ffmpeg is not there: run `make setup` first");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Four seconds of chords and noise in two channels, made by FFmpeg, encoded as it is told.
fn made(folder: &Path, name: &str, encoding: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let source = "aevalsrc=exprs='0.3*sin(440*2*PI*t)+0.2*sin(1234.5*2*PI*t+t*t*9)+0.05*(random(0)-0.5)|\
                  0.3*sin(330*2*PI*t)*exp(-mod(t,1)*4)+0.1*sin(3000*2*PI*t)':s=44100:d=4.1";
    let mut arguments = vec!["-f", "lavfi", "-i", source, "-flags", "+bitexact"];
    arguments.extend(encoding);
    arguments.push(path.to_str().unwrap());
    ffmpeg(&arguments);
    path
}

/// What FFmpeg decodes of it; Opus by libopus, since FFmpeg's own decoder is two samples late where it resamples.
fn theirs(path: &Path) -> Vec<f32> {
    let is_opus = path.extension().is_some_and(|extension| extension == "opus" || extension == "webm");
    let decoder: &[&str] = if is_opus { &["-c:a", "libopus"] } else { &[] };
    floats(&ffmpeg(&[decoder, &["-i", path.to_str().unwrap(), "-map", "0:a:0", "-f", "f32le", "-"]].concat()))
}

fn opened(path: &Path) -> Sound {
    Sound::open(File::open(path).unwrap(), &SoundLimits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rest(sound: &mut Sound) -> Vec<f32> {
    let mut all = Vec::new();
    while let Some(block) = sound.read().unwrap() {
        all.extend_from_slice(block);
    }
    all
}

/// The largest difference, and the root of the mean square of all.
fn differences(ours: &[f32], theirs: &[f32]) -> (f32, f64) {
    let pairs = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    let square: f64 = pairs.clone().map(|difference| f64::from(difference).powi(2)).sum();
    (pairs.fold(0.0, f32::max), (square / ours.len().max(1) as f64).sqrt())
}

/// Name, how it is encoded, container and codec as we name them, how far single samples may be off.
const FORMATS: [(&str, &[&str], &str, &str, f32); 28] = [
    ("8.wav", &["-c:a", "pcm_u8"], "wave", "pcm_u8", 1e-6),
    ("16.wav", &["-c:a", "pcm_s16le"], "wave", "pcm_s16le", 1e-6),
    ("24.wav", &["-c:a", "pcm_s24le"], "wave", "pcm_s24le", 1e-6),
    ("32.wav", &["-c:a", "pcm_s32le"], "wave", "pcm_s32le", 1e-6),
    ("f32.wav", &["-c:a", "pcm_f32le"], "wave", "pcm_f32le", 1e-6),
    ("f64.wav", &["-c:a", "pcm_f64le"], "wave", "pcm_f64le", 1e-6),
    ("alaw.wav", &["-c:a", "pcm_alaw"], "wave", "pcm_alaw", 1e-6),
    ("adpcm.wav", &["-c:a", "adpcm_ms"], "wave", "adpcm_ms", 1e-3),
    ("16.aiff", &["-c:a", "pcm_s16be"], "aiff", "pcm_s16be", 1e-6),
    ("24.aiff", &["-c:a", "pcm_s24be"], "aiff", "pcm_s24be", 1e-6),
    ("16.flac", &["-c:a", "flac", "-sample_fmt", "s16"], "flac", "flac", 1e-6),
    ("24.flac", &["-c:a", "flac", "-sample_fmt", "s32"], "flac", "flac", 1e-6),
    ("flac.ogg", &["-c:a", "flac"], "ogg", "flac", 1e-6),
    ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "128k"], "mp3", "mp3", 1e-3),
    ("vbr.mp3", &["-c:a", "libmp3lame", "-q:a", "4"], "mp3", "mp3", 1e-3),
    ("low.mp3", &["-c:a", "libmp3lame", "-ar", "22050", "-ac", "1", "-b:a", "32k"], "mp3", "mp3", 1e-3),
    ("layer2.mp2", &["-c:a", "mp2"], "mp2", "mp2", 1e-3),
    ("vorbis.ogg", &["-c:a", "libvorbis", "-q:a", "4"], "ogg", "vorbis", 1e-3),
    ("vorbis.mkv", &["-c:a", "libvorbis", "-q:a", "4"], "matroska", "vorbis", 1e-3),
    ("music.opus", &["-c:a", "libopus", "-b:a", "96k"], "ogg", "opus", 0.02),
    ("voice.opus", &["-c:a", "libopus", "-b:a", "16k", "-ac", "1", "-application", "voip"], "ogg", "opus", 0.02),
    ("music.webm", &["-c:a", "libopus", "-b:a", "96k"], "matroska", "opus", 0.02),
    ("aac.m4a", &["-c:a", "aac", "-b:a", "128k"], "isomp4", "aac", 1e-3),
    ("aac.aac", &["-c:a", "aac", "-b:a", "128k"], "aac", "aac", 1e-3),
    ("fast.m4a", &["-c:a", "aac", "-movflags", "faststart"], "isomp4", "aac", 1e-3),
    ("alac.m4a", &["-c:a", "alac"], "isomp4", "alac", 1e-6),
    ("16.caf", &["-c:a", "pcm_s16be"], "caf", "pcm_s16be", 1e-6),
    ("alac.caf", &["-c:a", "alac"], "caf", "alac", 1e-6),
];

#[test]
fn every_format_gives_ffmpegs_samples() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, encoding, container, codec, most) in FORMATS {
        let path = made(folder.path(), name, encoding);
        let mut sound = opened(&path);
        let facts = sound.facts().clone();
        let ours = rest(&mut sound);
        let theirs = theirs(&path);
        let width = usize::from(facts.channels);
        let (worst, square) = differences(&ours, &theirs);
        let seconds = |samples: &[f32]| samples.len() as f64 / width as f64 / f64::from(facts.sample_rate);
        println!(
            "{name}: {} {} at {} Hz, {:.4} s (header {:?}, FFmpeg {:.4}), worst {worst:.1e}, mean {square:.1e}, {:?}",
            facts.container,
            facts.codec,
            facts.sample_rate,
            seconds(&ours),
            facts.duration,
            seconds(&theirs),
            sound.notes()
        );
        // What fills an encoder's last block is left where nothing but the last packet's time tells: by FFmpeg in MP4 files,
        // by symphonia in Matroska's. It is less than a block.
        let is_as_long = ours.len() == theirs.len() || (seconds(&theirs) - seconds(&ours)).abs() < 0.03;
        let is_told = facts.duration.is_none_or(|told| (told - seconds(&ours)).abs() < 0.1);
        if (facts.container.as_str(), facts.codec.as_str()) != (container, codec)
            || !(is_as_long && is_told && worst <= most && sound.notes().is_empty())
        {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn any_place_of_any_format_can_be_read_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (name, encoding, _, codec, _) in FORMATS {
        let path = made(folder.path(), name, encoding);
        let mut sound = opened(&path);
        let (rate, width) = (f64::from(sound.facts().sample_rate), usize::from(sound.facts().channels));
        let whole = rest(&mut sound);
        // AAC has its decoder make noise up, other noise after a jump; Opus and MP3 smooth over more of their past than others.
        let most = match codec {
            "aac" => 0.1,
            "opus" | "mp3" | "mp2" => 2e-2,
            _ => 1e-4,
        };
        for seconds in [0.0, 0.0001, 1.2345, 2.7, 3.9, 0.5] {
            let first = (seconds * rate).round() as usize * width;
            sound.seek(seconds).unwrap();
            let part = rest(&mut sound);
            let (worst, _) = differences(&part, &whole[first..]);
            if part.len() != whole.len() - first || worst > most {
                wrong.push(format!("{name} at {seconds}: {} of {}, {worst:.1e}", part.len(), whole.len() - first));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_cut_anywhere_give_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (name, encoding, ..) in FORMATS {
        let bytes = std::fs::read(made(folder.path(), name, encoding)).unwrap();
        let whole = rest(&mut Sound::open(Cursor::new(bytes.clone()), &SoundLimits::default()).unwrap());
        for parts in [2, 5, 9] {
            let cut = bytes[..bytes.len() * parts / 10].to_vec();
            match Sound::open(Cursor::new(cut), &SoundLimits::default()) {
                Ok(mut sound) => {
                    let read = rest(&mut sound);
                    assert!(read.len() < whole.len(), "{name} {parts}");
                    // Where a header says how long it is, the note says that there is less.
                    let promised = sound.facts().duration.is_some_and(|told| told > sound.position() + 0.2);
                    assert!(!promised || !sound.notes().is_empty(), "{name} {parts}");
                }
                // What tells how to read it stands at the end, or nothing is left.
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name} {parts}: {error}"),
            }
        }
    }
}

#[test]
fn damaged_files_are_no_panic_and_come_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    for (name, encoding, ..) in FORMATS {
        let bytes = std::fs::read(made(folder.path(), name, encoding)).unwrap();
        let mut state = 7_u32;
        for round in 0..20 {
            let mut damaged = bytes.clone();
            for _ in 0..1 << (round % 8) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % damaged.len();
                damaged[at] = (state >> 24) as u8;
            }
            let Ok(mut sound) = Sound::open(Cursor::new(damaged), &SoundLimits::default()) else { continue };
            while let Ok(Some(block)) = sound.read() {
                assert!(block.iter().all(|sample| sample.is_finite()), "{name}");
            }
        }
    }
}

#[test]
fn tags_covers_and_large_headers_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let tags = [
        "-metadata",
        "title=A Tone",
        "-metadata",
        "artist=Ännä",
        "-metadata",
        "album=Tones",
        "-metadata",
        "date=2003-07-01",
    ];
    for (name, encoding) in [
        ("a.mp3", &["-c:a", "libmp3lame"][..]),
        ("a.flac", &["-c:a", "flac"]),
        ("a.ogg", &["-c:a", "libvorbis"]),
        ("a.opus", &["-c:a", "libopus"]),
        ("a.m4a", &["-c:a", "aac"]),
    ] {
        let path = made(folder.path(), name, &[encoding, &tags].concat());
        let sound = opened(&path);
        let facts = sound.facts();
        assert_eq!(facts.title.as_deref(), Some("A Tone"), "{name}");
        assert_eq!((facts.artist.as_deref(), facts.album.as_deref()), (Some("Ännä"), Some("Tones")), "{name}");
        assert_eq!(facts.year, Some(2003), "{name}");
    }
    // Five megabytes of tags before an MP3, as covers make them.
    let mp3 =
        std::fs::read(made(folder.path(), "b.mp3", &["-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0"]))
            .unwrap();
    let size = 5 << 20;
    let mut file = b"ID3\x03\0\0".to_vec();
    file.extend([21, 14, 7, 0].map(|shift| (((size + 11) >> shift) & 0x7f) as u8));
    file.extend(b"APIC");
    file.extend(((size + 1) as u32).to_be_bytes());
    file.extend([0, 0]);
    file.extend(std::iter::repeat_n(0, size as usize + 1));
    let begins = file.len();
    file.extend(&mp3);
    let mut sound = Sound::open(Cursor::new(file), &SoundLimits::default()).unwrap();
    assert_eq!((sound.facts().container.as_str(), begins), ("mp3", 10 + 10 + size as usize + 1));
    assert!((rest(&mut sound).len() as f64 / 88_200.0 - 4.1).abs() < 0.1);
    let rate = sound.facts().bit_rate.unwrap();
    assert!((100_000..150_000).contains(&rate), "the cover counts: {rate}");
}

#[test]
fn videos_give_their_sound_and_say_when_they_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let video = ["-f", "lavfi", "-i", "testsrc=d=2:r=10:s=64x64"];
    let error = |name: &str, encoding: &[&str]| {
        let path = folder.path().join(name);
        ffmpeg(&[&video, encoding, &[path.to_str().unwrap()]].concat());
        Sound::open(File::open(&path).unwrap(), &SoundLimits::default()).unwrap_err()
    };
    for (name, codec) in [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.webm", "libvpx")] {
        let error = error(name, &["-c:v", codec]);
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::InvalidInput, "the file is a video without sound"),
            "{name}"
        );
    }
    let path = folder.path().join("both.mp4");
    let both = ["-f", "lavfi", "-i", "sine=d=2", "-c:v", "mpeg4", "-c:a", "aac", path.to_str().unwrap()];
    ffmpeg(&[&video[..], &both].concat());
    let mut sound = opened(&path);
    assert!(differences(&rest(&mut sound), &theirs(&path)).0 < 1e-3);
    // As a shop sells it: the sample entry alone says so.
    let mut bytes = std::fs::read(made(folder.path(), "shop.m4a", &["-c:a", "aac"])).unwrap();
    let at = bytes.windows(4).rposition(|four| four == b"mp4a").unwrap();
    bytes[at..at + 4].copy_from_slice(b"drms");
    let error = Sound::open(Cursor::new(bytes), &SoundLimits::default()).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unsupported, "the sound is encrypted (DRM)"));
    for (name, encoding, says) in [
        ("a.ac3", &["-c:a", "ac3"][..], "no sound"),
        ("ac3.mp4", &["-c:a", "ac3"], "AC-3"),
        ("six.m4a", &["-c:a", "aac", "-ac", "6"], "AAC of a kind"),
    ] {
        let path = made(folder.path(), name, encoding);
        let error = Sound::open(File::open(&path).unwrap(), &SoundLimits::default()).unwrap_err();
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{name}: {error}");
    }
}

/// Windows of a file as a model takes them.
fn windows(encoder: &Encoder, path: &Path) -> Vec<SoundWindow> {
    let ear = encoder.sounds().unwrap();
    let mut sound = opened(path);
    let mut mono = Mono::new(sound.facts().sample_rate, sound.facts().channels, ear.rate()).unwrap();
    let mut windows = ear.windows();
    let mut all = Vec::new();
    while let Some(block) = sound.read().unwrap() {
        all.extend(windows.push(mono.push(block).unwrap()).unwrap());
    }
    all.extend(windows.push(mono.finish().unwrap()).unwrap());
    all.extend(windows.finish().unwrap());
    all
}

/// What the reference says: how many windows each file has, what the model takes of each of all windows, and the vectors of
/// `dim` numbers.
fn asked(request: &Value, dim: usize) -> (Vec<usize>, Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let values = floats(&reference::ask("sounds.py", request));
    let (counts, rest) = values.split_at(request["files"].as_array().unwrap().len());
    let counts: Vec<usize> = counts.iter().map(|count| *count as usize).collect();
    let windows: usize = counts.iter().sum();
    let (taken, vectors) = rest.split_at(rest.len() - windows * dim);
    let rows = |values: &[f32], width: usize| values.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect();
    (counts, rows(taken, taken.len() / windows), rows(vectors, dim))
}

/// Our vectors of files beside the reference's: the cosines, in rising order; what models take may differ by `most`.
fn compared(encoder: &Encoder, files: &[PathBuf], mut request: Value, most: f32) -> Vec<f64> {
    request["files"] = json!(files);
    let begun = Instant::now();
    let ours: Vec<Vec<SoundWindow>> = files.iter().map(|file| windows(encoder, file)).collect();
    let prepared = begun.elapsed();
    let counts: Vec<usize> = ours.iter().map(Vec::len).collect();
    let frames: Vec<_> = ours.into_iter().flatten().map(|window| window.frames).collect();
    let (theirs, taken, expected) = asked(&request, encoder.spec().dim);
    assert_eq!(counts, theirs);
    let worst = frames.iter().zip(&taken).map(|(a, b)| differences(a.values(), b).0).fold(0.0, f32::max);
    let begun = Instant::now();
    let vectors = encoder.sounds().unwrap().embed_blocking(frames).unwrap();
    println!("decoding and front end: {prepared:?}, model: {:?}", begun.elapsed());
    let cosines = cosines(&vectors, &expected);
    println!(
        "{}: {} windows, front end off by {worst:.1e} at most; cosine worst {:.6}, median {:.6}",
        encoder.spec().name,
        cosines.len(),
        cosines[0],
        cosines[cosines.len() / 2]
    );
    assert!(worst <= most, "the front end is off by {worst}");
    cosines
}

fn tower(manifest: &str, model: &str) -> Value {
    let manifest: Value = toml::from_str(manifest).unwrap();
    manifest["models"][model]["audio"].clone()
}

#[test]
fn aisfx_equals_its_reference() {
    let registry = Registry::open(settings()).unwrap();
    let encoder = Encoder::open(&registry, "aisfx", &EncoderOptions::default(), &|_| {}).unwrap();
    let spec = encoder.spec().audio.clone().unwrap();
    let file = |file: &FileSpec| registry.file(file, &|_| {}).unwrap();
    let built_in = include_str!("../../core/src/models/models.toml");
    let request = json!({
        "audio": tower(built_in, "aisfx"), "tensor": "embedding",
        "model": file(&spec.file), "weights": file(&spec.weights.unwrap()),
    });
    // Two resamplers differ in the last few percent below the highest frequency; where there is nothing but that, as in a band
    // of a quiet sound, it shows.
    let cosines = compared(&encoder, &sounds(200), request, 0.5);
    let near = cosines.iter().filter(|cosine| **cosine >= 0.999).count();
    assert!(cosines[0] >= 0.995 && near * 100 >= cosines.len() * 99, "{near} of {}, {}", cosines.len(), cosines[0]);
}

/// At the model's own rate, nothing but the front end can differ.
#[test]
fn the_front_end_equals_numpys() {
    let registry = Registry::open(settings()).unwrap();
    let encoder = Encoder::open(&registry, "aisfx", &EncoderOptions::default(), &|_| {}).unwrap();
    let at_rate = |path: &PathBuf| opened(path).facts().sample_rate == 44_100;
    let files: Vec<_> = sounds(400).into_iter().filter(at_rate).take(60).collect();
    assert!(files.len() >= 30);
    let request = json!({"audio": tower(include_str!("../../core/src/models/models.toml"), "aisfx"), "files": files});
    let (_, expected, _) = asked(&request, 0);
    let ours = files.iter().flat_map(|file| windows(&encoder, file));
    let worst = ours.zip(&expected).map(|(a, b)| differences(a.frames.values(), b).0).fold(0.0, f32::max);
    assert!(worst <= 1e-4, "{worst}");
}

/// CLAP as the built-in manifest has it, and PANNs' form of input, with random weights.
fn random() -> String {
    let file = |name: &str| reference::models().join(name).display().to_string();
    format!(
        r#"
[models.clap]
summary = "random weights"
licence = "none"
dim = 512
metric = "COSINE"

[models.clap.audio]
file = {{ source = "file:{}" }}
input = {{ name = "input_features", axes = ["one", "frames", "bands"] }}
rate = 48000
window = 480000
step = 240000
short = "repeat-whole"
level = "none"
mel = {{ fft = 1024, hop = 480, taper = "hann", edges = "reflect", power = 2, bands = 64, low = 50, high = 14000, scale = "slaney", norm = "slaney", log = {{ base = "ten", floor = 1e-10, times = 10 }} }}
output = {{ tensor = "audio_embeds", pooling = "none", normalise = true }}

[models.clap.text]
file = {{ source = "file:{}" }}
tokenizer = {{ source = "file:{}" }}
inputs = {{ ids = "input_ids" }}
max_tokens = 77
output = {{ tensor = "text_embeds", pooling = "none", normalise = true }}

[models.panns]
summary = "random weights"
licence = "none"
dim = 2048
metric = "COSINE"

[models.panns.audio]
file = {{ source = "file:{}" }}
input = {{ name = "waveform", axes = ["samples"] }}
rate = 32000
window = 64000
step = 32000
short = "repeat"
level = "peak"
output = {{ tensor = "embedding", pooling = "none", normalise = true }}
"#,
        file("bands.onnx"),
        file("clip-text.onnx"),
        file("clip-tokenizer.json"),
        file("samples.onnx")
    )
}

#[test]
fn towers_for_spectrograms_and_for_samples_equal_numpy() {
    for (model, file, tensor, most) in
        // In silence, a logarithm without anything added tells one resampler's rounding from the other's.
        [("clap", "bands.onnx", "audio_embeds", f32::INFINITY), ("panns", "samples.onnx", "embedding", 0.5)]
    {
        let encoder = open(&random(), model).unwrap();
        let request = json!({
            "audio": tower(&random(), model), "tensor": tensor, "model": reference::models().join(file),
        });
        let cosines = compared(&encoder, &sounds(24), request, most);
        assert!(cosines[0] >= 0.999, "{model}: {}", cosines[0]);
    }
}

#[test]
fn a_joint_model_takes_sounds_and_words_and_others_say_what_they_take() {
    let joint = open(&random(), "clap").unwrap();
    let text = joint.text().unwrap();
    let words = text.embed_blocking(vec![text.prepare("a dog barks").unwrap()]).unwrap();
    assert_eq!(words[0].len(), 512);
    // Without a mask, texts of other lengths in the same call change nothing.
    let texts = ["rain", "a very long description of rain on a roof", "wind"];
    let together = text.embed_blocking(texts.iter().map(|it| text.prepare(it).unwrap()).collect()).unwrap();
    for (words, vector) in texts.iter().zip(together) {
        let alone = text.embed_blocking(vec![text.prepare(words).unwrap()]).unwrap();
        assert!(cosines(&alone, &[vector])[0] > 0.999_999, "{words}");
    }
    let error = joint.pictures().unwrap_err();
    assert_eq!(error.to_string(), "model clap takes sounds, not pictures");
    let error = open(&random(), "panns").unwrap().text().unwrap_err();
    assert_eq!(error.to_string(), "model panns takes sounds, not text");
    assert_eq!(error.hint(), Some("models for both: clap, clap-htsat-unfused"));
    let error = open(&reference::resnet18(), "resnet18").unwrap().sounds().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.hint(), Some("models for sounds: aisfx, clap-htsat-unfused"));
}

/// The graph fits the weights whose checksum the manifest has: the script, given those, writes the same again.
#[test]
fn the_graph_of_aisfx_is_what_the_script_makes_of_the_weights() {
    let registry = Registry::open(settings()).unwrap();
    let tower = registry.get("aisfx").unwrap().audio.clone().unwrap();
    let file = |file: &FileSpec| registry.file(file, &|_| {}).unwrap();
    let python = reference::made_by_setup(reference::cache().join("reference/bin/python"));
    let script = reference::workspace().join("crates/core/src/models/graphs/aisfx.py");
    // The graph knows the weights by their name in the package.
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("checkpoint.pth");
    std::fs::copy(file(&tower.weights.unwrap()), &weights).unwrap();
    let made = Command::new(python).arg(script).arg(weights).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout == std::fs::read(file(&tower.file)).unwrap(), "run scripts/graphs");
}
