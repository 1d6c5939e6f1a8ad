//! A parsed and validated structure: whatever was typed, what passes here is chemically meaningful.
//!
//! chematic's parser takes atoms with too many bonds and aromatic rings that cannot be; RDKit's sanitisation, of which
//! chematic has a port, decides here. It costs twice what reading costs, so that plain organic molecules, nearly all
//! there are, pass through a cheaper test that is never laxer (see `is_plain`).

use bootcamp_core::{Error, Result};
use chematic::core::{AtomIdx, BondOrder, Element, Molecule as Graph, kekulize, validate_valence};
use chematic::perception::{rdkit_model_may_disagree, ring_bond_flags, with_rdkit_parity_view};
use chematic::smiles::{
    RdkitSmilesError, SmilesError, SmilesParseLimits, parse_with_limits, rdkit_canonical_smiles,
    rdkit_detect_chemistry_problems, rdkit_sanitized_model, write,
};

use crate::fault::Fault;
use crate::{ctfile, cxsmiles, syntax};

/// How large a structure may be. Ring perception takes time that grows faster than the molecule: at 1,000 atoms a tenth
/// of a second at worst, at 6,000 several seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a SMILES. A molfile may have fifty times as many.
    pub bytes: usize,
    /// Atoms, without hydrogens that are only counted.
    pub atoms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 10_000, atoms: 1_000 }
    }
}

/// A structure: one molecule or several beside each other, such as a salt. Hydrogens are counted, not drawn, unless they
/// say something (deuterium, a lone proton). Atoms are numbered as they were given, but where hydrogens were drawn or rings
/// are odd, as in the canonical SMILES.
#[derive(Clone)]
pub struct Molecule {
    graph: Graph,
}

impl std::fmt::Debug for Molecule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Molecule({})", write(&self.graph))
    }
}

impl Molecule {
    /// Reads a SMILES within the default [`Limits`].
    ///
    /// # Errors
    /// `InvalidInput`: a grammar, valence or aromaticity error, with a caret under its place; over a limit.
    pub fn parse(smiles: &str) -> Result<Self> {
        Self::parse_within(smiles, &Limits::default())
    }

    /// Reads a SMILES.
    ///
    /// # Errors
    /// As [`Molecule::parse`].
    pub fn parse_within(smiles: &str, limits: &Limits) -> Result<Self> {
        let smiles = smiles.trim();
        if smiles.len() > limits.bytes {
            let message = format!("SMILES: it is {} bytes; the limit is {}", smiles.len(), limits.bytes);
            return Err(Error::invalid(message));
        }
        let told = |fault: Fault| fault.into_error("SMILES", smiles);
        match cxsmiles::split(smiles).map_err(told)? {
            (_, None) => Self::read(smiles, limits).map_err(told),
            (plain, Some(extension)) => {
                let first = Self::read_graph(plain, limits).map_err(|fault| fault.into_error("SMILES", plain))?;
                let mut graph = first.0;
                cxsmiles::apply(&mut graph, extension).map_err(told)?;
                Self::read(&write(&graph), limits).map_err(|fault| fault.into_error("SMILES", plain))
            }
        }
    }

    /// Reads a SMILES that [`Molecule::canonical`] wrote, without looking again at what was checked then: half the work.
    ///
    /// # Errors
    /// `InvalidInput` for what is no SMILES.
    pub fn trusted(canonical: &str) -> Result<Self> {
        let all = SmilesParseLimits { max_input_bytes: usize::MAX, max_atoms: usize::MAX, max_bonds: usize::MAX };
        let graph = parse_with_limits(canonical, &all);
        graph.map(|graph| Self { graph }).map_err(|error| Error::invalid(format!("SMILES: {error}")))
    }

    /// Reads a molfile (V2000 or V3000), or the part of an SDF's record that is one. Stereo comes from its wedges, or
    /// from its coordinates where they are in space.
    ///
    /// # Errors
    /// `InvalidInput` when it is broken, with its line; as [`Molecule::parse`] for what it shows.
    pub fn from_molfile(molfile: &str, limits: &Limits) -> Result<Self> {
        let most = limits.bytes.saturating_mul(50);
        if molfile.len() > most {
            return Err(Error::invalid(format!("the molfile is {} bytes; the limit is {most}", molfile.len())));
        }
        let graph = ctfile::graph(molfile)?;
        // Through a SMILES, so that the same molecule is the same however it was drawn.
        Self::parse_within(&write(&graph), limits).map_err(|error| error.context("the molfile's structure"))
    }

