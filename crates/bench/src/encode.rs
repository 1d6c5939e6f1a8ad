//! The encoders beside ONNX Runtime alone, which limits them, and beside Python as one writes it in an afternoon.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use bootcamp_core::encoder::{Encoder, EncoderOptions, PictureEncoder};
use bootcamp_core::models::{ModelSettings, Registry};
use bootcamp_core::picture::{Limits, Picture};
use serde_json::{Value, json};

use crate::contender::{Peer, python, threads};
use crate::measure::{Noise, median, median_ratio, resident_bytes, rounds, timed};
use crate::report::{Goal, Table, noise_line, number, progress};

const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const ROUNDS: usize = 5;

/// Measures what `part` names, or everything.
pub fn run(root: &Path, part: Option<&str>) -> Result<()> {
    let registry = registry()?;
    let mut noise = Noise::default();
    let wants = |name: &str| part.is_none_or(|part| part == name);
    if wants("pictures") {
        for model in ["sscd-distilled", "sscd"] {
            pictures(&registry, root, model, &mut noise)?;
        }
    }
    if wants("text") {
        text(&registry, root, &mut noise)?;
    }
    if wants("memory") {
        memory(&registry, root)?;
    }
    noise_line(&noise);
    Ok(())
}

/// The models, in the workspace's own cache unless the environment says otherwise.
pub fn registry() -> Result<Registry> {
    Ok(Registry::open(ModelSettings {
        cache: Some(models()),
        ..ModelSettings::from_env(|name| std::env::var(name).ok())?
    })?)
}

/// The folder of models that were fetched (`BOOTCAMP_MODELS`).
pub fn models() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/models");
    std::env::var_os("BOOTCAMP_MODELS").filter(|folder| !folder.is_empty()).map_or_else(beside, PathBuf::from)
}

fn open(registry: &Registry, model: &str, batch: usize) -> Result<Encoder> {
    let options = EncoderOptions { batch, ..EncoderOptions::default() };
    Ok(Encoder::open(registry, model, &options, &|_| {})?)
}

/// Decodes, resizes and encodes on as many threads as there are cores: each prepares a batch, hands it in, and while
/// it waits the others prepare theirs. What a solution's import does, without the store.
fn pipeline(pictures: &PictureEncoder, files: &[PathBuf], batch: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        loop {
            let from = next.fetch_add(batch, Ordering::Relaxed);
            let Some(files) = files.get(from..files.len().min(from + batch)).filter(|files| !files.is_empty()) else {
                return Ok(());
            };
            let prepared = files.iter().map(|file| pictures.prepare(&Picture::read(file, &Limits::default())?));
            let vectors = pictures.embed_blocking(prepared.collect::<Result<_, _>>()?)?;
            ensure!(vectors.len() == files.len(), "vectors are missing");
        }
    };
    let (seconds, result) = timed(|| {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..=threads()).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(_) => anyhow::bail!("a thread panicked"),
            })
        })
    });
    result.map(|()| seconds)
}

fn pictures(registry: &Registry, root: &Path, model: &str, noise: &mut Noise) -> Result<()> {
    let spec = registry.get(model)?;
    let tower = spec.picture.clone().context("a model for pictures")?;
    let file = registry.file(&tower.file, &|_| {})?;
    let Some(mut peer) = start(json!({"model": file, "threads": threads()}))? else { return Ok(()) };
    let [width, height] = tower.size;
    // Five times the work takes five times as long.
    let (count, batches) = if model == "sscd" { (32, &[1, 8, 16][..]) } else { (128, &BATCHES[..]) };

    let mut table = Table::new(
        &format!("{model}: pictures that are tensors already, pictures/s on {} threads", threads()),
        &["batch", "ONNX Runtime from Python", "ours", "ours ÷ it"],
    );
    let (mut raw_best, mut best) = (0.0, 1);
    for batch in batches.iter().copied() {
        let encoder = open(registry, model, batch)?;
        let pictures = encoder.pictures()?.clone();
        let prepared = pictures.prepare(&Picture::new(64, 64, vec![99; 64 * 64 * 3])?)?;
        let tensors = vec![prepared; batch];
        let mut raw = || peer.ask(&json!({"ready": [height, width], "batch": batch, "count": count}));
        let mut ours = || {
            let (seconds, result) =
                timed(|| (0..count / batch).try_for_each(|_| pictures.embed_blocking(tensors.clone()).map(|_| ())));
            result.map(|()| seconds).map_err(anyhow::Error::from)
        };
        let seconds = rounds(ROUNDS, &mut [&mut raw, &mut ours], noise)?;
        let speed = |side: usize| count as f64 / median(seconds[side].iter().copied());
        if speed(0) > raw_best {
            (raw_best, best) = (speed(0), batch);
        }
        let ratio = median_ratio(&seconds[0], &seconds[1]);
        table.row([batch.to_string(), number(speed(0)), number(speed(1)), number(ratio)]);
    }
    drop(table);
    for (kind, files) in [("stamps (PNG)", stamps(root)?), ("1200 x 900 JPEG", jpegs(root, &mut peer)?)] {
        let files = &files[..files.len().min(count)];
        whole(registry, model, kind, files, best, &mut peer, noise)?;
    }
    Ok(())
}

