//! How a node gets its links, so that every node is found for ever.
//!
//! **Neighbours** are chosen by the heuristic of Malkov & Yashunin (algorithm 4): of the candidates, nearest first, those
//! that none chosen before shields, by being nearer to them than the node is. As in Subramanya and others, "DiskANN", 2019,
//! a candidate is shielded only by one that is nearer by a factor, alpha, which keeps longer links. Of copies of the node
//! itself, which nothing shields, it keeps few: else thousands of equal rows would know of nobody but each other.
//!
//! **A tree within the graph.** In HNSW as published a node's last incoming link can be pruned away, and nodes that are
//! added at the same time can miss each other: of 100,000 nodes some ten are found by nobody, themselves included. Here
//! each new node is *adopted* by one of its neighbours, in nearly all cases the nearest: that link, and the one back, are
//! marked and never pruned. Adopted nodes were linked before, so these links are a tree over all nodes, in both
//! directions, at any moment and by any number of threads: from wherever a walk begins on the lowest level it can reach
//! every node. A node adopts a few others only, so that most of its links remain the heuristic's; where all neighbours
//! have adopted enough, the tree's branches lead to one that has not.
//!
//! **Order.** A node's links are found from the top level down and written from the lowest level up: whoever sees a node on
//! any level can leave it on all below. hnswlib keeps others waiting instead.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::beam::{self, Scratch, descend, distance, distances, entry, slot, walk};
use crate::fit::BEST;
use crate::isa::Isa;
use crate::landmarks::Landmarks;
use crate::links::{KEEP, TOP, slot_of};
use crate::space::{Query, Space, Work, dispatch};
use crate::view::View;

/// Locks that all nodes share.
const LOCKS: usize = 4096;
/// No node yet.
const EMPTY: u64 = u64::MAX;
/// One in so many of a list's links may lead to a copy.
const COPIES: usize = 4;

/// What is written while nodes are added.
#[derive(Debug)]
pub(crate) struct Builder {
    m: usize,
    width: usize,
    alpha: f32,
    portable: bool,
    /// Where every search begins: its level and slot.
    entry: AtomicU64,
    /// Held while a node is added that may become the entry.
    rising: Mutex<()>,
    /// Whoever changes a node's list has the node's.
    locks: Box<[Mutex<()>]>,
    pub(crate) landmarks: Landmarks,
    /// Nodes with so many neighbours at no distance by code that exact distances of the best do not help.
    blurred: Mutex<Vec<u32>>,
}

/// What a thread that adds nodes needs room for.
#[derive(Debug, Default)]
struct Buffers {
    query: Query,
    /// Candidates with their links as they are now, nearest first.
    candidates: Vec<(u64, u32)>,
    chosen: Vec<u32>,
    slots: Vec<u32>,
}

impl Builder {
    pub(crate) fn new(m: usize, width: usize, alpha: f32, portable: bool) -> Self {
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        let (entry, landmarks) = (AtomicU64::new(EMPTY), Landmarks::new());
        Self { m, width, alpha, portable, entry, rising: Mutex::new(()), locks, landmarks, blurred: Mutex::default() }
    }

    /// The node where searches begin, and its level.
    pub(crate) fn entry(&self) -> Option<(usize, u32)> {
        let entry = self.entry.load(Ordering::Acquire);
        (entry != EMPTY).then_some(((entry >> 32) as usize, entry as u32))
    }

    pub(crate) fn set_entry(&self, level: usize, slot: u32) {
        self.entry.store((level as u64) << 32 | u64::from(slot), Ordering::Release);
    }

    /// Has searches begin where those of another builder's graph do.
    pub(crate) fn begin_as(&self, other: &Self) {
        self.landmarks.set(&other.landmarks.slots().collect::<Vec<u32>>());
        self.entry.store(other.entry.load(Ordering::Acquire), Ordering::Release);
    }

