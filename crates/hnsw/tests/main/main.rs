//! The index as others use it: what it finds beside looking at every row, whatever is added, filtered, damaged or done at
//! the same time.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod data;
mod extremes;
mod files;
mod filters;
mod properties;
mod reach;
mod together;
