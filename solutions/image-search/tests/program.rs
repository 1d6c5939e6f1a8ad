//! The program in a folder of its own, with pictures.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use bootcamp_core::picture::{Limits, Picture};
use bootcamp_testkit::program;
use bootcamp_testkit::reference;

/// A folder to work in; the store is its `data`.
pub struct Home(program::Home);

impl Deref for Home {
    type Target = program::Home;

    fn deref(&self) -> &program::Home {
        &self.0
    }
}

impl Home {
    pub fn new() -> Self {
        Self(program::Home::of(env!("CARGO_BIN_EXE_image-search")))
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
