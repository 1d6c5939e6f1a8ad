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

mod coefficient;
mod ctfile;
mod cxsmiles;
pub mod discover;
pub mod drawing;
mod embedding;
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
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use bootcamp_core::{CollectionSpec, Fields, IndexKind, Metric, Output, Result, VectorField, VectorKind};
use bootcamp_kit::include_dir::{self, Dir, include_dir};
use bootcamp_kit::ingest::{Import, ingest};
use bootcamp_kit::source::{Places, Sources};
use bootcamp_kit::{
    Answer, Card, Context, Export, Facts, Laps, Look, OptionValue, Options, OwnVector, Preview, Program, ProgramOption,
    Report, SearchQuery, Solution, Vectors,
};

pub use coefficient::Coefficient;
pub use drawing::{Drawing, draw};
pub use embedding::{Effort, Outcome};
pub use fingerprint::{Fingerprint, dice, tanimoto, tversky};
pub use molecule::{Limits, Molecule};
pub use properties::Properties;
pub use readers::{Columns, Record, Records, Structure, read};
pub use screen::Screen;
pub use substructure::Pattern;

use coefficient::Ranked;
use discover::Reading;
use molecules::Molecules;
use query::Syntax;
use substructures::{Found, Wanted};

/// The facts about this program.
pub static PROGRAM: Program = Program {
    facts: Facts {
        name: "molecule-search",
        title: "Molecule search",
        summary: "Finds molecules that are similar to one, that contain a structure, or that one contains",
        version: env!("CARGO_PKG_VERSION"),
        collection: "molecule_search",
        vectors: Vectors::Own(&[
            bits(Fingerprint::Ecfp4, "the environment within two bonds of each atom"),
            bits(Fingerprint::Ecfp6, "the environment within three bonds of each atom"),
            bits(Fingerprint::Ecfp4Short, "ECFP4, folded"),
            bits(Fingerprint::Maccs, "166 structural keys"),
        ]),
        accepts: &["molecule"],
        words: Some("SMILES or SMARTS"),
        examples: &sample::EXAMPLES,
        options: OPTIONS,
        import_options: IMPORT_OPTIONS,
        // The same fingerprint: stereoisomers, mostly.
        duplicates: Some(0.0),
        ..Facts::DEFAULT
    },
    sample: Some(sample::SAMPLE),
    page: Some(&PAGE),
    exports: &[Export { extension: "sdf", media_type: "chemical/x-mdl-sdfile", write: writer::sdf }],
    ..Program::new(|context| Arc::new(MoleculeSearch { fingerprint: fingerprint(&context), context }))
};

static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

const OPTIONS: &[ProgramOption] = &[
    ProgramOption::new(
        "mode",
        "BOOTCAMP_MODE",
        "Find molecules that are similar to the query, contain it, are contained in it, or match it by name",
        OptionValue::OneOf(&["similar", "contains", "contained-in", "named"]),
    ),
    ProgramOption::new(
        "syntax",
        "BOOTCAMP_SYNTAX",
        "How to read a structure to search for; either: as SMILES if possible, else as SMARTS",
        OptionValue::OneOf(&["either", "smiles", "smarts"]),
    )
    .only_with("mode", &["contains"]),
    ProgramOption::new(
        "coefficient",
        "BOOTCAMP_COEFFICIENT",
        "The similarity coefficient",
        OptionValue::OneOf(&["tanimoto", "dice", "tversky"]),
    )
    .only_with("mode", &["similar"]),
    ProgramOption::new(
        "alpha",
        "BOOTCAMP_ALPHA",
        "Tversky's weight of bits only in the query [default: 0.9]",
        OptionValue::Number { least: 0.0, most: 10.0 },
    )
    .only_with("coefficient", &["tversky"]),
    ProgramOption::new(
        "beta",
        "BOOTCAMP_BETA",
        "Tversky's weight of bits only in the hit [default: 0.1]",
        OptionValue::Number { least: 0.0, most: 10.0 },
    )
    .only_with("coefficient", &["tversky"]),
    ProgramOption::new(
        "min-similarity",
        "BOOTCAMP_MIN_SIMILARITY",
        "The minimum similarity of hits, by the coefficient",
        OptionValue::Number { least: 0.0, most: 1.0 },
    )
    .only_with("mode", &["similar"]),
];

const IMPORT_OPTIONS: &[ProgramOption] = &[
    column(
        "smiles-column",
        "BOOTCAMP_SMILES_COLUMN",
        "The column or key of the SMILES [default: the first with a likely name]",
    ),
    column(
        "name-column",
        "BOOTCAMP_NAME_COLUMN",
        "The column of names; in an SDF, a data field to use instead of the title",
    ),
    column("id-column", "BOOTCAMP_ID_COLUMN", "The column of the molecules' ids at their source"),
    ProgramOption::new(
        "largest-fragment",
        "BOOTCAMP_LARGEST_FRAGMENT",
        "Keep only the largest fragment of salts and mixtures",
        OptionValue::Switch,
    ),
    ProgramOption::new(
        "index",
        "BOOTCAMP_INDEX",
        "The index of a new collection on Milvus: exact, or IVF with 1,024 clusters (see --nprobe)",
        OptionValue::OneOf(&["exact", "ivf"]),
    ),
];

