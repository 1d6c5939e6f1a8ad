//! The program as its users have it: the binary, with the real model, real servers and a real browser.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod beside;
mod browser;
mod cli;
mod content;
mod crash;
mod faults;
mod program;
mod recipe;
mod server;
