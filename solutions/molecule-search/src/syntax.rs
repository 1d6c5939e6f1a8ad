//! Checks the grammar of a SMILES before chematic reads it, because chematic 1.2.1 passes over empty branches, bonds that
//! lead nowhere and stray signs, which RDKit refuses, and because a person who typed them wants to see where they are.
//!
//! The grammar is OpenSMILES's (<http://opensmiles.org/opensmiles-spec.html>), and as in RDKit a ring may also be opened or
//! closed after a branch.

use chematic::core::Element;

use crate::fault::Fault;

/// What stands before the place that is looked at.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing yet, or a dot.
    Start,
    Atom,
    Bond,
    /// An opening parenthesis.
    Open,
    /// A closing one.
    Close,
}

/// What the grammar tells of a SMILES.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// The byte at which each atom begins, in the order of the atoms.
    pub(crate) atoms: Vec<usize>,
    /// The byte of the first bond that is said to be aromatic.
    pub(crate) colon: Option<usize>,
}

/// # Errors
/// The first thing that is wrong, with its place.
pub(crate) fn check(text: &str, max_atoms: usize) -> Result<Outline, Fault> {
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
        last: Last::Start,
        atoms: Vec::new(),
        colon: None,
        current: 0,
        branches: Vec::new(),
    };
    // The ring's number, the atom and the place where it was opened.
    let mut rings: Vec<(u32, usize, usize)> = Vec::new();
    while let Some(byte) = scan.bytes.get(scan.at) {
        let at = scan.at;
        if let Some(length) = scan.atom(*byte)? {
            scan.current = scan.atoms.len();
            scan.atoms.push(at);
            if scan.atoms.len() > max_atoms {
                return Err(Fault::new(None, format!("it has more than {max_atoms} atoms")));
            }
            scan.go(length, Last::Atom);
        } else if byte.is_ascii_digit() || *byte == b'%' {
            let (label, length) = scan.ring_label(at)?;
            if !matches!(scan.last, Last::Atom | Last::Bond | Last::Close) || scan.atoms.is_empty() {
                return Err(Fault::new(at, "a ring number without an atom before it"));
            }
            let atom = scan.current;
            match rings.iter().position(|(open, ..)| *open == label) {
                Some(open) if rings[open].1 == atom => {
                    return Err(Fault::new(at, "a ring bond from an atom to itself"));
                }
                Some(open) => drop(rings.swap_remove(open)),
                None => rings.push((label, atom, at)),
            }
            scan.go(length, Last::Atom);
        } else {
            scan.sign(text, at)?;
        }
    }
    if let Some((open, _)) = scan.branches.last() {
        return Err(Fault::new(*open, "a branch that is never closed"));
    }
    match (scan.last, rings.iter().map(|(.., at)| *at).min()) {
        (Last::Start, _) if scan.atoms.is_empty() => Err(Fault::new(None, "it is empty")),
        (Last::Bond | Last::Start, _) => Err(Fault::new(text.len().saturating_sub(1), "an atom is missing after it")),
        (_, Some(open)) => Err(Fault::new(open, "a ring that is never closed")),
        _ => Ok(Outline { atoms: scan.atoms, colon: scan.colon }),
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    last: Last,
    atoms: Vec<usize>,
    colon: Option<usize>,
    /// The atom that bonds lead on from.
    current: usize,
    /// Where the branches begin that are open, and at which atom.
    branches: Vec<(usize, usize)>,
}

