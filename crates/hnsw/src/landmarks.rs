//! Nodes far from each other, from the nearest of which a walk begins where that is nearer than what the upper levels lead
//! to.
//!
//! Levels lead well where rows come in any order. Where thousands come that lie close together, and then others far away,
//! a walk among the first sees nothing but rows at the same distance and stops before it meets one of the few links that
//! lead on: such rows would not even find themselves. So a few nodes are remembered that are spread over all there is: by
//! the doubling algorithm of Charikar, Chekuri, Feder & Motwani, "Incremental clustering and dynamic information retrieval",
//! 1997. A node that is farther than a threshold from all of them becomes one; when they are too many, the threshold is
//! doubled until few enough are left that keep that distance from each other.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::beam::{Scratch, distances};
use crate::isa::Isa;
use crate::links::NONE;
use crate::space::{Query, Space};

/// The most there are. Every search looks at all of them.
pub(crate) const MOST: usize = 32;
/// How many are left when there were too many, at most.
const LEFT: usize = MOST / 2;

/// The landmarks. They are read while they change: any choice of them will do.
#[derive(Debug)]
pub(crate) struct Landmarks {
    slots: [AtomicU32; MOST],
    /// The threshold; 0 where it is not known.
    apart: AtomicU32,
    changing: Mutex<()>,
}

impl Landmarks {
    pub(crate) fn new() -> Self {
        let slots = std::array::from_fn(|_| AtomicU32::new(NONE));
        Self { slots, apart: AtomicU32::new(0), changing: Mutex::new(()) }
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.slots.iter().map(|slot| slot.load(Ordering::Acquire)).take_while(|slot| *slot != NONE)
    }

    /// Puts these in the place of others, and forgets the threshold, whose unit is that of the codes.
    pub(crate) fn set(&self, slots: &[u32]) {
        for (at, place) in self.slots.iter().enumerate() {
            place.store(slots.get(at).copied().unwrap_or(NONE), Ordering::Release);
        }
        self.apart.store(0, Ordering::Release);
    }

    /// How far the nearest of them is from the query, and its slot. Of inner products none is known.
    #[inline(always)]
    pub(crate) fn nearest<I: Isa, S: Space>(&self, isa: I, space: S, scratch: &mut Scratch) -> Option<(u32, u32)> {
        if space.is_dot() {
            return None;
        }
        let Scratch { query, slots, .. } = scratch;
        let len = space.view().len;
        slots.clear();
        slots.extend(self.slots().filter(|slot| *slot < len));
        let mut nearest = None;
        distances(isa, space, query, slots, |slot, distance| {
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, slot));
            }
        });
        nearest
    }

    /// Where a walk over the lowest level begins: at the node that the upper levels lead to, or at the nearest landmark.
    #[inline(always)]
    pub(crate) fn start<I: Isa, S: Space>(&self, isa: I, space: S, scratch: &mut Scratch, at: u32) -> u32 {
        let Some((distance, landmark)) = self.nearest(isa, space, scratch) else { return at };
        if distance < space.four(isa, &scratch.query, [at; 4])[0] { landmark } else { at }
    }

    /// Takes a node, which is at this distance from the nearest of them, if that is far enough.
    #[inline(always)]
    pub(crate) fn offer<I: Isa, S: Space>(&self, isa: I, space: S, slot: u32, distance: u32, query: &mut Query) {
        if space.is_copy(distance) || distance <= self.apart.load(Ordering::Acquire) {
            return;
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut slots: Vec<u32> = self.slots().collect();
        let mut apart = self.apart.load(Ordering::Acquire);
        slots.push(slot);
        let limit = if slots.len() > MOST { LEFT } else { MOST };
        while slots.len() > limit {
            apart = space.widened(query, apart);
            let mut left: Vec<u32> = Vec::with_capacity(slots.len());
            for slot in slots {
                space.ask_for_row(slot, query);
                let mut is_apart = true;
                distances(isa, space, query, &left, |_, distance| is_apart &= distance > apart);
                if is_apart {
                    left.push(slot);
                }
            }
            slots = left;
        }
        self.set(&slots);
        self.apart.store(apart, Ordering::Release);
    }
}
