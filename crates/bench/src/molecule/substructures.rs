//! How fast the program finds what contains a structure, beside RDKit's SubstructLibrary, and whether both find the
//! same.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bench, data};
use crate::measure::{median, median_ratio};
use crate::report::{Goal, Table, number, progress};
use crate::server::Server;

const MOLECULES: usize = 100_000;
/// Each takes minutes, most of them RDKit's.
const ROUNDS: usize = 2;
/// Every so manieth of the tests' queries.
const STEP: usize = 9;
/// Of all pairs, the share in which both may differ: the tests find 0.011 %.
const TOLERANCE: f64 = 1e-3;

/// How long a query took, and how many molecules match.
#[derive(Deserialize)]
struct Found {
    ms: f64,
    matches: usize,
}

pub fn run(bench: &mut Bench) -> Result<()> {
    let molecules = data::molecules(&bench.root, &bench.samples, MOLECULES)?;
    let store = bench.root.join(format!("program-{}", env!("CARGO_PKG_VERSION")));
    let done = bench.root.join("program.done");
    if !done.exists() {
        progress("importing molecules …");
        let _ = std::fs::remove_dir_all(&store);
        std::fs::create_dir(&store)?;
        super::import::import(bench, &store, &molecules, MOLECULES)?;
        std::fs::write(&done, "")?;
    }
    progress("loading RDKit's library …");
    let name: String = bench.peer.ask(&json!({"library": molecules}))?;
    let queries = queries();
    let server = Server::start(&mut bench.command(&store, ["serve", "--port", "0"]))?;
    let agent = server.agent();
    progress("searching …");
    // By query, and within by round. The first round warms up.
    let (mut ours, mut theirs) = (vec![Vec::new(); queries.len()], vec![Vec::new(); queries.len()]);
    let mut matches = vec![(0, 0); queries.len()];
    for round in 0..=ROUNDS {
        bench.noise.sample();
        for (at, (kind, text)) in queries.iter().enumerate() {
            let our = ask(&agent, &server, kind, text)?;
            let their: Found = bench.peer.ask(&json!({"contains": text, "kind": kind}))?;
            matches[at] = (our.matches, their.matches);
            if round > 0 {
                ours[at].push(our.ms);
                theirs[at].push(their.ms);
            }
        }
    }
    let differing: usize = matches.iter().map(|(ours, theirs)| ours.abs_diff(*theirs)).sum();
    let share = differing as f64 / (MOLECULES * queries.len()) as f64;
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| median_ratio(theirs, ours)).collect();
    let round = |sides: &[Vec<f64>], at: usize| sides.iter().map(|ms| ms[at]).sum::<f64>();
    let sums = |sides: &[Vec<f64>]| (0..ROUNDS).map(|at| round(sides, at)).collect::<Vec<f64>>();
    let (our_sums, their_sums) = (sums(&ours), sums(&theirs));
    let heading = format!(
        "molecules that contain one of {} structures, among {}, all cores",
        queries.len(),
        number(MOLECULES as f64)
    );
    let mut table = Table::new(&heading, &["", "ratio", "goal", ""]);
    let each = |sums: &[f64]| number(median(sums.iter().copied()) / queries.len() as f64);
    let detail = format!("{} and {} ms a query on average", each(&our_sums), each(&their_sums));
    let what = format!("queries/s ÷ {name}");
    table.figure(&what, median_ratio(&their_sums, &our_sums), "", Goal::AtLeast(1.0), detail);
    let middle = |sides: &[Vec<f64>]| number(median(sides.iter().map(|ms| median(ms.iter().copied()))));
    let detail = format!("{} and {} ms", middle(&ours), middle(&theirs));
    table.figure("  of the query in the middle", median(ratios.iter().copied()), "", Goal::None, detail);
    let worst = (0..queries.len()).min_by(|a, b| ratios[*a].total_cmp(&ratios[*b])).context("no query")?;
    let detail = format!("{}: {} matches", queries[worst].1, matches[worst].0);
    table.figure("  of the worst query", ratios[worst], "", Goal::None, detail);
    let all: usize = matches.iter().map(|(ours, _)| ours).sum();
    let detail = format!("{} matches; counts differ in {}", number(all as f64), number(differing as f64));
    table.figure(
        "  shares of pairs in which RDKit differs",
        share * 100.0,
        " %",
        Goal::AtMost(TOLERANCE * 100.0),
        detail,
    );
    let others: Vec<_> = queries.iter().zip(&matches).filter(|(_, (ours, theirs))| ours != theirs).collect();
    ensure!(share <= TOLERANCE, "RDKit finds others: {others:?}");
    Ok(())
}

/// Some of the tests' queries: `smiles` or `smarts`, and the text. None asks for hybridisation, which molecules in RDKit's
/// fastest library do not have.
fn queries() -> Vec<(&'static str, &'static str)> {
    let all = include_str!("../../../../solutions/molecule-search/tests/queries.txt").lines();
    let all = all.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    all.step_by(STEP).filter(|(_, text)| !text.contains('^')).collect()
}

/// Asks the program as its page does. It tells itself how long it searched.
fn ask(agent: &ureq::Agent, server: &Server, kind: &str, text: &str) -> Result<Found> {
    let body = json!({"positive": [{"words": text}], "k": 10, "options": {"mode": "contains", "syntax": kind}});
    let mut answer = agent
        .post(format!("{}/search", server.api()))
        .header("content-type", "application/json")
        .send(body.to_string())
        .with_context(|| format!("{kind} {text}"))?;
    let answer: Value = serde_json::from_slice(&answer.body_mut().read_to_vec()?)?;
    let ms = answer["timings"]["search_ms"].as_f64().context("no time")?;
    let note =
        answer["notes"][0].as_str().and_then(|note| note.split_whitespace().next()).context("no matches told")?;
    Ok(Found { ms, matches: note.parse()? })
}
