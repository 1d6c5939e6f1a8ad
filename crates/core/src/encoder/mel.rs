//! The front end of models that take sounds as spectrograms: from samples to the energy of mel bands, frame by frame, as
//! the model's authors computed it when they trained the model. What differs between models is data
//! ([`Mel`](crate::models::Mel)).
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
