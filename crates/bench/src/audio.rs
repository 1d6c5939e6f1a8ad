//! How fast sounds are decoded, beside FFmpeg's command line: the same files, to the end, on one thread each.

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use bootcamp_core::audio::{Sound, SoundLimits};

use crate::measure::{Noise, median, median_ratio, rounds, timed};
use crate::report::{Goal, Table, noise_line, number, progress};

const ROUNDS: usize = 5;
/// Of each file. FFmpeg's start, some hundredths of a second, counts against it.
const SECONDS: u32 = 600;
/// Time that we may take for one that FFmpeg takes.
const GOAL: f64 = 1.2;

/// Formats: what it is called, its file, and how FFmpeg writes it.
const FORMATS: [(&str, &str, &[&str]); 9] = [
    ("WAV, 16 bit", "sound.wav", &["-c:a", "pcm_s16le"]),
    ("AIFF, 24 bit", "sound.aiff", &["-c:a", "pcm_s24be"]),
    ("FLAC", "sound.flac", &["-c:a", "flac"]),
    ("MP3, 128 kbit/s", "sound.mp3", &["-c:a", "libmp3lame", "-b:a", "128k"]),
    ("MP3, variable", "variable.mp3", &["-c:a", "libmp3lame", "-q:a", "4"]),
    ("Ogg Vorbis", "sound.ogg", &["-c:a", "libvorbis", "-q:a", "4"]),
    ("Ogg Opus", "sound.opus", &["-c:a", "libopus", "-b:a", "96k"]),
    ("M4A, AAC", "sound.m4a", &["-c:a", "aac", "-b:a", "128k"]),
    ("M4A, ALAC", "lossless.m4a", &["-c:a", "alac"]),
];

/// Measures every format. `root` is the folder of benchmark data; the music lies beside it.
pub fn run(root: &Path) -> Result<()> {
    let folder = root.join("audio/decode");
    std::fs::create_dir_all(&folder)?;
    let source = root.with_file_name("music").join("asc");
    let mut noise = Noise::default();
    let mut table = Table::new("Decoding ten minutes of stereo music", &["format", "time", "÷ FFmpeg", "", ""]);
    for (name, file, options) in FORMATS {
        let path = folder.join(file);
        make(&source, &path, options).with_context(|| format!("making {}", path.display()))?;
        progress(&format!("decoding {name} …"));
        let mut ours = || decode(&path);
        let mut theirs = || ffmpeg(&path);
        let sides: &mut [&mut dyn FnMut() -> Result<f64>] = &mut [&mut ours, &mut theirs];
        let seconds = rounds(ROUNDS, sides, &mut noise)?;
        let ratio = median_ratio(&seconds[0], &seconds[1]);
        let [ours, theirs] = [0, 1].map(|side| median(seconds[side].iter().copied()));
        let times = |seconds: f64| number(f64::from(SECONDS) / seconds);
        let detail = format!("{} times real time, FFmpeg {}", times(ours), times(theirs));
        table.row([name.to_owned(), format!("{ours:.2} s"), number(ratio), Goal::AtMost(GOAL).verdict(ratio), detail]);
    }
    drop(table);
    noise_line(&noise);
    Ok(())
}

/// Music in one format, unless it is there.
fn make(source: &Path, path: &Path, options: &[&str]) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let first = source.join("frontiers.mp3");
    ensure!(first.exists(), "{} is not there: run `scripts/sample-music`", first.display());
    let unfinished = path.with_file_name(format!("unfinished-{}", path.file_name().unwrap_or_default().display()));
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-stream_loop", "-1", "-i"]).arg(first);
    command.args(["-map", "a", "-t", &SECONDS.to_string()]).args(options).arg(&unfinished);
    finish(&mut command)?;
    Ok(std::fs::rename(unfinished, path)?)
}

/// Seconds that FFmpeg takes from start to end.
fn ffmpeg(path: &Path) -> Result<f64> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-threads", "1", "-i"]).arg(path).args(["-f", "null", "-"]);
    let (seconds, result) = timed(|| finish(&mut command));
    result.map(|()| seconds)
}

fn finish(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().context("cannot start ffmpeg, which is Debian's package ffmpeg")?;
    ensure!(status.success(), "ffmpeg failed, see above");
    Ok(())
}

/// Seconds that we take from the opened file to its last sample.
fn decode(path: &PathBuf) -> Result<f64> {
    let (seconds, result) = timed(|| -> Result<u64> {
        let mut sound = Sound::open(File::open(path)?, &SoundLimits::default())?;
        let mut samples = 0;
        while let Some(block) = sound.read()? {
            samples += black_box(block).len() as u64;
        }
        Ok(samples / u64::from(sound.facts().channels.max(1)) / u64::from(sound.facts().sample_rate.max(1)))
    });
    let heard = result?;
    ensure!(heard.abs_diff(u64::from(SECONDS)) <= 1, "{} has {heard} s", path.display());
    Ok(seconds)
}
