//! The chemistry beside RDKit's on the sample molecules, and beside nothing on arbitrary bytes; the program as its users
//! have it.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod browser;
mod checks;
mod cli;
mod ctfiles;
mod drawings;
mod files;
mod fingerprints;
mod foreign;
mod reference;
mod search;
mod server;
mod smarts;
mod substructures;

use bootcamp_testkit::program::Home;

/// A folder to run the program in.
fn home() -> Home {
    Home::of(env!("CARGO_BIN_EXE_molecule-search"))
}
