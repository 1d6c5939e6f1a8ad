//! Every sample molecule can be drawn.

use molecule_search::{Drawing, Effort, Outcome, Pattern, draw};

use crate::reference::MOLECULES;

#[test]
fn every_sample_is_drawn_small_and_safe() {
    let ring = Pattern::smarts("[r]").unwrap();
    let mut largest = 0;
    for (molecule, row) in MOLECULES.iter().step_by(3) {
        let Outcome::Matched(highlight) = ring.find(molecule, &Effort::default()) else { continue };
        let svg = draw(molecule, &Drawing { highlight, title: None }).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains("class=\"mark\""));
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("script"), "{}", row["smiles"]);
        largest = largest.max(svg.len() / molecule.atoms());
    }
    assert!(largest < 900, "{largest} bytes an atom");
}
