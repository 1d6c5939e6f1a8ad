//! The program as its users have it: the binary, with the real model, real sounds, real servers.

#![cfg(test)] // clippy allows `unwrap` in what says so

mod browser;
mod cli;
mod crash;
mod faults;
mod same;
mod search;
mod server;
mod sounds;
mod stores;

use std::path::{Path, PathBuf};

use bootcamp_testkit::program::{Home, Run};
use bootcamp_testkit::reference;
use serde_json::Value;

/// A folder to run the program in.
fn home() -> Home {
    Home::of(env!("CARGO_BIN_EXE_audio-search"))
}

/// The sample sounds, in name order.
fn samples() -> Vec<PathBuf> {
    let all = reference::made_by_setup(reference::workspace().join("data/sounds"));
    let mut folders = vec![all];
    let mut sounds = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "ogg" || extension == "flac") {
                sounds.push(entry);
            }
        }
    }
    sounds.sort();
    sounds
}

/// Puts some of the sample sounds into `sounds`, in folders by their label. Gives their paths there.
fn with_samples(home: &Home, count: usize) -> Vec<PathBuf> {
    let all = samples();
    let chosen = (0..count).map(|at| &all[at * all.len() / count]);
    let put = |sample: &PathBuf| {
        let label = sample.parent().unwrap().file_name().unwrap();
        let target = home.path().join("sounds").join(label).join(sample.file_name().unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(sample, &target).unwrap();
        target.canonicalize().unwrap()
    };
    let mut put: Vec<PathBuf> = chosen.map(put).collect();
    put.sort();
    put
}

/// Puts a file there, with the folders that it is in.
fn put(home: &Home, name: &str, bytes: &[u8]) -> PathBuf {
    let path = home.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.canonicalize().unwrap()
}

/// Imports `sounds`; all of it must be taken.
fn import(home: &Home) {
    let run = home.run(&["import", "sounds", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
}

/// The hits of a search.
fn hits(home: &Home, arguments: &[&str]) -> Vec<Value> {
    home.json(&[&["search"], arguments].concat())["hits"].as_array().unwrap().clone()
}

/// Where hits came from, each sound once.
fn paths(hits: &[Value]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = hits.iter().map(|hit| hit["fields"]["path"].as_str().unwrap().into()).collect();
    paths.dedup();
    paths
}

/// A run's JSON, whatever its exit code.
fn report(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, Some(code), "{}\n{}", run.out, run.err);
    serde_json::from_str(&run.out).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
