//! What RDKit said: `scripts/reference-molecules` asks it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use molecule_search::Molecule;
use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn made_by_setup(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: run `scripts/reference-molecules` first", path.display());
    path
}

/// A file of the sample molecules.
pub fn sample(name: &str) -> PathBuf {
    made_by_setup(workspace().join("data/molecules").join(name))
}

/// The rows of a file that `reference.py` wrote.
pub fn rows(name: &str) -> Vec<Value> {
    let cache = std::env::var_os("BOOTCAMP_CACHE").map_or_else(|| workspace().join(".cache"), PathBuf::from);
    let text = std::fs::read_to_string(made_by_setup(cache.join("molecules").join(name))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The sample molecules, and what RDKit says of each.
pub static MOLECULES: LazyLock<Vec<(Molecule, Value)>> = LazyLock::new(|| {
    let rows = rows("molecules.jsonl");
    assert_eq!(rows.len(), 5602);
    rows.into_iter().map(|row| (Molecule::parse(row["smiles"].as_str().unwrap()).unwrap(), row)).collect()
});
