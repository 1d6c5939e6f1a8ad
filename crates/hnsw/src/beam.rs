//! The walk over the graph: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", 2016 (algorithms 2 and 5).
//!
//! A walk waits for memory more than it computes. So two nodes are opened at a time, the codes of all their neighbours are
//! asked for before the first is looked at, and so are the links of the node that will most likely be opened next. The beam
//! is a sorted array of plain numbers: distance, slot, and whether it was opened. Who was met is a bitmap, cleared by what
//! was touched. Nothing of this branches on what cannot be foreseen, if it can be had otherwise.

use std::sync::atomic::Ordering;

use crate::isa::Isa;
use crate::links::{Links, NONE, slot_of};
use crate::space::{Query, Space};

/// Nodes that are opened at a time.
const AT_A_TIME: usize = 2;

/// A node in a beam: distance, slot, opened or not.
#[inline(always)]
pub(crate) fn entry(distance: u32, slot: u32) -> u64 {
    u64::from(distance) << 32 | u64::from(slot) << 1
}

#[inline(always)]
pub(crate) fn slot(entry: u64) -> u32 {
    entry as u32 >> 1
}

#[inline(always)]
pub(crate) fn distance(entry: u64) -> u32 {
    (entry >> 32) as u32
}

const OPENED: u64 = 1;

/// What a walk needs room for. Kept and used again: a thread's walks allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) query: Query,
    /// The nearest that were found, nearest first.
    pub(crate) beam: Vec<u64>,
    pub(crate) met: Met,
    /// Slots whose distances are wanted.
    pub(crate) slots: Vec<u32>,
}

/// The nodes that a walk has met.
#[derive(Debug, Default)]
pub(crate) struct Met {
    words: Vec<u64>,
    /// Words that are not zero.
    touched: Vec<u32>,
}

impl Met {
    /// Makes room for so many nodes, none of them met.
    pub(crate) fn begin(&mut self, len: u32) {
        // Where many were touched, all at once is faster.
        if self.touched.len() * 8 > self.words.len() {
            self.words.fill(0);
        } else {
            self.touched.iter().for_each(|word| self.words[*word as usize] = 0);
        }
        self.touched.clear();
        let words = (len as usize).div_ceil(64);
        if words > self.words.len() {
            self.words.resize(words, 0);
        }
    }

    /// Notes a node; whether it was not met before.
    #[inline(always)]
    pub(crate) fn insert(&mut self, slot: u32) -> bool {
        let (at, bit) = (slot as usize / 64, 1 << (slot % 64));
        let word = &mut self.words[at];
        let before = *word;
        *word |= bit;
        if before == 0 {
            self.touched.push(at as u32);
        }
        before & bit == 0
    }

    /// Whether a node was met.
    #[inline(always)]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words[slot as usize / 64] >> (slot % 64) & 1 == 1
    }
}

/// Distances of slots to the query, four at a time.
#[inline(always)]
pub(crate) fn distances<I: Isa, S: Space>(
    isa: I,
    space: S,
    query: &Query,
    slots: &[u32],
    mut visit: impl FnMut(u32, u32),
) {
    let (fours, rest) = slots.as_chunks::<4>();
    for four in fours {
        let distances = space.four(isa, query, *four);
        four.iter().zip(distances).for_each(|(slot, distance)| visit(*slot, distance));
    }
    if let Some(last) = rest.last() {
        let four = std::array::from_fn(|at| *rest.get(at).unwrap_or(last));
        let distances = space.four(isa, query, four);
        rest.iter().zip(distances).for_each(|(slot, distance)| visit(*slot, distance));
    }
}

