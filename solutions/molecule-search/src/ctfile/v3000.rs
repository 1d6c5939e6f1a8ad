//! V3000: lines that begin with `M  V30`, of words and `KEY=value`.

use bootcamp_core::{Error, Result};

use super::{Atom, Bond, Ctab, Mark, Order, atom, electrons, order, unknown, wrong};

/// Keys of atoms and bonds that change neither: how they are drawn, numbered and attached, and what RDKit does not read
/// either.
const ATOM_REMARKS: [&str; 9] = ["CFG", "HCOUNT", "STBOX", "INVRET", "EXACHG", "ATTCHPT", "ATTCHORD", "CLASS", "SEQID"];
const BOND_REMARKS: [&str; 4] = ["TOPO", "RXCTR", "STBOX", "DISP"];

pub(super) fn read(lines: &[&str]) -> Result<Ctab> {
    let mut ctab = Ctab::default();
    let mut lines = Lines { lines, at: 4 };
    lines.expect("BEGIN CTAB")?;
    let (line, counts) = lines.next()?;
    let counts = counts.strip_prefix("COUNTS").ok_or_else(|| wrong(line, "'COUNTS' was expected"))?;
    let numbers: Vec<usize> = counts.split_whitespace().map_while(|count| count.parse().ok()).collect();
    let [atoms, bonds, groups, constraints, chiral, ..] = numbers[..] else {
        return Err(wrong(line, "five counts were expected"));
    };
    if constraints > 0 {
        return Err(unknown(line, "constraints in space"));
    }
    ctab.is_chiral = chiral == 1;
    // Atoms have numbers of their own.
    let mut numbers = std::collections::HashMap::new();
    let mut groups_found = 0;
    loop {
        let (line, text) = lines.next()?;
        match text.as_str() {
            "BEGIN ATOM" => {
                while let Some((line, text)) = lines.until("END ATOM")? {
                    let (number, atom) = atom_line(line, &text)?;
                    if numbers.insert(number.to_owned(), ctab.atoms.len()).is_some() {
                        return Err(wrong(line, format!("there are two atoms {number}")));
                    }
                    ctab.atoms.push(atom);
                }
            }
            "BEGIN BOND" => {
                while let Some((line, text)) = lines.until("END BOND")? {
                    let find = |number: &str| {
                        numbers.get(number).copied().ok_or_else(|| wrong(line, format!("there is no atom {number}")))
                    };
                    ctab.bonds.push(bond_line(line, &text, &find)?);
                }
            }
            "BEGIN SGROUP" => {
                while let Some((_, text)) = lines.until("END SGROUP")? {
                    groups_found += usize::from(!text.starts_with("DEFAULT"));
                }
            }
            "BEGIN COLLECTION" => while lines.until("END COLLECTION")?.is_some() {},
            "END CTAB" => break,
            other => {
                let what = other.strip_prefix("BEGIN ").unwrap_or_else(|| other.split(' ').next().unwrap_or(other));
                return Err(unknown(line, format!("'{what}'")));
            }
        }
    }
    if (ctab.atoms.len(), ctab.bonds.len(), groups_found) != (atoms, bonds, groups) {
        return Err(wrong(line, "the counts do not fit what follows"));
    }
    Ok(ctab)
}

/// Lines without `M  V30`, those joined that end in `-`.
struct Lines<'a> {
    lines: &'a [&'a str],
    at: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<(usize, String)> {
        let first = self.at;
        let mut text = String::new();
        loop {
            let line = self.lines.get(self.at).ok_or_else(|| Error::invalid("the molfile is truncated"))?;
            let part = line.strip_prefix("M  V30 ").ok_or_else(|| wrong(self.at, "'M  V30' was expected"))?;
            self.at += 1;
            match part.strip_suffix('-') {
                Some(part) => text.push_str(part),
                None => {
                    text.push_str(part);
                    return Ok((first, text.trim().to_owned()));
                }
            }
        }
    }

    fn expect(&mut self, wanted: &str) -> Result<()> {
        match self.next()? {
            (_, text) if text == wanted => Ok(()),
            (line, _) => Err(wrong(line, format!("'{wanted}' was expected"))),
        }
    }

    /// The next line of a block, or none at its end.
    fn until(&mut self, end: &str) -> Result<Option<(usize, String)>> {
        let (line, text) = self.next()?;
        Ok((text != end).then_some((line, text)))
    }
}