impl Scan<'_> {
    fn go(&mut self, length: usize, last: Last) {
        self.at += length;
        self.last = last;
    }

    /// The length of the atom that begins here, if one does.
    fn atom(&self, byte: u8) -> Result<Option<usize>, Fault> {
        Ok(match (byte, self.bytes.get(self.at + 1)) {
            (b'[', _) => match self.bytes[self.at..].iter().position(|byte| *byte == b']') {
                Some(end) => {
                    bracket(&self.bytes[self.at + 1..self.at + end])
                        .map_err(|(at, message)| Fault::new(self.at + 1 + at, message))?;
                    Some(end + 1)
                }
                None => return Err(Fault::new(self.at, "a bracket that is never closed")),
            },
            (b'C', Some(b'l')) | (b'B', Some(b'r')) => Some(2),
            (b'B' | b'C' | b'N' | b'O' | b'P' | b'S' | b'F' | b'I' | b'*', _) => Some(1),
            (b'b' | b'c' | b'n' | b'o' | b'p' | b's', _) => Some(1),
            _ => None,
        })
    }

    /// A digit, `%` and two digits, or `%(` and up to five digits `)`.
    fn ring_label(&self, at: usize) -> Result<(u32, usize), Fault> {
        let digits = |from: usize, most: usize| {
            let digits = self.bytes.iter().skip(from).take(most).take_while(|byte| byte.is_ascii_digit());
            digits.fold((0, 0), |(value, count), digit| (value * 10 + u32::from(digit - b'0'), count + 1))
        };
        if self.bytes[at] != b'%' {
            return Ok((u32::from(self.bytes[at] - b'0'), 1));
        }
        let (label, length) = if self.bytes.get(at + 1) == Some(&b'(') {
            let (label, count) = digits(at + 2, 5);
            (label, if count > 0 && self.bytes.get(at + 2 + count) == Some(&b')') { count + 3 } else { 0 })
        } else {
            let (label, count) = digits(at + 1, 2);
            (label, if count == 2 { 3 } else { 0 })
        };
        if length == 0 { Err(Fault::new(at, "a ring number needs two digits after %")) } else { Ok((label, length)) }
    }

    /// A bond, a branch or a dot.
    fn sign(&mut self, text: &str, at: usize) -> Result<(), Fault> {
        let after_atom = matches!(self.last, Last::Atom | Last::Close);
        match self.bytes[at] {
            b'-' | b'=' | b'#' | b':' | b'$' | b'/' | b'\\' | b'~' | b'<' => {
                if !after_atom && self.last != Last::Open {
                    return Err(Fault::new(at, "a bond without an atom before it"));
                }
                if self.bytes[at] == b':' {
                    self.colon.get_or_insert(at);
                }
                let dative = matches!(self.bytes.get(at..at + 2), Some(b"->" | b"<-"));
                if self.bytes[at] == b'<' && !dative {
                    return Err(unexpected(text, at));
                }
                self.go(if dative { 2 } else { 1 }, Last::Bond);
            }
            b'(' => {
                if !after_atom {
                    return Err(Fault::new(at, "a branch without an atom before it"));
                }
                self.branches.push((at, self.current));
                self.go(1, Last::Open);
            }
            b')' => {
                let Some((_, root)) = self.branches.pop() else {
                    return Err(Fault::new(at, "this branch was never opened"));
                };
                self.current = root;
                if !after_atom {
                    return Err(Fault::new(at, "the branch ends without an atom"));
                }
                self.go(1, Last::Close);
            }
            b'.' => {
                if !after_atom {
                    return Err(Fault::new(at, "a dot without an atom before it"));
                }
                self.go(1, Last::Start);
            }
            _ => return Err(unexpected(text, at)),
        }
        Ok(())
    }
}

