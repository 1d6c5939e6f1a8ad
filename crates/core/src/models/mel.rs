//! What a manifest says about the front end of a model that takes sounds as spectrograms.

use serde::Deserialize;

/// A spectrogram of mel bands: the energy of each band in each of many short, overlapping frames, on a logarithmic scale.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mel {
    /// Samples of one Fourier transform.
    pub fft: usize,
    /// Samples from the beginning of a frame to that of the next one.
    pub hop: usize,
    /// Each frame is multiplied by it.
    pub taper: Taper,
    /// Samples of a frame, where that is less than `fft`: the rest is filled with zeros.
    pub taper_length: Option<usize>,
    /// What is around a window, for frames whose middle is at its edge.
    pub edges: Edges,
    /// The spectrum's magnitudes to this power: 1 or 2.
    pub power: u8,
    pub bands: usize,
    /// The edge of the lowest band, in Hz.
    pub low: f32,
    /// The edge of the highest band, in Hz.
    pub high: f32,
    pub scale: MelScale,
    pub norm: MelNorm,
    pub log: Log,
    /// Frames that the model takes of a window, from its first on; left out: all there are.
    pub frames: Option<usize>,
}

impl Mel {
    /// The number of frames that a window of this many samples has.
    pub fn frames_of(&self, window: usize) -> usize {
        match self.edges {
            Edges::Zero | Edges::Reflect => window / self.hop + 1,
            Edges::None => window.checked_sub(self.frame()).map_or(0, |rest| rest / self.hop + 1),
        }
    }

    /// Samples of one frame.
    pub fn frame(&self) -> usize {
        self.taper_length.unwrap_or(self.fft)
    }

    /// The number of frames that the model takes of a window of this many samples.
    pub fn frames_taken(&self, window: usize) -> usize {
        self.frames.unwrap_or(usize::MAX).min(self.frames_of(window))
    }
}

/// The shape of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taper {
    /// A raised cosine that would be 0 again one sample after its end (librosa, PyTorch, SciPy's `get_window`).
    Hann,
    /// A raised cosine that is 0 at both ends (NumPy's `hanning`).
    HannSymmetric,
}

/// What is around a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edges {
    /// Silence: frames are centred, the first one at the first sample.
    Zero,
    /// The window mirrored at its first and last sample, without repeating those: frames are centred.
    Reflect,
    /// Nothing: the first frame begins at the first sample, the last one ends within the window.
    None,
}

/// Which pitches are equally far from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// 2595 × log10(1 + f / 700).
    Htk,
    /// Linear to 1 kHz and logarithmic above (librosa's own).
    Slaney,
}

/// How a band's triangular filter is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelNorm {
    /// Its weights add up to 1.
    Sum,
    /// Its area over the frequencies is 1, in Hz.
    Slaney,
    /// Its highest weight would be 1.
    None,
}

/// What is made of a band's energy: `times` × log(max(`scale` × energy + `add`, `floor`)) + `plus`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub base: LogBase,
    #[serde(default = "one")]
    pub scale: f32,
    #[serde(default)]
    pub add: f32,
    #[serde(default)]
    pub floor: f32,
    #[serde(default = "one")]
    pub times: f32,
    #[serde(default)]
    pub plus: f32,
}

fn one() -> f32 {
    1.0
}

/// Of a logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogBase {
    E,
    Ten,
}
