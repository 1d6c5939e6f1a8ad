//! Feeds the picture decoders whatever libFuzzer finds: pictures come from strangers over HTTP.
#![no_main]

use std::path::PathBuf;

use bootcamp_core::models::{
    Colour, Element, FileSpec, Filter, Layout, Output, PictureInput, PictureTower, Pooling, Resize, Source,
};
use bootcamp_core::picture::{Limits, Picture, prepare};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits { bytes: 1 << 20, pixels: 1 << 18 };
    let Ok(picture) = Picture::decode(data, &limits) else { return };
    assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.pixels);
    let tower = PictureTower {
        file: FileSpec { source: Source::File(PathBuf::new()), sha256: None, bytes: None, platform: None },
        weights: None,
        input: PictureInput { name: "x".into(), layout: Layout::Nchw, element: Element::F32, colour: Colour::Bgr },
        size: [24, 16],
        resize: Resize::Crop(30),
        filter: Filter::Lanczos,
        mean: None,
        std: None,
        output: Output { tensor: "y".into(), pooling: Pooling::None, normalise: false },
    };
    prepare(&picture, &tower).unwrap();
    let _ = picture.thumbnail(20).to_png().unwrap();
});
