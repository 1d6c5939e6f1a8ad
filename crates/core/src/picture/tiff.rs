//! TIFFs that `image` leaves out: palettes, YCbCr, greys of 2 and 4 bits, and grey with alpha. The decoder below it reads
//! their samples; what these mean is said here.

use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult, Limits as Bounds};
use ::tiff::tags::Tag;
use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage};

use super::Limits;
use crate::Result;

/// Values of the tag `PhotometricInterpretation`.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
const YCBCR: u16 = 6;

/// A picture, and how it is to be turned.
type Turned = (DynamicImage, Option<Orientation>);

/// Decodes what `image` does not; `None` for all else, also for what is broken: `image` says what is wrong.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    check_pixels: impl Fn(u64, u64, &Limits) -> Result<()>,
) -> Option<Result<Turned>> {
    let mut decoder = open(bytes, limits)?;
    let meaning: u16 = decoder.find_tag_unsigned(Tag::PhotometricInterpretation).ok()??;
    let bits = decoder.find_tag_unsigned_vec::<u16>(Tag::BitsPerSample).ok()?.unwrap_or(vec![1]);
    let is_ours = matches!(
        (meaning, bits.as_slice()),
        (PALETTE, [1 | 2 | 4 | 8])
            | (YCBCR, [8, 8, 8])
            | (BLACK_IS_ZERO | WHITE_IS_ZERO, [2 | 4])
            | (BLACK_IS_ZERO, [8, 8])
    );
    if !is_ours {
        return None;
    }
    let (width, height) = decoder.dimensions().ok()?;
    if let Err(refused) = check_pixels(width.into(), height.into(), limits) {
        return Some(Err(refused));
    }
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let orientation = orientation.and_then(Orientation::from_exif);
    let size = [width, height];
    let picture = match meaning {
        PALETTE => with_palette(bytes, limits, &mut decoder, bits[0], size)?,
        YCBCR => from_ycbcr(samples(&mut decoder)?, size)?,
        _ if bits.len() == 2 => GrayAlphaImage::from_raw(width, height, samples(&mut decoder)?)?.into(),
        _ => {
            let (rows, most) = (samples(&mut decoder)?, (1 << bits[0]) - 1);
            let grey = unpacked(&rows, bits[0], size).map(|value| (u16::from(value) * 255 / most) as u8);
            GrayImage::from_raw(width, height, grey.collect())?.into()
        }
    };
    Some(Ok((picture, orientation)))
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Option<Decoder<Cursor<&'a [u8]>>> {
    let mut bounds = Bounds::default();
    let most = usize::try_from(limits.pixels.saturating_mul(4).saturating_add(64 << 20)).ok()?;
    (bounds.decoding_buffer_size, bounds.intermediate_buffer_size) = (most, most);
    Some(Decoder::new(Cursor::new(bytes)).ok()?.with_limits(bounds))
}

fn samples(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<Vec<u8>> {
    match decoder.read_image().ok()? {
        DecodingResult::U8(samples) => Some(samples),
        _ => None,
    }
}

/// The decoder refuses to read palettes, so the tag is changed to say that their indexes are greys.
fn with_palette(
    bytes: &[u8],
    limits: &Limits,
    decoder: &mut Decoder<Cursor<&[u8]>>,
    bits: u16,
    size: [u32; 2],
) -> Option<DynamicImage> {
    let colours = decoder.get_tag_u16_vec(Tag::ColorMap).ok()?;
    let count = 1 << bits;
    let colour = |index: u8, channel: usize| {
        colours.get(channel * count + usize::from(index)).map_or(0, |value| (value >> 8) as u8)
    };
    let mut greys = bytes.to_vec();
    say_grey(&mut greys)?;
    let indexes = samples(&mut open(&greys, limits)?)?;
    let pixels = unpacked(&indexes, bits, size).flat_map(|index| [0, 1, 2].map(|channel| colour(index, channel)));
    Some(RgbImage::from_raw(size[0], size[1], pixels.collect())?.into())
}

/// Writes `BLACK_IS_ZERO` into the first directory of a TIFF that is not a BigTIFF.
fn say_grey(bytes: &mut [u8]) -> Option<()> {
    let little = bytes.starts_with(b"II");
    let short = |at: usize| {
        let pair = [*bytes.get(at)?, *bytes.get(at + 1)?];
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let halves = if little { [6, 4] } else { [4, 6] };
    let directory = usize::from(short(halves[0])?) << 16 | usize::from(short(halves[1])?);
    let entries = usize::from(short(directory)?);
    let mut places = (0..entries).map(|entry| directory + 2 + entry * 12);
    let place = places.find(|at| {
        short(2).is_some_and(|version| version == 42) && short(*at) == Some(Tag::PhotometricInterpretation.to_u16())
    })?;
    let value = if little { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    bytes.get_mut(place + 8..place + 10)?.copy_from_slice(&value);
    Some(())
}

/// Samples of fewer than 8 bits, each in a byte of its own. Rows begin with a byte.
fn unpacked(rows: &[u8], bits: u16, [width, _]: [u32; 2]) -> impl Iterator<Item = u8> {
    let (width, bits) = (width as usize, usize::from(bits));
    let mask = if bits == 8 { 0xff } else { (1_u8 << bits) - 1 };
    rows.chunks((width * bits).div_ceil(8).max(1)).flat_map(move |row| {
        (0..width).map(move |x| {
            let at = x * bits;
            row.get(at / 8).map_or(0, |byte| byte >> (8 - bits - at % 8) & mask)
        })
    })
}

/// JFIF's conversion, which is libtiff's for the usual reference levels.
fn from_ycbcr(mut samples: Vec<u8>, [width, height]: [u32; 2]) -> Option<DynamicImage> {
    for pixel in samples.chunks_exact_mut(3) {
        let [y, blue, red] = [f32::from(pixel[0]), f32::from(pixel[1]) - 128.0, f32::from(pixel[2]) - 128.0];
        let rgb = [y + 1.402 * red, y - 0.344_136 * blue - 0.714_136 * red, y + 1.772 * blue];
        pixel.copy_from_slice(&rgb.map(|value| value.round().clamp(0.0, 255.0) as u8));
    }
    Some(RgbImage::from_raw(width, height, samples)?.into())
}
