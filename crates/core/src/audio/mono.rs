//! Blocks of any rate and number of channels to one channel at another rate, as a stream: a model was trained at one rate.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler};

use crate::{Error, ErrorKind, Result};

/// Samples that go into the resampler together: small enough to stay in the processor's cache.
const CHUNK: usize = 4096;
/// Samples of one Fourier transform in it: the longer, the steeper the filter at the highest frequencies.
const PART: usize = 1024;

/// Makes one channel, the mean of all, at another rate. What comes out begins where the sound began and is as long as it was:
/// the resampler's own delay is taken away.
pub struct Mono {
    channels: usize,
    /// `None` where the rate stays.
    resampling: Option<Resampling>,
    mono: Vec<f32>,
}

impl std::fmt::Debug for Mono {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mono").field("channels", &self.channels).finish_non_exhaustive()
    }
}

struct Resampling {
    resampler: Fft<f32>,
    ratio: (u64, u64),
    /// Samples that do not fill a chunk yet.
    waiting: Vec<f32>,
    chunk: Vec<f32>,
    out: Vec<f32>,
    /// Samples still to come out before the sound's first.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Mono {
    /// From interleaved blocks at `rate` to one channel at `to`, in samples a second.
    ///
    /// # Errors
    /// `InvalidInput` when a number is 0.
    pub fn new(rate: u32, channels: u16, to: u32) -> Result<Self> {
        if rate == 0 || channels == 0 || to == 0 {
            let message = format!("cannot make one channel at {to} Hz of {channels} at {rate} Hz");
            return Err(Error::invalid(message));
        }
        let resampling = if rate == to { None } else { Some(Resampling::new(rate, to)?) };
        Ok(Self { channels: channels.into(), resampling, mono: Vec::new() })
    }

    /// What can be given of these samples and those before.
    ///
    /// # Errors
    /// `InvalidInput` when the last moment lacks a channel.
    pub fn push(&mut self, interleaved: &[f32]) -> Result<&[f32]> {
        if !interleaved.len().is_multiple_of(self.channels) {
            let message = format!("{} samples are not of {} channels", interleaved.len(), self.channels);
            return Err(Error::invalid(message));
        }
        self.mono.clear();
        mix(interleaved, self.channels, &mut self.mono);
        match &mut self.resampling {
            None => Ok(&self.mono),
            Some(resampling) => resampling.push(&self.mono),
        }
    }

    /// What is left.
    ///
    /// # Errors
    /// `Internal` when it cannot be resampled.
    pub fn finish(&mut self) -> Result<&[f32]> {
        match &mut self.resampling {
            None => Ok(&[]),
            Some(resampling) => resampling.finish(),
        }
    }
}

/// The mean of each moment's channels.
fn mix(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    match channels {
        1 => mono.extend_from_slice(interleaved),
        2 => mono.extend(interleaved.chunks_exact(2).map(|pair| (pair[0] + pair[1]) * 0.5)),
        _ => {
            let share = 1.0 / channels as f32;
            mono.extend(interleaved.chunks_exact(channels).map(|all| all.iter().sum::<f32>() * share));
        }
    }
}

impl Resampling {
    fn new(rate: u32, to: u32) -> Result<Self> {
        let chunk = CHUNK.max(rate as usize / 64);
        let resampler = Fft::new_custom(
            rate as usize,
            to as usize,
            chunk,
            chunk / PART,
            1,
            rubato::WindowFunction::BlackmanHarris2,
            FixedSync::Both,
        );
        let resampler = resampler.map_err(|error| {
            let message = format!("cannot resample from {rate} Hz to {to} Hz: {error}");
            Error::new(ErrorKind::Internal, message)
        })?;
        let delay = resampler.output_delay();
        let chunk = vec![0.0; resampler.output_frames_max()];
        let ratio = (to.into(), rate.into());
        Ok(Self { resampler, ratio, waiting: Vec::new(), chunk, out: Vec::new(), delay, taken: 0, given: 0 })
    }

    fn push(&mut self, mono: &[f32]) -> Result<&[f32]> {
        self.out.clear();
        self.taken += mono.len() as u64;
        self.waiting.extend_from_slice(mono);
        let mut done = 0;
        while self.waiting.len() - done >= self.resampler.input_frames_next() {
            done += self.step(done, None)?;
        }
        self.waiting.drain(..done);
        self.given += self.out.len() as u64;
        Ok(&self.out)
    }

