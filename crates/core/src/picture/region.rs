//! Parts of pictures, in pixels or as shares of the sides: patches of a data set, "search this part".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A rectangle in a picture, from the upper left. Written as `x,y,width,height`: whole numbers are pixels, numbers
/// with a point are shares of the picture's sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Region {
    Pixels {
        x: u32,
        y: u32,
        width: u32,
        height: u32,
    },
    /// 0 is left or above, 1 is right or below.
    Fractions {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
    },
}

impl Region {
    /// `[x, y, width, height]` in the pixels of a picture of this size.
    pub(super) fn within(&self, of_width: u32, of_height: u32) -> Result<[u32; 4]> {
        let [x, y, width, height] = match *self {
            Self::Pixels { x, y, width, height } => [x, y, width, height],
            Self::Fractions { x, y, width, height } => {
                // From edge to edge, so that regions that touch leave no pixel out.
                let span = |from: f64, length: f64, of: u32| {
                    let edge = |share: f64| (share * f64::from(of)).round().clamp(0.0, f64::from(of)) as u32;
                    let from_edge = edge(from).min(of - 1);
                    (from_edge, (edge(from + length)).max(from_edge + 1) - from_edge)
                };
                let ((x, width), (y, height)) = (span(x, width, of_width), span(y, height, of_height));
                [x, y, width, height]
            }
        };
        let fits = |from: u32, length: u32, of: u32| length > 0 && from.checked_add(length).is_some_and(|to| to <= of);
        if !fits(x, width, of_width) || !fits(y, height, of_height) {
            let message = format!("the region {self} is not within the picture of {of_width} x {of_height}");
            return Err(
                Error::invalid(message).with_hint("give x,y,width,height in pixels, or as fractions from 0.0 to 1.0")
            );
        }
        Ok([x, y, width, height])
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels { x, y, width, height } => write!(f, "{x},{y},{width},{height}"),
            // `{:?}` keeps the point of whole numbers, which tells shares from pixels.
            Self::Fractions { x, y, width, height } => write!(f, "{x:?},{y:?},{width:?},{height:?}"),
        }
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::invalid(format!("'{text}' is not a region: {why}")).with_hint(
                "write x,y,width,height: whole numbers are pixels, decimals are fractions, as in 0.25,0.0,0.5,1.0",
            )
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let &[x, y, width, height] = parts.as_slice() else { return Err(wrong("it does not have four numbers")) };
        if !text.contains('.') {
            let number =
                |part: &str| part.parse::<u32>().map_err(|_| wrong(&format!("'{part}' is not a number of pixels")));
            let region = Self::Pixels { x: number(x)?, y: number(y)?, width: number(width)?, height: number(height)? };
            return if region.is_empty() { Err(wrong("it is empty")) } else { Ok(region) };
        }
        let number = |part: &str| match part.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(wrong(&format!("'{part}' is not a fraction from 0.0 to 1.0"))),
        };
        let region = Self::Fractions { x: number(x)?, y: number(y)?, width: number(width)?, height: number(height)? };
        let Self::Fractions { x, y, width, height } = region else { return Ok(region) };
        // A little more than 1 is what adding shares makes of it.
        if x + width > 1.0 + 1e-6 || y + height > 1.0 + 1e-6 {
            return Err(wrong("it extends beyond the picture"));
        }
        if region.is_empty() { Err(wrong("it is empty")) } else { Ok(region) }
    }
}

impl Region {
    fn is_empty(&self) -> bool {
        match *self {
            Self::Pixels { width, height, .. } => width == 0 || height == 0,
            Self::Fractions { width, height, .. } => width <= 0.0 || height <= 0.0,
        }
    }
}

impl TryFrom<String> for Region {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.to_string()
    }
}
