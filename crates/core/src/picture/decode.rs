//! Foreign bytes to pictures: every common format, known by its content, within limits that are checked first.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, ImageDecoder, ImageError, ImageFormat, ImageReader, RgbImage, RgbaImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Limits, Picture, tiff};
use crate::{Error, Result};

const FORMATS: &str = "JPEG, PNG, GIF, WebP, BMP or TIFF";

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture> {
    check_bytes(bytes.len() as u64, limits)?;
    // JPEG goes to its decoder directly, which can be asked to be strict; by way of `image` half a picture would pass.
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return jpeg(bytes, limits);
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Png | ImageFormat::Gif | ImageFormat::WebP | ImageFormat::Bmp | ImageFormat::Tiff),
        ) => other(bytes, format, limits).or_else(|error| match format {
            ImageFormat::Png => match whole_png(bytes) {
                Some(whole) => other(&whole, format, limits).map_err(|_| error),
                None => Err(error),
            },
            _ => Err(error),
        }),
        _ => Err(unknown(bytes)),
    }
}

/// What a picture's bytes are, by their beginning, as `image/png`; `None` for what is no picture that can be read.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        format @ (ImageFormat::Jpeg
        | ImageFormat::Png
        | ImageFormat::Gif
        | ImageFormat::WebP
        | ImageFormat::Bmp
        | ImageFormat::Tiff) => Some(format.to_mime_type()),
        _ => None,
    }
}

/// Refuses files that are empty or too large.
pub(super) fn check_bytes(bytes: u64, limits: &Limits) -> Result<()> {
    if bytes == 0 {
        return Err(Error::invalid("the file is empty"));
    }
    if bytes > limits.bytes {
        return Err(Error::invalid(format!("the file is {bytes} bytes; the limit is {}", limits.bytes)));
    }
    Ok(())
}

fn check_pixels(width: u64, height: u64, limits: &Limits) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::invalid(format!("the picture is empty: {width} x {height} pixels")));
    }
    if width.checked_mul(height).is_none_or(|pixels| pixels > limits.pixels) {
        let message = format!("the picture has {width} x {height} pixels; the limit is {} pixels", limits.pixels);
        return Err(Error::invalid(message).with_hint("make it smaller first"));
    }
    Ok(())
}

/// Names what people take for pictures and what we cannot read.
fn unknown(bytes: &[u8]) -> Error {
    let head = &bytes[..bytes.len().min(512)];
    let is_text = std::str::from_utf8(&head[..head.len().min(256)]).is_ok_and(|text| !text.contains('\0'));
    let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    let brand = head.get(4..12).filter(|brand| brand.starts_with(b"ftyp")).map(|brand| &brand[4..]);
    let name = match brand {
        Some(b"avif" | b"avis") => "an AVIF file",
        // Its own brand may stand behind a general one.
        Some(b"mif1" | b"msf1") if has(b"avif") || has(b"avis") => "an AVIF file",
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" | b"mif1" | b"msf1") => {
            "a HEIC file"
        }
        Some(_) => "a video",
        None if has(b"<svg") => "an SVG drawing",
        None if head.starts_with(b"%PDF") => "a PDF",
        None if head.starts_with(&[0xff, 0x0a]) || head.starts_with(b"\0\0\0\x0cJXL ") => "a JPEG XL file",
        None if head.starts_with(&[0xff, 0x4f, 0xff, 0x51]) || head.starts_with(b"\0\0\0\x0cjP  ") => {
            "a JPEG 2000 file"
        }
        None if head.starts_with(b"8BPS") => "a Photoshop file",
        None if head.starts_with(b"\0\0\x01\0") => "an icon",
        None if is_text => "text",
        None => "of an unknown format",
    };
    Error::invalid(format!("it is {name}, expected {FORMATS}")).with_hint("convert it to one of these first")
}

/// A PNG that lacks its end with one: all pixels may be there, and every program shows it. `None` for one that has its
/// end.
fn whole_png(bytes: &[u8]) -> Option<Vec<u8>> {
    const END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82];
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8);
        let length = head.map_or(0, |head| u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize);
        match head.map(|head| &head[4..]) {
            Some(b"IEND") if bytes.len() >= at + 12 => return None,
            Some(name) if bytes.len() < at + 12 + length && name == b"IDAT" => {
                // What is there of the pixels, as a chunk.
                let data = &bytes[at + 8..bytes.len().min(at + 8 + length)];
                let mut whole = bytes[..at].to_vec();
                whole.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
                whole.extend(b"IDAT");
                whole.extend(data);
                whole.extend(crc32fast::hash(whole.get(at + 4..)?).to_be_bytes());
                whole.extend(END);
                return Some(whole);
            }
            Some(_) if bytes.len() >= at + 12 + length => at += 12 + length,
            _ => return Some([&bytes[..at.min(bytes.len())], &END].concat()),
        }
    }
}

fn too_early() -> Error {
    Error::invalid("the file is truncated").with_hint("fetch or copy it again")
}

fn jpeg(bytes: &[u8], limits: &Limits) -> Result<Picture> {
    match jpeg_with(bytes, limits, true) {
        Ok(picture) => Ok(picture),
        // Every program shows a file with a stray byte or a wrong marker, and so do we; half a picture is none.
        Err(Jpeg::Broken(_)) if !is_cut(bytes) => jpeg_with(bytes, limits, false).map_err(Jpeg::into_error),
        Err(Jpeg::Broken(_)) => Err(too_early()),
        Err(refused) => Err(refused.into_error()),
    }
}

