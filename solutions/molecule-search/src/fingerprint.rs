//! Fingerprints: molecules as bit vectors whose overlap measures similarity.
//!
//! All are bit for bit what RDKit makes, so that fingerprints of both can stand in one collection; the tests hold it.

use std::str::FromStr;

use bootcamp_core::{Error, Result};
use chematic::fp::{
    BitVec2048, RdkitMorganConfig, RdkitMorganFpSize, RdkitMorganRadius, maccs, rdkit_morgan_bitvec,
    rdkit_morgan_ecfp4_bitvec,
};

use crate::molecule::Molecule;

/// MACCS has 166 keys, numbered from 1; bytes are whole.
const MACCS_BITS: usize = 168;

/// What a bit stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// Each atom with what is within two bonds, in 2,048 bits: Rogers and Hahn, J. Chem. Inf. Model. 50 (2010) 742.
    #[default]
    Ecfp4,
    /// Within three bonds, in 2,048 bits.
    Ecfp6,
    /// ECFP4 folded into 512 bits, as in Milvus's bootcamp.
    Ecfp4Short,
    /// 166 structural keys in 168 bits: Durant, J. Chem. Inf. Comput. Sci. 42 (2002) 1273. Fifty times as slow to make.
    Maccs,
}

impl Fingerprint {
    /// Every one, the default first.
    pub const ALL: [Self; 4] = [Self::Ecfp4, Self::Ecfp6, Self::Ecfp4Short, Self::Maccs];

    /// As users name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecfp4 => "ecfp4",
            Self::Ecfp6 => "ecfp6",
            Self::Ecfp4Short => "ecfp4-512",
            Self::Maccs => "maccs",
        }
    }

    /// How many bits it has, a multiple of eight.
    pub const fn bits(self) -> usize {
        match self {
            Self::Ecfp4 | Self::Ecfp6 => 2048,
            Self::Ecfp4Short => 512,
            Self::Maccs => MACCS_BITS,
        }
    }

    /// A molecule's bits: bit `i` is `1 << (i % 8)` of byte `i / 8`, as RDKit's `BitVectToBinaryText` packs them.
    ///
    /// # Errors
    /// `InvalidInput` for the rare structure whose aromaticity or bonds the method has no word for.
    pub fn of(self, molecule: &Molecule) -> Result<Vec<u8>> {
        let graph = molecule.graph();
        let morgan = |radius, fp_size| {
            let config = RdkitMorganConfig { radius, fp_size, include_chirality: false };
            rdkit_morgan_bitvec(graph, &config).map(|bits| bits.to_le_bytes())
        };
        let bits = match self {
            Self::Ecfp4 => rdkit_morgan_ecfp4_bitvec(graph).map(|bits| bits.to_le_bytes().to_vec()),
            Self::Ecfp6 => morgan(RdkitMorganRadius::R3, RdkitMorganFpSize::B2048),
            Self::Ecfp4Short => morgan(RdkitMorganRadius::R2, RdkitMorganFpSize::B512),
            Self::Maccs => Ok(keys(&maccs(graph))),
        };
        bits.map_err(|error| Error::invalid(format!("cannot compute its {}: {error}", self.name())))
    }
}

/// RDKit counts keys from 1, chematic from 0.
fn keys(keys: &BitVec2048) -> Vec<u8> {
    let mut bytes = vec![0; MACCS_BITS / 8];
    for key in (1..=166).filter(|key| keys.get(key - 1)) {
        bytes[key / 8] |= 1 << (key % 8);
    }
    bytes
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::invalid(format!("there is no fingerprint '{name}'")).with_hint(format!("choose one of {names}"))
        })
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Common bits divided by bits set in either: 0 to 1, and 0 for two empty fingerprints, as in RDKit.
pub fn tanimoto(a: &[u8], b: &[u8]) -> f64 {
    tversky(a, b, 1.0, 1.0)
}

/// Twice the common bits divided by the sum of both counts, 0 to 1.
pub fn dice(a: &[u8], b: &[u8]) -> f64 {
    tversky(a, b, 0.5, 0.5)
}

/// Bits only in `a` weigh `alpha`, bits only in `b` weigh `beta`: (1, 0) measures how much of `a` is in `b`.
/// Tversky, Psychological Review 84 (1977) 327. Fingerprints of one kind have as many bytes.
pub fn tversky(a: &[u8], b: &[u8], alpha: f64, beta: f64) -> f64 {
    let (mut both, mut only_a, mut only_b) = (0, 0, 0);
    for (a, b) in a.iter().zip(b) {
        both += (a & b).count_ones();
        only_a += (a & !b).count_ones();
        only_b += (b & !a).count_ones();
    }
    let all = f64::from(both) + alpha * f64::from(only_a) + beta * f64::from(only_b);
    if all > 0.0 { f64::from(both) / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for kind in Fingerprint::ALL {
            assert_eq!(kind.name().parse::<Fingerprint>().unwrap(), kind);
            assert_eq!(kind.of(&Molecule::parse("c1ccccc1O").unwrap()).unwrap().len() * 8, kind.bits());
        }
        assert!("ecfp8".parse::<Fingerprint>().unwrap_err().hint().unwrap().contains("ecfp4-512"));
    }

    #[test]
    fn similarities_are_those_of_the_books() {
        let (a, b) = ([0b1111_0000, 1], [0b1100_0011, 0]);
        assert!((tanimoto(&a, &b) - 2.0 / 7.0).abs() < 1e-12);
        assert!((dice(&a, &b) - 4.0 / 9.0).abs() < 1e-12);
        assert!((tversky(&a, &b, 1.0, 0.0) - 2.0 / 5.0).abs() < 1e-12);
        assert_eq!((tanimoto(&a, &a), tanimoto(&[0], &[0])), (1.0, 0.0));
    }
}
