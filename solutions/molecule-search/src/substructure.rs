//! Substructure match: whether a molecule contains a structure, and with which atoms.

use bootcamp_core::{Error, Result};
use chematic::core::{BondOrder, Element, Molecule as Graph};
use chematic::smarts::{
    AtomPrimitive, AtomQuery, BondPrimitive, BondQuery, MatchConfig, QueryMolecule, SmartsError,
    find_matches_rdkit_parity, parse_smarts,
};

use crate::embedding::{Effort, Outcome, Plan, with_rings};
use crate::fault::Fault;
use crate::molecule::{Limits, Molecule};
use crate::screen::Screen;

/// Bytes of a SMARTS.
const MAX_SMARTS: usize = 2_000;
/// Its atoms, those of `$(…)` aside. The search goes as deep as there are atoms.
const MAX_ATOMS: usize = 200;
/// How deep its parentheses and brackets may be nested.
const MAX_NESTING: usize = 50;

/// A pattern to search for: a molecule or a SMARTS.
///
/// Stereo does not count, as in RDKit's default. In a SMILES a charge or an isotope counts where it is written, hydrogens
/// and open valences do not: `[N+](=O)[O-]` finds nitro groups. `*` is any atom.
#[derive(Clone, Debug)]
pub struct Pattern {
    query: QueryMolecule,
    screen: Screen,
    /// `None` where chematic's own search must do.
    plan: Option<Plan>,
}

impl Pattern {
    /// A molecule, or a part of one, as SMILES.
    ///
    /// # Errors
    /// Those of [`Molecule::parse`].
    pub fn smiles(smiles: &str) -> Result<Self> {
        Self::smiles_within(smiles, &Limits::default())
    }

    /// As [`Pattern::smiles`], within other limits.
    ///
    /// # Errors
    /// Those of [`Molecule::parse`].
    pub fn smiles_within(smiles: &str, limits: &Limits) -> Result<Self> {
        Molecule::parse_within(smiles, limits).map(|molecule| Self::of(&molecule))
    }

    /// A molecule that others may contain.
    pub fn of(molecule: &Molecule) -> Self {
        Self::new(molecule.perceived(query_of))
    }

    /// A pattern in SMARTS, with RDKit's extensions (`^2`, `z`, `k`, `{2-3}`).
    ///
    /// # Errors
    /// `InvalidInput` with a caret under the place that is wrong, or when it is too large.
    pub fn smarts(smarts: &str) -> Result<Self> {
        let smarts = smarts.trim();
        let fault = |fault: Fault| fault.into_error("SMARTS", smarts);
        if smarts.is_empty() {
            return Err(fault(Fault::new(None, "it is empty")));
        }
        if smarts.len() > MAX_SMARTS {
            let message = format!("SMARTS: it is {} bytes; the limit is {MAX_SMARTS}", smarts.len());
            return Err(Error::invalid(message));
        }
        if nesting(smarts) > MAX_NESTING {
            return Err(fault(Fault::new(None, "it is nested too deeply")));
        }
        let query = match spelled_out(smarts) {
            Some(other) => parse_smarts(&other).map_err(|error| Error::invalid(format!("SMARTS: {error}")))?,
            None => parse_smarts(smarts).map_err(|error| fault(smarts_fault(&error, smarts)))?,
        };
        if query.atoms.is_empty() || query.atoms.len() > MAX_ATOMS {
            return Err(fault(Fault::new(None, format!("it has {} atoms, not 1 to {MAX_ATOMS}", query.atoms.len()))));
        }
        Ok(Self::new(query))
    }

    fn new(query: QueryMolecule) -> Self {
        let mut screen = Screen::empty();
        screen.add_pattern(&query);
        Self { plan: Plan::new(&query), query, screen }
    }

    /// The bits that whatever contains the pattern has.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// How many atoms it has.
    pub fn atoms(&self) -> usize {
        self.query.atoms.len()
    }

    /// Looks for the pattern in a molecule.
    pub fn find(&self, molecule: &Molecule, effort: &Effort) -> Outcome {
        if self.atoms() > molecule.atoms() {
            return Outcome::No;
        }
        molecule.perceived(|graph| match &self.plan {
            // RDKit treats bonds between carbon and iron specially.
            Some(plan) if !graph.atoms().any(|(_, atom)| atom.element == Element::FE) => plan.find(graph, effort),
            _ => self.find_by_chematic(graph, effort),
        })
    }

