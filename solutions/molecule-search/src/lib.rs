//! Molecule search: molecules become fingerprints, and a search finds those that are similar, those that contain a
//! structure, and those that a structure contains.
//!
//! Read [`MoleculeSearch::search`] first. [`discover`] says what in a file is a molecule, [`molecules`] how one becomes a
//! record, [`query`] what a query means, and [`substructures`] looks for structures within structures. Everything else
//! (queues, flags, HTTP, the page) is the kit's.
//!
//! Below that is the chemistry. [`Molecule`] is a structure that was read and checked; [`Fingerprint`] turns it into bits
//! for similarity; [`Pattern`] finds it within another one atom by atom, after [`Screen`] has ruled out most; [`readers`]
//! bring molecules from files, and [`drawing`] shows them.

#![forbid(unsafe_code)]

pub mod discover;
pub mod drawing;
mod fault;
mod fingerprint;
mod molecule;
pub mod molecules;
mod properties;
pub mod query;
pub mod readers;
mod sample;
mod screen;
mod substructure;
pub mod substructures;
mod syntax;

use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, Fields, Metric, Output, Result, VectorField, VectorKind};
use bootcamp_kit::ingest::{Import, Report, ingest};
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{Answer, Card, Context, Laps, OwnVector, Program, SearchOption, SearchQuery, Solution};

pub use drawing::{Drawing, draw};
pub use fingerprint::{Fingerprint, dice, tanimoto, tversky};
pub use molecule::{Limits, Molecule};
pub use properties::Properties;
pub use readers::{Columns, Record, Records, Structure, read};
pub use screen::Screen;
pub use substructure::{Effort, Outcome, Pattern};

use molecules::Molecules;
use query::Syntax;
use substructures::{Found, Wanted};

/// What this program is.
pub static PROGRAM: Program = Program {
    name: "molecule-search",
    title: "Molecule search",
    summary: "Finds molecules that are similar to one, that contain a structure, or that one contains",
    version: env!("CARGO_PKG_VERSION"),
    collection: "molecule_search",
    model: None,
    vectors: &[
        bits(Fingerprint::Ecfp4, "what is within two bonds of each atom"),
        bits(Fingerprint::Ecfp6, "what is within three bonds of each atom"),
        bits(Fingerprint::Ecfp4Short, "ECFP4, folded"),
        bits(Fingerprint::Maccs, "166 structural keys"),
    ],
    words: Some("SMILES or SMARTS"),
    options: &[
        SearchOption {
            name: "mode",
            env: "BOOTCAMP_MODE",
            help: "Find molecules that are similar to the query, that contain it, or that are contained in it",
            values: &["similar", "contains", "contained-in"],
        },
        SearchOption {
            name: "syntax",
            env: "BOOTCAMP_SYNTAX",
            help: "How a structure to contain is written; either: as SMILES if it is one, else as SMARTS",
            values: &["either", "smiles", "smarts"],
        },
    ],
    accepts: &["molecule"],
    // The same fingerprint: stereoisomers, mostly.
    duplicates: Some(0.0),
    sample: Some(sample::SAMPLE),
    open: |context| Arc::new(MoleculeSearch { fingerprint: fingerprint(&context), context }),
};

const fn bits(fingerprint: Fingerprint, summary: &'static str) -> OwnVector {
    let (name, dim) = (fingerprint.name(), fingerprint.bits());
    OwnVector { name, summary, kind: VectorKind::Binary, dim, metric: Metric::Jaccard }
}

/// The one that the collection has.
fn fingerprint(context: &Context) -> Fingerprint {
    context.vector.and_then(|vector| vector.name.parse().ok()).unwrap_or_default()
}

/// Molecule search on one collection.
#[derive(Debug)]
pub struct MoleculeSearch {
    context: Context,
    fingerprint: Fingerprint,
}

#[async_trait]
impl Solution for MoleculeSearch {
    fn context(&self) -> &Context {
        &self.context
    }

    fn collection(&self) -> CollectionSpec {
        let vector = VectorField::binary(&self.context.field, self.fingerprint.bits(), self.context.metric);
        self.context.spec(vector, molecules::fields())
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        discover::discover(places)
    }

    /// Files to records to molecules to fingerprints.
    async fn import(&self, import: Import) -> Result<Report> {
        let import = Import { sources: discover::records(import.sources), ..import };
        let molecules = Molecules { fingerprint: self.fingerprint, limits: Limits::default() };
        ingest(&self.context, &self.collection(), molecules, import).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        match query.options.get("mode") {
            Some("contains") => self.containing(query).await,
            Some("contained-in") => self.within(query).await,
            _ => self.similar(query).await,
        }
    }

    fn present(&self, fields: &Fields) -> Card {
        let text = |name| molecules::text(fields, name).map(str::to_owned);
        let title = text("name").or_else(|| text("source_id")).or_else(|| text("formula"));
        Card { title: title.unwrap_or_default(), caption: text("smiles"), label: text("label") }
    }

    fn draw(&self, fields: &Fields, marked: &[usize]) -> Result<Option<String>> {
        let molecule = Molecule::parse(molecules::text(fields, "smiles").unwrap_or_default())?;
        let drawing = Drawing { highlight: marked.to_vec(), title: Some(self.present(fields).title) };
        draw(&molecule, &drawing).map(Some)
    }
}

impl MoleculeSearch {
    /// Those whose fingerprints are nearest to the query's.
    async fn similar(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let vector = query::fingerprint(&self.context, query, self.fingerprint).await?;
        let encode_ms = laps.lap();
        let hits = query.find(&self.context, vector, self.output()).await?;
        Ok(Answer { hits, encode_ms, search_ms: laps.lap(), ..Answer::default() })
    }

    /// Those that contain the query.
    async fn containing(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let structure = query::structure(&self.context, query).await?;
        let syntax = Syntax::named(query.options.get("syntax"));
        let pattern = self.context.compute(move || query::pattern(&structure, syntax)).await?;
        let encode_ms = laps.lap();
        let wanted = Wanted::Containing(Arc::new(pattern));
        let found = substructures::search(&self.context, query, wanted, self.output()).await?;
        Ok(answer(found, "contain it", "atoms", encode_ms, laps.lap()))
    }

    /// Those that the query contains.
    async fn within(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let structure = query::structure(&self.context, query).await?;
        let wanted = self.context.compute(move || Ok(Wanted::within(structure.molecule(&Limits::default())?))).await?;
        let encode_ms = laps.lap();
        let found = substructures::search(&self.context, query, wanted, self.output()).await?;
        Ok(answer(found, "are in it", "query_atoms", encode_ms, laps.lap()))
    }

    fn output(&self) -> Output {
        self.context.output(&self.collection())
    }
}

/// `atoms` names the details' field: atoms of the molecule that was found, or of the query.
fn answer(found: Found, are: &str, atoms: &str, encode_ms: f64, search_ms: f64) -> Answer {
    let Found { hits, atoms: matched, matches, given_up } = found;
    let details = matched.into_iter().map(|matched| Fields::from_iter([(atoms.to_owned(), matched.into())]));
    let mut notes = vec![format!("{matches} molecules {are}")];
    if given_up > 0 {
        notes.push(format!("{given_up} more may, which are too intricate to be looked through"));
    }
    Answer { details: details.collect(), hits, notes, encode_ms, search_ms }
}
