//! Finds the answers to a question. Everything is in the library next to this file.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootcamp_kit::run(&question_answering::PROGRAM)
}
