//! How fast pictures come in, beside ONNX Runtime alone, which limits it, and beside Python; and the memory that takes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bootcamp_core::encoder::{Encoder, EncoderOptions, PictureEncoder};
use bootcamp_core::picture::{Limits, Picture};
use serde_json::{Value, json};

use super::{MODEL, Program};
use crate::contender::{Peer, threads};
use crate::encode;
use crate::measure::{Noise, median, median_ratio, rounds, timed};
use crate::process::Ran;
use crate::report::{Goal, Table, number, progress};

const ROUNDS: usize = 5;
/// How many times the stamps make the large import.
const COPIES: usize = 10;
/// As the kit makes thumbnails: their longest side, and the JPEG's quality.
const THUMBNAIL: (u32, u8) = (256, 85);
const MIB: f64 = (1 << 20) as f64;

const STEPS: [&str; 4] = ["decoding", "resizing", "the thumbnail", "its JPEG"];

/// Pictures in a folder, all of a kind.
struct Pictures {
    what: &'static str,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

pub fn run(program: &Program, noise: &mut Noise) -> Result<()> {
    let options = json!({"model": program.model_file, "threads": threads()});
    let Some(mut peer) = encode::start(options)? else { return Ok(()) };
    let stamps = Pictures {
        what: "stamps (PNG)",
        folder: program.root.with_file_name("stamps"),
        files: encode::stamps(&program.root)?,
    };
    let jpegs = Pictures {
        what: "JPEGs of 1200 x 900",
        files: encode::jpegs(&program.root, &mut peer)?,
        folder: program.root.join("pictures"),
    };
    let encoder = Encoder::open(&encode::registry()?, MODEL, &EncoderOptions::default(), &|_| {})?;
    let batch = best_batch(&mut peer)?;
    for pictures in [&stamps, &jpegs] {
        progress(&format!("importing {} {} …", pictures.files.len(), pictures.what));
        Rates::measure(program, pictures, encoder.pictures()?, &mut peer, batch, noise)?.print(pictures);
    }
    memory(program, &stamps)
}

/// The batch that ONNX Runtime alone is fastest with.
fn best_batch(peer: &mut Peer) -> Result<usize> {
    let mut best = (f64::INFINITY, 1);
    for batch in [4, 8, 16, 32] {
        // The first run warms up.
        for count in [batch, 128] {
            let seconds = ready(peer, batch, count)?;
            if count == 128 && seconds < best.0 {
                best = (seconds, batch);
            }
        }
    }
    Ok(best.1)
}

/// Seconds that ONNX Runtime takes for so many tensors.
fn ready(peer: &mut Peer, batch: usize, count: usize) -> Result<f64> {
    let whole = count.div_ceil(batch) * batch;
    let seconds: f64 = peer.ask(&json!({"ready": [288, 288], "batch": batch, "count": whole}))?;
    Ok(seconds * count as f64 / whole as f64)
}

/// What importing pictures took, round by round.
struct Rates {
    /// Seconds of ONNX Runtime alone.
    raw: Vec<f64>,
    /// Seconds of one thread that prepares every picture.
    prepare: Vec<f64>,
    /// The same by step, of all rounds.
    steps: Vec<[f64; 4]>,
    /// Seconds of importing a single picture: the start.
    start: Vec<f64>,
    /// Seconds of ours, start included.
    ours: Vec<f64>,
    python: Vec<f64>,
    /// Seconds that Python took once it had started.
    python_inside: Vec<f64>,
    /// MiB, ours and Python's.
    peaks: [f64; 2],
}

impl Rates {
    fn measure(
        program: &Program,
        pictures: &Pictures,
        encoder: &PictureEncoder,
        peer: &mut Peer,
        batch: usize,
        noise: &mut Noise,
    ) -> Result<Self> {
        let count = pictures.files.len();
        let (our_runs, python_runs) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let mut raw = || ready(peer, batch, count);
        let mut steps = Vec::new();
        let mut prepare = || {
            let done = pictures.files.iter().map(|file| prepare(encoder, file)).collect::<Result<Vec<_>>>()?;
            let seconds = done.iter().flatten().sum();
            steps.extend(done);
            Ok(seconds)
        };
        let mut start = || Ok(import(program, &pictures.files[0], 1)?.seconds);
        let mut ours = || {
            let ran = import(program, &pictures.folder, count)?;
            our_runs.borrow_mut().push(ran);
            Ok(our_runs.borrow().last().map_or(f64::NAN, |ran: &Ran| ran.seconds))
        };
        let mut python = || {
            let store = program.folder()?;
            let task = json!({"task": "import", "folder": pictures.folder, "store": store.path()});
            let Some(ran) = program.ask_python(task)? else { return Ok(f64::NAN) };
            let seconds = ran.seconds;
            python_runs.borrow_mut().push(ran);
            Ok(seconds)
        };
        let sides: &mut [&mut dyn FnMut() -> Result<f64>] =
            &mut [&mut raw, &mut prepare, &mut start, &mut ours, &mut python];
        let [raw, prepare, start, ours, python] =
            <[Vec<f64>; 5]>::try_from(rounds(ROUNDS, sides, noise)?).unwrap_or_default();
        let (our_runs, python_runs) = (our_runs.into_inner(), python_runs.into_inner());
        let inside = |ran: &Ran| -> Result<f64> {
            serde_json::from_str::<Value>(&ran.output)?["seconds"].as_f64().context("Python gave no seconds")
        };
        let python_inside = python_runs.iter().skip(1).map(inside).collect::<Result<_>>()?;
        let peaks = [&our_runs, &python_runs].map(|runs| median(runs.iter().filter_map(peak)));
        Ok(Self { raw, prepare, steps, start, ours, python, python_inside, peaks })
    }

