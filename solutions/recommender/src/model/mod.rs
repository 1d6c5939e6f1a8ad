//! The models, as pure functions over sparse matrices: nothing here knows of stores, files or requests.
//!
//! [`matrix`] is what they are trained on. [`als`] and [`bpr`] give vectors of users and items, [`ease`] and [`item_knn`]
//! weights between items, [`popularity`] the same list for everybody. [`fold`] says what a vector of a user follows from,
//! so that a newcomer needs no training, and which of the user's items speak for another one. [`features`] and [`cold`]
//! stand in for the ratings of an item that has none.
//!
//! All of it gives the same bytes for the same seed, whatever the number of threads: a row never depends on another row
//! of its pass, and sums over rows are taken in blocks of a fixed size, in their order.

pub mod als;
pub mod bpr;
pub mod cold;
pub mod ease;
pub mod factors;
pub mod features;
pub mod fit;
pub mod fold;
pub mod item_knn;
mod kernel;
pub mod linear;
pub mod matrix;
pub mod parameters;
pub mod popularity;
pub mod random;

pub use factors::Factors;
pub use matrix::{Matrix, Row};
pub use parameters::{Algorithm, Parameters};
