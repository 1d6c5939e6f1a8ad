//! One loaded model file: checked against the manifest, and run for embeddings.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, ValueType};

use super::{Device, EncoderOptions, cut, runtime, weights};
use crate::models::{FileSpec, OnFetch, Output, Pooling, Registry};
use crate::{Error, ErrorKind, Result};

/// A tensor's name in the file and what it holds, as the manifest says.
pub(super) struct Expected<'a> {
    pub(super) name: &'a str,
    pub(super) element: TensorElementType,
    /// −1 where any number will do.
    pub(super) shape: Vec<i64>,
}

/// What a tower is loaded from.
pub(super) struct Files {
    model: PathBuf,
    /// Where the model's weights lie, if not in itself.
    weights: Option<PathBuf>,
}

impl Files {
    /// In the registry's cache, fetched if they are not there.
    pub(super) fn find(
        registry: &Registry,
        model: &FileSpec,
        weights: Option<&FileSpec>,
        on_progress: &OnFetch<'_>,
    ) -> Result<Self> {
        let weights = weights.map(|file| registry.file(file, on_progress)).transpose()?;
        Ok(Self { model: registry.file(model, on_progress)?, weights })
    }
}

/// A loaded model.
pub(super) struct Tower {
    /// The model's name, for messages.
    model: String,
    session: Session,
    output: Output,
    dim: usize,
    /// The only batch size that the file takes, where it is fixed.
    fixed_batch: Option<usize>,
}

/// The tensors of a batch, by name.
pub(super) type Inputs<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

impl Tower {
    /// Loads the files and checks that it has the tensors that the manifest names.
    ///
    /// # Errors
    /// `InvalidInput` when it has others, saying which; `Unsupported` when ONNX Runtime cannot run it.
    pub(super) fn load(
        model: &str,
        dim: usize,
        output: &Output,
        files: &Files,
        inputs: &[Expected<'_>],
        library: &Path,
        options: &EncoderOptions,
    ) -> Result<Self> {
        let file = &files.model;
        let session = open(model, output, files, library, options)?;
        for expected in inputs {
            check_input(model, file, expected, session.inputs())?;
        }
        if let Some(other) = session.inputs().iter().find(|input| inputs.iter().all(|known| known.name != input.name()))
        {
            return Err(mismatch(
                model,
                file,
                format!("it has an input '{}' that the manifest does not name", other.name()),
                session.inputs(),
            ));
        }
        let fixed_batch = session.inputs().first().and_then(|input| input.dtype().tensor_shape()?.first().copied());
        let fixed_batch = fixed_batch.and_then(|batch| usize::try_from(batch).ok()).filter(|batch| *batch > 0);
        Ok(Self { model: model.to_owned(), session, output: output.clone(), dim, fixed_batch })
    }

    /// How many items go into one run when `wanted` would be best.
    pub(super) fn batch(&self, wanted: usize) -> usize {
        self.fixed_batch.unwrap_or(wanted).max(1)
    }

    /// One vector for each of `count` items. `mask` has a 1 for each token of \[count, sequence\] that is none of the
    /// padding.
    pub(super) fn run(&mut self, inputs: Inputs<'_>, count: usize, mask: Option<&[i64]>) -> Result<Vec<Vec<f32>>> {
        let outputs = self
            .session
            .run(inputs)
            .map_err(|error| runtime::failed(format!("model {}: it failed", self.model), error))?;
        let value = outputs.get(&self.output.tensor).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("model {}: no tensor '{}'", self.model, self.output.tensor))
        })?;
        let (shape, values) = value.try_extract_tensor::<f32>().map_err(|error| {
            let message = error.message().trim();
            Error::invalid(format!("model {}: '{}' does not hold f32: {message}", self.model, self.output.tensor))
        })?;
        let pooled = pool(self.output.pooling, shape, values, count, self.dim, mask).ok_or_else(|| {
            let form = match self.output.pooling {
                Pooling::None => format!("[{count}, {}]", self.dim),
                Pooling::Cls | Pooling::Mean => format!("[{count}, sequence, {}]", self.dim),
            };
            Error::invalid(format!(
                "model {}: the manifest promises '{}' of shape {form}, the file gives {shape:?}",
                self.model, self.output.tensor
            ))
            .with_hint("correct the output, or dim, in the manifest")
        })?;
        pooled.into_iter().map(|vector| finish(&self.model, vector, self.output.normalise)).collect()
    }
}

