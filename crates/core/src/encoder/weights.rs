//! Weights in a file of their own: what ONNX calls external data.
//!
//! ONNX Runtime looks for that file in the model's folder only, under the name that the model gives it, and nowhere for a
//! model without its head, which it gets as bytes. So it gets the weights as bytes, too, and copies what it needs of them.
//! Ours are freed once the model is loaded: only until then is there a copy more than if the runtime read the file itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use ort::session::builder::SessionBuilder;

use super::wire::{GRAPH_INITIALIZER, MODEL_GRAPH, TENSOR_NAME, fields, name};
use crate::{Error, Result};

/// `TensorProto.external_data`
const TENSOR_EXTERNAL: u64 = 13;
/// Of `StringStringEntryProto`.
const ENTRY_KEY: u64 = 1;
const ENTRY_VALUE: u64 = 2;

/// A file of weights, read.
#[derive(Debug)]
pub(super) struct Weights {
    /// What the model calls the file.
    location: String,
    bytes: Arc<[u8]>,
}

impl Weights {
    /// What the builder makes then has these weights.
    pub(super) fn give_to(self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        Ok(builder.with_external_initializer_file_in_memory(self.location, self.bytes)?)
    }
}

/// Reads the weights of a model, whose bytes are `graph`, and checks that they can be what it wants.
///
/// # Errors
/// `InvalidInput` when the model wants other files than this one; those of reading it.
pub(super) fn find(model: &str, file: &Path, graph: &[u8], weights: &Path) -> Result<Weights> {
    let bytes = read(weights).map_err(|error| Error::io("cannot read", weights, error))?;
    let location = location(graph, bytes.len() as u64).map_err(|why| {
        let message =
            format!("model {model}: {} is not a model of the weights {}: {why}", file.display(), weights.display());
        Error::invalid(message).with_hint("correct file or weights in the manifest")
    })?;
    Ok(Weights { location, bytes })
}

/// Into its place at once: weights are most of a model's memory.
fn read(path: &Path) -> io::Result<Arc<[u8]>> {
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    if let Some(bytes) = Arc::get_mut(&mut bytes) {
        file.read_exact(bytes)?;
    }
    Ok(bytes)
}

/// The name of the one file that a model's weights lie in, where `length` bytes are enough for them.
fn location(model: &[u8], length: u64) -> Result<String, String> {
    let mut location = None;
    for graph in parts(model, MODEL_GRAPH) {
        for tensor in parts(graph?, GRAPH_INITIALIZER) {
            let tensor = tensor?;
            let Some(place) = Place::of(tensor)? else { continue };
            let named =
                || String::from_utf8_lossy(name(tensor, TENSOR_NAME).ok().flatten().unwrap_or_default()).into_owned();
            if place.end.is_none_or(|end| end > length) {
                return Err(format!("it wants '{}' from beyond the file's {length} bytes", named()));
            }
            if location.as_ref().is_some_and(|known| *known != place.location) {
                return Err(format!("'{}' lies in a second file, {}", named(), place.location));
            }
            location = Some(place.location);
        }
    }
    location.ok_or_else(|| "all its weights lie in itself".to_owned())
}

/// The place of one weight.
struct Place {
    location: String,
    /// `None` beyond what a file can have.
    end: Option<u64>,
}

impl Place {
    /// `None` for a weight in the model itself.
    fn of(tensor: &[u8]) -> Result<Option<Self>, String> {
        let (mut location, mut offset, mut length) = (None, Some(0_u64), Some(0_u64));
        for entry in parts(tensor, TENSOR_EXTERNAL) {
            let entry = entry?;
            let text =
                |number| Ok::<_, String>(std::str::from_utf8(name(entry, number)?.unwrap_or_default()).unwrap_or(""));
            let value = text(ENTRY_VALUE)?;
            match text(ENTRY_KEY)? {
                "location" => location = Some(value.to_owned()),
                "offset" => offset = value.parse().ok(),
                "length" => length = value.parse().ok(),
                _ => {}
            }
        }
        let end = offset.zip(length).and_then(|(offset, length)| offset.checked_add(length));
        Ok(location.map(|location| Self { location, end }))
    }
}

/// The contents of all fields of this number.
fn parts(message: &[u8], number: u64) -> impl Iterator<Item = Result<&[u8], String>> {
    fields(message).filter_map(move |field| match field {
        Ok(field) if field.number == number => field.bytes.map(Ok),
        Ok(_) => None,
        Err(why) => Some(Err(why)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::wire::write_bytes;
    use proptest::prelude::*;

    fn message(parts: &[(u64, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, bytes) in parts {
            write_bytes(&mut out, *number, bytes);
        }
        out
    }

    /// A model with weights in these places.
    fn model(places: &[&[(&str, &str)]]) -> Vec<u8> {
        let mut graph = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let mut tensor = message(&[(TENSOR_NAME, format!("w{at}").as_bytes())]);
            for (key, value) in *place {
                let entry = message(&[(ENTRY_KEY, key.as_bytes()), (ENTRY_VALUE, value.as_bytes())]);
                write_bytes(&mut tensor, TENSOR_EXTERNAL, &entry);
            }
            write_bytes(&mut graph, GRAPH_INITIALIZER, &tensor);
        }
        message(&[(MODEL_GRAPH, &graph)])
    }

    #[test]
    fn weights_lie_in_one_file_that_is_long_enough() {
        let first: &[_] = &[("location", "a.pth"), ("offset", "3"), ("length", "4")];
        let of = |places: &[&[(&str, &str)]], length| location(&model(places), length);
        assert_eq!(of(&[first, &[], first], 7).unwrap(), "a.pth");
        assert_eq!(of(&[first], 6).unwrap_err(), "it wants 'w0' from beyond the file's 6 bytes");
        let second: &[_] = &[("location", "b.pth"), ("length", "4")];
        assert_eq!(of(&[first, second], 9).unwrap_err(), "'w1' lies in a second file, b.pth");
        for number in ["-1", "18446744073709551615", "1e3", "many"] {
            let odd: &[_] = &[("location", "a.pth"), ("offset", number), ("length", "4")];
            assert!(of(&[odd], u64::MAX).unwrap_err().contains("beyond"), "{number}");
        }
        assert_eq!(of(&[&[]], 9).unwrap_err(), "all its weights lie in itself");
        assert_eq!(location(b"", 9).unwrap_err(), "all its weights lie in itself");
        let model = model(&[first]);
        assert!(location(&model[..model.len() - 1], 9).unwrap_err().contains("damaged"));
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = location(&bytes, 100);
            let tensor = message(&[(TENSOR_EXTERNAL, &bytes)]);
            let _ = location(&message(&[(MODEL_GRAPH, &message(&[(GRAPH_INITIALIZER, &tensor)]))]), 100);
        }
    }
}
