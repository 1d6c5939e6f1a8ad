//! Acoustic fingerprints (Chromaprint): which recording a sound is taken from, however it was encoded, cut or disturbed.
//!
//! A fingerprint is a value of 32 bits every eighth of a second; where two recordings are the same, about nine bits in ten
//! agree, elsewhere about half. [`windows`] makes vectors of them, [`index`] keeps those in a collection of their own,
//! [`matching`] finds where two fingerprints lie on each other, [`recording`] is what a query asks with, and [`search`] asks.

mod index;
mod matching;
mod recording;
mod search;
mod windows;

pub use index::Index;
pub use matching::change;
pub use recording::{Recording, Variant};
pub use search::{Occurrence, SHORTEST, count, occurrences};
