//! The demo's data: scenes, composed once of what a script fetches, and the stamps that they are composed of by class.

use std::path::{Path, PathBuf};

use bootcamp_core::Result;
use bootcamp_kit::Watch;
use bootcamp_kit::command::fetch;

use crate::scenes::{compose, sort_stamps};

/// What it is and under which licences.
pub const ABOUT: &str = "scenes composed of Tux Paint's stamps (GPL-2) on photographs of opencv-doc (Apache-2.0 and \
    BSD-3-Clause)";

/// Where the datasets are.
pub struct SampleData {
    /// A FiftyOneImageDetection dataset.
    pub scenes: PathBuf,
    /// A classification tree.
    pub stamps: PathBuf,
}

/// Fetches what is missing to `samples`, and makes the datasets in `made` unless they are there. `samples` may be read-only
/// where everything was fetched, as in a container. `watch` counts objects that are placed. Blocking.
///
/// # Errors
/// `Unavailable` when the packages cannot be fetched; those of composing.
pub fn prepare(samples: &Path, made: &Path, watch: &Watch) -> Result<SampleData> {
    let data = SampleData { scenes: made.join("scenes"), stamps: made.join("stamps-by-class") };
    let (stamps, photographs) = (samples.join("stamps"), samples.join("photographs"));
    if !data.scenes.exists() || !data.stamps.exists() {
        fetch(include_str!("sample-scenes.sh"), samples, &photographs)?;
    }
    let mut left_out = Vec::new();
    if !data.stamps.exists() {
        left_out.extend(sort_stamps(&stamps, &data.stamps)?.1);
    }
    if !data.scenes.exists() {
        let mut before = 0;
        let placed = |done: usize, total: usize| {
            watch.set_total(total as u64);
            watch.advance((done - before) as u64);
            before = done;
        };
        left_out.extend(compose(&stamps, &photographs, &data.scenes, placed)?.left_out);
    }
    for file in left_out {
        watch.notes().warn(format!("{}: {}", file.path.display(), file.reason));
    }
    Ok(data)
}