    fn print(&self, pictures: &Pictures) {
        let count = pictures.files.len() as f64;
        let rate = |seconds: &[f64]| format!("{}/s", number(count / median(seconds.iter().copied())));
        let each = |a: &[f64], b: &[f64], of: fn(f64, f64) -> f64| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()
        };
        // One picture is part of the start.
        let scale = count / (count - 1.0);
        let inside: Vec<f64> = each(&self.ours, &self.start, |ours, start| ours - start);
        let inside: Vec<f64> = inside.into_iter().map(|seconds| seconds * scale).collect();
        let possible = each(&self.raw, &self.prepare, |raw, prepare| raw + prepare / threads() as f64);
        let heading = format!("{MODEL}: {count} {}, from files to a searchable store", pictures.what);
        let mut table = Table::new(&heading, &[""; 4]);
        let both = |ours: &[f64], other: &[f64]| format!("{} and {}", rate(ours), rate(other));
        let goal = Goal::AtLeast(0.95);
        table.figure("of ONNX Runtime alone", median_ratio(&self.raw, &inside), "", goal, both(&inside, &self.raw));
        let start = format!("{}; the start takes {} s", rate(&self.ours), number(median(self.start.iter().copied())));
        table.figure("  with the start", median_ratio(&self.raw, &self.ours), "", Goal::None, start);
        let detail = format!("preparing alone {} on one core: {}", rate(&self.prepare), self.steps());
        table.figure("of what the cores can do", median_ratio(&possible, &inside), "", goal, detail);
        let python = &self.python_inside;
        table.figure("÷ Python", median_ratio(python, &inside), "", Goal::AtLeast(2.0), both(&inside, python));
        let whole = both(&self.ours, &self.python);
        table.figure("  with the start of both", median_ratio(&self.python, &self.ours), "", Goal::None, whole);
        let [ours, python] = self.peaks;
        let detail = format!("{} and {} MiB", number(ours), number(python));
        table.figure("most memory ÷ Python's", ours / python, "", Goal::AtMost(1.0), detail);
    }

    /// Milliseconds a picture of each step of preparing.
    fn steps(&self) -> String {
        let mean = |step: usize| self.steps.iter().map(|seconds| seconds[step]).sum::<f64>() / self.steps.len() as f64;
        let steps = STEPS.iter().enumerate().map(|(at, name)| format!("{name} {} ms", number(mean(at) * 1e3)));
        steps.collect::<Vec<_>>().join(", ")
    }
}

fn peak(ran: &Ran) -> Option<f64> {
    ran.peak.map(|bytes| bytes as f64 / MIB)
}

/// Imports into a store of its own.
fn import(program: &Program, pictures: &Path, count: usize) -> Result<Ran> {
    let store = program.folder()?;
    program.import(store.path(), pictures, count)
}

/// What an import has to compute for a picture besides the model. Gives the seconds of each of [`STEPS`].
fn prepare(encoder: &PictureEncoder, file: &Path) -> Result<[f64; 4]> {
    let (decode, picture) = timed(|| Picture::read(file, &Limits::default()));
    let picture = picture?;
    let (resize, pixels) = timed(|| encoder.prepare(&picture));
    pixels?;
    let (thumbnail, small) = timed(|| picture.thumbnail(THUMBNAIL.0));
    let (pack, jpeg) = timed(|| small.to_jpeg(THUMBNAIL.1));
    jpeg?;
    Ok([decode, resize, thumbnail, pack])
}

/// Whether memory stays where it is when ten times as many pictures come in.
fn memory(program: &Program, stamps: &Pictures) -> Result<()> {
    let count = stamps.files.len();
    progress(&format!("importing {} pictures …", count * COPIES));
    let copies = program.folder()?;
    for copy in 0..COPIES {
        for (at, file) in stamps.files.iter().enumerate() {
            // Other names are other pictures to an import; the same bytes need not lie on the disk ten times.
            std::fs::hard_link(file, copies.path().join(format!("{copy}-{at}.png")))?;
        }
    }
    let few = import(program, &stamps.folder, count)?;
    let many = import(program, copies.path(), count * COPIES)?;
    let (few, many) = (peak(&few).unwrap_or(f64::NAN), peak(&many).unwrap_or(f64::NAN));
    // The store keeps its vectors in memory; they are the data, not the import.
    let vectors = (count * (COPIES - 1) * 512 * 4) as f64 / MIB;
    let mut table = Table::new(&format!("most memory of importing {count} and {} stamps", count * COPIES), &[""; 4]);
    let detail = format!("{} and {} MiB, of which {} more vectors", number(few), number(many), number(vectors));
    table.figure("ten times as many ÷ few", (many - vectors) / few, "", Goal::AtMost(1.1), detail);
    Ok(())
}
