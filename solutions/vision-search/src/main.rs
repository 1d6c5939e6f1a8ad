//! `vision-search`: image datasets, similarity indexes, and runs.

use std::process::ExitCode;

fn main() -> ExitCode {
    vision_search::run()
}
