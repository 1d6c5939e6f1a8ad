//! What searches find, beside brute force, beside RDKit, and on a real Milvus server beside the local store.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bootcamp_core::{ErrorKind, SearchParams};
use bootcamp_kit::ingest::Import;
use bootcamp_kit::source::Places;
use bootcamp_kit::{Answer, GlobalArgs, Options, Report, SearchQuery, Settings, Solution, Subject, Watch};
use bootcamp_testkit::milvus::{MilvusLiteServer, MilvusServer};
use molecule_search::{Columns, Effort, Fingerprint, Molecule, Outcome, PROGRAM, Pattern, read, tanimoto, tversky};

use crate::reference::{MOLECULES, rows, sample};

const FILES: [&str; 4] = ["chembl_drugs.csv", "chembl_samples.csv", "freesolv.csv", "solubility.train.sdf"];

async fn open(store: &str) -> Arc<dyn Solution> {
    let args = GlobalArgs { store: Some(store.to_owned()), ..GlobalArgs::default() };
    let context = Settings::read(&args).unwrap().open(&PROGRAM.facts, Arc::new(|_| {})).await.unwrap();
    (PROGRAM.open)(context)
}

async fn import(solution: &dyn Solution, paths: Vec<PathBuf>) -> Report {
    import_with(solution, paths, &[]).await
}

async fn import_with(solution: &dyn Solution, paths: Vec<PathBuf>, options: &[(&str, &str)]) -> Report {
    let options = Options::of(PROGRAM.facts.import_options, options.iter().copied()).unwrap();
    let places = Places { options: options.clone(), ..Places::new(paths) };
    let sources = solution.discover(&places).unwrap();
    solution.import(Import { options, ..Import::new(sources, Watch::default()) }).await.unwrap()
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
    other_coefficients(&*solution, &numbers, &all).await;
    contained(&*solution, &numbers).await;
}

/// Dice's and Tversky's best are found although the store looks for Tanimoto's; where they may not be, that is said.
async fn other_coefficients(solution: &dyn Solution, numbers: &HashMap<String, usize>, all: &[Vec<u8>]) {
    for (name, alpha, beta, least) in [("dice", 0.5, 0.5, 0.0), ("tversky", 0.7, 0.3, 0.0), ("tversky", 1.0, 0.0, 0.6)]
    {
        let (weights, at_least) = ([alpha, beta].map(|weight: f64| weight.to_string()), least.to_string());
        let mut chosen = vec![("coefficient", name), ("min-similarity", at_least.as_str())];
        if name == "tversky" {
            chosen.extend([("alpha", weights[0].as_str()), ("beta", weights[1].as_str())]);
        }
        for (query, row) in MOLECULES.iter().step_by(613) {
            let query = Fingerprint::Ecfp4.of(query).unwrap();
            let mut best: Vec<f64> = all.iter().map(|other| tversky(&query, other, alpha, beta)).collect();
            best.sort_by(|a, b| b.total_cmp(a));
            best.retain(|value| *value >= least);
            let options = Options::of(PROGRAM.facts.options, chosen.iter().copied()).unwrap();
            let asked = SearchQuery { options, ..like(row["smiles"].as_str().unwrap(), 20) };
            let answer = solution.search(&asked).await.unwrap();
            // All samples are fewer than are scored at most.
            assert!(answer.notes.is_empty(), "{:?}", answer.notes);
            assert_eq!(answer.hits.len(), best.len().min(20));
            for ((path, details), best) in paths(&answer).into_iter().zip(&answer.details).zip(best) {
                let value = details[name].as_f64().unwrap();
                let known = tversky(&query, &all[numbers[path]], alpha, beta);
                assert!(
                    (value - known).abs() < 1e-9 && (value - best).abs() < 1e-9,
                    "{name} {path}: {value} {known} {best}"
                );
            }
        }
    }
}

/// A steroid with what chemists like to hang onto one; some samples are parts of it.
const STEROID: &str = "CC(=O)Oc1ccc2c(c1)CC[C@@H]1[C@@H]2CC[C@]2(C)[C@@H](OC(=O)CCc3ccccc3)CC[C@@H]12";

