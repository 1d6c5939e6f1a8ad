//! Tests of the whole program.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod formats;
mod page;
