//! The demo's dataset: scenes whose objects, boxes and labels are known exactly, because they are composed here: cut-out
//! stamps on photographs. Every object is in two scenes, so that there is something to find by similarity.

mod cutout;
mod stamps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, ErrorKind, Result};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use serde_json::json;

use crate::random::Random;
use cutout::{cut_out, paste};
pub use stamps::LeftOut;
use stamps::Stamp;

/// Of every scene, in pixels.
pub const WIDTH: u32 = 640;
pub const HEIGHT: u32 = 480;
/// Of the JPEG files; `image`'s own encoder gives the same bytes on every processor.
const QUALITY: u8 = 90;
const SEED: u64 = 7;
/// In so many scenes every stamp is.
const ROUNDS: usize = 2;
const OBJECTS: [u32; 2] = [2, 5];
/// An object's longer side, in pixels.
const SIDES: [u32; 2] = [90, 220];
/// So often another place is tried when an object would overlap others; then it waits for the next scene.
const TRIES: usize = 40;
/// Pixels between two objects at least.
const GAP: u32 = 4;

/// Backgrounds among opencv-doc's pictures: those without anything in them that stamps show, or a search for birds would
/// find birds that have no box.
const PHOTOGRAPHS: [&str; 10] = [
    "aero1.jpg",
    "aero3.jpg",
    "board.jpg",
    "building.jpg",
    "graf1.png",
    "left.jpg",
    "leuvenA.jpg",
    "leuvenB.jpg",
    "right.jpg",
    "starry_night.jpg",
];

/// What was composed, and what could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    pub scenes: usize,
    /// Boxes.
    pub objects: usize,
    pub labels: BTreeSet<String>,
    /// Stamps and photographs that could not be read.
    pub left_out: Vec<LeftOut>,
}

/// Composes scenes of `stamps` (Tux Paint's, in folders by what they show) and `photographs` (opencv-doc's), as
/// `sample-scenes.sh` fetches them, and writes them to the new folder `target` as a `FiftyOneImageDetectionDataset`:
/// `data/scene-001.jpg` … and `labels.json`, with boxes as shares of the picture's sides. The same stamps and photographs
/// give the same files, bit for bit. `watch` is told how many objects of how many are placed. Blocking; the folder
/// appears when everything is in it.
///
/// A label is the last part of the stamp's folder that says what is shown: `animals/insects/cartoon` is `insects`. The
/// whole path would tell no two labels apart that this does not, and nobody would type it.
///
/// # Errors
/// `AlreadyExists` if there is something at `target`; `NotFound` if there are no stamps, or none of the photographs;
/// those of reading and writing files. Single pictures that cannot be decoded are left out, and named.
pub fn compose(
    stamps: &Path,
    photographs: &Path,
    target: &Path,
    mut watch: impl FnMut(usize, usize),
) -> Result<Composed> {
    let (stamps, left_out) = stamps::select(stamps)?;
    let mut composed = Composed { left_out, ..Composed::default() };
    let photographs = backgrounds(photographs, &mut composed.left_out)?;
    let total = stamps.len() * ROUNDS;
    let mut composer = Composer::new(stamps, photographs, SEED);
    let mut labels = serde_json::Map::new();
    new_folder(target, |folder| {
        let data = folder.join("data");
        fs::create_dir(&data).map_err(|error| Error::io("cannot create", &data, error))?;
        while let Some(scene) = composer.next_scene() {
            watch(total - composer.waiting.len(), total);
            if scene.objects.is_empty() {
                continue;
            }
            composed.scenes += 1;
            composed.objects += scene.objects.len();
            composed.labels.extend(scene.objects.iter().map(|object| object.label.clone()));
            let name = format!("scene-{:03}", composed.scenes);
            let path = data.join(format!("{name}.jpg"));
            write(&path, &jpeg(&scene.picture)?)?;
            labels.insert(name, scene.objects.iter().map(Object::to_json).collect());
        }
        write(&folder.join("labels.json"), format!("{:#}\n", json!({ "labels": labels })).as_bytes())
    })?;
    composed.left_out.append(&mut composer.left_out);
    Ok(composed)
}

/// Copies the stamps that scenes are composed of to the new folder `target` as a classification tree, `birds/emu.png`,
/// with the same labels. Gives their number, and what was left out. Blocking; the folder appears when everything is in
/// it.
///
/// # Errors
/// As [`compose`]'s.
pub fn sort_stamps(stamps: &Path, target: &Path) -> Result<(usize, Vec<LeftOut>)> {
    let (stamps, left_out) = stamps::select(stamps)?;
    new_folder(target, |folder| {
        // `insects` has two folders, in which stamps may have the same name.
        let mut taken: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for stamp in &stamps {
            let class = folder.join(&stamp.label);
            fs::create_dir_all(&class).map_err(|error| Error::io("cannot create", &class, error))?;
            let stem = stamp.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let times = taken.entry(class.join(&stem)).or_default();
            *times += 1;
            let name = if *times == 1 { format!("{stem}.png") } else { format!("{stem}-{times}.png") };
            fs::copy(&stamp.path, class.join(name)).map_err(|error| Error::io("cannot copy", &stamp.path, error))?;
        }
        Ok(())
    })?;
    Ok((stamps.len(), left_out))
}

/// Puts stamps on photographs, scene by scene.
struct Composer {
    random: Random,
    /// Those that are still to be placed, each [`ROUNDS`] times.
    waiting: VecDeque<Stamp>,
    photographs: Vec<RgbImage>,
    left_out: Vec<LeftOut>,
}

struct Scene {
    picture: RgbImage,
    objects: Vec<Object>,
}

