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
const BEST: usize = 30;
/// Components that are cut off on a second try.
const CUT: f64 = 1e-3;
/// The share of true neighbours that must be there.
const GOOD: f64 = 0.98;

/// The codec for the first `len` rows.
pub(crate) fn choose(coding: Coding, metric: Metric, dim: usize, rows: &Chunked<FloatLine>, len: usize) -> Codec {
    let floats = Codec::floats(metric);
    // Where a row is one line anyway there is nothing to win.
    if coding == Coding::Floats || coding == Coding::Auto && (dim <= FLOATS || len < FEW) {
        return floats;
    }
    let trained: Vec<_> = spread(len, TRAINED).iter().map(|slot| rows.row(*slot)).collect();
    let codec = Codec::train(metric, dim, &trained, None);
    if coding == Coding::Bytes || is_good(&codec, metric, dim, rows, len) {
        return codec;
    }
    // A few rows far beyond all others make the squared error small where nothing else counts.
    let codec = Codec::train(metric, dim, &trained, Some(CUT));
    if is_good(&codec, metric, dim, rows, len) { codec } else { floats }
}

/// Whether a codec still does for the first `len` rows.
pub(crate) fn is_good(codec: &Codec, metric: Metric, dim: usize, rows: &Chunked<FloatLine>, len: usize) -> bool {
    share_found(codec, metric, dim, rows, &spread(len, TRIED)) >= GOOD
}

/// Slots spread over all.
fn spread(len: usize, most: usize) -> Vec<u32> {
    let count = len.min(most);
    (0..count).map(|at| (at * len / count) as u32).collect()
}

/// The share of true neighbours that are among the best by code.
fn share_found(codec: &Codec, metric: Metric, dim: usize, rows: &Chunked<FloatLine>, tried: &[u32]) -> f64 {
    let mut codes = vec![Line::ZERO; lines(dim) * tried.len()];
    for (slot, codes) in tried.iter().zip(codes.chunks_exact_mut(lines(dim))) {
        codec.encode(rows.row(*slot), codes);
    }
    let greatest = magnitude(tried.iter().flat_map(|slot| components(rows.row(*slot), dim)));
    let (mut exact, mut coded) = (Exact::default(), Coded::default());
    let (mut found, mut wanted) = (0, 0);
    for at in spread(tried.len(), QUERIES) {
        let query: Vec<f32> = components(rows.row(tried[at as usize]), dim).collect();
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
