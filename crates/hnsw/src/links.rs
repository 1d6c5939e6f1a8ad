//! Who is linked with whom. Lists of the lowest level, which every search reads by the dozen, lie in cache lines of their
//! own; those of the upper levels, which one node in M has, where they find room.
//!
//! Lists are read while they are written, entry by entry: a reader sees the old entry or the new one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::chunked::BLOCK;
use crate::line::{LINKS, LinkLine};

/// Rows that an index can have: a link has a bit for other purposes, and one number leads nowhere.
pub const MAX_ROWS: usize = (1 << 31) - 2;
/// No link. A list ends with the first.
pub(crate) const NONE: u32 = u32::MAX;
/// Set in a link that must not be taken away, see [`build`](crate::build).
pub(crate) const KEEP: u32 = 1 << 31;
/// The highest level that a node can have.
pub(crate) const TOP: usize = 15;

/// The node that a link leads to.
#[inline(always)]
pub(crate) fn slot_of(link: u32) -> u32 {
    link & !KEEP
}

/// The lists of all nodes. Cloning it copies no lists.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    m: usize,
    lines: usize,
    blocks: Vec<Arc<Block>>,
}

/// The lists of [`BLOCK`] nodes.
#[derive(Debug)]
struct Block {
    base: Box<[LinkLine]>,
    /// Of each node its lists from level 1 on, `m` links each.
    upper: Box<[OnceLock<Box<[AtomicU32]>>]>,
}

impl Links {
    /// For lists of `m` links, and twice as many on the lowest level (Malkov & Yashunin, section 4.1), there rounded up
    /// to whole cache lines.
    pub(crate) fn new(m: usize) -> Self {
        Self { m, lines: (2 * m).div_ceil(LINKS), blocks: Vec::new() }
    }

    /// Makes room for so many nodes.
    pub(crate) fn grow(&mut self, len: usize) {
        while self.blocks.len() * BLOCK < len {
            let none = || AtomicU32::new(NONE);
            let line = || LinkLine(std::array::from_fn(|_| none()));
            self.blocks.push(Arc::new(Block {
                base: std::iter::repeat_with(line).take(BLOCK * self.lines).collect(),
                upper: std::iter::repeat_with(OnceLock::new).take(BLOCK).collect(),
            }));
        }
    }

    /// Gives a node its lists of the levels above the lowest.
    pub(crate) fn raise(&self, slot: u32, level: usize) {
        if level > 0 {
            let lists = (0..level * self.m).map(|_| AtomicU32::new(NONE));
            let _ = self.blocks[slot as usize / BLOCK].upper[slot as usize % BLOCK].set(lists.collect());
        }
    }

    /// The highest level of a node.
    pub(crate) fn level(&self, slot: u32) -> usize {
        self.blocks[slot as usize / BLOCK].upper[slot as usize % BLOCK].get().map_or(0, |lists| lists.len() / self.m)
    }

    /// A node's list on the lowest level.
    #[inline(always)]
    pub(crate) fn base(&self, slot: u32) -> &[LinkLine] {
        let at = slot as usize % BLOCK * self.lines;
        &self.blocks[slot as usize / BLOCK].base[at..at + self.lines]
    }

    /// A node's list on an upper level; empty where it has none.
    #[inline(always)]
    pub(crate) fn upper(&self, slot: u32, level: usize) -> &[AtomicU32] {
        let lists = self.blocks[slot as usize / BLOCK].upper[slot as usize % BLOCK].get();
        lists.and_then(|lists| lists.get((level - 1) * self.m..level * self.m)).unwrap_or_default()
    }

    /// A node's list on any level, to read or change it with little haste.
    pub(crate) fn list(&self, slot: u32, level: usize) -> List<'_> {
        if level == 0 {
            List { base: self.base(slot), upper: &[] }
        } else {
            List { base: &[], upper: self.upper(slot, level) }
        }
    }

    /// The most links that a list of a level can have.
    pub(crate) fn capacity(&self, level: usize) -> usize {
        if level == 0 { self.lines * LINKS } else { self.m }
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_upper = |lists: &OnceLock<Box<[AtomicU32]>>| {
            size_of::<OnceLock<Box<[AtomicU32]>>>() + lists.get().map_or(0, |lists| size_of_val(&**lists))
        };
        let of = |block: &Arc<Block>| size_of_val(&*block.base) + block.upper.iter().map(of_upper).sum::<usize>();
        self.blocks.iter().map(of).sum()
    }
}

/// One list.
#[derive(Clone, Copy)]
pub(crate) struct List<'a> {
    base: &'a [LinkLine],
    upper: &'a [AtomicU32],
}

impl<'a> List<'a> {
    fn places(self) -> impl Iterator<Item = &'a AtomicU32> {
        self.base.iter().flat_map(|line| &line.0).chain(self.upper)
    }

    /// Its links, marks included.
    pub(crate) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        // What is written before a link is seen by whoever sees the link.
        self.places().map(|place| place.load(Ordering::Acquire)).take_while(|link| *link != NONE)
    }

    /// Writes a link to a place.
    pub(crate) fn set(self, at: usize, link: u32) {
        let place = if self.base.is_empty() { &self.upper[at] } else { &self.base[at / LINKS].0[at % LINKS] };
        place.store(link, Ordering::Release);
    }

    /// Replaces the list by another, which is no longer than it was or fits. What is in both stays where it is, so that a
    /// reader misses none of it; what goes is written over by what comes, and then by the last.
    pub(crate) fn replace(self, links: &[u32]) {
        let mut old: Vec<u32> = self.iter().collect();
        let mut coming = links.iter().filter(|link| !old.contains(link)).copied().collect::<Vec<_>>().into_iter();
        let mut at = 0;
        while at < old.len() {
            if links.contains(&old[at]) {
                at += 1;
            } else if let Some(link) = coming.next() {
                self.set(at, link);
                old[at] = link;
                at += 1;
            } else {
                // The last takes the place before it leaves its own. It may be one that goes, too.
                let last = old.len() - 1;
                self.set(at, old[last]);
                self.set(last, NONE);
                old.swap_remove(at);
            }
        }
        for (at, link) in (old.len()..).zip(coming) {
            self.set(at, link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_replaced_without_moving_what_stays() {
        let mut links = Links::new(8);
        links.grow(1);
        links.raise(0, 2);
        assert_eq!((links.level(0), links.capacity(0), links.capacity(1)), (2, 16, 8));
        let list = links.list(0, 0);
        list.replace(&[1, 2, 3, 4, 5]);
        list.replace(&[5, 9, 1 | KEEP, 3]);
        // Five stays, three stays, the others give way; the mark makes another link.
        assert_eq!(list.iter().collect::<Vec<_>>(), [9, 1 | KEEP, 3, 5]);
        list.replace(&[]);
        assert_eq!(list.iter().count(), 0);
        let above = links.list(0, 2);
        above.replace(&[7, 8]);
        assert_eq!(above.iter().collect::<Vec<_>>(), [7, 8]);
        assert_eq!((links.list(0, 1).iter().count(), links.list(0, 3).iter().count()), (0, 0));
    }
}
