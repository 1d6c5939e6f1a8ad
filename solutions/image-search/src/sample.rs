//! Sample pictures for `demo`: several hundred drawings and photographs in folders by what they show.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_core::picture::{Limits, Picture, Region};
use bootcamp_kit::{Sample, Subject};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-pictures.sh"),
    folder: "stamps",
    about: "796 pictures of Tux Paint's stamps (Debian package tuxpaint-stamps-default, GPL-2)",
    query,
};

/// The demo's query: the middle of a stamp, strongly compressed.
const PICTURE: &str = "animals/birds/adelaide-rosella.png";

fn query(folder: &Path) -> Result<(Subject, String)> {
    let picture = Picture::read(&folder.join(PICTURE), &Limits::default())?;
    let middle = Region::Fractions { x: 0.1, y: 0.1, width: 0.8, height: 0.8 };
    let bytes = picture.crop(&middle)?.to_jpeg(30)?;
    let query = Subject::File { name: "query.jpg".to_owned(), content: bytes.into() };
    Ok((query, format!("the middle of {PICTURE}, as a JPEG of quality 30")))
}
