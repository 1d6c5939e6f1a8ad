//! From pictures, patches and words to embeddings.

use std::collections::HashMap;
use std::sync::Arc;

use bootcamp_core::encoder::{Encoder, EncoderOptions};
use bootcamp_core::models::{ModelSettings, ModelSpec, Registry};
use bootcamp_core::picture::{Limits, Picture, Pixels, Region};
use bootcamp_core::{Error, Result};
use bootcamp_kit::{OnFetch, blocking, named_path};
use tokio::sync::Mutex;

use super::run::Crop;
use crate::sample::{Label, ObjectId, Sample};

/// The models of this program, each loaded when it is first needed.
#[derive(Clone)]
pub struct Models {
    registry: Arc<Registry>,
    options: EncoderOptions,
    on_fetch: OnFetch,
    loaded: Arc<Mutex<HashMap<String, Encoder>>>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Models {
    /// Reads the manifests; loads nothing.
    ///
    /// # Errors
    /// Those of the registry.
    pub fn open(options: EncoderOptions, on_fetch: OnFetch) -> Result<Self> {
        let registry = Registry::open(ModelSettings::from_env(|name| std::env::var(name).ok())?)?;
        Ok(Self { registry: Arc::new(registry), options, on_fetch, loaded: Arc::default() })
    }

    /// Every model that takes pictures.
    pub fn of_pictures(&self) -> impl Iterator<Item = &ModelSpec> {
        self.registry.list().filter(|model| model.picture.is_some())
    }

    /// What is known of a model that takes pictures.
    ///
    /// # Errors
    /// `NotFound` for an unknown one, `InvalidInput` for one that takes no pictures.
    pub fn spec(&self, name: &str) -> Result<&ModelSpec> {
        let model = self.registry.get(name)?;
        if model.picture.is_none() {
            let names: Vec<_> = self.of_pictures().map(|model| model.name.as_str()).collect();
            return Err(Error::invalid(format!("the model {name} takes no pictures"))
                .with_hint(format!("choose one of {}", names.join(", "))));
        }
        Ok(model)
    }

    /// The model, loaded.
    ///
    /// # Errors
    /// Those of [`Encoder::open`].
    pub async fn encoder(&self, name: &str) -> Result<Encoder> {
        let mut loaded = self.loaded.lock().await;
        if let Some(encoder) = loaded.get(name) {
            return Ok(encoder.clone());
        }
        let (registry, options, on_fetch) =
            (Arc::clone(&self.registry), self.options.clone(), Arc::clone(&self.on_fetch));
        let wanted = name.to_owned();
        let encoder = blocking(move || Encoder::open(&registry, &wanted, &options, &*on_fetch)).await?;
        loaded.insert(name.to_owned(), encoder.clone());
        Ok(encoder)
    }

    /// The embedding of words, for models that have them in the same space as pictures.
    ///
    /// # Errors
    /// `Unsupported` for other models.
    pub async fn words(&self, model: &str, words: &str) -> Result<Vec<f32>> {
        let (encoder, words) = (self.encoder(model).await?, words.to_owned());
        let (encoder, tokens) = blocking(move || {
            let text = encoder.text()?.clone();
            let tokens = text.prepare(&words)?;
            Ok((text, tokens))
        })
        .await?;
        one(encoder.embed(vec![tokens]).await?)
    }

    /// The embedding of a picture's bytes.
    ///
    /// # Errors
    /// `InvalidInput` for what is no picture.
    pub async fn picture(&self, model: &str, bytes: Vec<u8>) -> Result<Vec<f32>> {
        let encoder = self.encoder(model).await?.pictures()?.clone();
        let preparing = encoder.clone();
        let pixels = blocking(move || preparing.prepare(&Picture::decode(&bytes, &Limits::default())?)).await?;
        one(encoder.embed(vec![pixels]).await?)
    }
}

fn one(vectors: Vec<Vec<f32>>) -> Result<Vec<f32>> {
    vectors
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(bootcamp_core::ErrorKind::Internal, "the model gave no embedding"))
}

/// A part of a sample that gets an embedding.
#[derive(Debug)]
pub struct Part {
    /// Of the label, or of the sample.
    pub id: ObjectId,
    pub sample: ObjectId,
    pub pixels: Pixels,
}

/// What of a sample is embedded.
#[derive(Clone, Debug)]
pub enum Cut {
    Whole,
    /// Patches of this field.
    Patches(String, Crop),
}