/// From files to vectors, beside the limits and Python.
fn whole(
    registry: &Registry,
    model: &str,
    kind: &str,
    files: &[PathBuf],
    best: usize,
    peer: &mut Peer,
    noise: &mut Noise,
) -> Result<()> {
    let batch = EncoderOptions::default().batch;
    let encoder = open(registry, model, batch)?;
    let pictures = encoder.pictures()?;
    let size = encoder.spec().picture.as_ref().map_or([0; 2], |tower| tower.size);
    let count = files.len() / best * best;
    let peer = std::cell::RefCell::new(peer);
    let mut raw = || {
        let seconds: f64 =
            peer.borrow_mut().ask(&json!({"ready": [size[1], size[0]], "batch": best, "count": count}))?;
        Ok(seconds * files.len() as f64 / count as f64)
    };
    let mut prepare = || {
        let (seconds, result) = timed(|| {
            files.iter().try_for_each(|file| pictures.prepare(&Picture::read(file, &Limits::default())?).map(|_| ()))
        });
        result.map(|()| seconds).map_err(anyhow::Error::from)
    };
    let mut ours = || pipeline(pictures, files, batch);
    let mut python = || peer.borrow_mut().ask(&json!({"files": files, "size": size, "batch": 32}));
    let seconds = rounds(ROUNDS, &mut [&mut raw, &mut prepare, &mut ours, &mut python], noise)?;
    let possible: Vec<f64> =
        seconds[0].iter().zip(&seconds[1]).map(|(raw, prepare)| raw + prepare / threads() as f64).collect();
    let speed = |side: usize| format!("{}/s", number(files.len() as f64 / median(seconds[side].iter().copied())));
    let mut table = Table::new(&format!("{model}: {} {kind}, from file to vector", files.len()), &["", "", "", ""]);
    table.figure("of ONNX Runtime alone", median_ratio(&seconds[0], &seconds[2]), "", Goal::AtLeast(0.97), speed(0));
    table.figure(
        "of what the cores can do",
        median_ratio(&possible, &seconds[2]),
        "",
        Goal::AtLeast(0.97),
        format!("preparing alone {} on one core", speed(1)),
    );
    table.figure(
        "÷ Python",
        median_ratio(&seconds[3], &seconds[2]),
        "",
        Goal::AtLeast(1.5),
        format!("{} and {}", speed(2), speed(3)),
    );
    Ok(())
}

