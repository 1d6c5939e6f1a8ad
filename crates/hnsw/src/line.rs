//! The unit in which memory arrives: a cache line. A row's codes and its exact components lie in whole lines, so that a
//! distance waits for as few of them as possible, and none is fetched for the sake of a neighbour in memory.

use std::sync::atomic::AtomicU32;

/// Bytes of a cache line.
pub(crate) const BYTES: usize = 64;
/// Components of an exact row in a line.
pub(crate) const FLOATS: usize = 16;
/// Links in a line.
pub(crate) const LINKS: usize = 16;

/// Codes of a row, or of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [u8; BYTES]);

impl Line {
    pub(crate) const ZERO: Self = Self([0; BYTES]);
}

/// Exact components of a row; those beyond the dimension are zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct FloatLine(pub(crate) [f32; FLOATS]);

impl FloatLine {
    pub(crate) const ZERO: Self = Self([0.0; FLOATS]);
}

/// Links of a node. Atomics, so that they are read while they are written.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct LinkLine(pub(crate) [AtomicU32; LINKS]);

/// Writes components into lines, filling up the last.
pub(crate) fn fill(out: &mut [FloatLine], components: impl Iterator<Item = f32>) {
    out.fill(FloatLine::ZERO);
    out.iter_mut().flat_map(|line| &mut line.0).zip(components).for_each(|(place, component)| *place = component);
}

/// The components that lines begin with.
pub(crate) fn components(lines: &[FloatLine], dim: usize) -> impl Iterator<Item = f32> + '_ {
    lines.iter().flat_map(|line| line.0).take(dim)
}
