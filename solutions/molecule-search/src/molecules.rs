//! Turns a structure into a record: parsed once, for the fingerprint, the screen, and the metadata fields.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bootcamp_core::{Error, Fields, Result, ScalarField, Vector};
use bootcamp_kit::ingest::{Item, Items, Pipeline};
use bootcamp_kit::source::Source;
use serde_json::json;

use crate::discover::structure;
use crate::{Fingerprint, Limits, Screen, Structure};

/// The field of the screen's 1,024 bits. Base64 in a string: neither store has a second vector of bits for it (Milvus
/// 2.3 allows one vector a record), and as 16 integers it would be three times as long on its way. Nobody filters by it:
/// a search for substructures reads it page by page, which is all that a server without bit operations can do.
pub const SCREEN: &str = "_screen";

/// Molecules through one fingerprint.
#[derive(Clone, Copy, Debug)]
pub struct Molecules {
    pub fingerprint: Fingerprint,
    pub limits: Limits,
    /// Keep only the largest fragment of a salt or a mixture.
    pub largest_fragment: bool,
}

/// A molecule's fields but for its vector. What its file says: a label, a name, an id, other columns; what is computed.
pub fn fields() -> Vec<ScalarField> {
    let mut fields = ["label", "name", "source_id"].map(|name| ScalarField::string(name).nullable()).to_vec();
    fields.extend(["smiles", "formula"].map(ScalarField::string));
    fields.extend(["mw", "logp", "tpsa", "fraction_csp3"].map(ScalarField::float));
    let counts = ["donors", "acceptors", "rotatable_bonds", "rings", "aromatic_rings", "heavy_atoms"];
    fields.extend(counts.map(ScalarField::int));
    fields.push(ScalarField::json("extra").nullable());
    fields.push(ScalarField::string(SCREEN).not_filterable());
    fields
}

/// The screen as [`Molecules`] stored it; `None` for what it did not write.
pub fn screen(text: &str) -> Option<Screen> {
    Screen::from_bytes(&STANDARD_NO_PAD.decode(text).ok()?)
}

#[async_trait]
impl Pipeline for Molecules {
    type Input = Vec<u8>;

    const BATCH: usize = 256;
    const SEVERAL: bool = false;

    fn decode<'a>(&'a self, source: &'a Source) -> Result<Items<'a, Vec<u8>>> {
        let structure = structure(source)?;
        let mut molecule = structure.molecule(&self.limits)?;
        if self.largest_fragment {
            molecule = molecule.largest_fragment()?;
        }
        let input = self.fingerprint.of(&molecule)?;
        if input.iter().all(|byte| *byte == 0) {
            return Err(Error::invalid(format!("it has no bit in {}", self.fingerprint)));
        }
        let smiles = match (molecule.canonical(), structure) {
            (Ok(smiles), _) => smiles,
            // An octahedral centre, say: valid, and without a canonical form.
            (Err(_), Structure::Smiles(smiles)) => smiles.trim().to_owned(),
            (Err(error), Structure::Molfile(_)) => return Err(error),
        };
        let mut fields = molecule.properties().fields();
        fields.insert("smiles".to_owned(), smiles.into());
        fields.insert(SCREEN.to_owned(), json!(STANDARD_NO_PAD.encode(Screen::of(&molecule).to_bytes())));
        Ok(Box::new(std::iter::once(Ok(Item { fields, thumbnail: None, span: None, input }))))
    }

    async fn encode(&self, inputs: Vec<Vec<u8>>) -> Result<Vec<Vector>> {
        Ok(inputs.into_iter().map(Vector::binary).collect())
    }
}

/// A text field of an item.
pub fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(|value| value.as_str())
}
