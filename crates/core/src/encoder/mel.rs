//! The front end of models that take sounds as spectrograms: from samples to the energy of mel bands, frame by frame, as
//! the model's authors computed it when they trained the model. What differs between models is data ([`Mel`]).
//!
//! Filters are computed in f64, as NumPy does it, and spectra in f32. A filter is a triangle over a few neighbouring
//! frequencies, so only those are multiplied.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::models::{Edges, Log, LogBase, Mel, MelNorm, MelScale, Taper};
use crate::{Error, ErrorKind, Result};

/// A front end, ready to run. Shared by threads; what changes during a run is the caller's.
pub(super) struct Spectrogram {
    transform: Arc<dyn RealToComplex<f32>>,
    taper: Vec<f32>,
    filters: Vec<Filter>,
    spec: Mel,
}

/// A band: weights of neighbouring frequencies.
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl Spectrogram {
    pub(super) fn new(spec: &Mel, rate: u32) -> Self {
        Self {
            transform: RealFftPlanner::new().plan_fft_forward(spec.fft),
            taper: taper(spec.taper, spec.frame()),
            filters: filters(spec, rate),
            spec: spec.clone(),
        }
    }

    /// The bands of each frame of a window, frame by frame. Energies are multiplied with `gain` to `power`, as if the samples
    /// had been multiplied with `gain`.
    pub(super) fn run(&self, window: &[f32], gain: f32) -> Result<Vec<f32>> {
        let Mel { fft, hop, power, .. } = self.spec;
        let frames = self.spec.frames_taken(window.len());
        let gain = if power == 2 { gain * gain } else { gain };
        let mut input = vec![0.0; fft];
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut energies = vec![0.0; spectrum.len()];
        let mut bands = Vec::with_capacity(frames * self.filters.len());
        for at in 0..frames {
            self.fill(&mut input, window, at * hop);
            let done = self.transform.process_with_scratch(&mut input, &mut spectrum, &mut scratch);
            done.map_err(|error| {
                Error::new(ErrorKind::Internal, "a sound's spectrum cannot be computed").with_source(error)
            })?;
            measure(&spectrum, power, &mut energies);
            bands.extend(self.filters.iter().map(|filter| self.level(filter.apply(&energies) * gain)));
        }
        Ok(bands)
    }

    /// The frame whose beginning (or middle, where frames are centred) is at this sample, tapered; zeros follow.
    fn fill(&self, input: &mut [f32], window: &[f32], at: usize) {
        let length = self.taper.len();
        let (frame, rest) = input.split_at_mut(length);
        rest.fill(0.0);
        if self.spec.edges == Edges::None {
            let samples = window[at..].iter().zip(&self.taper);
            frame.iter_mut().zip(samples).for_each(|(to, (sample, taper))| *to = sample * taper);
            return;
        }
        let before = self.spec.fft / 2 - (self.spec.fft - length) / 2;
        if let Some(samples) = at.checked_sub(before).and_then(|start| window.get(start..start + length)) {
            let samples = samples.iter().zip(&self.taper);
            frame.iter_mut().zip(samples).for_each(|(to, (sample, taper))| *to = sample * taper);
            return;
        }
        for (offset, (to, taper)) in frame.iter_mut().zip(&self.taper).enumerate() {
            *to = self.around(window, (at + offset) as isize - before as isize) * taper;
        }
    }

    /// A sample of a window or of what is around it.
    fn around(&self, window: &[f32], at: isize) -> f32 {
        let last = window.len() as isize - 1;
        let at = match self.spec.edges {
            Edges::Reflect if at < 0 => -at,
            Edges::Reflect if at > last => 2 * last - at,
            _ => at,
        };
        usize::try_from(at).ok().and_then(|at| window.get(at)).copied().unwrap_or_default()
    }

    fn level(&self, energy: f32) -> f32 {
        let Log { base, scale, add, floor, times, plus } = self.spec.log;
        let energy = (scale * energy + add).max(floor);
        let log = match base {
            LogBase::E => energy.ln(),
            LogBase::Ten => energy.log10(),
        };
        times * log + plus
    }
}

