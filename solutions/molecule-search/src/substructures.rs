//! Looks through a whole collection for molecules that contain a structure, or that one contains: page by page, by
//! their screens first, and those that are left atom by atom.

use std::sync::{Arc, Weak};

use bootcamp_core::{Fields, Filter, Hit, Id, Output, PageRequest, Record, Result};
use bootcamp_kit::{Context, Example, SearchQuery};
use futures::{StreamExt, TryStreamExt};

use crate::molecules::{SCREEN, screen, text};
use crate::{Effort, Limits, Molecule, Outcome, Pattern, Screen};

/// Records that are looked at together. Small enough to be done soon after nobody waits any more.
const PAGE: usize = 512;

/// What is looked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Molecules with this in them.
    Containing(Arc<Pattern>),
    /// Molecules that are in this one.
    Within { whole: Arc<Molecule>, screen: Screen },
}

impl Wanted {
    pub fn within(whole: Molecule) -> Self {
        Self::Within { screen: Screen::of(&whole), whole: Arc::new(whole) }
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
    /// Those too intricate for the steps that one may take: they may match.
    pub given_up: usize,
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
/// of atoms: since one is within the other, 1 less the share of the larger one's atoms that the smaller one has.
///
/// # Errors
/// `InvalidInput` for the filter; those of the store.
pub async fn search(context: &Context, query: &SearchQuery, wanted: Wanted, output: Output) -> Result<Found> {
    context.existing().await?;
    // Whoever points at a stored molecule does not want it back.
    let named: Vec<Id> = query.positive.iter().filter_map(Example::id).cloned().collect();
    let request = PageRequest {
        filter: query.filter.as_deref().map(Filter::parse).transpose()?,
        limit: PAGE,
        output: Output::only(["smiles", SCREEN]),
        after: None,
    };
    // Gone with this future: a request that took too long leaves no work behind.
    let waiting = Arc::new(());
    let pages = futures::stream::try_unfold(Some(request), |request| async move {
        let Some(request) = request else { return Ok(None) };
        let page = context.store.page(&context.collection, &request).await?;
        let next = page.next.map(|after| PageRequest { after: Some(after), ..request });
        Ok(Some((page.records, next)))
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parts = pages
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
        best.retain(|one: &Match| query.min_score.is_none_or(|worst| one.score <= worst) && !named.contains(&one.id));
        best.sort_by(|a: &Match, b| a.score.total_cmp(&b.score).then_with(|| a.id.cmp(&b.id)));
        best.truncate(query.k);
    }
    drop(parts);
    with_fields(context, best, output, found).await
}

async fn with_fields(context: &Context, best: Vec<Match>, output: Output, mut found: Found) -> Result<Found> {
    let ids: Vec<Id> = best.iter().map(|one| one.id.clone()).collect();
    let records = context.store.get(&context.collection, &ids, &output).await?;
    let mut fields: std::collections::HashMap<Id, Fields> =
        records.into_iter().filter_map(|record| Some((record.id?, record.fields))).collect();
    for Match { score, id, atoms } in best {
        // One may have gone meanwhile.
        let Some(fields) = fields.remove(&id) else { continue };
        found.hits.push(Hit { id, score, vectors: Default::default(), fields });
        found.atoms.push(atoms);
    }
    Ok(found)
}

/// Blocking.
fn look_at(records: Vec<Record>, wanted: &Wanted, waiting: &Weak<()>) -> Part {
    let mut part = Part::default();
    for record in records {
        if waiting.strong_count() == 0 {
            break;
        }
        let (Some(id), Some(smiles)) = (record.id, text(&record.fields, "smiles")) else { continue };
        let stored = text(&record.fields, SCREEN).and_then(screen);
        match look_into(smiles, stored.as_ref(), wanted) {
            Some((Outcome::Matched(atoms), score)) => part.matches.push(Match { score, id, atoms }),
            Some((Outcome::GaveUp, _)) => part.given_up += 1,
            _ => {}
        }
    }
    part
}

/// Without a screen every molecule is looked into. `None`: the screen rules it out, or it cannot be read.
fn look_into(smiles: &str, stored: Option<&Screen>, wanted: &Wanted) -> Option<(Outcome, f32)> {
    let possible = stored.is_none_or(|stored| match wanted {
        Wanted::Containing(pattern) => stored.may_contain(pattern.screen()),
        // One that has all bits was not followed to its end: its true ones are not known.
        Wanted::Within { screen, .. } => screen.may_contain(stored) || stored.ones() as usize == Screen::BITS,
    });
    if !possible {
        return None;
    }
    let molecule = Molecule::parse_within(smiles, &Limits { bytes: usize::MAX, atoms: usize::MAX }).ok()?;
    let outcome = match wanted {
        Wanted::Containing(pattern) => pattern.find(&molecule, &Effort::default()),
        Wanted::Within { whole, .. } => Pattern::of(&molecule).find(whole, &Effort::default()),
    };
    let (part, all) = match wanted {
        Wanted::Containing(pattern) => (pattern.atoms(), molecule.atoms()),
        Wanted::Within { whole, .. } => (molecule.atoms(), whole.atoms()),
    };
    Some((outcome, 1.0 - part as f32 / all.max(1) as f32))
}
