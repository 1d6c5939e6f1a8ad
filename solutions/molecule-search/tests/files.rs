//! Molecules from the sample files and from RDKit's molfiles.

use molecule_search::{Columns, Limits, Molecule, read};

use crate::reference::{MOLECULES, rows, sample};

#[test]
fn the_samples_are_read_as_rdkit_reads_them() {
    let mut read_all = Vec::new();
    for name in ["chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv", "solubility.train.sdf"] {
        for (line, record) in read(&sample(name), &Columns::default()).unwrap() {
            let record = record.unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
            let molecule = record.molecule(&Limits::default()).unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
            assert!(!name.starts_with("sol") || record.id.is_some() && record.extra.contains_key("SOL"));
            read_all.push(molecule.canonical().unwrap());
        }
    }
    assert_eq!(read_all.len(), MOLECULES.len());
    for (ours, (_, row)) in read_all.iter().zip(MOLECULES.iter()) {
        assert_eq!(*ours, row["canonical"]);
    }
}

#[test]
fn molfiles_are_read_as_rdkit_reads_them() {
    let rows = rows("molfiles.jsonl");
    assert!(rows.len() > 5000);
    for row in rows {
        let molfile = row["molfile"].as_str().unwrap();
        let molecule = Molecule::from_molfile(molfile, &Limits::default()).unwrap();
        assert_eq!(molecule.canonical().unwrap(), row["canonical"], "{molfile}");
    }
}
