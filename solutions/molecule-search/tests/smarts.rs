//! The primitives of SMARTS, each against RDKit: what it finds in the sample molecules and in others that have what these
//! lack. Different answers are named here, and so are patterns that we refuse.

use std::collections::BTreeMap;

use molecule_search::{Effort, Molecule, Pattern};

use crate::reference::{MOLECULES, rows};

/// Patterns that RDKit takes and we refuse, with a message.
const REFUSED: &[&str] = &["C%(100)CCCC%(100)"];

/// Where we differ from RDKit on purpose: the pattern, in how many molecules, and why.
const DIFFERENCES: &[(&str, usize, &str)] =
    &[("[Z1]", 1, "RDKit counts an atom of any kind as a heteroatom"), ("[z]", 1, "as above")];

#[test]
fn primitives_find_what_rdkit_finds() {
    let rows = rows("smarts.jsonl");
    let others = rows[0]["others"].as_array().unwrap();
    let others: Vec<Molecule> =
        others.iter().map(|smiles| Molecule::parse(smiles.as_str().unwrap()).unwrap()).collect();
    let samples = || MOLECULES.iter().step_by(3).map(|(molecule, _)| molecule);
    let (mut refused, mut different, mut primitives) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for row in &rows[1..] {
        let text = row["pattern"].as_str().unwrap();
        *primitives.entry(row["primitive"].as_str().unwrap()).or_insert(0) += 1;
        let pattern = match (Pattern::smarts(text), row["samples"].as_str()) {
            (Ok(pattern), Some(_)) => pattern,
            (Ok(_), None) => panic!("RDKit refuses {text}, and we do not"),
            (Err(_), None) => continue,
            (Err(error), Some(_)) => {
                assert!(error.to_string().len() > 10, "{error}");
                refused.push(text);
                continue;
            }
        };
        let mut count = 0;
        for (name, molecules) in [("samples", samples().collect::<Vec<_>>()), ("others", others.iter().collect())] {
            let hits = row[name].as_str().unwrap().bytes().map(|byte| byte == b'1');
            assert_eq!(hits.len(), molecules.len());
            for (molecule, hit) in molecules.iter().zip(hits) {
                let found = pattern.find(molecule, &Effort::default()).is_match();
                if found != hit {
                    count += 1;
                }
            }
        }
        if count > 0 {
            different.insert(text, count);
        }
    }
    assert!(primitives.len() >= 25, "{primitives:?}");
    assert_eq!(refused, REFUSED);
    let expected: BTreeMap<&str, usize> = DIFFERENCES.iter().map(|(pattern, count, _)| (*pattern, *count)).collect();
    assert_eq!(different, expected);
}
