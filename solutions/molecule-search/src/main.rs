//! Finds similar molecules, sub- and superstructures. Everything is in the library next to this file.

use std::process::ExitCode;

/// A molecule is many small allocations: a quarter of the time of reading one went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bootcamp_kit::run(&molecule_search::PROGRAM)
}
