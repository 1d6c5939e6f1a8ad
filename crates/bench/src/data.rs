//! Data to measure with: made from a seed, so that every machine and every contender sees the same bits, and kept in
//! files that the Python peers read too.
//!
//! Floats lie in clusters that are themselves flat: around each of many centres, points spread in a few directions of
//! their own. That is how embeddings look to an index, unlike uniform noise, where no neighbour is near.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::matrix::Matrix;
use crate::{exact, report};

/// Changes whenever the same parameters would give other data.
const VERSION: u32 = 1;
/// Queries of a data set.
pub const QUERIES: usize = 1000;
/// Rows that share a centre.
const ROWS_PER_CLUSTER: usize = 1000;
/// Directions in which a cluster spreads.
const LATENT: usize = 32;
/// A binary vector's share of ones, as in a molecule's fingerprint.
const DENSITY: f64 = 0.05;

/// A data set in its folder.
#[derive(Debug)]
pub struct DataSet<T> {
    pub folder: PathBuf,
    pub base: Matrix<T>,
    pub queries: Matrix<T>,
    /// The exact nearest rows of each query, nearest first: squared L2 for floats, Hamming for bits.
    pub truth: Matrix<u32>,
}

/// Clustered floats: `rows` × `dim`.
pub fn floats(root: &Path, rows: usize, dim: usize) -> Result<DataSet<f32>> {
    let folder = root.join(format!("floats-{rows}x{dim}-v{VERSION}"));
    let clusters = Clusters::new((rows / ROWS_PER_CLUSTER).max(1), dim);
    load_or_make(folder, |at| clusters.point(at as u64), rows, exact::nearest_floats)
}

/// Clustered bits: `rows` × `bits`.
pub fn bits(root: &Path, rows: usize, bits: usize) -> Result<DataSet<u8>> {
    let folder = root.join(format!("bits-{rows}x{bits}-v{VERSION}"));
    let clusters = (rows / ROWS_PER_CLUSTER) as u64;
    load_or_make(folder, |at| fingerprint(at as u64, clusters, bits), rows, exact::nearest_bits)
}

/// The scalar fields of row `at`: label, path and a bucket from 0 to 99, uniformly.
pub fn fields(at: usize) -> (String, String, i64) {
    let bucket = bucket(at);
    (format!("label-{}", at % 121), format!("pictures/{:03}/{at:08}.jpg", at % 1000), bucket)
}

/// Row `at`'s value of the field that filters ask for.
pub fn bucket(at: usize) -> i64 {
    (Random::new(0xb0c4, at as u64).next() % 100) as i64
}

/// Reads the folder's files, or makes them: `row` gives each row, queries after the base.
fn load_or_make<T: Number>(
    folder: PathBuf,
    row: impl Fn(usize) -> Vec<T>,
    rows: usize,
    nearest: impl Fn(&Matrix<T>, &Matrix<T>) -> Matrix<u32>,
) -> Result<DataSet<T>> {
    let [base, queries, truth] = ["base", "queries", "truth"].map(|name| folder.join(format!("{name}.bin")));
    // Written last, so where it is, the others are whole.
    if !truth.exists() {
        report::progress(&format!("making {rows} rows and their exact neighbours …"));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let width = row(0).len();
        let made = |range: std::ops::Range<usize>| Matrix { width, data: range.flat_map(&row).collect() };
        let (points, questions) = (made(0..rows), made(rows..rows + QUERIES));
        points.write(&base)?;
        questions.write(&queries)?;
        nearest(&points, &questions).write(&truth)?;
    }
    let set =
        DataSet { base: Matrix::read(&base)?, queries: Matrix::read(&queries)?, truth: Matrix::read(&truth)?, folder };
    ensure!(set.base.len() == rows, "{} has another number of rows", base.display());
    Ok(set)
}