    fn find_by_chematic(&self, graph: &Graph, effort: &Effort) -> Outcome {
        let config = MatchConfig {
            max_matches: Some(1),
            uniquify: false,
            max_visit_budget: Some(effort.steps),
            ..MatchConfig::default()
        };
        match find_matches_rdkit_parity(&self.query, graph, &with_rings(config, effort)) {
            Err(_) => Outcome::GaveUp,
            Ok((places, given_up)) => match places.first() {
                Some(place) => {
                    let atoms = (0..self.atoms()).filter_map(|atom| place.get(&atom));
                    Outcome::Matched(atoms.map(|atom| atom.0 as usize).collect())
                }
                None if given_up => Outcome::GaveUp,
                None => Outcome::No,
            },
        }
    }
}

/// The pattern with the rarest aromatic elements as numbers, if it has any: chematic 1.2.1 reads `[as]` as an aromatic
/// sulfur.
fn spelled_out(smarts: &str) -> Option<String> {
    const RARE: [(&str, &str); 3] = [("as", "$([#33;a])"), ("te", "$([#52;a])"), ("si", "$([#14;a])")];
    // Whether each open bracket is one of an atom; the others hold patterns.
    let mut open = Vec::new();
    let (mut out, mut is_other, mut rest, mut before) = (String::new(), false, smarts, ' ');
    while let Some(letter) = rest.chars().next() {
        let begins = open.last() == Some(&true) && (before.is_ascii_digit() || "[;,&!+-)}*".contains(before));
        if let Some((symbol, number)) = RARE.iter().find(|(symbol, _)| begins && rest.starts_with(symbol)) {
            out.push_str(number);
            (is_other, rest, before) = (true, &rest[symbol.len()..], 's');
            continue;
        }
        match letter {
            '[' => open.push(true),
            '(' => open.push(false),
            ']' | ')' => drop(open.pop()),
            _ => {}
        }
        out.push(letter);
        (rest, before) = (&rest[letter.len_utf8()..], letter);
    }
    is_other.then_some(out)
}

/// What RDKit compares when a molecule is looked for in another one (`Atom::Match`, `Bond::Match`), but for open
/// valences, and with `*` as any atom (`makeDummiesQueries`).
fn query_of(graph: &Graph) -> QueryMolecule {
    let mut query = QueryMolecule::new();
    let and = |a: AtomQuery, b: AtomPrimitive| AtomQuery::And(Box::new(a), Box::new(AtomQuery::Primitive(b)));
    for (_, atom) in graph.atoms() {
        query.add_atom(if atom.wildcard {
            AtomQuery::Primitive(AtomPrimitive::Wildcard)
        } else {
            let mut wanted = AtomQuery::Primitive(AtomPrimitive::AtomicNum(atom.element.atomic_number()));
            if atom.charge != 0 {
                wanted = and(wanted, AtomPrimitive::Charge(atom.charge));
            }
            if let Some(isotope) = atom.isotope {
                wanted = and(wanted, AtomPrimitive::Isotope(isotope));
            }
            // Its bonds say so, too; this way the screen knows.
            if atom.aromatic {
                wanted = and(wanted, AtomPrimitive::Aromatic(true));
            }
            wanted
        });
    }
    for (_, bond) in graph.bonds() {
        let order = match bond.order {
            BondOrder::Single | BondOrder::Up | BondOrder::Down => BondPrimitive::Single,
            BondOrder::Double => BondPrimitive::Double,
            BondOrder::Triple => BondPrimitive::Triple,
            BondOrder::Quadruple => BondPrimitive::Quadruple,
            BondOrder::Aromatic => BondPrimitive::Aromatic,
            BondOrder::Dative => BondPrimitive::DativeForward,
            _ => BondPrimitive::Any,
        };
        query.add_bond(bond.atom1.0 as usize, bond.atom2.0 as usize, BondQuery::Primitive(order));
    }
    query
}

