//! Whether bytes will do for some rows: not by a rule, but by trying. Data has surprises: one component a thousand times as
//! wide as the others, tails without end, rows that differ in the fourth digit. Where the exact distances of the best by
//! code do not bring the true neighbours back, the graph goes by exact rows, which is slower, and right.

use crate::chunked::Chunked;
use crate::codec::{Codec, Coded, Coding, lines};
use crate::exact::{Exact, magnitude};
use crate::isa::Portable;
use crate::line::{FLOATS, FloatLine, Line, components};
use crate::metric::Metric;

/// Fewer rows say little of those to come: they are searched exactly.
pub(crate) const FEW: usize = 1000;
/// Rows that a codec is tried on, and trained on.
const TRIED: usize = 1 << 14;
const TRAINED: usize = 1 << 12;
/// Queries of a trial: rows themselves.
const QUERIES: usize = 32;
/// Neighbours looked for, and how many of the best by code may have them.
const NEAREST: usize = 10;
pub(crate) const BEST: usize = 30;
/// Components that are cut off on a second try.
const CUT: f64 = 1e-3;
/// The share of true neighbours that must be there: of any rows, and of those that are suspected.
const GOOD: f64 = 0.98;
const FAIR: f64 = 0.9;

/// Rows to choose a codec for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    pub(crate) rows: &'a Chunked<FloatLine>,
    /// The first so many of them.
    pub(crate) len: usize,
    /// Rows that a codec may not fit, to be tried in particular.
    pub(crate) suspects: &'a [u32],
}

/// The codec for some rows.
pub(crate) fn choose(coding: Coding, sample: Sample<'_>) -> Codec {
    let Sample { metric, dim, rows, len, .. } = sample;
    let floats = Codec::floats(metric);
    // Where a row is one line anyway there is nothing to win.
    if coding == Coding::Floats || coding == Coding::Auto && (dim <= FLOATS || len < FEW) {
        return floats;
    }
    let trained: Vec<_> = spread(len, TRAINED).iter().map(|slot| rows.row(*slot)).collect();
    let codec = Codec::train(metric, dim, &trained, None);
    if coding == Coding::Bytes || is_good(&codec, sample) {
        return codec;
    }
    // A few rows far beyond all others make the squared error small where nothing else counts.
    let codec = Codec::train(metric, dim, &trained, Some(CUT));
    if is_good(&codec, sample) { codec } else { floats }
}

/// Whether a codec does for some rows.
pub(crate) fn is_good(codec: &Codec, sample: Sample<'_>) -> bool {
    let any = spread(sample.len, TRIED);
    let suspects: Vec<u32> =
        spread(sample.suspects.len(), TRAINED).iter().map(|at| sample.suspects[*at as usize]).collect();
    if share_found(codec, sample, &any, &any) < GOOD {
        return false;
    }
    // Among any others, and among each other.
    let all: Vec<u32> = any.into_iter().chain(suspects.iter().copied()).collect();
    suspects.is_empty() || share_found(codec, sample, &all, &suspects) >= FAIR
}

/// Slots spread over all.
fn spread(len: usize, most: usize) -> Vec<u32> {
    let count = len.min(most);
    (0..count).map(|at| (at * len / count) as u32).collect()
}

/// The share of true neighbours of some rows, among those tried, that are among the best by code.
fn share_found(codec: &Codec, sample: Sample<'_>, tried: &[u32], of: &[u32]) -> f64 {
    let Sample { metric, dim, rows, .. } = sample;
    let mut codes = vec![Line::ZERO; lines(dim) * tried.len()];
    for (slot, codes) in tried.iter().zip(codes.chunks_exact_mut(lines(dim))) {
        codec.encode(rows.row(*slot), codes);
    }
    let greatest = magnitude(tried.iter().flat_map(|slot| components(rows.row(*slot), dim)));
    let (mut exact, mut coded) = (Exact::default(), Coded::default());
    let (mut found, mut wanted) = (0, 0);
    for at in spread(of.len(), QUERIES) {
        let query: Vec<f32> = components(rows.row(of[at as usize]), dim).collect();
        exact.set(metric, &query, greatest);
        coded.set(codec, &query);
        let truth: Vec<u32> = tried.iter().map(|slot| exact.four([rows.row(*slot); 4])[0]).collect();
        let mut by_code: Vec<(u32, u32)> = codes
            .chunks_exact(lines(dim))
            .zip(&truth)
            .map(|(codes, exact)| (coded.four(Portable, codec.is_dot, [codes; 4])[0], *exact))
            .collect();
        let mut sorted = truth;
        sorted.sort_unstable();
        let nearest = NEAREST.min(sorted.len());
        let farthest = sorted[nearest - 1];
        // Of rows at the same distance by code the farthest first: ties must not flatter.
        by_code.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        found += by_code.iter().take(BEST).filter(|(_, exact)| *exact <= farthest).count().min(nearest);
        wanted += nearest;
    }
    found as f64 / wanted.max(1) as f64
}
