//! What searches find, beside brute force, beside RDKit, and on a real Milvus server beside the local store.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bootcamp_kit::ingest::{Import, Report, Watch};
use bootcamp_kit::source::Places;
use bootcamp_kit::{Answer, GlobalArgs, Options, SearchQuery, Settings, Solution, Subject};
use bootcamp_testkit::milvus::MilvusServer;
use molecule_search::{Columns, Effort, Fingerprint, Molecule, Outcome, PROGRAM, Pattern, read, tanimoto};

use crate::reference::{MOLECULES, rows, sample};

const FILES: [&str; 4] = ["chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv", "solubility.train.sdf"];

async fn open(store: &str) -> Arc<dyn Solution> {
    let args = GlobalArgs { store: Some(store.to_owned()), ..GlobalArgs::default() };
    let context = Settings::read(&args).unwrap().open(&PROGRAM, Arc::new(|_| {})).await.unwrap();
    (PROGRAM.open)(context)
}

async fn import(solution: &dyn Solution, paths: Vec<PathBuf>) -> Report {
    let sources = solution.discover(&Places::new(paths)).unwrap();
    solution.import(Import { sources, prune: None, watch: Watch::default() }).await.unwrap()
}

fn like(smiles: &str, k: usize) -> SearchQuery {
    SearchQuery::like(Subject::Words(smiles.to_owned()), k)
}

/// Which of [`MOLECULES`] the records of the sample files are.
fn numbers() -> HashMap<String, usize> {
    let lines = FILES.iter().flat_map(|name| {
        let path = sample(name).canonicalize().unwrap().display().to_string();
        read(&sample(name), &Columns::default()).unwrap().map(move |(line, _)| format!("{path}:{line}"))
    });
    lines.zip(0..).collect()
}

