//! From a picture to the numbers a model takes, as the model's authors made them when they trained it.

use super::{Picture, resize};
use crate::models::{Colour, Element, Filter, Layout, PictureTower, Resize};
use crate::{Error, ErrorKind, Result};

/// What pictures are framed with where [`Resize::Letterbox`] leaves room: the grey that YOLO's authors chose.
const FRAME: u8 = 114;

/// One picture as a tower takes it: width × height × 3 values in the tower's layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    U8(Vec<u8>),
    F32(Vec<f32>),
}

/// Resizes a picture and lays it out for a tower.
///
/// # Errors
/// `Internal` when the tower asks for a crop of less than it takes, which no registry lets through.
pub fn prepare(picture: &Picture, tower: &PictureTower) -> Result<Pixels> {
    let pixels = fitted(picture, tower)?;
    let bytes = |pixels| laid_out(pixels, tower, |value, _| value);
    match tower.input.element {
        // As it lies in memory already.
        Element::U8 if tower.input.layout == Layout::Nhwc && tower.input.colour == Colour::Rgb => {
            Ok(Pixels::U8(pixels))
        }
        Element::U8 => Ok(Pixels::U8(bytes(&pixels))),
        Element::F32 => {
            let (mean, std) = (tower.mean.unwrap_or([0.0; 3]), tower.std.unwrap_or([1.0; 3]));
            // Every byte's value for every channel, once: the same arithmetic as per pixel, a hundred times less of it.
            let table: [Vec<f32>; 3] = std::array::from_fn(|channel| {
                (0..=255_u8).map(|value| (f32::from(value) / 255.0 - mean[channel]) / std[channel]).collect()
            });
            Ok(Pixels::F32(laid_out(&pixels, tower, |value, channel| table[channel][usize::from(value)])))
        }
    }
}

/// RGB rows to the tower's order of axes and channels.
fn laid_out<T>(pixels: &[u8], tower: &PictureTower, value: impl Fn(u8, usize) -> T) -> Vec<T> {
    let channels = match tower.input.colour {
        Colour::Rgb => [0, 1, 2],
        Colour::Bgr => [2, 1, 0],
    };
    match tower.input.layout {
        Layout::Nhwc => {
            let pixels = pixels.chunks_exact(3);
            pixels.flat_map(|pixel| channels.map(|channel| value(pixel[channel], channel))).collect()
        }
        Layout::Nchw => {
            let plane = |channel: usize| pixels.chunks_exact(3).map(move |pixel| (pixel[channel], channel));
            channels.into_iter().flat_map(plane).map(|(byte, channel)| value(byte, channel)).collect()
        }
    }
}

fn fitted(picture: &Picture, tower: &PictureTower) -> Result<Vec<u8>> {
    let (w, h) = (picture.width(), picture.height());
    match tower.resize {
        Resize::Squash => Ok(resize::resize(picture, [0.0, 0.0, f64::from(w), f64::from(h)], tower.size, tower.filter)),
        Resize::Crop(short) => Ok(resize::resize(picture, crop([w, h], short, tower.size)?, tower.size, tower.filter)),
        Resize::Letterbox => Ok(letterbox(picture, tower.size, tower.filter)),
    }
}

/// The part of a picture that is left when its short side is made `short` pixels and the middle of that is cut out:
/// only this part need be resized.
///
/// Rounds as torchvision does: `Resize` cuts the long side's fraction off, `CenterCrop` rounds halves to even numbers.
fn crop([w, h]: [u32; 2], short: u32, [width, height]: [u32; 2]) -> Result<[f64; 4]> {
    let long = |long: u32, side: u32| u64::from(short) * u64::from(long) / u64::from(side);
    let (new_w, new_h) = if w <= h { (u64::from(short), long(h, w)) } else { (long(w, h), u64::from(short)) };
    let left = ((new_w as f64 - f64::from(width)) / 2.0).round_ties_even();
    let top = ((new_h as f64 - f64::from(height)) / 2.0).round_ties_even();
    if left < 0.0 || top < 0.0 {
        let message = format!("a crop of {short} leaves less than {width} x {height} pixels");
        return Err(Error::new(ErrorKind::Internal, message));
    }
    let (scale_x, scale_y) = (f64::from(w) / new_w as f64, f64::from(h) / new_h as f64);
    Ok([left * scale_x, top * scale_y, f64::from(width) * scale_x, f64::from(height) * scale_y])
}

fn letterbox(picture: &Picture, [width, height]: [u32; 2], filter: Filter) -> Vec<u8> {
    let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
    let scale = (f64::from(width) / w).min(f64::from(height) / h);
    let side = |side: f64, most: u32| ((side * scale).round() as u32).clamp(1, most);
    let (inner_width, inner_height) = (side(w, width), side(h, height));
    let inner = resize::resize(picture, [0.0, 0.0, w, h], [inner_width, inner_height], filter);
    let (left, top) = ((width - inner_width) / 2, (height - inner_height) / 2);
    let (row, inner_row) = (width as usize * 3, inner_width as usize * 3);
    let mut pixels = vec![FRAME; row * height as usize];
    let rows = pixels.chunks_exact_mut(row).skip(top as usize);
    for (to, from) in rows.zip(inner.chunks_exact(inner_row)) {
        to[left as usize * 3..][..inner_row].copy_from_slice(from);
    }
    pixels
}