/// What RDKit finds in the samples, and what is in one of them.
async fn contained(solution: &dyn Solution, numbers: &HashMap<String, usize>) {
    let ask = |query: &str, mode, syntax| SearchQuery {
        options: Options::of(PROGRAM.facts.options, [("mode", mode), ("syntax", syntax)]).unwrap(),
        ..like(query, 1000)
    };
    // Where RDKit differs on purpose is in `substructures.rs`.
    let rows = rows("hits.jsonl");
    for row in rows.iter().step_by(9).filter(|row| row["query"] != "[N+](=O)[O-]" && row["query"] != "[2H]") {
        let (query, syntax) = (row["query"].as_str().unwrap(), row["kind"].as_str().unwrap());
        let known: Vec<bool> = row["hits"].as_str().unwrap().bytes().map(|byte| byte == b'1').collect();
        let expected = known.iter().filter(|hit| **hit).count();
        let answer = solution.search(&ask(query, "contains", syntax)).await.unwrap();
        assert_eq!(answer.notes, [format!("{expected} match{}", if expected == 1 { "" } else { "es" })], "{query}");
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
    let table = std::fs::read_to_string(sample(FILES[2])).unwrap();
    let named = folder.path().join("named.csv");
    std::fs::write(&named, table.lines().take(101).collect::<Vec<_>>().join("\n")).unwrap();
    let both = vec![drugs, named];
    let server = MilvusServer::start().await;
    let uri = server.settings().uri.unwrap();
    let local = open(folder.path().join("store").to_str().unwrap()).await;
    let milvus = open(&uri).await;
    for solution in [&local, &milvus] {
        let report = import(&**solution, both.clone()).await;
        assert_eq!((report.added, report.skipped), (500, 0));
        assert_eq!(import(&**solution, both.clone()).await.unchanged, 500);
    }
    let filtered = SearchQuery { filter: Some("mw < 350 and rings >= 2".to_owned()), ..like("CCO", 15) };
    let near = SearchQuery { min_score: Some(0.7), ..like("CC(=O)Oc1ccccc1C(=O)O", 50) };
    let mut queries = vec![filtered, near, like("c1ccc2[nH]ccc2c1", 25)];
    queries.extend(
        [("c1ccc2[nH]ccc2c1", "contains"), ("[CX3](=O)[OX2H1]", "contains"), (STEROID, "contained-in")].map(
            |(query, mode)| SearchQuery {
                options: Options::of(PROGRAM.facts.options, [("mode", mode)]).unwrap(),
                ..like(query, 100)
            },
        ),
    );
    let other = |chosen: &[(&str, &str)], query: &str| SearchQuery {
        options: Options::of(PROGRAM.facts.options, chosen.iter().copied()).unwrap(),
        ..like(query, 12)
    };
    queries.push(other(&[("coefficient", "tversky"), ("alpha", "0.6"), ("beta", "0.4")], STEROID));
    queries.push(other(&[("min-similarity", "0.25")], "CC(=O)Oc1ccccc1C(=O)O"));
    queries.push(other(&[("mode", "named")], "ine"));
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
    clusters_find_what_they_are_asked_to_probe(&uri).await;
}

/// With all clusters probed the answer is exact, with one it is not.
async fn clusters_find_what_they_are_asked_to_probe(uri: &str) {
    let args = |collection: &str| GlobalArgs {
        store: Some(uri.to_owned()),
        collection: Some(collection.to_owned()),
        ..GlobalArgs::default()
    };
    let mut solutions = Vec::new();
    for (collection, index) in [("exact", "exact"), ("clusters", "ivf")] {
        let context = Settings::read(&args(collection)).unwrap().open(&PROGRAM.facts, Arc::new(|_| {})).await.unwrap();
        let solution = (PROGRAM.open)(context);
        let report = import_with(&*solution, vec![sample(FILES[0]), sample(FILES[1])], &[("index", index)]).await;
        assert_eq!(report.skipped, 0);
        let context = solution.context();
        context.store.flush(&context.collection, None).await.unwrap();
        let info = context.describe().await.unwrap().unwrap();
        let (kind, exact) = if index == "ivf" { ("BIN_IVF_FLAT", false) } else { ("BIN_FLAT", true) };
        let served = &info.indexes[0];
        assert!(served.served_by.contains(kind) && served.exact == exact, "{served:?}");
        solutions.push(solution);
    }
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for smiles in ["CC(=O)Oc1ccccc1C(=O)O", "c1ccc2[nH]ccc2c1", STEROID] {
        for ((solution, nprobe), found) in [(0, None), (1, Some(1024)), (1, Some(1))].into_iter().zip(&mut found) {
            let params = SearchParams { nprobe, ..SearchParams::default() };
            let answer = solutions[solution].search(&SearchQuery { params, ..like(smiles, 20) }).await.unwrap();
            found.extend(answer.hits.into_iter().map(|hit| (hit.score * 1e5).round() as i64));
        }
    }
    let [exact, all, one] = found;
    assert_eq!(exact, all);
    println!(
        "one cluster: {} of {} hits are among the best",
        one.iter().filter(|s| exact.contains(s)).count(),
        exact.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_vectors_of_bits_is_told_at_the_first_import() {
    let server = MilvusLiteServer::start().await;
    let solution = open(&server.settings().uri.unwrap()).await;
    let sources = solution.discover(&Places::new(vec![sample(FILES[0])])).unwrap();
    let import = Import::new(sources, Watch::default());
    let error = solution.import(import).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let told = format!("{error} {:?}", error.hint());
    assert!(told.contains("binary") && told.contains("Milvus Lite"), "{told}");
    assert!(solution.context().describe().await.unwrap().is_none(), "nothing is left half made");
}