/// The magnitudes of a spectrum, to this power.
fn measure(spectrum: &[Complex<f32>], power: u8, energies: &mut [f32]) {
    for (energy, value) in energies.iter_mut().zip(spectrum) {
        *energy = value.norm_sqr();
    }
    if power == 1 {
        energies.iter_mut().for_each(|energy| *energy = energy.sqrt());
    }
}

impl Filter {
    /// In four sums, which the compiler can compute at the same time.
    fn apply(&self, energies: &[f32]) -> f32 {
        let energies = &energies[self.first..self.first + self.weights.len()];
        let (weights, energies) = (self.weights.chunks_exact(4), energies.chunks_exact(4));
        let rest = weights.remainder().iter().zip(energies.remainder()).map(|(a, b)| a * b).sum::<f32>();
        let mut sums = [0.0_f32; 4];
        for (weights, energies) in weights.zip(energies) {
            sums.iter_mut().zip(weights.iter().zip(energies)).for_each(|(sum, (a, b))| *sum += a * b);
        }
        sums.iter().sum::<f32>() + rest
    }
}

fn taper(kind: Taper, length: usize) -> Vec<f32> {
    let period = match kind {
        Taper::Hann => length,
        Taper::HannSymmetric => length - 1,
    };
    let value = |at: usize| 0.5 - 0.5 * (2.0 * PI * at as f64 / period.max(1) as f64).cos();
    (0..length).map(|at| value(at) as f32).collect()
}

/// Triangles between neighbouring mel points, over the frequencies of the spectrum in Hz.
fn filters(spec: &Mel, rate: u32) -> Vec<Filter> {
    let step = f64::from(rate) / spec.fft as f64;
    let (low, high) = (to_mel(spec.scale, spec.low.into()), to_mel(spec.scale, spec.high.into()));
    let points = spec.bands + 2;
    let edges: Vec<f64> =
        (0..points).map(|at| from_mel(spec.scale, low + (high - low) * at as f64 / (points - 1) as f64)).collect();
    edges.windows(3).map(|edges| filter(edges, step, spec)).collect()
}

fn filter(edges: &[f64], step: f64, spec: &Mel) -> Filter {
    let &[low, middle, high] = edges else { return Filter { first: 0, weights: Vec::new() } };
    let first = ((low / step).floor() as usize).min(spec.fft / 2);
    let end = ((high / step).ceil() as usize).min(spec.fft / 2) + 1;
    let weight = |at: usize| {
        let frequency = at as f64 * step;
        ((frequency - low) / (middle - low)).min((high - frequency) / (high - middle)).max(0.0)
    };
    let weights: Vec<f64> = (first..end).map(weight).collect();
    let scale = match spec.norm {
        MelNorm::None => 1.0,
        MelNorm::Slaney => 2.0 / (high - low),
        // A narrow band between two frequencies of the spectrum has no weight at all.
        MelNorm::Sum => Some(weights.iter().sum::<f64>()).filter(|sum| *sum > 0.0).map_or(0.0, |sum| 1.0 / sum),
    };
    Filter { first, weights: weights.into_iter().map(|weight| (weight * scale) as f32).collect() }
}

/// Hz and mel per unit of Slaney's scale below 1 kHz, which is its 15; above, each octave of 6.4 is 27 units.
const SLANEY_LINEAR: f64 = 200.0 / 3.0;
const SLANEY_KNEE: f64 = 1000.0;
fn slaney_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn to_mel(scale: MelScale, frequency: f64) -> f64 {
    match scale {
        MelScale::Htk => 2595.0 * (1.0 + frequency / 700.0).log10(),
        MelScale::Slaney if frequency < SLANEY_KNEE => frequency / SLANEY_LINEAR,
        MelScale::Slaney => SLANEY_KNEE / SLANEY_LINEAR + (frequency / SLANEY_KNEE).ln() / slaney_step(),
    }
}

