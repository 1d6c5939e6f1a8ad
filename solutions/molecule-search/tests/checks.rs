//! What is taken for a molecule, beside RDKit's word on 40,000 damaged SMILES.

use std::collections::BTreeMap;

use molecule_search::{Fingerprint, Molecule};

use crate::fingerprints::hex;
use crate::reference::rows;

/// Which SMILES differ from RDKit, by how.
#[test]
fn damaged_smiles_are_refused_as_rdkit_refuses_them() {
    let rows = rows("damaged.jsonl");
    let mut different: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut taken = 0;
    for row in &rows {
        let smiles = row["smiles"].as_str().unwrap();
        match (Molecule::parse(smiles), row["canonical"].as_str()) {
            (Ok(_), None) => different.entry("taken").or_default().push(smiles.to_owned()),
            (Err(error), Some(_)) => {
                // OpenSMILES allows it, chematic does not.
                let dot = error.to_string().contains("a dot within a branch");
                different.entry(if dot { "dot" } else { "refused" }).or_default().push(format!("{smiles}: {error}"));
            }
            (Ok(molecule), Some(canonical)) => {
                taken += 1;
                if molecule.canonical().unwrap() != canonical {
                    different.entry("canonical").or_default().push(format!("{smiles} {canonical}"));
                }
                let fingerprint = hex(&Fingerprint::Ecfp4.of(&molecule).unwrap_or_default());
                if fingerprint != row["ecfp4"].as_str().unwrap() {
                    different.entry("fingerprint").or_default().push(format!("{smiles} {canonical}"));
                }
            }
            (Err(_), None) => {}
        }
    }
    let count = |how: &str| different.get(how).map_or(0, Vec::len);
    println!(
        "{taken} of {}; {:?}",
        rows.len(),
        different.iter().map(|(how, all)| (how, all.len())).collect::<Vec<_>>()
    );
    assert!(taken > 5000, "{taken}");
    let counts = ["taken", "refused", "canonical", "fingerprint"].map(count);
    assert_eq!(counts, [0; 4], "{different:#?}");
    assert!(count("dot") <= 60, "{}", count("dot"));
}
