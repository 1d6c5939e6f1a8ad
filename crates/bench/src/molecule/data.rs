//! More molecules than the samples are: made of them from a seed, and kept in files.
//!
//! Fingerprints are mixed of real ones, so that they have their density, bits that are as common as they are, and
//! neighbours at every distance. Molecules are samples with groups in place of hydrogens.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use molecule_search::Molecule;

use crate::contender::threads;
use crate::data::Random;
use crate::matrix::Matrix;
use crate::report::progress;

/// Changes whenever other data would be made.
pub const VERSION: u32 = 2;
/// What takes a hydrogen's place. Their ring's number is one that no sample uses.
const GROUPS: [&str; 20] = [
    "F",
    "Cl",
    "Br",
    "C",
    "CC",
    "C(C)C",
    "OC",
    "O",
    "N",
    "N(C)C",
    "C#N",
    "C(F)(F)F",
    "C(=O)O",
    "C(=O)N",
    "C(=O)OC",
    "S(=O)(=O)C",
    "c%91ccccc%91",
    "N%91CCOCC%91",
    "C%91CC%91",
    "c%91ccncc%91",
];
/// Molecules that are made together.
const BLOCK: u64 = 20_000;

/// So many fingerprints of which each has bits of two of `real`, kept in a file.
pub fn fingerprints(root: &Path, real: &Matrix<u8>, first: u64, count: usize) -> Result<(PathBuf, Matrix<u8>)> {
    let file = root.join(format!("ecfp4-{first}-{count}.bin"));
    if !file.exists() {
        progress(&format!("making {count} fingerprints …"));
        let data = (first..first + count as u64).flat_map(|at| mixed(real, at)).collect();
        let unfinished = file.with_extension("tmp");
        Matrix { width: real.width, data }.write(&unfinished)?;
        std::fs::rename(&unfinished, &file)?;
    }
    let matrix = Matrix::read(&file)?;
    Ok((file, matrix))
}

/// A real fingerprint of whose ones a share, between a third and nearly all, is kept; as many as were left away come
/// from another.
fn mixed(real: &Matrix<u8>, at: u64) -> Vec<u8> {
    let mut random = Random::new(11, at);
    let mut pick = || real.row(random.next() as usize % real.len());
    let (mut bits, other) = (pick().to_vec(), pick());
    let keep = 1024 / 3 + random.next() % (1024 - 1024 / 3);
    let mut missing = 0;
    for bit in ones(&bits) {
        if random.next() % 1024 >= keep {
            bits[bit / 8] &= !(1 << (bit % 8));
            missing += 1;
        }
    }
    let mut others = ones(other);
    while missing > 0 && !others.is_empty() {
        let bit = others.swap_remove(random.next() as usize % others.len());
        if bits[bit / 8] & (1 << (bit % 8)) == 0 {
            bits[bit / 8] |= 1 << (bit % 8);
            missing -= 1;
        }
    }
    bits
}

fn ones(bits: &[u8]) -> Vec<usize> {
    (0..bits.len() * 8).filter(|bit| bits[bit / 8] & (1 << (bit % 8)) != 0).collect()
}

/// A file of so many molecules, a SMILES and a name a line; each is valid, and no two are the same.
pub fn molecules(root: &Path, samples: &[String], count: usize) -> Result<PathBuf> {
    let file = root.join(format!("molecules-{count}.smi"));
    if file.exists() {
        return Ok(file);
    }
    progress(&format!("making {count} molecules …"));
    let unfinished = file.with_extension("tmp");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    let (mut known, mut made) = (HashSet::new(), 0);
    for first in (0..).step_by(BLOCK as usize) {
        for (smiles, hash) in grown_block(samples, first)? {
            if made < count && known.insert(hash) {
                made += 1;
                writeln!(out, "{smiles} M{made:07}")?;
            }
        }
        if made == count {
            break;
        }
    }
    out.flush()?;
    std::fs::rename(&unfinished, &file)?;
    Ok(file)
}

fn grown_block(samples: &[String], first: u64) -> Result<Vec<(String, u64)>> {
    let share = BLOCK.div_ceil(threads() as u64);
    std::thread::scope(|scope| {
        let make =
            |from: u64| move || (from..(from + share).min(first + BLOCK)).filter_map(|at| grown(samples, at)).collect();
        let workers: Vec<_> =
            (first..first + BLOCK).step_by(share as usize).map(|from| scope.spawn(make(from))).collect();
        let done = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked")));
        Ok(done.collect::<Result<Vec<Vec<_>>>>()?.concat())
    })
}

/// A sample with one to three groups, and what tells it from others. `None` when that cannot be.
fn grown(samples: &[String], at: u64) -> Option<(String, u64)> {
    let mut random = Random::new(12, at);
    let mut smiles = samples[random.next() as usize % samples.len()].clone();
    let rings = |molecule: &Molecule| molecule.properties().aromatic_rings;
    let mut aromatic = rings(&Molecule::parse(&smiles).ok()?);
    for _ in 0..1 + random.next() % 3 {
        let places = places(&smiles);
        let place = *places.get(random.next() as usize % places.len().max(1))?;
        let group = GROUPS[random.next() as usize % GROUPS.len()];
        smiles.insert_str(place, &format!("({group})"));
        aromatic += group.matches("c%91").count() / 2;
    }
    let molecule = Molecule::parse(&smiles).ok()?;
    // An atom with a fourth neighbour is none of an aromatic ring any more: no chemist has such a molecule.
    if rings(&molecule) != aromatic {
        return None;
    }
    let canonical = molecule.canonical().ok()?;
    let mut hasher = DefaultHasher::new();
    canonical.hash(&mut hasher);
    Some((smiles, hasher.finish()))
}

/// Where a branch may begin: behind a carbon or nitrogen without brackets, and the numbers of its rings.
fn places(smiles: &str) -> Vec<usize> {
    let bytes = smiles.as_bytes();
    let mut in_brackets = false;
    let mut places = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        in_brackets = *byte == b'[' || in_brackets && *byte != b']';
        let is_chlorine = bytes.get(at + 1) == Some(&b'l');
        if !in_brackets && !is_chlorine && matches!(byte, b'C' | b'c' | b'N') {
            let rings = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'%').count();
            places.push(at + 1 + rings);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_begin_behind_ring_numbers() {
        assert_eq!(places("Clc1c[nH]cc1C"), [4, 5, 10, 12, 13]);
    }

    #[test]
    fn molecules_are_distinct_and_the_same_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let samples = ["CCO", "c1ccccc1", "CC(=O)Nc1ccc(O)cc1"].map(str::to_owned);
        let lines: Vec<String> = (0..2)
            .map(|again| {
                let root = folder.path().join(again.to_string());
                std::fs::create_dir(&root).unwrap();
                std::fs::read_to_string(molecules(&root, &samples, 100).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(lines[0], lines[1]);
        let canonical = |line: &str| Molecule::parse(line.split(' ').next().unwrap()).unwrap().canonical().unwrap();
        assert_eq!(lines[0].lines().map(canonical).collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn mixed_fingerprints_have_as_many_ones_as_real_ones() {
        let real = Matrix { width: 4, data: vec![0b1111_0000, 1, 2, 4, 0b0000_1111, 3, 0, 8] };
        for at in 0..100 {
            let ones = ones(&mixed(&real, at)).len();
            assert!(ones == 7, "{ones}");
        }
    }
}