/// What stands between brackets: isotope, element, chirality, hydrogens, charge, number.
fn bracket(inner: &[u8]) -> Result<(), (usize, String)> {
    let mut at = 0;
    let is = |at: usize, wanted: u8| inner.get(at) == Some(&wanted);
    let digits = |at: usize| inner[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    at += digits(at);
    at += symbol(&inner[at..]).ok_or_else(|| {
        let letters: Vec<u8> = inner[at..].iter().copied().take_while(u8::is_ascii_alphabetic).collect();
        (at, format!("there is no element '{}'", String::from_utf8_lossy(&letters)))
    })?;
    if is(at, b'@') {
        at += if is(at + 1, b'@') { 2 } else { 1 };
        if inner.get(at..at + 2).is_some_and(|class| [b"TH", b"AL", b"SP", b"TB", b"OH"].iter().any(|c| *c == class)) {
            at += 2;
            at += digits(at);
        }
    }
    if is(at, b'H') {
        at += 1;
        at += digits(at);
    }
    if let Some(sign @ (b'+' | b'-')) = inner.get(at) {
        at += inner[at..].iter().take_while(|byte| *byte == sign).count();
        at += digits(at);
    }
    if is(at, b':') {
        at += 1 + digits(at + 1);
    }
    if at < inner.len() { Err((at, "this is not allowed within brackets".to_owned())) } else { Ok(()) }
}

/// The length of the element, the longer if there are two.
fn symbol(text: &[u8]) -> Option<usize> {
    const AROMATIC: [&[u8]; 10] = [b"se", b"as", b"te", b"si", b"b", b"c", b"n", b"o", b"p", b"s"];
    if text.first()? == &b'*' {
        return Some(1);
    }
    if let Some(known) = AROMATIC.iter().find(|known| text.starts_with(known)) {
        return Some(known.len());
    }
    let is_element = |letters: &&[u8]| {
        letters[0].is_ascii_uppercase()
            && letters[1..].iter().all(u8::is_ascii_lowercase)
            && std::str::from_utf8(letters).is_ok_and(|letters| Element::from_symbol(letters).is_some())
    };
    text.get(..2).filter(is_element).or_else(|| text.get(..1).filter(is_element)).map(<[u8]>::len)
}

fn unexpected(text: &str, at: usize) -> Fault {
    let letter = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('?');
    let fault = Fault::new(at, format!("'{}' is not allowed here", letter.escape_debug()));
    match letter {
        'H' => fault.hint("write hydrogens within brackets, as in [NH4+]"),
        '>' => fault.hint("this is a reaction: give one of its molecules"),
        letter if letter.is_whitespace() => fault.hint("give the SMILES alone, without a name"),
        letter if letter.is_ascii_alphabetic() => {
            fault.hint("write elements other than B, C, N, O, P, S, F, Cl, Br, I within brackets, as in [Na]")
        }
        '@' | '+' => fault.hint("write charges and chirality within brackets, as in [C@H] and [NH4+]"),
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (Option<usize>, String) {
        let error = check(text, 100).unwrap_err().into_error("SMILES", text).to_string();
        let caret = error.lines().nth(2).and_then(|line| line.find('^')).map(|at| at - 2);
        (caret, error.lines().next().unwrap().trim_start_matches("SMILES: ").to_owned())
    }

    #[test]
    fn atoms_are_where_they_begin() {
        assert_eq!(check("C[C@H](Cl)Br", 9).unwrap().atoms, [0, 1, 7, 10]);
        assert_eq!(check("c1cc%12cc%(345)c%12c1.[Na+]%(345)", 20).unwrap().atoms.len(), 8);
        for text in ["C(=O)(-N)F.[Pt]<-N->*", "C1CC(C)1", "[13CH3:7][se][Cl-][Fe++][C@@TH1H][nH+2]", "C1CCCC1(C)2CC2"] {
            assert!(check(text, 20).is_ok(), "{text} {:?}", check(text, 20));
        }
    }

    #[test]
    fn what_is_wrong_is_where_the_caret_stands() {
        for (text, at) in [
            ("C(C", 1),
            ("CC)C", 2),
            ("C()C", 2),
            ("C(=)C", 3),
            ("C=", 1),
            ("C==C", 2),
            ("=C", 0),
            ("(C)C", 0),
            ("C1CC", 1),
            ("1CC", 0),
            ("C11C", 2),
            ("C%1C", 1),
            ("C[NH", 1),
            ("CXC", 1),
            ("C@C", 1),
            ("C..C", 2),
            ("C.", 1),
            ("C[nnH]", 3),
            ("C[Xx]", 2),
            ("C[C@H2+x]", 7),
            ("C[]", 2),
            ("CCO ethanol", 3),
            ("CC>>CO", 2),
            ("Cé", 1),
        ] {
            assert_eq!(place(text).0, Some(at), "{text} {:?}", place(text));
        }
        assert_eq!(place("").1, "it is empty");
        assert_eq!(place(&"C".repeat(101)).1, "it has more than 100 atoms");
    }
}
