//! Sounds: from foreign bytes, in any common format, to samples; and what can be told of them without a model.
//!
//! ```no_run
//! # use bootcamp_core::audio::{Mono, Sound, SoundLimits};
//! # fn main() -> bootcamp_core::Result<()> {
//! # let file = std::io::Cursor::new(Vec::new());
//! let mut sound = Sound::open(file, &SoundLimits::default())?;
//! let mut mono = Mono::new(sound.facts().sample_rate, sound.facts().channels, 44_100)?;
//! while let Some(block) = sound.read()? {
//!     let samples = mono.push(block)?; // at 44.1 kHz, however the file has them
//! }
//! let last = mono.finish()?;
//! for note in sound.notes() { /* what of the file was left out */ }
//! # Ok(())
//! # }
//! ```
//!
//! Everything works on a stream: an hour of sound never lies in memory. [`known`] tells files that are no sounds, [`movie`]
//! reads what symphonia leaves out of MP4 files, [`source`] is the file as symphonia reads it, [`mod@open`] finds the track
//! and its decoder ([`opus`] is one of ours), [`decode`] reads it; [`facts`] is what its header says. [`mono`], [`loudness`],
//! [`peaks`] and [`fingerprint`] take what was decoded.

mod decode;
mod facts;
pub mod fingerprint;
mod known;
mod loudness;
mod mono;
mod movie;
mod notes;
mod open;
mod opus;
mod peaks;
mod source;

use std::io::{Read, Seek};

use crate::Result;
use decode::Decoding;
pub use loudness::Loudness;
pub use mono::Mono;
pub use peaks::Peaks;

/// How large a file and how long a sound may be.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundLimits {
    /// Of the file; a larger one is refused.
    pub bytes: u64,
    /// Seconds that are read; what comes after them is left out, with a note.
    pub seconds: f64,
    /// A sound of more is refused.
    pub channels: u16,
    /// Samples a second; a sound of more is refused.
    pub rate: u32,
}

impl Default for SoundLimits {
    /// 8 GiB, 10 hours, 64 channels and 768 kHz.
    fn default() -> Self {
        Self { bytes: 8 << 30, seconds: 36_000.0, channels: 64, rate: 768_000 }
    }
}

/// What is known of a sound before all of it is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundFacts {
    /// The format of the file: `wave`, `aiff`, `flac`, `mp3`, `ogg`, `isomp4`, `caf`, `matroska` or `aac`.
    pub container: String,
    /// How the samples are stored: `pcm_s16le`, `flac`, `mp3`, `vorbis`, `opus`, `aac`, `alac` and the like.
    pub codec: String,
    /// Samples a second of each channel.
    pub sample_rate: u32,
    pub channels: u16,
    /// Of a sample, where they are stored as they are or without loss.
    pub bits: Option<u32>,
    /// Seconds, as the header says it, without what an encoder put around the sound.
    pub duration: Option<f64>,
    /// Bits a second: an estimate from the file's size, or, once all was read, what the sound itself took.
    pub bit_rate: Option<u64>,
    pub title: Option<String>,
    pub artist: Option<String>,
    pub album: Option<String>,
    /// Of the release or the recording.
    pub year: Option<i32>,
}

/// An opened sound, read from its beginning to its end.
pub struct Sound {
    decoding: Decoding,
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sound").field("facts", self.facts()).finish_non_exhaustive()
    }
}

impl Sound {
    /// Opens WAV, AIFF, FLAC, MP3, Ogg (Vorbis, Opus, FLAC), MP4 and M4A (AAC, ALAC and others), AAC, CAF, Matroska and WebM,
    /// known by the content. Of a video, its sound is taken. The first samples are decoded at once, so what opens has some.
    ///
    /// # Errors
    /// `InvalidInput` that says what the file is when it is no sound, what is wrong with it, or which limit it exceeds;
    /// `Unsupported` for a sound in a format that is not read; `Io` when the file cannot be read.
    pub fn open(file: impl Read + Seek + Send + Sync + 'static, limits: &SoundLimits) -> Result<Self> {
        Ok(Self { decoding: open::open(file, limits)? })
    }

    pub fn facts(&self) -> &SoundFacts {
        self.decoding.facts()
    }

    /// Goes to a place, in seconds from the beginning, to the sample: what is read then equals what would have been read
    /// there. Beyond the end, nothing is read any more.
    ///
    /// # Errors
    /// `InvalidInput` for what is no place in time, or when the file cannot be read from another place than its beginning.
    pub fn seek(&mut self, seconds: f64) -> Result<()> {
        self.decoding.seek(seconds)
    }

    /// The next block of samples, the channels of each moment side by side ([`SoundFacts::channels`] of them), 1 and -1 being
    /// full scale; `None` at the end. What cannot be decoded is left out; [`Sound::notes`] tells it at the end.
    ///
    /// # Errors
    /// `Io` when the file cannot be read any more.
    pub fn read(&mut self) -> Result<Option<&[f32]>> {
        self.decoding.read()
    }

    /// Seconds from the beginning up to where it was read.
    pub fn position(&self) -> f64 {
        self.decoding.position()
    }

    /// What was left out or changed, for people, once all was read: "ends after 12.3 s, its header says 30.0 s".
    pub fn notes(&self) -> &[String] {
        self.decoding.notes()
    }
}

#[cfg(test)]
mod tests;
