//! Finds where a pattern occurs in a molecule.
//!
//! chematic says which of the molecule's atoms each of the pattern's may be, and which bonds fit, with RDKit's meaning of
//! every primitive; this puts them together. chematic's own search tries every atom at every step when its steps are
//! limited, as they must be where strangers ask: for patterns of several rings it takes twenty times as long.

use std::sync::LazyLock;

use chematic::core::{Atom, AtomIdx, BondOrder, Molecule as Graph, MoleculeBuilder};
use chematic::smarts::rdkit_ring_model::RdkitRingModelBudget;
use chematic::smarts::{
    AtomPrimitive, AtomQuery, BondPrimitive, BondQuery, MatchConfig, QueryMolecule, RdkitParityConfig,
    RdkitRingCountModel, find_matches_rdkit_parity, for_each_embedding,
};

/// How long a search may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Atoms that are tried in one molecule.
    pub steps: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { steps: 200_000 }
    }
}

/// The result of matching a pattern against a molecule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A match: the molecule's atom for each of the pattern's, in the pattern's order. Where there are several
    /// places, the first.
    Matched(Vec<usize>),
    /// Certainly no match.
    No,
    /// Undecided: the step limit was reached.
    GaveUp,
}

impl Outcome {
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Matched(_))
    }
}

/// In which order a pattern's atoms are placed, and what each must fit.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    steps: Vec<Step>,
    /// The pattern's different atoms.
    kinds: Vec<Kind>,
}

#[derive(Clone, Debug)]
struct Step {
    /// The pattern's.
    atom: usize,
    kind: usize,
    degree: usize,
    /// Its bonds to atoms that are placed before it. It is looked for among the neighbours of the first.
    joins: Vec<Join>,
}

#[derive(Clone, Debug)]
struct Join {
    /// The pattern's atom, placed before.
    to: usize,
    /// Whether the pattern's bond begins there.
    begins_there: bool,
    fits: Fits,
}

/// What an atom must be, as a pattern of its own.
#[derive(Clone, Debug)]
struct Kind {
    query: QueryMolecule,
    asks_for_rings: bool,
}

/// Orders of bonds, as bits, that fit a bond of the pattern: of those that begin at the same end, and at the other one.
#[derive(Clone, Copy, Debug, Default)]
struct Fits {
    same: u16,
    turned: u16,
}

/// Every order that a bond may have.
const ORDERS: [BondOrder; 13] = [
    BondOrder::Single,
    BondOrder::Double,
    BondOrder::Triple,
    BondOrder::Quadruple,
    BondOrder::Aromatic,
    BondOrder::Up,
    BondOrder::Down,
    BondOrder::Zero,
    BondOrder::Dative,
    BondOrder::QueryAny,
    BondOrder::QuerySingleOrDouble,
    BondOrder::QuerySingleOrAromatic,
    BondOrder::QueryDoubleOrAromatic,
];

impl Fits {
    /// Asked once for the bonds that most patterns are made of.
    fn of(query: &BondQuery) -> Self {
        use BondPrimitive::{Any, Aromatic, Double, Single, Triple};
        static COMMON: LazyLock<Vec<(BondQuery, Fits)>> = LazyLock::new(|| {
            let primitives = [Single, Double, Triple, Aromatic, Any].map(BondQuery::Primitive);
            primitives.into_iter().chain([BondQuery::Any]).map(|query| (query.clone(), Fits::ask(&query))).collect()
        });
        let common = COMMON.iter().find(|(known, _)| known == query);
        common.map_or_else(|| Self::ask(query), |(_, fits)| *fits)
    }

    /// Of each order, whether it fits between two atoms of any kind.
    fn ask(query: &BondQuery) -> Self {
        let mut pair = QueryMolecule::new();
        let ends = [(); 2].map(|()| pair.add_atom(AtomQuery::Primitive(AtomPrimitive::Wildcard)));
        pair.add_bond(ends[0], ends[1], query.clone());
        let mut fits = Self::default();
        for order in ORDERS {
            let mut bond = MoleculeBuilder::new();
            let ends = [(); 2].map(|()| bond.add_atom(Atom::wildcard()));
            if bond.add_bond(ends[0], ends[1], order).is_ok() {
                for_each_embedding(&pair, &bond.build(), &MatchConfig::default(), |place| match place {
                    [0, _] => fits.same |= bit(order),
                    _ => fits.turned |= bit(order),
                });
            }
        }
        fits
    }

