//! From a fresh process to the first answer, and what memory and disk hold then.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::DIM;
use crate::contender::Bare;
use crate::data::DataSet;
use crate::local::Local;
use crate::matrix::Matrix;
use crate::measure::{Noise, folder_bytes, median, median_ratio, resident_bytes, timed};
use crate::report::{Goal, Table, number};

/// What a fresh process tells of opening a store, or an index, and asking it once.
#[derive(Deserialize, Serialize)]
pub struct Opened {
    open: f64,
    first_search: f64,
    resident: u64,
}

/// Runs in a process of its own, see [`measure`].
pub fn open_once(what: &str, folder: &Path) -> Result<Opened> {
    let query = vec![0.5; DIM];
    // Memory is measured while the store, or the index, is open.
    if what == "store" {
        let (open, store) = timed(|| Local::open(&Local::folder(folder)));
        let store = store?;
        let (first_search, result) = timed(|| store.search(query, None, None));
        result?;
        Ok(Opened { open, first_search, resident: resident_bytes().unwrap_or(0) })
    } else {
        let (open, bare) = timed(|| Bare::load(folder));
        let bare = bare?;
        let (first_search, result) = timed(|| bare.search(&Matrix { width: DIM, data: query }, 64));
        result?;
        Ok(Opened { open, first_search, resident: resident_bytes().unwrap_or(0) })
    }
}

/// From a fresh process to the first answer; memory and disk.
pub fn measure(data: &DataSet<f32>, noise: &mut Noise) -> Result<()> {
    let store = Local::folder(&data.folder);
    let start = |what: &str, cold: bool| -> Result<Opened> {
        if cold {
            forget(&store);
            forget(&Bare::file(&data.folder));
        }
        let output = Command::new(std::env::current_exe()?).args(["open", what]).arg(&data.folder).output()?;
        ensure!(output.status.success(), "opening failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let rows = data.base.len();
    let columns = ["", "", "goal", ""];
    let mut table = Table::new(&format!("Start and size of {} × {DIM}", number(rows as f64)), &columns);
    let mut resident = (0, 0);
    for (cold, name) in [(false, "files in the system's cache"), (true, "files on the disk alone")] {
        let (mut ours, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            noise.sample();
            let (store, bare) = (start("store", cold)?, start("index", cold)?);
            resident = (store.resident, bare.resident);
            ours.push(store.open + store.first_search);
            alone.push(bare.open + bare.first_search);
        }
        let seconds = median(ours.iter().copied());
        let detail = format!("{} × the index's load, {name}", number(median_ratio(&ours, &alone)));
        table.figure("open and first answer", seconds, " s", Goal::AtMost(2.0), detail);
    }
    let vectors = (rows * DIM * 4) as f64;
    let detail = |bytes: u64, alone: u64| {
        format!(
            "× the vectors' bytes; {} × the index's ({} MB)",
            number(bytes as f64 / alone as f64),
            bytes / 1_000_000
        )
    };
    let what = "memory after the first answer";
    table.figure(what, resident.0 as f64 / vectors, " ×", Goal::None, detail(resident.0, resident.1));
    let (disk, index) = (folder_bytes(&store)?, Bare::file(&data.folder).metadata()?.len());
    table.figure("disk", disk as f64 / vectors, " ×", Goal::None, detail(disk, index));
    Ok(())
}

/// Asks the system to drop a file, or a folder's files, from its cache. Where `dd` cannot, the figure is the warm one.
fn forget(path: &Path) {
    if let Ok(entries) = path.read_dir() {
        entries.flatten().for_each(|entry| forget(&entry.path()));
    } else {
        let file = format!("if={}", path.display());
        let _ = Command::new("dd").args([&file, "iflag=nocache", "count=0", "status=none"]).status();
    }
}
