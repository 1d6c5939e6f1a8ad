//! CXSMILES: what ChemAxon and RDKit write behind a SMILES, between bars. Coordinates, labels, groups and the kinds of
//! stereocentres are passed over; radicals and coordination bonds change the molecule; what would make it another one and
//! is not represented here is refused.

use chematic::core::{AtomIdx, BondIdx, Chirality, Molecule as Graph, implicit_hcount};
use chematic::perception::ring_bond_flags;

use crate::fault::Fault;

/// A SMILES and what stands between the bars behind it.
///
/// # Errors
/// When the second bar is missing, or something follows it.
pub(crate) fn split(text: &str) -> Result<(&str, Option<&str>), Fault> {
    let Some((smiles, rest)) = text.split_once(char::is_whitespace) else { return Ok((text, None)) };
    let Some(extension) = rest.trim_start().strip_prefix('|') else { return Ok((text, None)) };
    match extension.split_once('|') {
        Some((extension, rest)) if rest.trim().is_empty() => Ok((smiles, Some(extension))),
        Some(_) => Err(Fault::new(None, "something stands behind the bars of the CXSMILES")),
        None => Err(Fault::new(None, "the CXSMILES has no second bar")),
    }
}

/// The SMILES of a line with the bars that belong to it, and the rest of the line.
pub(crate) fn of_line(line: &str) -> (&str, &str) {
    let (smiles, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim_start();
    match rest.strip_prefix('|').and_then(|inner| inner.split_once('|')) {
        Some((inner, name)) => (&line[..line.len() - rest.len() + inner.len() + 2], name.trim()),
        // Without a second bar: refused when it is read.
        None if rest.starts_with('|') => (line, ""),
        None => (smiles, rest.trim()),
    }
}

fn unknown(what: &str) -> Fault {
    Fault::new(None, format!("'{what}' in the CXSMILES cannot be represented"))
        .hint("leave out what stands between the bars, if the molecule is the same without it")
}

/// Applies an extension to the graph of its SMILES, whose atoms and bonds are in the order in which they are written.
pub(crate) fn apply(graph: &mut Graph, extension: &str) -> Result<(), Fault> {
    let mut wedges = Vec::new();
    let mut has_coordinates = false;
    for feature in features(extension)? {
        match feature {
            Feature::Coordinates => has_coordinates = true,
            Feature::Labels => {}
            Feature::Named("r", "") => {}
            Feature::Named(name, values) => match name {
                "^1" => radicals(graph, values, 1)?,
                "^2" | "^3" | "^4" => radicals(graph, values, 2)?,
                "^5" | "^6" | "^7" => radicals(graph, values, 3)?,
                "C" => coordination(graph, values)?,
                "c" | "t" => doubles_in_rings(graph, values)?,
                "wU" | "wD" => wedges.extend(pairs(values)?),
                // Groups of stereocentres, lone pairs, wavy and unspecified bonds, fragments, S-groups, properties.
                "a" | "w" | "ctu" | "f" | "LP" | "lp" | "atomProp" => {}
                group if group.strip_prefix(['&', 'o']).is_some_and(|number| number.parse::<u32>().is_ok()) => {}
                group if group.starts_with("Sg") => {}
                other => return Err(unknown(other)),
            },
        }
    }
    // With coordinates, a wedge makes a stereocentre, which the SMILES mostly says, too.
    let is_new = |(atom, _): &(usize, usize)| {
        let index = AtomIdx(*atom as u32);
        *atom >= graph.atom_count() || graph.atom(index).chirality == Chirality::None
    };
    if has_coordinates && wedges.iter().any(is_new) {
        return Err(unknown("wU, wD"));
    }
    Ok(())
}

enum Feature<'a> {
    Coordinates,
    Labels,
    Named(&'a str, &'a str),
}

