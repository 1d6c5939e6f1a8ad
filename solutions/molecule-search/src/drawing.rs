//! Molecules drawn as small SVGs that can stand within a page: bonds in the page's own colour, hetero-atoms in colours
//! that are legible on light and on dark, nothing that runs, nothing from outside.
//!
//! Places, wedges and double bonds are those of RDKit's depiction, which chematic has a port of.

use std::fmt::Write as _;

use bootcamp_core::{Error, Result};
use chematic::core::{AtomIdx, Molecule as Graph, implicit_hcount};

use crate::molecule::Molecule;
use plan::{Bond, Place, Plan, Wedge};

mod plan;

/// Finding places takes time that grows faster than the molecule.
const MAX_ATOMS: usize = 400;
/// Pixels of a bond at the natural size.
const BOND: f64 = 24.0;
/// Around the molecule, and how much of a bond a label hides at its end.
const MARGIN: f64 = 20.0;
const HIDDEN: f64 = 7.5;
/// Between the lines of a double bond, and the breadth of a wedge's end.
const GAP: f64 = 4.0;

/// How a molecule is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// Atoms that are marked, with the bonds between them: those of [`Outcome::Matched`](crate::Outcome::Matched).
    pub highlight: Vec<usize>,
    /// The text for screen readers: the molecule's name.
    pub title: Option<String>,
}

/// The molecule as an SVG. It has a view box of its natural size and fits into what room it is given. The marks have the
/// class `mark`, so that a page can colour them.
///
/// # Errors
/// `InvalidInput` for a molecule that is too large to be looked at, or has no atoms.
pub fn draw(molecule: &Molecule, drawing: &Drawing) -> Result<String> {
    if molecule.atoms() > MAX_ATOMS {
        let message = format!("the molecule has {} atoms; the limit for drawings is {MAX_ATOMS}", molecule.atoms());
        return Err(Error::invalid(message));
    }
    let plan = Plan::of(molecule.graph())?;
    Sheet::new(molecule.graph(), plan, drawing).svg(drawing)
}

/// A molecule on its way to the page: places in pixels, y downwards.
struct Sheet {
    plan: Plan,
    labels: Vec<Option<Label>>,
    marked: Vec<bool>,
}

/// The label of an atom, if it has one.
struct Label {
    /// The element, with its isotope before it.
    text: String,
    hydrogens: u8,
    charge: i8,
    colour: Option<&'static str>,
    /// Whether hydrogens stand to the left, because bonds lead to the right.
    leftwards: bool,
}

impl Sheet {
    fn new(graph: &Graph, mut plan: Plan, drawing: &Drawing) -> Self {
        plan.scale(BOND, MARGIN);
        let mut marked = vec![false; graph.atom_count()];
        for atom in &drawing.highlight {
            if let Some(mark) = marked.get_mut(*atom) {
                *mark = true;
            }
        }
        let labels = (0..graph.atom_count()).map(|atom| label(graph, &plan, atom)).collect();
        Self { plan, labels, marked }
    }

    fn svg(&self, drawing: &Drawing) -> Result<String> {
        let (width, height) = self.plan.size(MARGIN);
        let mut svg = String::new();
        let written = self.write(&mut svg, width, height, drawing.title.as_deref());
        written.map_err(|error| Error::invalid(format!("the molecule cannot be drawn: {error}")))?;
        Ok(svg)
    }

