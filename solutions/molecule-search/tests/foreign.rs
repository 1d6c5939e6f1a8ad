//! Whatever strangers send ends, without a panic, in a molecule or an error. What hangs is ended by the test runner.

use bootcamp_kit::Content;
use molecule_search::{
    Columns, Drawing, Effort, Fingerprint, Limits, Molecule, Outcome, Pattern, Screen, draw, readers::read_from,
};
use proptest::prelude::*;

/// Everything that is done with a molecule.
fn use_up(molecule: &Molecule) {
    let fingerprint = Fingerprint::Ecfp4.of(molecule);
    let _ = Fingerprint::Maccs.of(molecule);
    let _ = molecule.properties();
    let _ = draw(molecule, &Drawing { highlight: vec![0], title: Some("<>&".into()) });
    let pattern = Pattern::of(molecule);
    let screen = Screen::of(molecule);
    assert!(screen.may_contain(pattern.screen()));
    assert_eq!(Screen::from_bytes(&screen.to_bytes()), Some(screen));
    assert_ne!(pattern.find(molecule, &Effort::default()), Outcome::No, "{molecule:?} does not contain itself");
    let Ok(canonical) = molecule.canonical() else { return };
    let again = Molecule::parse_within(&canonical, &Limits { bytes: 100_000, atoms: 2_000 }).unwrap();
    if let (Ok(first), Ok(second)) = (fingerprint, Fingerprint::Ecfp4.of(&again)) {
        assert_eq!(first, second, "{canonical}");
    }
}

fn smiles_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "C", "c", "N", "n", "O", "o", "S", "s", "P", "F", "Cl", "Br", "B", "[nH]", "[N+]", "[O-]", "[C@H]", "[C@@H]",
        "[Fe]", "[2H]", "[H]", "*", "(", ")", "(", ")", "1", "2", "3", "%10", "=", "#", "/", "\\", "-", ":", ".",
        "c1ccccc1", "C(=O)", "C1CC1", "[Pt]", "[Na+]", "[13C]",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn smarts_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "C",
        "c",
        "[#6]",
        "[!#6]",
        "[R2]",
        "[r5]",
        "[x2]",
        "[D3]",
        "[X4]",
        "[H1]",
        "[v4]",
        "[^2]",
        "[$(",
        ")]",
        "[$(C=O)]",
        "[!$(*~*)]",
        "~",
        "@",
        "!@",
        "-",
        "=",
        ":",
        ",",
        ";",
        "&",
        "!",
        "(",
        ")",
        "1",
        "2",
        "*",
        "a",
        "A",
        "[C,N]",
        "[+]",
        ".",
        "[k5]",
        "[D{2-3}]",
        "[",
        "]",
    ]);
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn smiles_end_in_a_molecule_or_an_error(smiles in smiles_like()) {
        match Molecule::parse(&smiles) {
            Ok(molecule) => use_up(&molecule),
            Err(error) => prop_assert!(error.to_string().starts_with("SMILES: "), "{}", error),
        }
    }

    #[test]
    fn any_text_ends_in_a_molecule_or_an_error(text in any::<String>()) {
        if let Ok(molecule) = Molecule::parse(&text) {
            use_up(&molecule);
        }
        let _ = Pattern::smarts(&text);
    }

    #[test]
    fn smarts_end_in_an_answer(smarts in smarts_like(), smiles in smiles_like()) {
        let Ok(pattern) = Pattern::smarts(&smarts) else { return Ok(()) };
        let molecule = Molecule::parse(&smiles).unwrap_or_else(|_| Molecule::parse("CC1=CC(=O)C2CC1NCC2c1ccc(F)cc1").unwrap());
        let outcome = pattern.find(&molecule, &Effort::default());
        let may = Screen::of(&molecule).may_contain(pattern.screen());
        prop_assert!(may || !outcome.is_match(), "{smarts} in {smiles}");
    }

    #[test]
    fn any_file_ends(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..7_usize, cut in 0..2000_usize) {
        let ethanol = "ethanol\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    \
            1.3000    0.7500    0.0000 C   0  0\n    2.6000    0.0000    0.0000 O   0  0\n  1  2  1  0\n  2  3  1  0\n\
            M  END\n> <a>\nb\n\n$$$$\nsmiles,name\nCC,\"a\n{\"smiles\": \"C\"}\n";
        let name = ["a.smi", "a.csv", "a.tsv", "a.jsonl", "a.sdf", "a.mol", "a.csv"][kind];
        let mut all = ethanol.as_bytes().to_vec();
        all.truncate(cut);
        let at = cut % (all.len() + 1);
        all.splice(at..at, bytes);
        if kind == 6 {
            all.splice(0..0, *b"smiles,b\n");
        }
        if let Ok(records) = read_from(name, &Content::from(all), &Columns::default()) {
            for (_, record) in records.take(5000) {
                let _ = record.and_then(|record| record.molecule(&Limits::default())).map(|molecule| use_up(&molecule));
            }
        }
    }

    #[test]
    fn damaged_molfiles_end(places in prop::collection::vec((0.0..1.0_f64, 32..127_u8), 1..8), v3000 in any::<bool>()) {
        let molfile = if v3000 { V3000 } else { V2000 };
        let mut bytes = molfile.as_bytes().to_vec();
        for (place, byte) in places {
            let at = (place * bytes.len() as f64) as usize;
            if bytes[at] != b'\n' {
                bytes[at] = byte;
            }
        }
        if let Ok(molecule) = Molecule::from_molfile(&String::from_utf8(bytes).unwrap(), &Limits::default()) {
            use_up(&molecule);
        }
    }
}

