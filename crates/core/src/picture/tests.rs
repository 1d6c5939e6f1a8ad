//! Tests of odd input. That good pictures look as they should is compared with Pillow, in testkit.

use std::io::Cursor;

use image::ImageFormat;
use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::models::{Colour, Element, FileSpec, Layout, Output, PictureInput, PictureTower, Pooling, Resize, Source};

const FORMATS: [ImageFormat; 6] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff];

/// A picture of some structure.
fn picture(width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 7) as u8, (y * 5) as u8, (x * y) as u8]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture(40, 30).write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn decode(bytes: &[u8]) -> Result<Picture> {
    Picture::decode(bytes, &Limits::default())
}

fn refused(bytes: &[u8]) -> String {
    let error = decode(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

fn tower(size: [u32; 2], resize: Resize) -> PictureTower {
    PictureTower {
        file: FileSpec { source: Source::File("x".into()), sha256: None, bytes: None, platform: None },
        weights: None,
        input: PictureInput { name: "x".into(), layout: Layout::Nhwc, element: Element::U8, colour: Colour::Rgb },
        size,
        resize,
        filter: Filter::Bilinear,
        mean: None,
        std: None,
        output: Output { tensor: "y".into(), pooling: Pooling::None, normalise: false },
    }
}

#[test]
fn every_format_is_known_by_its_content() {
    for format in FORMATS {
        let picture = decode(&encoded(format)).unwrap();
        assert_eq!((picture.width(), picture.height()), (40, 30), "{format:?}");
    }
}

#[test]
fn what_is_no_picture_is_named() {
    assert_eq!(refused(b""), "the file is empty");
    let not = |what: &str| format!("it is {what}, expected JPEG, PNG, GIF, WebP, BMP or TIFF");
    assert_eq!(refused(b"hello, I am a text with the wrong ending"), not("text"));
    assert_eq!(refused(b"<?xml version='1.0'?>\n<svg width='1'/>"), not("an SVG drawing"));
    assert_eq!(refused(b"%PDF-1.7\n\x00"), not("a PDF"));
    assert_eq!(refused(b"\0\0\0\x1cftypheic\0\0\0\0"), not("a HEIC file"));
    assert_eq!(refused(b"\0\0\0\x1cftypavif\0\0\0\0"), not("an AVIF file"));
    assert_eq!(refused(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif\xff"), not("an AVIF file"));
    assert_eq!(refused(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic\xff"), not("a HEIC file"));
    assert_eq!(refused(b"\0\0\0\x0cJXL \r\n\x87\n"), not("a JPEG XL file"));
    assert_eq!(refused(b"\0\0\0\x0cjP  \r\n\x87\n"), not("a JPEG 2000 file"));
    assert_eq!(refused(b"\0\0\0\x1cftypisom\0\0\0\0"), not("a video"));
    assert_eq!(refused(&[0, 1, 2, 3, 255, 254, 0, 9]), not("of an unknown format"));
}

#[test]
fn half_a_file_is_no_picture() {
    for format in FORMATS {
        let bytes = encoded(format);
        for part in [bytes.len() / 2, bytes.len() - bytes.len() / 4] {
            assert_eq!(refused(&bytes[..part]), "the file is truncated", "{format:?} {part}");
        }
    }
    // A preview within the file ends long before the picture does.
    let mut with_preview = encoded(ImageFormat::Jpeg);
    with_preview.truncate(with_preview.len() / 2);
    let preview = [&[0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9][..]].concat();
    with_preview.splice(2..2, preview);
    assert_eq!(refused(&with_preview), "the file is truncated");
}

#[test]
fn white_drawings_are_seen() {
    let drawn = |colour: [u8; 4], other: [u8; 4]| {
        let draw = |x, _| image::Rgba(if x < 10 { colour } else { other });
        let mut file = Cursor::new(Vec::new());
        image::RgbaImage::from_fn(20, 4, draw).write_to(&mut file, ImageFormat::Png).unwrap();
        let pixels = decode(&file.into_inner()).unwrap().pixels().to_vec();
        [pixels[0], pixels[pixels.len() - 1]]
    };
    let clear = [0; 4];
    assert_eq!(drawn([255; 4], clear), [255, 0], "black where white would not be seen");
    assert_eq!(drawn([252, 254, 250, 255], [255, 255, 255, 0]), [252, 0], "nearly white, too");
    assert_eq!(drawn([255, 255, 255, 100], clear), [100, 0], "half-transparent white");
    assert_eq!(drawn([240, 255, 255, 255], clear), [240, 255], "what is seen on white stays on it");
    assert_eq!(drawn([0, 0, 0, 255], clear), [0, 255]);
    assert_eq!(drawn(clear, clear), [255, 255], "nothing is nothing on either");
    assert_eq!(drawn([255; 4], [255; 4]), [255, 255]);
}

#[test]
fn a_png_without_its_end_is_whole() {
    let bytes = encoded(ImageFormat::Png);
    let whole = decode(&bytes).unwrap();
    // The end's chunk, the checksum of the pixels' chunk, and that of the pixels.
    for cut in 1..=20 {
        assert_eq!(decode(&bytes[..bytes.len() - cut]).unwrap(), whole, "{cut}");
    }
    assert_eq!(refused(&bytes[..bytes.len() - 40]), "the file is truncated");
    assert_eq!(refused(&bytes[..33]), "the file is truncated");
}

#[test]
fn stray_bytes_do_no_harm() {
    for format in FORMATS {
        let mut bytes = encoded(format);
        bytes.extend(b"something after the end");
        assert!(decode(&bytes).is_ok(), "{format:?}");
    }
}

/// Says that a file's picture is 50,000 pixels wide and high, or as near as its format can.
fn bomb(format: ImageFormat) -> Vec<u8> {
    let mut bytes = encoded(format);
    let put = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let side = 50_000_u32;
    match format {
        ImageFormat::Png => {
            put(&mut bytes, 16, &[side.to_be_bytes(), side.to_be_bytes()].concat());
            let checksum = crc32fast::hash(&bytes[12..29]).to_be_bytes();
            put(&mut bytes, 29, &checksum);
        }
        ImageFormat::Gif => put(&mut bytes, 6, &[(side as u16).to_le_bytes(), (side as u16).to_le_bytes()].concat()),
        ImageFormat::Bmp => put(&mut bytes, 18, &[side.to_le_bytes(), side.to_le_bytes()].concat()),
        ImageFormat::Jpeg => {
            let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
            put(&mut bytes, frame + 5, &[(side as u16).to_be_bytes(), (side as u16).to_be_bytes()].concat());
        }
        // 14 bits for each side, less one.
        ImageFormat::WebP => put(&mut bytes, 21, &(0x3ffe | 0x3ffe_u32 << 14).to_le_bytes()),
        _ => {
            for tag in [256_u16, 257] {
                let entry = bytes.windows(4).position(|entry| {
                    entry[..2] == tag.to_le_bytes() && matches!(u16::from_le_bytes([entry[2], entry[3]]), 3 | 4)
                });
                let value = if bytes[entry.unwrap() + 2] == 3 { (side as u16).into() } else { side };
                put(&mut bytes, entry.unwrap() + 8, &u32::to_le_bytes(value));
            }
        }
    }
    bytes
}

#[test]
fn bombs_are_refused_by_their_first_bytes() {
    for format in FORMATS {
        let message = refused(&bomb(format));
        if format == ImageFormat::Tiff {
            // Its decoder sees that so many pixels cannot be in so few strips.
            assert!(message.contains("inconsistent sizes"), "{message}");
            continue;
        }
        let sides = if format == ImageFormat::WebP { "16383 x 16383" } else { "50000 x 50000" };
        assert_eq!(message, format!("the picture has {sides} pixels; the limit is 100000000 pixels"), "{format:?}");
    }
    let small = Limits { bytes: 100, pixels: 1199 };
    let error = Picture::decode(&encoded(ImageFormat::Bmp), &small).unwrap_err();
    assert!(error.to_string().contains("bytes; the limit is 100"), "{error}");
    let error = Picture::decode(&encoded(ImageFormat::Png), &Limits { bytes: 1 << 20, ..small }).unwrap_err();
    assert_eq!(error.to_string(), "the picture has 40 x 30 pixels; the limit is 1199 pixels");
    assert!(Picture::decode(&encoded(ImageFormat::Png), &Limits { bytes: 1 << 20, pixels: 1200 }).is_ok());
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Picture::read(folder.path(), &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: it is not a file", folder.path().display()));
    let missing = folder.path().join("missing.jpg");
    let error = Picture::read(&missing, &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let path = folder.path().join("a text.jpg");
    std::fs::write(&path, "text").unwrap();
    let error = Picture::read(&path, &Limits::default()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: it is text", path.display())), "{error}");
    // A file of 100 GiB that takes no room: its size is looked at before it is read.
    std::fs::File::create(&path).unwrap().set_len(100 << 30).unwrap();
    let error = Picture::read(&path, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("107374182400 bytes"), "{error}");
}

#[test]
fn regions_are_parts_of_pictures() {
    let whole = Picture::new(4, 2, (0..24).collect()).unwrap();
    let part = |region: &str| whole.crop(&region.parse().unwrap());
    assert_eq!(part("1,1,2,1").unwrap().pixels(), [15, 16, 17, 18, 19, 20]);
    assert_eq!(part("0.25,0.5,0.5,0.5").unwrap().pixels(), [15, 16, 17, 18, 19, 20]);
    assert_eq!(part("0,0,4,2").unwrap(), whole);
    assert_eq!(part("0.0,0.0,1.0,1.0").unwrap(), whole);
    assert_eq!(part("0.9,0.9,0.01,0.01").unwrap().pixels(), [21, 22, 23], "no region is less than a pixel");
    assert_eq!(part("3,0,2,1").unwrap_err().to_string(), "the region 3,0,2,1 is not within the picture of 4 x 2");
    assert!(part("4294967295,0,4294967295,1").is_err());
    for (text, why) in [
        ("1,2,3", "it does not have four numbers"),
        ("1,2,3,x", "'x' is not a number of pixels"),
        ("1,2,0,4", "it is empty"),
        ("-1,2,3,4", "'-1' is not a number of pixels"),
        ("0.5,0,0.6,1", "it extends beyond the picture"),
        ("0.5,0,NaN,1", "'NaN' is not a fraction from 0.0 to 1.0"),
        ("0.0,0.0,0.0,1.0", "it is empty"),
    ] {
        assert_eq!(text.parse::<Region>().unwrap_err().to_string(), format!("'{text}' is not a region: {why}"));
    }
    for text in ["1,2,3,4", "0.0,0.25,1.0,0.5"] {
        let region: Region = text.parse().unwrap();
        assert_eq!(region.to_string(), text);
        let json = serde_json::to_string(&region).unwrap();
        assert_eq!(serde_json::from_str::<Region>(&json).unwrap(), region);
    }
}

#[test]
fn letterboxes_keep_proportions() {
    let wide = Picture::new(8, 2, vec![10; 48]).unwrap();
    let Pixels::U8(pixels) = prepare(&wide, &tower([4, 4], Resize::Letterbox)).unwrap() else { unreachable!() };
    let rows: Vec<&[u8]> = pixels.chunks_exact(12).collect();
    assert_eq!(rows, [[114; 12], [10; 12], [114; 12], [114; 12]]);
}

#[test]
fn thumbnails_are_smaller_and_in_proportion() {
    let whole = decode(&encoded(ImageFormat::Png)).unwrap();
    let thumbnail = whole.thumbnail(16);
    assert_eq!((thumbnail.width(), thumbnail.height()), (16, 12));
    assert_eq!(whole.thumbnail(100), whole);
    // Half black, half white, in odd sizes: both halves stay what they are, at any factor.
    for width in [701, 1000, 4999] {
        let row = (0..width).flat_map(|x| [if x < width / 2 { 0 } else { 255 }; 3]);
        let halves = Picture::new(width, 301, row.collect::<Vec<u8>>().repeat(301)).unwrap().thumbnail(64);
        let grey = |x: usize| halves.pixels()[x * 3];
        assert!((0..30).all(|x| grey(x) == 0) && (34..64).all(|x| grey(x) == 255), "{:?}", halves.pixels());
    }
    let long = Picture::new(1000, 1, vec![7; 3000]).unwrap().thumbnail(10);
    assert_eq!((long.width(), long.height()), (10, 1));
    assert_eq!(decode(&whole.to_png().unwrap()).unwrap(), whole);
    let jpeg = decode(&whole.to_jpeg(95).unwrap()).unwrap();
    assert_eq!((jpeg.width(), jpeg.height()), (40, 30));
    assert!(Picture::new(0, 3, Vec::new()).is_err() && Picture::new(2, 2, vec![0; 11]).is_err());
}

proptest! {
    #[test]
    fn foreign_bytes_are_no_panic(format in 0..FORMATS.len(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), cut in any::<prop::sample::Index>()) {
        let mut bytes = encoded(FORMATS[format]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() * 4).max(1));
        let limits = Limits { bytes: 1 << 20, pixels: 1 << 16 };
        if let Ok(picture) = Picture::decode(&bytes, &limits) {
            prop_assert!(prepare(&picture, &tower([16, 16], Resize::Crop(20))).is_ok());
        }
    }

    #[test]
    fn any_text_is_a_region_or_an_error(text in "[0-9.,eE-]{0,24}") {
        if let Ok(region) = text.parse::<Region>() {
            let parsed = region.to_string().parse::<Region>();
            prop_assert_eq!(parsed.unwrap(), region);
        }
    }

    #[test]
    fn any_size_is_resized_to_any(width in 1_u32..200, height in 1_u32..200, to in 1_u32..60, crop in 60_u32..90) {
        let picture = Picture::new(width, height, vec![200; (width * height * 3) as usize]).unwrap();
        for resize in [Resize::Squash, Resize::Crop(crop), Resize::Letterbox] {
            let Pixels::U8(pixels) = prepare(&picture, &tower([to, 60], resize)).unwrap() else { unreachable!() };
            prop_assert_eq!(pixels.len(), (to * 60 * 3) as usize);
            // One colour stays that colour, whatever is summed.
            prop_assert!(pixels.iter().all(|byte| *byte == 200 || resize == Resize::Letterbox && *byte == 114));
        }
    }
}
