//! Molfiles, in V2000 and V3000, taken apart line by line before chematic reads them: what it does not represent it passes
//! over, and another molecule comes out (chematic 1.2.1: radicals, hydrogen bonds, charges given twice, counts of
//! hydrogens). Here every line, column and key is either understood or refused with its reason. What is left for chematic
//! is a plain file of atoms, bonds and wedges; the rest is set on its graph. The tests hold it against RDKit, feature by
//! feature of the CTfile specification (BIOVIA, 2020).

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use bootcamp_core::{Error, Result};
use chematic::core::{AtomIdx, BondIdx, Element, Molecule as Graph, implicit_hcount};
use chematic::mol::{MolParseError, parse_mol, parse_mol_v3000};

mod v2000;
mod v3000;

/// The most atoms and the most bonds of a file in V2000.
const V2000_MOST: usize = 999;
/// Atoms that stand for others. RDKit takes them as atoms of any kind.
const ANY: [&str; 9] = ["*", "A", "Q", "X", "M", "AH", "QH", "XH", "MH"];
/// The most common isotopes, to which a difference of mass is added.
const COMMON: [(&str, i32); 20] = [
    ("H", 1),
    ("B", 11),
    ("C", 12),
    ("N", 14),
    ("O", 16),
    ("F", 19),
    ("Na", 23),
    ("Mg", 24),
    ("Al", 27),
    ("Si", 28),
    ("P", 31),
    ("S", 32),
    ("Cl", 35),
    ("K", 39),
    ("Ca", 40),
    ("Fe", 56),
    ("Cu", 63),
    ("Zn", 64),
    ("Br", 79),
    ("I", 127),
];

/// What a molfile says, in either version.
#[derive(Debug, Default)]
struct Ctab {
    atoms: Vec<Atom>,
    bonds: Vec<Bond>,
    is_chiral: bool,
    /// Whether the coordinates are in space, as the header says.
    is_spatial: bool,
}

#[derive(Clone, Debug, Default)]
struct Atom {
    /// As chematic writes it; `*` for any atom.
    symbol: String,
    /// x, y, z.
    at: [f64; 3],
    charge: i8,
    /// Electrons without a partner.
    radical: u8,
    /// 0 for the natural mix.
    isotope: u16,
    /// Bonds in all, hydrogens included, where that is said; 0 where there are no hydrogens.
    valence: Option<u8>,
    /// 0 for none.
    map: u16,
}

#[derive(Clone, Copy, Debug)]
struct Bond {
    /// From 0.
    from: usize,
    to: usize,
    order: Order,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Single,
    Double,
    Triple,
    Aromatic,
    /// From the first atom to the second.
    Dative,
}

/// What a bond says of the stereochemistry at its beginning, or at both ends of a double bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Up,
    Down,
    Unknown,
}

/// The graph that a molfile describes. Its atoms are in the file's order.
///
/// # Errors
/// `InvalidInput` with the line of what is broken or not understood.
pub(crate) fn graph(molfile: &str) -> Result<Graph> {
    // A lone carriage return ends lines, too.
    let text = if molfile.contains('\r') { &molfile.replace("\r\n", "\n").replace('\r', "\n") } else { molfile };
    let lines: Vec<&str> = text.lines().collect();
    let counts = lines.get(3).ok_or_else(|| Error::invalid("the molfile is truncated"))?;
    let mut ctab = if counts.contains("V3000") { v3000::read(&lines)? } else { v2000::read(&lines)? };
    ctab.is_spatial = lines[1].get(20..22) == Some("3D");
    ctab.check()?;
    ctab.spread_wavy_bonds();
    ctab.graph()
}

/// What is wrong in a line, counted from 0.
fn wrong(line: usize, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the molfile is broken: line {}: {what}", line + 1))
}

/// What we do not represent.
fn unknown(line: usize, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("the molfile has {what} (line {}), which cannot be represented", line + 1))
}

/// What a symbol stands for: an element, one of its isotopes, or any atom.
fn atom(symbol: &str) -> Option<Atom> {
    let isotope = match symbol {
        "D" => 2,
        "T" => 3,
        _ => 0,
    };
    let symbol = match symbol {
        "D" | "T" => "H".to_owned(),
        "R" | "R#" => "*".to_owned(),
        any if ANY.contains(&any) => "*".to_owned(),
        // `CL`, as old programs write.
        two if two.len() == 2 && two.bytes().all(|letter| letter.is_ascii_uppercase()) => {
            two[..1].to_owned() + &two[1..].to_ascii_lowercase()
        }
        other => other.to_owned(),
    };
    // `R1`, `R2`: the number is kept as RDKit keeps it.
    if let Some(number) = symbol.strip_prefix('R').and_then(|number| number.parse::<u16>().ok()) {
        return Some(Atom { symbol: "*".to_owned(), isotope: number, ..Atom::default() });
    }
    let is_known = symbol == "*" || Element::from_symbol(&symbol).is_some_and(|element| element.symbol() == symbol);
    is_known.then(|| Atom { symbol, isotope, ..Atom::default() })
}