    /// The graph as it is written, unchecked.
    fn read_graph(smiles: &str, limits: &Limits) -> Result<(Graph, syntax::Outline, SmilesParseLimits), Fault> {
        let outline = syntax::check(smiles, limits.atoms)?;
        let most = SmilesParseLimits {
            max_input_bytes: limits.bytes,
            max_atoms: limits.atoms,
            max_bonds: limits.atoms.saturating_mul(2),
        };
        let graph = parse_with_limits(smiles, &most).map_err(|error| syntax_fault(&error, &outline.atoms))?;
        Ok((graph, outline, most))
    }

    fn read(smiles: &str, limits: &Limits) -> Result<Self, Fault> {
        let (graph, outline, most) = Self::read_graph(smiles, limits)?;
        // RDKit takes a bond as aromatic that is in no ring; no fingerprint of it means anything.
        if outline.colon.is_some() && has_aromatic_bond_outside_rings(&graph) {
            return Err(Fault::new(outline.colon, "an aromatic bond outside a ring"));
        }
        let draws_hydrogen = graph.atoms().any(|(_, atom)| !atom.wildcard && atom.element == Element::H);
        let is_odd = draws_hydrogen || !is_in_usual_rings(&graph) || !has_plain_aromatic_atoms(&graph);
        if is_odd || !is_plain(&graph) {
            check(&graph, &outline.atoms)?;
        }
        if !is_odd {
            return Ok(Self { graph });
        }
        // As RDKit would write it: without hydrogens that are drawn, and with its aromaticity, where chematic's own
        // depends on how the rarest rings are written.
        let again = |smiles: String| parse_with_limits(&smiles, &most).map_err(|error| error.to_string());
        match rdkit_canonical_smiles(&graph).map_err(|error| error.to_string()).and_then(again) {
            Ok(graph) => Ok(Self { graph }),
            Err(_) if !draws_hydrogen => Ok(Self { graph }),
            Err(error) => Err(Fault::new(None, error)),
        }
    }

    /// The SMILES that RDKit writes: the same for the same molecule, however it was given. 50 µs for a drug.
    ///
    /// # Errors
    /// `InvalidInput` for the rare structure that the port of RDKit's writer does not take, such as an octahedral centre.
    pub fn canonical(&self) -> Result<String> {
        rdkit_canonical_smiles(&self.graph).map_err(|error| Error::invalid(error.to_string()))
    }

    /// The molecule alone, without salts and solvents: the fragment with the most heavy atoms, then the heaviest, then the
    /// first by its canonical SMILES.
    ///
    /// # Errors
    /// As [`Molecule::canonical`].
    pub fn largest_fragment(&self) -> Result<Self> {
        let canonical = self.canonical()?;
        let mut largest: Option<((usize, f64), Self)> = None;
        // In a canonical SMILES a dot stands between fragments, and nothing else joins them. They come in order.
        for fragment in canonical.split('.') {
            let fragment = Self::parse_within(fragment, &Limits { bytes: usize::MAX, atoms: usize::MAX })?;
            let size = (fragment.heavy_atoms(), fragment.weight());
            if largest.as_ref().is_none_or(|(other, _)| size > *other) {
                largest = Some((size, fragment));
            }
        }
        largest.map(|(_, fragment)| fragment).ok_or_else(|| Error::invalid("the structure has no atoms"))
    }

    /// Atoms that are drawn.
    pub fn atoms(&self) -> usize {
        self.graph.atom_count()
    }

