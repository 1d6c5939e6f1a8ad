//! Hits as an SDF: drawn in the plane, with what is known of each.

use bootcamp_core::{Fields, Result};
use bootcamp_kit::api::{HitBody, SearchBody};
use chematic::mol::{MolMetadata, write_mol};
use chematic::smiles::rdkit_mol_block_2d;
use serde_json::Value;

use crate::molecule::{Limits, Molecule};
use crate::molecules::text;

impl Molecule {
    /// A molfile (V2000) as RDKit draws it; without places where the rare structure has no drawing.
    pub fn molfile(&self) -> String {
        rdkit_mol_block_2d(self.graph()).unwrap_or_else(|_| write_mol(self.graph(), &MolMetadata::default()))
    }
}

/// All hits, best first.
///
/// # Errors
/// That of a stored structure that cannot be read any more.
pub fn sdf(body: &SearchBody) -> Result<String> {
    let mut file = String::new();
    for (at, hit) in body.hits.iter().enumerate() {
        write(&mut file, at + 1, hit)?;
    }
    Ok(file)
}

fn write(file: &mut String, rank: usize, hit: &HitBody) -> Result<()> {
    let smiles = text(&hit.item.fields, "smiles").unwrap_or_default();
    let molecule = Molecule::parse_within(smiles, &Limits { bytes: usize::MAX, atoms: usize::MAX })?;
    let molfile = molecule.molfile();
    // The first line is the title.
    let (_, structure) = molfile.split_once('\n').unwrap_or_default();
    file.push_str(&line(&hit.item.title));
    file.push('\n');
    file.push_str(structure.trim_end());
    file.push('\n');
    let mut data = Fields::new();
    data.insert("rank".to_owned(), rank.into());
    data.insert("id".to_owned(), hit.item.id.to_string().into());
    data.insert("score".to_owned(), hit.score.into());
    data.extend(hit.similarity.map(|similarity| ("similarity".to_owned(), similarity.into())));
    data.extend(hit.details.clone().unwrap_or_default());
    // Columns that the molecule came with stand for themselves, unless the program has one of that name.
    for (name, value) in &hit.item.fields {
        match value {
            Value::Object(extra) if name == "extra" => {
                let own = |name: &String| data.contains_key(name) || hit.item.fields.contains_key(name);
                let others: Vec<_> = extra.iter().filter(|(name, _)| !own(name)).collect();
                data.extend(others.into_iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            value => drop(data.insert(name.clone(), value.clone())),
        }
    }
    for (name, value) in data {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        // A blank line ends the value, and a bracket the name.
        let name: String = line(&name).chars().map(|c| if "<>".contains(c) { '_' } else { c }).collect();
        file.push_str(&format!(">  <{name}>\n"));
        for part in value.lines().filter(|part| !part.trim().is_empty()) {
            file.push_str(if part.starts_with("$$$$") || part.starts_with('>') { " " } else { "" });
            file.push_str(part);
            file.push('\n');
        }
        file.push('\n');
    }
    file.push_str("$$$$\n");
    Ok(())
}

/// Without what would break a line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
