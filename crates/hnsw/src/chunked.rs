//! Rows that grow while they are read: in blocks that never change, so that a reader needs no lock, and whoever adds
//! rows makes a new list of blocks beside the old one.
//!
//! Safe Rust has no way to write into memory that others read, but for atomics, which are not read sixteen at a time. So
//! the last rows lie in small pieces, of which adding a row copies one; full pieces become a block.

use std::sync::Arc;

/// Rows in a block.
pub(crate) const BLOCK: usize = 1 << 14;
/// Rows in a piece.
const PIECE: usize = 1 << 6;

/// Rows of so many `T` each. Cloning it copies no rows.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T> {
    width: usize,
    blocks: Vec<Arc<[T]>>,
    /// The rows behind the blocks.
    tail: Vec<Arc<[T]>>,
}

impl<T: Copy> Chunked<T> {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, blocks: Vec::new(), tail: Vec::new() }
    }

    /// `T`s a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    pub(crate) fn row(&self, slot: u32) -> &[T] {
        let slot = slot as usize;
        match self.blocks.get(slot / BLOCK) {
            Some(block) => {
                let at = slot % BLOCK * self.width;
                &block[at..at + self.width]
            }
            None => self.row_in_tail(slot - self.blocks.len() * BLOCK),
        }
    }

    #[inline(never)]
    fn row_in_tail(&self, at: usize) -> &[T] {
        let place = at % PIECE * self.width;
        &self.tail[at / PIECE][place..place + self.width]
    }

    /// Adds rows that lie one behind the other.
    pub(crate) fn push(&mut self, mut rows: &[T]) {
        let (block, piece) = (BLOCK * self.width, PIECE * self.width);
        while !rows.is_empty() {
            if self.tail.is_empty() && rows.len() >= block {
                let (whole, rest) = rows.split_at(block);
                self.blocks.push(Arc::from(whole));
                rows = rest;
                continue;
            }
            let last = self.tail.pop_if(|last| last.len() < piece);
            let mut grown = Vec::with_capacity(piece);
            grown.extend_from_slice(last.as_deref().unwrap_or_default());
            let (now, rest) = rows.split_at(rows.len().min(piece - grown.len()));
            grown.extend_from_slice(now);
            rows = rest;
            self.tail.push(Arc::from(grown));
            if self.tail.len() * PIECE == BLOCK && self.tail.last().is_some_and(|last| last.len() == piece) {
                self.blocks.push(Arc::from(self.tail.concat()));
                self.tail.clear();
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.blocks.iter().chain(&self.tail).map(|part| std::mem::size_of_val(&**part)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_where_they_were_put_however_they_came() {
        let mut chunked = Chunked::new(3);
        let mut rows: Vec<u32> = Vec::new();
        let mut held = Vec::new();
        for batch in [1, 63, 1, 100, 16_000, 1, 40_000, 16_384, 5] {
            let start = rows.len() as u32;
            rows.extend(start..start + batch * 3);
            chunked.push(&rows[start as usize..]);
            held.push((chunked.clone(), rows.len() / 3));
        }
        for (chunked, len) in held {
            assert!((0..len).all(|slot| chunked.row(slot as u32) == &rows[slot * 3..slot * 3 + 3]));
        }
        assert_eq!(chunked.bytes(), rows.len() * 4);
    }
}
