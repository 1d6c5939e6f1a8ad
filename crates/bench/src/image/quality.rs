//! Whether what is found is right: stamps of the same kind, and the original of an edited copy. Beside Python, which
//! compares all with all: a difference would be ours (decoding, resizing, the index), not the model's. Then the models that
//! are for what pictures show, beside the program's own, which is for copies.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::http::{Client, Item};
use super::{CONTENT_MODELS, MODEL, Program, Stamps};
use crate::report::{Goal, Table, number, progress};

/// Stamps that edited copies are made of.
const EDITED: usize = 200;
/// How far below Python's a share may be: two of 200.
const TOLERANCE: f64 = 0.01;
/// Stamps of a folder from which on a search can find five others.
const FULL: usize = 6;
/// Hits asked for.
const K: usize = 10;

/// Edited copies by kind of edit, in the order of the pictures that they were made of.
#[derive(Deserialize)]
struct Edits {
    made: BTreeMap<String, Vec<PathBuf>>,
}

/// What Python found: numbers of stamps, best first.
#[derive(Deserialize)]
struct Exact {
    pictures: Vec<Vec<usize>>,
    edits: BTreeMap<String, Vec<Vec<usize>>>,
}

pub fn run(program: &Program, stamps: &Stamps) -> Result<()> {
    content(program, stamps)?;
    let edited: Vec<usize> = (0..EDITED).map(|at| at * stamps.paths.len() / EDITED).collect();
    let originals: Vec<&PathBuf> = edited.iter().map(|at| &stamps.paths[*at]).collect();
    progress("editing stamps …");
    let task = json!({"task": "edit", "pictures": originals, "folder": program.root.join("edits")});
    // Pillow makes the copies, so without it there is nothing to look for.
    let Some(made) = program.ask_python(task)? else { return Ok(()) };
    let edits: Edits = serde_json::from_str(&made.output)?;
    progress("searching with Python …");
    let task = json!({"task": "search", "pictures": stamps.paths, "edits": edits.made});
    let exact = program.ask_python(task)?.context("Python is gone")?;
    let exact: Exact = serde_json::from_str(&exact.output)?;
    progress("searching …");
    let server = program.serve(stamps.store.path())?;
    let client = Client::of(&server);
    let known = Known::read(&client, &stamps.paths)?;
    precision(&client, &known, &exact)?;
    copies(&client, &known, &edits, &exact, &edited)
}

/// The stored stamps, in the order of their paths.
struct Known(Vec<Item>);

impl Known {
    fn read(client: &Client, paths: &[PathBuf]) -> Result<Self> {
        let items = client.items()?.into_iter().map(|item| (PathBuf::from(&item.fields.path), item));
        let mut items: HashMap<PathBuf, Item> = items.collect();
        let items = paths.iter().map(|path| items.remove(path).context("a stamp is missing"));
        Ok(Self(items.collect::<Result<_>>()?))
    }

    /// Whether a stamp is of a kind with another: of the same folder.
    fn is_alike(&self, at: usize, path: &str) -> bool {
        Path::new(&self.0[at].fields.path).parent() == Path::new(path).parent()
    }

    /// Stamps of its kind, itself included.
    fn alike(&self, at: usize) -> usize {
        self.0.iter().filter(|item| self.is_alike(at, &item.fields.path)).count()
    }

    /// Each stamp as the query, itself left out: whether hits are of its kind.
    fn like_each(&self, client: &Client, k: usize) -> Result<Vec<Vec<bool>>> {
        let search = |(at, item): (usize, &Item)| {
            let found = client.search_like(&item.id, k)?;
            ensure!(found.hits.iter().all(|hit| hit.id != item.id), "a search by id gave the item itself");
            Ok(found.hits.iter().map(|hit| self.is_alike(at, &hit.fields.path)).collect())
        };
        self.0.iter().enumerate().map(search).collect()
    }

    /// Each stamp with a caption of its own, by that: whether hits are the stamp.
    fn by_captions(&self, client: &Client) -> Result<Vec<Vec<bool>>> {
        let mut of: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, item) in self.0.iter().enumerate() {
            item.fields.caption.iter().for_each(|caption| of.entry(caption).or_default().push(at));
        }
        let own =
            of.into_iter().filter_map(|(caption, items)| Some((caption, *items.first()?)).filter(|_| items.len() == 1));
        let search = |(caption, at): (&str, usize)| {
            let found = client.search_words(caption, K)?;
            Ok(found.hits.iter().map(|hit| self.is_same(at, &hit.fields.content_hash)).collect())
        };
        own.map(search).collect()
    }

    /// Whether it is the stamp itself, or one with the same bytes under another name.
    fn is_same(&self, at: usize, content_hash: &str) -> bool {
        self.0[at].fields.content_hash == content_hash
    }
}

/// The share of right ones among the first k of each row.
fn share(right: &[Vec<bool>], k: usize) -> f64 {
    let count = right.iter().flat_map(|hits| hits.iter().take(k)).filter(|right| **right).count();
    count as f64 / (right.len() * k) as f64
}

/// The share of rows with a right one among the first k.
fn recall(right: &[Vec<bool>], k: usize) -> f64 {
    let found = right.iter().filter(|hits| hits.iter().take(k).any(|right| *right)).count();
    found as f64 / right.len() as f64
}