    fn write(&self, svg: &mut String, width: f64, height: f64, title: Option<&str>) -> std::fmt::Result {
        write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" role="img" class="molecule">"#
        )?;
        if let Some(title) = title {
            write!(svg, "<title>{}</title>", escaped(title))?;
        }
        self.write_marks(svg)?;
        svg.push_str(r#"<g stroke="currentColor" stroke-width="1.5" stroke-linecap="round" fill="none">"#);
        for bond in &self.plan.bonds {
            self.write_bond(svg, bond)?;
        }
        svg.push_str("</g>");
        svg.push_str(r#"<g font-family="sans-serif" font-size="12" text-anchor="middle" fill="currentColor">"#);
        for (label, place) in self.labels.iter().zip(&self.plan.places) {
            if let Some(label) = label {
                label.write(svg, *place)?;
            }
        }
        svg.push_str("</g></svg>");
        Ok(())
    }

    fn write_marks(&self, svg: &mut String) -> std::fmt::Result {
        if !self.marked.contains(&true) {
            return Ok(());
        }
        svg.push_str(r##"<g class="mark" stroke="#f5b301" fill="#f5b301" opacity=".55" stroke-width="9" stroke-linecap="round">"##);
        for bond in self.plan.bonds.iter().filter(|bond| self.marked[bond.from] && self.marked[bond.to]) {
            let (from, to) = (self.plan.places[bond.from], self.plan.places[bond.to]);
            write!(svg, r#"<path d="M{from}L{to}"/>"#)?;
        }
        for (place, _) in self.plan.places.iter().zip(&self.marked).filter(|(_, marked)| **marked) {
            write!(svg, r#"<circle cx="{:.1}" cy="{:.1}" r="7" stroke="none"/>"#, place.x, place.y)?;
        }
        svg.push_str("</g>");
        Ok(())
    }

    fn write_bond(&self, svg: &mut String, bond: &Bond) -> std::fmt::Result {
        let (start, end) = (self.plan.places[bond.from], self.plan.places[bond.to]);
        let along = start.towards(end);
        let from = if self.labels[bond.from].is_some() { start.moved(along, HIDDEN) } else { start };
        let to = if self.labels[bond.to].is_some() { end.moved(along, -HIDDEN) } else { end };
        let across = Place { x: -along.y, y: along.x };
        let line = |svg: &mut String, offset: f64, shorter: f64| {
            let (from, to) = (from.moved(across, offset), to.moved(across, offset));
            write!(svg, r#"<path d="M{}L{}"/>"#, from.moved(along, shorter), to.moved(along, -shorter))
        };
        match (bond.wedge, bond.order) {
            (Wedge::Up, _) => {
                let (left, right) = (to.moved(across, GAP / 1.5), to.moved(across, -GAP / 1.5));
                write!(svg, r#"<path d="M{from}L{left}L{right}Z" fill="currentColor" stroke="none"/>"#)
            }
            (Wedge::Down, _) => {
                svg.push_str(r#"<path d=""#);
                for step in 1..=6 {
                    let part = f64::from(step) / 6.0;
                    let at = Place { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
                    let half = GAP / 1.5 * part;
                    write!(svg, "M{}L{}", at.moved(across, half), at.moved(across, -half))?;
                }
                svg.push_str(r#"" stroke-width="1"/>"#);
                Ok(())
            }
            (Wedge::None, 2) => match self.plan.side(bond) {
                // In a ring the second line is inside, and shorter.
                Some(side) => {
                    line(svg, 0.0, 0.0)?;
                    line(svg, side * GAP, 3.0)
                }
                None => {
                    line(svg, GAP / 2.0, 0.0)?;
                    line(svg, -GAP / 2.0, 0.0)
                }
            },
            (Wedge::None, 3) => {
                line(svg, 0.0, 0.0)?;
                line(svg, GAP, 0.0)?;
                line(svg, -GAP, 0.0)
            }
            (Wedge::None, _) => line(svg, 0.0, 0.0),
        }
    }
}

fn label(graph: &Graph, plan: &Plan, index: usize) -> Option<Label> {
    let at = AtomIdx(u32::try_from(index).ok()?);
    let atom = graph.atom_opt(at)?;
    let is_bare = atom.element.atomic_number() == 6 && !atom.wildcard && atom.charge == 0 && atom.isotope.is_none();
    if is_bare && graph.degree(at) > 0 {
        return None;
    }
    let symbol = if atom.wildcard { "*" } else { atom.element.symbol() };
    let neighbours = graph.neighbors(at).map(|(to, _)| plan.places[to.0 as usize].x - plan.places[index].x);
    Some(Label {
        text: format!("{}{symbol}", atom.isotope.map(superscript).unwrap_or_default()),
        hydrogens: if atom.wildcard { 0 } else { implicit_hcount(graph, at) },
        charge: atom.charge,
        colour: colour(if atom.wildcard { 0 } else { atom.element.atomic_number() }),
        leftwards: neighbours.sum::<f64>() > 1.0,
    })
}

impl Label {
    /// The element's letters are centred on the atom; hydrogens and the charge stand beside them.
    fn write(&self, svg: &mut String, place: Place) -> std::fmt::Result {
        let colour = self.colour.map(|colour| format!(r#" fill="{colour}""#)).unwrap_or_default();
        let (x, y) = (place.x, place.y + 4.3);
        write!(svg, r#"<text x="{x:.1}" y="{y:.1}"{colour}>{}</text>"#, self.text)?;
        let half = 4.4 * self.text.chars().count() as f64;
        let hydrogens = match self.hydrogens {
            0 => String::new(),
            1 => "H".to_owned(),
            count => format!("H{}", subscript(count)),
        };
        let charge = match self.charge {
            0 => String::new(),
            1 => "⁺".to_owned(),
            -1 => "⁻".to_owned(),
            charge => {
                format!("{}{}", superscript(u16::from(charge.unsigned_abs())), if charge > 0 { "⁺" } else { "⁻" })
            }
        };
        let mut beside = |text: &str, leftwards: bool| {
            if text.is_empty() {
                return Ok(());
            }
            let (anchor, x) = if leftwards { ("end", x - half) } else { ("start", x + half) };
            write!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{colour}>{text}</text>"#)
        };
        if self.leftwards {
            beside(&hydrogens, true)?;
            beside(&charge, false)
        } else {
            beside(&format!("{hydrogens}{charge}"), false)
        }
    }
}

/// Near the usual colours (Corey, Pauling, Koltun), in shades that have a contrast of 3 : 1 on white and on #121212.
/// `None`: the page's own.
fn colour(element: u8) -> Option<&'static str> {
    Some(match element {
        7 => "#3b72f2",
        8 => "#e5342b",
        9 | 17 => "#1f9d3a",
        15 => "#d9720d",
        16 => "#a98600",
        35 => "#b5562d",
        53 => "#9a4fd0",
        5 => "#c56b5c",
        _ => return None,
    })
}

fn subscript(count: u8) -> String {
    count
        .to_string()
        .chars()
        .map(|digit| char::from_u32(0x2080 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit))
        .collect()
}

fn superscript(number: u16) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().chars().filter_map(|digit| digits.get(digit.to_digit(10)? as usize)).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(smiles: &str, drawing: &Drawing) -> String {
        draw(&Molecule::parse(smiles).unwrap(), drawing).unwrap()
    }

    #[test]
    fn atoms_and_bonds_are_drawn() {
        let svg = svg("C[C@H](N)C(=O)[O-]", &Drawing::default());
        assert!(svg.contains(">O</text>") && svg.contains("⁻</text>") && svg.contains("H₂"), "{svg}");
        // One wedge or hash for the centre, two lines for the double bond.
        assert!(svg.contains("Z\" fill=\"currentColor\"") || svg.contains("stroke-width=\"1\"/>"), "{svg}");
        assert!(svg.len() < 2000 && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn benzene_has_three_double_bonds() {
        assert_eq!(svg("c1ccccc1", &Drawing::default()).matches("<path").count(), 9);
    }

    #[test]
    fn marks_are_there_when_asked_for() {
        assert!(!svg("CCO", &Drawing::default()).contains("mark"));
        let svg = svg("CCO", &Drawing { highlight: vec![1, 2, 99], title: None });
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches("<path").count(), 3);
    }

    #[test]
    fn nothing_can_get_out_of_a_title() {
        let title = Some("</title><script>alert('&')</script>\u{0}".to_owned());
        let svg = svg("[2H]C", &Drawing { title, ..Drawing::default() });
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"), "{svg}");
        assert!(svg.contains("²H"));
    }

    #[test]
    fn what_is_too_large_is_told() {
        let large = Molecule::parse(&"C".repeat(500)).unwrap();
        assert!(draw(&large, &Drawing::default()).unwrap_err().to_string().contains("the limit for drawings is 400"));
    }
}
