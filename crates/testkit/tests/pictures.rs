//! Pictures against Pillow, which models' authors decode and resize with.

use std::path::{Path, PathBuf};

use bootcamp_core::models::{
    Colour, Element, FileSpec, Filter, Layout, Output, PictureInput, PictureTower, Pooling, Resize, Source,
};
use bootcamp_core::picture::{Limits, Picture, Pixels, prepare};
use bootcamp_testkit::reference;
use serde_json::{Value, json};

fn read(path: &Path) -> Picture {
    Picture::read(path, &Limits::default()).unwrap()
}

/// How far two rows of bytes are apart: the largest difference, and the mean.
fn apart(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences.clone().map(u64::from).sum();
    (differences.max().unwrap_or(0), sum as f64 / a.len() as f64)
}

/// Each file with Pillow's width, height and pixels.
fn by_pillow(files: &[PathBuf]) -> Vec<(u32, u32, Vec<u8>)> {
    let mut rest = reference::ask("pictures.py", &json!({ "files": files }));
    let mut take = |count: usize| {
        let after = rest.split_off(count);
        std::mem::replace(&mut rest, after)
    };
    let mut pictures = Vec::new();
    for _ in files {
        let side = |bytes: Vec<u8>| u32::from_le_bytes(bytes.try_into().unwrap());
        let (width, height) = (side(take(4)), side(take(4)));
        pictures.push((width, height, take((width * height * 3) as usize)));
    }
    pictures
}

#[test]
fn every_kind_of_file_looks_as_in_pillow() {
    let folder = tempfile::tempdir().unwrap();
    reference::ask("pictures.py", &json!({ "make": folder.path() }));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 50, "{}", files.len());
    for (file, (width, height, pixels)) in files.iter().zip(by_pillow(&files)) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let ours = read(file);
        assert_eq!((ours.width(), ours.height()), (width, height), "{name}");
        let (most, mean) = apart(ours.pixels(), &pixels);
        println!("{name}: most {most}, mean {mean:.4}");
        let lossy = name.ends_with(".jpg")
            || ["by name", "lossy", "jpeg-within", "ycbcr"].iter().any(|kind| name.contains(kind));
        // Lossless is lossless; libjpeg's colour upsampling and inverse transform round otherwise than zune's.
        let (most_allowed, mean_allowed) = if lossy { (6, 0.6) } else { (0, 0.0) };
        assert!(most <= most_allowed && mean <= mean_allowed, "{name}: most {most}, mean {mean}");
    }
}

/// Files that lack a little of their end: what Pillow takes is taken. What is taken beyond that has all of its pixels.
#[test]
fn files_without_their_last_bytes_are_taken_as_in_pillow() {
    const NAMES: [&str; 9] = [
        "rgb.png",
        "rgba.png",
        "palette.png",
        "animated-alpha.png",
        "one-frame.gif",
        "rgb.jpg",
        "progressive.jpg",
        "lossless.webp",
        "lossy.webp",
    ];
    let folder = tempfile::tempdir().unwrap();
    reference::ask("pictures.py", &json!({ "make": folder.path() }));
    let mut files = Vec::new();
    for name in NAMES {
        let whole = folder.path().join(name);
        let bytes = std::fs::read(&whole).unwrap();
        for cut in (1..=32).chain([bytes.len() / 3, bytes.len() / 2]) {
            let file = folder.path().join(format!("{cut} less of {name}"));
            std::fs::write(&file, &bytes[..bytes.len() - cut]).unwrap();
            files.push((file, whole.clone()));
        }
    }
    let cut: Vec<&PathBuf> = files.iter().map(|(file, _)| file).collect();
    let taken = reference::ask("pictures.py", &json!({ "takes": cut }));
    for ((file, whole), taken) in files.iter().zip(taken) {
        match Picture::read(file, &Limits::default()) {
            Ok(ours) => assert!(apart(ours.pixels(), read(whole).pixels()).1 < 0.1, "{}", file.display()),
            Err(error) => assert!(taken == 0 && error.to_string().ends_with("the file is truncated"), "{error}"),
        }
    }
}

#[test]
fn sample_pictures_decode_as_in_pillow() {
    let files = reference::stamps(80);
    for (file, (width, height, pixels)) in files.iter().zip(by_pillow(&files)) {
        let ours = read(file);
        assert_eq!((ours.width(), ours.height()), (width, height));
        assert_eq!(apart(ours.pixels(), &pixels), (0, 0.0), "{}", file.display());
    }
}

fn tower(size: [u32; 2], resize: Resize, filter: Filter, element: Element) -> PictureTower {
    let source = Source::File(PathBuf::new());
    PictureTower {
        file: FileSpec { source, sha256: None, bytes: None, platform: None },
        weights: None,
        input: PictureInput { name: "x".into(), layout: Layout::Nhwc, element, colour: Colour::Rgb },
        size,
        resize,
        filter,
        mean: None,
        std: None,
        output: Output { tensor: "y".into(), pooling: Pooling::None, normalise: false },
    }
}

#[test]
fn resizing_is_pillows() {
    let mut files = reference::stamps(60);
    let folder = tempfile::tempdir().unwrap();
    reference::ask("pictures.py", &json!({ "make": folder.path() }));
    files.push(folder.path().join("rgb.png"));
    files.push(folder.path().join("rgba-lossless.webp"));
    for (filter, name) in [(Filter::Bilinear, "bilinear"), (Filter::Bicubic, "bicubic"), (Filter::Lanczos, "lanczos")] {
        for (resize, how) in [(Resize::Squash, json!("squash")), (Resize::Crop(60), json!({"crop": 60}))] {
            let tower = tower([48, 56], resize, filter, Element::U8);
            let request = json!({"files": files, "tower": {
                "input": {"element": "u8", "colour": "rgb", "layout": "nhwc"},
                "size": [48, 56], "resize": how, "filter": name,
            }});
            let theirs = reference::ask("pictures.py", &request);
            for (file, theirs) in files.iter().zip(theirs.chunks_exact(48 * 56 * 3)) {
                let Pixels::U8(ours) = prepare(&read(file), &tower).unwrap() else { unreachable!() };
                assert_eq!(apart(&ours, theirs), (0, 0.0), "{name} {resize:?} {}", file.display());
            }
        }
    }
}

#[test]
fn numbers_are_laid_out_as_in_numpy() {
    let files = reference::stamps(20);
    for (layout, order) in [(Layout::Nhwc, "nhwc"), (Layout::Nchw, "nchw")] {
        for (colour, colours) in [(Colour::Rgb, "rgb"), (Colour::Bgr, "bgr")] {
            let mut tower = tower([32, 24], Resize::Squash, Filter::Bilinear, Element::F32);
            (tower.input.layout, tower.input.colour) = (layout, colour);
            (tower.mean, tower.std) = (Some([0.485, 0.456, 0.406]), Some([0.229, 0.224, 0.225]));
            let spec: Value = json!({
                "input": {"element": "f32", "colour": colours, "layout": order}, "size": [32, 24],
                "resize": "squash", "filter": "bilinear", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
            });
            let theirs = reference::ask("pictures.py", &json!({"files": files, "tower": spec}));
            for (file, theirs) in files.iter().zip(theirs.chunks_exact(32 * 24 * 3 * 4)) {
                let Pixels::F32(ours) = prepare(&read(file), &tower).unwrap() else { unreachable!() };
                let theirs = theirs.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                assert!(ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-5), "{order} {colours}");
            }
        }
    }
}