fn text(registry: &Registry, root: &Path, noise: &mut Noise) -> Result<()> {
    let model = "all-minilm-l6-v2";
    let tower = registry.get(model)?.text.clone().context("a model for text")?;
    let (file, tokenizer) = (registry.file(&tower.file, &|_| {})?, registry.file(&tower.tokenizer, &|_| {})?);
    let Some(mut peer) = start(json!({"model": file, "tokenizer": tokenizer, "threads": threads()}))? else {
        return Ok(());
    };
    let texts = paragraphs(root)?;
    let mut table = Table::new(
        &format!("{model}: {} texts of 1 to 8 sentences, texts/s", texts.len()),
        &["batch", "Python", "ours unsorted", "ours", "ours ÷ unsorted", "ours ÷ Python"],
    );
    for batch in [1, 8, 16, 32] {
        let encoder = open(registry, model, batch)?;
        let text = encoder.text()?;
        let cut = |texts: &[String]| texts.iter().map(|words| text.prepare(words)).collect::<Result<Vec<_>, _>>();
        let mut python = || peer.ask(&json!({"texts": texts, "batch": batch}));
        // Called for one batch at a time, there is nothing to sort.
        let mut unsorted = || {
            let (seconds, result) =
                timed(|| texts.chunks(batch).try_for_each(|texts| text.embed_blocking(cut(texts)?).map(|_| ())));
            result.map(|()| seconds).map_err(anyhow::Error::from)
        };
        let mut ours = || {
            let (seconds, result) = timed(|| cut(&texts).and_then(|tokens| text.embed_blocking(tokens)));
            result.map(|_| seconds).map_err(anyhow::Error::from)
        };
        let seconds = rounds(ROUNDS - 2, &mut [&mut python, &mut unsorted, &mut ours], noise)?;
        let speed = |side: usize| number(texts.len() as f64 / median(seconds[side].iter().copied()));
        let ratio = |side: usize| number(median_ratio(&seconds[side], &seconds[2]));
        table.row([batch.to_string(), speed(0), speed(1), speed(2), ratio(1), ratio(0)]);
    }
    Ok(())
}

/// Whether memory stays where it is, however many large pictures go through.
fn memory(registry: &Registry, root: &Path) -> Result<()> {
    let Some(mut peer) = start(
        json!({"model": registry.file(&registry.get("sscd-distilled")?.picture.clone().context("pictures")?.file, &|_| {})?, "threads": 1}),
    )?
    else {
        return Ok(());
    };
    let files = jpegs(root, &mut peer)?;
    let encoder = open(registry, "sscd-distilled", EncoderOptions::default().batch)?;
    let many: Vec<PathBuf> = files.iter().cycle().take(10_000).cloned().collect();
    let mut held = Vec::new();
    for part in many.chunks(1000) {
        pipeline(encoder.pictures()?, part, EncoderOptions::default().batch)?;
        held.push(resident_bytes().context("this system does not tell")? as f64 / f64::from(1 << 20));
    }
    let mut table = Table::new("sscd-distilled: 10,000 pictures of 1200 x 900", &["", "", "", ""]);
    let detail = format!("{} MiB after 1,000, {} after 10,000", number(held[0]), number(held[9]));
    table.figure("memory at the end ÷ after 1,000", held[9] / held[0], "", Goal::AtMost(1.1), detail);
    Ok(())
}

/// Starts the peer that encodes, where there is a Python with what it needs.
pub fn start(options: Value) -> Result<Option<Peer>> {
    let Some(python) = python("reference") else {
        progress("no Python to compare with: run scripts/reference");
        return Ok(None);
    };
    Peer::spawn(&python, "encode.py", [options.to_string()]).map(Some)
}

/// The sample pictures, in an order that mixes their kinds.
pub fn stamps(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.with_file_name("stamps")];
    let mut pictures = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| "the sample pictures: run scripts/sample-pictures")?;
        for entry in entries {
            let path = entry?.path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "png" => pictures.push(path),
                _ => {}
            }
        }
    }
    pictures.sort();
    let count = pictures.len();
    // A step that has no factor in common with any likely count.
    Ok((0..count).map(|at| pictures[at * 1009 % count].clone()).collect())
}

/// 256 photographs' worth of pixels, made once.
pub fn jpegs(root: &Path, peer: &mut Peer) -> Result<Vec<PathBuf>> {
    let folder = root.join("pictures");
    let _: f64 = peer.ask(&json!({"make": folder, "from": stamps(root)?, "count": 256}))?;
    Ok((0..256).map(|at| folder.join(format!("{at}.jpg"))).collect())
}

/// The sample pictures' descriptions, joined to texts of different length.
fn paragraphs(root: &Path) -> Result<Vec<String>> {
    let texts =
        stamps(root)?.into_iter().filter_map(|picture| std::fs::read_to_string(picture.with_extension("txt")).ok());
    let texts: Vec<String> = texts.filter_map(|text| text.lines().next().map(str::to_owned)).collect();
    ensure!(!texts.is_empty(), "the sample pictures have no descriptions");
    Ok((0..128)
        .map(|at| (0..=at * 7 % 8).map(|n| texts[(at + n * 31) % texts.len()].as_str()).collect::<Vec<_>>().join(" "))
        .collect())
}
