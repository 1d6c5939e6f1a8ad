//! Interprets a query: one structure, as SMILES or SMARTS, from a file, or of a stored molecule.

use std::io::Read;

use bootcamp_core::{Error, Id, Output, Result, Vector};
use bootcamp_kit::source::Notes;
use bootcamp_kit::{Content, Context, Example, Options, Preview, SearchQuery, Subject, stored};

use crate::molecules::text;
use crate::readers::{Columns, EXTENSIONS, Structure, extension, read_untyped};
use crate::{Drawing, Fingerprint, Limits, Molecule, Pattern, Properties, draw};

/// Bytes of a file without a telling name that are looked at to find out what it is.
const LOOKED_AT: u64 = 1 << 20;

/// The name in the query.
///
/// # Errors
/// `InvalidInput` for what is no word.
pub fn name(query: &SearchQuery) -> Result<&str> {
    match query.positive.as_slice() {
        [Example { subject: Subject::Words(words), .. }] if !words.trim().is_empty() => Ok(words.trim()),
        _ => Err(Error::invalid("a search by name needs text").with_hint("give part of the name")),
    }
}

/// The structure in the query, as text.
///
/// # Errors
/// `InvalidInput` for several molecules, which cannot be averaged, and for a file without one; `NotFound` for an id.
pub async fn structure(context: &Context, query: &SearchQuery) -> Result<Structure> {
    let [example] = query.positive.as_slice() else {
        return Err(
            Error::invalid("the query has several molecules").with_hint("give one: fingerprints cannot be averaged")
        );
    };
    if !query.negative.is_empty() || example.region.is_some() {
        return Err(
            Error::invalid("molecule queries have no negative examples and no regions").with_hint("use a filter")
        );
    }
    match &example.subject {
        Subject::Words(words) => Ok(Structure::Smiles(words.trim().to_owned())),
        Subject::File { name, content } => {
            let (file, content) = (name.clone(), content.clone());
            context.compute(move || in_file(&file, &content)).await.map_err(|error| error.context(name))
        }
        Subject::Id(id) => {
            let record = stored(context, id, &Output::only(["smiles"])).await?;
            Ok(Structure::Smiles(text(&record.fields, "smiles").unwrap_or_default().to_owned()))
        }
    }
}

/// The first molecule of a file. One without a telling name is an SDF if it reads like one.
fn in_file(name: &str, content: &Content) -> Result<Structure> {
    let is_known = EXTENSIONS.contains(&extension(name).as_str());
    let name = match is_known {
        true => name,
        false if is_molfile(content)? => "query.sdf",
        false => "query.smi",
    };
    let first = read_untyped(name, content, &Columns::default(), &Notes::default())?.next();
    let (line, record) = first.ok_or_else(|| Error::invalid("it contains no molecule"))?;
    record.map(|record| record.structure).map_err(|error| error.context(format!("line {line}")))
}

/// Whether the beginning has what ends a molfile's structure.
fn is_molfile(content: &Content) -> Result<bool> {
    let mut start = Vec::new();
    let read = content.open()?.take(LOOKED_AT).read_to_end(&mut start);
    read.map_err(|error| Error::invalid(format!("cannot be read: {error}")))?;
    Ok(start.windows(6).any(|word| word == b"M  END"))
}

/// The fingerprint to search with: of a stored molecule, the stored one.
///
/// # Errors
/// As [`structure`], and of reading it.
pub async fn fingerprint(context: &Context, query: &SearchQuery, kind: Fingerprint) -> Result<Vector> {
    let structure = structure(context, query).await?;
    if let Some(Subject::Id(id)) = query.positive.first().map(|example| &example.subject) {
        return stored_bits(context, id).await;
    }
    context.compute(move || kind.of(&molecule(&structure)?).map(Vector::binary)).await
}

async fn stored_bits(context: &Context, id: &Id) -> Result<Vector> {
    let mut record = stored(context, id, &Output::only([&context.field])).await?;
    record.vectors.remove(&context.field).ok_or_else(|| Error::invalid(format!("{id} has no {}", context.field)))
}

/// A pattern to look for: SMILES, or what is none and reads as SMARTS.
///
/// # Errors
/// That of the notation it looks like.
pub fn pattern(structure: &Structure, syntax: Syntax) -> Result<Pattern> {
    let molecule = || molecule(structure);
    match (structure, syntax) {
        (Structure::Smiles(text), Syntax::Smarts) => Pattern::smarts(text),
        (Structure::Smiles(text), Syntax::Either) => match molecule() {
            Ok(molecule) => Ok(Pattern::of(&molecule)),
            Err(error) => Pattern::smarts(text).map_err(|other| if looks_like_smarts(text) { other } else { error }),
        },
        _ => Ok(Pattern::of(&molecule()?)),
    }
}

/// How a typed query is understood, drawn if it is a molecule.
///
/// # Errors
/// What is wrong with it.
pub fn preview(words: &str, options: &Options) -> Result<Preview> {
    if options.get("mode") == Some("named") {
        return Ok(Preview { note: format!("names that contain \"{}\"", words.trim()), drawing: None });
    }
    let structure = Structure::Smiles(words.trim().to_owned());
    if options.get("mode") == Some("contains") {
        let syntax = Syntax::named(options.get("syntax"));
        let pattern = pattern(&structure, syntax)?;
        if syntax == Syntax::Smarts || structure.molecule(&Limits::default()).is_err() {
            return Ok(Preview { note: format!("SMARTS of {} atoms", pattern.atoms()), drawing: None });
        }
    }
    let molecule = molecule(&structure)?;
    let Properties { formula, mw, logp, .. } = molecule.properties();
    let note = format!("{formula}, {mw:.1} Da, logP {logp:.1}");
    // A molecule that is too large to draw can still be searched for.
    Ok(Preview { note, drawing: draw(&molecule, &Drawing::default()).ok() })
}

/// A query's molecule. If the text looks like a name, a hint points to the mode for names.
fn molecule(structure: &Structure) -> Result<Molecule> {
    let is_name = |text: &str| text.len() > 3 && text.chars().all(|c| c.is_alphabetic() || c == ' ' || c == '-');
    structure.molecule(&Limits::default()).map_err(|error| match structure {
        Structure::Smiles(text) if is_name(text) => {
            let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
            error.with_hint(format!("{hint}to search by name, choose the mode 'named'"))
        }
        _ => error,
    })
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// SMILES if it is one, else SMARTS.
    #[default]
    Either,
    Smiles,
    Smarts,
}

impl Syntax {
    /// Of the option's value.
    pub fn named(name: Option<&str>) -> Self {
        match name {
            Some("smiles") => Self::Smiles,
            Some("smarts") => Self::Smarts,
            _ => Self::Either,
        }
    }
}

/// Whether it has what no SMILES has.
fn looks_like_smarts(text: &str) -> bool {
    text.contains(['~', '!', '&', ',', ';', '$']) || text.contains("[#")
}