    fn holds(self, order: BondOrder, is_same: bool) -> bool {
        let orders = if is_same { self.same } else { self.turned };
        orders & bit(order) != 0
    }
}

fn bit(order: BondOrder) -> u16 {
    1 << order as u16
}

impl Plan {
    /// `None` for a pattern with a bond that asks for rings: which bonds fit then depends on the molecule.
    pub(crate) fn new(query: &QueryMolecule) -> Option<Self> {
        if query.bonds.iter().any(|bond| bond_asks_for_rings(&bond.query)) {
            return None;
        }
        let mut kinds: Vec<Kind> = Vec::new();
        let mut kind_of = |atom: &AtomQuery| {
            kinds.iter().position(|kind| kind.query.atoms[0].query == *atom).unwrap_or_else(|| {
                let mut query = QueryMolecule::new();
                query.add_atom(atom.clone());
                kinds.push(Kind { query, asks_for_rings: asks_for_rings(atom) });
                kinds.len() - 1
            })
        };
        let mut steps: Vec<Step> = Vec::with_capacity(query.atoms.len());
        // When each atom is placed, from 1.
        let mut placed = vec![0; query.atoms.len()];
        // Those with the most bonds to what is placed rule out most; then those beside what was placed last, which soon
        // close rings.
        let urgency = |atom: usize, placed: &[usize]| {
            let neighbours = query.adj[atom].iter().map(|(_, to)| placed[*to]);
            let bonds = neighbours.clone().filter(|when| *when > 0).count();
            (bonds, neighbours.max(), query.adj[atom].len(), std::cmp::Reverse(atom))
        };
        while let Some(atom) =
            (0..query.atoms.len()).filter(|atom| placed[*atom] == 0).max_by_key(|atom| urgency(*atom, &placed))
        {
            let before = query.adj[atom].iter().filter(|(_, to)| placed[*to] > 0);
            let joins = before.map(|(bond, to)| {
                let bond = &query.bonds[*bond];
                Join { to: *to, begins_there: bond.atom1 == *to, fits: Fits::of(&bond.query) }
            });
            let kind = kind_of(&query.atoms[atom].query);
            steps.push(Step { atom, kind, degree: query.adj[atom].len(), joins: joins.collect() });
            placed[atom] = steps.len();
        }
        Some(Self { steps, kinds })
    }

    /// The first place.
    pub(crate) fn find(&self, graph: &Graph, effort: &Effort) -> Outcome {
        let mut fits = Vec::with_capacity(self.kinds.len());
        for kind in &self.kinds {
            match kind.fits(graph, effort) {
                None => return Outcome::GaveUp,
                Some(atoms) if !atoms.contains(&true) => return Outcome::No,
                Some(atoms) => fits.push(atoms),
            }
        }
        let placed = vec![AtomIdx(0); self.steps.len()];
        let mut search =
            Search { plan: self, graph, fits, placed, used: vec![false; graph.atom_count()], steps: effort.steps };
        match search.place(0) {
            None => Outcome::GaveUp,
            Some(false) => Outcome::No,
            Some(true) => Outcome::Matched(search.placed.iter().map(|atom| atom.0 as usize).collect()),
        }
    }
}

impl Kind {
    /// Which atoms of the molecule it may be; `None` when that took too many steps.
    fn fits(&self, graph: &Graph, effort: &Effort) -> Option<Vec<bool>> {
        let mut fits = vec![false; graph.atom_count()];
        let base = MatchConfig { uniquify: false, max_visit_budget: Some(effort.steps), ..MatchConfig::default() };
        let given_up = if self.asks_for_rings {
            let (places, given_up) = find_matches_rdkit_parity(&self.query, graph, &with_rings(base, effort)).ok()?;
            places.iter().filter_map(|place| place.get(&0)).for_each(|atom| fits[atom.0 as usize] = true);
            given_up
        } else {
            for_each_embedding(&self.query, graph, &base, |place| fits[place[0] as usize] = true)
        };
        (!given_up).then_some(fits)
    }
}

