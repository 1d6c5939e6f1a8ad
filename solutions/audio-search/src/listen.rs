//! Listening to a sound: block by block from its file, as long as it may be, to whoever wants to hear it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use bootcamp_core::audio::{Mono, Peaks as PeakMeter, Sound, SoundLimits};
use bootcamp_core::encoder::{AudioEncoder, SoundWindow, SoundWindows};
use bootcamp_core::{Error, Result};
use bootcamp_kit::Content;

use crate::waveform::{BUCKETS, Peaks};

/// A part of a sound, in seconds from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    pub from: f64,
    /// `None`: to the end.
    pub to: Option<f64>,
}

/// Seconds of a query that are heard.
pub const MAX_QUERY: f64 = 600.0;

impl Part {
    /// What is heard of it as a query, and whether it may be longer than that.
    pub fn of_query(self) -> (Self, bool) {
        let end = self.from + MAX_QUERY;
        match self.to {
            Some(to) if to <= end => (self, false),
            _ => (Self { to: Some(end), ..self }, true),
        }
    }
}

/// What to say of a query that is longer than what was heard of it.
pub fn too_long() -> String {
    let minutes = MAX_QUERY / 60.0;
    format!("the first {minutes} minutes of the query were searched for: choose a part of it by 'from' and 'to'")
}

/// Opens a sound, wherever its bytes are.
///
/// # Errors
/// `InvalidInput` for what is no sound; those of the file system.
pub fn open(content: &Content) -> Result<Sound> {
    let limits = SoundLimits::default();
    match content {
        Content::Bytes(bytes) => Sound::open(Cursor::new(bytes.clone()), &limits),
        Content::File(path) => open_file(path),
        Content::Spooled(file) => open_file(file.path()),
    }
}

/// Opens a sound in a file.
///
/// # Errors
/// As [`open`].
pub fn open_file(path: &Path) -> Result<Sound> {
    let cannot_read = |error| Error::io("cannot read", path, error);
    // Opening a pipe would block until something writes to it.
    if !path.metadata().map_err(cannot_read)?.is_file() {
        return Err(Error::invalid(format!("{} is not a file", path.display())));
    }
    Sound::open(File::open(path).map_err(cannot_read)?, &SoundLimits::default())
}

/// Hands each block of a part of a sound to `each`, all channels interleaved. Says how many frames there were: samples of
/// one channel.
///
/// # Errors
/// `InvalidInput` for a part that ends before it begins; those of decoding, of seeking and of `each`.
pub fn hear(sound: &mut Sound, part: Part, mut each: impl FnMut(&[f32]) -> Result<()>) -> Result<u64> {
    let channels = usize::from(sound.facts().channels).max(1);
    let rate = f64::from(sound.facts().sample_rate);
    let mut left = match part.to {
        Some(to) if to <= part.from => {
            return Err(Error::invalid(format!("the part from {} s to {to} s has no length", part.from)));
        }
        Some(to) => ((to - part.from) * rate).round() as u64,
        None => u64::MAX,
    };
    if part.from > 0.0 {
        sound.seek(part.from)?;
    }
    let mut heard = 0;
    while left > 0 {
        let Some(block) = sound.read()? else { break };
        let frames = ((block.len() / channels) as u64).min(left);
        each(&block[..frames as usize * channels])?;
        heard += frames;
        left -= frames;
    }
    Ok(heard)
}

/// Windows of a part of a sound as a model takes them, their times counted from the sound's beginning.
///
/// # Errors
/// Those of [`hear`]; `InvalidInput` for a part in which there is nothing.
pub fn windows(sound: &mut Sound, part: Part, encoder: &AudioEncoder) -> Result<Vec<SoundWindow>> {
    let (rate, channels) = (sound.facts().sample_rate, sound.facts().channels);
    let (mut mono, mut windows) = (Mono::new(rate, channels, encoder.rate())?, encoder.windows());
    let mut found = Vec::new();
    let frames = hear(sound, part, |block| {
        found.extend(windows.push(mono.push(block)?)?);
        Ok(())
    })?;
    found.extend(windows.push(mono.finish()?)?);
    found.extend(windows.finish()?);
    if frames == 0 || found.is_empty() {
        return Err(nothing(part));
    }
    for window in &mut found {
        (window.start, window.end) = (window.start + part.from, window.end + part.from);
    }
    Ok(found)
}

/// The outline of a part of a sound.
///
/// # Errors
/// Those of [`hear`].
pub fn outline(sound: &mut Sound, part: Part) -> Result<Peaks> {
    let rate = sound.facts().sample_rate;
    let mut mono = Mono::new(rate, sound.facts().channels, rate)?;
    let mut peaks = PeakMeter::new(BUCKETS);
    hear(sound, part, |block| {
        peaks.push(mono.push(block)?);
        Ok(())
    })?;
    peaks.push(mono.finish()?);
    Ok(peaks.finish())
}

/// There is no sound in a part.
pub fn nothing(part: Part) -> Error {
    if part.from > 0.0 {
        return Error::invalid(format!("there is nothing from {} s on", part.from))
            .with_hint("the sound is shorter than that");
    }
    Error::invalid("there is no sound in it")
}

/// The windows of a whole sound one by one, in bounded memory.
pub struct Listening {
    sound: Sound,
    mono: Mono,
    windows: Option<SoundWindows>,
    ready: VecDeque<SoundWindow>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

impl Listening {
    /// # Errors
    /// Those of resampling.
    pub fn new(sound: Sound, encoder: &AudioEncoder) -> Result<Self> {
        let mono = Mono::new(sound.facts().sample_rate, sound.facts().channels, encoder.rate())?;
        Ok(Self { sound, mono, windows: Some(encoder.windows()), ready: VecDeque::new() })
    }

    /// Reads one block more; at the end, `windows` is gone.
    fn read(&mut self) -> Result<()> {
        let Some(windows) = &mut self.windows else { return Ok(()) };
        if let Some(block) = self.sound.read()? {
            self.ready.extend(windows.push(self.mono.push(block)?)?);
            return Ok(());
        }
        self.ready.extend(windows.push(self.mono.finish()?)?);
        self.ready.extend(self.windows.take().map(SoundWindows::finish).transpose()?.unwrap_or_default());
        Ok(())
    }
}

impl Iterator for Listening {
    type Item = Result<SoundWindow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(window) = self.ready.pop_front() {
                return Some(Ok(window));
            }
            self.windows.as_ref()?;
            if let Err(error) = self.read() {
                self.windows = None;
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_heard_for_ten_minutes() {
        let part = |from, to| Part { from, to };
        assert_eq!(part(5.0, Some(9.0)).of_query(), (part(5.0, Some(9.0)), false));
        assert_eq!(part(5.0, None).of_query(), (part(5.0, Some(605.0)), true));
        assert_eq!(part(0.0, Some(9000.0)).of_query(), (part(0.0, Some(600.0)), true));
    }
}
