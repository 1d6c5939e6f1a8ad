//! Sounds through a model: windows of a stream, what the model takes of each, and their embeddings.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use ort::session::SessionInputValue;
use ort::value::{Tensor, TensorElementType};

use super::mel::Spectrogram;
use super::queue::{Queue, Work};
use super::session::{Expected, Files, Inputs, Tower};
use super::{EncoderOptions, runtime};
use crate::models::{AudioAxis, AudioTower, Level, ModelSpec, Short};
use crate::{Error, ErrorKind, Result};

/// A window whose samples stay within this of their middle is silent: -80 dB of full scale, less than the noise of most
/// recordings and more than that of 16 bits.
const SILENCE: f32 = 1e-4;

/// Encodes sounds.
#[derive(Clone)]
pub struct AudioEncoder {
    front: Arc<Front>,
    queue: Queue<Frames>,
}

impl std::fmt::Debug for AudioEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioEncoder").field("tower", &self.front.tower).finish_non_exhaustive()
    }
}

/// One window of a sound as a model takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frames(Vec<f32>);

impl Frames {
    /// The numbers in the order of the model's tensor: samples, or the bands of one frame after the other, unless the
    /// manifest has the bands first.
    pub fn values(&self) -> &[f32] {
        &self.0
    }
}

/// A window of a stream of sound.
#[derive(Clone, Debug)]
pub struct SoundWindow {
    /// In seconds from the stream's first sample.
    pub start: f64,
    /// Never beyond the stream's last sample.
    pub end: f64,
    /// Whether nothing is to be heard in it; of its embedding, nobody can say what it stands for.
    pub silent: bool,
    pub frames: Frames,
}

/// From samples to [`Frames`].
struct Front {
    tower: AudioTower,
    mel: Option<Spectrogram>,
}

impl Front {
    fn new(tower: &AudioTower) -> Self {
        Self { tower: tower.clone(), mel: tower.mel.as_ref().map(|mel| Spectrogram::new(mel, tower.rate)) }
    }

    /// One window: a shorter one is filled up first.
    fn prepare(&self, mono: &[f32]) -> Result<Frames> {
        let window = self.tower.window;
        if mono.is_empty() || mono.len() > window {
            let message = format!("a window of {} samples is not within 1 to {window}", mono.len());
            return Err(Error::invalid(message));
        }
        let samples = if mono.len() < window { Cow::from(self.filled(mono)) } else { Cow::from(mono) };
        let gain = match self.tower.level {
            Level::None => 1.0,
            Level::Peak => gain(&samples),
        };
        let values = match &self.mel {
            None => samples.iter().map(|sample| sample * gain).collect(),
            Some(mel) => self.laid_out(mel.run(&samples, gain)?),
        };
        Ok(Frames(values))
    }

    /// A whole window of a shorter sound.
    fn filled(&self, mono: &[f32]) -> Vec<f32> {
        let window = self.tower.window;
        let sounding = match self.tower.short {
            Short::Pad => mono.len(),
            Short::Repeat => window,
            Short::RepeatWhole => window / mono.len() * mono.len(),
        };
        let mut samples: Vec<f32> = mono.iter().copied().cycle().take(sounding).collect();
        samples.resize(window, 0.0);
        samples
    }

    /// Frame by frame to the model's order of axes.
    fn laid_out(&self, values: Vec<f32>) -> Vec<f32> {
        let first = self.tower.input.axes.iter().find(|axis| **axis != AudioAxis::One);
        let Some(bands) = self.tower.mel.as_ref().map(|mel| mel.bands) else { return values };
        if first == Some(&AudioAxis::Frames) {
            return values;
        }
        (0..bands).flat_map(|band| values.iter().skip(band).step_by(bands).copied()).collect()
    }

