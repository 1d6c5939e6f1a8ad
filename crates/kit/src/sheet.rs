//! A contact sheet: the query and its hits with their scores in one picture, for people without a browser. It is laid out
//! as an SVG, and made of pixels where a PNG is wanted.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bootcamp_core::{Error, ErrorKind, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::media::Thumbnail;

const CELL: u32 = 200;
const GAP: u32 = 16;
const LINES: u32 = 34;
const COLUMNS: u32 = 5;
/// Letters that fit below a picture.
const LETTERS: usize = 28;

/// A picture on the sheet, and two lines below it.
#[derive(Debug)]
pub struct Cell {
    pub look: Thumbnail,
    pub title: String,
    pub note: String,
}

/// All cells in rows, on white, as an SVG file that needs nothing else.
pub fn svg(cells: &[Cell]) -> String {
    let columns = (cells.len() as u32).clamp(1, COLUMNS);
    let rows = (cells.len() as u32).div_ceil(columns).max(1);
    let (width, height) = (GAP + columns * (CELL + GAP), GAP + rows * (CELL + LINES + GAP));
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" height="{height}" color="#111" font-family="DejaVu Sans, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>"##
    );
    for (at, cell) in cells.iter().enumerate() {
        let (column, row) = (at as u32 % columns, at as u32 / columns);
        let (left, top) = (GAP + column * (CELL + GAP), GAP + row * (CELL + LINES + GAP));
        let below = top + CELL;
        let place = format!(r#"x="{left}" y="{top}" width="{CELL}" height="{CELL}""#);
        match &cell.look {
            // Pictures stand on their text.
            Thumbnail::Jpeg(jpeg) => {
                let data = STANDARD.encode(jpeg);
                let fit = r#"preserveAspectRatio="xMidYMax meet""#;
                let _ = write!(svg, r#"<image {place} {fit} xlink:href="data:image/jpeg;base64,{data}"/>"#);
            }
            Thumbnail::Drawing(drawing) => svg.push_str(&drawing.replacen("<svg", &format!("<svg {place}"), 1)),
            Thumbnail::Nothing => {}
        }
        for (text, style, y) in [(&cell.title, r#"font-weight="bold""#, 14), (&cell.note, r##"fill="#5a5a5a""##, 29)] {
            let _ = write!(svg, r#"<text x="{left}" y="{}" {style}>{}</text>"#, below + y, escaped(text));
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The sheet as a PNG file.
///
/// # Errors
/// `Internal` when it cannot be drawn.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let cannot = |why: String| Error::new(ErrorKind::Internal, format!("cannot draw the contact sheet: {why}"));
    let mut options = Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    // Embedded: servers mostly have no fonts.
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = Tree::from_str(svg, &options).map_err(|error| cannot(error.to_string()))?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| cannot("it is too large".to_owned()))?;
    resvg::render(&tree, Transform::default(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| cannot(error.to_string()))
}

/// As much of a text as fits.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars().take(LETTERS) {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use bootcamp_core::picture::{Limits, Picture};

    use super::*;

    #[test]
    fn pictures_drawings_and_letters_are_where_they_belong() {
        let red = Picture::new(400, 200, [255, 0, 0].repeat(400 * 200)).unwrap().to_jpeg(90).unwrap();
        let blue = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path fill="#00f" d="M0 0H10V10H0Z"/></svg>"##;
        let looks = [Thumbnail::Jpeg(red), Thumbnail::Drawing(blue.to_owned()), Thumbnail::Nothing];
        let titles = ["query", "a very long title that does not fit below a picture & <more>", ""];
        let cells: Vec<_> = looks
            .into_iter()
            .zip(titles)
            .map(|(look, title)| Cell { look, title: title.into(), note: "0.93".into() })
            .collect();
        let drawn = Picture::decode(&png(&svg(&cells)).unwrap(), &Limits::default()).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (GAP + 3 * (CELL + GAP), GAP + CELL + LINES + GAP));
        let pixel = |x: u32, y: u32| &drawn.pixels()[((y * drawn.width() + x) * 3) as usize..][..3];
        let near = |x, y, colour: [u8; 3]| pixel(x, y).iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 4);
        assert!(near(GAP + 100, GAP + 150, [255, 0, 0]) && near(GAP + 100, GAP + 50, [255; 3]), "above a wide picture");
        assert!(
            near(GAP + CELL + GAP + 100, GAP + 100, [0, 0, 255]) && near(GAP + 2 * (CELL + GAP) + 100, 99, [255; 3])
        );
        let dark = |x: u32| (0..LINES).any(|y| pixel(x, GAP + CELL + y)[0] < 128);
        assert!((GAP..GAP + 35).any(dark), "a title");
        assert!((GAP + CELL + 1..GAP + CELL + GAP).all(|x| !dark(x)), "between titles");
    }
}
