//! Feeds the decoders of sounds, and what comes after them, whatever libFuzzer finds: sounds come from strangers over HTTP.
#![no_main]

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::LazyLock;

use bootcamp_core::audio::fingerprint::Fingerprinter;
use bootcamp_core::audio::{Loudness, Mono, Peaks, Sound, SoundLimits};
use bootcamp_core::encoder::SoundWindows;
use bootcamp_core::models::{
    AudioAxis, AudioInput, AudioTower, Edges, FileSpec, Level, Log, LogBase, Mel, MelNorm, MelScale, Output, Pooling,
    Short, Source, Taper,
};
use libfuzzer_sys::fuzz_target;

static TOWER: LazyLock<AudioTower> = LazyLock::new(|| AudioTower {
    file: FileSpec { source: Source::File(PathBuf::new()), sha256: None, bytes: None, platform: None },
    weights: None,
    input: AudioInput { name: "x".into(), axes: vec![AudioAxis::Bands, AudioAxis::Frames] },
    rate: 44_100,
    window: 4096,
    step: 1000,
    short: Short::RepeatWhole,
    level: Level::Peak,
    mel: Some(Mel {
        fft: 512,
        hop: 300,
        taper: Taper::Hann,
        taper_length: Some(400),
        edges: Edges::Reflect,
        power: 2,
        bands: 20,
        low: 20.0,
        high: 22_050.0,
        scale: MelScale::Slaney,
        norm: MelNorm::Sum,
        log: Log { base: LogBase::Ten, scale: 1.0, add: 0.0, floor: 1e-10, times: 10.0, plus: 0.0 },
        frames: None,
    }),
    output: Output { tensor: "y".into(), pooling: Pooling::None, normalise: false },
});

fuzz_target!(|data: &[u8]| {
    let limits = SoundLimits { bytes: 1 << 20, seconds: 20.0, channels: 8, rate: 192_000 };
    let Ok(mut sound) = Sound::open(Cursor::new(data.to_vec()), &limits) else { return };
    let facts = sound.facts().clone();
    assert!((1..=limits.channels).contains(&facts.channels) && facts.sample_rate <= limits.rate);
    let (rate, channels) = (facts.sample_rate, facts.channels);
    let mut mono = Mono::new(rate, channels, 44_100).unwrap();
    let mut loudness = Loudness::new(rate, channels).unwrap();
    let mut fingerprinter = Fingerprinter::new(rate, channels).unwrap();
    let mut peaks = Peaks::new(100);
    let mut windows = SoundWindows::of(&TOWER);
    let mut moments = 0;
    while let Ok(Some(block)) = sound.read() {
        assert!(!block.is_empty() && block.len() % usize::from(channels) == 0);
        assert!(block.iter().all(|sample| sample.is_finite()));
        moments += block.len() / usize::from(channels);
        loudness.push(block).unwrap();
        fingerprinter.push(block).unwrap();
        let samples = mono.push(block).unwrap();
        peaks.push(samples);
        for window in windows.push(samples).unwrap() {
            assert!(window.start < window.end && window.frames.values().iter().all(|value| value.is_finite()));
        }
    }
    assert!(moments as f64 <= limits.seconds * f64::from(rate) + 1.0);
    let samples = mono.finish().unwrap();
    peaks.push(samples);
    windows.push(samples).unwrap();
    assert!(windows.finish().unwrap().len() <= 1);
    assert!(peaks.finish().len() <= 100);
    let _ = (loudness.finish(), fingerprinter.finish());
    let half = moments as f64 / 2.0 / f64::from(rate);
    if sound.seek(half).is_ok() {
        while let Ok(Some(_)) = sound.read() {}
    }
});