/// Reads a sample's picture and cuts out what is embedded. A label without a box, or with one outside the picture, is
/// told by `skip`. Blocking, and computes.
///
/// # Errors
/// Why the picture cannot be read.
pub fn parts(
    sample: &Sample,
    cut: &Cut,
    wanted: &dyn Fn(ObjectId) -> bool,
    prepare: &dyn Fn(&Picture) -> Result<Pixels>,
    skip: &mut dyn FnMut(&Label, Error),
) -> Result<Vec<Part>> {
    let read = || Picture::read(&named_path(&sample.filepath), &Limits::default());
    match cut {
        Cut::Whole => Ok(vec![Part { id: sample.id, sample: sample.id, pixels: prepare(&read()?)? }]),
        Cut::Patches(field, crop) => {
            let labels: Vec<&Label> = sample.labels(field).iter().filter(|label| wanted(label.id)).collect();
            if labels.is_empty() {
                return Ok(Vec::new());
            }
            let picture = read()?;
            let mut parts = Vec::with_capacity(labels.len());
            for label in labels {
                let pixels = patch(&picture, label, *crop).and_then(|patch| prepare(&patch));
                match pixels {
                    Ok(pixels) => parts.push(Part { id: label.id, sample: sample.id, pixels }),
                    Err(error) => skip(label, error),
                }
            }
            Ok(parts)
        }
    }
}

/// The patch of a label.
///
/// # Errors
/// `InvalidInput` for a label without a box, or with one that has nothing of the picture.
pub fn patch(picture: &Picture, label: &Label, crop: Crop) -> Result<Picture> {
    let bounds = label.bounds().ok_or_else(|| Error::invalid("the label has no box and no outline"))?;
    let [x, y, width, height] = pixels_of(bounds, crop, picture.width(), picture.height())?;
    picture.crop(&Region::Pixels { x, y, width, height })
}

/// A box in pixels, within the picture: made longer or shorter around its middle first, then a square.
fn pixels_of([x, y, width, height]: [f64; 4], crop: Crop, of_width: u32, of_height: u32) -> Result<[u32; 4]> {
    let wrong = |why: &str| Err(Error::invalid(format!("the box [{x}, {y}, {width}, {height}] {why}")));
    if ![x, y, width, height].iter().all(|value| value.is_finite()) || width <= 0.0 || height <= 0.0 {
        return wrong("is empty");
    }
    // From edge to edge, in pixels: so that boxes that touch leave no pixel out.
    let span = |from: f64, length: f64, of: u32| {
        let grown = length * crop.alpha / 2.0;
        let edge = |share: f64| (share * f64::from(of)).round().clamp(0.0, f64::from(of)) as u32;
        (edge(from - grown), edge(from + length + grown))
    };
    let ((left, right), (top, bottom)) = (span(x, width, of_width), span(y, height, of_height));
    let (mut left, mut top, mut wide, mut high) = (left, top, right.saturating_sub(left), bottom.saturating_sub(top));
    if x >= 1.0 || y >= 1.0 || x + width <= 0.0 || y + height <= 0.0 {
        return wrong("is outside the picture");
    }
    // Less than a pixel is one pixel.
    (wide, high) = (wide.max(1), high.max(1));
    if crop.force_square {
        let side = wide.max(high).min(of_width).min(of_height);
        let centred = |from: u32, length: u32, of: u32| {
            let middle = i64::from(from) + i64::from(length) / 2;
            (middle - i64::from(side) / 2).clamp(0, i64::from(of - side)) as u32
        };
        (left, top) = (centred(left, wide, of_width), centred(top, high, of_height));
        (wide, high) = (side, side);
    }
    Ok([left.min(of_width - wide), top.min(of_height - high), wide, high])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pixels(bounds: [f64; 4], alpha: f64, force_square: bool) -> [u32; 4] {
        pixels_of(bounds, Crop { force_square, alpha }, 200, 100).unwrap()
    }

    #[test]
    fn boxes_become_pixels() {
        assert_eq!(pixels([0.25, 0.5, 0.5, 0.25], 0.0, false), [50, 50, 100, 25]);
        assert_eq!(pixels([0.25, 0.5, 0.5, 0.25], 0.2, false), [40, 48, 120, 30]);
        assert_eq!(pixels([0.25, 0.5, 0.5, 0.25], -0.2, false), [60, 53, 80, 20]);
        assert_eq!(pixels([0.25, 0.5, 0.5, 0.25], 0.0, true), [50, 0, 100, 100], "shifted into the picture");
        assert_eq!(pixels([0.1, 0.2, 0.1, 0.1], 0.0, true), [20, 15, 20, 20]);
        assert_eq!(pixels([-0.1, 0.9, 0.2, 0.4], 0.0, false), [0, 90, 20, 10], "clipped");
        assert_eq!(pixels([0.5, 0.5, 1e-6, 1e-6], 0.0, false), [100, 50, 1, 1]);
        for bad in [[1.2, 0.0, 0.1, 0.1], [0.0, 0.0, 0.0, 0.1], [f64::NAN, 0.0, 0.1, 0.1]] {
            pixels_of(bad, Crop::default(), 200, 100).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn patches_are_within_the_picture(
            bounds in [-0.5f64..1.5, -0.5..1.5, 0.0..2.0, 0.0..2.0], alpha in -1.0f64..3.0, force_square: bool,
            width in 1u32..50, height in 1u32..50,
        ) {
            if let Ok([x, y, wide, high]) = pixels_of(bounds, Crop { force_square, alpha }, width, height) {
                prop_assert!(wide >= 1 && high >= 1 && x + wide <= width && y + high <= height);
                prop_assert!(!force_square || wide == high);
            }
        }
    }
}