const V2000: &str = "\n     x          2D\n\n  4  4  0  0  0  0  0  0  0  0999 V2000\n    0.0000    1.0000    0.0000 C   0  0\n    \
1.0000    0.0000    0.0000 N   0  0\n    2.0000    0.0000    0.0000 C   0  0\n    1.5000    1.0000    0.0000 O   0  0\n  \
1  2  1  0\n  2  3  1  1\n  3  4  1  0\n  4  1  1  0\nM  CHG  1   2   0\nM  END\n";
const V3000: &str = "\n     x          2D\n\n  0  0  0  0  0  0  0  0  0  0999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 3 2 0 0 0\n\
M  V30 BEGIN ATOM\nM  V30 1 C 0 0 0 0\nM  V30 2 C 1 0 0 0 CHG=0\nM  V30 3 O 2 0 0 0\nM  V30 END ATOM\nM  V30 BEGIN BOND\n\
M  V30 1 1 1 2\nM  V30 2 2 2 3\nM  V30 END BOND\nM  V30 END CTAB\nM  END\n";

/// On the smallest stack that the program's threads have.
#[test]
fn the_largest_that_is_taken_fits_the_stack() {
    for smiles in [
        "C".repeat(1000),
        format!("{}C{}", "C(".repeat(400), ")".repeat(400)),
        "C1CC12CC2".repeat(100),
        "[U]".repeat(1000),
    ] {
        let work = move || {
            let molecule = Molecule::parse(&smiles).unwrap();
            let pattern = Pattern::of(&molecule);
            assert_ne!(pattern.find(&molecule, &Effort { steps: 1_000_000 }), Outcome::No);
            let _ =
                (Screen::of(&molecule), molecule.canonical(), Fingerprint::Ecfp4.of(&molecule), molecule.properties());
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
    }
    assert!(Molecule::parse(&("C(".repeat(5000) + "C")).is_err());
    assert!(Pattern::smarts(&"C(".repeat(900)).is_err() && Pattern::smarts(&"[".repeat(1900)).is_err());
    assert!(
        Pattern::smarts(&"!".repeat(1999)).is_err() && Pattern::smarts(&format!("[{}C]", "!".repeat(1990))).is_ok()
    );
}
