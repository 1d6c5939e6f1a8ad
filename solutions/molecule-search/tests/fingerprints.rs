//! Fingerprints, properties and canonical SMILES are RDKit's.

use molecule_search::{Fingerprint, Molecule};

use crate::reference::MOLECULES;

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn fingerprints_are_rdkits_bit_for_bit() {
    for kind in Fingerprint::ALL {
        for (molecule, row) in MOLECULES.iter() {
            assert_eq!(
                hex(&kind.of(molecule).unwrap()),
                row[kind.name()].as_str().unwrap(),
                "{kind} {}",
                row["smiles"]
            );
        }
    }
}

#[test]
fn canonical_smiles_are_rdkits_and_read_back_as_the_same_molecule() {
    for (molecule, row) in MOLECULES.iter() {
        let canonical = molecule.canonical().unwrap();
        assert_eq!(canonical, row["canonical"], "{}", row["smiles"]);
        let again = Molecule::parse(&canonical).unwrap();
        assert_eq!(again.canonical().unwrap(), canonical);
        assert_eq!(hex(&Fingerprint::Ecfp4.of(&again).unwrap()), row["ecfp4"].as_str().unwrap(), "{canonical}");
    }
}

#[test]
fn properties_are_rdkits() {
    for (molecule, row) in MOLECULES.iter() {
        let (ours, theirs) = (molecule.properties().fields(), row["properties"].as_object().unwrap());
        assert_eq!(ours.len(), theirs.len());
        for (name, theirs) in theirs {
            let same = match (ours[name].as_f64(), theirs.as_f64()) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-9 * theirs.abs().max(1.0),
                _ => ours[name] == *theirs,
            };
            assert!(same, "{name} of {}: {} and not {theirs}", row["smiles"], ours[name]);
        }
    }
}
