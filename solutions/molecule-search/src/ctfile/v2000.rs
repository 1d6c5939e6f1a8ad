//! V2000: columns of fixed width, and property lines.

use bootcamp_core::Result;

use super::{Atom, Bond, Ctab, Mark, Order, atom, electrons, order, unknown, wrong};

/// Property lines that change no atom and no bond: S-groups (what is drawn, named or grouped), attachment points, the
/// logic of R groups, registry numbers.
const REMARKS: [&str; 25] = [
    "STY", "SST", "SLB", "SCN", "SDS", "SAL", "SBL", "SPA", "SMT", "CRS", "SDI", "SBV", "SDT", "SDD", "SCD", "SED",
    "SPL", "SNC", "SAP", "SCL", "SBT", "APO", "AAL", "LOG", "REG",
];

/// Columns of a line: a number, 0 where it is blank.
fn number(line: usize, text: &str, columns: std::ops::Range<usize>) -> Result<i64> {
    let end = columns.end.min(text.len());
    let field = text.get(columns.start.min(end)..end).unwrap_or("?").trim();
    if field.is_empty() {
        return Ok(0);
    }
    field.parse().map_err(|_| wrong(line, format!("'{field}' is no number")))
}

pub(super) fn read(lines: &[&str]) -> Result<Ctab> {
    let counts = |columns| usize::try_from(number(3, lines[3], columns)?).map_err(|_| wrong(3, "a count below 0"));
    let (atoms, bonds) = (counts(0..3)?, counts(3..6)?);
    let mut ctab = Ctab { is_chiral: counts(12..15)? == 1, ..Ctab::default() };
    let truncated = || bootcamp_core::Error::invalid("the molfile is truncated");
    // Codes of charges, which hold unless a line of charges or radicals says otherwise.
    let mut codes = Vec::with_capacity(atoms);
    let mut masses = Vec::with_capacity(atoms);
    for at in 4..4 + atoms {
        let (atom, mass, code) = atom_line(at, lines.get(at).ok_or_else(truncated)?)?;
        ctab.atoms.push(atom);
        masses.push((at, mass));
        codes.push((at, code));
    }
    let first = 4 + atoms;
    for at in first..first + bonds {
        ctab.bonds.push(bond_line(at, lines.get(at).ok_or_else(truncated)?, atoms)?);
    }
    let mut properties = Properties { ctab: &mut ctab, has_charges: false, isotopes: Vec::new() };
    properties.read(lines, first + bonds)?;
    let (has_charges, isotopes) = (properties.has_charges, properties.isotopes);
    for (atom, (line, code)) in ctab.atoms.iter_mut().zip(codes).filter(|_| !has_charges) {
        atom.charge = match code {
            0 => 0,
            1..=3 | 5..=7 => 4 - code as i8,
            4 => return Err(unknown(line, "a radical in the column of charges")),
            other => return Err(wrong(line, format!("there is no charge of code {other}"))),
        };
    }
    for (at, (line, mass)) in masses.into_iter().enumerate().filter(|(_, (_, mass))| *mass != 0) {
        match isotopes.as_slice() {
            [] => ctab.atoms[at].add_mass(line, mass)?,
            listed if listed.contains(&at) => {}
            // The specification lets the lines of isotopes supersede all columns, RDKit only those of their atoms.
            _ => return Err(unknown(line, "isotopes both in a column and in a line")),
        }
    }
    Ok(ctab)
}

/// An atom, its difference of mass and the code of its charge.
fn atom_line(line: usize, text: &str) -> Result<(Atom, i64, i64)> {
    let coordinate = |columns: std::ops::Range<usize>| {
        let field = text.get(columns).map(str::trim).ok_or_else(|| wrong(line, "the line of an atom is too short"))?;
        let value = field.parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| wrong(line, format!("'{field}' is no coordinate")))
    };
    let at = [coordinate(0..10)?, coordinate(10..20)?, coordinate(20..30)?];
    let symbol = text.get(31..text.len().min(34)).unwrap_or_default().trim();
    // A list of atoms, told in a line of its own.
    let known = if symbol == "L" { atom("*") } else { atom(symbol) };
    let known = known.ok_or_else(|| wrong(line, format!("there is no element '{symbol}'")))?;
    if number(line, text, 42..45)? != 0 {
        return Err(unknown(line, "a query for hydrogens"));
    }
    let valence = match number(line, text, 48..51)? {
        0 => None,
        15 => Some(0),
        valence @ 1..=14 => Some(valence as u8),
        other => return Err(wrong(line, format!("there is no valence {other}"))),
    };
    let map = u16::try_from(number(line, text, 60..63)?).map_err(|_| wrong(line, "an atom's number below 0"))?;
    Ok((Atom { at, valence, map, ..known }, number(line, text, 34..36)?, number(line, text, 36..39)?))
}

