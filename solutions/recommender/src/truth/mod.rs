//! What is known and cannot be computed: ratings and facts.

pub mod catalogue;
pub mod events;
pub mod load;
