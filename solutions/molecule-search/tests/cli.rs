//! What the program prints and how it ends, good and bad input alike.

use bootcamp_core::picture::Picture;
use bootcamp_testkit::program::MASKS;

use crate::home;

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
        let masks = [(home.as_str(), "[home]")];
        insta::with_settings!({filters => masks.into_iter().chain(MASKS)}, { insta::assert_snapshot!($name, $run.shown()); });
    };
}

#[test]
fn a_first_session() {
    let home = home().with("known.csv", KNOWN);
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
    let home = home().with("known.csv", KNOWN).with("query.smi", "c1ccccc1O phenol\n");
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    let first = |arguments: &[&str]| home.json(&[&["search"], arguments].concat())["hits"][0]["title"].clone();
    assert_eq!(first(&["query.smi"]), "salicylic acid");
    assert_eq!(first(&["--words", "CCO"]), "ethanol");
    // As many letters as an id has, all of them hex digits.
    assert_eq!(first(&["CCCCCCCCCCCCCCCCCCCC"]), "ethanol");
    assert_eq!(first(&["c1ccc2cc3ccccc3cc2c1"]), "salicylic acid", "anthracene is no id");
    let far = home.json(&["search", "c1ccccc1", "--min-score", "0.5"]);
    assert!(far["hits"].as_array().unwrap().iter().all(|hit| hit["similarity"].as_f64().unwrap() >= 0.5), "{far}");
}

#[test]
fn structures_are_found_within_and_around() {
    let home = home().with("known.csv", KNOWN);
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
    let home = home().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q", "--model", "maccs", "--collection", "keys"]).code, Some(0));
    let found = home.json(&["search", "CCO", "--collection", "keys"]);
    assert_eq!((&found["model"], &found["hits"][0]["title"]), (&"maccs".into(), &"ethanol".into()));
    snapshot!(home, "other-fingerprint", home.run(&["search", "CCO", "--collection", "keys", "--model", "ecfp4"]));
    snapshot!(home, "unknown-fingerprint", home.run(&["search", "CCO", "--model", "ecfp8"]));
}

#[test]
fn bad_input_is_told_what_is_wrong() {
    let home = home()
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
        ("no-such-sheet", vec!["search", "CCO", "--sheet", "sheet.pdf"]),
        ("no-such-file", vec!["search", "CCO", "--save", "hits.xlsx"]),
        ("weights-of-nothing", vec!["search", "CCO", "--alpha", "1"]),
        ("weight-out-of-range", vec!["search", "CCO", "--coefficient", "tversky", "--alpha", "-1"]),
        ("a-name", vec!["search", "aspirin"]),
        ("name-in-a-file", vec!["search", "empty.smi", "--mode", "named"]),
        ("no-such-id", vec!["search", "--id", "00000000000000000000"]),
        ("unknown-field", vec!["search", "CCO", "--filter", "weight > 3"]),
    ] {
        let run = home.run(&arguments);
        assert!(!run.err.contains("panicked") && run.code != Some(0), "{name}: {}", run.shown());
        snapshot!(home, name, run);
    }
}

#[test]
fn columns_are_those_that_were_named() {
    let home = home().with("odd.csv", "compound,called,number,mass\nCCO,ethanol,7,46\n[Na+].CC(=O)[O-],acetate,8,82\n");
    snapshot!(home, "odd-columns", home.run(&["import", "odd.csv", "-q"]));
    snapshot!(home, "no-such-column", home.run(&["import", "odd.csv", "-q", "--smiles-column", "structure"]));
    let named =
        ["import", "odd.csv", "-q", "--smiles-column", "Compound", "--name-column", "called", "--id-column", "number"];
    snapshot!(home, "named-columns", home.run(&named));
    let fields = |name: &str| {
        let hits = home.json(&["search", name, "--mode", "named"])["hits"].clone();
        hits[0]["fields"].clone()
    };
    let acetate = fields("Acetate");
    assert_eq!((&acetate["source_id"], &acetate["smiles"]), (&"8".into(), &"CC(=O)[O-].[Na+]".into()));
    assert_eq!(acetate["extra"], serde_json::json!({"mass": 82}));
    // The same row without its salt replaces what it was.
    snapshot!(home, "largest-fragment", home.run(&[&named[..], &["--largest-fragment"]].concat()));
    let acetate = fields("acetate");
    assert_eq!((&acetate["smiles"], &acetate["formula"]), (&"CC(=O)[O-]".into(), &"C2H3O2-".into()));
    assert_eq!(home.json(&["count"])["count"], 2);
}