    /// The shape of the model's tensor; −1 where any number will do.
    fn shape(&self, count: i64) -> Vec<i64> {
        let tower = &self.tower;
        let side = |axis: &AudioAxis| match (axis, &tower.mel) {
            (AudioAxis::Frames, Some(mel)) => mel.frames_taken(tower.window) as i64,
            (AudioAxis::Bands, Some(mel)) => mel.bands as i64,
            (AudioAxis::Samples, _) => tower.window as i64,
            _ => 1,
        };
        std::iter::once(count).chain(tower.input.axes.iter().map(side)).collect()
    }

    fn seconds(&self, samples: u64) -> f64 {
        samples as f64 / f64::from(self.tower.rate)
    }
}

/// What makes the loudest sample 1; silence stays as it is.
fn gain(samples: &[f32]) -> f32 {
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if peak > 0.0 { 1.0 / peak } else { 1.0 }
}

fn is_silent(samples: &[f32]) -> bool {
    let extremes = |(low, high): (f32, f32), sample: &f32| (low.min(*sample), high.max(*sample));
    let (low, high) = samples.iter().fold((f32::INFINITY, f32::NEG_INFINITY), extremes);
    high - low < 2.0 * SILENCE
}

struct AudioWork {
    tower: Tower,
    front: Arc<Front>,
    batch: usize,
}

impl Work<Frames> for AudioWork {
    fn run(&mut self, items: &[&Frames]) -> Result<Vec<Vec<f32>>> {
        let inputs = inputs(&self.front, items)?;
        self.tower.run(inputs, items.len(), None)
    }

    fn size(_: &Frames) -> usize {
        0
    }

    fn batch(&self, _: usize) -> usize {
        self.tower.batch(self.batch)
    }
}

fn inputs<'a>(front: &'a Front, windows: &[&Frames]) -> Result<Inputs<'a>> {
    let shape = front.shape(windows.len() as i64);
    let each = shape.iter().skip(1).product::<i64>() as usize;
    if windows.iter().any(|window| window.0.len() != each) {
        return Err(Error::new(ErrorKind::Internal, "a sound was prepared for another model"));
    }
    let values: Vec<f32> = windows.iter().flat_map(|window| &window.0).copied().collect();
    let input: ort::Result<SessionInputValue<'_>> = Tensor::from_array((shape, values)).map(Into::into);
    let input = input.map_err(|error| runtime::failed("cannot make a tensor of the sounds", error))?;
    Ok(vec![(Cow::from(&front.tower.input.name), input)])
}

impl AudioEncoder {
    pub(super) fn load(
        model: &ModelSpec,
        tower: &AudioTower,
        files: &Files,
        library: &Path,
        options: &EncoderOptions,
    ) -> Result<Self> {
        let front = Arc::new(Front::new(tower));
        let expected =
            Expected { name: &tower.input.name, element: TensorElementType::Float32, shape: front.shape(-1) };
        let loaded = Tower::load(&model.name, model.dim, &tower.output, files, &[expected], library, options)?;
        let mut work = AudioWork { tower: loaded, front: Arc::clone(&front), batch: options.batch };
        // Run once now, rather than fail in the middle of an import.
        work.run(&[&front.prepare(&[0.5, -0.5])?])?;
        Ok(Self { front, queue: Queue::start("sounds", work)? })
    }

    /// Samples a second that the model takes: [`Mono`](crate::audio::Mono) makes them of any others.
    pub fn rate(&self) -> u32 {
        self.front.tower.rate
    }

    /// The length of a window, in seconds.
    pub fn window(&self) -> f64 {
        self.front.seconds(self.front.tower.window as u64)
    }

    /// From the beginning of a window to that of the next one, in seconds.
    pub fn step(&self) -> f64 {
        self.front.seconds(self.front.tower.step as u64)
    }

    /// What the model takes of one window, samples at [`AudioEncoder::rate`]; shorter ones are filled up as the manifest
    /// says. Computes: call it on a thread that may.
    ///
    /// # Errors
    /// `InvalidInput` when there are no samples, or more than a window has.
    pub fn prepare(&self, mono: &[f32]) -> Result<Frames> {
        self.front.prepare(mono)
    }

    /// The windows of a stream of samples at [`AudioEncoder::rate`].
    pub fn windows(&self) -> SoundWindows {
        SoundWindows::new(Arc::clone(&self.front))
    }