fn finish(model: &str, mut vector: Vec<f32>, normalise: bool) -> Result<Vec<f32>> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err(Error::new(ErrorKind::Internal, format!("model {model}: the vector is not finite")));
    }
    if normalise && length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
    Ok(vector)
}

fn open(model: &str, output: &Output, files: &Files, library: &Path, options: &EncoderOptions) -> Result<Session> {
    let environment = runtime::environment(library)?;
    let file = &files.model;
    let cannot = |error: ort::Error| {
        let message = error.message().trim();
        let error = Error::new(
            ErrorKind::Unsupported,
            format!("model {model}: ONNX Runtime cannot run {}: {message}", file.display()),
        );
        let is_apart = files.weights.is_none() && message.to_ascii_lowercase().contains("external data");
        if is_apart { error.with_hint("name the file of its weights in the manifest, as `weights`") } else { error }
    };
    let mut builder = builder(environment, options).map_err(cannot)?;
    let session = match &files.weights {
        None => builder.commit_from_file(file).map_err(cannot)?,
        Some(weights) => {
            let graph = std::fs::read(file).map_err(|error| Error::io("cannot read", file, error))?;
            let found = weights::find(model, file, &graph, weights)?;
            builder = found.give_to(builder).map_err(cannot)?;
            builder.commit_from_memory(&graph).map_err(cannot)?
        }
    };
    if session.outputs().iter().any(|known| known.name() == output.tensor) {
        return Ok(session);
    }
    let outputs = list(session.outputs());
    drop(session);
    let bytes = std::fs::read(file).map_err(|error| Error::io("cannot read", file, error))?;
    let headless = cut::cut(&bytes, &output.tensor)
        .map_err(|error| Error::invalid(format!("model {model}: {}: {error}", file.display())))?
        .ok_or_else(|| {
            Error::invalid(format!(
                "model {model}: the manifest names the tensor '{}', and {} has none of that name",
                output.tensor,
                file.display()
            ))
            .with_hint(format!("its outputs are {outputs}; inner tensors work, too"))
        })?;
    builder.commit_from_memory(&headless).map_err(cannot)
}

fn builder(environment: &ort::environment::Environment, options: &EncoderOptions) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?;
    let builder = builder.with_intra_threads(options.threads())?.with_intra_op_spinning(options.spin)?;
    // A plan of memory for each shape is kept for ever, and hardly two batches of texts have the same one.
    let mut builder = builder.with_memory_pattern(false)?;
    if options.device == Device::Cuda {
        let cuda = ort::ep::CUDA::default().build().error_on_failure();
        builder = match builder.with_execution_providers([cuda]) {
            Ok(builder) => builder,
            Err(error) => {
                tracing::warn!("CUDA is not available, continuing on the CPU: {}", error.message().trim());
                error.recover()
            }
        };
    }
    Ok(builder)
}

fn check_input(model: &str, file: &Path, expected: &Expected<'_>, inputs: &[Outlet]) -> Result<()> {
    let Some(input) = inputs.iter().find(|input| input.name() == expected.name) else {
        let promise = format!("the manifest names an input '{}' that it does not have", expected.name);
        return Err(mismatch(model, file, promise, inputs));
    };
    let ValueType::Tensor { ty, shape, .. } = input.dtype() else {
        return Err(mismatch(model, file, format!("its input '{}' is not a tensor", expected.name), inputs));
    };
    let fits = shape.len() == expected.shape.len()
        && shape.iter().zip(&expected.shape).all(|(has, wants)| *has < 0 || *wants < 0 || has == wants);
    if *ty != expected.element || !fits {
        let promise =
            format!("the manifest promises '{}' as {} {:?}", expected.name, expected.element, Shown(&expected.shape));
        return Err(mismatch(model, file, promise, inputs));
    }
    Ok(())
}

