//! `make bench-store`: what the local store reaches of what its parts can do, and beside its peers.

mod binary;
mod filter;
mod open;
mod search;
mod write;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::contender::{Bare, threads};
use crate::data;
use crate::local::Local;
use crate::measure::Noise;
use crate::report::line;

pub use open::open_once;

const DIM: usize = 128;

/// Runs everything, or one part alone, for these numbers of rows, under a folder for data.
pub fn run(root: &Path, scales: &[usize], only: Option<&str>) -> Result<()> {
    const PARTS: [&str; 5] = ["write", "binary", "search", "filter", "open"];
    if let Some(only) = only {
        ensure!(PARTS.contains(&only), "there is no part '{only}', but: {}", PARTS.join(", "));
    }
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    let mut noise = Noise::default();
    line("The local store beside its limits and peers. Ratios are medians over rounds in which all take turns.");
    if wanted("write") {
        write::measure(root, &mut noise).context("measuring writes")?;
    }
    if wanted("binary") {
        binary::measure(root, &mut noise).context("measuring binary search")?;
    }
    for rows in scales.iter().filter(|_| ["search", "filter", "open"].into_iter().any(wanted)) {
        let data = data::floats(root, *rows, DIM)?;
        let store = Local::of(&data)?;
        let bare = Bare::load_or_build(&data)?;
        if wanted("search") {
            search::measure(&data, &store, &bare, &mut noise).context("measuring search")?;
        }
        if wanted("filter") {
            filter::measure(&data, &store, &bare, &mut noise).context("measuring filtered search")?;
        }
        // The store locks its folder.
        drop(store);
        if wanted("open") {
            open::measure(&data, &mut noise).context("measuring start")?;
        }
    }
    let (spread, samples) = noise.spread();
    line(&format!(
        "\nmachine: {} cores; the same work took {:.0} % longer at the 90th than at the 10th percentile of {samples} samples{}",
        threads(),
        spread * 100.0,
        if spread > 0.2 { ": NOISY, measure again when nothing else runs" } else { "" },
    ));
    Ok(())
}