    /// Silence is pushed through until all that came in has come out.
    fn finish(&mut self) -> Result<&[f32]> {
        self.out.clear();
        let total = (self.taken * self.ratio.0).div_ceil(self.ratio.1);
        let missing = usize::try_from(total - self.given.min(total)).unwrap_or(usize::MAX);
        let mut partial = self.waiting.len();
        while self.out.len() < missing {
            self.step(0, Some(partial))?;
            partial = 0;
        }
        self.out.truncate(missing);
        self.given += self.out.len() as u64;
        self.waiting.clear();
        Ok(&self.out)
    }

    /// Resamples one chunk, which begins here in what waits: how many samples it took.
    fn step(&mut self, from: usize, partial: Option<usize>) -> Result<usize> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Internal, format!("the sound cannot be resampled: {error}"))
        };
        let input = &self.waiting[from..];
        let input = InterleavedSlice::new(input, 1, input.len()).map_err(|error| failed(&error))?;
        let length = self.chunk.len();
        let mut output = InterleavedSlice::new_mut(&mut self.chunk, 1, length).map_err(|error| failed(&error))?;
        let indexing = partial.map(|frames| Indexing::new().partial_len(frames));
        let done = self.resampler.process_into_buffer(&input, &mut output, indexing.as_ref());
        let (taken, given) = done.map_err(|error| failed(&error))?;
        let late = self.delay.min(given);
        self.delay -= late;
        self.out.extend_from_slice(&self.chunk[late..given]);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mono: &mut Mono, blocks: &[&[f32]]) -> Vec<f32> {
        let mut all = Vec::new();
        for block in blocks {
            all.extend_from_slice(mono.push(block).unwrap());
        }
        all.extend_from_slice(mono.finish().unwrap());
        all
    }

    fn tone(hz: f64, rate: u32, count: usize) -> Vec<f32> {
        (0..count).map(|at| (std::f64::consts::TAU * hz * at as f64 / f64::from(rate)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_is_the_same_tone_at_another_rate_and_in_its_place() {
        for (rate, to) in [(48_000, 44_100), (44_100, 48_000), (8_000, 44_100), (96_000, 11_025), (22_050, 44_100)] {
            let count = rate as usize;
            let resampled = all(&mut Mono::new(rate, 1, to).unwrap(), &[&tone(440.0, rate, count)]);
            assert_eq!(resampled.len(), to as usize);
            // A tone that begins all at once has all frequencies there: the edges ring.
            let edge = to as usize / 20;
            let expected = tone(440.0, to, to as usize);
            let worst = resampled.iter().zip(&expected).skip(edge).take(expected.len() - 2 * edge);
            let worst = worst.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{rate} -> {to}: {worst}");
        }
    }

    #[test]
    fn blocks_of_any_size_give_what_one_gives() {
        let sound = tone(1000.0, 32_000, 70_001);
        let whole = all(&mut Mono::new(32_000, 1, 44_100).unwrap(), &[&sound]);
        let mut blocks = Vec::new();
        let mut rest = sound.as_slice();
        for size in [0, 1, 999, 4096, 3, 20_000].iter().cycle() {
            let (block, later) = rest.split_at(rest.len().min(*size));
            blocks.push(block);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(all(&mut Mono::new(32_000, 1, 44_100).unwrap(), &blocks), whole);
        assert_eq!(whole.len() as u64, (70_001_u64 * 44_100).div_ceil(32_000));
    }

    #[test]
    fn channels_become_their_mean() {
        let mut mono = Mono::new(44_100, 2, 44_100).unwrap();
        assert_eq!(mono.push(&[1.0, 0.0, -1.0, -1.0]).unwrap(), [0.5, -1.0]);
        assert!(mono.finish().unwrap().is_empty());
        let mut mono = Mono::new(44_100, 3, 44_100).unwrap();
        assert_eq!(mono.push(&[0.75, 0.0, 0.75]).unwrap(), [0.5]);
        assert_eq!(mono.push(&[1.0]).unwrap_err().to_string(), "1 samples are not of 3 channels");
        assert!(Mono::new(0, 1, 44_100).is_err() && Mono::new(44_100, 0, 44_100).is_err());
    }

    #[test]
    fn rates_without_a_common_measure_and_sounds_of_one_sample_are_resampled() {
        for (rate, to) in [(44_101, 44_100), (768_000, 11_025), (100, 44_100), (44_100, 767_999)] {
            assert!(all(&mut Mono::new(rate, 1, to).unwrap(), &[]).is_empty());
            let one = all(&mut Mono::new(rate, 1, to).unwrap(), &[&[0.5]]);
            assert_eq!(one.len() as u64, u64::from(to).div_ceil(rate.into()));
        }
    }
}