/// The electrons of a radical, by its code.
fn electrons(code: i64) -> Option<u8> {
    match code {
        0 => Some(0),
        2 => Some(1),
        1 | 3 => Some(2),
        _ => None,
    }
}

/// A bond by its number in the file.
fn order(line: usize, number: i64) -> Result<Order> {
    match number {
        1 => Ok(Order::Single),
        2 => Ok(Order::Double),
        3 => Ok(Order::Triple),
        4 => Ok(Order::Aromatic),
        9 => Ok(Order::Dative),
        5..=8 => Err(unknown(line, "a query bond")),
        0 | 10 => Err(unknown(line, "a bond of order zero, such as a hydrogen bond")),
        other => Err(wrong(line, format!("there is no bond of type {other}"))),
    }
}

impl Ctab {
    fn check(&self) -> Result<()> {
        if self.atoms.is_empty() {
            return Err(Error::invalid("the molfile has no atoms"));
        }
        let mut seen = HashSet::new();
        for Bond { from, to, .. } in &self.bonds {
            if from == to {
                return Err(Error::invalid(format!("the molfile is broken: atom {} is bound to itself", from + 1)));
            }
            if !seen.insert((from.min(to), from.max(to))) {
                let message = format!("the molfile is broken: atoms {} and {} are bound twice", from + 1, to + 1);
                return Err(Error::invalid(message));
            }
        }
        Ok(())
    }

    /// A wavy bond that begins at a double bond says that its sides are unknown.
    fn spread_wavy_bonds(&mut self) {
        let is_wavy = |bond: &&Bond| bond.order == Order::Single && bond.mark == Mark::Unknown;
        let wavy: HashSet<usize> = self.bonds.iter().filter(is_wavy).map(|bond| bond.from).collect();
        for bond in self.bonds.iter_mut().filter(|bond| bond.order == Order::Double) {
            if wavy.contains(&bond.from) || wavy.contains(&bond.to) {
                bond.mark = Mark::Unknown;
            }
        }
    }

    fn graph(&self) -> Result<Graph> {
        let is_small = self.atoms.len() <= V2000_MOST && self.bonds.len() <= V2000_MOST;
        let read = if is_small { parse_mol(&self.as_v2000()) } else { parse_mol_v3000(&self.as_v3000()) };
        let (mut graph, _) = read.map_err(|error| match error {
            MolParseError::UnexpectedEnd => Error::invalid("the molfile is truncated"),
            error => Error::invalid(format!("the molfile is broken: {error}")),
        })?;
        for (at, bond) in self.bonds.iter().enumerate().filter(|(_, bond)| bond.order == Order::Dative) {
            graph.set_dative_bond(BondIdx(at as u32), AtomIdx(bond.from as u32));
            for end in [bond.from, bond.to] {
                graph.set_hydrogen_count(AtomIdx(end as u32), None);
            }
        }
        for (at, atom) in self.atoms.iter().enumerate() {
            let index = AtomIdx(at as u32);
            if atom.symbol == "*" && atom.isotope > 0 {
                graph.set_isotope(index, Some(atom.isotope));
            }
            if let Some(hydrogens) = self.hydrogens(&graph, at)? {
                graph.set_hydrogen_count(index, Some(hydrogens));
            }
        }
        Ok(graph)
    }

    /// The hydrogens of an atom whose number is not the usual one.
    fn hydrogens(&self, graph: &Graph, at: usize) -> Result<Option<u8>> {
        let Atom { symbol, radical, valence, charge, .. } = &self.atoms[at];
        if *radical == 0 && valence.is_none() {
            // A hydrogen alone is a molecule of two.
            let is_alone = symbol == "H" && *charge == 0 && graph.degree(AtomIdx(at as u32)) == 0;
            return Ok(is_alone.then_some(1));
        }
        let too_many = || {
            let message = format!("the molfile's structure: atom {} has more bonds than it can have", at + 1);
            Error::invalid(message)
        };
        let mut bonds = 0;
        for bond in self.bonds.iter().filter(|bond| bond.from == at || bond.to == at) {
            bonds += match bond.order {
                Order::Single => 1,
                Order::Double => 2,
                Order::Triple => 3,
                Order::Dative => 0,
                Order::Aromatic => {
                    let what = format!("an aromatic atom ({}) with a valence or a radical", at + 1);
                    return Err(Error::invalid(format!("the molfile has {what}, which cannot be represented")));
                }
            };
        }
        let hydrogens = match valence {
            // No valence at all: no hydrogens.
            Some(0) => 0,
            Some(valence) => valence.checked_sub(bonds).ok_or_else(too_many)?,
            None => implicit_hcount(graph, AtomIdx(at as u32)),
        };
        // What has no usual valence has no hydrogens to lose.
        if valence.is_none() && Element::from_symbol(symbol).is_none_or(|it| it.normal_valences().is_empty()) {
            return Ok(None);
        }
        hydrogens.checked_sub(if valence.is_some() { 0 } else { *radical }).ok_or_else(too_many).map(Some)
    }

