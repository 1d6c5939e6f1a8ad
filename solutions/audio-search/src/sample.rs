//! Sample sounds for `demo`: the effects of a game and the samples of an instrument, in folders by what they are.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::{Content, Sample, Subject};

pub const SAMPLE: Sample = Sample {
    script: include_str!("sample-sounds.sh"),
    folder: "sounds",
    about: "512 sounds: the effects of UFO: Alien Invasion (Debian package ufoai-sound, mainly GPL-2+) and the samples of \
        Sonic Pi (sonic-pi-samples, CC0)",
    query,
};

/// The demo's query: what a drum of tabla sounds like; there are others, and other drums.
const SOUND: &str = "sonic-pi/tabla/tabla_dhec.flac";

fn query(folder: &Path) -> Result<(Subject, String)> {
    let content = Content::File(folder.join(SOUND));
    Ok((Subject::File { name: SOUND.to_owned(), content }, SOUND.to_owned()))
}
