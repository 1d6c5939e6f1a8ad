//! Hears a sound once to its end, for what is only known there: how long and how loud it is, its outline, its
//! fingerprint. So every item of it can say so, and be found by it.

use std::io::Read;

use bootcamp_core::audio::fingerprint::Fingerprinter;
use bootcamp_core::audio::{Loudness, Mono, Peaks as PeakMeter, Sound, SoundFacts};
use bootcamp_core::encoder::{AudioEncoder, SoundWindow};
use bootcamp_core::{Error, Fields, Result};
use bootcamp_kit::{Content, Watch};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::fields::CONTENT_HASH;
use crate::listen::{Part, hear, nothing, open};
use crate::waveform::{BUCKETS, Peaks};

/// The windows of a sound up to this length, in seconds, are kept, so that it need not be decoded twice.
const KEPT: f64 = 60.0;
/// Bytes that are read together for the checksum.
const READ: usize = 64 << 10;
/// Letters of a tag that are kept.
const MAX_TAG: usize = 1000;

/// A sound that was heard to its end.
#[derive(Debug)]
pub struct Survey {
    /// For each of its items.
    pub fields: Fields,
    pub peaks: Peaks,
    /// Empty for a sound that is too short for one.
    pub fingerprint: Vec<u32>,
    /// Its windows, where it is short; otherwise they are heard once more.
    pub windows: Option<Vec<SoundWindow>>,
}

/// Hears a sound to its end, unless the watch says to stop.
///
/// # Errors
/// `InvalidInput` for what is no sound, or has none in it; those of decoding and of the file system.
pub fn survey(content: &Content, encoder: &AudioEncoder, watch: &Watch) -> Result<Survey> {
    let (bytes, content_hash) = checksum(content, watch)?;
    let mut sound = open(content)?;
    let (rate, channels) = (sound.facts().sample_rate, sound.facts().channels);
    let mut mono = Mono::new(rate, channels, encoder.rate())?;
    let (mut loudness, mut fingerprinter) = (Loudness::new(rate, channels)?, Fingerprinter::new(rate, channels)?);
    let mut peaks = PeakMeter::new(BUCKETS);
    let (mut windows, mut kept) = (Some(encoder.windows()), Vec::new());
    let frames = hear(&mut sound, Part::default(), |block| {
        go_on(watch)?;
        loudness.push(block)?;
        fingerprinter.push(block)?;
        let samples = mono.push(block)?;
        peaks.push(samples);
        if let Some(cutter) = &mut windows {
            kept.extend(cutter.push(samples)?);
            if kept.last().is_some_and(|window: &SoundWindow| window.end > KEPT) {
                (windows, kept) = (None, Vec::new());
            }
        }
        Ok(())
    })?;
    if frames == 0 {
        return Err(nothing(Part::default()));
    }
    let rest = mono.finish()?;
    peaks.push(rest);
    let windows = match windows {
        None => None,
        Some(mut cutter) => {
            kept.extend(cutter.push(rest)?);
            kept.extend(cutter.finish()?);
            Some(kept)
        }
    };
    let duration = frames as f64 / f64::from(rate);
    let mut fields = described(&sound, duration, loudness.finish());
    fields.insert("bytes".to_owned(), json!(bytes));
    fields.insert(CONTENT_HASH.to_owned(), json!(content_hash));
    Ok(Survey { fields, peaks: peaks.finish(), fingerprint: fingerprinter.finish(), windows })
}

/// What is known of a sound at its end.
fn described(sound: &Sound, duration: f64, loudness: Option<f64>) -> Fields {
    let SoundFacts { container, codec, sample_rate, channels, bits, bit_rate, title, artist, album, year, .. } =
        sound.facts();
    let notes = (!sound.notes().is_empty()).then(|| sound.notes().join("; "));
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    let short = |tag: &Option<String>| tag.as_ref().map(|tag| tag.chars().take(MAX_TAG).collect::<String>());
    let [title, artist, album] = [title, artist, album].map(short);
    let all = json!({
        "duration": (duration * 1000.0).round() / 1000.0,
        "sample_rate": sample_rate, "channels": channels, "container": container, "codec": codec, "bits": bits,
        "bit_rate": bit_rate, "title": title, "artist": artist, "album": album, "year": year,
        "loudness": loudness.filter(|value| value.is_finite()).map(tenths), "notes": notes,
    });
    match all {
        serde_json::Value::Object(all) => all.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Fields::new(),
    }
}

/// The number of bytes and their SHA-256.
fn checksum(content: &Content, watch: &Watch) -> Result<(u64, String)> {
    let (mut reader, mut hasher) = (content.open()?, Sha256::new());
    let (mut buffer, mut bytes) = (vec![0; READ], 0);
    loop {
        go_on(watch)?;
        let read = reader.read(&mut buffer).map_err(|error| Error::invalid(format!("cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    let hash = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, hash))
}

/// A sound may be hours long: stopping must not wait for its end.
fn go_on(watch: &Watch) -> Result<()> {
    if watch.is_cancelled() { Err(Error::invalid("the import was stopped")) } else { Ok(()) }
}
