//! The demo's data: scenes, composed once of what a script fetches.

use std::path::Path;

use bootcamp_core::Result;
use bootcamp_kit::command::fetch;

use crate::scenes::compose;

/// The datasets of the demo, which are also folders of the sample data.
pub const SCENES: &str = "scenes";
pub const STAMPS: &str = "stamps";
const PHOTOGRAPHS: &str = "photographs";

/// What it is and under which licences.
pub const ABOUT: &str = "scenes composed of Tux Paint's stamps (GPL-2) on photographs of opencv-doc (Apache-2.0 and \
    BSD-3-Clause)";

/// Fetches what is missing, and composes the scenes unless they are there. Blocking.
///
/// # Errors
/// `Unavailable` when the packages cannot be fetched; those of composing.
pub fn prepare(samples: &Path) -> Result<()> {
    let (target, photographs) = (samples.join(SCENES), samples.join(PHOTOGRAPHS));
    if target.exists() {
        return Ok(());
    }
    fetch(include_str!("sample-scenes.sh"), samples, &photographs)?;
    compose(&samples.join(STAMPS), &photographs, &target, |_, _| {}).map(drop)
}
