//! Sample pictures for `demo`: several hundred drawings and photographs in folders by what they show.

use std::path::{Path, PathBuf};

use bootcamp_core::picture::{Limits, Picture, Region};
use bootcamp_core::{Error, Result};
use bootcamp_kit::{Context, Sample};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-pictures.sh"),
    folder: "stamps",
    about: "796 pictures of Tux Paint's stamps (Debian package tuxpaint-stamps-default, GPL-2)",
    query,
};

/// What is searched for: a stamp whose middle was cut out, and which was packed hard.
const PICTURE: &str = "animals/birds/adelaide-rosella.png";

fn query(context: &Context, folder: &Path) -> Result<(PathBuf, String)> {
    let picture = Picture::read(&folder.join(PICTURE), &Limits::default())?;
    let middle = Region::Fractions { x: 0.1, y: 0.1, width: 0.8, height: 0.8 };
    let jpeg = picture.crop(&middle)?.to_jpeg(30)?;
    // Not below the samples' folder, or the next import would take it in.
    let path = folder.with_file_name(format!("{}-query.jpg", context.collection));
    std::fs::write(&path, jpeg).map_err(|error| Error::io("cannot write", &path, error))?;
    Ok((path, format!("the middle of {PICTURE}, as a JPEG of quality 30")))
}