/// What files hold: little-endian, after the number of rows and their length as two u32.
pub trait Number: Copy {
    const BYTES: usize;
    fn put(self, bytes: &mut Vec<u8>);
    fn take(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($type:ty, $bytes:literal) => {
        impl Number for $type {
            const BYTES: usize = $bytes;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn take(bytes: &[u8]) -> Self {
                let mut exact = [0; $bytes];
                exact.copy_from_slice(bytes);
                Self::from_le_bytes(exact)
            }
        }
    };
}
number!(f32, 4);
number!(u32, 4);
number!(u8, 1);

impl<T: Number> Matrix<T> {
    pub fn write(&self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(&(self.len() as u32).to_le_bytes())?;
            file.write_all(&(self.width as u32).to_le_bytes())?;
            let mut bytes = Vec::new();
            for row in self.rows() {
                bytes.clear();
                row.iter().for_each(|number| number.put(&mut bytes));
                file.write_all(&bytes)?;
            }
            file.flush()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    pub fn read(path: &Path) -> Result<Self> {
        let read = || {
            let mut file = BufReader::new(File::open(path)?);
            let mut size = || {
                let mut bytes = [0; 4];
                file.read_exact(&mut bytes).map(|()| u32::from_le_bytes(bytes) as usize)
            };
            let (rows, width) = (size()?, size()?);
            let mut data = Vec::with_capacity(rows * width);
            let mut bytes = vec![0; width * T::BYTES];
            for _ in 0..rows {
                file.read_exact(&mut bytes)?;
                data.extend(bytes.chunks_exact(T::BYTES).map(T::take));
            }
            Ok::<_, std::io::Error>(Self { width, data })
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }
}

/// Centres, and the directions in which points spread around each.
struct Clusters {
    dim: usize,
    centres: Vec<Vec<f32>>,
    spreads: Vec<Vec<f32>>,
}

impl Clusters {
    fn new(count: usize, dim: usize) -> Self {
        let normals = |kind, at, count| {
            let mut random = Random::new(kind, at as u64);
            (0..count).map(|_| random.normal()).collect()
        };
        Self {
            dim,
            centres: (0..count).map(|at| normals(1, at, dim)).collect(),
            spreads: (0..count).map(|at| normals(2, at, dim * LATENT)).collect(),
        }
    }

    fn point(&self, at: u64) -> Vec<f32> {
        let mut random = Random::new(3, at);
        let cluster = random.next() as usize % self.centres.len();
        let mut point = self.centres[cluster].clone();
        for direction in self.spreads[cluster].chunks_exact(self.dim) {
            let far = 0.25 * random.normal();
            point.iter_mut().zip(direction).for_each(|(value, direction)| *value += far * direction);
        }
        point.iter_mut().for_each(|value| *value += 0.1 * random.normal());
        point
    }
}

/// A cluster's bits with a tenth of its ones moved elsewhere.
fn fingerprint(at: u64, clusters: u64, bits: usize) -> Vec<u8> {
    let mut random = Random::new(4, at);
    let mut cluster = Random::new(5, random.next() % clusters.max(1));
    let mut bytes = vec![0; bits / 8];
    for _ in 0..(bits as f64 * DENSITY) as usize {
        let shared = cluster.next();
        let place = if random.next().is_multiple_of(10) { random.next() } else { shared } as usize % bits;
        bytes[place / 8] |= 0x80 >> (place % 8);
    }
    bytes
}

/// SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014): a few lines that give
/// the same numbers for ever, which generators in crates do not promise.
pub struct Random(u64);

impl Random {
    /// The stream `at` of a kind; streams are independent.
    pub fn new(kind: u64, at: u64) -> Self {
        let mut seed = Self(kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ at.wrapping_mul(0xd134_2543_de82_ef95));
        Self(seed.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Nearly normal, mean 0 and deviation 1: the sum of four uniforms, scaled.
    fn normal(&mut self) -> f32 {
        let word = self.next();
        let sum: f32 = (0..4).map(|part| (word >> (16 * part) & 0xffff) as f32 / 65_536.0).sum();
        (sum - 2.0) * 3.0_f32.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_comes_back_from_its_files_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let made = floats(folder.path(), 500, 16).unwrap();
        let read = floats(folder.path(), 500, 16).unwrap();
        assert_eq!(made.base.data, read.base.data);
        assert_eq!((read.base.len(), read.queries.len(), read.truth.width), (500, QUERIES, exact::K));
        let bits = bits(folder.path(), 500, 256).unwrap();
        assert_eq!((bits.base.len(), bits.base.width), (500, 32));
    }

    #[test]
    fn numbers_are_the_same_for_ever() {
        let mut random = Random::new(1, 2);
        assert_eq!([random.next(), random.next()], [8_824_272_253_344_160_081, 10_506_675_280_958_218_640]);
    }

    #[test]
    fn normals_have_mean_0_and_deviation_1() {
        let mut random = Random::new(7, 7);
        let values: Vec<f32> = (0..100_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f32>() / 1e5;
        let variance = values.iter().map(|value| value * value).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn buckets_are_uniform() {
        let mut counts = [0; 100];
        (0..100_000).for_each(|at| counts[bucket(at) as usize] += 1);
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
