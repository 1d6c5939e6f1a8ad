//! A program from its start to its end, with the clock on the wall and the most memory it held.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// How often memory is looked at. The system itself remembers the most there was, so only what comes in the last
/// moment before the end is missed.
const LOOK: Duration = Duration::from_millis(5);

/// What a program gave, and took.
#[derive(Debug)]
pub struct Ran {
    /// From start to end.
    pub seconds: f64,
    /// Bytes of memory it held at most (VmHWM), where the system tells.
    pub peak: Option<u64>,
    /// What it printed.
    pub output: String,
}

/// One of our programs, where cargo puts it beside this one.
pub fn binary(name: &str, command: &str) -> Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name(name);
    ensure!(binary.exists(), "{} is not there: run `{command}`", binary.display());
    Ok(binary)
}

/// One of our programs on a store, with no settings but those given.
pub fn command<'a>(binary: &Path, store: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let is_setting = |prefix: &&str| name.to_string_lossy().starts_with(prefix);
        if ["BOOTCAMP_", "MILVUS_", "REDIS_"].iter().any(is_setting) {
            command.env_remove(&name);
        }
    }
    // A folder without a bootcamp.toml.
    command.current_dir(store).arg("--store").arg(store).args(["--json", "--quiet"]).args(arguments);
    command
}

/// Runs a program to its end. One that fails is an error.
pub fn run(command: &mut Command) -> Result<Ran> {
    let start = Instant::now();
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let mut pipe = process.stdout.take().context("a program without output")?;
    let (id, ended, mut output) = (process.id(), AtomicBool::new(false), String::new());
    let (status, seconds, peak) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(id, &ended));
        let read = pipe.read_to_string(&mut output);
        let status = process.wait();
        let seconds = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (read.and(status), seconds, watching.join().ok().flatten())
    });
    ensure!(status?.success(), "{} failed, see above", command.get_program().display());
    Ok(Ran { seconds, peak, output })
}

fn watch(process: u32, ended: &AtomicBool) -> Option<u64> {
    let mut peak = None;
    while !ended.load(Ordering::Relaxed) {
        peak = peak.max(peak_of(process));
        std::thread::sleep(LOOK);
    }
    peak
}

fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_to_its_end() {
        let ran = run(Command::new("sh").args(["-c", "sleep 0.05; echo done"])).unwrap();
        assert_eq!(ran.output, "done\n");
        assert!(ran.seconds >= 0.05);
        assert!(ran.peak.is_none_or(|peak| peak > 100_000));
        assert!(run(&mut Command::new("false")).is_err());
    }
}
