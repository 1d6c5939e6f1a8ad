//! Running the program in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use bootcamp_core::picture::{Limits, Picture};
use bootcamp_testkit::program::Run;
use bootcamp_testkit::reference;
use serde_json::Value;
use tempfile::TempDir;

/// A folder to work in; the store is its `data`.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The program with these arguments, with nothing from this environment but the models.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-search"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("BOOTCAMP_MODELS", models());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// A run that must succeed, and its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        serde_json::from_str(&run.out).unwrap()
    }

    /// Some of the sample pictures, in `stamps`, in folders by their label.
    pub fn with_stamps(self, count: usize) -> Self {
        let all = reference::made_by_setup(reference::workspace().join("data/stamps"));
        for picture in reference::stamps(count) {
            let target = self.path().join("stamps").join(picture.strip_prefix(&all).unwrap());
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(&picture, &target).unwrap();
            let caption = picture.with_extension("txt");
            if caption.exists() {
                std::fs::copy(&caption, target.with_extension("txt")).unwrap();
            }
        }
        self
    }

    /// The pictures that [`Home::with_stamps`] put there, in name order.
    pub fn stamps(&self) -> Vec<PathBuf> {
        reference::pngs(&self.path().join("stamps"))
    }

    /// Writes a picture of two, one beside the other; also gives the two.
    pub fn beside(&self, left: &Path, right: &Path) -> (PathBuf, Picture, Picture) {
        let read = |path: &Path| Picture::read(path, &Limits::default()).unwrap();
        let (left, right) = (read(left), read(right));
        let (width, height) = (left.width() + right.width(), left.height().max(right.height()));
        let mut pixels = vec![255; (width * height * 3) as usize];
        for (picture, x) in [(&left, 0), (&right, left.width())] {
            for (y, row) in picture.pixels().chunks_exact(picture.width() as usize * 3).enumerate() {
                let start = (y * width as usize + x as usize) * 3;
                pixels[start..start + row.len()].copy_from_slice(row);
            }
        }
        let path = self.path().join("pair.png");
        std::fs::write(&path, Picture::new(width, height, pixels).unwrap().to_png().unwrap()).unwrap();
        (path, left, right)
    }

    /// Writes a copy of a picture that was edited: its middle, as a JPEG of low quality.
    pub fn edited(&self, picture: &Path) -> PathBuf {
        let picture = Picture::read(picture, &Limits::default()).unwrap();
        let middle = picture.crop(&"0.1,0.1,0.8,0.8".parse().unwrap()).unwrap();
        let path = self.path().join("edited.jpg");
        std::fs::write(&path, middle.to_jpeg(40).unwrap()).unwrap();
        path
    }
}

/// Where tests keep models: fetched once.
pub fn models() -> PathBuf {
    std::env::var_os("BOOTCAMP_MODELS").map_or_else(|| reference::cache().join("models"), PathBuf::from)
}
