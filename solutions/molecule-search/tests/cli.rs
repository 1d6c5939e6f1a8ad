//! What the program prints and how it ends, good and bad input alike.

use crate::program::Home;

/// Molecules that everybody knows.
const KNOWN: &str = "\
smiles,name,id,approved
CC(=O)Oc1ccccc1C(=O)O,aspirin,25,1899
OC(=O)c1ccccc1O,salicylic acid,424,1874
CC(=O)Nc1ccc(O)cc1,paracetamol,112,1955
CC(C)Cc1ccc(cc1)C(C)C(=O)O,ibuprofen,521,1969
Cn1cnc2c1c(=O)n(C)c(=O)n2C,caffeine,113,
Cn1c(=O)c2[nH]cnc2n(C)c1=O,theophylline,190,1940
CCO,ethanol,545,
c1ccccc1,benzene,277500,
";

/// What a run printed, without what differs from run to run.
macro_rules! snapshot {
    ($home:expr, $name:expr, $run:expr) => {
        let home = $home.path().canonicalize().unwrap().display().to_string();
        insta::with_settings!({filters => vec![
            (home.as_str(), "[home]"),
            (r"in \d+\.\d s(, \d+ a second)?", "in [time]"),
            (r"in \d+ ms: \d+ encoding, \d+\.\d searching", "in [time]"),
            (r"[0-9a-f]{20}", "[id]"),
            (r"SQLite [\d.]+", "SQLite [version]"),
            (r"\b\d{13}\b", "[milliseconds]"),
        ]}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

#[test]
fn a_first_session() {
    let home = Home::new().with("known.csv", KNOWN);
    snapshot!(home, "import", home.run(&["import", "known.csv", "-q"]));
    snapshot!(home, "import-again", home.run(&["import", "known.csv", "-q"]));
    snapshot!(home, "search", home.run(&["search", "OC(=O)c1ccccc1OC(C)=O", "-k", "3"]));
    snapshot!(home, "search-filtered", home.run(&["search", "CCO", "--filter", "rings > 0 and mw < 150", "-q"]));
    snapshot!(home, "list", home.run(&["list", "--filter", "extra[\"approved\"] < 1890"]));
    snapshot!(home, "info", home.run(&["info"]));
    let hit = &home.json(&["search", "CC(=O)Oc1ccccc1C(=O)O", "-k", "1"])["hits"][0];
    assert_eq!((&hit["title"], &hit["similarity"], &hit["score"]), (&"aspirin".into(), &1.0.into(), &0.0.into()));
    let id = hit["id"].as_str().unwrap();
    snapshot!(home, "show", home.run(&["show", id]));
    let like = home.json(&["search", id, "-k", "1"]);
    assert_eq!(like["hits"][0]["title"], "salicylic acid", "not the item itself");
}

#[test]
fn queries_are_smiles_files_and_ids() {
    let home = Home::new().with("known.csv", KNOWN).with("query.smi", "c1ccccc1O phenol\n");
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    let first = |arguments: &[&str]| home.json(&[&["search"], arguments].concat())["hits"][0]["title"].clone();
    assert_eq!(first(&["query.smi"]), "salicylic acid");
    assert_eq!(first(&["--words", "CCO"]), "ethanol");
    // As many letters as an id has, all of them hex digits.
    assert_eq!(first(&["CCCCCCCCCCCCCCCCCCCC"]), "ethanol");
    let far = home.json(&["search", "c1ccccc1", "--min-score", "0.5"]);
    assert!(far["hits"].as_array().unwrap().iter().all(|hit| hit["similarity"].as_f64().unwrap() >= 0.5), "{far}");
}

#[test]
fn structures_are_found_within_and_around() {
    let home = Home::new().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    let search = |arguments: &[&str]| home.run(&[&["search"], arguments].concat());
    snapshot!(home, "contains", search(&["c1ccccc1C(=O)O", "--mode", "contains"]));
    snapshot!(home, "contains-smarts", search(&["[#7;R]~[#6;R]=O", "--mode", "contains", "--filter", "mw > 190"]));
    snapshot!(home, "contained-in", search(&["CC(=O)Oc1ccccc1C(=O)OCC", "--mode", "contained-in"]));
    snapshot!(home, "bad-smarts", search(&["[#7;R]~[#6", "--mode", "contains"]));
    snapshot!(home, "bad-mode", search(&["CCO", "--mode", "around"]));
    snapshot!(home, "no-smarts-to-be-like", search(&["[#7;R]"]));
    let found = home.json(&["search", "O", "--mode", "contains", "-k", "1"]);
    let hit = &found["hits"][0];
    assert_eq!((&hit["title"], &hit["details"]), (&"ethanol".into(), &serde_json::json!({"atoms": [2]})));
    // As a SMILES, water; as a SMARTS, a hydroxyl group.
    let count = |syntax| {
        home.json(&["search", "[OH]", "--mode", "contains", "--syntax", syntax])["hits"].as_array().unwrap().len()
    };
    assert_eq!((count("smiles"), count("smarts")), (7, 5));
}

#[test]
fn another_fingerprint_is_a_collection_of_its_own() {
    let home = Home::new().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q", "--model", "maccs", "--collection", "keys"]).code, Some(0));
    let found = home.json(&["search", "CCO", "--collection", "keys"]);
    assert_eq!((&found["model"], &found["hits"][0]["title"]), (&"maccs".into(), &"ethanol".into()));
    snapshot!(home, "other-fingerprint", home.run(&["search", "CCO", "--collection", "keys", "--model", "ecfp4"]));
    snapshot!(home, "unknown-fingerprint", home.run(&["search", "CCO", "--model", "ecfp8"]));
}

#[test]
fn bad_input_is_told_what_is_wrong() {
    let home = Home::new()
        .with("known.csv", KNOWN)
        .with("empty.smi", "")
        .with("bad.smi", "CCO fine\nC(C unclosed\n\nCN(C)(C)(C)C pentavalent\nc1ccc1 antiaromatic\nCcC\nC[Xx]\n")
        .with("none.csv", "compound,mass\nx,1\n")
        .with("broken.sdf", "a\n\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n    0.0 0.0 0.0 C\n");
    snapshot!(home, "search-nothing", home.run(&["search", "CCO"]));
    for (name, file) in [("no-smiles-column", "none.csv"), ("broken-sdf", "broken.sdf"), ("empty-file", "empty.smi")] {
        snapshot!(home, name, home.run(&["import", file, "-q"]));
    }
    let mut run = home.run(&["import", "bad.smi", "-q"]);
    // Decoders work side by side.
    let mut skips: Vec<_> = run.err.split("warning: ").map(str::to_owned).collect();
    skips.sort();
    run.err = skips.join("warning: ");
    snapshot!(home, "bad-lines", run);
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    for (name, arguments) in [
        ("syntax-error", vec!["search", "c1ccccc1C(=O"]),
        ("valence-error", vec!["search", "CC(C)(C)(C)C"]),
        ("empty-query", vec!["search", ""]),
        ("empty-query-file", vec!["search", "empty.smi"]),
        ("two-molecules", vec!["search", "CCO", "CCC"]),
        ("not-like", vec!["search", "CCO", "--not", "CCC"]),
        ("no-sheet", vec!["search", "CCO", "--sheet", "sheet.png"]),
        ("no-such-id", vec!["search", "--id", "00000000000000000000"]),
        ("unknown-field", vec!["search", "CCO", "--filter", "weight > 3"]),
    ] {
        let run = home.run(&arguments);
        assert!(!run.err.contains("panicked") && run.code != Some(0), "{name}: {}", run.shown());
        snapshot!(home, name, run);
    }
}
