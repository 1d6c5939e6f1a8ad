//! Tests of the whole program: formats, the recipe on every backend, what goes wrong, the command line, the API, the page.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod cli;
mod faults;
mod formats;
mod made;
mod page;
mod recipe;
mod server;

use bootcamp_testkit::program::Home;

/// A folder to run the program in.
fn home() -> Home {
    Home::of(env!("CARGO_BIN_EXE_vision-search"))
}
