//! Recommends what to watch next. Everything is in the library next to this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&recommender::PROGRAM)
}