    /// An embedding of dimension [`ModelSpec::dim`] for each window. Waits while the queue is full.
    pub async fn embed(&self, frames: Vec<Frames>) -> Result<Vec<Vec<f32>>> {
        self.queue.embed(frames).await
    }

    /// [`AudioEncoder::embed`] for threads that may wait; panics on an async executor's.
    pub fn embed_blocking(&self, frames: Vec<Frames>) -> Result<Vec<Vec<f32>>> {
        self.queue.embed_blocking(frames)
    }
}

/// Cuts a stream of samples into windows. Holds the samples of about one window, however long the stream is.
pub struct SoundWindows {
    front: Arc<Front>,
    /// Samples of the stream from the beginning of the last window on.
    kept: Vec<f32>,
    /// Samples of the stream before those.
    dropped: u64,
    /// Where the next window begins, in `kept`.
    next: usize,
    /// Where the last window ended, in the stream.
    covered: u64,
}

impl std::fmt::Debug for SoundWindows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoundWindows").field("covered", &self.covered).finish_non_exhaustive()
    }
}

impl SoundWindows {
    /// As a tower takes them, which a registry has checked: [`AudioEncoder::windows`] without the model.
    pub fn of(tower: &AudioTower) -> Self {
        Self::new(Arc::new(Front::new(tower)))
    }

    fn new(front: Arc<Front>) -> Self {
        Self { front, kept: Vec::new(), dropped: 0, next: 0, covered: 0 }
    }

    /// The windows that are complete with these samples.
    ///
    /// # Errors
    /// `Internal` when a spectrum cannot be computed.
    pub fn push(&mut self, mono: &[f32]) -> Result<Vec<SoundWindow>> {
        let (window, step) = (self.front.tower.window, self.front.tower.step);
        self.kept.extend_from_slice(mono);
        let mut made = Vec::new();
        while let Some(samples) = self.kept.get(self.next..self.next + window) {
            made.push(self.window(samples, self.next)?);
            self.covered = self.dropped + (self.next + window) as u64;
            self.next += step;
        }
        // The last window's samples stay: those before the stream's end may be among them.
        let done = self.next.saturating_sub(step);
        self.kept.drain(..done);
        self.dropped += done as u64;
        self.next -= done;
        Ok(made)
    }

    /// What is left: one window that ends with the stream, unless the last one did. A stream shorter than a window is one
    /// window, filled up as the manifest says. None for a stream without samples.
    ///
    /// # Errors
    /// As [`SoundWindows::push`].
    pub fn finish(self) -> Result<Vec<SoundWindow>> {
        if self.dropped + self.kept.len() as u64 == self.covered {
            return Ok(Vec::new());
        }
        let start = self.kept.len().saturating_sub(self.front.tower.window);
        Ok(vec![self.window(&self.kept[start..], start)?])
    }

