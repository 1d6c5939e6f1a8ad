//! Finds the pictures most like a picture. The whole story is in the library beside this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&image_search::PROGRAM)
}
