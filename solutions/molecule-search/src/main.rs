//! Finds similar molecules, sub- and superstructures. The whole story is in the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&molecule_search::PROGRAM)
}
