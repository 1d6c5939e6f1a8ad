//! Tests of the whole program.

mod formats;
