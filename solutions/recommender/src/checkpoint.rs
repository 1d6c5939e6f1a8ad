//! Where a training stands, on this machine's disk after each epoch, so that one that was killed goes on where it was.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bootcamp_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::model::Factors;
use crate::model::fit::State;
use crate::registry::{from_bytes, to_bytes};

const NAME: &str = "training.checkpoint";
/// Bytes of the first line.
const HEAD: usize = 256;

/// The file of one collection's training.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// Of the ratings and the parameters: a training of others begins anew.
    fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    fingerprint: String,
    epoch: usize,
    dim: usize,
    users: usize,
    items: usize,
}

impl Checkpoint {
    pub fn new(folder: &Path, fingerprint: String) -> Self {
        Self { path: folder.join(NAME), fingerprint }
    }

    /// Writes it whole or not at all. Blocking.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, state: &State) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let head = Head {
            fingerprint: self.fingerprint.clone(),
            epoch: state.epoch,
            dim: state.users.dim(),
            users: state.users.rows(),
            items: state.items.rows(),
        };
        let head = serde_json::to_string(&head).unwrap_or_default();
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "{head:<HEAD$}")?;
            file.write_all(&to_bytes(state.users.data()))?;
            file.write_all(&to_bytes(state.items.data()))?;
            file.as_file().sync_data()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| Error::io("cannot keep where the training stands in", &self.path, error))
    }

    /// Where the training stood, if it is this one. A file that cannot be read is none. Blocking.
    pub fn load(&self) -> Option<State> {
        let mut bytes = Vec::new();
        File::open(&self.path).ok()?.read_to_end(&mut bytes).ok()?;
        let (head, data) = bytes.split_at_checked(HEAD + 1)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let (users, items) = (head.users * head.dim, head.items * head.dim);
        if head.fingerprint != self.fingerprint || data.len() != (users + items) * 4 {
            return None;
        }
        let mut users_data = from_bytes(data);
        let items_data = users_data.split_off(users);
        let factors = |data| Factors::new(head.dim, data);
        let state = State { epoch: head.epoch, users: factors(users_data), items: factors(items_data) };
        (state.users.is_finite() && state.items.is_finite()).then_some(state)
    }

    /// The training is over.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_is_known_by_its_fingerprint_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let factors = |rows: usize| Factors::new(3, (0..rows * 3).map(|at| at as f32 - 1.5).collect());
        let state = State { epoch: 4, users: factors(5), items: factors(2) };
        let of = |fingerprint: &str| Checkpoint::new(folder.path(), fingerprint.to_owned());
        assert_eq!(of("a").load(), None);
        of("a").save(&state).unwrap();
        assert_eq!((of("a").load(), of("b").load()), (Some(state), None));
        let path = folder.path().join(NAME);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(of("a").load(), None);
        of("a").remove();
        assert!(!path.exists());
    }
}
