//! Finds the sounds and moments most like a sound. Everything is in the library next to this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&audio_search::PROGRAM)
}
