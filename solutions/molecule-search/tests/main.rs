//! The chemistry beside RDKit's on the sample molecules, and beside nothing on arbitrary bytes; the program as its users
//! have it.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod checks;
mod cli;
mod drawings;
mod files;
mod fingerprints;
mod foreign;
mod program;
mod reference;
mod search;
mod server;
mod substructures;