struct Search<'a> {
    plan: &'a Plan,
    graph: &'a Graph,
    /// Of each kind, which atoms of the molecule it may be.
    fits: Vec<Vec<bool>>,
    /// Where the pattern's atoms are, those of the steps before.
    placed: Vec<AtomIdx>,
    used: Vec<bool>,
    /// That are left.
    steps: u64,
}

impl Search<'_> {
    /// Places all atoms from a step on; `None` when the steps did not suffice.
    fn place(&mut self, depth: usize) -> Option<bool> {
        let Some(step) = self.plan.steps.get(depth) else { return Some(true) };
        let (graph, atoms) = (self.graph, self.graph.atom_count() as u32);
        let (beside, anywhere) = match step.joins.first() {
            Some(join) => (graph.neighbor_slice(self.placed[join.to]), 0..0),
            None => (&[][..], 0..atoms),
        };
        for at in beside.iter().map(|(at, _)| *at).chain(anywhere.map(AtomIdx)) {
            self.steps = self.steps.checked_sub(1)?;
            if self.used[at.0 as usize] || !self.may_be(step, at) {
                continue;
            }
            self.used[at.0 as usize] = true;
            self.placed[step.atom] = at;
            if self.place(depth + 1)? {
                return Some(true);
            }
            self.used[at.0 as usize] = false;
        }
        Some(false)
    }

    fn may_be(&self, step: &Step, at: AtomIdx) -> bool {
        self.fits[step.kind][at.0 as usize]
            && self.graph.neighbor_slice(at).len() >= step.degree
            && step.joins.iter().all(|join| {
                let there = self.placed[join.to];
                let begin = if join.begins_there { there } else { at };
                let bond = self.graph.bond_between(there, at);
                bond.is_some_and(|(_, bond)| join.fits.holds(bond.order, bond.atom1 == begin))
            })
    }
}

/// Rings as RDKit counts them since 2026.09.
pub(crate) fn with_rings(base: MatchConfig, effort: &Effort) -> RdkitParityConfig {
    RdkitParityConfig {
        base,
        ring_model_budget: RdkitRingModelBudget { max_candidates: usize::try_from(effort.steps).unwrap_or(usize::MAX) },
        ring_count_model: RdkitRingCountModel::RelevantCycles,
        ..RdkitParityConfig::default()
    }
}

/// Whether the atom must be in certain rings, or in none. Finding a molecule's rings takes longer than all else.
fn asks_for_rings(query: &AtomQuery) -> bool {
    match query {
        AtomQuery::Primitive(
            AtomPrimitive::RingMembership(_)
            | AtomPrimitive::RingSize(_)
            | AtomPrimitive::MinRingSize(_)
            | AtomPrimitive::RingBondCount(_)
            | AtomPrimitive::RingCount(_),
        ) => true,
        AtomQuery::Primitive(AtomPrimitive::Recursive(inner)) => {
            inner.atoms.iter().any(|atom| asks_for_rings(&atom.query))
                || inner.bonds.iter().any(|bond| bond_asks_for_rings(&bond.query))
        }
        AtomQuery::Primitive(_) => false,
        AtomQuery::And(a, b) | AtomQuery::Or(a, b) => asks_for_rings(a) || asks_for_rings(b),
        AtomQuery::Not(inner) => asks_for_rings(inner),
    }
}

fn bond_asks_for_rings(query: &BondQuery) -> bool {
    match query {
        BondQuery::Primitive(primitive) => *primitive == BondPrimitive::Ring,
        BondQuery::And(a, b) | BondQuery::Or(a, b) => bond_asks_for_rings(a) || bond_asks_for_rings(b),
        BondQuery::Not(inner) => bond_asks_for_rings(inner),
        BondQuery::Any => false,
    }
}
