//! Finds the pictures most similar to a picture. Everything is in the library next to this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&image_search::PROGRAM)
}
