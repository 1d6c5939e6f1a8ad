//! Sounds that are the same on every machine, and what happens to recordings.

use std::f64::consts::TAU;

use bootcamp_testkit::truth::Random;

pub const RATE: u32 = 44_100;

/// Music of a kind: chords of a melody and a bass that change at random, over a beat of noise.
pub fn music(seed: u64, seconds: f64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let count = (seconds * f64::from(RATE)) as usize;
    let mut samples = vec![0.0_f64; count];
    let mut at = 0;
    while at < count {
        let length = (f64::from(RATE) * (0.12 + 0.08 * random.below(4) as f64)) as usize;
        let (low, high) = (110.0 * half_tones(random.below(12)), 330.0 * half_tones(random.below(24)));
        let (drum, end) = (0.15 * random.below(2) as f64, (at + length).min(count));
        for (n, sample) in samples[at..end].iter_mut().enumerate() {
            let time = n as f64 / f64::from(RATE);
            let fade = (-3.0 * time).exp();
            let tone =
                |pitch: f64| (1..5).map(|k| (TAU * pitch * f64::from(k) * time).sin() / f64::from(k)).sum::<f64>();
            let noise = f64::from(random.unit()) * drum * (-40.0 * time).exp();
            *sample = 0.2 * fade * (tone(low) + tone(high)) + noise;
        }
        at = end;
    }
    samples.into_iter().map(|sample| sample as f32).collect()
}

fn half_tones(steps: u64) -> f64 {
    2.0_f64.powf(steps as f64 / 12.0)
}

/// Noise like that of a recording of nothing.
pub fn hiss(seed: u64, seconds: f64, loudness: f32) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..(seconds * f64::from(RATE)) as usize).map(|_| loudness * random.unit()).collect()
}

/// From these seconds on, so many.
pub fn part(samples: &[f32], from: f64, seconds: f64) -> Vec<f32> {
    let at = |seconds: f64| (seconds * f64::from(RATE)) as usize;
    samples[at(from)..at(from + seconds).min(samples.len())].to_vec()
}

/// With noise at this distance in decibels.
pub fn noisy(samples: &[f32], decibels: f64, seed: u64) -> Vec<f32> {
    let power = samples.iter().map(|x| f64::from(x * x)).sum::<f64>() / samples.len() as f64;
    // The variance of what is spread evenly from −1 to 1 is a third.
    let scale = (power / 10.0_f64.powf(decibels / 10.0) * 3.0).sqrt() as f32;
    let mut random = Random::new(seed);
    samples.iter().map(|x| x + scale * random.unit()).collect()
}

/// Played faster, and so higher, by this factor.
pub fn faster(samples: &[f32], factor: f64) -> Vec<f32> {
    let count = (samples.len() as f64 / factor) as usize;
    let at = |n: usize| {
        let place = n as f64 * factor;
        let (before, share) = (place as usize, place.fract() as f32);
        let next = samples.get(before + 1).copied().unwrap_or_default();
        samples[before] * (1.0 - share) + next * share
    };
    (0..count).map(at).collect()
}

/// Through an equaliser: a peak or a dip of this many decibels around a pitch (Bristow-Johnson's cookbook, Q 1).
pub fn equalised(samples: &[f32], pitch: f64, decibels: f64) -> Vec<f32> {
    let gain = 10.0_f64.powf(decibels / 40.0);
    let turn = TAU * pitch / f64::from(RATE);
    let alpha = turn.sin() / 2.0;
    let a0 = 1.0 + alpha / gain;
    let [b0, b1, b2, a1, a2] =
        [1.0 + alpha * gain, -2.0 * turn.cos(), 1.0 - alpha * gain, -2.0 * turn.cos(), 1.0 - alpha / gain]
            .map(|x| x / a0);
    let (mut x, mut y) = ([0.0; 2], [0.0; 2]);
    let filter = |sample: &f32| {
        let now = f64::from(*sample);
        let out = b0 * now + b1 * x[0] + b2 * x[1] - a1 * y[0] - a2 * y[1];
        (x, y) = ([now, x[0]], [out, y[0]]);
        out as f32
    };
    samples.iter().map(filter).collect()
}

/// In a room: echoes of its walls.
pub fn echoing(samples: &[f32]) -> Vec<f32> {
    let mut room = samples.to_vec();
    for (delay, share) in [(0.023, 0.4), (0.041, 0.35), (0.067, 0.3), (0.11, 0.2), (0.17, 0.12)] {
        let delay = (delay * f64::from(RATE)) as usize;
        for at in delay..samples.len() {
            room[at] += share * samples[at - delay];
        }
    }
    room
}

pub fn louder(samples: &[f32], gain: f32) -> Vec<f32> {
    samples.iter().map(|x| (x * gain).clamp(-1.0, 1.0)).collect()
}

/// A WAV file of 16 bits; each channel has the same samples.
pub fn wav_at(samples: &[f32], rate: u32, channels: u16) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|x| std::iter::repeat_n((x.clamp(-1.0, 1.0) * 32_767.0).round() as i16, channels.into()))
        .flat_map(i16::to_le_bytes)
        .collect();
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend(b"RIFF");
    file.extend((data.len() as u32 + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(b"\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

pub fn wav(samples: &[f32]) -> Vec<u8> {
    wav_at(samples, RATE, 1)
}

/// At half the rate.
pub fn halved(samples: &[f32]) -> Vec<f32> {
    samples.chunks(2).map(|pair| pair.iter().sum::<f32>() / pair.len() as f32).collect()
}
