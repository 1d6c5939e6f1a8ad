//! All rows there are at one moment, as searches see them: nothing in a view changes but links.

use std::sync::Arc;

use crate::chunked::Chunked;
use crate::codec::{Codec, lines};
use crate::exact::magnitude;
use crate::line::{FLOATS, FloatLine, Line};
use crate::links::Links;
use crate::metric::Metric;

/// What a row counts for at most that the codec does not fit.
const WORST: f32 = 64.0;

/// Rows, their codes and keys, and the graph over them. Cloning it copies none of them.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    pub(crate) len: u32,
    /// The greatest of a component.
    pub(crate) magnitude: f32,
    pub(crate) codec: Arc<Codec>,
    /// Of each row, ascending.
    pub(crate) keys: Chunked<u64>,
    pub(crate) rows: Chunked<FloatLine>,
    /// None where the codec has no codes.
    pub(crate) codes: Chunked<Line>,
    pub(crate) links: Links,
}

impl View {
    pub(crate) fn new(metric: Metric, dim: usize, m: usize) -> Self {
        Self {
            metric,
            dim,
            len: 0,
            magnitude: 0.0,
            codec: Arc::new(Codec::floats(metric)),
            keys: Chunked::new(1),
            rows: Chunked::new(dim.div_ceil(FLOATS)),
            codes: Chunked::new(lines(dim)),
            links: Links::new(m),
        }
    }

    /// Adds rows in lines, with their keys, and codes them. They have no links yet.
    pub(crate) fn push(&mut self, keys: &[u64], rows: &[FloatLine]) {
        self.magnitude = self.magnitude.max(magnitude(rows.iter().flat_map(|line| line.0)));
        self.keys.push(keys);
        self.rows.push(rows);
        self.len += keys.len() as u32;
        self.links.grow(self.len as usize);
    }

    /// Codes the rows that have no codes yet, from this one on; returns how badly the codec fits them: the errors that are
    /// beyond its limit, as multiples of it, of each row at most [`WORST`]. Such rows are suspects.
    pub(crate) fn encode_from(&mut self, first: u32, suspects: &mut Vec<u32>) -> f32 {
        if !self.codec.is_bytes {
            return 0.0;
        }
        let width = self.codes.width();
        let mut codes = vec![Line::ZERO; (self.len - first) as usize * width];
        let mut misfit = 0.0;
        for (slot, codes) in (first..self.len).zip(codes.chunks_exact_mut(width)) {
            let beyond = self.codec.encode(self.rows.row(slot), codes) / self.codec.misfit;
            if beyond > 1.0 {
                misfit += beyond.min(WORST);
                suspects.push(slot);
            }
        }
        self.codes.push(&codes);
        misfit
    }

    /// Codes all rows anew.
    pub(crate) fn recode(&mut self, codec: Codec) {
        self.codec = Arc::new(codec);
        self.codes = Chunked::new(lines(self.dim));
        self.encode_from(0, &mut Vec::new());
    }

    pub(crate) fn key(&self, slot: u32) -> u64 {
        self.keys.row(slot)[0]
    }

    /// The first slot whose key is not below this one, from a slot on whose key is not above it.
    pub(crate) fn slot_from(&self, first: u32, key: u64) -> u32 {
        let (mut low, mut high) = (first, self.len);
        // Keys ascend: a key that is so much greater is at most so many slots on, and just there where there are no gaps.
        if first < self.len
            && let Ok(ahead) = u32::try_from(key.saturating_sub(self.key(first)))
        {
            high = high.min(first.saturating_add(ahead).saturating_add(1));
            if high < self.len && ahead > 0 && self.key(high - 1) < key {
                return high;
            }
            if self.key(high - 1) == key {
                return high - 1;
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) < key { low = middle + 1 } else { high = middle }
        }
        low
    }
}
