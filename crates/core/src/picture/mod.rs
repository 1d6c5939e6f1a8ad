//! Pictures: from foreign bytes, upright and in RGB, to exactly what a model takes.
//!
//! [`decode`] reads files, [`region`] names parts of pictures, [`resize`] makes them smaller or larger, [`mod@prepare`]
//! lays out tensors. What models' authors do with Pillow and torchvision is done here the same way, so that vectors are
//! theirs.

mod decode;
mod prepare;
mod region;
mod resize;
mod tiff;

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder};

use crate::models::Filter;
use crate::{Error, ErrorKind, Result};
pub use decode::media_type;
pub use prepare::{Pixels, prepare};
pub use region::Region;

/// How large a file and a picture may be. A picture's size is known from its first bytes, so one that is too large is
/// refused before anything of its size is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the file.
    pub bytes: u64,
    /// Width × height.
    pub pixels: u64,
}

impl Default for Limits {
    /// 64 MiB and 100 million pixels, which take 300 MB.
    fn default() -> Self {
        Self { bytes: 64 << 20, pixels: 100_000_000 }
    }
}

/// A decoded picture: 8-bit RGB, upright, row by row from the top.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

impl Picture {
    /// # Errors
    /// `InvalidInput` unless there are `width` × `height` × 3 bytes, at least one pixel.
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self> {
        let expected = u64::from(width) * u64::from(height) * 3;
        if expected == 0 || pixels.len() as u64 != expected {
            let message = format!("a picture of {width} x {height} has {expected} bytes, not {}", pixels.len());
            return Err(Error::invalid(message));
        }
        Ok(Self { width, height, pixels })
    }

    /// Decodes JPEG, PNG, GIF (its first frame), WebP, BMP or TIFF, known by its content. Turned upright as its EXIF
    /// says; what is transparent is white, but black where a white drawing would not be seen on white.
    ///
    /// # Errors
    /// `InvalidInput` that says why it cannot be decoded, or which limit it exceeds.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self> {
        decode::decode(bytes, limits)
    }

    /// [`Picture::decode`] of a file.
    ///
    /// # Errors
    /// As there, naming the file; `NotFound`, `ReadOnly` or `Io` when it cannot be read.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self> {
        let cannot_read = |error| Error::io("cannot read", path, error);
        let metadata = std::fs::metadata(path).map_err(cannot_read)?;
        if !metadata.is_file() {
            return Err(Error::invalid(format!("{}: it is not a file", path.display())));
        }
        decode::check_bytes(metadata.len(), limits).map_err(|error| error.context(path.display()))?;
        let bytes = std::fs::read(path).map_err(cannot_read)?;
        Self::decode(&bytes, limits).map_err(|error| error.context(path.display()))
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of each pixel.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// A part of the picture.
    ///
    /// # Errors
    /// `InvalidInput` when it is not all within the picture.
    pub fn crop(&self, region: &Region) -> Result<Self> {
        let [x, y, width, height] = region.within(self.width, self.height)?;
        let row = self.width as usize * 3;
        let rows = self.pixels.chunks_exact(row).skip(y as usize).take(height as usize);
        let pixels = rows.flat_map(|row| &row[x as usize * 3..(x + width) as usize * 3]).copied().collect();
        Self::new(width, height, pixels)
    }

    /// The same picture with no side over `max_side`; never larger than it is. Made to be looked at and to be quick, not
    /// to equal anybody's pixels: averages of whole blocks as long as that leaves more than twice what is needed, then
    /// bilinear (Pillow's `thumbnail` with its `reducing_gap` does so, too).
    pub fn thumbnail(&self, max_side: u32) -> Self {
        let longest = self.width.max(self.height);
        let max_side = max_side.max(1);
        if longest <= max_side {
            return self.clone();
        }
        let scaled = |side: u32| {
            let side = (u64::from(side) * u64::from(max_side) + u64::from(longest) / 2) / u64::from(longest);
            u32::try_from(side).unwrap_or(u32::MAX).max(1)
        };
        let (width, height) = (scaled(self.width), scaled(self.height));
        let factor = longest / max_side / 2;
        let reduced;
        let from = if factor > 1 && self.width.min(self.height) >= factor {
            reduced = resize::reduce(self, factor);
            &reduced
        } else {
            self
        };
        let whole = [0.0, 0.0, f64::from(from.width), f64::from(from.height)];
        let pixels = resize::resize(from, whole, [width, height], Filter::Bilinear);
        Self { width, height, pixels }
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// `Internal` when it cannot be encoded.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut file);
        encoder.write_image(&self.pixels, self.width, self.height, ExtendedColorType::Rgb8).map_err(cannot_encode)?;
        Ok(file)
    }

    /// The picture as a JPEG file of a quality from 1 to 100.
    ///
    /// # Errors
    /// `InvalidInput` when a side exceeds 65,535 pixels, which JPEG cannot say.
    pub fn to_jpeg(&self, quality: u8) -> Result<Vec<u8>> {
        let too_large =
            || Error::invalid(format!("{} x {} cannot be saved as JPEG: a side is too long", self.width, self.height));
        let width = u16::try_from(self.width).map_err(|_| too_large())?;
        let height = u16::try_from(self.height).map_err(|_| too_large())?;
        let mut file = Vec::new();
        jpeg_encoder::Encoder::new(&mut file, quality.clamp(1, 100))
            .encode(&self.pixels, width, height, jpeg_encoder::ColorType::Rgb)
            .map_err(cannot_encode)?;
        Ok(file)
    }
}

fn cannot_encode(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("cannot encode the picture: {error}"))
}

#[cfg(test)]
mod tests;