/// Each stamp as the query, itself left out.
fn precision(client: &Client, known: &Known, exact: &Exact) -> Result<()> {
    let ours = known.like_each(client, 5)?;
    let alike = |(at, row): (usize, &Vec<usize>)| {
        row.iter().map(|hit| known.is_alike(at, &known.0[*hit].fields.path)).collect::<Vec<_>>()
    };
    let python: Vec<Vec<bool>> = exact.pictures.iter().enumerate().map(alike).collect();
    let full: Vec<usize> = (0..known.0.len()).filter(|at| known.alike(*at) >= FULL).collect();
    let mut table = Table::new("each stamp as the query: the share of hits from its folder", &[""; 4]);
    let all: Vec<usize> = (0..known.0.len()).collect();
    for (which, queries) in [("of all".to_owned(), all), (format!("of folders with {FULL} and more"), full)] {
        let pick = |right: &[Vec<bool>]| queries.iter().map(|at| right[*at].clone()).collect::<Vec<_>>();
        let (ours, python) = (pick(&ours), pick(&python));
        for k in [1, 5] {
            let (ours, python) = (share(&ours, k), share(&python, k));
            let goal = Goal::AtLeast(rounded(python - TOLERANCE));
            let detail = format!("Python, exact: {}; {} queries", number(python), queries.len());
            table.figure(&format!("precision@{k} {which}"), ours, "", goal, detail);
        }
    }
    Ok(())
}

/// The first hit of each stamp with each model for what pictures show. Stamps that are alone in their folder are left out.
fn content(program: &Program, stamps: &Stamps) -> Result<()> {
    let title = "each stamp as the query, by model: whether the first hit is from its folder";
    let mut table = Table::new(title, &["", "folders of 2 and more", &format!("of {FULL} and more"), ""]);
    let (mut least, mut described) = (None, Vec::new());
    for model in std::iter::once(MODEL).chain(CONTENT_MODELS) {
        progress(&format!("searching with {model} …"));
        let program = program.with_model(model)?;
        let imported = if model == MODEL { None } else { Some(Stamps::import(&program)?) };
        let stamps = imported.as_ref().unwrap_or(stamps);
        let server = program.serve(stamps.store.path())?;
        let client = Client::of(&server);
        let known = Known::read(&client, &stamps.paths)?;
        let right = known.like_each(&client, 1)?;
        let [most, full] = [2, FULL].map(|size| {
            let rows = right.iter().enumerate().filter(|(at, _)| known.alike(*at) >= size);
            share(&rows.map(|(_, row)| row.clone()).collect::<Vec<_>>(), 1)
        });
        // What a model for copies finds is the least that one for content should.
        if model != MODEL {
            described.push((model, known.by_captions(&client)?));
        }
        let verdict = least.map_or(String::new(), |least| Goal::AtLeast(least).verdict(most));
        least = least.or(Some(rounded(most)));
        table.row([model.to_owned(), format!("{most:.3}"), format!("{full:.3}"), verdict]);
    }
    drop(table);
    let mut table =
        Table::new("each stamp by its own caption, where no other has that", &["", "recall@1", "recall@10", ""]);
    for (model, right) in described {
        let shares = [1, K].map(|k| format!("{:.3}", recall(&right, k)));
        table.row(std::iter::once(model.to_owned()).chain(shares).chain([format!("{} queries", right.len())]));
    }
    Ok(())
}

/// Each edited copy as the query.
fn copies(client: &Client, known: &Known, edits: &Edits, exact: &Exact, edited: &[usize]) -> Result<()> {
    let columns = ["", "recall@1", "recall@10", "Python's @1", "@10", ""];
    let mut table =
        Table::new(&format!("edited copies of {EDITED} stamps: the share that finds the original"), &columns);
    for (name, paths) in &edits.made {
        let mut ours = Vec::with_capacity(paths.len());
        for (path, original) in paths.iter().zip(edited) {
            let found = client.search_file(&std::fs::read(path)?, K)?;
            ours.push(found.hits.iter().map(|hit| known.is_same(*original, &hit.fields.content_hash)).collect());
        }
        let same = |(row, original): (&Vec<usize>, &usize)| {
            row.iter().map(|hit| known.is_same(*original, &known.0[*hit].fields.content_hash)).collect()
        };
        let python: Vec<Vec<bool>> = exact.edits[name].iter().zip(edited).map(same).collect();
        let shares = [recall(&ours, 1), recall(&ours, K), recall(&python, 1), recall(&python, K)];
        let goal = Goal::AtLeast(rounded(shares[2] - TOLERANCE));
        let verdict = goal.verdict(shares[0]);
        table.row(std::iter::once(name.clone()).chain(shares.map(|share| format!("{share:.3}"))).chain([verdict]));
    }
    Ok(())
}

/// As it is shown.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_hits_and_recall_counts_queries() {
        let right = [vec![true, false], vec![false, true], vec![false, false], vec![true, true]];
        assert_eq!((share(&right, 1), share(&right, 2)), (0.5, 0.5));
        assert_eq!((recall(&right, 1), recall(&right, 2)), (0.5, 0.75));
    }
}
