//! Vectors in a byte a component: a quarter of the memory that a search waits for, and twice as many components an
//! instruction.
//!
//! A scalar quantiser: `(component − offset) × scale`, rounded to 0…255. Each component has its own offset, its median, which
//! Euclidean distances do not see; all have one scale, so that sums of squares of codes order as those of components do.
//! The range leaves out the outermost components where that makes the squared error smaller (as do Jacob and others,
//! "Quantization and training of neural networks for efficient integer-arithmetic-only inference", 2018, and those who
//! followed). A query, which has two bytes a component, is cut off a little
//! beyond the ends of the range.

use crate::exact::magnitude;
use crate::isa::Isa;
use crate::line::{BYTES, FLOATS, FloatLine, Line, components};
use crate::metric::Metric;

/// Greatest share of components that are cut off, and finer ones.
const CUTS: [f64; 8] = [0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2];
/// How far a query's code may be beyond the range.
const BEYOND: f32 = 64.0;
/// Components that are sorted at most to find the range.
const SORTED: usize = 1 << 18;

/// How rows are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As bytes where that is known to lose nothing that the exact distances of the best would not bring back.
    Auto,
    /// As bytes, always.
    Bytes,
    /// Not at all: the graph goes by the exact rows.
    Floats,
}

/// A trained codec.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Codec {
    /// Whether rows are coded as bytes; otherwise there are no codes.
    pub(crate) is_bytes: bool,
    pub(crate) is_dot: bool,
    /// The power of two that rows are multiplied with first, so that nothing overflows where they are tiny or huge.
    pub(crate) gain: f32,
    pub(crate) scale: f32,
    /// Of each component, after the gain.
    pub(crate) offsets: Vec<f32>,
    /// A row whose squared error, in codes, is greater than nearly all had in training.
    pub(crate) misfit: f32,
}

/// Lines of a row's codes.
pub(crate) fn lines(dim: usize) -> usize {
    dim.div_ceil(BYTES)
}

impl Codec {
    /// Rows as they are.
    pub(crate) fn floats(metric: Metric) -> Self {
        Self {
            is_bytes: false,
            is_dot: metric.is_inner_product(),
            gain: 1.0,
            scale: 1.0,
            offsets: Vec::new(),
            misfit: f32::INFINITY,
        }
    }

    /// Bytes for rows like these: with the least squared error, or such that so great a share of components is cut off.
    pub(crate) fn train(metric: Metric, dim: usize, rows: &[&[FloatLine]], cut: Option<f64>) -> Self {
        let mut magnitudes: Vec<f32> = rows.iter().map(|row| magnitude(components(row, dim))).collect();
        // Of most rows: those beyond all others are cut off.
        let gain = gain_for(median(&mut magnitudes));
        let is_dot = metric.is_inner_product();
        let mut codec =
            Self { is_bytes: true, is_dot, gain, scale: 1.0, offsets: vec![0.0; dim], misfit: f32::INFINITY };
        // Inner products see offsets: around zero.
        if !is_dot {
            for (at, offset) in codec.offsets.iter_mut().enumerate() {
                let mut column: Vec<f32> = rows.iter().map(|row| row[at / FLOATS].0[at % FLOATS] * gain).collect();
                *offset = median(&mut column);
            }
        }
        let step = (rows.len() * dim / SORTED).max(1);
        let apart = |row: &&[FloatLine]| -> Vec<f32> {
            components(row, dim).zip(&codec.offsets).map(|(x, offset)| (x * gain - offset).abs()).collect()
        };
        let mut apart: Vec<f32> = rows.iter().step_by(step).flat_map(apart).collect();
        apart.sort_unstable_by(f32::total_cmp);
        let half = match cut {
            Some(cut) => apart.get((apart.len() as f64 * (1.0 - cut)) as usize).copied().unwrap_or_default(),
            None => half_range(&apart),
        };
        if half > f32::MIN_POSITIVE {
            codec.scale = (127.5 / half).min(f32::MAX);
        }
        let mut codes = vec![Line::ZERO; lines(dim)];
        let mut errors: Vec<f32> = rows.iter().map(|row| codec.encode(row, &mut codes)).collect();
        errors.sort_unstable_by(f32::total_cmp);
        // Of rows like these one in a hundred is beyond half of it.
        codec.misfit = errors.get(errors.len() * 99 / 100).map_or(f32::INFINITY, |error| 2.0 * error);
        codec
    }

    /// The code that stands for the offset.
    fn middle(&self) -> f32 {
        if self.is_dot { 128.0 } else { 127.5 }
    }

    /// Writes a row's codes; returns their squared error.
    pub(crate) fn encode(&self, row: &[FloatLine], out: &mut [Line]) -> f32 {
        let middle = self.middle();
        let least = if self.is_dot { 1.0 } else { 0.0 };
        let mut errors = [0.0; FLOATS];
        let offsets = self.offsets.chunks(FLOATS);
        let quarters = out.iter_mut().flat_map(|line| line.0.as_chunks_mut::<FLOATS>().0);
        for ((line, offsets), codes) in row.iter().zip(offsets).zip(quarters) {
            for (at, offset) in offsets.iter().enumerate() {
                let exact = (line.0[at] * self.gain - offset) * self.scale + middle;
                let code = (exact.clamp(least, 255.0) + 0.5) as u8;
                errors[at] += (exact - f32::from(code)).powi(2);
                codes[at] = code;
            }
        }
        errors.iter().sum()
    }

