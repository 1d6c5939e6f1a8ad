//! Embeddings that somebody else has made: a NumPy file, read row by row, or vectors in memory.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootcamp_core::{Error, Result};
use npyz::{DType, NpyFile, NpyReader, Order};

/// One embedding for each sample or patch of a view, in its order.
#[derive(Clone, Debug)]
pub struct Given {
    place: Place,
    rows: usize,
    dim: usize,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Memory(Arc<Vec<Vec<f32>>>),
}

impl Given {
    /// A NumPy file with an array of shape (rows, dimension) of 32- or 64-bit floats, in C order. Reads its head.
    ///
    /// # Errors
    /// `InvalidInput` for a file that is something else.
    pub fn file(path: &Path) -> Result<Self> {
        let npy = open(path)?;
        let wrong = |found: String| {
            Error::invalid(format!("{}: {found}", path.display()))
                .with_hint("expected an array of shape (rows, dimension) of float32 or float64, in C order")
        };
        let header = npy.header();
        let (rows, dim) = match header.shape() {
            [rows, dim] if *dim > 0 => (*rows, *dim),
            [dim] => (1, *dim),
            other => return Err(wrong(format!("the array has the shape {other:?}"))),
        };
        if header.order() == Order::Fortran && rows > 1 && dim > 1 {
            return Err(wrong("the array is in Fortran order".to_owned()));
        }
        is_double(&header.dtype())
            .ok_or_else(|| wrong(format!("the array has the type {}", header.dtype().descr())))?;
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self { place: Place::File(path.to_owned()), rows: size(rows), dim: size(dim) })
    }

    /// Vectors in memory.
    ///
    /// # Errors
    /// `InvalidInput` for vectors of several dimensions, or none.
    pub fn vectors(vectors: Vec<Vec<f32>>) -> Result<Self> {
        let dim = vectors.first().map_or(0, Vec::len);
        if let Some(at) = vectors.iter().position(|vector| vector.len() != dim || dim == 0) {
            let found = vectors[at].len();
            return Err(Error::invalid(format!("embedding {at} has dimension {found}, but the first has {dim}")));
        }
        if dim == 0 {
            return Err(Error::invalid("there are no embeddings"));
        }
        Ok(Self { rows: vectors.len(), dim, place: Place::Memory(Arc::new(vectors)) })
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All rows, if they are few: a query, for one.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn all(&self) -> Result<Vec<Vec<f32>>> {
        self.rows()?.next(self.rows)
    }

    /// Refuses embeddings that are not one for each entry.
    ///
    /// # Errors
    /// `InvalidInput` with both numbers.
    pub(super) fn check(&self, entries: usize, what: &str) -> Result<()> {
        if self.rows == entries {
            return Ok(());
        }
        Err(Error::invalid(format!("there are {} embeddings for {entries} {what}", self.rows))
            .with_hint("give one for each, in the order of the view"))
    }

    /// Reads from the first row on.
    pub(super) fn rows(&self) -> Result<Rows> {
        let reading = match &self.place {
            Place::Memory(vectors) => Reading::Memory(Arc::clone(vectors), 0),
            Place::File(path) => {
                let npy = open(path)?;
                let cannot = |error| Error::invalid(format!("{} is not of floats", path.display())).with_source(error);
                if is_double(&npy.header().dtype()) == Some(true) {
                    Reading::Doubles(npy.data().map_err(cannot)?, path.clone())
                } else {
                    Reading::Floats(npy.data().map_err(cannot)?, path.clone())
                }
            }
        };
        Ok(Rows { reading, dim: self.dim })
    }
}

/// Rows that are being read.
pub(super) struct Rows {
    reading: Reading,
    dim: usize,
}

enum Reading {
    Memory(Arc<Vec<Vec<f32>>>, usize),
    Floats(NpyReader<f32, BufReader<File>>, PathBuf),
    Doubles(NpyReader<f64, BufReader<File>>, PathBuf),
}

impl Rows {
    /// The next rows. Blocking.
    pub(super) fn next(&mut self, count: usize) -> Result<Vec<Vec<f32>>> {
        let dim = self.dim;
        let row = |values: &mut dyn Iterator<Item = std::io::Result<f32>>, path: &Path| {
            let row: Vec<f32> =
                values.take(dim).collect::<std::io::Result<_>>().map_err(|error| cut_off(path, error))?;
            if row.len() == dim { Ok(row) } else { Err(cut_off(path, std::io::ErrorKind::UnexpectedEof.into())) }
        };
        match &mut self.reading {
            Reading::Memory(vectors, at) => {
                let from = *at;
                *at = (from + count).min(vectors.len());
                Ok(vectors[from..*at].to_vec())
            }
            Reading::Floats(values, path) => (0..count).map(|_| row(&mut values.by_ref(), path)).collect(),
            Reading::Doubles(values, path) => {
                let mut values = values.by_ref().map(|value| value.map(|value| value as f32));
                (0..count).map(|_| row(&mut values, path)).collect()
            }
        }
    }
}

fn cut_off(path: &Path, error: std::io::Error) -> Error {
    Error::invalid(format!("{} ends before its last row", path.display())).with_source(error)
}

fn open(path: &Path) -> Result<NpyFile<BufReader<File>>> {
    let file = File::open(path).map_err(|error| Error::io("cannot read", path, error))?;
    NpyFile::new(BufReader::new(file)).map_err(|error| {
        Error::invalid(format!("{} is not a NumPy file", path.display()))
            .with_hint("write it with numpy.save(\"embeddings.npy\", array)")
            .with_source(error)
    })
}

/// Whether numbers are 64 bits wide; `None` for what is no float of 32 or 64 bits.
fn is_double(kind: &DType) -> Option<bool> {
    let DType::Plain(kind) = kind else { return None };
    match (kind.type_char(), kind.size_field()) {
        (npyz::TypeChar::Float, 4) => Some(false),
        (npyz::TypeChar::Float, 8) => Some(true),
        _ => None,
    }
}
