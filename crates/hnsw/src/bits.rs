//! Sets of rows, one bit a slot: what a filter lets pass, and what is dead. A search asks them of every node it meets.

/// A set of slots. What is beyond its end is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    ones: usize,
}

impl Bits {
    /// Adds a slot.
    pub fn insert(&mut self, slot: u32) {
        let at = slot as usize / 64;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let before = self.words[at];
        self.words[at] |= 1 << (slot % 64);
        self.ones += usize::from(before != self.words[at]);
    }

    /// Whether a slot is in it.
    #[inline(always)]
    pub fn contains(&self, slot: u32) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// How many slots are in it.
    pub fn count(&self) -> usize {
        self.ones
    }

    /// The slots in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<T: IntoIterator<Item = u32>>(slots: T) -> Self {
        let mut bits = Self::default();
        slots.into_iter().for_each(|slot| bits.insert(slot));
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_slots_has_what_was_put_into_it() {
        let slots = [0, 63, 64, 127, 1000];
        let mut bits: Bits = slots.into_iter().collect();
        bits.insert(64);
        assert_eq!(bits.count(), 5);
        assert_eq!(bits.iter().collect::<Vec<_>>(), slots);
        assert!(bits.contains(127) && !bits.contains(128) && !bits.contains(u32::MAX));
    }
}