    /// Bonds between them.
    pub fn bonds(&self) -> usize {
        self.graph.bond_count()
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Looks at the structure as RDKit perceives it: its aromaticity, its charges.
    pub(crate) fn perceived<T>(&self, look: impl FnOnce(&Graph) -> T) -> T {
        with_rdkit_parity_view(&self.graph, |view| look(view.unwrap_or(&self.graph)))
    }
}

fn has_aromatic_bond_outside_rings(graph: &Graph) -> bool {
    let rings = ring_bond_flags(graph);
    graph.bonds().zip(rings).any(|((_, bond), in_ring)| bond.order == BondOrder::Aromatic && !in_ring)
}

/// Whether a structure that is not odd is so ordinary that it needs no further check. Everything that passes here passes
/// RDKit's sanitisation, too: the tests hold it against RDKit's word on damaged molecules.
fn is_plain(graph: &Graph) -> bool {
    !rdkit_model_may_disagree(graph)
        && validate_valence(graph).is_empty()
        && kekulize(graph).is_ok()
        && with_rdkit_parity_view(graph, |view| view.is_ok())
}

/// Whether each aromatic atom has three neighbours at most, and only carbon has a double bond that leads out of its ring.
/// With four, as in `c1(C)(C)cccc1`, it only looks aromatic: RDKit takes it, and finds that it is not.
fn has_plain_aromatic_atoms(graph: &Graph) -> bool {
    graph.atoms().filter(|(_, atom)| atom.aromatic).all(|(index, atom)| {
        let hydrogens = usize::from(atom.hydrogen_count.unwrap_or(0));
        let single = |order| matches!(order, BondOrder::Aromatic | BondOrder::Single | BondOrder::Up | BondOrder::Down);
        graph.degree(index) + hydrogens <= 3
            && graph.neighbors(index).all(|(_, bond)| {
                let order = graph.bond(bond).order;
                single(order) || (order == BondOrder::Double && atom.element == Element::C)
            })
    })
}

/// Whether each aromatic atom is in a ring of five or six that is aromatic as a whole: larger and bridged ones are where
/// chematic's shortcuts and RDKit part.
fn is_in_usual_rings(graph: &Graph) -> bool {
    let mut usual = vec![false; graph.atom_count()];
    graph.atoms().filter(|(_, atom)| atom.aromatic).all(|(at, _)| {
        let mut path = vec![at];
        usual[at.0 as usize] || close_ring(graph, &mut path, &mut usual)
    })
}

/// Goes on along aromatic atoms until a ring of five or six is closed, whose atoms are then `usual`.
fn close_ring(graph: &Graph, path: &mut Vec<AtomIdx>, usual: &mut [bool]) -> bool {
    let Some(last) = path.last() else { return false };
    for (next, _) in graph.neighbor_slice(*last) {
        if *next == path[0] && path.len() >= 5 {
            path.iter().for_each(|at| usual[at.0 as usize] = true);
            return true;
        }
        if path.len() < 6 && graph.atom(*next).aromatic && !path.contains(next) {
            path.push(*next);
            if close_ring(graph, path, usual) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// RDKit's verdict.
fn check(graph: &Graph, places: &[usize]) -> Result<(), Fault> {
    let Err(refused) = rdkit_sanitized_model(graph) else { return Ok(()) };
    let problem = rdkit_detect_chemistry_problems(graph).ok().and_then(|problems| problems.into_iter().next());
    let Some(problem) = problem else {
        return Err(Fault::new(
            None,
            match refused {
                RdkitSmilesError::Sanitization(why) => format!("the structure is impossible: {why}"),
                RdkitSmilesError::Unsupported(why) => format!("cannot check the structure: {why}"),
            },
        ));
    };
    let place = problem.atoms.first().and_then(|atom| places.get(*atom)).copied();
    Err(match problem.kind.as_str() {
        "AtomValenceException" => Fault::new(place, "the atom has more bonds than it can have"),
        "AtomKekulizeException" => Fault::new(place, "an aromatic atom (lower case) outside an aromatic ring"),
        _ => Fault::new(place, "the aromatic ring (in lower case) has no alternating double bonds")
            .hint("if a nitrogen in the ring carries a hydrogen, write it [nH]"),
    })
}

/// What chematic's parser found that the grammar's check does not look at.
fn syntax_fault(error: &SmilesError, places: &[usize]) -> Fault {
    match error {
        SmilesError::UnknownElement { symbol, pos } => Fault::new(*pos, format!("there is no element '{symbol}'")),
        SmilesError::InvalidBracketAtom { pos, detail } => Fault::new(*pos, detail.clone()),
        SmilesError::InvalidValence { atom, .. } => {
            Fault::new(places.get(*atom).copied(), "the atom has more bonds than it can have")
        }
        SmilesError::ConflictingRingBond { pos, .. } | SmilesError::ConflictingExtendedRingBond { pos, .. } => {
            Fault::new(*pos, "the ring's two ends have different bonds")
        }
        SmilesError::UnsupportedChiralityClass { class, pos } => {
            Fault::new(*pos, format!("there is no chirality '@{class}'"))
        }
        SmilesError::NestingTooDeep { pos } => Fault::new(*pos, "the branches are nested too deeply"),
        SmilesError::MismatchedParentheses { pos } => Fault::new(*pos, "a dot within a branch is not supported"),
        SmilesError::UnexpectedEnd { pos }
        | SmilesError::UnexpectedCharacter { pos }
        | SmilesError::UnmatchedRingClosure { pos, .. }
        | SmilesError::UnmatchedExtendedRingClosure { pos, .. } => Fault::new(*pos, "this cannot be read"),
        SmilesError::EmptyInput | SmilesError::ResourceLimit { .. } => Fault::new(None, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(smiles: &str) -> String {
        let error = Molecule::parse(smiles).unwrap_err();
        error.hint().map_or(error.to_string(), |hint| format!("{error}\n({hint})"))
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (smiles, message) in [
            ("CN(C)(C)(C)C", "SMILES: the atom has more bonds than it can have\n  CN(C)(C)(C)C\n   ^"),
            ("CC(C)(C)(C)C", "SMILES: the atom has more bonds than it can have\n  CC(C)(C)(C)C\n   ^"),
            ("CO(C)C", "SMILES: the atom has more bonds than it can have\n  CO(C)C\n   ^"),
            ("CcC", "SMILES: an aromatic atom (lower case) outside an aromatic ring\n  CcC\n   ^"),
            ("C[Xx]", "SMILES: there is no element 'Xx'\n  C[Xx]\n    ^"),
            ("CC:C", "SMILES: an aromatic bond outside a ring\n  CC:C\n    ^"),
            ("C(C1)1", "SMILES: duplicate ring bond 1\n  C(C1)1\n        ^"),
            (
                "Cc1cccn1",
                "SMILES: the aromatic ring (in lower case) has no alternating double bonds\n  Cc1cccn1\n   ^\n\
                 (if a nitrogen in the ring carries a hydrogen, write it [nH])",
            ),
        ] {
            assert_eq!(refused(smiles), message);
        }
    }

    #[test]
    fn a_molecule_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("OCC", "[CH3]C([H])([H])O[H]"),
            ("C1=CC=CC=C1", "c1ccccc1"),
            ("N(=O)(=O)c1ccccc1", "O=[N+]([O-])c1ccccc1"),
            ("F/C=C/F", "F\\C=C\\F"),
            ("N[C@@H](C)C(=O)O", "OC(=O)[C@H](C)N"),
            ("[Na+].[Cl-]", "[Cl-].[Na+]"),
        ] {
            let canonical = |smiles: &str| Molecule::parse(smiles).unwrap().canonical().unwrap();
            assert_eq!(canonical(one), canonical(other));
        }
    }

    #[test]
    fn salts_are_kept_unless_the_largest_fragment_is_asked_for() {
        for (smiles, largest) in [
            ("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]", "CC(=O)Oc1ccccc1C(=O)[O-]"),
            ("Cl.CN", "CN"),
            ("CC.CO.CN", "CO"),
            ("[K+].[Br-]", "[Br-]"),
            ("CCO", "CCO"),
        ] {
            let molecule = Molecule::parse(smiles).unwrap();
            assert_eq!(molecule.largest_fragment().unwrap().canonical().unwrap(), largest);
        }
    }

    #[test]
    fn too_much_is_refused_before_it_costs_anything() {
        assert!(refused(&"C".repeat(1_000_000)).contains("the limit is 10000"));
        assert!(refused(&"C".repeat(9_000)).contains("more than 1000 atoms"));
        assert!(refused("  ").contains("it is empty"));
    }
}