enum Jpeg {
    Broken(DecodeErrors),
    Refused(Error),
}

impl Jpeg {
    fn into_error(self) -> Error {
        match self {
            Self::Broken(error) => {
                let text = format!("{error:?}");
                if text.contains("Not enough bytes") || text.contains("Premature end") {
                    return too_early();
                }
                Error::invalid(format!("it is a broken JPEG: {}", text.trim()))
            }
            Self::Refused(error) => error,
        }
    }
}

/// Whether no end comes after the last beginning of picture data, or that has not even begun. A file's preview has an
/// end of its own.
fn is_cut(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|window| window == marker);
    last([0xff, 0xd9]) <= last([0xff, 0xda])
}

fn jpeg_with(bytes: &[u8], limits: &Limits, strict: bool) -> Result<Picture, Jpeg> {
    let options = DecoderOptions::default()
        .set_strict_mode(strict)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(Jpeg::Broken)?;
    let (width, height) = decoder.info().map_or((0, 0), |info| (info.width, info.height));
    check_pixels(u64::from(width), u64::from(height), limits).map_err(Jpeg::Refused)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let pixels = decoder.decode().map_err(Jpeg::Broken)?;
    let rgb = image::RgbImage::from_raw(u32::from(width), u32::from(height), pixels);
    let rgb = rgb.ok_or_else(|| Jpeg::Refused(Error::invalid("it is a broken JPEG: pixels are missing")))?;
    upright(rgb.into(), orientation).map_err(Jpeg::Refused)
}

fn other(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<Picture> {
    let broken = |error: ImageError| if is_short(bytes, format) { too_early() } else { cannot_decode(format, error) };
    if format == ImageFormat::Tiff
        && let Some(picture) = tiff::decode(bytes, limits, check_pixels)
    {
        let (picture, orientation) = picture?;
        return upright(picture, orientation);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // The decoder's own tables, frames and 16-bit samples beside the picture itself.
    let mut bounds = image::Limits::no_limits();
    bounds.max_alloc = Some(limits.pixels.saturating_mul(8).saturating_add(64 << 20));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    check_pixels(u64::from(width), u64::from(height), limits)?;
    // A wrong orientation is no reason to refuse a picture.
    let orientation = decoder.orientation().ok();
    let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    upright(picture, orientation)
}

/// Whether there are fewer bytes than the file itself says, for formats that say it.
fn is_short(bytes: &[u8], format: ImageFormat) -> bool {
    let number =
        |at: usize| bytes.get(at..at + 4).map_or(0, |b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    let length = match format {
        ImageFormat::WebP => number(4) + 8,
        ImageFormat::Bmp => number(2),
        _ => 0,
    };
    length > bytes.len() as u64
}

fn cannot_decode(format: ImageFormat, error: ImageError) -> Error {
    let name = format!("{format:?}").to_uppercase().replace("WEBP", "WebP");
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(inner) = cause {
        let io = inner.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof) {
            return too_early();
        }
        cause = inner.source();
    }
    let text = error.to_string();
    let said = text.to_lowercase();
    if ["unexpected end", "unexpected eof", "failed to fill whole buffer"].iter().any(|end| said.contains(end)) {
        return too_early();
    }
    match error {
        ImageError::Limits(_) => {
            Error::invalid(format!("the {name} file needs more memory than the limit for pictures"))
        }
        ImageError::Unsupported(_) => Error::invalid(format!("it is an unsupported kind of {name}: {text}")),
        _ => Error::invalid(format!("it is a broken {name} file: {text}")),
    }
}

/// Turns a picture as its camera was held, and puts it on white.
pub(super) fn upright(mut picture: DynamicImage, orientation: Option<Orientation>) -> Result<Picture> {
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let (width, height) = (picture.width(), picture.height());
    let pixels = match narrow(picture) {
        DynamicImage::ImageRgb8(rgb) => rgb.into_raw(),
        transparent if transparent.color().has_alpha() => opaque(&transparent.into_rgba8().into_raw()),
        opaque => opaque.into_rgb8().into_raw(),
    };
    Picture::new(width, height, pixels)
}

/// Of 16 bits of a colour the upper 8, as Pillow takes them.
fn narrow(picture: DynamicImage) -> DynamicImage {
    let upper = |values: Vec<u16>| values.into_iter().map(|value| (value >> 8) as u8).collect::<Vec<u8>>();
    let (width, height) = (picture.width(), picture.height());
    let narrowed = match &picture {
        DynamicImage::ImageRgb16(of) => RgbImage::from_raw(width, height, upper(of.to_vec())).map(Into::into),
        DynamicImage::ImageRgba16(of) => RgbaImage::from_raw(width, height, upper(of.to_vec())).map(Into::into),
        DynamicImage::ImageLumaA16(of) => GrayAlphaImage::from_raw(width, height, upper(of.to_vec())).map(Into::into),
        _ => None,
    };
    narrowed.unwrap_or(picture)
}

/// A channel's value that differs from white, or black, by no more than this is not seen.
const UNSEEN: u8 = 8;

/// The picture on white; a white drawing, of which nothing would be seen there, on black.
fn opaque(rgba: &[u8]) -> Vec<u8> {
    let white = on(rgba, 255);
    if white.iter().all(|value| *value >= 255 - UNSEEN) {
        let black = on(rgba, 0);
        if black.iter().any(|value| *value > UNSEEN) {
            return black;
        }
    }
    white
}

fn on(rgba: &[u8], ground: u32) -> Vec<u8> {
    let mix = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
    };
    rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(|value| mix(value, pixel[3]))).collect()
}
