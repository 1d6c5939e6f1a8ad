//! Parts of fingerprints as binary vectors. Those that are stored begin at every fourth value; a query begins at every
//! value, so that one in four lies exactly on a stored one.

use bootcamp_core::Vector;

/// Values in a vector: one second.
pub const WINDOW: usize = 8;
/// Values from the beginning of one stored vector to that of the next.
pub const HOP: usize = 4;
/// Bits of a vector.
pub const BITS: usize = WINDOW * 32;

/// Where the stored vectors of a fingerprint of so many values begin. The last one ends with it, so that they cover all.
pub fn starts(len: usize) -> impl Iterator<Item = usize> {
    let last = len.checked_sub(WINDOW);
    let regular = (0..last.map_or(0, |last| last + 1)).step_by(HOP);
    regular.chain(last.filter(|last| !last.is_multiple_of(HOP)))
}

/// The stored vectors that together cover some values of a fingerprint of `len` values, each as far from the next as it is
/// long.
pub fn covering(from: usize, to: usize, len: usize) -> impl Iterator<Item = usize> {
    let last = len.saturating_sub(WINDOW);
    let first = from / WINDOW * WINDOW;
    let mut starts: Vec<usize> = (first..to.min(len)).step_by(WINDOW).map(|at| at.min(last)).collect();
    starts.dedup();
    starts.into_iter()
}

/// [`WINDOW`] values as a vector, the highest bit of the first one first.
pub fn vector(values: &[u32]) -> Vector {
    Vector::binary(values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>())
}

/// The values of a vector.
pub fn values(vector: &Vector) -> Vec<u32> {
    let Vector::Binary { bits } = vector else { return Vec::new() };
    bits.chunks_exact(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_vectors_cover_a_fingerprint() {
        let all = |len| starts(len).collect::<Vec<_>>();
        assert_eq!(all(7), Vec::<usize>::new());
        assert_eq!(all(8), [0]);
        assert_eq!(all(12), [0, 4]);
        assert_eq!(all(14), [0, 4, 6]);
        for len in 8..100 {
            for (from, to) in [(0, len), (len / 2, len), (3, 5), (len - 1, len)] {
                let covering: Vec<_> = covering(from, to, len).collect();
                assert!(covering.iter().all(|at| all(len).contains(at)), "{covering:?} of {len}");
                let covered = |value: usize| covering.iter().any(|at| (*at..at + WINDOW).contains(&value));
                assert!((from..to).all(covered), "{from}..{to} of {len}: {covering:?}");
            }
        }
    }

    #[test]
    fn a_vector_holds_its_values() {
        let some: Vec<u32> = (0..8).map(|n| n * 0x1234_5678).collect();
        assert_eq!((vector(&some).dim(), values(&vector(&some))), (BITS, some));
        let Vector::Binary { bits } = vector(&[0x8000_0001]) else { panic!() };
        assert_eq!(bits, [0x80, 0, 0, 1]);
    }
}
