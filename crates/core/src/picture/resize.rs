//! Resizing that gives Pillow's pixels, every one of them, because some models notice a difference of one level.
//!
//! fast_image_resize has Pillow's filters and is faster, but sums bytes with less precision, and levels come out
//! beside. That moves the vectors that `sscd`, an int8 model, gives of drawings by a cosine of 0.003 in the median.
//! The price is some milliseconds for a picture of a megapixel, about as many as decoding it takes.
//!
//! The algorithm is that of Pillow's `Resample.c`: two passes, across and then down, each a weighted sum over the
//! pixels that a filter covers, in fixed point with 22 bits, rounded to bytes in between. (Pillow 13 goes down first
//! where that is less work, which changes a level here and there; models were trained with those before.)

use std::f64::consts::PI;

use super::Picture;
use crate::models::Filter;

/// Bits behind the point: 32, less 8 for a byte and 2 for sums beyond it.
const PRECISION: u32 = 32 - 8 - 2;

/// The part `[x, y, width, height]` of a picture as `[width, height]` pixels, RGB. The part lies within the picture,
/// and no side is 0.
pub(super) fn resize(picture: &Picture, part: [f64; 4], [width, height]: [u32; 2], filter: Filter) -> Vec<u8> {
    let [x, y, w, h] = part;
    let across = Weights::new(picture.width, x, w, width, filter);
    let down = Weights::new(picture.height, y, h, height, filter);
    // Only rows that the second pass looks at.
    let first = down.spans.first().map_or(0, |span| span.from);
    let last = down.spans.last().map_or(0, |span| span.from + span.weights.len());
    let (row, new_row) = (picture.width as usize * 3, width as usize * 3);
    // Compiled for what the processor has.
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut rows = vec![0; (last - first) * new_row];
            let source = picture.pixels[first * row..last * row].chunks_exact(row);
            let mut padded = vec![0; row + 1];
            for (from, to) in source.zip(rows.chunks_exact_mut(new_row)) {
                padded[..row].copy_from_slice(from);
                across.row(&padded, to);
            }
            let mut pixels = vec![0; height as usize * new_row];
            let mut sums = vec![0; new_row];
            for (span, to) in down.spans.iter().zip(pixels.chunks_exact_mut(new_row)) {
                sums.fill(HALF);
                for (from, weight) in rows[(span.from - first) * new_row..].chunks_exact(new_row).zip(&span.weights) {
                    sums.iter_mut().zip(from).for_each(|(sum, byte)| *sum += i32::from(*byte) * weight);
                }
                to.iter_mut().zip(&sums).for_each(|(byte, sum)| *byte = rounded(*sum));
            }
            pixels
        },
    )
}

/// The picture with each block of `factor` × `factor` pixels as one, their average; blocks at the right and below may be
/// smaller. No side may be shorter than `factor`.
pub(super) fn reduce(picture: &Picture, factor: u32) -> Picture {
    let step = factor as usize;
    let (width, height) = (picture.width.div_ceil(factor), picture.height.div_ceil(factor));
    let row = picture.width as usize * 3;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let mut columns = vec![0_u32; row];
    for rows in picture.pixels.chunks(row * step) {
        // Down first: whole rows are added many bytes at a time.
        columns.fill(0);
        for line in rows.chunks_exact(row) {
            columns.iter_mut().zip(line).for_each(|(sum, byte)| *sum += u32::from(*byte));
        }
        for block in columns.chunks(step * 3) {
            let count = (block.len() / 3 * (rows.len() / row)) as u32;
            let sum = |channel: usize| block.iter().skip(channel).step_by(3).sum::<u32>();
            pixels.extend([0, 1, 2].map(|channel| ((sum(channel) + count / 2) / count) as u8));
        }
    }
    Picture { width, height, pixels }
}

/// Added before the bits behind the point are dropped, so that sums are rounded.
const HALF: i32 = 1 << (PRECISION - 1);

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// What makes each new pixel of one direction.
struct Weights {
    spans: Vec<Span>,
}

/// The old pixels that make a new one, and how much of each is in it.
struct Span {
    from: usize,
    weights: Vec<i32>,
}

impl Weights {
    /// For `to` new pixels out of `length` old ones from `start` on, of `size` that there are.
    fn new(size: u32, start: f64, length: f64, to: u32, filter: Filter) -> Self {
        let scale = length / f64::from(to);
        // Enlarging, a filter covers its own width; shrinking, as much more as the picture is larger.
        let spread = scale.max(1.0);
        let support = support(filter) * spread;
        let span = |new: u32| {
            let centre = start + (f64::from(new) + 0.5) * scale;
            let from = (centre - support + 0.5).max(0.0) as usize;
            let upto = ((centre + support + 0.5) as usize).min(size as usize);
            let weight = |at: usize| weight(filter, (at as f64 - centre + 0.5) / spread);
            let sum: f64 = (from..upto).map(weight).sum();
            let fixed = |at: usize| (weight(at) / sum * f64::from(1 << PRECISION)).round() as i32;
            Span { from, weights: (from..upto).map(fixed).collect() }
        };
        Self { spans: (0..to).map(span).collect() }
    }

    /// One row, to whose end a byte was added: pixels are read four bytes at a time, which processors do at once.
    #[inline(always)]
    fn row(&self, from: &[u8], to: &mut [u8]) {
        for (span, to) in self.spans.iter().zip(to.chunks_exact_mut(3)) {
            let mut sums = [HALF; 4];
            for (pixel, weight) in from[span.from * 3..].windows(4).step_by(3).zip(&span.weights) {
                for (sum, byte) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*byte) * weight;
                }
            }
            to.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = rounded(sum));
        }
    }
}

/// How far from its middle a filter reaches.
fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Bilinear => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos => 3.0,
    }
}

/// A filter's height at a distance from its middle.
fn weight(filter: Filter, x: f64) -> f64 {
    let x = x.abs();
    match filter {
        _ if x >= support(filter) => 0.0,
        Filter::Bilinear => 1.0 - x,
        // Keys's cubic with a = −1/2, also called Catmull and Rom's.
        Filter::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        Filter::Bicubic => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Filter::Lanczos => sinc(x) * sinc(x / 3.0),
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}
