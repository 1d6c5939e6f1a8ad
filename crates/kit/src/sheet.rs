//! A contact sheet: the query and its hits with their scores in one picture, for people without a browser.

use std::convert::Infallible;

use bootcamp_core::Result;
use bootcamp_core::picture::Picture;
use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_7X13_BOLD};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Point, RgbColor, Size};
use embedded_graphics::text::{Baseline, Text};

const CELL: u32 = 200;
const GAP: u32 = 16;
const LINES: u32 = 34;
const LETTER: usize = 7;
const COLUMNS: u32 = 5;

/// A picture on the sheet, and two lines below it.
#[derive(Debug)]
pub struct Cell {
    /// `None` where it cannot be had any more.
    pub picture: Option<Picture>,
    pub title: String,
    pub note: String,
}

/// All cells in rows, on white, as a PNG file.
///
/// # Errors
/// `Internal` when it cannot be encoded.
pub fn sheet(cells: &[Cell]) -> Result<Vec<u8>> {
    let columns = (cells.len() as u32).clamp(1, COLUMNS);
    let rows = (cells.len() as u32).div_ceil(columns).max(1);
    let (width, height) = (GAP + columns * (CELL + GAP), GAP + rows * (CELL + LINES + GAP));
    let mut canvas = Canvas { width, height, pixels: vec![255; (width * height * 3) as usize] };
    for (at, cell) in cells.iter().enumerate() {
        let (column, row) = (at as u32 % columns, at as u32 / columns);
        canvas.cell(GAP + column * (CELL + GAP), GAP + row * (CELL + LINES + GAP), cell);
    }
    Picture::new(width, height, canvas.pixels)?.to_png()
}

struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    fn cell(&mut self, left: u32, top: u32, cell: &Cell) {
        if let Some(picture) = &cell.picture {
            let small = picture.thumbnail(CELL);
            self.paste(left + (CELL - small.width()) / 2, top + CELL - small.height(), &small);
        }
        let fit = |text: &str| text.chars().take(CELL as usize / LETTER).collect::<String>();
        let title = MonoTextStyle::new(&FONT_7X13_BOLD, Rgb888::BLACK);
        let note = MonoTextStyle::new(&FONT_7X13, Rgb888::new(90, 90, 90));
        for (text, style, y) in [(&cell.title, title, top + CELL + 4), (&cell.note, note, top + CELL + 18)] {
            let Ok(_) =
                Text::with_baseline(&fit(text), Point::new(left as i32, y as i32), style, Baseline::Top).draw(self);
        }
    }

    fn paste(&mut self, left: u32, top: u32, picture: &Picture) {
        let row = picture.width() as usize * 3;
        for (y, line) in picture.pixels().chunks_exact(row).enumerate() {
            let start = ((top as usize + y) * self.width as usize + left as usize) * 3;
            self.pixels[start..start + row].copy_from_slice(line);
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(point.x), u32::try_from(point.y)) else { continue };
            if x < self.width && y < self.height {
                let start = ((y * self.width + x) * 3) as usize;
                self.pixels[start..start + 3].copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bootcamp_core::picture::Limits;

    use super::*;

    #[test]
    fn pictures_and_letters_are_where_they_belong() {
        let red = Picture::new(400, 200, [255, 0, 0].repeat(400 * 200)).unwrap();
        let cell = |title: &str| Cell { picture: Some(red.clone()), title: title.into(), note: "0.93".into() };
        let cells: Vec<_> = ["query", "a very long title that does not fit below a picture", ""].map(cell).into();
        let png = sheet(&cells).unwrap();
        let drawn = Picture::decode(&png, &Limits::default()).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (GAP + 3 * (CELL + GAP), GAP + CELL + LINES + GAP));
        let pixel = |x: u32, y: u32| &drawn.pixels()[((y * drawn.width() + x) * 3) as usize..][..3];
        assert_eq!(pixel(GAP + 100, GAP + 150), [255, 0, 0]);
        assert_eq!(pixel(GAP + 100, GAP + 50), [255, 255, 255], "above a wide picture");
        let dark = |x: u32| (0..LINES).any(|y| pixel(x, GAP + CELL + y)[0] < 128);
        assert!((GAP..GAP + 35).any(dark), "a title");
        assert!((GAP + CELL + 1..GAP + CELL + GAP).all(|x| !dark(x)), "between titles");
    }
}