/// Goes from a node to the nearest of its neighbours for as long as that is nearer, on each level from `from` down to above
/// `to`.
#[inline(always)]
pub(crate) fn descend<I: Isa, S: Space>(
    isa: I,
    space: S,
    scratch: &mut Scratch,
    start: u32,
    from: usize,
    to: usize,
) -> u32 {
    let view = space.view();
    let mut at = start;
    let mut nearest = space.four(isa, &scratch.query, [at; 4])[0];
    for level in (to + 1..=from).rev() {
        loop {
            scratch.slots.clear();
            for link in view.links.upper(at, level) {
                let link = link.load(Ordering::Acquire);
                if link == NONE {
                    break;
                }
                if slot_of(link) < view.len {
                    space.prefetch(isa, slot_of(link));
                    scratch.slots.push(slot_of(link));
                }
            }
            let before = at;
            distances(isa, space, &scratch.query, &scratch.slots, |slot, distance| {
                if distance < nearest {
                    (nearest, at) = (distance, slot);
                }
            });
            if at == before {
                break;
            }
        }
    }
    at
}

/// Takes a node into a beam of at most `width`, if it is near enough. Returns its place.
#[inline(always)]
pub(crate) fn offer(beam: &mut Vec<u64>, width: usize, entry: u64) -> Option<usize> {
    // At the farthest's own distance it stays out: where many are equally far, a walk must come to an end.
    if beam.len() >= width && beam.last().is_some_and(|last| distance(entry) >= distance(*last)) {
        return None;
    }
    let place = beam.partition_point(|other| *other < entry);
    if beam.len() >= width {
        beam.pop();
    }
    beam.insert(place, entry);
    Some(place)
}

/// The first node that was not opened, from a place in the beam on: marks it.
#[inline(always)]
pub(crate) fn open(beam: &mut [u64], cursor: &mut usize) -> Option<u32> {
    while let Some(entry) = beam.get_mut(*cursor) {
        *cursor += 1;
        if *entry & OPENED == 0 {
            *entry |= OPENED;
            return Some(slot(*entry));
        }
    }
    None
}

/// Adds those of a node's neighbours that were not met before.
#[inline(always)]
fn gather(links: &Links, at: u32, level: usize, len: u32, met: &mut Met, slots: &mut Vec<u32>) {
    let mut take = |link: u32| {
        // Nodes that are newer than the view have no row in it.
        if slot_of(link) < len && met.insert(slot_of(link)) {
            slots.push(slot_of(link));
        }
    };
    if level > 0 {
        let upper = links.upper(at, level).iter().map(|link| link.load(Ordering::Acquire));
        upper.take_while(|link| *link != NONE).for_each(take);
        return;
    }
    for line in links.base(at) {
        for link in &line.0 {
            let link = link.load(Ordering::Acquire);
            if link == NONE {
                return;
            }
            take(link);
        }
    }
}

/// Fills the beam with the `width` nearest nodes of a level that a walk from `start` meets.
#[inline(always)]
pub(crate) fn walk<I: Isa, S: Space>(isa: I, space: S, scratch: &mut Scratch, start: u32, width: usize, level: usize) {
    let Scratch { query, beam, met, slots } = scratch;
    let view = space.view();
    met.begin(view.len);
    beam.clear();
    beam.push(entry(space.four(isa, query, [start; 4])[0], start));
    met.insert(start);
    let mut cursor = 0;
    loop {
        slots.clear();
        let mut opened = 0;
        while opened < AT_A_TIME
            && let Some(at) = open(beam, &mut cursor)
        {
            gather(&view.links, at, level, view.len, met, slots);
            opened += 1;
        }
        if opened == 0 {
            return;
        }
        slots.iter().for_each(|slot| space.prefetch(isa, *slot));
        if level == 0
            && let Some(next) = beam[cursor..].iter().find(|entry| **entry & OPENED == 0)
        {
            isa.prefetch(view.links.base(slot(*next)));
        }
        distances(isa, space, query, slots, |slot, distance| {
            if let Some(place) = offer(beam, width, entry(distance, slot)) {
                cursor = cursor.min(place);
            }
        });
    }
}
