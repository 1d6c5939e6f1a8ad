//! Where atoms are drawn, and how bonds: RDKit's depiction, read from the molfile that its port writes.

use bootcamp_core::{Error, Result};
use chematic::core::{BondOrder, Molecule as Graph, apply_kekule, kekulize};
use chematic::perception::{find_sssr, with_rdkit_parity_view};
use chematic::smiles::{rdkit_2d_coords, rdkit_mol_block_2d};

/// A point, or a direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// As an SVG path has it.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} {:.1}", self.x, self.y)
    }
}

impl Place {
    /// A direction of length 1; of none between two atoms in one place.
    pub(super) fn towards(self, other: Self) -> Self {
        let (x, y) = (other.x - self.x, other.y - self.y);
        let length = x.hypot(y).max(f64::MIN_POSITIVE);
        Self { x: x / length, y: y / length }
    }

    pub(super) fn moved(self, direction: Self, by: f64) -> Self {
        Self { x: self.x + direction.x * by, y: self.y + direction.y * by }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wedge {
    None,
    Up,
    Down,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bond {
    /// The narrow end of a wedge.
    pub(super) from: usize,
    pub(super) to: usize,
    /// 1, 2 or 3.
    pub(super) order: u8,
    pub(super) wedge: Wedge,
}

pub(super) struct Plan {
    pub(super) places: Vec<Place>,
    pub(super) bonds: Vec<Bond>,
    rings: Vec<Vec<usize>>,
}

impl Plan {
    /// # Errors
    /// `InvalidInput` for the rare structure that has no depiction.
    pub(super) fn of(graph: &Graph) -> Result<Self> {
        let read = rdkit_mol_block_2d(graph).ok().and_then(|molfile| Self::read(&molfile));
        let (places, bonds) = match read.filter(|(places, _)| places.len() == graph.atom_count()) {
            Some(read) => read,
            None => Self::without_wedges(graph)?,
        };
        let rings = find_sssr(graph).rings().iter().map(|ring| ring.iter().map(|at| at.0 as usize).collect()).collect();
        let plan = Self { places, bonds, rings };
        if plan.places.is_empty() || plan.places.iter().any(|place| !place.x.is_finite() || !place.y.is_finite()) {
            return Err(Error::invalid("the molecule cannot be drawn"));
        }
        Ok(plan)
    }

    /// The atoms and bonds of a V2000 molfile; `None` for another kind.
    fn read(molfile: &str) -> Option<(Vec<Place>, Vec<Bond>)> {
        let number = |line: &str, from: usize, to: usize| line.get(from..to)?.trim().parse::<usize>().ok();
        let mut lines = molfile.lines().skip(3);
        let counts = lines.next().filter(|counts| counts.contains("V2000"))?;
        let (atoms, bonds) = (number(counts, 0, 3)?, number(counts, 3, 6)?);
        let place = |line: &str| {
            let coordinate = |from: usize| line.get(from..from + 10)?.trim().parse::<f64>().ok();
            Some(Place { x: coordinate(0)?, y: -coordinate(10)? })
        };
        let bond = |line: &str| {
            let wedge = match number(line, 9, 12)? {
                1 => Wedge::Up,
                6 => Wedge::Down,
                _ => Wedge::None,
            };
            let order = u8::try_from(number(line, 6, 9)?.clamp(1, 3)).ok()?;
            let atom = |from: usize| number(line, from, from + 3)?.checked_sub(1).filter(|atom| *atom < atoms);
            Some(Bond { from: atom(0)?, to: atom(3)?, order, wedge })
        };
        let places: Option<Vec<_>> = lines.by_ref().take(atoms).map(place).collect();
        let bonds: Option<Vec<_>> = lines.take(bonds).map(bond).collect();
        Some((places?, bonds?))
    }

    /// Where RDKit's molfile could not be written: its places, and bonds without stereo.
    fn without_wedges(graph: &Graph) -> Result<(Vec<Place>, Vec<Bond>)> {
        let places = rdkit_2d_coords(graph).map_err(|error| Error::invalid(format!("cannot be drawn: {error}")))?;
        let places: Vec<_> = places.into_iter().map(|[x, y]| Place { x, y: -y }).collect();
        if places.len() != graph.atom_count() {
            return Err(Error::invalid("the molecule cannot be drawn"));
        }
        let bonds = with_rdkit_parity_view(graph, |view| {
            let view = view.unwrap_or(graph);
            let kekule = kekulize(view).map(|found| apply_kekule(view, &found));
            let orders = kekule.as_ref().unwrap_or(view);
            let bond = |bond: &chematic::core::BondEntry| {
                let order = match bond.order {
                    BondOrder::Double => 2,
                    BondOrder::Triple | BondOrder::Quadruple => 3,
                    _ => 1,
                };
                Bond { from: bond.atom1.0 as usize, to: bond.atom2.0 as usize, order, wedge: Wedge::None }
            };
            orders.bonds().map(|(_, entry)| bond(entry)).collect()
        });
        Ok((places, bonds))
    }

    /// Makes a usual bond `bond` long and puts the upper left corner at `margin`.
    pub(super) fn scale(&mut self, bond: f64, margin: f64) {
        let mut lengths: Vec<f64> = self
            .bonds
            .iter()
            .map(|bond| (self.places[bond.from], self.places[bond.to]))
            .map(|(from, to)| (to.x - from.x).hypot(to.y - from.y))
            .filter(|length| *length > 1e-3)
            .collect();
        lengths.sort_by(f64::total_cmp);
        let factor = bond / lengths.get(lengths.len() / 2).copied().unwrap_or(1.5);
        let least = |of: fn(&Place) -> f64| self.places.iter().map(of).fold(f64::INFINITY, f64::min);
        let (left, top) = (least(|place| place.x), least(|place| place.y));
        for place in &mut self.places {
            *place = Place { x: (place.x - left) * factor + margin, y: (place.y - top) * factor + margin };
        }
    }

    /// The width and height that hold everything.
    pub(super) fn size(&self, margin: f64) -> (f64, f64) {
        let most = |of: fn(&Place) -> f64| self.places.iter().map(of).fold(0.0, f64::max);
        (most(|place| place.x) + margin, most(|place| place.y) + margin)
    }

    /// On which side of a bond the inside of its smallest ring is: 1 or -1; `None` when it is in no ring.
    pub(super) fn side(&self, bond: &Bond) -> Option<f64> {
        let joined = |ring: &&Vec<usize>| ring.contains(&bond.from) && ring.contains(&bond.to);
        let ring = self.rings.iter().filter(joined).min_by_key(|ring| ring.len())?;
        let middle =
            |of: fn(&Place) -> f64| ring.iter().map(|at| of(&self.places[*at])).sum::<f64>() / ring.len() as f64;
        let (from, to) = (self.places[bond.from], self.places[bond.to]);
        let (x, y) = (middle(|place| place.x) - from.x, middle(|place| place.y) - from.y);
        let cross = (to.x - from.x) * y - (to.y - from.y) * x;
        Some(if cross >= 0.0 { 1.0 } else { -1.0 })
    }
}