    /// How far from zero a query's components may be, so that no sum overflows.
    fn limit(&self, dim: usize) -> f32 {
        let dim = dim.next_multiple_of(BYTES) as f32;
        if self.is_dot {
            // `dim × 255 × limit` and `dim × 128 × limit` fit into an i32.
            (i32::MAX as f32 / (256.0 * dim)).min(f32::from(i16::MAX) - 1.0).floor()
        } else {
            // `dim × (limit + 255)²` fits into a u32. A little beyond the range only: a row far beyond it must be nearest to
            // its own code, which is at its end.
            ((u32::MAX as f32 / dim).sqrt() - 256.0).clamp(0.0, BEYOND).floor()
        }
    }
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
}

/// The power of two that brings components of at most this magnitude to about 1, where they are tiny or huge.
fn gain_for(magnitude: f32) -> f32 {
    if magnitude == 0.0 || (1e-15..=1e15).contains(&magnitude) {
        return 1.0;
    }
    // A power of which no f32 has more, for what is smaller than any normal number.
    2.0_f32.powi(-magnitude.log2().round().clamp(-126.0, 126.0) as i32)
}

/// Half of the range that codes have: the one with the least squared error, of components cut off and of those rounded.
fn half_range(apart: &[f32]) -> f32 {
    let error = |half: f32| {
        let inside = apart.partition_point(|apart| *apart <= half);
        let cut: f64 = apart[inside..].iter().map(|apart| f64::from(apart - half).powi(2)).sum();
        cut + apart.len() as f64 * (f64::from(half) * 2.0 / 255.0).powi(2) / 12.0
    };
    let ends = CUTS.map(|cut| apart.get((apart.len() as f64 * (1.0 - cut)) as usize).or(apart.last()));
    let ends = ends.into_iter().flatten().map(|half| (error(*half), *half));
    ends.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, half)| half)
}

/// A query of a coded row: two bytes a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coded {
    lines: Vec<Line>,
    /// What inner products are too large by: codes are 128 more than what they stand for.
    excess: i32,
}

impl Coded {
    /// Makes it the query of a vector.
    pub(crate) fn set(&mut self, codec: &Codec, query: &[f32]) {
        let limit = codec.limit(query.len());
        if codec.is_dot {
            // As fine as i16 allows: only the order counts.
            let greatest = magnitude(query.iter().copied());
            let gain = gain_for(greatest);
            let scale = if greatest == 0.0 { 0.0 } else { limit / (greatest * gain) };
            self.write(query.iter().map(|x| (x * gain * scale).round() as i16));
        } else {
            let code = |(x, offset): (&f32, &f32)| {
                let exact = (x * codec.gain - offset) * codec.scale + codec.middle();
                (exact.clamp(-limit, 255.0 + limit) + 0.5).floor() as i16
            };
            self.write(query.iter().zip(&codec.offsets).map(code));
        }
        self.find_excess(codec);
    }

    /// Makes it the query of a row, of which there are codes.
    #[inline(always)]
    pub(crate) fn set_row(&mut self, codec: &Codec, codes: &[Line]) {
        let middle = if codec.is_dot { 128 } else { 0 };
        self.lines.clear();
        for half in codes.iter().flat_map(|line| line.0.as_chunks::<{ BYTES / 2 }>().0) {
            let words: [i16; BYTES / 2] = std::array::from_fn(|at| i16::from(half[at]) - middle);
            self.lines.push(Line(pulp::cast(words)));
        }
        if codec.is_dot {
            // Codes beyond the dimension are zero, not 128.
            let dim = codec.offsets.len();
            let padding = self.lines.iter_mut().flat_map(|line| line.0.as_chunks_mut::<2>().0).skip(dim);
            padding.for_each(|word| *word = [0; 2]);
            self.find_excess(codec);
        }
    }

    /// The distances of four rows by code, in an order of u32: squared, or of inner products, the greatest first.
    #[inline(always)]
    pub(crate) fn four<I: Isa>(&self, isa: I, is_dot: bool, rows: [&[Line]; 4]) -> [u32; 4] {
        if is_dot {
            // The other sign bit makes the order of i32 one of u32.
            isa.dots(&self.lines, rows).map(|dot| self.excess.wrapping_sub(dot) as u32 ^ 1 << 31)
        } else {
            isa.squared(&self.lines, rows)
        }
    }

    fn write(&mut self, words: impl ExactSizeIterator<Item = i16>) {
        self.lines.clear();
        self.lines.resize(2 * lines(words.len()), Line::ZERO);
        let places = self.lines.iter_mut().flat_map(|line| line.0.as_chunks_mut::<2>().0);
        places.zip(words).for_each(|(place, word)| *place = word.to_ne_bytes());
    }

    fn find_excess(&mut self, codec: &Codec) {
        self.excess = 0;
        if codec.is_dot {
            let words = self.lines.iter().flat_map(|line| line.0.as_chunks::<2>().0);
            self.excess = 128 * words.map(|word| i32::from(i16::from_ne_bytes(*word))).sum::<i32>();
        }
    }
}
