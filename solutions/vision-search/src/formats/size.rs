//! The size of a picture by its header, for formats that count in pixels.

use std::path::Path;

use bootcamp_core::{Error, Result};
use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};

use crate::sample::Sample;

/// How many pixels a picture has as it is shown, turned upright, and how many channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: Option<u8>,
}

impl Size {
    pub(super) fn sides(self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// What a sample says, or its picture.
    ///
    /// # Errors
    /// Those of [`Size::read`].
    pub(super) fn of(sample: &Sample, path: &Path) -> Result<Self> {
        let known = sample.metadata.as_ref().and_then(|metadata| {
            Self::known(metadata.width, metadata.height).map(|size| Self { channels: metadata.num_channels, ..size })
        });
        known.map_or_else(|| Self::read(path), Ok)
    }

    /// A size that a file states, if it is one.
    pub(super) fn known(width: Option<u32>, height: Option<u32>) -> Option<Self> {
        let (width, height) = (width.filter(|side| *side > 0)?, height.filter(|side| *side > 0)?);
        Some(Self { width, height, channels: None })
    }

    /// Reads the header of a picture.
    ///
    /// # Errors
    /// `NotFound` or `Io` when it cannot be read, `InvalidInput` when it is no picture.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let cannot_read = |error| Error::io("cannot read", path, error);
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(cannot_read)?;
        let no_picture = |error| Error::invalid(format!("{}: it is no picture: {error}", path.display()));
        let mut decoder = reader.into_decoder().map_err(no_picture)?;
        let (width, height) = decoder.dimensions();
        let channels = Some(decoder.original_color_type().channel_count());
        let is_turned = matches!(
            decoder.orientation(),
            Ok(Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH)
        );
        let (width, height) = if is_turned { (height, width) } else { (width, height) };
        Ok(Self { width, height, channels })
    }
}