const fn column(name: &'static str, env: &'static str, help: &'static str) -> ProgramOption {
    ProgramOption::new(name, env, help, OptionValue::Text("NAME"))
}

const fn bits(fingerprint: Fingerprint, summary: &'static str) -> OwnVector {
    let (name, dim) = (fingerprint.name(), fingerprint.bits());
    OwnVector { name, summary, kind: VectorKind::Binary, dim, metric: Metric::Jaccard }
}

/// The one that the collection has.
fn fingerprint(context: &Context) -> Fingerprint {
    context.maker.name().and_then(|name| name.parse().ok()).unwrap_or_default()
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
        self.collection_with(IndexKind::BinFlat)
    }

    fn discover(&self, places: &Places) -> Result<Sources> {
        discover::discover(places)
    }

    /// Files to records to molecules to fingerprints.
    async fn import(&self, import: Import) -> Result<Report> {
        let reading = Reading::of(&import.options);
        let largest_fragment = reading.largest_fragment;
        let molecules = Molecules { fingerprint: self.fingerprint, limits: Limits::default(), largest_fragment };
        let index = match import.options.get("index") {
            Some("ivf") => IndexKind::BinIvfFlat { nlist: 1024 },
            _ => IndexKind::BinFlat,
        };
        let import = import.map(|sources| discover::records(sources, reading.clone()));
        ingest(&self.context, &self.collection_with(index), molecules, import).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<Answer> {
        match query.options.get("mode") {
            Some("contains") => self.containing(query).await,
            Some("contained-in") => self.within(query).await,
            Some("named") => self.named(query).await,
            _ => self.similar(query).await,
        }
    }

    fn present(&self, fields: &Fields) -> Card {
        let text = |name| molecules::text(fields, name).map(str::to_owned);
        let title = text("name").or_else(|| text("source_id")).or_else(|| text("formula"));
        Card { title: title.unwrap_or_default(), caption: text("smiles"), label: text("label") }
    }

    fn look(&self, fields: &Fields, marked: &[usize]) -> Result<Look> {
        let molecule = Molecule::parse(molecules::text(fields, "smiles").unwrap_or_default())?;
        let drawing = Drawing { highlight: marked.to_vec(), title: Some(self.present(fields).title) };
        draw(&molecule, &drawing).map(Look::Drawing)
    }

    fn preview(&self, words: &str, options: &Options) -> Result<Preview> {
        query::preview(words, options)
    }
}

impl MoleculeSearch {
    fn collection_with(&self, index: IndexKind) -> CollectionSpec {
        let vector = VectorField::binary(&self.context.field, self.fingerprint.bits(), self.context.metric);
        self.context.spec(vector.index(index), molecules::fields())
    }

    /// The nearest neighbours of the query's fingerprint.
    async fn similar(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let coefficient = Coefficient::of(&query.options)?;
        let vector = query::fingerprint(&self.context, query, self.fingerprint).await?;
        let encode_ms = laps.lap();
        let Ranked { hits, details, unproven } =
            coefficient.search(&self.context, query, vector, self.output()).await?;
        let note = |scored| {
            format!("the best of the {scored} nearest neighbours by Tanimoto; other molecules may score better")
        };
        let notes = unproven.map(note).into_iter().collect();
        Ok(Answer { hits, details, notes, encode_ms, search_ms: laps.lap(), ..Answer::default() })
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
        Ok(answer(found, "atoms", encode_ms, laps.lap()))
    }

    /// Those that the query contains.
    async fn within(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let structure = query::structure(&self.context, query).await?;
        let wanted = self.context.compute(move || Ok(Wanted::within(structure.molecule(&Limits::default())?))).await?;
        let encode_ms = laps.lap();
        let found = substructures::search(&self.context, query, wanted, self.output()).await?;
        Ok(answer(found, "query_atoms", encode_ms, laps.lap()))
    }

    /// Those that have the query in their name.
    async fn named(&self, query: &SearchQuery) -> Result<Answer> {
        let mut laps = Laps::start();
        let wanted = Wanted::named(query::name(query)?);
        let found = substructures::search(&self.context, query, wanted, self.output()).await?;
        let notes = found.notes();
        Ok(Answer { hits: found.hits, notes, search_ms: laps.lap(), ..Answer::default() })
    }

    fn output(&self) -> Output {
        self.context.output(&self.collection())
    }
}

/// `atoms` names the details' field: atoms of the molecule that was found, or of the query.
fn answer(found: Found, atoms: &str, encode_ms: f64, search_ms: f64) -> Answer {
    let notes = found.notes();
    let Found { hits, atoms: matched, .. } = found;
    let details = matched.iter().map(|matched| Fields::from_iter([(atoms.to_owned(), matched.clone().into())]));
    let details = details.collect();
    // What is drawn is the molecule that was found.
    let marks = if atoms == "atoms" { matched } else { Vec::new() };
    Answer { details, marks, hits, notes, encode_ms, search_ms }
}
