//! Scans a collection for molecules that contain a structure, that a structure contains, or that have a name:
//! in batches, first by screening bits, then atom by atom.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bootcamp_core::{Fields, Filter, Hit, Id, Output, Record, Result};
use bootcamp_kit::{Context, SearchQuery};
use futures::{StreamExt, TryStreamExt};

use crate::molecules::{SCREEN, screen, text};
use crate::{Effort, Molecule, Outcome, Pattern, Screen};

/// What to search for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Molecules that contain this structure.
    Containing(Arc<Pattern>),
    /// Molecules that this one contains.
    Within { whole: Arc<Molecule>, screen: Screen },
    /// Molecules whose name or id at their source has this in it, in whatever case.
    Named(Arc<str>),
}

impl Wanted {
    pub fn within(whole: Molecule) -> Self {
        Self::Within { screen: Screen::of(&whole), whole: Arc::new(whole) }
    }

    pub fn named(name: &str) -> Self {
        Self::Named(name.to_lowercase().into())
    }

    /// The fields needed to decide.
    fn output(&self) -> Output {
        match self {
            Self::Containing(_) | Self::Within { .. } => Output::only(["smiles", SCREEN]),
            Self::Named(_) => Output::only(["name", "source_id"]),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The best, with all fields that were asked for: those with the least beside the pattern first.
    pub hits: Vec<Hit>,
    /// Of each hit the atoms that matched, in the pattern's order: the molecule's, or those of the structure it is in.
    pub atoms: Vec<Vec<usize>>,
    /// All that match.
    pub matches: usize,
    /// Undecided molecules, where the step limit was reached.
    pub given_up: usize,
}

impl Found {
    /// How many there are beside those that are shown, for people.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!("{} {}", self.matches, if self.matches == 1 { "match" } else { "matches" })];
        if self.given_up > 0 {
            notes.push(format!("{} more may match, but are too complex to check", self.given_up));
        }
        notes
    }
}

/// A molecule that matches.
#[derive(Debug)]
struct Match {
    score: f32,
    id: Id,
    atoms: Vec<usize>,
}

#[derive(Debug, Default)]
struct Part {
    matches: Vec<Match>,
    given_up: usize,
}

/// The `k` best of the molecules that pass the query's filter. A score is a Jaccard distance as for fingerprints, but
/// of atoms: since one is within the other, 1 less the share of the larger one's atoms that the smaller one has. Of names it
/// is the same of letters.
///
/// # Errors
/// `InvalidInput` for the filter; those of the store.
pub async fn search(context: &Context, query: &SearchQuery, wanted: Wanted, output: Output) -> Result<Found> {
    context.existing().await?;
    let named: Vec<&Id> = query.named().collect();
    let filter = query.filter.as_deref().map(Filter::parse).transpose()?;
    // Cancelled with this future: a request that timed out leaves no work behind.
    let waiting = Arc::new(());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let batches = context.store.batches(&context.collection, filter, wanted.output());
    let mut parts = batches
        .map_ok(|records| {
            let (wanted, waiting) = (wanted.clone(), Arc::downgrade(&waiting));
            context.compute(move || Ok(look_at(records, &wanted, &waiting)))
        })
        .try_buffered(cores)
        .boxed();
    let (mut best, mut found) = (Vec::new(), Found::default());
    while let Some(part) = parts.try_next().await? {
        found.matches += part.matches.len();
        found.given_up += part.given_up;
        best.extend(part.matches);
        best.retain(|one: &Match| query.min_score.is_none_or(|worst| one.score <= worst) && !named.contains(&&one.id));
        best.sort_by(|a: &Match, b| a.score.total_cmp(&b.score).then_with(|| a.id.cmp(&b.id)));
        best.truncate(query.k);
    }
    drop(parts);
    with_fields(context, best, output, found).await
}

async fn with_fields(context: &Context, best: Vec<Match>, output: Output, mut found: Found) -> Result<Found> {
    let ids: Vec<Id> = best.iter().map(|one| one.id.clone()).collect();
    let mut fields = fields_of(context, &ids, &output).await?;
    for Match { score, id, atoms } in best {
        // It may have been removed meanwhile.
        let Some(fields) = fields.remove(&id) else { continue };
        found.hits.push(Hit { id, score, vectors: Default::default(), fields });
        found.atoms.push(atoms);
    }
    Ok(found)
}

/// The fields of stored molecules.
///
/// # Errors
/// Those of the store.
pub async fn fields_of(context: &Context, ids: &[Id], output: &Output) -> Result<HashMap<Id, Fields>> {
    let records = context.store.get(&context.collection, ids, output).await?;
    Ok(records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect())
}

/// Blocking.
fn look_at(records: Vec<Record>, wanted: &Wanted, waiting: &Weak<()>) -> Part {
    let mut part = Part::default();
    for record in records {
        if waiting.strong_count() == 0 {
            break;
        }
        let (Some(id), fields) = (record.id, &record.fields) else { continue };
        match look_into(fields, wanted) {
            Some((Outcome::Matched(atoms), score)) => part.matches.push(Match { score, id, atoms }),
            Some((Outcome::GaveUp, _)) => part.given_up += 1,
            _ => {}
        }
    }
    part
}

/// `None`: it is certainly not what is wanted, or cannot be read.
fn look_into(fields: &Fields, wanted: &Wanted) -> Option<(Outcome, f32)> {
    if let Wanted::Named(part) = wanted {
        let score = ["name", "source_id"].iter().filter_map(|name| score_of_name(text(fields, name)?, part));
        return score.min_by(f32::total_cmp).map(|score| (Outcome::Matched(Vec::new()), score));
    }
    let stored = text(fields, SCREEN).and_then(screen);
    look_into_structure(text(fields, "smiles")?, stored.as_ref(), wanted)
}

/// `None` where the name does not have the part, which is in lower case.
fn score_of_name(name: &str, part: &str) -> Option<f32> {
    let name = name.to_lowercase();
    name.contains(part).then(|| 1.0 - part.chars().count() as f32 / name.chars().count().max(1) as f32)
}

/// Without a screen every molecule is looked into.
fn look_into_structure(smiles: &str, stored: Option<&Screen>, wanted: &Wanted) -> Option<(Outcome, f32)> {
    let possible = stored.is_none_or(|stored| match wanted {
        Wanted::Containing(pattern) => stored.may_contain(pattern.screen()),
        // One that has all bits was not followed to its end: its true ones are not known.
        Wanted::Within { screen, .. } => screen.may_contain(stored) || stored.ones() as usize == Screen::BITS,
        Wanted::Named(_) => false,
    });
    if !possible {
        return None;
    }
    let molecule = Molecule::trusted(smiles).ok()?;
    let effort = Effort::default();
    let (outcome, part, all) = match wanted {
        Wanted::Containing(pattern) => (pattern.find(&molecule, &effort), pattern.atoms(), molecule.atoms()),
        Wanted::Within { whole, .. } => (Pattern::of(&molecule).find(whole, &effort), molecule.atoms(), whole.atoms()),
        Wanted::Named(_) => return None,
    };
    Some((outcome, 1.0 - part as f32 / all.max(1) as f32))
}
