//! A walk over rows that pass a filter, as if there were a graph of them alone: a node's neighbours are those that pass,
//! and where they are few also those of its neighbours that do not (Patel and others, "ACORN: Performant and predicate-agnostic
//! search over vector embeddings and structured data", 2024). Distances are computed of rows that pass, so a search costs
//! about what it does without a filter.

use std::sync::atomic::Ordering;

use crate::beam::{Scratch, distances, entry, offer, open, slot, walk};
use crate::bits::Bits;
use crate::isa::Isa;
use crate::links::{NONE, slot_of};
use crate::space::Space;
use crate::view::View;

/// Width of the walk that leads to the query's surroundings, without regard to the filter.
const SEEDS: usize = 8;
/// Passing neighbours that are enough: more are not looked for behind those that do not pass.
const ENOUGH: usize = 32;

/// Which rows may be found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passing<'a> {
    pub(crate) only: Option<&'a Bits>,
    pub(crate) except: Option<&'a Bits>,
}

impl Passing<'_> {
    #[inline(always)]
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.only.is_none_or(|only| only.contains(slot)) && self.except.is_none_or(|except| !except.contains(slot))
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.only.is_none() && self.except.is_none_or(|except| except.count() == 0)
    }

    /// How many of `len` rows pass, at most.
    pub(crate) fn most(&self, len: u32) -> usize {
        let dead = self.except.map_or(0, Bits::count);
        match self.only {
            Some(only) => only.count(),
            None => (len as usize).saturating_sub(dead),
        }
    }

    /// The slots below `len` that pass.
    pub(crate) fn slots(self, len: u32) -> impl Iterator<Item = u32> {
        let listed = self.only.map(|only| only.iter().take_while(move |slot| *slot < len));
        let all = if listed.is_none() { 0..len } else { 0..0 };
        listed
            .into_iter()
            .flatten()
            .chain(all)
            .filter(move |slot| self.except.is_none_or(|except| !except.contains(*slot)))
    }
}

/// Visits the rows that a node of the lowest level is linked with.
#[inline(always)]
fn neighbours(view: &View, at: u32, mut visit: impl FnMut(u32)) {
    for line in view.links.base(at) {
        for link in &line.0 {
            let link = link.load(Ordering::Acquire);
            if link == NONE {
                return;
            }
            if slot_of(link) < view.len {
                visit(slot_of(link));
            }
        }
    }
}

/// Fills the beam with the `width` nearest passing nodes that a walk from `start` meets.
#[inline(always)]
pub(crate) fn walk_passing<I: Isa, S: Space>(
    isa: I,
    space: S,
    scratch: &mut Scratch,
    start: u32,
    width: usize,
    passing: Passing<'_>,
) {
    walk(isa, space, scratch, start, SEEDS.min(width), 0);
    let Scratch { query, beam, met, slots } = scratch;
    let view = space.view();
    met.begin(view.len);
    for seed in beam.iter_mut() {
        *seed = entry(crate::beam::distance(*seed), slot(*seed));
        met.insert(slot(*seed));
    }
    // Seeds that do not pass take nobody's place.
    let width = width + beam.iter().filter(|seed| !passing.has(slot(**seed))).count();
    let mut detours = Vec::new();
    let mut cursor = 0;
    while let Some(at) = open(beam, &mut cursor) {
        slots.clear();
        detours.clear();
        neighbours(view, at, |slot| {
            if !passing.has(slot) {
                if !met.contains(slot) {
                    detours.push(slot);
                }
            } else if met.insert(slot) {
                space.prefetch(isa, slot);
                slots.push(slot);
            }
        });
        if slots.len() < ENOUGH {
            detours.iter().take(ENOUGH / 2).for_each(|slot| isa.prefetch(view.links.base(*slot)));
        }
        for detour in &detours {
            if slots.len() >= ENOUGH {
                break;
            }
            met.insert(*detour);
            neighbours(view, *detour, |slot| {
                if passing.has(slot) && met.insert(slot) {
                    space.prefetch(isa, slot);
                    slots.push(slot);
                }
            });
        }
        distances(isa, space, query, slots, |slot, distance| {
            if let Some(place) = offer(beam, width, entry(distance, slot)) {
                cursor = cursor.min(place);
            }
        });
    }
    beam.retain(|found| passing.has(slot(*found)));
}
