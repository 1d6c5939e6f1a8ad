//! A search: a walk by codes, and the exact distances of the best of it; or the exact distances of all rows, where that is
//! quicker or the walk found too few.

use std::collections::BinaryHeap;

use crate::beam::{self, Scratch, descend, walk};
use crate::bits::Bits;
use crate::filtered::{Passing, walk_passing};
use crate::isa::Isa;
use crate::landmarks::Landmarks;
use crate::space::{Space, Work};
use crate::view::View;

/// Rows that are looked at one by one in the time that a walk takes for one of its width.
const EXACT: usize = 48;
/// Rows whose memory is asked for before the first is looked at.
const AHEAD: usize = 16;
/// What the codes' order may be wrong by: so many more than were asked for are compared exactly, or this share of them.
const SPARE: usize = 20;
const SPARE_SHARE: usize = 4;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Rows wanted.
    pub k: usize,
    /// The width of the walk, at least `k`: the wider, the slower, and the fewer rows are missed.
    pub ef: usize,
    /// Only rows in this set, where there is one.
    pub only: Option<&'a Bits>,
    /// No rows in this set: dead ones.
    pub except: Option<&'a Bits>,
    /// Only rows at most as far.
    pub within: f32,
}

impl Search<'_> {
    /// The `k` nearest of all rows.
    pub fn nearest(k: usize, ef: usize) -> Self {
        Self { k, ef, only: None, except: None, within: f32::INFINITY }
    }
}

/// A row that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The row's key.
    pub key: u64,
    /// How far it is: smaller is nearer, see [`Metric`](crate::Metric).
    pub distance: f32,
}

/// A search over a view, from an entry on.
pub(crate) struct Run<'a> {
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) entry: (usize, u32),
    pub(crate) landmarks: &'a Landmarks,
    pub(crate) query: &'a [f32],
    pub(crate) search: &'a Search<'a>,
}

impl Work for Run<'_> {
    type Output = Vec<Hit>;

    #[inline(always)]
    fn run<I: Isa, S: Space>(self, isa: I, space: S) -> Vec<Hit> {
        let Self { scratch, entry: (top, start), landmarks, query, search } = self;
        let view = space.view();
        let passing = Passing { only: search.only, except: search.except };
        scratch.query.exact.set(view.metric, query, view.magnitude);
        let most = passing.most(view.len);
        let k = search.k.min(most);
        // Of the last of a beam some are missing.
        let width = search.ef.max(k + k / SPARE_SHARE);
        if most <= width.saturating_mul(if passing.only.is_some() { EXACT } else { 1 }) {
            scan(isa, view, scratch, passing, k);
            return hits(view, scratch, search);
        }
        if view.codec.is_bytes {
            scratch.query.coded.set(&view.codec, query);
        }
        let start = descend(isa, space, scratch, start, top, 0);
        let start = landmarks.start(isa, space, scratch, start);
        if passing.is_everything() {
            walk(isa, space, scratch, start, width, 0);
        } else {
            walk_passing(isa, space, scratch, start, width, passing);
        }
        if scratch.beam.len() < k {
            // What passes lies where the walk did not come by.
            scan(isa, view, scratch, passing, k);
        } else if view.codec.is_bytes {
            rank(isa, view, scratch, k);
        }
        hits(view, scratch, search)
    }
}

/// Puts the best of a beam in the order of their exact distances.
#[inline(always)]
fn rank<I: Isa>(isa: I, view: &View, scratch: &mut Scratch, k: usize) {
    let Scratch { query, beam, slots, .. } = scratch;
    beam.truncate(k + SPARE.max(k / SPARE_SHARE));
    beam.iter().for_each(|found| isa.prefetch(view.rows.row(beam::slot(*found))));
    slots.clear();
    slots.extend(beam.iter().map(|found| beam::slot(*found)));
    beam.clear();
    for four in slots.chunks(4) {
        let rows = std::array::from_fn(|at| view.rows.row(*four.get(at).unwrap_or(&four[0])));
        let exact = query.exact.four(rows);
        beam.extend(four.iter().zip(exact).map(|(slot, exact)| beam::entry(exact, *slot)));
    }
    beam.sort_unstable();
}

/// The nearest of all rows that pass, into the beam.
#[inline(always)]
fn scan<I: Isa>(isa: I, view: &View, scratch: &mut Scratch, passing: Passing<'_>, k: usize) {
    let Scratch { query, beam, slots, .. } = scratch;
    let mut nearest = BinaryHeap::with_capacity(k + 1);
    let mut look = |slots: &mut Vec<u32>| {
        slots.iter().for_each(|slot| isa.prefetch(view.rows.row(*slot)));
        for four in slots.chunks(4) {
            let rows = std::array::from_fn(|at| view.rows.row(*four.get(at).unwrap_or(&four[0])));
            let exact = query.exact.four(rows);
            for (slot, exact) in four.iter().zip(exact) {
                let found = beam::entry(exact, *slot);
                if nearest.len() < k {
                    nearest.push(found);
                } else if nearest.peek().is_some_and(|farthest| found < *farthest) {
                    nearest.pop();
                    nearest.push(found);
                }
            }
        }
        slots.clear();
    };
    slots.clear();
    for slot in passing.slots(view.len) {
        slots.push(slot);
        if slots.len() == AHEAD {
            look(slots);
        }
    }
    look(slots);
    *beam = nearest.into_sorted_vec();
}

/// The beam, whose distances are exact by now, as it is answered.
fn hits(view: &View, scratch: &Scratch, search: &Search<'_>) -> Vec<Hit> {
    let hit = |found: &u64| {
        let distance = scratch.query.exact.distance(beam::distance(*found));
        Hit { key: view.key(beam::slot(*found)), distance }
    };
    let hits = scratch.beam.iter().take(search.k).map(hit);
    hits.take_while(|hit| hit.distance <= search.within).collect()
}

/// Calls `visit` with the exact distance of each of these rows.
pub(crate) struct Measure<'a, F> {
    pub(crate) query: &'a [f32],
    pub(crate) slots: &'a [u32],
    pub(crate) visit: F,
}

impl<F: FnMut(u32, f32)> Work for Measure<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa, S: Space>(mut self, isa: I, space: S) {
        let view = space.view();
        let mut exact = crate::exact::Exact::default();
        exact.set(view.metric, self.query, view.magnitude);
        for some in self.slots.chunks(AHEAD) {
            some.iter().for_each(|slot| isa.prefetch(view.rows.row(*slot)));
            for four in some.chunks(4) {
                let rows = std::array::from_fn(|at| view.rows.row(*four.get(at).unwrap_or(&four[0])));
                four.iter().zip(exact.distances(rows)).for_each(|(slot, distance)| (self.visit)(*slot, distance));
            }
        }
    }
}
