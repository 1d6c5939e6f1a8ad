//! What a solution takes from folders, patterns and archives.

use std::path::Path;

use bootcamp_core::Result;

use super::{Places, Rows, Sources, has_extension};

/// Bytes of a file that tell what it is.
pub(super) const HEAD: usize = 64;

/// How hidden files and folders are counted.
pub(super) const HIDDEN: &str = "hidden";
/// What a solution takes. A file that was named itself is taken whatever it is.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Extensions in lower case: files that are called so are taken.
    pub extensions: &'static [&'static str],
    /// Whether a file that is called something else is taken, by its first bytes (at most 64).
    pub by_content: Option<fn(&[u8]) -> bool>,
    /// Whether a file is read together with one that is taken, such as a caption: those do not count as passed over.
    pub beside: fn(&Path) -> bool,
    /// Sources that the rows of a table list, where the program reads tables.
    pub table: Option<fn(&Path, Rows, &Places) -> Sources>,
}

impl Wanted {
    /// Files with these extensions (in lower case), and no others.
    pub const fn called(extensions: &'static [&'static str]) -> Self {
        Self { extensions, by_content: None, beside: |_| false, table: None }
    }

    /// Whether a file is taken; `head` reads its first bytes.
    pub(super) fn takes(&self, path: &Path, head: impl FnOnce() -> Result<Vec<u8>>) -> Result<bool> {
        Ok(has_extension(path, self.extensions)
            || match self.by_content {
                Some(is_wanted) if !(self.beside)(path) => is_wanted(&head()?),
                _ => false,
            })
    }
}
