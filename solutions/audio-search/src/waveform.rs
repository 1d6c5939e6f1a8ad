//! The outline of a sound: kept with it as text, sent to the page, and drawn as a small picture.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bootcamp_core::picture::Picture;
use bootcamp_core::{Error, ErrorKind, Result};

/// Pairs of extremes that are kept of a sound: enough for a waveform as wide as a page.
pub const BUCKETS: usize = 800;

/// The size of a picture, in pixels.
const WIDTH: u32 = 256;
const HEIGHT: u32 = 128;
/// Bars in a picture, and the pixels between two of them.
const BARS: usize = 64;
const GAP: u32 = 1;
/// Dark slate and light cyan: as a tile, it stands out from light pages and from dark ones.
const GROUND: [u8; 3] = [0x17, 0x25, 0x35];
const MIDDLE: [u8; 3] = [0x2f, 0x45, 0x5c];
const BAR: [u8; 3] = [0x5f, 0xd3, 0xe6];
/// Bars that reach full scale: as of a recording that was too loud.
const LOUD: [u8; 3] = [0xff, 0x9e, 0x64];

/// The lowest and the highest sample in each of as many equal parts of a sound, from −1 to 1.
pub type Peaks = Vec<(f32, f32)>;

/// Two bytes a bucket, in base64.
pub fn to_text(peaks: &[(f32, f32)]) -> String {
    let byte = |value: f32| ((value.clamp(-1.0, 1.0) * 127.0).round() as i8).to_be_bytes()[0];
    let bytes: Vec<u8> = peaks.iter().flat_map(|(low, high)| [byte(*low), byte(*high)]).collect();
    STANDARD.encode(bytes)
}

/// What [`to_text`] wrote.
///
/// # Errors
/// `Corrupt` for what it cannot have written.
pub fn from_text(text: &str) -> Result<Peaks> {
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len().is_multiple_of(2));
    let bytes = bytes.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the stored waveform is damaged"))?;
    let value = |byte: u8| f32::from(i8::from_be_bytes([byte])) / 127.0;
    Ok(bytes.chunks_exact(2).map(|pair| (value(pair[0]), value(pair[1]))).collect())
}

/// The same outline in at most so many buckets.
pub fn in_buckets(peaks: &[(f32, f32)], buckets: usize) -> Peaks {
    let buckets = buckets.min(peaks.len());
    let merge = |at: usize| {
        let part = &peaks[at * peaks.len() / buckets..(at + 1) * peaks.len() / buckets];
        part.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), peak| (low.min(peak.0), high.max(peak.1)))
    };
    (0..buckets).map(merge).collect()
}

/// Bars around a line in the middle. Quiet sounds are drawn larger than they are, or nothing would be seen of them.
///
/// # Errors
/// None for any outline; those of [`Picture::new`].
pub fn draw(peaks: &[(f32, f32)]) -> Result<Picture> {
    let bars = in_buckets(peaks, BARS);
    let loudest = bars.iter().fold(0.0_f32, |most, (low, high)| most.max(-low).max(*high));
    // Silence stays a line.
    let gain = if loudest > 1e-4 { 1.0 / loudest } else { 0.0 };
    let mut canvas = Canvas::new();
    canvas.fill(0..WIDTH, HEIGHT / 2..HEIGHT / 2 + 1, MIDDLE);
    for (at, (low, high)) in bars.iter().enumerate() {
        let edge = |at: usize| (at as u32 * WIDTH) / bars.len() as u32;
        let colour = if low.abs().max(high.abs()) >= 0.999 { LOUD } else { BAR };
        let row = |value: f32| {
            let middle = HEIGHT as f32 / 2.0;
            // A bar leaves some room at the edges.
            (middle - (value * gain).clamp(-1.0, 1.0) * (middle - 8.0)).round() as u32
        };
        let (top, bottom) = (row(high.max(0.0)), row(low.min(0.0)).max(row(high.max(0.0)) + 1));
        let right = edge(at + 1).saturating_sub(GAP).max(edge(at) + 1);
        canvas.fill(edge(at)..right, top..bottom, colour);
    }
    Picture::new(WIDTH, HEIGHT, canvas.0)
}

/// Pixels in rows from the top.
struct Canvas(Vec<u8>);

impl Canvas {
    fn new() -> Self {
        Self(GROUND.repeat((WIDTH * HEIGHT) as usize))
    }

    fn fill(&mut self, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>, colour: [u8; 3]) {
        for row in rows.start.min(HEIGHT)..rows.end.min(HEIGHT) {
            let at = |column: u32| ((row * WIDTH + column.min(WIDTH)) * 3) as usize;
            for pixel in self.0[at(columns.start)..at(columns.end)].chunks_exact_mut(3) {
                pixel.copy_from_slice(&colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_kept_as_text() {
        let peaks = vec![(-1.0, 1.0), (-0.5, 0.25), (0.0, 0.0), (-2.0, 0.1)];
        let read = from_text(&to_text(&peaks)).unwrap();
        for ((low, high), (was_low, was_high)) in read.iter().zip(&peaks) {
            assert!((low - was_low.max(-1.0)).abs() < 0.005 && (high - was_high).abs() < 0.005, "{read:?}");
        }
        assert_eq!(from_text(&to_text(&[])).unwrap(), []);
        for damaged in ["?", "AA=="] {
            assert_eq!(from_text(damaged).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn buckets_are_merged_and_never_made_up() {
        let peaks: Peaks = (0..10).map(|n| (-(n as f32) / 10.0, n as f32 / 10.0)).collect();
        assert_eq!(in_buckets(&peaks, 2), [(-0.4, 0.4), (-0.9, 0.9)]);
        assert_eq!(in_buckets(&peaks, 3).len(), 3);
        assert_eq!(in_buckets(&peaks, 100), peaks);
        assert_eq!(in_buckets(&[], 5), []);
    }

    #[test]
    fn what_is_loud_is_higher_than_what_is_quiet() {
        let half = |loudness: f32| std::iter::repeat_n((-loudness, loudness), 400);
        let picture = draw(&half(0.1).chain(half(0.5)).collect::<Vec<_>>()).unwrap();
        let bars = |column: u32| {
            let pixel = |row: u32| &picture.pixels()[((row * WIDTH + column) * 3) as usize..][..3];
            (0..HEIGHT).filter(|row| pixel(*row) == BAR).count()
        };
        assert!(bars(20) > 15 && bars(20) * 4 < bars(220) && bars(220) > 100, "{} and {}", bars(20), bars(220));
        let full = draw(&[(-1.0, 1.0)]).unwrap();
        assert!(full.pixels().chunks_exact(3).any(|pixel| pixel == LOUD));
        for silence in [&[][..], &[(0.0, 0.0)]] {
            let line = draw(silence).unwrap();
            assert!(line.pixels().chunks_exact(3).filter(|pixel| *pixel == BAR).count() <= WIDTH as usize, "a line");
        }
    }
}