/// An object in a scene; the box is the smallest one around what is visible of it.
#[derive(Clone, Debug, PartialEq)]
struct Object {
    label: String,
    /// The stamp's path below the folder of stamps.
    stamp: String,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Object {
    fn is_apart_from(&self, other: &Self) -> bool {
        let apart = |a: u32, length_a: u32, b: u32, length_b: u32| a + length_a + GAP <= b || b + length_b + GAP <= a;
        apart(self.x, self.width, other.x, other.width) || apart(self.y, self.height, other.y, other.height)
    }

    fn to_json(&self) -> serde_json::Value {
        let share = |pixels: u32, of: u32| f64::from(pixels) / f64::from(of);
        let (x, width) = (share(self.x, WIDTH), share(self.width, WIDTH));
        let (y, height) = (share(self.y, HEIGHT), share(self.height, HEIGHT));
        json!({ "label": self.label, "bounding_box": [x, y, width, height], "attributes": { "stamp": self.stamp } })
    }
}

impl Composer {
    fn new(mut stamps: Vec<Stamp>, photographs: Vec<RgbImage>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut waiting = VecDeque::with_capacity(stamps.len() * ROUNDS);
        for _ in 0..ROUNDS {
            random.shuffle(&mut stamps);
            waiting.extend(stamps.iter().cloned());
        }
        Self { random, waiting, photographs, left_out: Vec::new() }
    }

    /// The next one; it has no objects if none of the stamps that were to be on it can be read.
    fn next_scene(&mut self) -> Option<Scene> {
        if self.waiting.is_empty() {
            return None;
        }
        let wanted = self.random.between(OBJECTS[0], OBJECTS[1]) as usize;
        let stamps: Vec<Stamp> = self.waiting.drain(..wanted.min(self.waiting.len())).collect();
        let mut scene = Scene { picture: self.background(), objects: Vec::with_capacity(wanted) };
        for stamp in stamps.into_iter().rev() {
            match self.put(&stamp, &mut scene) {
                Ok(true) => {}
                Ok(false) => self.waiting.push_front(stamp),
                Err(error) => {
                    self.waiting.retain(|other| other.path != stamp.path);
                    self.left_out.push(LeftOut::new(stamp.path, error));
                }
            }
        }
        Some(scene)
    }

    /// Puts a stamp anywhere on the scene where it overlaps nothing; says whether there was such a place.
    fn put(&mut self, stamp: &Stamp, scene: &mut Scene) -> Result<bool> {
        let side = self.random.between(SIDES[0], SIDES[1]);
        let picture = cut_out(&stamps::read(&stamp.path)?, side, self.random.coin())
            .ok_or_else(|| Error::invalid("nothing of it is visible"))?;
        let (width, height) = picture.dimensions();
        for _ in 0..TRIES {
            let x = self.random.between(0, WIDTH - width);
            let y = self.random.between(0, HEIGHT - height);
            let object = Object { label: stamp.label.clone(), stamp: stamp.name.clone(), x, y, width, height };
            if scene.objects.iter().all(|other| object.is_apart_from(other)) {
                paste(&mut scene.picture, &picture, x, y);
                scene.objects.push(object);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Part of a photograph, maybe mirrored, so that no two scenes have the same background.
    fn background(&mut self) -> RgbImage {
        let photograph = &self.photographs[self.random.below(self.photographs.len())];
        let (width, height) = photograph.dimensions();
        // The largest part of the scene's shape, and a share of that.
        let (largest_width, largest_height) = (width.min(height * WIDTH / HEIGHT), height.min(width * HEIGHT / WIDTH));
        let percent = self.random.between(60, 100);
        let (part_width, part_height) =
            ((largest_width * percent / 100).max(1), (largest_height * percent / 100).max(1));
        let x = self.random.between(0, width - part_width);
        let y = self.random.between(0, height - part_height);
        let part = imageops::crop_imm(photograph, x, y, part_width, part_height).to_image();
        let mut picture = imageops::resize(&part, WIDTH, HEIGHT, FilterType::CatmullRom);
        if self.random.coin() {
            imageops::flip_horizontal_in_place(&mut picture);
        }
        picture
    }
}

/// Those of [`PHOTOGRAPHS`] that are there.
fn backgrounds(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<RgbImage>> {
    let mut pictures = Vec::new();
    for name in PHOTOGRAPHS {
        let path = folder.join(name);
        match stamps::read(&path) {
            Ok(picture) => pictures.push(image::DynamicImage::ImageRgba8(picture).into_rgb8()),
            Err(error) => left_out.push(LeftOut::new(path, error)),
        }
    }
    if pictures.is_empty() {
        let message = format!("none of the photographs can be read that belong in {}", folder.display());
        let hint = format!("scenes need one of {}", PHOTOGRAPHS.join(", "));
        return Err(Error::new(ErrorKind::NotFound, message).with_hint(hint));
    }
    Ok(pictures)
}

/// A folder that appears at `target` when `fill` is through, or not at all.
fn new_folder(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let cannot = |error| Error::io("cannot create", target, error);
    if target.exists() {
        let message = format!("there is something at {} already", target.display());
        return Err(Error::new(ErrorKind::AlreadyExists, message).with_hint("remove it, or use it as it is"));
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(cannot)?;
    let folder = readable_folder(parent).map_err(cannot)?;
    fill(folder.path())?;
    fs::rename(folder.path(), target).map_err(cannot)?;
    // Nothing is left there to be removed.
    let _moved = folder.keep();
    Ok(())
}

/// Temporary folders are their owner's alone unless one says otherwise, and this one stays.
fn readable_folder(parent: &Path) -> std::io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().prefix(".new-").permissions(fs::Permissions::from_mode(0o755)).tempdir_in(parent)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| Error::io("cannot write", path, error))
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(picture)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot encode a scene: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