fn mismatch(model: &str, file: &Path, what: String, inputs: &[Outlet]) -> Error {
    Error::invalid(format!("model {model}: {what}; {} has {}", file.display(), list(inputs)))
        .with_hint("correct the model's inputs in the manifest")
}

fn list(outlets: &[Outlet]) -> String {
    let outlets = outlets.iter().map(|outlet| match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => format!("'{}' ({ty} {:?})", outlet.name(), Shown(shape)),
        other => format!("'{}' ({other})", outlet.name()),
    });
    outlets.collect::<Vec<_>>().join(", ")
}

/// A shape with `?` for what may vary.
struct Shown<'a>(&'a [i64]);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sides = self.0.iter().map(|side| if *side < 0 { "?".to_owned() } else { side.to_string() });
        write!(f, "[{}]", sides.collect::<Vec<_>>().join(", "))
    }
}

/// `None` when the shape is another than promised.
fn pool(
    pooling: Pooling,
    shape: &[i64],
    values: &[f32],
    count: usize,
    dim: usize,
    mask: Option<&[i64]>,
) -> Option<Vec<Vec<f32>>> {
    if shape.first().copied() != i64::try_from(count).ok() || count == 0 || dim == 0 {
        return None;
    }
    if pooling == Pooling::None {
        return (values.len() == count * dim).then(|| values.chunks_exact(dim).map(<[f32]>::to_vec).collect());
    }
    let [_, sequence, width] = shape else { return None };
    let sequence = usize::try_from(*sequence).ok().filter(|sequence| *sequence > 0)?;
    if usize::try_from(*width) != Ok(dim) {
        return None;
    }
    let items = values.chunks_exact(sequence * dim);
    if pooling == Pooling::Cls {
        return Some(items.map(|item| item[..dim].to_vec()).collect());
    }
    let everything = vec![1; count * sequence];
    let masks = mask.unwrap_or(&everything).chunks_exact(sequence);
    Some(items.zip(masks).map(|(item, mask)| mean(item, mask, dim)).collect())
}

/// The mean of the tokens' vectors that are none of the padding.
fn mean(item: &[f32], mask: &[i64], dim: usize) -> Vec<f32> {
    let mut sum = vec![0.0; dim];
    let mut tokens = 0_u32;
    for (token, _) in item.chunks_exact(dim).zip(mask).filter(|(_, mask)| **mask != 0) {
        tokens += 1;
        sum.iter_mut().zip(token).for_each(|(sum, value)| *sum += value);
    }
    let tokens = tokens.max(1) as f32;
    sum.iter_mut().for_each(|sum| *sum /= tokens);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_leaves_padding_out_and_takes_shapes_as_promised() {
        let values = [1.0, 2.0, 3.0, 4.0, 100.0, 100.0, 5.0, 6.0, 100.0, 100.0, 100.0, 100.0];
        let mask = [1, 1, 0, 1, 0, 0];
        let pooled = |pooling, shape: &[i64], dim| pool(pooling, shape, &values, 2, dim, Some(&mask));
        assert_eq!(pooled(Pooling::Mean, &[2, 3, 2], 2).unwrap(), [[2.0, 3.0], [5.0, 6.0]]);
        assert_eq!(pooled(Pooling::Cls, &[2, 3, 2], 2).unwrap(), [[1.0, 2.0], [5.0, 6.0]]);
        assert_eq!(pooled(Pooling::None, &[2, 6, 1, 1], 6).unwrap()[1], values[6..]);
        assert_eq!(pooled(Pooling::None, &[2, 6], 5), None);
        assert_eq!(pooled(Pooling::Mean, &[2, 3, 2], 3), None);
        assert_eq!(pooled(Pooling::Mean, &[2, 6], 6), None);
        assert_eq!(pooled(Pooling::Cls, &[3, 2, 2], 2), None);
    }
}
