//! Pictures through a model.

use std::borrow::Cow;
use std::path::Path;

use ort::session::SessionInputValue;
use ort::value::{Tensor, TensorElementType};

use super::session::{Expected, Files, Inputs, Tower};
use super::{EncoderOptions, runtime};
use crate::models::{Element, Layout, ModelSpec, Output, PictureTower, Pooling};
use crate::picture::{Picture, Pixels, prepare};
use crate::{Error, ErrorKind, Result};

/// Loads a picture tower.
pub(super) fn load(
    model: &str,
    dim: usize,
    spec: &PictureTower,
    files: &Files,
    library: &Path,
    options: &EncoderOptions,
) -> Result<Tower> {
    let expected = Expected {
        name: &spec.input.name,
        element: match spec.input.element {
            Element::U8 => TensorElementType::Uint8,
            Element::F32 => TensorElementType::Float32,
        },
        shape: shape(spec, -1),
    };
    Tower::load(model, dim, &spec.output, files, &[expected], library, options)
}

/// The embeddings of some pictures.
pub(super) fn run(tower: &mut Tower, spec: &PictureTower, pictures: &[&Pixels]) -> Result<Vec<Vec<f32>>> {
    tower.run(inputs(spec, pictures)?, pictures.len(), None)
}

/// The rows of a tensor that does not depend on the picture, such as a classifier's weights.
pub(super) fn rows(
    model: &ModelSpec,
    spec: &PictureTower,
    tensor: &str,
    count: usize,
    files: &Files,
    library: &Path,
    options: &EncoderOptions,
) -> Result<Vec<Vec<f32>>> {
    let output = Output { tensor: tensor.to_owned(), pooling: Pooling::None, normalise: false };
    let spec = PictureTower { output, ..spec.clone() };
    let mut tower = load(&model.name, model.dim, &spec, files, library, options)?;
    // Nothing depends on the picture, but the model still takes one.
    let any = prepare(&Picture::new(1, 1, vec![127; 3])?, &spec)?;
    tower.run(inputs(&spec, &[&any])?, count, None)
}

fn inputs<'a>(spec: &'a PictureTower, pictures: &[&Pixels]) -> Result<Inputs<'a>> {
    let count = pictures.len();
    let shape = shape(spec, count as i64);
    let each = shape.iter().skip(1).product::<i64>() as usize;
    let input: ort::Result<SessionInputValue<'_>> = match spec.input.element {
        Element::U8 => {
            let parts =
                pictures.iter().map(|pixels| if let Pixels::U8(bytes) = pixels { bytes } else { [].as_slice() });
            Tensor::from_array((shape, joined(parts, each)?)).map(Into::into)
        }
        Element::F32 => {
            let parts =
                pictures.iter().map(|pixels| if let Pixels::F32(values) = pixels { values } else { [].as_slice() });
            Tensor::from_array((shape, joined(parts, each)?)).map(Into::into)
        }
    };
    let input = input.map_err(|error| runtime::failed("cannot make a tensor of the pictures", error))?;
    Ok(vec![(Cow::from(&spec.input.name), input)])
}

fn shape(spec: &PictureTower, count: i64) -> Vec<i64> {
    let [width, height] = spec.size.map(i64::from);
    match spec.input.layout {
        Layout::Nhwc => vec![count, height, width, 3],
        Layout::Nchw => vec![count, 3, height, width],
    }
}

fn joined<'a, T: Copy + 'a>(parts: impl Iterator<Item = &'a [T]>, each: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for part in parts {
        if part.len() != each {
            return Err(Error::new(ErrorKind::Internal, "a picture was prepared for another model"));
        }
        all.extend_from_slice(part);
    }
    Ok(all)
}