/// Words, and `KEY=value` with lists in parentheses kept together.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut depth, mut start, mut quoted) = (Vec::new(), 0, 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ' ' if depth == 0 && !quoted => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

fn keys<'a>(line: usize, words: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>> {
    let pair = |word: &&'a str| word.split_once('=').ok_or_else(|| wrong(line, format!("'{word}' has no value")));
    words.iter().map(pair).collect()
}

fn value<T: std::str::FromStr>(line: usize, key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| wrong(line, format!("{key} cannot be '{text}'")))
}

/// An atom's number, and the atom.
fn atom_line(line: usize, text: &str) -> Result<(&str, Atom)> {
    let words = words(text);
    let [number, symbol, x, y, z, map, rest @ ..] = words.as_slice() else {
        return Err(wrong(line, "an atom has a number, a symbol, three coordinates and the number of its map"));
    };
    let known = match *symbol {
        list if list.starts_with('[') => atom("*"),
        // Only in V2000.
        "L" => None,
        symbol => atom(symbol),
    };
    let mut atom = known.ok_or_else(|| wrong(line, format!("there is no element '{symbol}'")))?;
    for (place, text) in atom.at.iter_mut().zip([x, y, z]) {
        *place = value::<f64>(line, "a coordinate", text)?;
        if !place.is_finite() {
            return Err(wrong(line, "a coordinate is not finite"));
        }
    }
    atom.map = value(line, "the number of the map", map)?;
    for (key, text) in keys(line, rest)? {
        let wrong = || wrong(line, format!("{key} cannot be '{text}'"));
        match key {
            "CHG" => atom.charge = value::<i8>(line, key, text).ok().filter(|it| it.abs() <= 15).ok_or_else(wrong)?,
            "RAD" => atom.radical = electrons(value(line, key, text)?).ok_or_else(wrong)?,
            "MASS" => atom.isotope = value::<u16>(line, key, text).ok().filter(|it| *it > 0).ok_or_else(wrong)?,
            "VAL" => {
                atom.valence = match value::<i64>(line, key, text)? {
                    0 => None,
                    // RDKit has both as "no hydrogens".
                    -1 | 15 => Some(0),
                    valence @ 1..=14 => Some(valence as u8),
                    _ => return Err(wrong()),
                }
            }
            "RGROUPS" if atom.symbol == "*" => {
                let numbers: Vec<&str> = text.trim_matches(['(', ')']).split_whitespace().collect();
                let ["1", group] = numbers[..] else { return Err(unknown(line, "an atom of several R groups")) };
                atom.isotope = value(line, key, group)?;
            }
            key if ATOM_REMARKS.contains(&key) => {}
            key => return Err(unknown(line, format!("an atom with '{key}'"))),
        }
    }
    Ok((number, atom))
}

fn bond_line(line: usize, text: &str, find: &dyn Fn(&str) -> Result<usize>) -> Result<Bond> {
    let words = words(text);
    let [_, number, from, to, rest @ ..] = words.as_slice() else {
        return Err(wrong(line, "a bond has a number, a type and two atoms"));
    };
    let order = order(line, value(line, "a bond's type", number)?)?;
    let mut bond = Bond { from: find(from)?, to: find(to)?, order, mark: Mark::None };
    for (key, text) in keys(line, rest)? {
        match key {
            "CFG" => {
                bond.mark = match (text, order) {
                    ("0", _) => Mark::None,
                    ("1", Order::Single) => Mark::Up,
                    ("2", Order::Single | Order::Double) => Mark::Unknown,
                    ("3", Order::Single) => Mark::Down,
                    _ => return Err(unknown(line, format!("a bond with CFG={text}"))),
                }
            }
            key if BOND_REMARKS.contains(&key) => {}
            key => return Err(unknown(line, format!("a bond with '{key}'"))),
        }
    }
    Ok(bond)
}