fn features(extension: &str) -> Result<Vec<Feature<'_>>, Fault> {
    let broken = || Fault::new(None, "what stands between the bars is no CXSMILES");
    let mut features = Vec::new();
    let mut rest = extension.trim();
    while !rest.is_empty() {
        let (feature, after) = if let Some(inner) = rest.strip_prefix('(') {
            (Feature::Coordinates, inner.split_once(')').ok_or_else(broken)?.1)
        } else if let Some(inner) = rest.strip_prefix('$') {
            (Feature::Labels, inner.split_once('$').ok_or_else(broken)?.1)
        } else if rest.starts_with("atomProp") || rest.starts_with("Sg") {
            // Free text, with commas: it ends where another of these or nothing follows.
            let end = rest[1..].find(",Sg").or_else(|| rest[1..].find(",atomProp")).map_or(rest.len(), |at| at + 1);
            let (name, values) = rest[..end].split_once(':').ok_or_else(broken)?;
            (Feature::Named(name, values), &rest[end..])
        } else {
            let (name, after) = rest.split_once([':', ',']).unwrap_or((rest, ""));
            if rest.as_bytes().get(name.len()) != Some(&b':') {
                (Feature::Named(name, ""), &rest[name.len()..])
            } else {
                // Numbers and what stands between them.
                let end = after.find(|letter: char| !letter.is_ascii_digit() && !".,:;".contains(letter));
                let values = after[..end.unwrap_or(after.len())].trim_end_matches([',', ':', ';']);
                (Feature::Named(name, values), &after[values.len()..])
            }
        };
        features.push(feature);
        rest = match after.strip_prefix(',') {
            Some(after) => after,
            None if after.is_empty() => after,
            None => return Err(broken()),
        };
    }
    Ok(features)
}

fn numbers(values: &str) -> Result<Vec<usize>, Fault> {
    let parsed = values.split(',').map(str::parse).collect::<Result<_, _>>();
    parsed.map_err(|_| Fault::new(None, format!("'{values}' in the CXSMILES is no list of numbers")))
}

/// `0.1,2.3`
fn pairs(values: &str) -> Result<Vec<(usize, usize)>, Fault> {
    let pair = |text: &str| {
        let (one, other) = text.split_once('.')?;
        Some((one.parse().ok()?, other.parse().ok()?))
    };
    let wrong = || Fault::new(None, format!("'{values}' in the CXSMILES is no list of pairs"));
    values.split(',').map(|text| pair(text).ok_or_else(wrong)).collect()
}

/// Atoms without some of their hydrogens. Where these are written, they are as written.
fn radicals(graph: &mut Graph, values: &str, electrons: u8) -> Result<(), Fault> {
    for at in numbers(values)? {
        if at >= graph.atom_count() {
            return Err(Fault::new(None, format!("the CXSMILES has a radical at atom {at}, which is not there")));
        }
        let index = AtomIdx(at as u32);
        let atom = graph.atom(index);
        if atom.hydrogen_count.is_some() || atom.element.normal_valences().is_empty() || atom.wildcard {
            continue;
        }
        if atom.aromatic {
            return Err(unknown("a radical in an aromatic ring"));
        }
        let hydrogens = implicit_hcount(graph, index).checked_sub(electrons);
        let hydrogens = hydrogens.ok_or_else(|| Fault::new(None, "the atom has more bonds than it can have"))?;
        graph.set_hydrogen_count(index, Some(hydrogens));
    }
    Ok(())
}

/// Bonds to which one atom, named first, gives both electrons.
fn coordination(graph: &mut Graph, values: &str) -> Result<(), Fault> {
    for (donor, bond) in pairs(values)? {
        let is_there = donor < graph.atom_count() && bond < graph.bond_count() && {
            let bond = graph.bond(BondIdx(bond as u32));
            bond.atom1.0 as usize == donor || bond.atom2.0 as usize == donor
        };
        if !is_there {
            return Err(Fault::new(None, "the CXSMILES has a coordination bond that is not there"));
        }
        graph.set_dative_bond(BondIdx(bond as u32), AtomIdx(donor as u32));
    }
    Ok(())
}

/// Double bonds whose sides are told here. Within a small ring there is only one way.
fn doubles_in_rings(graph: &Graph, values: &str) -> Result<(), Fault> {
    let rings = ring_bond_flags(graph);
    for bond in numbers(values)? {
        match rings.get(bond) {
            Some(true) => {}
            Some(false) => return Err(unknown("c, t: the sides of a double bond")),
            None => return Err(Fault::new(None, format!("the CXSMILES names bond {bond}, which is not there"))),
        }
    }
    Ok(())
}