    /// The header, of which the dimension counts.
    fn header(&self) -> &'static str {
        if self.is_spatial { "\n                    3D\n\n" } else { "\n\n\n" }
    }

    fn as_v2000(&self) -> String {
        let mut text = format!(
            "{}{:3}{:3}  0  0{:3}  0  0  0  0  0999 V2000\n",
            self.header(),
            self.atoms.len(),
            self.bonds.len(),
            u8::from(self.is_chiral)
        );
        // Writing to a string cannot fail.
        for Atom { symbol, at: [x, y, z], map, .. } in &self.atoms {
            let _ = writeln!(text, "{x:10.4}{y:10.4}{z:10.4} {symbol:<3} 0  0  0  0  0  0  0  0  0{map:3}  0  0");
        }
        for bond in &self.bonds {
            let _ = writeln!(text, "{:3}{:3}{:3}{:3}", bond.from + 1, bond.to + 1, bond.number(), bond.v2000_mark());
        }
        for (name, value) in self.marked() {
            for (at, value) in value {
                let _ = writeln!(text, "M  {name}  1{:4}{value:4}", at + 1);
            }
        }
        text.push_str("M  END\n");
        text
    }

    fn as_v3000(&self) -> String {
        let mut text = format!("{}  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\n", self.header());
        let (atoms, bonds) = (self.atoms.len(), self.bonds.len());
        let _ = writeln!(text, "M  V30 COUNTS {atoms} {bonds} 0 0 {}", u8::from(self.is_chiral));
        text.push_str("M  V30 BEGIN ATOM\n");
        for (at, atom) in self.atoms.iter().enumerate() {
            let Atom { symbol, at: [x, y, z], map, charge, .. } = atom;
            let _ = write!(text, "M  V30 {} {symbol} {x:.4} {y:.4} {z:.4} {map}", at + 1);
            if *charge != 0 {
                let _ = write!(text, " CHG={charge}");
            }
            if let Some(isotope) = atom.mass() {
                let _ = write!(text, " MASS={isotope}");
            }
            text.push('\n');
        }
        text.push_str("M  V30 END ATOM\nM  V30 BEGIN BOND\n");
        for (at, bond) in self.bonds.iter().enumerate() {
            let _ = write!(text, "M  V30 {} {} {} {}", at + 1, bond.number(), bond.from + 1, bond.to + 1);
            match bond.v3000_mark() {
                0 => text.push('\n'),
                mark => drop(writeln!(text, " CFG={mark}")),
            }
        }
        text.push_str("M  V30 END BOND\nM  V30 END CTAB\nM  END\n");
        text
    }

    /// Charges and isotopes that are not the usual ones, by the name of their line.
    fn marked(&self) -> BTreeMap<&'static str, Vec<(usize, i32)>> {
        let atoms = || self.atoms.iter().enumerate();
        let charges = atoms().filter(|(_, atom)| atom.charge != 0).map(|(at, atom)| (at, i32::from(atom.charge)));
        let isotopes = atoms().filter_map(|(at, atom)| Some((at, i32::from(atom.mass()?))));
        BTreeMap::from([("CHG", charges.collect()), ("ISO", isotopes.collect())])
    }
}

impl Atom {
    /// The isotope, which an atom of any kind has none of: there it is a number that is set later.
    fn mass(&self) -> Option<u16> {
        (self.isotope > 0 && self.symbol != "*").then_some(self.isotope)
    }

    /// Takes a difference of mass to the most common isotope.
    fn add_mass(&mut self, line: usize, difference: i64) -> Result<()> {
        let common = COMMON.iter().find(|(symbol, _)| *symbol == self.symbol).map(|(_, mass)| i64::from(*mass));
        let common = common.ok_or_else(|| unknown(line, format!("a mass difference of {}", self.symbol)))?;
        let mass = u16::try_from(common + difference).ok().filter(|mass| *mass > 0);
        self.isotope = mass.ok_or_else(|| wrong(line, format!("there is no {} of that mass", self.symbol)))?;
        Ok(())
    }
}

impl Bond {
    fn number(&self) -> u8 {
        match self.order {
            // Made dative later.
            Order::Single | Order::Dative => 1,
            Order::Double => 2,
            Order::Triple => 3,
            Order::Aromatic => 4,
        }
    }

    fn v2000_mark(&self) -> u8 {
        match (self.mark, self.order) {
            (Mark::None, _) => 0,
            (Mark::Up, _) => 1,
            (Mark::Down, _) => 6,
            (Mark::Unknown, Order::Double) => 3,
            (Mark::Unknown, _) => 4,
        }
    }

    fn v3000_mark(&self) -> u8 {
        match self.mark {
            Mark::None => 0,
            Mark::Up => 1,
            Mark::Unknown => 2,
            Mark::Down => 3,
        }
    }
}
