//! How loud a sound is to people: the integrated loudness of EBU R 128 (ITU-R BS.1770).

use ebur128::{EbuR128, Mode};

use crate::{Error, Result};

/// Measures a stream. Its memory does not grow: blocks are counted in a histogram of 0.1 LU, which is finer than ears are.
pub struct Loudness {
    meter: EbuR128,
}

impl std::fmt::Debug for Loudness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loudness").finish_non_exhaustive()
    }
}

impl Loudness {
    /// # Errors
    /// `InvalidInput` for no channel or more than 64, or a rate that no sound has.
    pub fn new(rate: u32, channels: u16) -> Result<Self> {
        let meter = EbuR128::new(channels.into(), rate, Mode::I | Mode::HISTOGRAM);
        let meter = meter.map_err(|error| {
            Error::invalid(format!("the loudness of {channels} channels at {rate} Hz cannot be measured: {error}"))
        })?;
        Ok(Self { meter })
    }

    /// # Errors
    /// `InvalidInput` when the last moment lacks a channel.
    pub fn push(&mut self, interleaved: &[f32]) -> Result<()> {
        let added = self.meter.add_frames_f32(interleaved);
        added.map_err(|error| Error::invalid(format!("the loudness cannot be measured: {error}")))
    }

    /// In LUFS. `None` for silence, and for what is shorter than the 0.4 s that the measure is made of.
    pub fn finish(self) -> Option<f64> {
        self.meter.loudness_global().ok().filter(|loudness| loudness.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loudness(rate: u32, channels: u16, samples: impl Iterator<Item = f32>) -> Option<f64> {
        let samples: Vec<f32> = samples.collect();
        let mut meter = Loudness::new(rate, channels).unwrap();
        samples.chunks(999 * usize::from(channels)).for_each(|block| meter.push(block).unwrap());
        meter.finish()
    }

    fn tone(rate: u32, seconds: f64, level: f64) -> impl Iterator<Item = f32> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(move |at| (level * (std::f64::consts::TAU * 1000.0 * at as f64 / f64::from(rate)).sin()) as f32)
    }

    #[test]
    fn tones_are_as_loud_as_the_standard_says() {
        // EBU Tech 3341, case 1: 1 kHz at -23 dBFS in both channels is -23 LUFS.
        let level = 10.0_f64.powf(-23.0 / 20.0);
        let both = tone(48_000, 20.0, level).flat_map(|sample| [sample, sample]);
        assert!((loudness(48_000, 2, both).unwrap() + 23.0).abs() < 0.1);
        // One channel alone is half of that.
        assert!((loudness(44_100, 1, tone(44_100, 5.0, level)).unwrap() + 26.0).abs() < 0.1);
    }

    #[test]
    fn silence_and_the_shortest_sounds_have_no_loudness() {
        assert_eq!(loudness(44_100, 2, std::iter::repeat_n(0.0, 200_000)), None);
        assert_eq!(loudness(44_100, 1, tone(44_100, 0.39, 0.5)), None);
        assert!(loudness(44_100, 1, tone(44_100, 0.41, 0.5)).is_some());
        assert!(Loudness::new(44_100, 0).is_err());
        assert!(Loudness::new(44_100, 2).unwrap().push(&[0.0; 3]).is_err());
    }
}