    fn lock(&self, slot: u32) -> MutexGuard<'_, ()> {
        self.locks[slot as usize % LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds nodes, the next of which is counted by `next`, until `end`. Several threads may.
    pub(crate) fn add(&self, view: &View, scratch: &mut Scratch, next: &AtomicU32, end: u32) {
        dispatch(view, self.portable, Add { builder: self, scratch, next, end, again: None });
    }

    /// Gives nodes further links, as if they were new: those that they have were found by codes that told little of them.
    pub(crate) fn add_again(&self, view: &View, scratch: &mut Scratch, next: &AtomicU32, nodes: &[u32]) {
        dispatch(
            view,
            self.portable,
            Add { builder: self, scratch, next, end: nodes.len() as u32, again: Some(nodes) },
        );
    }

    /// The nodes that codes cannot tell from their neighbours, as far as they were not told before.
    pub(crate) fn take_blurred(&self) -> Vec<u32> {
        std::mem::take(&mut *self.blurred.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The level of a node: drawn once for ever, from its slot, with the probabilities of Malkov & Yashunin.
    fn level(&self, slot: u32) -> usize {
        // Between 0 and 1, neither included.
        let uniform = ((mix(u64::from(slot)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        ((-uniform.ln() / (self.m as f64).ln()) as usize).min(TOP)
    }

    /// Nodes that one adopts at most, its own adopter counted.
    fn most_kept(&self) -> usize {
        (self.m / 2).max(3)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood, 2014): an even spread of any numbers.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Add<'a> {
    builder: &'a Builder,
    scratch: &'a mut Scratch,
    next: &'a AtomicU32,
    end: u32,
    again: Option<&'a [u32]>,
}

impl Work for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa, S: Space>(self, isa: I, space: S) {
        let Self { builder, scratch, next, end, again } = self;
        let mut inserting = Inserting { builder, isa, space, buffers: Buffers::default() };
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= end {
                return;
            }
            match again {
                None => inserting.insert(scratch, at),
                Some(nodes) => inserting.insert_again(scratch, nodes[at as usize]),
            }
        }
    }
}

/// A thread that adds nodes.
struct Inserting<'a, I, S> {
    builder: &'a Builder,
    isa: I,
    space: S,
    buffers: Buffers,
}

impl<I: Isa, S: Space> Inserting<'_, I, S> {
    #[inline(always)]
    fn insert(&mut self, scratch: &mut Scratch, slot: u32) {
        let (builder, space) = (self.builder, self.space);
        let links = &space.view().links;
        let level = builder.level(slot);
        links.raise(slot, level);
        let mut start = builder.entry();
        let mut rising = None;
        if start.is_none_or(|(top, _)| level > top) {
            rising = Some(builder.rising.lock().unwrap_or_else(PoisonError::into_inner));
            start = builder.entry();
        }
        let Some((top, start)) = start else {
            builder.set_entry(level, slot);
            builder.landmarks.set(&[slot]);
            return;
        };
        self.space.ask_for_row(slot, &mut scratch.query);
        let mut at = descend(self.isa, self.space, scratch, start, top, level.min(top));
        let mut chosen = Vec::with_capacity(level + 1);
        let far = builder.landmarks.nearest(self.isa, space, scratch).map(|(far, _)| far);
        for level in (0..=level.min(top)).rev() {
            if level == 0 {
                at = builder.landmarks.start(self.isa, space, scratch, at);
            }
            walk(self.isa, self.space, scratch, at, builder.width, level);
            at = beam::slot(scratch.beam[0]);
            chosen.push(self.choose_from(&scratch.beam));
        }
        self.check_codes(slot, &scratch.beam);
        for (level, chosen) in chosen.iter().rev().enumerate() {
            if level == 0 {
                self.adopt(slot, chosen, &scratch.beam);
            } else {
                chosen.iter().enumerate().for_each(|(at, link)| links.list(slot, level).set(at, *link));
            }
            for other in chosen {
                let _lock = builder.lock(*other);
                self.add_link(*other, level, slot);
            }
        }
        if let Some(far) = far {
            builder.landmarks.offer(self.isa, space, slot, far, &mut self.buffers.query);
        }
        if rising.is_some() && level > top {
            builder.set_entry(level, slot);
        }
    }

    /// Links a node that is there with the neighbours that it would get now, on the lowest level.
    #[inline(always)]
    fn insert_again(&mut self, scratch: &mut Scratch, node: u32) {
        let Some((top, start)) = self.builder.entry() else { return };
        self.space.ask_for_row(node, &mut scratch.query);
        let at = descend(self.isa, self.space, scratch, start, top, 0);
        let at = self.builder.landmarks.start(self.isa, self.space, scratch, at);
        walk(self.isa, self.space, scratch, at, self.builder.width, 0);
        scratch.beam.retain(|found| slot(*found) != node);
        for other in self.choose_from(&scratch.beam) {
            for (from, to) in [(node, other), (other, node)] {
                let _lock = self.builder.lock(from);
                self.add_link(from, 0, to);
            }
        }
    }

    /// Notes a node that codes cannot tell from its neighbours; copies cannot be told from it by anything.
    #[inline(always)]
    fn check_codes(&self, node: u32, found: &[u64]) {
        let rows = &self.space.view().rows;
        if let Some(last) = found.get(BEST)
            && self.space.is_noise(distance(*last))
            && rows.row(slot(*last)) != rows.row(node)
        {
            self.builder.blurred.lock().unwrap_or_else(PoisonError::into_inner).push(node);
        }
    }

    /// A new node's neighbours, of those that a walk found.
    #[inline(always)]
    fn choose_from(&mut self, found: &[u64]) -> Vec<u32> {
        self.buffers.candidates.clear();
        let candidates = found.iter().map(|found| (entry(distance(*found), slot(*found)), slot(*found)));
        self.buffers.candidates.extend(candidates);
        self.choose(self.builder.m);
        self.buffers.chosen.clone()
    }

    /// Has a node adopted, and writes its list on the lowest level.
    #[inline(always)]
    fn adopt(&mut self, child: u32, chosen: &[u32], found: &[u64]) {
        for parent in chosen.iter().copied().chain(found.iter().map(|found| slot(*found))) {
            if self.is_adopted_by(child, parent, chosen, self.builder.most_kept()) {
                return;
            }
        }
        // Along the tree, never back: such a walk ends at a node that has adopted none, at the latest.
        let (mut before, mut at) = (child, chosen[0]);
        let mut random = u64::from(child);
        while !self.is_adopted_by(child, at, chosen, self.builder.most_kept()) {
            let kept = self.space.view().links.list(at, 0).iter().filter(|link| link & KEEP != 0).map(slot_of);
            let onward: Vec<u32> = kept.filter(|slot| *slot != before).collect();
            random = mix(random);
            before = at;
            let Some(next) = onward.get((random % onward.len().max(1) as u64) as usize) else {
                // No tree has such an end.
                self.is_adopted_by(child, at, chosen, usize::MAX);
                return;
            };
            at = *next;
        }
    }

    /// Has a node adopt another, which gets its list with that, unless `most` links of the node are kept already.
    #[inline(always)]
    fn is_adopted_by(&mut self, child: u32, parent: u32, chosen: &[u32], most: usize) -> bool {
        let space = self.space;
        let links = &space.view().links;
        let _lock = self.builder.lock(parent);
        if links.list(parent, 0).iter().filter(|link| link & KEEP != 0).count() >= most {
            return false;
        }
        // First its own: nobody knows of it yet.
        let own = links.list(child, 0);
        own.set(0, parent | KEEP);
        let others = chosen.iter().filter(|other| **other != parent);
        others.enumerate().for_each(|(at, other)| own.set(at + 1, *other));
        self.add_link(parent, 0, child | KEEP);
        true
    }

    /// Adds a link to a node's list, whose lock is held. From a full list it takes what the heuristic does not choose.
    #[inline(always)]
    fn add_link(&mut self, node: u32, level: usize, link: u32) {
        let space = self.space;
        let links = &space.view().links;
        let list = links.list(node, level);
        let candidates = &mut self.buffers.candidates;
        candidates.clear();
        candidates.extend(list.iter().map(|link| (0, link)));
        if candidates.iter().any(|(_, other)| slot_of(*other) == slot_of(link)) {
            return;
        }
        if candidates.len() < links.capacity(level) {
            list.set(candidates.len(), link);
            return;
        }
        candidates.push((0, link));
        self.space.ask_for_row(node, &mut self.buffers.query);
        let slots = &mut self.buffers.slots;
        slots.clear();
        slots.extend(candidates.iter().map(|(_, link)| slot_of(*link)));
        slots.iter().for_each(|slot| self.space.prefetch(self.isa, *slot));
        let mut places = candidates.iter_mut();
        distances(self.isa, self.space, &self.buffers.query, slots, |slot, distance| {
            if let Some(place) = places.next() {
                place.0 = entry(distance, slot);
            }
        });
        candidates.sort_unstable();
        self.choose(links.capacity(level));
        list.replace(&self.buffers.chosen);
    }

    /// Of the candidates, nearest first, those that stay or come: all that are kept, and such that are not shielded.
    #[inline(always)]
    fn choose(&mut self, most: usize) {
        let Buffers { query, candidates, chosen, slots } = &mut self.buffers;
        chosen.clear();
        slots.clear();
        let mut room = most.saturating_sub(candidates.iter().filter(|(_, link)| link & KEEP != 0).count());
        let mut copies = most / COPIES;
        let mut shielded = Vec::new();
        for (candidate, link) in candidates.iter() {
            let far = distance(*candidate);
            if link & KEEP == 0 {
                if room == 0 || self.space.is_copy(far) && copies == 0 {
                    continue;
                }
                self.space.ask_for_row(slot_of(*link), query);
                let mut is_shielded = false;
                // No closure: it would not be compiled for the processor's instructions.
                for four in slots.chunks(4) {
                    let four = std::array::from_fn(|at| *four.get(at).unwrap_or(&four[0]));
                    let between = self.space.four(self.isa, query, four);
                    is_shielded =
                        between.iter().any(|near| self.space.is_shielded(query, *near, far, self.builder.alpha));
                    if is_shielded {
                        break;
                    }
                }
                if is_shielded {
                    shielded.push(*link);
                    continue;
                }
                room -= 1;
                copies -= usize::from(self.space.is_copy(far));
            }
            chosen.push(*link);
            slots.push(slot_of(*link));
        }
        if self.space.is_dot() {
            // Of inner products the longest row shields nearly all others: some are taken nevertheless.
            let more = room.min((most * 3 / 4).saturating_sub(chosen.len()));
            chosen.extend(shielded.into_iter().take(more));
        }
    }
}
