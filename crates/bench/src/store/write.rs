//! Writing, beside SQLite alone and beside the index alone.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

use super::DIM;
use crate::contender::{Bare, threads};
use crate::data;
use crate::local::{BATCH, Local};
use crate::matrix::Matrix;
use crate::measure::{Noise, median, median_ratio, rounds, timed};
use crate::report::{Goal, Table, number};

/// Rows written: enough to be indexed.
const WRITTEN: usize = 20_000;

/// Rows a second, acknowledged when they are on the disk, beside SQLite alone; and with the index, beside the index alone.
pub fn measure(root: &Path, noise: &mut Noise) -> Result<()> {
    let data = data::floats(root, 100_000, DIM)?;
    let base = Matrix { width: DIM, data: data.base.data[..WRITTEN * DIM].to_vec() };
    // On the disk that data is on: the system's folder for temporary files may be memory.
    let scratch = || tempfile::tempdir_in(root).context("cannot make a temporary folder");
    let mut flushes = Vec::new();
    let mut store = || {
        let folder = scratch()?;
        let store = Local::open(folder.path())?;
        store.create_floats(DIM)?;
        let (upserts, result) = timed(|| store.upsert_floats(&base, 0..WRITTEN));
        result?;
        let (flush, result) = timed(|| store.flush());
        result?;
        flushes.push(upserts + flush);
        anyhow::Ok(upserts)
    };
    let mut sqlite = || sqlite_alone(&scratch()?.path().join("alone.sqlite3"), &base);
    let mut build = || {
        let (seconds, built) = timed(|| Bare::build(&base, threads()));
        built.map(|_| seconds)
    };
    let seconds = rounds(3, &mut [&mut store, &mut sqlite, &mut build], noise)?;
    let rate = |seconds: &[f64]| number(WRITTEN as f64 / median(seconds.iter().copied()));

    let mut table = Table::new(
        &format!("Writing {} × {DIM}, durably, {BATCH} records a call", number(WRITTEN as f64)),
        &["", "ratio", "goal", ""],
    );
    let detail = format!("{} and {} rows/s", rate(&seconds[0]), rate(&seconds[1]));
    table.figure("upserts a second ÷ SQLite alone", median_ratio(&seconds[1], &seconds[0]), "", Goal::None, detail);
    // The first round of `rounds` does not count.
    let detail = format!("{} and {} rows/s", rate(&flushes[1..]), rate(&seconds[2]));
    let ratio = median_ratio(&seconds[2], &flushes[1..]);
    table.figure("upserts with index ÷ the index alone", ratio, "", Goal::None, detail);
    Ok(())
}

/// Seconds to write the same rows into a plain table, with the same durability.
fn sqlite_alone(file: &Path, base: &Matrix<f32>) -> Result<f64> {
    let mut db = Connection::open(file)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, label TEXT, path TEXT, bucket INTEGER, vector BLOB)", ())?;
    let (seconds, result) = timed(|| {
        for first in (0..base.len()).step_by(BATCH) {
            let transaction = db.transaction()?;
            let mut insert = transaction.prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for at in first..(first + BATCH).min(base.len()) {
                let (label, path, bucket) = data::fields(at);
                let vector: Vec<u8> = base.row(at).iter().flat_map(|value| value.to_le_bytes()).collect();
                insert.execute((at as i64, label, path, bucket, vector))?;
            }
            drop(insert);
            transaction.commit()?;
        }
        anyhow::Ok(())
    });
    result.map(|()| seconds)
}