fn bond_line(line: usize, text: &str, atoms: usize) -> Result<Bond> {
    let end = |columns| {
        let at = number(line, text, columns)?;
        let at = usize::try_from(at).ok().filter(|at| (1..=atoms).contains(at));
        at.map(|at| at - 1).ok_or_else(|| wrong(line, "a bond to an atom that is not there"))
    };
    let (from, to) = (end(0..3)?, end(3..6)?);
    let order = order(line, number(line, text, 6..9)?)?;
    let mark = match (number(line, text, 9..12)?, order) {
        (0, _) => Mark::None,
        (1, Order::Single) => Mark::Up,
        (6, Order::Single) => Mark::Down,
        (4, Order::Single) | (3, Order::Double) => Mark::Unknown,
        (other, _) => return Err(unknown(line, format!("a bond with the stereo mark {other}"))),
    };
    Ok(Bond { from, to, order, mark })
}

struct Properties<'a> {
    ctab: &'a mut Ctab,
    has_charges: bool,
    /// Atoms whose isotope a line gives.
    isotopes: Vec<usize>,
}

impl Properties<'_> {
    fn read(&mut self, lines: &[&str], mut at: usize) -> Result<()> {
        loop {
            let text = lines.get(at).ok_or_else(|| bootcamp_core::Error::invalid("the molfile is truncated"))?;
            let words: Vec<&str> = text.split_whitespace().collect();
            match words.as_slice() {
                ["M", "END", ..] => return Ok(()),
                ["M", name @ ("CHG" | "RAD" | "ISO" | "RGP"), ..] => self.values(at, name, text)?,
                ["M", "ALS", number, ..] => {
                    let number =
                        number.parse::<usize>().ok().filter(|number| (1..=self.ctab.atoms.len()).contains(number));
                    let number = number.ok_or_else(|| wrong(at, "a list for an atom that is not there"))?;
                    self.ctab.atoms[number - 1].symbol = "*".to_owned();
                }
                ["M", name, ..] if REMARKS.contains(name) => {}
                // A name for an atom or a group, in the line after it.
                ["A" | "G", _, ..] if text.starts_with(['A', 'G']) => at += 1,
                ["V", ..] if text.starts_with('V') => {}
                ["S", skipped, count] if *skipped == "SKP" => {
                    at += count.parse::<usize>().map_err(|_| wrong(at, "a number of lines is missing"))?;
                }
                ["M", name, ..] => return Err(unknown(at, format!("the property '{name}'"))),
                _ => return Err(wrong(at, "a property was expected, or 'M  END'")),
            }
            at += 1;
        }
    }

    /// `M  CHG  2   1   1   3  -1`: how many, and pairs of an atom and a value.
    fn values(&mut self, line: usize, name: &str, text: &str) -> Result<()> {
        let count = usize::try_from(number(line, text, 6..9)?).map_err(|_| wrong(line, "a count below 0"))?;
        for pair in 0..count {
            let start = 9 + pair * 8;
            if text.len() < start + 5 {
                return Err(wrong(line, "the line has fewer values than it says"));
            }
            let at = usize::try_from(number(line, text, start..start + 4)?).unwrap_or_default();
            let value = number(line, text, start + 4..start + 8)?;
            let atom = at.checked_sub(1).and_then(|at| self.ctab.atoms.get_mut(at));
            let atom = atom.ok_or_else(|| wrong(line, format!("there is no atom {at}")))?;
            let wrong = || wrong(line, format!("{name} cannot be {value}"));
            match name {
                "CHG" => atom.charge = i8::try_from(value).ok().filter(|it| it.abs() <= 15).ok_or_else(wrong)?,
                "RAD" => atom.radical = electrons(value).ok_or_else(wrong)?,
                "ISO" => atom.isotope = u16::try_from(value).ok().filter(|it| *it > 0).ok_or_else(wrong)?,
                _ if atom.symbol == "*" => atom.isotope = u16::try_from(value).map_err(|_| wrong())?,
                _ => return Err(unknown(line, format!("an R group at atom {at}, which is no R"))),
            }
            if name == "ISO" {
                self.isotopes.push(at - 1);
            }
        }
        self.has_charges |= matches!(name, "CHG" | "RAD");
        Ok(())
    }
}
