//! What recognises a recording: Chromaprint's acoustic fingerprint, by rusty-chromaprint.
//!
//! A fingerprint is a number of 32 bits for each [`STEP`] of a sound, made of how the notes around it change. The same
//! recording, louder, noisier or encoded again, has most bits in common with itself; two others have half of them, by chance.
//! Lukáš Lalinský describes it at <https://oxygene.sk/2011/01/how-does-chromaprint-work/>.

use rusty_chromaprint::{Configuration, Fingerprinter as Chromaprint};

use super::Mono;
use crate::{Error, ErrorKind, Result};

/// Samples a second that Chromaprint works on.
const RATE: u32 = 11_025;
/// Samples of one frame, a third of which is new in the next.
const FRAME: u32 = 4096;

/// Seconds from one value of a fingerprint to the next.
pub const STEP: f64 = (FRAME / 3) as f64 / RATE as f64;

/// Seconds that one value looks at: a sound that is shorter has no fingerprint. Sixteen frames, after a filter over five.
pub const SPAN: f64 = (FRAME as f64 + 19.0 * (FRAME / 3) as f64) / RATE as f64;

/// Makes the fingerprint of a stream.
pub struct Fingerprinter {
    mono: Mono,
    chromaprint: Chromaprint,
    samples: Vec<i16>,
}

impl std::fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprinter").finish_non_exhaustive()
    }
}

impl Fingerprinter {
    /// # Errors
    /// As [`Mono::new`].
    pub fn new(rate: u32, channels: u16) -> Result<Self> {
        // Our own resampler: Chromaprint's is made for music alone, and leaves more of what is above its frequencies.
        let mono = Mono::new(rate, channels, RATE)?;
        // Chromaprint's default, its second algorithm, as AcoustID uses it.
        let mut chromaprint = Chromaprint::new(&Configuration::preset_test2());
        chromaprint
            .start(RATE, 1)
            .map_err(|error| Error::new(ErrorKind::Internal, "no fingerprint can be made").with_source(error))?;
        Ok(Self { mono, chromaprint, samples: Vec::new() })
    }

    /// # Errors
    /// As [`Mono::push`].
    pub fn push(&mut self, interleaved: &[f32]) -> Result<()> {
        let mono = self.mono.push(interleaved)?;
        consume(&mut self.chromaprint, &mut self.samples, mono);
        Ok(())
    }

    /// Empty for a sound shorter than [`SPAN`].
    pub fn finish(mut self) -> Vec<u32> {
        // It fails only where pushing has failed before.
        if let Ok(last) = self.mono.finish() {
            consume(&mut self.chromaprint, &mut self.samples, last);
        }
        self.chromaprint.finish();
        self.chromaprint.fingerprint().to_vec()
    }
}

fn consume(chromaprint: &mut Chromaprint, samples: &mut Vec<i16>, mono: &[f32]) {
    samples.clear();
    let full = f32::from(i16::MAX);
    samples.extend(mono.iter().map(|sample| (sample * full).round() as i16));
    chromaprint.consume(samples);
}

/// The share of bits in which two fingerprints of the same length differ, as far as the shorter one reaches: 0 for the same,
/// about 0.5 by chance. 0.5, too, where one is empty.
pub fn bit_error(a: &[u32], b: &[u32]) -> f64 {
    let count = a.len().min(b.len());
    if count == 0 {
        return 0.5;
    }
    let different: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
    f64::from(different) / (count * 32) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A melody of random notes, one every fifth of a second.
    fn melody(seed: u64, rate: u32, seconds: usize) -> Vec<f32> {
        let mut state = seed;
        let mut notes = Vec::new();
        for _ in 0..seconds * 5 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            notes.push(220.0 * 2.0_f64.powf((state >> 33) as f64 % 24.0 / 12.0));
        }
        let count = rate as usize * seconds;
        let value = |at: usize| {
            let seconds = at as f64 / f64::from(rate);
            let note = notes[(seconds * 5.0) as usize % notes.len()];
            let wave = |harmonic: f64| (std::f64::consts::TAU * note * harmonic * seconds).sin() / harmonic;
            (0.3 * (wave(1.0) + wave(2.0) + wave(3.0))) as f32
        };
        (0..count).map(value).collect()
    }

    fn fingerprint(rate: u32, samples: &[f32]) -> Vec<u32> {
        let mut maker = Fingerprinter::new(rate, 1).unwrap();
        samples.chunks(1000).for_each(|block| maker.push(block).unwrap());
        maker.finish()
    }

    #[test]
    fn a_recording_is_recognised_at_another_rate_louder_and_with_noise_and_others_are_not() {
        let original = fingerprint(44_100, &melody(1, 44_100, 20));
        let again = fingerprint(48_000, &melody(1, 48_000, 20));
        assert!(bit_error(&original, &again) < 0.05, "{}", bit_error(&original, &again));
        let mut state = 9_u32;
        let noisy: Vec<f32> = melody(1, 44_100, 20)
            .iter()
            .map(|sample| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                0.5 * sample + 0.05 * (state as f32 / u32::MAX as f32 - 0.5)
            })
            .collect();
        assert!(bit_error(&original, &fingerprint(44_100, &noisy)) < 0.2);
        let other = bit_error(&original, &fingerprint(44_100, &melody(2, 44_100, 20)));
        assert!((0.3..0.7).contains(&other), "{other}");
    }

    #[test]
    fn a_part_has_the_values_of_its_place() {
        let whole = melody(3, 11_025, 30);
        let step = FRAME as usize / 3;
        let (original, part) = (fingerprint(RATE, &whole), fingerprint(RATE, &whole[50 * step..]));
        assert!(bit_error(&original[50..], &part) < 0.02);
        let seconds = whole.len() as f64 / f64::from(RATE);
        assert!((original.len() as f64 - (seconds - SPAN) / STEP).abs() <= 1.5, "{} values", original.len());
    }

    #[test]
    fn what_is_too_short_has_no_fingerprint() {
        assert!(fingerprint(44_100, &[]).is_empty());
        assert!(fingerprint(44_100, &melody(1, 44_100, 2)).is_empty());
        assert!((bit_error(&[], &[1]) - 0.5).abs() < f64::EPSILON);
        assert!((bit_error(&[0, 0xffff], &[0, 0, 7]) - 0.25).abs() < f64::EPSILON);
    }
}