fn nesting(text: &str) -> usize {
    let depths = text.bytes().scan(0_usize, |depth, byte| {
        match byte {
            b'(' | b'[' => *depth += 1,
            b')' | b']' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}

fn smarts_fault(error: &SmartsError, text: &str) -> Fault {
    match error {
        SmartsError::UnexpectedEnd => Fault::new(text.len(), "it ends too early"),
        SmartsError::UnexpectedChar(letter, at) => {
            Fault::new(*at, format!("'{}' is not allowed here", letter.escape_debug()))
        }
        SmartsError::UnclosedBracket(at) => Fault::new(*at, "a bracket that is never closed"),
        SmartsError::UnclosedBranch(at) => Fault::new(*at, "a branch that is never closed"),
        SmartsError::InvalidRingClosure(number) => Fault::new(None, format!("ring {number} is never closed")),
        SmartsError::RecursionDepthExceeded => Fault::new(None, "patterns within patterns are nested too deeply"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &Pattern, molecule: &str) -> Outcome {
        pattern.find(&Molecule::parse(molecule).unwrap(), &Effort::default())
    }

    #[test]
    fn matched_atoms_are_in_the_patterns_order() {
        let acid = Pattern::smarts("[CX3](=O)[OX2H1]").unwrap();
        assert_eq!(find(&acid, "CC(=O)Oc1ccccc1C(=O)O"), Outcome::Matched(vec![10, 11, 12]));
        assert_eq!(find(&acid, "CC(=O)OC"), Outcome::No);
        assert_eq!(find(&Pattern::smiles("C=O").unwrap(), "O=C"), Outcome::Matched(vec![1, 0]));
    }

    #[test]
    fn a_smiles_finds_what_a_chemist_means() {
        for (pattern, molecule, is_in) in [
            ("c1ccccc1", "C1=CC=CC=C1C", true),
            ("C1=CC=CC=C1", "c1ccccc1C", true),
            ("C1CCCCC1", "c1ccccc1", false),
            ("[N+](=O)[O-]", "CN(=O)=O", true),
            ("[NH3+]C", "CN", false),
            ("*C(=O)O", "CC(=O)O", true),
            ("N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O", true),
            ("O.N", "OCCN", true),
            ("O.O", "OCCN", false),
            // With four neighbours an atom in lower case is not aromatic.
            ("NCC(=O)O", "CC(=O)Nc1(N)nnc(C(=O)O)(S(N)(=O)=O)s1", true),
            ("C1=CCC=C1", "c1(C)(C)cccc1", true),
        ] {
            let pattern = Pattern::smiles(pattern).unwrap();
            assert_eq!(find(&pattern, molecule).is_match(), is_in, "{pattern:?} in {molecule}");
        }
    }

    #[test]
    fn a_query_that_runs_away_is_given_up() {
        // A ladder: at each rung there are two ways on.
        let rungs = |i: usize| format!("C%({})", 100 + i);
        let (up, down): (String, String) = ((0..40).map(rungs).collect(), (0..40).rev().map(rungs).collect());
        let knot = format!("C1{up}C1{down}");
        let molecule = Molecule::parse(&format!("FC{knot}")).unwrap();
        let find = |smarts: &str| Pattern::smarts(smarts).unwrap().find(&molecule, &Effort { steps: 10_000 });
        assert_eq!(find(&("*~".repeat(40) + "F~*~F")), Outcome::GaveUp);
        assert_eq!(find(&("*~".repeat(40) + "@F")), Outcome::GaveUp);
        assert_eq!(find(&("*~".repeat(40) + "[#6;+5]")), Outcome::No, "which no atom is");
    }

    #[test]
    fn what_is_wrong_with_a_smarts_is_shown() {
        let error = |text: &str| Pattern::smarts(text).unwrap_err().to_string();
        assert_eq!(error("[#6"), "SMARTS: a bracket that is never closed\n  [#6\n  ^");
        assert_eq!(error("CC(C"), "SMARTS: a branch that is never closed\n  CC(C\n    ^");
        assert!(error("C1CC").contains("ring 1 is never closed"));
        assert!(error(&"[$(".repeat(60)).contains("nested too deeply"));
        assert!(error("  ").contains("it is empty"));
    }
}
