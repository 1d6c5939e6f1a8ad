//! Stamps without what is invisible around them, and how they come onto a picture.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, RgbImage, Rgba, Rgba32FImage, RgbaImage};

/// Opaque by more than this, a pixel can be seen; a box goes around what can be seen.
pub const VISIBLE: f32 = 16.0 / 255.0;

/// The visible part of a stamp, its longer side about `side` pixels long: RGBA, 0 to 1, with colours multiplied by
/// opacity. Every side of it touches a visible pixel. `None` if there is none.
pub fn cut_out(stamp: &RgbaImage, side: u32, mirrored: bool) -> Option<Rgba32FImage> {
    let stamp = crop(&premultiplied(stamp))?;
    let longer = stamp.width().max(stamp.height());
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(8) as u32;
    // A filter of polynomials only: sines differ in the last bit from one platform to another.
    let resized = imageops::resize(&stamp, scaled(stamp.width()), scaled(stamp.height()), FilterType::CatmullRom);
    let mut picture = crop(&resized)?;
    if mirrored {
        imageops::flip_horizontal_in_place(&mut picture);
    }
    Some(picture)
}

/// Puts a cut-out onto a picture, with its upper left corner at `x`, `y`. All of it must be within the picture.
pub fn paste(picture: &mut RgbImage, cutout: &Rgba32FImage, x: u32, y: u32) {
    for (dx, dy, &Rgba([red, green, blue, opacity])) in cutout.enumerate_pixels() {
        let below = picture.get_pixel_mut(x + dx, y + dy);
        for (channel, colour) in below.0.iter_mut().zip([red, green, blue]) {
            let mixed = colour * 255.0 + f32::from(*channel) * (1.0 - opacity);
            *channel = mixed.round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Colours multiplied by opacity: those of invisible pixels, which are arbitrary, must not bleed into the edges when
/// the picture is resized.
fn premultiplied(picture: &RgbaImage) -> Rgba32FImage {
    ImageBuffer::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, opacity] = picture.get_pixel(x, y).0.map(|value| f32::from(value) / 255.0);
        Rgba([red * opacity, green * opacity, blue * opacity, opacity])
    })
}

/// What is within the smallest box around all visible pixels.
fn crop(picture: &Rgba32FImage) -> Option<Rgba32FImage> {
    let visible = || picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] > VISIBLE);
    let (left, right) = (visible().map(|(x, ..)| x).min()?, visible().map(|(x, ..)| x).max()?);
    let (top, bottom) = (visible().map(|(_, y, _)| y).min()?, visible().map(|(_, y, _)| y).max()?);
    Some(imageops::crop_imm(picture, left, top, right - left + 1, bottom - top + 1).to_image())
}
