//! How long a person waits for a single search: the program starts, loads the model, searches, prints and ends.

use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::{Program, Stamps};
use crate::measure::{Noise, median, rounds};
use crate::process;
use crate::report::{Goal, Table, number, progress};

const ROUNDS: usize = 20;

pub fn run(program: &Program, stamps: &Stamps, noise: &mut Noise) -> Result<()> {
    progress("starting the program over and over …");
    let query = stamps.paths[0].to_string_lossy();
    let mut took = Vec::new();
    let mut ours = || -> Result<f64> {
        let ran = process::run(&mut program.command(stamps.store.path(), ["search", &query, "-k", "5"]))?;
        let answer: Value = serde_json::from_str(&ran.output)?;
        took.push(answer["took_ms"].as_f64().unwrap_or(f64::NAN));
        Ok(ran.seconds * 1e3)
    };
    let mut python = || -> Result<f64> {
        let Some(python) = &program.python else { return Ok(f64::NAN) };
        let imports = "import onnxruntime, numpy, PIL, pymilvus";
        Ok(process::run(Command::new(python).args(["-c", imports]))?.seconds * 1e3)
    };
    let ms = rounds(ROUNDS, &mut [&mut ours, &mut python], noise)?;
    let (ours, python) = (median(ms[0].iter().copied()), median(ms[1].iter().copied()));
    let mut table = Table::new(&format!("a search of {} stamps in a process of its own", stamps.paths.len()), &[""; 4]);
    let inside = format!("{} ms of it from the query to the hits, the model loaded within", number(median(took)));
    table.figure("from start to end", ours, " ms", Goal::AtMost(300.0), inside);
    let detail = "onnxruntime, numpy, PIL and pymilvus imported, nothing done";
    table.figure("Python's imports alone", python, " ms", Goal::None, detail);
    Ok(())
}
