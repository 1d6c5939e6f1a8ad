//! Tests that need servers, processes or the whole workspace.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod board;
mod conformance;
mod crash;
mod e5;
mod encoders;
mod filters;
mod layering;
mod links;
mod milvus;
mod milvus_faults;
mod milvus_limits;
mod modules;
mod pairs;
mod pictures;
mod property;
mod readers;
mod redis;
mod sounds;
mod weights;
