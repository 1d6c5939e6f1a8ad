//! Measures the stores, the encoders and the programs beside what limits them and beside their peers, in ratios.

mod audio;
mod contender;
mod data;
mod encode;
mod exact;
mod image;
mod local;
mod matrix;
mod measure;
mod molecule;
mod process;
mod report;
mod server;
mod store;

use std::path::Path;

use anyhow::{Result, bail};

/// That of `molecule-search`, which is measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: bootcamp-bench store SCALE [PART]
       bootcamp-bench encode [PART]
       bootcamp-bench image [PART]
       bootcamp-bench molecule [PART [SCALE]]
       bootcamp-bench audio
SCALE: 100k, 1m or all; of molecules, whose import alone has it, 100k or 1m
PART: of the store write, binary, search, filter or open, of encoders pictures, text or memory, of image search import,
http, start or quality, of molecule search fingerprints, similar, threshold, substructures or import; all if left out";

/// Measures what the program's arguments name.
///
/// # Errors
/// When they name nothing, or what is measured fails.
pub fn run(arguments: &[&str]) -> Result<()> {
    // Beside the workspace's other caches, wherever the bench is started from.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/bench");
    match *arguments {
        ["store", scale, ref part @ ..] if part.len() < 2 => {
            let scales = match scale {
                "100k" => &[100_000][..],
                "1m" => &[1_000_000],
                "all" => &[100_000, 1_000_000],
                _ => bail!(USAGE),
            };
            store::run(&root, scales, part.first().copied())
        }
        ["encode", ref part @ ..] if part.len() < 2 => encode::run(&root, part.first().copied()),
        ["image", ref part @ ..] if part.len() < 2 => image::run(&root, part.first().copied()),
        ["molecule", ref rest @ ..] if rest.len() < 3 => {
            let rows = match rest.get(1) {
                None | Some(&"100k") => 100_000,
                Some(&"1m") => 1_000_000,
                Some(_) => bail!(USAGE),
            };
            molecule::run(&root, rest.first().copied(), rows)
        }
        ["audio"] => audio::run(&root),
        // What `store` starts to measure in a fresh process.
        ["open", what, folder] => {
            report::line(&serde_json::to_string(&store::open_once(what, Path::new(folder))?)?);
            Ok(())
        }
        _ => bail!(USAGE),
    }
}