    /// The window of these samples, whose first one is here in `kept`.
    fn window(&self, samples: &[f32], start: usize) -> Result<SoundWindow> {
        let start = self.dropped + start as u64;
        Ok(SoundWindow {
            start: self.front.seconds(start),
            end: self.front.seconds(start + samples.len() as u64),
            silent: is_silent(samples),
            frames: self.front.prepare(samples)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::models::{AudioInput, FileSpec, Output, Pooling, Source};
    use proptest::prelude::*;

    fn tower(window: usize, step: usize, short: Short, level: Level) -> AudioTower {
        AudioTower {
            file: FileSpec { source: Source::File(PathBuf::new()), sha256: None, bytes: None, platform: None },
            weights: None,
            input: AudioInput { name: "x".into(), axes: vec![AudioAxis::Samples] },
            rate: 10,
            window,
            step,
            short,
            level,
            mel: None,
            output: Output { tensor: "y".into(), pooling: Pooling::None, normalise: false },
        }
    }

    fn windows(window: usize, step: usize) -> SoundWindows {
        SoundWindows::of(&tower(window, step, Short::Pad, Level::None))
    }

    /// A stream's windows: beginning, end and samples.
    fn cut(mut windows: SoundWindows, blocks: &[&[f32]]) -> Vec<(f64, f64, Vec<f32>)> {
        let mut all = Vec::new();
        for block in blocks {
            all.extend(windows.push(block).unwrap());
        }
        all.extend(windows.finish().unwrap());
        all.into_iter().map(|window| (window.start, window.end, window.frames.0)).collect()
    }

    #[test]
    fn the_last_window_ends_with_the_sound() {
        let samples: Vec<f32> = (0..11).map(|at| at as f32).collect();
        let places: Vec<_> = cut(windows(4, 2), &[&samples]).into_iter().map(|(start, end, _)| (start, end)).collect();
        assert_eq!(places, [(0.0, 0.4), (0.2, 0.6), (0.4, 0.8), (0.6, 1.0), (0.7, 1.1)]);
        let last = cut(windows(4, 2), &[&samples]).pop().unwrap();
        assert_eq!(last.2, [7.0, 8.0, 9.0, 10.0]);
        assert_eq!(cut(windows(4, 2), &[&samples[..6]]).len(), 2);
        // Shorter than a window: its end is the sound's.
        assert_eq!(cut(windows(4, 2), &[&samples[..3]]), [(0.0, 0.3, vec![0.0, 1.0, 2.0, 0.0])]);
        assert!(cut(windows(4, 2), &[&[]]).is_empty());
    }

    proptest! {
        #[test]
        fn any_blocks_give_the_same_windows_and_they_cover_the_sound(
            blocks in proptest::collection::vec(proptest::collection::vec(-1.0_f32..1.0, 0..40), 0..12),
            window in 1_usize..30,
            step in 1_usize..30,
        ) {
            let step = step.min(window);
            let whole = blocks.concat();
            let blocks: Vec<&[f32]> = blocks.iter().map(Vec::as_slice).collect();
            let found = cut(windows(window, step), &blocks);
            prop_assert_eq!(&found, &cut(windows(window, step), &[&whole]));
            prop_assert_eq!(found.last().map(|last| last.1), (!whole.is_empty()).then_some(whole.len() as f64 / 10.0));
            for (at, (start, end, samples)) in found.iter().enumerate() {
                let first = (start * 10.0).round() as usize;
                let length = (end * 10.0).round() as usize - first;
                prop_assert_eq!(&samples[..length], &whole[first..first + length]);
                prop_assert!(first == at * step || at + 1 == found.len());
            }
        }
    }

    #[test]
    fn short_sounds_are_filled_up_as_the_manifest_says() {
        let prepared = |short, level, samples: &[f32]| Front::new(&tower(7, 7, short, level)).prepare(samples);
        let sound = [0.5, -0.25, 0.0];
        let made = |short| prepared(short, Level::None, &sound).unwrap().0;
        assert_eq!(made(Short::Repeat), [0.5, -0.25, 0.0, 0.5, -0.25, 0.0, 0.5]);
        assert_eq!(made(Short::RepeatWhole), [0.5, -0.25, 0.0, 0.5, -0.25, 0.0, 0.0]);
        assert_eq!(made(Short::Pad), [0.5, -0.25, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let loud = prepared(Short::Pad, Level::Peak, &sound).unwrap().0;
        assert_eq!(loud[..3], [1.0, -0.5, 0.0]);
        assert_eq!(prepared(Short::Pad, Level::Peak, &[0.0]).unwrap().0, [0.0; 7]);
        let error = prepared(Short::Pad, Level::None, &[0.0; 8]).unwrap_err();
        assert_eq!(error.to_string(), "a window of 8 samples is not within 1 to 7");
        assert!(prepared(Short::Pad, Level::None, &[]).is_err());
    }

    #[test]
    fn silence_is_told_from_the_quietest_sounds() {
        assert!(is_silent(&[0.0; 9]) && is_silent(&[0.3; 9]) && is_silent(&[0.00005, -0.00005]));
        assert!(!is_silent(&[0.0, 0.001, -0.001]));
    }
}
