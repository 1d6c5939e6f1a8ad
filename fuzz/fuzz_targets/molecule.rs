//! Feeds the readers of SMILES, SMARTS and molfiles whatever libFuzzer finds: molecules come from strangers over HTTP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molecule_search::{Effort, Fingerprint, Limits, Molecule, Outcome, Pattern, Screen};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits { bytes: 1_000, atoms: 200 };
    let Ok(molecule) = Molecule::parse_within(text, &limits).or_else(|_| Molecule::from_molfile(text, &limits)) else {
        if let Ok(pattern) = Pattern::smarts(text) {
            let molecule = Molecule::parse("CC1=CC(=O)C2CC1NCC2c1ccc(F)cc1").unwrap();
            let found = pattern.find(&molecule, &Effort { steps: 10_000 }).is_match();
            assert!(!found || Screen::of(&molecule).may_contain(pattern.screen()), "{text}");
        }
        return;
    };
    let fingerprint = Fingerprint::Ecfp4.of(&molecule);
    let pattern = Pattern::of(&molecule);
    assert!(Screen::of(&molecule).may_contain(pattern.screen()));
    assert_ne!(pattern.find(&molecule, &Effort { steps: 10_000 }), Outcome::No);
    if let (Ok(canonical), Ok(fingerprint)) = (molecule.canonical(), fingerprint) {
        let again = Molecule::parse_within(&canonical, &Limits { bytes: 100_000, atoms: 2_000 }).unwrap();
        assert_eq!(Fingerprint::Ecfp4.of(&again).unwrap(), fingerprint, "{canonical}");
    }
});