fn paths(answer: &Answer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.fields["path"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn similar_molecules_are_those_of_brute_force() {
    let folder = tempfile::tempdir().unwrap();
    let solution = open(folder.path().to_str().unwrap()).await;
    let report = import(&*solution, FILES.iter().map(|name| sample(name)).collect()).await;
    assert_eq!((report.added, report.skipped), (MOLECULES.len() as u64, 0), "{:?}", report.skips);

    let numbers = numbers();
    let bits = |molecule: &Molecule| Fingerprint::Ecfp4.of(molecule).unwrap();
    let all: Vec<Vec<u8>> = MOLECULES.iter().map(|(molecule, _)| bits(molecule)).collect();
    for (query, row) in MOLECULES.iter().step_by(211) {
        let query = bits(query);
        let known: Vec<f64> = all.iter().map(|other| tanimoto(&query, other)).collect();
        let mut best = known.clone();
        best.sort_by(|a, b| b.total_cmp(a));
        let answer = solution.search(&like(row["smiles"].as_str().unwrap(), 20)).await.unwrap();
        assert_eq!(answer.hits.len(), 20);
        for ((hit, path), best) in answer.hits.iter().zip(paths(&answer)).zip(best) {
            let similarity = 1.0 - f64::from(hit.score);
            assert!((similarity - known[numbers[path]]).abs() < 1e-6, "{path}: {similarity}");
            assert!((similarity - best).abs() < 1e-6, "{path}: {similarity}, and there is one of {best}");
        }
    }
    contained(&*solution, &numbers).await;
}

/// A steroid with what chemists like to hang onto one; some samples are parts of it.
const STEROID: &str = "CC(=O)Oc1ccc2c(c1)CC[C@@H]1[C@@H]2CC[C@]2(C)[C@@H](OC(=O)CCc3ccccc3)CC[C@@H]12";

/// What RDKit finds in the samples, and what is in one of them.
async fn contained(solution: &dyn Solution, numbers: &HashMap<String, usize>) {
    let ask = |query: &str, mode, syntax| SearchQuery {
        options: Options::of(&PROGRAM, [("mode", mode), ("syntax", syntax)]).unwrap(),
        ..like(query, 1000)
    };
    // Where RDKit differs on purpose is in `substructures.rs`.
    let rows = rows("hits.jsonl");
    for row in rows.iter().step_by(9).filter(|row| row["query"] != "[N+](=O)[O-]" && row["query"] != "[2H]") {
        let (query, syntax) = (row["query"].as_str().unwrap(), row["kind"].as_str().unwrap());
        let known: Vec<bool> = row["hits"].as_str().unwrap().bytes().map(|byte| byte == b'1').collect();
        let expected = known.iter().filter(|hit| **hit).count();
        let answer = solution.search(&ask(query, "contains", syntax)).await.unwrap();
        assert_eq!(answer.notes, [format!("{expected} molecules contain it")], "{query}");
        assert_eq!(answer.hits.len(), expected.min(1000), "{query}");
        assert!(paths(&answer).into_iter().all(|path| known[numbers[path]]), "{query}");
        assert!(answer.hits.is_sorted_by(|a, b| a.score <= b.score) && answer.details.len() == answer.hits.len());
    }
    let whole = Molecule::parse(STEROID).unwrap();
    let is_in = |molecule: &Molecule| Pattern::of(molecule).find(&whole, &Effort::default()).is_match();
    let expected: Vec<usize> = (0..MOLECULES.len()).filter(|at| is_in(&MOLECULES[*at].0)).collect();
    let answer = solution.search(&ask(STEROID, "contained-in", "either")).await.unwrap();
    let mut found: Vec<usize> = paths(&answer).into_iter().map(|path| numbers[path]).collect();
    found.sort();
    assert!(expected.len() > 10 && found == expected, "{found:?} {expected:?}");

    // Matched atoms are of the molecule as it is stored, and drawn.
    let answer = solution.search(&ask("[CX3](=O)[OX2H1]", "contains", "either")).await.unwrap();
    let acid = Pattern::smarts("[CX3](=O)[OX2H1]").unwrap();
    for (hit, details) in answer.hits.iter().zip(&answer.details).take(50) {
        let molecule = Molecule::parse(hit.fields["smiles"].as_str().unwrap()).unwrap();
        let Outcome::Matched(atoms) = acid.find(&molecule, &Effort::default()) else { panic!("{hit:?}") };
        assert_eq!(details["atoms"], serde_json::json!(atoms));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn milvus_finds_what_the_local_store_finds() {
    let folder = tempfile::tempdir().unwrap();
    let table = std::fs::read_to_string(sample(FILES[0])).unwrap();
    let drugs = folder.path().join("drugs.csv");
    std::fs::write(&drugs, table.lines().take(401).collect::<Vec<_>>().join("\n")).unwrap();
    let server = MilvusServer::start().await;
    let uri = server.settings().uri.unwrap();
    let local = open(folder.path().join("store").to_str().unwrap()).await;
    let milvus = open(&uri).await;
    for solution in [&local, &milvus] {
        let report = import(&**solution, vec![drugs.clone()]).await;
        assert_eq!((report.added, report.skipped), (400, 0));
        assert_eq!(import(&**solution, vec![drugs.clone()]).await.unchanged, 400);
    }
    let filtered = SearchQuery { filter: Some("mw < 350 and rings >= 2".to_owned()), ..like("CCO", 15) };
    let near = SearchQuery { min_score: Some(0.7), ..like("CC(=O)Oc1ccccc1C(=O)O", 50) };
    let mut queries = vec![filtered, near, like("c1ccc2[nH]ccc2c1", 25)];
    queries.extend(
        [("c1ccc2[nH]ccc2c1", "contains"), ("[CX3](=O)[OX2H1]", "contains"), (STEROID, "contained-in")].map(
            |(query, mode)| SearchQuery {
                options: Options::of(&PROGRAM, [("mode", mode)]).unwrap(),
                ..like(query, 100)
            },
        ),
    );
    for query in queries {
        let (here, there) = (local.search(&query).await.unwrap(), milvus.search(&query).await.unwrap());
        assert!(!here.hits.is_empty(), "{query:?}");
        let sorted = |answer: &Answer| {
            // Equal scores come in any order, and the last of them may be others.
            let worst = answer.hits.last().unwrap().score;
            let inner = answer.hits.iter().zip(paths(answer)).filter(|(hit, _)| hit.score < worst - 1e-6);
            let mut all: Vec<_> =
                inner.map(|(hit, path)| ((hit.score * 1e5).round() as i64, path.to_owned())).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&here), sorted(&there), "{query:?}");
        assert_eq!((here.hits.len(), &here.notes), (there.hits.len(), &there.notes));
        let fields = |answer: &Answer| answer.hits[0].fields.keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&here), fields(&there));
        assert!(!fields(&here).iter().any(|name| name.starts_with('_')), "the screen is nobody's business");
    }
}
