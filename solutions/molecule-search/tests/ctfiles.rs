//! Molfiles and CXSMILES, one for each feature of their specifications, against RDKit: the same molecule, or a refusal.

use molecule_search::{Limits, Molecule};

use crate::reference::rows;

/// What RDKit takes and we refuse, by the beginning of its name: queries, bonds of order zero, double bonds whose sides only
/// CXSMILES tells, and what the specification and RDKit read differently.
const REFUSED: &[&str] = &[
    "symbol LP",
    "symbol Pol",
    "symbol Mod",
    "v3 symbol Pol",
    "v3 symbol Mod",
    "charge 4",
    "charge 8: ",
    "M CHG 16",
    "M ISO and mass: ",
    "hcount ",
    "bond 0",
    "bond 10",
    "bond 11",
    "bond 12",
    "bond 13",
    "bond 14",
    "v3 bond 0",
    "v3 bond 10",
    "v3 bond 11",
    "v3 bond 12",
    "v3 bond 13",
    "v3 bond 14",
    "bond 4",
    "bond 5",
    "bond 6",
    "bond 7",
    "bond 8",
    "v3 bond 4",
    "v3 bond 5",
    "v3 bond 6",
    "v3 bond 7",
    "v3 bond 8",
    "wedge 3",
    "M RGP",
    "M SUB",
    "M UNS",
    "M RBC",
    "M LIN",
    "M ZBO",
    "M ZCH",
    "M HYD",
    "M XYZ",
    "M MRV",
    "M $3D",
    "v3 unknown key",
    "v3 RGROUPS",
    "v3 SUBST",
    "v3 R# SUBST",
    "v3 UNSAT",
    "v3 R# UNSAT",
    "v3 RBCNT",
    "v3 R# RBCNT",
    "v3 bond ENDPTS",
    "v3 bond ATTACH",
    "v3 haptic",
    "v3 list not",
    "v3 linknode",
    "cx CCO |H:",
    "cx CO[Na] |Z:",
    "cx CCO |Z:",
    "cx C1CCCCC1 |u:",
    "cx CC=CC |t:",
    "cx CC=CC |c:",
    "cx C/C=C/C |c:",
    "cx CC(O)F |wU:1.1,(",
    "cx CCO |LN:",
    "cx C*C |LN:",
    "cx CCO |s:",
    "cx CCO |^1:9|",
];

#[test]
fn every_feature_gives_rdkits_molecule_or_a_refusal() {
    let (mut wrong, mut refused) = (Vec::new(), Vec::new());
    for row in rows("ctfiles.jsonl") {
        let [name, text] = ["name", "text"].map(|field| row[field].as_str().unwrap());
        let smiles = row["smiles"].as_str().filter(|smiles| !smiles.is_empty());
        let read = match name.starts_with("cx ") {
            true => Molecule::parse(text),
            false => Molecule::from_molfile(text, &Limits::default()),
        };
        match (read.and_then(|molecule| molecule.canonical()), smiles) {
            (Ok(ours), Some(theirs)) if ours == theirs => {}
            (Ok(ours), theirs) => wrong.push(format!("{name}: {ours}, not {theirs:?}")),
            (Err(error), Some(theirs)) => refused.push(format!("{name}: {theirs}: {error}")),
            (Err(_), None) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unforeseen: Vec<_> =
        refused.iter().filter(|line| !REFUSED.iter().any(|known| line.starts_with(known))).cloned().collect();
    assert!(unforeseen.is_empty(), "{}", unforeseen.join("\n"));
}