fn from_mel(scale: MelScale, mel: f64) -> f64 {
    let knee = SLANEY_KNEE / SLANEY_LINEAR;
    match scale {
        MelScale::Htk => 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0),
        MelScale::Slaney if mel < knee => mel * SLANEY_LINEAR,
        MelScale::Slaney => SLANEY_KNEE * (slaney_step() * (mel - knee)).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Mel {
        let log = Log { base: LogBase::Ten, scale: 1.0, add: 1.0, floor: 0.0, times: 1.0, plus: 0.0 };
        Mel {
            fft: 16,
            hop: 4,
            taper: Taper::Hann,
            taper_length: None,
            edges: Edges::Zero,
            power: 2,
            bands: 3,
            low: 0.0,
            high: 4000.0,
            scale: MelScale::Htk,
            norm: MelNorm::None,
            log,
            frames: None,
        }
    }

    #[test]
    fn scales_meet_their_landmarks_and_are_each_others_inverse() {
        assert!((to_mel(MelScale::Htk, 1000.0) - 1000.0).abs() < 0.1);
        assert!((to_mel(MelScale::Slaney, 1000.0) - 15.0).abs() < 1e-9);
        assert!((to_mel(MelScale::Slaney, 6400.0) - 42.0).abs() < 1e-9);
        for scale in [MelScale::Htk, MelScale::Slaney] {
            for frequency in [0.0, 50.0, 999.0, 1000.0, 1001.0, 14_000.0] {
                assert!((from_mel(scale, to_mel(scale, frequency)) - frequency).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn filters_are_scaled_as_named() {
        let of = |norm| filters(&Mel { norm, fft: 512, bands: 8, ..spec() }, 8000);
        for filter in of(MelNorm::Sum) {
            assert!((filter.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        for filter in of(MelNorm::Slaney) {
            let area = filter.weights.iter().sum::<f32>() * 8000.0 / 512.0;
            assert!((area - 1.0).abs() < 0.05, "{area}");
        }
        assert!(
            of(MelNorm::None).iter().all(|filter| filter.weights.iter().all(|weight| (0.0..=1.0).contains(weight)))
        );
        // Too narrow to have any frequency of the spectrum: silent, not infinite.
        let narrow = filters(&Mel { norm: MelNorm::Sum, bands: 40, ..spec() }, 8000);
        assert!(narrow.iter().all(|filter| filter.weights.iter().all(|weight| weight.is_finite())));
    }

    #[test]
    fn frames_at_the_edges_see_what_the_manifest_puts_there() {
        let window: Vec<f32> = (0..40).map(|at| ((at * at) % 17) as f32 / 17.0).collect();
        let run = |edges, window: &[f32]| Spectrogram::new(&Mel { edges, ..spec() }, 8000).run(window, 1.0).unwrap();
        let inner = run(Edges::None, &window);
        assert_eq!(inner.len(), 3 * ((40 - 16) / 4 + 1));
        for edges in [Edges::Zero, Edges::Reflect] {
            let padded: Vec<f32> = match edges {
                Edges::Reflect => {
                    let before = window[1..=8].iter().rev();
                    let after = window[31..39].iter().rev();
                    before.chain(&window).chain(after).copied().collect()
                }
                _ => [&[0.0; 8][..], &window, &[0.0; 8]].concat(),
            };
            assert_eq!(run(edges, &window), run(Edges::None, &padded), "{edges:?}");
            // Away from the edges, all is the same.
            assert_eq!(run(edges, &window)[6..6 + inner.len()], inner);
        }
    }

    #[test]
    fn a_gain_is_what_louder_samples_are_and_frames_may_be_fewer() {
        let window: Vec<f32> = (0..64).map(|at| (at as f32 * 0.7).sin() * 0.1).collect();
        let louder: Vec<f32> = window.iter().map(|sample| sample * 4.0).collect();
        for power in [1, 2] {
            let mel = Spectrogram::new(&Mel { power, frames: Some(5), ..spec() }, 8000);
            let (gained, expected) = (mel.run(&window, 4.0).unwrap(), mel.run(&louder, 1.0).unwrap());
            assert_eq!(gained.len(), 15);
            assert!(gained.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{power}");
        }
    }

    #[test]
    fn a_shorter_taper_leaves_the_rest_of_the_transform_empty() {
        let window = vec![1.0; 50];
        let spec = Mel { taper_length: Some(10), edges: Edges::None, bands: 2, ..spec() };
        let bands = Spectrogram::new(&spec, 8000).run(&window, 1.0).unwrap();
        assert_eq!(bands.len(), 2 * ((50 - 10) / 4 + 1));
        assert_eq!(taper(Taper::Hann, 4), [0.0, 0.5, 1.0, 0.5]);
        assert_eq!(taper(Taper::HannSymmetric, 5), [0.0, 0.5, 1.0, 0.5, 0.0]);
    }
}