#[test]
fn names_are_found_in_whatever_case() {
    let home = home().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    snapshot!(home, "named", home.run(&["search", "CAFF", "--mode", "named"]));
    snapshot!(home, "named-by-id", home.run(&["search", "5", "--mode", "named", "--filter", "rings == 1"]));
}

#[test]
fn similarities_are_those_that_were_asked_for() {
    let home = home().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    let acid = "OC(=O)c1ccccc1O";
    snapshot!(home, "dice", home.run(&["search", acid, "-k", "3", "--coefficient", "dice"]));
    let tversky = ["search", acid, "-k", "3", "--coefficient", "tversky", "--alpha", "1", "--beta", "0"];
    snapshot!(home, "tversky", home.run(&tversky));
    snapshot!(home, "min-similarity", home.run(&["search", acid, "--min-similarity", "0.3"]));
    let least = home.json(&["search", acid, "--coefficient", "dice", "--min-similarity", "0.5"]);
    assert!(least["hits"].as_array().unwrap().iter().all(|hit| hit["details"]["dice"].as_f64().unwrap() >= 0.5));
}

#[test]
fn hits_are_saved_and_drawn() {
    let home = home().with("known.csv", KNOWN);
    assert_eq!(home.run(&["import", "known.csv", "-q"]).code, Some(0));
    let search = ["search", "OC(=O)c1ccccc1", "--mode", "contains", "--sheet"];
    for (sheet, save) in [("hits.svg", "hits.sdf"), ("hits.PNG", "hits.csv")] {
        let run = home.run(&[&search[..], &[sheet, "--save", save]].concat());
        assert!(run.code == Some(0) && run.err.contains(sheet) && run.err.contains(save), "{}", run.shown());
    }
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    let svg = read("hits.svg");
    assert_eq!(svg.matches("<svg").count(), 4, "the query, two hits, and what is around them");
    assert!(svg.contains(">aspirin</text>") && svg.contains("class=\"mark\""), "{svg}");
    let picture = Picture::read(&home.path().join("hits.PNG"), &Default::default()).unwrap();
    assert_eq!((picture.width(), picture.height()), (3 * 216 + 16, 250 + 16));
    let dark = picture.pixels().chunks_exact(3).filter(|pixel| pixel[0] < 100).count();
    assert!(dark > 1000, "{dark} dark pixels are no three molecules");
    assert!(read("hits.csv").starts_with("rank,id,title,score,similarity,atoms,"));

    let records: Vec<_> = molecule_search::read(&home.path().join("hits.sdf"), &Default::default())
        .unwrap()
        .map(|(_, record)| record.unwrap())
        .collect();
    let hits = home.json(&[&search[..4], &["-q"]].concat())["hits"].clone();
    assert_eq!(records.len(), 2);
    for (record, hit) in records.iter().zip(hits.as_array().unwrap()) {
        assert_eq!(record.name.as_deref(), hit["title"].as_str());
        assert_eq!(record.molecule(&Default::default()).unwrap().canonical().unwrap(), hit["fields"]["smiles"]);
        assert_eq!(
            (&record.extra["mw"], &record.extra["approved"]),
            (&hit["fields"]["mw"], &hit["fields"]["extra"]["approved"])
        );
    }
}
